/* The sweeps over any number type: what they carry along. */

#ifndef MICROGRAD_GD_SWEEP_H
#define MICROGRAD_GD_SWEEP_H

#include "node/state.h"

typedef struct {
    State *state;
    PyObject *found;    /* {node: its adjoint, or its tangent} */
    PyObject *trace;    /* or None */
    PyObject *events;   /* of the trace, or NULL */
    PyObject *among;    /* the nodes that lead to those to stop at; NULL: all */
    PyObject *fallback; /* arithmetic.record_partial */
    uint32_t constant;  /* the operation of what a trace takes as constant, or 0 */
    bool differentiable;
    bool last;
    Flags flags; /* as they were at the start */
} Sweep;

/* A node's operands and partials, held while Python code may run, which could cut the graph. */
typedef struct {
    Py_ssize_t n;
    bool plain; /* all are floats and exact values */
    PyObject **x;
    Edge *edge;
    Kind *kind;
    PyObject *few_x[4];
    Edge few_edges[4];
    Kind few_kinds[4];
} Operands;

#endif
