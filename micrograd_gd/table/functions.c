/* The elementary functions as Python calls them: ieee.py takes them from here. */

#include <Python.h>

#include "elementary.h" /* generated from elementary.py */

#define METHOD(name)                                       \
    static PyObject *call_##name(PyObject *self, PyObject *x) \
    {                                                      \
        (void)self;                                        \
        double given = PyFloat_AsDouble(x);                \
        if (given == -1.0 && PyErr_Occurred()) {           \
            return NULL;                                   \
        }                                                  \
        return PyFloat_FromDouble(ieee_##name(given));     \
    }
EACH_FUNCTION(METHOD)

#define ENTRY(name) {#name, call_##name, METH_O, NULL},
static PyMethodDef methods[] = {EACH_FUNCTION(ENTRY){NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "functions", NULL, -1, methods};

PyMODINIT_FUNC PyInit_functions(void) { return PyModule_Create(&module); }
