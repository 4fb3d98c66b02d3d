/* A kernel's way out: arrays for the native code to write to, and the result in its structure.

   Arrays are made by numpy.empty before the code runs. Afterwards the parts of the plan are gone
   through in order, each container before what is in it; parts of any other kind are made by
   calling what the plan says with a list of what is below. */

#include "kernel/kernel.h"

/* The shape of an array of the result. */
static PyObject *make_shape(const Part *part, const Py_ssize_t *length)
{
    if (part->axis == 0) {
        return Py_NewRef(part->what);
    }
    const Py_ssize_t n = PyTuple_GET_SIZE(part->what);
    PyObject *shape = PyTuple_New(n);
    for (Py_ssize_t i = 0; shape != NULL && i < n; i++) {
        PyObject *item = i ? Py_NewRef(PyTuple_GET_ITEM(part->what, i))
                           : PyLong_FromSsize_t(length[part->axis - 1]);
        if (item == NULL) {
            Py_CLEAR(shape);
        } else {
            PyTuple_SET_ITEM(shape, i, item);
        }
    }
    return shape;
}

/* Make the arrays of the result. */
static int make_arrays(const Kernel *kernel, Call *call)
{
    const Plan *plan = &kernel->result;
    PyObject **array = call->array + kernel->arguments.arrays;
    Py_ssize_t i = 0;
    for (const Part *part = plan->part; i < plan->arrays; part++) {
        if (part->kind == PART_ARRAY) {
            PyObject *shape = make_shape(part, call->length);
            array[i] = shape ? PyObject_CallOneArg(kernel->empty, shape) : NULL;
            Py_XDECREF(shape);
            if (array[i] == NULL) {
                return -1;
            }
            if (!hold_array(call, array[i], part, PyBUF_WRITABLE)) {
                PyErr_SetString(PyExc_TypeError, "numpy.empty made no array of floats");
                return -1;
            }
            call->y[++i] = call->view[call->views - 1].buf;
        }
    }
    return 0;
}

/* Putting the result together. */

typedef struct {
    const Part *part;
    const double *number;
    PyObject **array;
} Writer;

static PyObject *write_part(Writer *writer);

static PyObject *write_dict(Writer *writer, const Part *part)
{
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < part->n; i++) {
        PyObject *item = write_part(writer);
        if (item == NULL || PyDict_SetItem(dict, PyTuple_GET_ITEM(part->what, i), item) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(item);
    }
    return dict;
}

static inline PyObject *write_item(Writer *writer, const Part *part)
{
    if (part->all_numbers) {
        return PyFloat_FromDouble(*writer->number++);
    }
    return write_part(writer);
}

static PyObject *write_list(Writer *writer, const Part *part)
{
    PyObject *list = PyList_New(part->n);
    for (Py_ssize_t i = 0; list != NULL && i < part->n; i++) {
        PyObject *item = write_item(writer, part);
        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, item);
        }
    }
    writer->part += part->all_numbers ? part->n : 0;
    return list;
}

static PyObject *write_tuple(Writer *writer, const Part *part)
{
    PyObject *tuple = PyTuple_New(part->n);
    for (Py_ssize_t i = 0; tuple != NULL && i < part->n; i++) {
        PyObject *item = write_item(writer, part);
        if (item == NULL) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, item);
        }
    }
    writer->part += part->all_numbers ? part->n : 0;
    return tuple;
}

static PyObject *write_part(Writer *writer)
{
    const Part *part = writer->part++;
    PyObject *list, *made;
    switch (part->kind) {
    case PART_NUMBER:
        return PyFloat_FromDouble(*writer->number++);
    case PART_LIST:
        return write_list(writer, part);
    case PART_TUPLE:
        return write_tuple(writer, part);
    case PART_DICT:
        return write_dict(writer, part);
    case PART_ARRAY:
        return Py_NewRef(*writer->array++);
    default:
        list = write_list(writer, part);
        made = list ? PyObject_CallOneArg(part->what, list) : NULL;
        Py_XDECREF(list);
        return made;
    }
}
