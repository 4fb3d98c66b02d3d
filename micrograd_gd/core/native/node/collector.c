/* The garbage collector: which nodes it sees, and what it sees of them.

   A node is *tracked* when the collector looks at it, and *closed* when everything that it
   refers to is tracked as well. Most nodes are neither, which is where much of the speed comes
   from. */

#include "node/state.h"

/* The collector. Operands are older than their results and never change, so a cycle needs a
   reference that was set later: a gradient, a label that is more than a string, an attribute of a subclass.
   Nodes that can be on no cycle are hidden from the collector, which would otherwise spend more
   time on a graph than the arithmetic does:

   - subclasses and nodes with such a label are tracked, and so is what is computed from them;
   - where a value becomes a gradient, everything that can be reached from it is tracked. */

static inline void track(Node *node)
{
    if (!node->tracked) {
        node->tracked = true;
        PyObject_GC_Track(node);
    }
}

/* Show the node to the collector if it sees an operand. That comes last, when the node is complete:
   whoever asks the collector for its objects can do anything with them. */
static void track_like_operands(Node *node)
{
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of(node, &edge, &kind);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (kind[i] >= VALUE && edge[i].value->tracked) {
            track(node);
        }
    }
}

static int track_all_below(Node *node)
{
    Stack todo;
    stack_init(&todo);
    stack_push(&todo, node);
    while (todo.n > 0) {
        node = todo.item[--todo.n];
        if (node->closed) {
            continue;
        }
        Edge *edge;
        Kind *kind;
        Py_ssize_t n = edges_of(node, &edge, &kind);
        if (stack_reserve(&todo, (size_t)n + 1) < 0) {
            stack_free(&todo);
            return -1;
        }
        node->closed = true;
        track(node);
        for (Py_ssize_t i = 0; i < n; i++) {
            if (kind[i] >= VALUE) {
                stack_push(&todo, edge[i].value);
            }
        }
        if (gradient_of(node) != NULL) {
            stack_push(&todo, (Node *)gradient_of(node));
        }
    }
    stack_free(&todo);
    return 0;
}

static int value_traverse(PyObject *self, visitproc visit, void *arg)
{
    Node *node = (Node *)self;
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of(node, &edge, &kind);
    Py_VISIT(Py_TYPE(self));
    for (Py_ssize_t i = 0; i < n; i++) {
        if (kind[i] >= VALUE) {
            Py_VISIT(edge[i].value);
        }
    }
    if (has_block(node)) {
        Py_VISIT(node->block->gradient);
        Py_VISIT(node->block->label);
    }
    return 0;
}

/* Operands stay: every cycle has one of these references. */
static int value_clear(PyObject *self)
{
    Node *node = (Node *)self;
    if (has_block(node)) {
        Py_CLEAR(node->block->gradient);
        Py_CLEAR(node->block->label);
    }
    return 0;
}
