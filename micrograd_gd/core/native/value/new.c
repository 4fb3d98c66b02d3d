/* `Value(data, label)`: the ways to a new value.

   CPython makes an object in two steps: `__new__` makes an empty leaf, `__init__` fills it. A
   call of the class itself goes a third way, its *vectorcall*, which does both without a tuple
   and a dict on the way. Values of a subclass have memory of their own and are tracked from
   birth.

   The label lies in the node's block; "" is the absence of one. */

#include "node/state.h"

/* The label. */

static PyObject *get_label(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *label = label_of((Node *)self);
    return label ? Py_NewRef(label) : PyUnicode_FromString("");
}

/* Let core/protocols.py say what is wrong with a label, with a call, with setting a record. */
static int refuse(const char *how, PyObject *args)
{
    PyObject *protocols = PyImport_ImportModule("micrograd_gd.core.protocols");
    PyObject *function = protocols ? PyObject_GetAttrString(protocols, how) : NULL;
    PyObject *nothing = function && args ? PyObject_Call(function, args, NULL) : NULL;
    Py_XDECREF(protocols);
    Py_XDECREF(function);
    Py_XDECREF(nothing);
    return -1;
}

static int set_label(PyObject *self, PyObject *label, void *Py_UNUSED(closure))
{
    Node *node = (Node *)self;
    if (label == NULL) {
        PyErr_SetString(PyExc_AttributeError, "a label cannot be deleted: set it to \"\"");
        return -1;
    }
    if (!PyUnicode_Check(label)) {
        PyObject *args = PyTuple_Pack(1, label);
        refuse("refuse_label", args);
        Py_XDECREF(args);
        return -1;
    }
    bool is_empty = PyUnicode_GET_LENGTH(label) == 0;
    if (is_empty && label_of(node) == NULL) {
        return 0;
    }
    Block *block = block_of(node);
    if (block == NULL) {
        return -1;
    }
    if (!PyUnicode_CheckExact(label)) {
        track(node); /* a subclass has attributes, which may refer back to the node */
    }
    Py_XSETREF(block->label, is_empty ? NULL : Py_NewRef(label));
    return 0;
}

/* The three doors: `__new__`, `__init__`, and a call. */

static int start(State *state, Node *node, PyObject *data, PyObject *label)
{
    double number;
    if (number_of(state, data, "data", &number) < 0) {
        return -1;
    }
    node->data = number;
    node->grad = 0.0;
    drop_operands(node, NULL);
    return label ? set_label((PyObject *)node, label, NULL) : 0;
}

static PyObject *value_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kw))
{
    State *state = state_of_type(type);
    if (type == state->type) {
        Node *node = new_node(state);
        if (node != NULL) {
            node->data = 0.0;
        }
        return (PyObject *)node;
    }
    Node *node = new_of_subclass(type);
    if (node != NULL) {
        track(node);
    }
    return (PyObject *)node;
}

/* Where the call of a function that has these keywords was refused for another one, let
   keywords.py say which is meant. */
static void explain_keywords(const char *function, PyObject *keywords, char **names)
{
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyObject *module = keywords ? PyImport_ImportModule("micrograd_gd.keywords") : NULL;
    PyObject *known = module ? PyList_New(0) : NULL;
    for (; known != NULL && *names != NULL; names++) {
        PyObject *name = PyUnicode_FromString(*names);
        if (name == NULL || PyList_Append(known, name) < 0) {
            Py_CLEAR(known);
        }
        Py_XDECREF(name);
    }
    PyObject *answer = known ? PyObject_CallMethod(module, "answer_keywords", "sOO", function,
                                                   keywords, known)
                             : NULL;
    if (answer != NULL && PyUnicode_Check(answer) && PyUnicode_GET_LENGTH(answer) > 0) {
        PyErr_SetObject(PyExc_TypeError, answer);
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
    } else {
        PyErr_Restore(type, error, traceback); /* the parser's own words */
    }
    Py_XDECREF(answer);
    Py_XDECREF(known);
    Py_XDECREF(module);
}

static int value_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"data", "label", NULL};
    PyObject *data, *label = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:Value", names, &data, &label)) {
        if (PyTuple_GET_SIZE(args) > 2) {
            PyErr_Clear();
            return refuse("refuse_call", args);
        }
        explain_keywords("Value", keywords, names);
        return -1;
    }
    return start(state_of(self), (Node *)self, data, label);
}

/* `Value(...)`: the same without a tuple and a dict on the way, where there are no keywords. */
static PyObject *value_vectorcall(PyObject *type, PyObject *const *args, size_t flags,
                                  PyObject *names)
{
    Py_ssize_t n = PyVectorcall_NARGS(flags);
    PyObject *self = value_new((PyTypeObject *)type, NULL, NULL);
    if (self == NULL) {
        return NULL;
    }
    int done = -1;
    if (names == NULL && (n == 1 || n == 2)) {
        done = start(state_of(self), (Node *)self, args[0], n == 2 ? args[1] : NULL);
    } else {
        PyObject *tuple = PyTuple_New(n);
        PyObject *keywords = tuple ? PyDict_New() : NULL;
        if (keywords != NULL) {
            done = 0;
            for (Py_ssize_t i = 0; i < n; i++) {
                PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
            }
            for (Py_ssize_t i = 0; done == 0 && names && i < PyTuple_GET_SIZE(names); i++) {
                done = PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[n + i]);
            }
            done = done == 0 ? value_init(self, tuple, keywords) : done;
        }
        Py_XDECREF(tuple);
        Py_XDECREF(keywords);
    }
    if (done < 0) {
        Py_CLEAR(self);
    }
    return self;
}

static PyObject *value_forget(PyObject *self, PyObject *Py_UNUSED(none))
{
    return forget((Node *)self) < 0 ? NULL : Py_NewRef(Py_None);
}
