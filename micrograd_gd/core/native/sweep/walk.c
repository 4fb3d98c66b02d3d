/* The walk: all nodes below a root, each after its operands.

   It is depth-first, with a stack of its own. A node is *seen* once the walk has met it; it then
   *waits* on the stack, below its operands, until these are in order. The bit `seen` lies in the
   node, so whoever asked for the walk clears it, and no Python code may run in between. */

#include "node/state.h"

/* A node whose operands are all in place, or on their way, waits on the stack with this bit set. */
static inline Node *mark_waiting(Node *node) { return (Node *)((uintptr_t)node | 1); }
static inline bool is_waiting(Node *entry) { return (uintptr_t)entry & 1; }
static inline Node *strip_mark(Node *entry) { return (Node *)((uintptr_t)entry & ~(uintptr_t)1); }

/* Nodes of a walk that failed become what they were; gradients within the graph are lost. */
static void undo(Stack *stack, bool sweeping)
{
    for (size_t i = 0; i < stack->n; i++) {
        Node *node = strip_mark(stack->item[i]);
        if (sweeping && node->seen && node->op == 0) {
            node->grad = node->before;
        }
        node->seen = false;
    }
}

/* Get ready for the sweep; whether the gradient is a value of a graph.
   Sums start at -0.0, the one number that adding to leaves every float as it was. */
static inline bool start_gradient(Node *node)
{
    bool is_value = gradient_of(node) != NULL;
    if (node->op == 0) {
        node->before = is_value ? -0.0 : node->grad;
    }
    node->grad = -0.0;
    return is_value;
}

/* Every node below `root`, operands first, `root` last. They are `seen` then: whoever asked clears
   that. No Python code may run in between. With `some_are_values`, they are made ready for the
   sweep on the way, and it tells whether some gradient is a value. Nothing is below nodes of the
   operation `constant`, unless that is 0, and what was surely born before the era is left out. */
static Py_ALWAYS_INLINE inline int walk(Node *root, Stack *order, bool *some_are_values,
                                        uint32_t constant, uint64_t era)
{
    Stack todo;
    stack_init(&todo);
    stack_push(&todo, root);
    while (todo.n > 0) {
        Node *node = todo.item[--todo.n];
        if (stack_reserve(order, 1) < 0) {
            goto failed;
        }
        if (is_waiting(node)) {
            stack_push(order, strip_mark(node));
            continue;
        }
        if (node->seen) {
            continue;
        }
        PREFETCH_EARLIER(node);
        Edge *edge;
        Kind *kind;
        Py_ssize_t n = edges_of(node, &edge, &kind);
        if (constant != 0 && node->op == constant) {
            n = 0;
        }
        if (stack_reserve(&todo, (size_t)n + 1) < 0) {
            goto failed;
        }
        node->seen = true;
        if (some_are_values != NULL) {
            *some_are_values |= start_gradient(node);
        }
        if (n == 0) {
            stack_push(order, node);
            continue;
        }
        stack_push(&todo, mark_waiting(node));
        for (Py_ssize_t i = n - 1; i >= 0; i--) { /* the first operand comes off the stack first */
            if (kind[i] >= VALUE && !edge[i].value->seen && may_be_since(edge[i].value, era)) {
                stack_push(&todo, edge[i].value);
            }
        }
    }
    stack_free(&todo);
    return 0;
failed:
    undo(order, some_are_values != NULL);
    undo(&todo, some_are_values != NULL); /* some in it were not seen yet */
    stack_free(&todo);
    return -1;
}

/* Hold the nodes while Python code may run, which could cut the graph. */
static void hold(Stack *order)
{
    for (size_t i = 0; i < order->n; i++) {
        Py_INCREF(order->item[i]);
    }
}

static void release(Stack *order)
{
    for (size_t i = 0; i < order->n; i++) {
        Py_DECREF(order->item[i]);
    }
}

static PyObject *nodes_of(Node *root)
{
    Stack order;
    stack_init(&order);
    PyObject *nodes = NULL;
    if (walk(root, &order, NULL, 0, 0) == 0) {
        undo(&order, false);
        hold(&order);
        nodes = PyList_New((Py_ssize_t)order.n);
        if (nodes == NULL) {
            release(&order);
        } else {
            for (size_t i = 0; i < order.n; i++) {
                PyList_SET_ITEM(nodes, (Py_ssize_t)i, (PyObject *)order.item[i]);
            }
        }
    }
    stack_free(&order);
    return nodes;
}
