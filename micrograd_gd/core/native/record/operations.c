/* Numbers of operations.

   A node knows its operation by a number, its place in `State.ops`. Numbers below ROW_COUNT are
   the rows that were compiled in, numbered by the generator. An operation that comes later gets
   the next one, and computes in Python. So does a row whose formulas are not those that were
   compiled. */

#include "node/state.h"
#include "record/record.h"

/* Give a row of the table a number: the one of its code if that was compiled from the same
   formulas, else a new one. Whether the code is here is the answer. */
static int adopt(State *state, PyObject *op, const char *name, const char *formulas)
{
    uint32_t number = state->op_count;
    for (uint32_t i = 1; i < ROW_COUNT; i++) {
        if (!strcmp(ROWS[i].name, name) && !strcmp(ROWS[i].formulas, formulas)
            && state->ops[i] == NULL) {
            number = i;
        }
    }
    PyObject *key = PyLong_FromUnsignedLong(number);
    if (key == NULL) {
        return -1;
    }
    if (number == state->op_count) {
        PyObject **ops = PyMem_Realloc(state->ops, (number + 1) * sizeof(PyObject *));
        if (ops == NULL) {
            Py_DECREF(key);
            PyErr_NoMemory();
            return -1;
        }
        state->ops = ops;
        state->ops[number] = NULL;
        state->op_count += 1;
    }
    state->ops[number] = Py_NewRef(op);
    int done = PyDict_SetItem(state->number_of_op, op, key);
    Py_DECREF(key);
    return done < 0 ? -1 : number < ROW_COUNT;
}

/* Take in an operation that is no row of the table; its number, or 0 with an error set. It may be
   the slope of a row, which is compiled in. */
static uint32_t number_of_new_op(State *state, PyObject *op)
{
    PyObject *module = PyImport_ImportModule("micrograd_gd.core.native.formulas");
    PyObject *formulas = module ? PyObject_CallMethod(module, "write_formulas", "O", op) : NULL;
    PyObject *name = formulas ? PyObject_GetAttrString(op, "name") : NULL;
    const char *formulas_text = name ? PyUnicode_AsUTF8(formulas) : NULL;
    const char *name_text = formulas_text ? PyUnicode_AsUTF8(name) : NULL;
    int done = name_text ? adopt(state, op, name_text, formulas_text) : -1;
    Py_XDECREF(module);
    Py_XDECREF(formulas);
    Py_XDECREF(name);
    PyObject *number = done < 0 ? NULL : PyDict_GetItemWithError(state->number_of_op, op);
    return number ? (uint32_t)PyLong_AsUnsignedLong(number) : 0;
}

/* The number of an operation, which gets one now if it has none; 0 with an error set. */
static uint32_t number_of_op(State *state, PyObject *op)
{
    if (state->number_of_op == NULL) {
        return no_more_operations();
    }
    PyObject *number = PyDict_GetItemWithError(state->number_of_op, op);
    if (number != NULL) {
        return (uint32_t)PyLong_AsUnsignedLong(number);
    }
    if (PyErr_Occurred()) {
        return 0;
    }
    int is_operation = PyObject_IsInstance(op, state->operation);
    if (is_operation == 0) {
        PyErr_Format(PyExc_TypeError, "%R is no operation", op);
    }
    return is_operation <= 0 ? 0 : number_of_new_op(state, op);
}
