/* The methods of a value that are written by hand: `nodes`, `backward`, `detach`, `record` and
   `conjugate`.

   `backward` is for floats here; core/sweep.py takes over for gradients that are to be a graph,
   and while `detect_anomaly` watches. `detach` makes a leaf, unless an open trace has one that
   stands for it. `record` gives any operation its number; record/record.c does the rest. */

#include "node/state.h"

static PyObject *value_nodes(PyObject *self, PyObject *Py_UNUSED(none))
{
    return nodes_of((Node *)self);
}

/* Leave it to `sweep.backward`: gradients that are to be a graph, or a watch for nan and inf. */
static PyObject *backward_in_python(PyObject *self, PyObject *seed, bool create_graph)
{
    PyObject *sweep = PyImport_ImportModule("micrograd_gd.core.sweep");
    PyObject *backward = sweep ? PyObject_GetAttrString(sweep, "backward") : NULL;
    PyObject *args = backward ? PyTuple_Pack(2, self, seed) : NULL;
    PyObject *flag = PyBool_FromLong(create_graph);
    PyObject *keywords = args ? Py_BuildValue("{sO}", "create_graph", flag) : NULL;
    PyObject *done = keywords ? PyObject_Call(backward, args, keywords) : NULL;
    Py_XDECREF(sweep);
    Py_XDECREF(backward);
    Py_XDECREF(args);
    Py_DECREF(flag);
    Py_XDECREF(keywords);
    return done;
}

/* -1 with an error set, or whether a watch is on. */
static int is_watched(State *state)
{
    if (!blocks_are_open(state)) {
        return 0;
    }
    PyObject *watch = PyObject_CallMethod(state->blocks, "watch", NULL);
    Py_XDECREF(watch);
    return watch == NULL ? -1 : watch != Py_None;
}

static PyObject *value_backward(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"seed", "create_graph", NULL};
    State *state = state_of(self);
    PyObject *seed = NULL;
    int create_graph = 0;
    if ((keywords != NULL || PyTuple_GET_SIZE(args) > 0)
        && !PyArg_ParseTupleAndKeywords(args, keywords, "|O$p:backward", names, &seed,
                                        &create_graph)) {
        explain_keywords("backward", keywords, names);
        return NULL;
    }
    if (touch(self, "backward()") < 0) {
        return NULL;
    }
    int watched = is_watched(state);
    if (watched < 0) {
        return NULL;
    }
    if (create_graph || watched || (seed != NULL && is_value(state, seed))) {
        PyObject *one = PyFloat_FromDouble(1.0);
        PyObject *done = one ? backward_in_python(self, seed ? seed : one, create_graph) : NULL;
        Py_XDECREF(one);
        return done;
    }
    double number = 1.0;
    if (seed != NULL && number_of(state, seed, "seed", &number) < 0) {
        return NULL;
    }
    return backward_on_floats((Node *)self, number) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *value_detach(PyObject *self, PyObject *Py_UNUSED(none))
{
    State *state = state_of(self);
    if (blocks_are_open(state)) {
        PyObject *stands_for_it = PyObject_CallMethod(state->blocks, "record_constant", "O", self);
        if (stands_for_it != Py_None) {
            return stands_for_it; /* or NULL */
        }
        Py_DECREF(stands_for_it);
    }
    Node *leaf = new_node(state);
    if (leaf == NULL) {
        return NULL;
    }
    leaf->data = ((Node *)self)->data;
    PyObject *label = label_of((Node *)self);
    if (label != NULL && set_label((PyObject *)leaf, label, NULL) < 0) {
        Py_CLEAR(leaf);
    }
    return (PyObject *)leaf;
}

static PyObject *value_record(PyObject *type, PyObject *const *args, Py_ssize_t n)
{
    if (n == 0) {
        PyErr_SetString(PyExc_TypeError, "record needs an operation");
        return NULL;
    }
    State *state = state_of_type((PyTypeObject *)type);
    uint32_t op = number_of_op(state, args[0]);
    return op ? record_as(state, (PyTypeObject *)type, op, args + 1, n - 1) : NULL;
}

static PyObject *value_conjugate(PyObject *self, PyObject *Py_UNUSED(none))
{
    return Py_NewRef(self);
}
