/* The attributes of a value: `data` and `grad` to read and set, `op`, `operands` and `partials`
   to read, and `_prev` and `_op`, which are micrograd's names.

   Open blocks are told when a number is taken out of the graph, or changed (`touch`): a trace
   counts on that. Operands and partials become a tuple when somebody asks. A gradient that is a
   value lies in the block; from then on all that it was computed from is tracked, since it can
   close a cycle. */

#include "node/state.h"

/* Report to an open block that a number is taken out of the graph or changed. */
static int touch(PyObject *self, const char *what)
{
    State *state = state_of(self);
    if (!blocks_are_open(state)) {
        return 0;
    }
    PyObject *done = PyObject_CallMethod(state->blocks, "report_use", "Os", self, what);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int refuse_deletion(PyObject *self, const char *name)
{
    PyErr_Format(PyExc_AttributeError, "property '%s' of '%s' object has no deleter", name,
                 Py_TYPE(self)->tp_name);
    return -1;
}

static PyObject *get_data(PyObject *self, void *Py_UNUSED(closure))
{
    if (touch(self, "data") < 0) {
        return NULL;
    }
    return PyFloat_FromDouble(((Node *)self)->data);
}

static int set_data(PyObject *self, PyObject *data, void *Py_UNUSED(closure))
{
    if (data == NULL) {
        return refuse_deletion(self, "data");
    }
    if (touch(self, "data") < 0) {
        return -1;
    }
    double number;
    if (number_of(state_of(self), data, "data", &number) < 0) {
        return -1;
    }
    ((Node *)self)->data = number;
    return 0;
}

static PyObject *get_grad(PyObject *self, void *Py_UNUSED(closure))
{
    if (touch(self, "grad") < 0) {
        return NULL;
    }
    PyObject *gradient = gradient_of((Node *)self);
    return gradient ? Py_NewRef(gradient) : PyFloat_FromDouble(((Node *)self)->grad);
}

static int set_grad(PyObject *self, PyObject *grad, void *Py_UNUSED(closure))
{
    Node *node = (Node *)self;
    State *state = state_of(self);
    if (grad == NULL) {
        return refuse_deletion(self, "grad");
    }
    if (touch(self, "grad") < 0) {
        return -1;
    }
    if (!is_value(state, grad)) {
        double number;
        if (number_of(state, grad, "grad", &number) < 0) {
            return -1;
        }
        node->grad = number;
        if (has_block(node)) {
            Py_CLEAR(node->block->gradient);
        }
        return 0;
    }
    Block *block = block_of(node);
    if (block == NULL || track_all_below((Node *)grad) < 0) {
        return -1;
    }
    track(node);
    Py_XSETREF(block->gradient, Py_NewRef(grad));
    return 0;
}

static PyObject *operand_at(Edge *edge, Kind kind)
{
    return kind >= VALUE ? Py_NewRef(edge->value) : PyFloat_FromDouble(edge->number);
}

static PyObject *partial_at(Edge *edge, Kind kind)
{
    return kind == FLOWS ? PyFloat_FromDouble(edge->partial) : Py_NewRef(Py_None);
}

/* A tuple with what `get` makes of each operand. */
static PyObject *of_each(PyObject *self, PyObject *(*get)(Edge *, Kind))
{
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of((Node *)self, &edge, &kind);
    PyObject *tuple = PyTuple_New(n);
    n = edges_of((Node *)self, &edge, &kind); /* again: making the tuple may have run anything */
    for (Py_ssize_t i = 0; tuple != NULL && i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = i < n ? get(&edge[i], kind[i]) : Py_NewRef(Py_None);
        if (item == NULL) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, item);
        }
    }
    return tuple;
}

static PyObject *get_operands(PyObject *self, void *Py_UNUSED(closure))
{
    return of_each(self, operand_at);
}

static PyObject *get_partials(PyObject *self, void *Py_UNUSED(closure))
{
    State *state = state_of(self);
    if (blocks_are_open(state)) {
        PyObject *done = PyObject_CallMethod(state->blocks, "report_reading", "Os", self,
                                             "partials");
        if (done == NULL) {
            return NULL;
        }
        Py_DECREF(done);
    }
    return of_each(self, partial_at);
}

static PyObject *get_op(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t op = ((Node *)self)->op;
    return Py_NewRef(op ? state_of(self)->ops[op] : Py_None);
}

/* What micrograd calls the same things. */

static PyObject *get_prev(PyObject *self, void *Py_UNUSED(closure))
{
    State *state = state_of(self);
    PyObject *operands = of_each(self, operand_at);
    PyObject *values = operands ? PySet_New(NULL) : NULL;
    for (Py_ssize_t i = 0; values != NULL && i < PyTuple_GET_SIZE(operands); i++) {
        PyObject *operand = PyTuple_GET_ITEM(operands, i);
        if (is_value(state, operand) && PySet_Add(values, operand) < 0) {
            Py_CLEAR(values);
        }
    }
    Py_XDECREF(operands);
    return values;
}

static int set_record(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(x), void *Py_UNUSED(closure))
{
    PyObject *nothing = PyTuple_New(0);
    refuse("refuse_record", nothing);
    Py_XDECREF(nothing);
    return -1;
}

static PyObject *get_sign(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t op = ((Node *)self)->op;
    if (op == 0) {
        return PyUnicode_FromString("");
    }
    PyObject *infix = PyObject_GetAttrString(state_of(self)->ops[op], "infix");
    int written = infix ? PyObject_IsTrue(infix) : -1;
    if (written == 0) {
        Py_SETREF(infix, PyObject_GetAttrString(state_of(self)->ops[op], "name"));
    } else if (written < 0) {
        Py_CLEAR(infix);
    }
    return infix;
}
