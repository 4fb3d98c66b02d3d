/* `backward()` on floats: the chain rule from the root down, without a node being made.

   Every node's gradient `g` is complete when its turn comes, for all that was computed from the
   node came before. It adds `g * partial` to the gradient of each operand. A leaf keeps its old
   gradient in `before` meanwhile, and ends with the sum of both.

   Gradients that are graphs, and all that a watch for nan needs, are for `core/sweep.py`. */

#include "node/state.h"

/* Whether it is -0.0, with which sums start. */
static inline bool is_start(double g)
{
    const union {
        double number;
        uint64_t bits;
    } of = {g}, start = {-0.0};
    return of.bits == start.bits;
}

/* Whether a derivative came to a node of the sweep that is under way. */
static inline bool is_reached(Node *node) { return !is_start(node->grad) || node->reached; }

/* A step along an edge. Where the sum looks as if nothing had come, the operand is told. */
static inline void step_down(Edge *edge, double g)
{
    double sum = edge->value->grad + g * edge->partial;
    edge->value->grad = sum;
    if (is_start(sum)) {
        edge->value->reached = true;
    }
}

/* The chain rule, from the root down. A leaf is complete when its turn comes, since all that was
   computed from it came before. A node that is not reached, since no derivative flows to it, passes
   nothing on, not even 0; nor does a root whose seed is 0. */
static void sweep_down(Stack *order, double seed)
{
    order->item[order->n - 1]->grad = seed == 0 ? -0.0 : seed;
    for (size_t i = order->n; i-- > 0;) {
        Node *node = order->item[i];
        if (i >= 8) {
            PREFETCH(order->item[i - 8]);
        }
        const double g = node->grad;
        const bool passes_on = is_reached(node);
        node->seen = node->reached = false;
        if (node->op == 0) {
            node->grad = node->before + g;
        } else if (!passes_on) {
            node->grad = 0.0;
        } else if (!has_block(node)) {
            if (node->kind[0] == FLOWS) {
                step_down(&node->edge[0], g);
            }
            if (node->kind[1] == FLOWS) {
                step_down(&node->edge[1], g);
            }
        } else {
            Edge *edge = node->block->edge;
            Kind *kind = kinds_of_block(node->block);
            for (Py_ssize_t j = 0; j < node->block->n; j++) {
                if (kind[j] == FLOWS) {
                    step_down(&edge[j], g);
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
    int done = walk(root, &order, &some_are_values, 0, 0);
    if (done == 0) {
        const Flags before = keep_flags();
        sweep_down(&order, seed);
        put_back_flags(before);
        if (some_are_values) {
            hold(&order);
            done = replace_gradients(&order);
            release(&order);
        }
    }
    stack_free(&order);
    return done;
}
