/* `backward()` on floats: the chain rule from the root down, without a node being made.

   Every node's gradient `g` is complete when its turn comes, for all that was computed from the
   node came before. It adds `g * partial` to the gradient of each operand. A leaf keeps its old
   gradient in `before` meanwhile, and ends with the sum of both.

   Gradients that are graphs, and all that a watch for nan needs, are for `core/sweep.py`. */

#include "node/state.h"

/* A step along an edge. With `marks`, the operand learns that a derivative flows to it. */
static Py_ALWAYS_INLINE inline void step_down(Edge *edge, double g, bool marks)
{
    edge->value->grad += g * edge->partial;
    if (marks) {
        edge->value->reached = true;
    }
}

/* The chain rule, from the root down. A leaf is complete when its turn comes, since all that was
   computed from it came before. Where there are `choices`, some nodes are not reached: nothing
   flows on from there, not even 0. */
static Py_ALWAYS_INLINE inline void sweep_down(Stack *order, double seed, bool choices)
{
    order->item[order->n - 1]->grad = seed;
    order->item[order->n - 1]->reached = choices;
    for (size_t i = order->n; i-- > 0;) {
        Node *node = order->item[i];
        if (i >= 8) {
            PREFETCH(order->item[i - 8]);
        }
        const double g = node->grad;
        node->seen = false;
        const bool is_reached = !choices || node->reached;
        node->reached = false;
        if (node->op == 0) {
            node->grad = node->before + g;
        } else if (!is_reached) {
            node->grad = 0.0;
        } else if (seed == 0) { /* below an infinite partial, too */
            node->grad = i + 1 < order->n ? 0.0 : seed;
        } else if (!has_block(node)) {
            if (node->kind[0] == FLOWS) {
                step_down(&node->edge[0], g, choices);
            }
            if (node->kind[1] == FLOWS) {
                step_down(&node->edge[1], g, choices);
            }
        } else {
            Edge *edge = node->block->edge;
            Kind *kind = kinds_of_block(node->block);
            for (Py_ssize_t j = 0; j < node->block->n; j++) {
                if (kind[j] == FLOWS) {
                    step_down(&edge[j], g, choices);
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
    Met met = {false, false};
    int done = walk(root, &order, &met, 0);
    if (done == 0) {
        if (met.choices) {
            sweep_down(&order, seed, true);
        } else {
            sweep_down(&order, seed, false);
        }
        if (met.values) {
            hold(&order);
            done = replace_gradients(&order);
            release(&order);
        }
    }
    stack_free(&order);
    return done;
}
