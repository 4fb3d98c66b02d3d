/* A function called on leaves in place of plain floats: how `transforms/plain.py` begins, which says
   what it is for. */

#include "node/state.h"

/* Which arguments to differentiate by; no more than fit. */
typedef struct {
    Py_ssize_t n, place[8];
} Argnums;

/* Whether they are numbers of different arguments. */
static bool read_argnums(PyObject *argnums, Py_ssize_t count, Argnums *places)
{
    bool is_one = PyLong_CheckExact(argnums);
    if (!is_one && !PyTuple_CheckExact(argnums)) {
        return false;
    }
    places->n = is_one ? 1 : PyTuple_GET_SIZE(argnums);
    if (places->n > 8) {
        return false;
    }
    for (Py_ssize_t i = 0; i < places->n; i++) {
        PyObject *each = is_one ? argnums : PyTuple_GET_ITEM(argnums, i);
        Py_ssize_t place = PyLong_CheckExact(each) ? PyLong_AsSsize_t(each) : -1;
        if (place < 0 || place >= count) {
            PyErr_Clear();
            return false;
        }
        places->place[i] = place;
        for (Py_ssize_t j = 0; j < i; j++) {
            if (places->place[j] == place) {
                return false;
            }
        }
    }
    return true;
}

static bool is_flat(PyObject *x)
{
    bool is = (PyList_CheckExact(x) || PyTuple_CheckExact(x)) && PySequence_Fast_GET_SIZE(x) > 0;
    for (Py_ssize_t i = 0; is && i < PySequence_Fast_GET_SIZE(x); i++) {
        is = PyFloat_CheckExact(PySequence_Fast_GET_ITEM(x, i));
    }
    return is;
}

/* A leaf in the place of a float, or a list or tuple of leaves in that of a list or tuple. */
static PyObject *leaves_for(State *state, PyObject *x)
{
    if (PyFloat_CheckExact(x)) {
        const double data = PyFloat_AS_DOUBLE(x);
        Node *leaf = new_node(state);
        if (leaf != NULL) {
            leaf->data = data;
        }
        return (PyObject *)leaf;
    }
    PyObject *list = PySequence_List(x);
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        PyObject *number = PyList_GET_ITEM(list, i), *leaf = NULL;
        if (PyFloat_CheckExact(number)) {
            leaf = leaves_for(state, number);
        } else { /* by a finalizer, while memory was asked for */
            PyErr_SetString(PyExc_RuntimeError, "an argument was changed during the call");
        }
        if (leaf == NULL || PyList_SetItem(list, i, leaf) < 0) {
            Py_CLEAR(list);
        }
    }
    if (list != NULL && PyTuple_CheckExact(x)) {
        Py_SETREF(list, PyList_AsTuple(list));
    }
    return list;
}

/* Put leaves in the place of the arguments to differentiate by, and give them as a tuple, too. The
   function has lists of its own, which it may change. */
static PyObject *replace_arguments(State *state, PyObject *args, const Argnums *places)
{
    PyObject *leaves = PyTuple_New(places->n);
    for (Py_ssize_t i = 0; leaves != NULL && i < places->n; i++) {
        PyObject *x = PyTuple_GET_ITEM(args, places->place[i]);
        PyObject *own = leaves_for(state, x);
        PyObject *given = own && PyList_CheckExact(own) ? PySequence_List(own) : Py_XNewRef(own);
        if (given == NULL) {
            Py_XDECREF(own);
            Py_CLEAR(leaves);
        } else {
            PyTuple_SET_ITEM(leaves, i, own);
            PyTuple_SET_ITEM(args, places->place[i], given);
            Py_DECREF(x);
        }
    }
    return leaves;
}

/* Call a function while that variable has a block. */
static PyObject *call_inside(State *state, PyObject *variable, PyObject *f, PyObject *args,
                             PyObject *kwargs)
{
    PyObject *block = new_switch(state->switch_type, variable, Py_True, Py_None, false);
    PyObject *entered = block ? switch_enter(block, NULL) : NULL, *result = NULL;
    if (entered != NULL) {
        PyObject *type, *error, *traceback;
        result = PyObject_Call(f, args, kwargs);
        PyErr_Fetch(&type, &error, &traceback);
        Py_XDECREF(switch_exit(block, NULL, 0));
        PyErr_Restore(type, error, traceback);
    }
    Py_XDECREF(entered);
    Py_XDECREF(block);
    return result;
}

/*[python]
def call_on_leaves(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Any,
    calls: Any,
    /,
) -> tuple[Any, Any, int] | None:
    """As that of transforms/plain.py; inside, the block `calls` is open."""
*/
static PyObject *native_call_on_leaves(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *state = PyModule_GetState(module);
    if (count != 5 || !PyTuple_CheckExact(args[1]) || !PyDict_CheckExact(args[2])
        || !PyContextVar_CheckExact(args[4])) {
        PyErr_SetString(PyExc_TypeError, "call_on_leaves takes a function and its arguments");
        return NULL;
    }
    PyObject *given = args[1], *variable = args[4];
    Argnums places;
    if (blocks_are_open(state) || !read_argnums(args[3], PyTuple_GET_SIZE(given), &places)) {
        Py_RETURN_NONE;
    }
    for (Py_ssize_t i = 0; i < places.n; i++) {
        PyObject *x = PyTuple_GET_ITEM(given, places.place[i]);
        if (!PyFloat_CheckExact(x) && !is_flat(x)) {
            Py_RETURN_NONE;
        }
    }
    PyObject *outer = find_switch(state, variable);
    if (outer != Py_None) {
        Py_XDECREF(outer);
        return outer == NULL ? NULL : Py_NewRef(Py_None);
    }
    Py_DECREF(outer);
    PyObject *called = PyTuple_New(PyTuple_GET_SIZE(given)), *result = NULL;
    for (Py_ssize_t i = 0; called != NULL && i < PyTuple_GET_SIZE(given); i++) {
        PyTuple_SET_ITEM(called, i, Py_NewRef(PyTuple_GET_ITEM(given, i)));
    }
    const uint64_t era = ++state->era;
    PyObject *leaves = called ? replace_arguments(state, called, &places) : NULL;
    if (leaves != NULL && PyLong_CheckExact(args[3])) {
        Py_SETREF(leaves, Py_NewRef(PyTuple_GET_ITEM(leaves, 0)));
    }
    if (leaves != NULL) {
        result = call_inside(state, variable, args[0], called, args[2]);
    }
    PyObject *number = result ? PyLong_FromUnsignedLongLong(era) : NULL;
    PyObject *found = number ? PyTuple_Pack(3, result, leaves, number) : NULL;
    Py_XDECREF(number);
    Py_XDECREF(result);
    Py_XDECREF(leaves);
    Py_XDECREF(called);
    return found;
}
