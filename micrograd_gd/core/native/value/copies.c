/* Copies: core/copies.py takes a node apart with `_take_apart`, and `_put_together` gives the parts
   to another one.

   The parts are the operation, the operands, the partials, the number, the gradient and the
   label. What is restored may come from a file, so it is checked as far as the rest of the C
   counts on it: operands are values or numbers, and as many as the row takes, with a partial or
   None for each. */

#include "node/state.h"

static PyObject *value_take_apart(PyObject *self, PyObject *Py_UNUSED(none))
{
    Node *node = (Node *)self;
    PyObject *operands = of_each(self, operand_at);
    PyObject *partials = of_each(self, partial_at);
    PyObject *op = get_op(self, NULL);
    PyObject *label = get_label(self, NULL);
    PyObject *fields = NULL;
    if (operands && partials && label) {
        fields = Py_BuildValue("(OOOddO)", op, operands, partials, node->data,
                               gradient_as_number(node), label);
    }
    Py_XDECREF(operands);
    Py_XDECREF(partials);
    Py_XDECREF(op);
    Py_XDECREF(label);
    return fields;
}

static int restore_edge(State *state, Edge *edge, Kind *kind, PyObject *operand, PyObject *partial)
{
    if (!is_value(state, operand)) {
        *kind = NUMBER;
        return number_of(state, operand, "an operand", &edge->number);
    }
    if (partial != Py_None && number_of(state, partial, "a partial", &edge->partial) < 0) {
        return -1;
    }
    edge->value = (Node *)Py_NewRef(operand);
    *kind = partial == Py_None ? VALUE : FLOWS;
    return 0;
}

static int restore(State *state, Node *node, PyObject *op, PyObject *operands, PyObject *partials)
{
    Py_ssize_t n = PyTuple_GET_SIZE(operands);
    if (op == Py_None && n == 0) {
        return 0;
    }
    node->op = number_of_op(state, op);
    if (node->op == 0) {
        return -1;
    }
    if (n == 0 || n != PyTuple_GET_SIZE(partials)) {
        PyErr_SetString(PyExc_TypeError, "an operation needs operands, and a partial for each");
        return -1;
    }
    if (node->op < ROW_COUNT && complete_count(&ROWS[node->op], n) != n) {
        PyErr_Format(PyExc_TypeError, "%R cannot be restored with %zd operands", op, n);
        return -1;
    }
    if (n > 2 && new_block(node, n) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        Edge *edge = has_block(node) ? &node->block->edge[i] : &node->edge[i];
        Kind *kind = has_block(node) ? &kinds_of_block(node->block)[i] : &node->kind[i];
        if (restore_edge(state, edge, kind, PyTuple_GET_ITEM(operands, i),
                         PyTuple_GET_ITEM(partials, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static void swap_operands(Node *a, Node *b)
{
    Node before = *a;
    a->op = b->op;
    memcpy(a->kind, b->kind, sizeof a->kind);
    memcpy(a->edge, b->edge, sizeof a->edge);
    b->op = before.op;
    memcpy(b->kind, before.kind, sizeof b->kind);
    memcpy(b->edge, before.edge, sizeof b->edge);
}

/* Also for a value that had operands before; it is a leaf where the parts are refused. They come
   into a node that nobody else finds: to ask what is no value for its number can do anything. */
static PyObject *value_put_together(PyObject *self, PyObject *args)
{
    State *state = state_of(self);
    Node *node = (Node *)self;
    PyObject *op, *operands, *partials, *label;
    double data, grad;
    if (!PyArg_ParseTuple(args, "OO!O!ddO:_put_together", &op, &PyTuple_Type, &operands,
                          &PyTuple_Type, &partials, &data, &grad, &label)) {
        return NULL;
    }
    drop_operands(node, NULL);
    Node *parts = new_node(state);
    if (parts == NULL) {
        return NULL;
    }
    int done = restore(state, parts, op, operands, partials);
    if (done == 0) {
        swap_operands(node, parts);
        if (node->place > 0) {
            slab_of(node)->era = state->era; /* its operands may be young */
        }
        track_like_operands(node);
    }
    Py_DECREF(parts);
    if (done < 0 || set_label(self, label, NULL) < 0) {
        drop_operands(node, NULL);
        return NULL;
    }
    node->data = data;
    node->grad = grad;
    Py_RETURN_NONE;
}
