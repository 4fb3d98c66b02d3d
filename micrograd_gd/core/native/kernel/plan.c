/* Plans, as `plan` of compiler/backends/tape.py makes them, are read and checked.

   A part is (kind, size, what): see kernel.h. Every container must have all its parts, every
   array as many numbers as its shape says, and nesting must stay within what recursion can do. A
   list or a tuple of numbers alone is noted, since it is read and written without looking at its
   parts. */

#include "kernel/kernel.h"

static int no_plan(const char *what)
{
    PyErr_Format(PyExc_ValueError, "no plan of a structure: %s", what);
    return -1;
}

static bool fits(const Part *part)
{
    switch (part->kind) {
    case PART_DICT:
        return PyTuple_CheckExact(part->what) && PyTuple_GET_SIZE(part->what) == part->n;
    case PART_ARRAY:
        if (!PyTuple_CheckExact(part->what)) {
            return false;
        }
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(part->what); i++) {
            if (!PyLong_CheckExact(PyTuple_GET_ITEM(part->what, i))) {
                return false;
            }
        }
        return true;
    default:
        return true;
    }
}

/* Whether the first length of an array is open: that of axis 0 is -1. */
static bool find_axis(Part *part)
{
    const Py_ssize_t dimensions = PyTuple_GET_SIZE(part->what);
    const long length = dimensions ? PyLong_AsLong(PyTuple_GET_ITEM(part->what, 0)) : 0;
    PyErr_Clear();
    part->axis = length < 0 ? (int)Py_MIN(-length, MOST_LENGTHS + 1) : 0;
    return part->axis <= MOST_LENGTHS;
}

/* The shape of an array holds as many numbers as it says. */
static bool shape_holds(const Part *part)
{
    Py_ssize_t n = 1;
    for (Py_ssize_t i = part->axis > 0; i < PyTuple_GET_SIZE(part->what); i++) {
        Py_ssize_t length = PyLong_AsSsize_t(PyTuple_GET_ITEM(part->what, i));
        if (length < 0 || (length > 0 && n > PY_SSIZE_T_MAX / 64 / length)) {
            PyErr_Clear();
            return false;
        }
        n *= length;
    }
    return n == part->n;
}

static int read_parts(PyObject *tuple, Plan *plan)
{
    const Py_ssize_t most = PY_SSIZE_T_MAX / 64;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);
        Part part = {0};
        if (!PyTuple_Check(item)) {
            return no_plan("parts are tuples");
        }
        if (!PyArg_ParseTuple(item, "inO", &part.kind, &part.n, &part.what)) {
            return -1;
        }
        if (part.kind < 0 || part.kind >= PART_KINDS || part.n < 0 || part.n > most
            || !fits(&part)
            || (part.kind == PART_ARRAY && !(find_axis(&part) && shape_holds(&part)))
            || plan->elements > most) {
            return no_plan("a part is out of range");
        }
        plan->numbers += part.kind == PART_NUMBER;
        plan->arrays += part.kind == PART_ARRAY;
        plan->elements += part.kind == PART_ARRAY && part.axis == 0 ? part.n : 0;
        plan->open += part.axis > 0;
        plan->axes = Py_MAX(plan->axes, part.axis);
        plan->is_usual = plan->is_usual && part.kind != PART_OTHER;
        Py_INCREF(part.what);
        plan->part[plan->parts++] = part;
    }
    return 0;
}

/* Check that containers have all their parts, and no deeper than recursion can go. */
static int check_nesting(Plan *plan)
{
    Py_ssize_t remaining[DEEPEST_STRUCTURE + 1] = {1};
    int depth = 0;
    for (Py_ssize_t i = 0; i < plan->parts; i++) {
        Part *part = &plan->part[i];
        while (depth > 0 && remaining[depth] == 0) {
            depth -= 1;
        }
        if (remaining[depth]-- == 0) {
            return no_plan("there are too many parts");
        }
        if (part->kind == PART_NUMBER || part->kind == PART_ARRAY) {
            continue;
        }
        part->all_numbers = part->kind != PART_DICT && part->n < plan->parts - i;
        for (Py_ssize_t j = 1; part->all_numbers && j <= part->n; j++) {
            part->all_numbers = plan->part[i + j].kind == PART_NUMBER;
        }
        if (++depth > DEEPEST_STRUCTURE) {
            return no_plan("it is nested too deeply");
        }
        remaining[depth] = part->n;
    }
    for (; depth >= 0; depth--) {
        if (remaining[depth] > 0) {
            return no_plan("there are too few parts");
        }
    }
    return 0;
}

static int read_plan(PyObject *parts, Plan *plan)
{
    PyObject *tuple = PySequence_Tuple(parts);
    if (tuple == NULL) {
        return -1;
    }
    plan->is_usual = true;
    plan->part = PyMem_Calloc((size_t)PyTuple_GET_SIZE(tuple) + 1, sizeof(Part));
    int done = -1;
    if (plan->part == NULL) {
        PyErr_NoMemory();
    } else {
        done = read_parts(tuple, plan) < 0 || check_nesting(plan) < 0 ? -1 : 0;
    }
    Py_DECREF(tuple);
    return done;
}
