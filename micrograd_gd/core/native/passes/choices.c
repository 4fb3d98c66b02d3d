/* The passes, between the parts: choices in a batch go to Python and come back shorter.

   compiler/choices.py has the rules. There are few choices in a program, and no node keeps its
   number any more when they are met. */

#include "passes/passes.h"

static PyObject *read_operand(Passes *passes, int32_t x)
{
    return x < 0 ? PyFloat_FromDouble(passes->constant[~x]) : PyLong_FromLong(x);
}

/* An operand that Python gave; -1 with an error set. */
static int write_operand(Passes *passes, PyObject *x, int32_t *operand)
{
    *operand = PyFloat_CheckExact(x) ? constant_operand(passes, PyFloat_AS_DOUBLE(x))
                                     : (int32_t)PyLong_AsLong(x);
    return PyErr_Occurred() ? -1 : 0;
}

/* Replace the record by what Python makes of the choice, or find the operand that it is. */
static int shorten_choice(Passes *passes, size_t at, int32_t result, int32_t *instead)
{
    Ints *code = &passes->code;
    int32_t n = code->item[at + 2];
    PyObject *operands = PyTuple_New(n), *answer = NULL, *op, *now;
    for (int32_t i = 0; operands != NULL && i < n; i++) {
        PyObject *x = read_operand(passes, code->item[at + 3 + i]);
        if (x == NULL) {
            Py_CLEAR(operands);
            break;
        }
        PyTuple_SET_ITEM(operands, i, x);
    }
    if (operands != NULL) {
        op = passes->state->ops[code->item[at]];
        answer = PyObject_CallFunction(passes->shorten, "iOO", (int)result, op, operands);
        Py_DECREF(operands);
    }
    int done = answer == NULL ? -1 : 0;
    if (done == 0 && !PyTuple_CheckExact(answer)) {
        done = write_operand(passes, answer, instead);
    } else if (done == 0 && PyArg_ParseTuple(answer, "OO!", &op, &PyTuple_Type, &now)
               && ints_reserve(code, (size_t)PyTuple_GET_SIZE(now)) == 0) {
        uint32_t number = number_of_op(passes->state, op);
        done = number == 0 ? -1 : 0;
        code->item[at] = (int32_t)number;
        code->item[at + 2] = (int32_t)PyTuple_GET_SIZE(now);
        code->n = at + 3 + (size_t)PyTuple_GET_SIZE(now);
        for (Py_ssize_t i = 0; done == 0 && i < PyTuple_GET_SIZE(now); i++) {
            done = write_operand(passes, PyTuple_GET_ITEM(now, i), &code->item[at + 3 + i]);
        }
    }
    Py_XDECREF(answer);
    return done < 0 || PyErr_Occurred() ? -1 : 0;
}
