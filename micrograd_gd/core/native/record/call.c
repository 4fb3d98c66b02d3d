/* A row called as a function, as `functional.exp` is: the twin of `Operation.__call__`.

   Here is the short way, for rows that are compiled in, and operands that are floats, ints and
   values. All other calls go the way in Python. */

#include "node/state.h"
#include "record/record.h"

enum { FEW_OPERANDS = 16 };

/* The number of a row, 0 for what has no short way. */
static uint32_t number_of_row(State *state, PyObject *row)
{
    PyObject *number = NULL;
    if ((PyObject *)Py_TYPE(row) == state->operation && state->number_of_op != NULL) {
        number = PyDict_GetItemWithError(state->number_of_op, row);
    }
    uint32_t op = number ? (uint32_t)PyLong_AsUnsignedLong(number) : 0;
    return op < ROW_COUNT ? op : 0;
}

/* -1 where an operand is neither a value nor a plain number, or whether one is a value. The plain
   numbers are in x then. */
static int read_operands(State *state, PyObject *const *operand, Py_ssize_t n, double *x)
{
    int is_node = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (Py_TYPE(operand[i]) == state->type) {
            is_node = 1;
        } else if (!is_plain_number(operand[i], &x[i])) {
            return -1;
        }
    }
    return is_node;
}

/* The result for `n` plain numbers, the last of them, from `given` on, being defaults. */
static PyObject *compute_number(const Row *row, Py_ssize_t n, Py_ssize_t given, double *x)
{
    Kind kind[FEW_OPERANDS];
    memset(kind, NUMBER, sizeof(kind));
    for (Py_ssize_t i = given; i < n; i++) {
        x[i] = row->defaults[row->default_count - n + i];
    }
    return PyFloat_FromDouble(apply(row->rule, n, x, NULL, kind));
}

/*[python]
def call_row(self: Operation, *operands: Any, **named: Any) -> Any:
    """The number, or, where an operand is a `Value`, the node."""
*/
static PyObject *native_call_row(PyObject *module, PyObject *const *args, Py_ssize_t n,
                                 PyObject *names)
{
    State *state = PyModule_GetState(module);
    uint32_t op = n > 1 && names == NULL ? number_of_row(state, args[0]) : 0;
    Py_ssize_t given = n - 1, all = op ? complete_count(&ROWS[op], given) : -1;
    if (all > 0 && all <= FEW_OPERANDS) {
        double x[FEW_OPERANDS];
        int is_node = read_operands(state, args + 1, given, x);
        if (is_node >= 0) {
            return is_node ? record(state, op, args + 1, given)
                           : compute_number(&ROWS[op], all, given, x);
        }
    }
    if (state->call_in_python == NULL) {
        no_more_operations();
        return NULL;
    }
    return PyObject_Vectorcall(state->call_in_python, args, (size_t)n, names);
}

/* Add `call_row` to the module, as a function that is a method in a class. */
static int add_call_row(PyObject *module)
{
    static PyMethodDef definition = {"call_row", (PyCFunction)(void (*)(void))native_call_row,
                                     METH_FASTCALL | METH_KEYWORDS, DOC_call_row};
    PyObject *function = PyCFunction_New(&definition, module);
    PyObject *method = function ? PyInstanceMethod_New(function) : NULL;
    int added = PyModule_AddObjectRef(module, definition.ml_name, method);
    Py_XDECREF(function);
    Py_XDECREF(method);
    return added;
}
