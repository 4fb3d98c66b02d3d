/* A kernel's way in: the numbers of a call are read as the plan says, and its arrays are held.

   A number is a float or an int, of Python or of NumPy. To *hold* an array is to take its
   buffer, which stays where it is for as long: doubles of the planned shape, side by side.

   Reading runs no Python code, so nothing changes under its hands. What is not exactly as
   planned makes it fail without an error, and the call is left to Python. */

#include "kernel/kernel.h"

static inline bool read_number(const Kernel *kernel, PyObject *x, double *to)
{
    if (PyFloat_CheckExact(x) || (PyObject *)Py_TYPE(x) == kernel->float_type) {
        *to = PyFloat_AS_DOUBLE(x); /* NumPy's floats are made like Python's */
        return true;
    }
    return PyLong_CheckExact(x) && is_plain_number(x, to);
}

/* Dicts have their keys in the planned order, and as the very same objects or texts. */
static bool is_same_key(PyObject *key, PyObject *planned)
{
    return key == planned
           || (PyUnicode_CheckExact(key) && PyUnicode_CheckExact(planned)
               && PyUnicode_Compare(key, planned) == 0);
}

typedef struct {
    const Kernel *kernel;
    const Part *part; /* the next one */
    double *number;
    PyObject **array;
} Reader;

static bool read_part(Reader *reader, PyObject *x);

static bool read_items(Reader *reader, PyObject *const *item, const Part *part)
{
    if (part->all_numbers) {
        for (Py_ssize_t i = 0; i < part->n; i++) {
            if (!read_number(reader->kernel, item[i], reader->number + i)) {
                return false;
            }
        }
        reader->number += part->n;
        reader->part += part->n;
        return true;
    }
    for (Py_ssize_t i = 0; i < part->n; i++) {
        if (!read_part(reader, item[i])) {
            return false;
        }
    }
    return true;
}

/* The arguments of a call, of which the last are held. */
static bool read_arguments(Reader *reader, PyObject *const *args, const Part *all)
{
    PyObject *held = reader->kernel->held;
    const Py_ssize_t given = all->n - PyTuple_GET_SIZE(held);
    if (given == all->n) {
        return read_items(reader, args, all);
    }
    for (Py_ssize_t i = 0; i < all->n; i++) {
        if (!read_part(reader, i < given ? args[i] : PyTuple_GET_ITEM(held, i - given))) {
            return false;
        }
    }
    return true;
}

static bool read_dict(Reader *reader, PyObject *x, const Part *part)
{
    PyObject *key, *item;
    Py_ssize_t at = 0, i = 0;
    while (PyDict_Next(x, &at, &key, &item)) {
        if (!is_same_key(key, PyTuple_GET_ITEM(part->what, i++)) || !read_part(reader, item)) {
            return false;
        }
    }
    return true;
}

static bool read_part(Reader *reader, PyObject *x)
{
    const Part *part = reader->part++;
    switch (part->kind) {
    case PART_NUMBER:
        return read_number(reader->kernel, x, reader->number++);
    case PART_LIST:
        return PyList_CheckExact(x) && PyList_GET_SIZE(x) == part->n
               && read_items(reader, ((PyListObject *)x)->ob_item, part);
    case PART_TUPLE:
        return PyTuple_CheckExact(x) && PyTuple_GET_SIZE(x) == part->n
               && read_items(reader, ((PyTupleObject *)x)->ob_item, part);
    case PART_DICT:
        return PyDict_CheckExact(x) && PyDict_GET_SIZE(x) == part->n
               && read_dict(reader, x, part);
    case PART_ARRAY:
        *reader->array++ = Py_NewRef(x);
        return (PyObject *)Py_TYPE(x) == reader->kernel->array_type;
    default:
        return false;
    }
}

/* Taking hold of arrays: doubles of the planned shape, side by side. */

static bool has_shape(const Py_buffer *view, PyObject *shape, int start)
{
    if (view->ndim != PyTuple_GET_SIZE(shape)) {
        return false;
    }
    for (int i = start; i < view->ndim; i++) {
        if (view->shape[i] != PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i))) {
            return false;
        }
    }
    return true;
}

/* Whether an open length is that of the other arrays of its axis. */
static bool has_length(Call *call, const Py_buffer *view, int axis)
{
    if (axis == 0) {
        return true;
    }
    Py_ssize_t *length = &call->length[axis - 1];
    *length = *length ? *length : view->shape[0];
    return *length > 0 && *length == view->shape[0];
}

/* Whether the numbers of the array can be used where they are; they are held then. */
static bool hold_array(Call *call, PyObject *array, const Part *part, int flags)
{
    Py_buffer *view = &call->view[call->views];
    if (PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags) < 0) {
        PyErr_Clear();
        return false;
    }
    call->views += 1;
    return view->format != NULL && strcmp(view->format, "d") == 0
           && view->itemsize == sizeof(double) && (uintptr_t)view->buf % sizeof(double) == 0
           && has_shape(view, part->what, part->axis > 0) && has_length(call, view, part->axis);
}

/* Whether lengths that depend on each other do; those that no array has are found. */
static bool find_lengths(const Kernel *kernel, Call *call)
{
    for (const Cut *cut = kernel->cut; cut < kernel->cut + kernel->cuts; cut++) {
        const Py_ssize_t found = call->length[cut->of] - cut->by;
        Py_ssize_t *length = &call->length[cut->axis];
        *length = *length ? *length : found;
        if (found <= 0 || *length != found) {
            return false;
        }
    }
    return true;
}

static bool hold_arguments(const Kernel *kernel, Call *call)
{
    const Plan *plan = &kernel->arguments;
    Py_ssize_t i = 0;
    for (const Part *part = plan->part; i < plan->arrays; part++) {
        if (part->kind == PART_ARRAY) {
            if (!hold_array(call, call->array[i], part, 0)) {
                return false;
            }
            call->x[++i] = call->view[call->views - 1].buf;
        }
    }
    return find_lengths(kernel, call);
}
