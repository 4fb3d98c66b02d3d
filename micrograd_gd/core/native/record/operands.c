/* The door: from what a user wrote to the operand of an operation.

   An operand is a value, or a number, which becomes a double. Floats and ints are read here; all
   else goes through `number` of table/numbers.py, which also words the errors. In an operator,
   an array is no operand: it goes through its elements itself. */

#include "node/state.h"
#include "record/record.h"

static int no_more_operations(void)
{
    PyErr_SetString(PyExc_RuntimeError, "the interpreter is ending: nothing is computed any more");
    return 0;
}

/* The float that `x` is. The checks that `number` makes of what is no plain float or int
   are left to it, and so are the messages: `name` says what `x` is called there. */
static int number_called(State *state, PyObject *x, PyObject *name, double *out)
{
    if (name == NULL) {
        return -1;
    }
    if (state->number == NULL) {
        Py_DECREF(name);
        no_more_operations();
        return -1;
    }
    PyObject *arguments[] = {x, name};
    PyObject *number = PyObject_Vectorcall(state->number, arguments, 2, NULL);
    Py_DECREF(name);
    if (number == NULL) {
        return -1;
    }
    *out = PyFloat_AsDouble(number);
    Py_DECREF(number);
    return *out == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static inline bool is_plain_number(PyObject *x, double *out)
{
    if (PyFloat_CheckExact(x)) {
        *out = PyFloat_AS_DOUBLE(x);
        return true;
    }
    if (PyLong_CheckExact(x)) {
        *out = PyLong_AsDouble(x);
        if (*out != -1.0 || !PyErr_Occurred()) {
            return true;
        }
        PyErr_Clear(); /* too large; `number` says so */
    }
    return false;
}

static int number_of(State *state, PyObject *x, const char *name, double *out)
{
    return is_plain_number(x, out) ? 0 : number_called(state, x, PyUnicode_FromString(name), out);
}

/* One operand: its kind and its number; ABSENT with an error set if it is no number. */
static Kind take_unusual(State *state, PyObject *x, uint32_t op, Py_ssize_t i, double *out)
{
    if (is_value(state, x)) {
        *out = ((Node *)x)->data;
        return VALUE;
    }
    PyObject *name = PyUnicode_FromFormat("operand %zd of %R", i + 1, state->ops[op]);
    return number_called(state, x, name, out) < 0 ? ABSENT : NUMBER;
}

static inline Kind take(State *state, PyObject *x, uint32_t op, Py_ssize_t i, double *out)
{
    if (Py_TYPE(x) == state->type) {
        *out = ((Node *)x)->data;
        return VALUE;
    }
    return is_plain_number(x, out) ? NUMBER : take_unusual(state, x, op, i, out);
}

/* -1 with an error set, or whether `x` has the attribute. */
static int has_attribute(PyObject *x, const char *name)
{
    PyObject *attribute = PyObject_GetAttrString(x, name);
    if (attribute != NULL) {
        Py_DECREF(attribute);
        return 1;
    }
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return -1;
    }
    PyErr_Clear();
    return 0;
}

/* As a partner in an operator an array goes through its elements, so it is not for us. */
static int is_array(State *state, PyObject *x)
{
    if (PyFloat_CheckExact(x) || PyLong_CheckExact(x) || is_value(state, x)) {
        return 0;
    }
    int found = has_attribute(x, "__array__");
    return found == 1 ? has_attribute(x, "__len__") : found;
}
