/* The walk over the graph below a node, and the sweep back over it on floats. */

#ifndef MICROGRAD_GD_WALK_H
#define MICROGRAD_GD_WALK_H

#include "node.h"

/* A node whose operands are all in place, or on their way, waits on the stack with this bit set. */
static inline Node *waiting(Node *node) { return (Node *)((uintptr_t)node | 1); }
static inline bool is_waiting(Node *entry) { return (uintptr_t)entry & 1; }
static inline Node *awaited(Node *entry) { return (Node *)((uintptr_t)entry & ~(uintptr_t)1); }

/* Nodes of a walk that failed become what they were; gradients within the graph are lost. */
static void undo(Stack *stack, bool sweeping)
{
    for (size_t i = 0; i < stack->n; i++) {
        Node *node = awaited(stack->item[i]);
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

/* Every node below `root`, operands first, `root` last; of the kind FLOWS, those that a derivative
   flows to, of the kind VALUE, all. They are `seen` then: whoever asked clears that. No Python code
   may run in between. With `some_are_values`, they are made ready for the sweep on the way, and it
   tells whether some gradient is a value. */
static Py_ALWAYS_INLINE inline int walk(Node *root, Kind least, Stack *order, bool *some_are_values)
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
            stack_push(order, awaited(node));
            continue;
        }
        if (node->seen) {
            continue;
        }
        PREFETCH_EARLIER(node);
        Edge *edge;
        Kind *kind;
        Py_ssize_t n = edges_of(node, &edge, &kind);
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
        stack_push(&todo, waiting(node));
        for (Py_ssize_t i = n - 1; i >= 0; i--) { /* the first operand comes off the stack first */
            if (kind[i] >= least && !edge[i].value->seen) {
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

static PyObject *nodes_of(Node *root, Kind least)
{
    Stack order;
    stack_init(&order);
    PyObject *nodes = NULL;
    if (walk(root, least, &order, NULL) == 0) {
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

/* The chain rule, from the root down. A leaf is complete when its turn comes, since all that was
   computed from it came before. */
static void sweep_down(Stack *order, double seed)
{
    order->item[order->n - 1]->grad = seed;
    for (size_t i = order->n; i-- > 0;) {
        Node *node = order->item[i];
        if (i >= 8) {
            PREFETCH(order->item[i - 8]);
        }
        const double g = node->grad;
        node->seen = false;
        if (node->op == 0) {
            node->grad = node->before + g;
        } else if (!has_block(node)) {
            if (node->kind[0] == FLOWS) {
                node->edge[0].value->grad += g * node->edge[0].partial;
            }
            if (node->kind[1] == FLOWS) {
                node->edge[1].value->grad += g * node->edge[1].partial;
            }
        } else {
            Edge *edge = node->block->edge;
            Kind *kind = kinds_of_block(node->block);
            for (Py_ssize_t j = 0; j < node->block->n; j++) {
                if (kind[j] == FLOWS) {
                    edge[j].value->grad += g * edge[j].partial;
                }
            }
        }
    }
}

/* Gradients that are values make way for the floats that the sweep found; a leaf's gets the sum of
   both, a value again. */
static int replace_gradients(Stack *order)
{
    for (size_t i = 0; i < order->n; i++) {
        Node *node = order->item[i];
        PyObject *gradient = gradient_of(node);
        if (gradient == NULL) {
            continue;
        }
        node->block->gradient = NULL;
        PyObject *sum = NULL;
        int done = 0;
        if (node->op == 0) {
            PyObject *number = PyFloat_FromDouble(node->grad);
            sum = number ? PyNumber_Add(gradient, number) : NULL;
            done = sum ? PyObject_SetAttrString((PyObject *)node, "grad", sum) : -1;
            Py_XDECREF(number);
            Py_XDECREF(sum);
        }
        Py_DECREF(gradient);
        if (done < 0) {
            return -1;
        }
    }
    return 0;
}

static int backward_on_floats(Node *root, double seed)
{
    Stack order;
    stack_init(&order);
    bool some_are_values = false;
    int done = walk(root, FLOWS, &order, &some_are_values);
    if (done == 0) {
        sweep_down(&order, seed);
        if (some_are_values) {
            hold(&order);
            done = replace_gradients(&order);
            release(&order);
        }
    }
    stack_free(&order);
    return done;
}

#endif
