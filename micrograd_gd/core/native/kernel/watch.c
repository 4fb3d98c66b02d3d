/* Whether what a program took over from around its function is still there: a list of tuples
   (container, key, value), as in compiler/watch.py. They are compared by identity; what is equal
   and another object is for others. */

#include "kernel/kernel.h"

/* Whether these are the elements of the tuple, or a dict's keys and values in turn. */
static bool has_content(PyObject *container, PyObject *value)
{
    if (!PyTuple_Check(value)) {
        return false;
    }
    const Py_ssize_t n = PyTuple_GET_SIZE(value);
    PyObject **item = &PyTuple_GET_ITEM(value, 0);
    if (PyList_Check(container)) {
        if (PyList_GET_SIZE(container) != n) {
            return false;
        }
        for (Py_ssize_t i = 0; i < n; i++) {
            if (PyList_GET_ITEM(container, i) != item[i]) {
                return false;
            }
        }
        return true;
    }
    if (!PyDict_Check(container) || 2 * PyDict_GET_SIZE(container) != n) {
        return false;
    }
    Py_ssize_t place = 0, i = 0;
    PyObject *key, *found;
    while (i + 1 < n && PyDict_Next(container, &place, &key, &found)) {
        if (key != item[i] || found != item[i + 1]) {
            return false;
        }
        i += 2;
    }
    return i == n;
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
