/* Whether what a program took over from around its function is still there: a list of tuples
   (container, key, value), as in compiler/watch.py. They are compared by identity; what is equal
   and another object is for others. */

#include "kernel/kernel.h"

/* Whether these are the elements of the tuple. */
static bool has_elements(PyObject *container, PyObject *value)
{
    PyObject *now = PyList_Check(container) ? Py_NewRef(container) : PySequence_List(container);
    bool same = now != NULL && PyList_GET_SIZE(now) == PyTuple_GET_SIZE(value);
    for (Py_ssize_t i = 0; same && i < PyTuple_GET_SIZE(value); i++) {
        same = PyList_GET_ITEM(now, i) == PyTuple_GET_ITEM(value, i);
    }
    Py_XDECREF(now);
    PyErr_Clear();
    return same;
}

/* Whether these are the keys and values of the dict in turn. */
static bool has_items(PyObject *dict, PyObject *value)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(value);
    PyObject **item = &PyTuple_GET_ITEM(value, 0);
    Py_ssize_t place = 0, i = 0;
    PyObject *key, *found;
    if (2 * PyDict_GET_SIZE(dict) != n) {
        return false;
    }
    while (i + 1 < n && PyDict_Next(dict, &place, &key, &found)) {
        if (key != item[i] || found != item[i + 1]) {
            return false;
        }
        i += 2;
    }
    return i == n;
}

/* Whether the function has the code and the defaults that it had; None stands for none. */
static bool is_as_written(PyObject *f, PyObject *value)
{
    const PyObject *of_positions = PyFunction_GET_DEFAULTS(f);
    const PyObject *of_keywords = PyFunction_GET_KW_DEFAULTS(f);
    return PyTuple_GET_SIZE(value) == 3 && PyFunction_GET_CODE(f) == PyTuple_GET_ITEM(value, 0)
           && (of_positions ? of_positions : Py_None) == PyTuple_GET_ITEM(value, 1)
           && (of_keywords ? of_keywords : Py_None) == PyTuple_GET_ITEM(value, 2);
}

static bool has_content(PyObject *container, PyObject *value)
{
    if (!PyTuple_Check(value)) {
        return false;
    }
    if (PyDict_Check(container)) {
        return has_items(container, value);
    }
    return PyFunction_Check(container) ? is_as_written(container, value)
                                       : has_elements(container, value);
}

/* Whether the value is there; NotImplemented stands for none. */
static bool is_there(PyObject *container, PyObject *key, PyObject *value)
{
    PyObject *found;
    if (PyCell_Check(container)) {
        found = PyCell_GET(container);
    } else if (key == Py_None) {
        return has_content(container, value);
    } else if (PyDict_Check(container)) {
        found = PyDict_GetItemWithError(container, key);
    } else if ((found = PyObject_GetAttr(container, key)) != NULL) {
        Py_DECREF(found); /* it is only compared */
    }
    if (found == NULL) {
        PyErr_Clear();
        found = Py_NotImplemented;
    }
    return found == value;
}

static bool is_unchanged(PyObject *watch)
{
    if (!PyList_Check(watch)) {
        return false;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(watch); i++) {
        PyObject *place = Py_NewRef(PyList_GET_ITEM(watch, i)); /* an attribute may run anything */
        const bool same = PyTuple_Check(place) && PyTuple_GET_SIZE(place) == 3
                          && is_there(PyTuple_GET_ITEM(place, 0), PyTuple_GET_ITEM(place, 1),
                                      PyTuple_GET_ITEM(place, 2));
        Py_DECREF(place);
        if (!same) {
            return false;
        }
    }
    return true;
}
