/* The passes: what they know while they turn the events of a trace into a program. */

#ifndef MICROGRAD_GD_PASSES_H
#define MICROGRAD_GD_PASSES_H

#include "node/state.h"

/* Integers that grow, and a hash table from 64 bits to 32. */

typedef struct {
    int32_t *item;
    size_t n, room;
} Ints;

typedef struct {
    uint64_t *key;
    int32_t *item; /* -1: nothing is there */
    size_t n, mask;
} Table;

/* The operations at the border of a batch that are known here; compiler/lanes.py explains them. */
typedef enum { INSIDE, SUM_OF_LANES, LARGEST_OF_LANES, SPREAD_OVER_LANES, INDEX_OF_LANES } Border;

/* What the passes know of an operation: `passes.describe`, which says what it means. */
typedef struct {
    bool known, is_used, is_text, is_copy, chooses;
    Border border;
    int32_t lanes; /* of the batch */
    bool has_neutral[2];
    double neutral[2];
    bool has_fixing[2];
    double fixing[2];
    uint32_t squared; /* the operation that a power of 2 is, or 0 */
} Traits;

/* A node, and its gradient, in whose place it has its number while nodes are written down. */
typedef struct {
    Node *node;
    double grad;
} Kept;

typedef struct {
    State *state;
    PyObject *inputs, *events, *outputs; /* lists */
    PyObject *lengths;                   /* a list: the open lengths of batches */
    PyObject *given, *wanted;            /* lists: the lanes of inputs and outputs; empty for none */
    PyObject *traits;                    /* passes.describe */
    PyObject *shorten;                   /* what shortens choices in batches */
    PyObject *ops;                       /* {number: operation} of what is in the program */
    Traits *of_op;
    uint32_t op_room;
    Kept *kept; /* all nodes with numbers, while they have them */
    size_t kept_count, kept_room;
    size_t event_count;
    Stack captured; /* held */
    Stack labelled; /* held */
    Ints labels;    /* their numbers */
    Table places;   /* of the constants, by their bits */
    double *constant;
    size_t constants, constant_room;
    Ints raw;     /* the records as they were written down */
    Ints code;    /* those that are left */
    Ints start;   /* of each of them */
    Ints result;  /* the outputs */
    Ints after;   /* the operand that a number has become */
    bool *needed; /* whether what is left depends on a number */
    int32_t *lanes, *lanes_left; /* of numbers, as they were written down, and of what is left */
    int32_t *same;
    size_t same_mask; /* records in `code` that are found by what they compute */
    bool unusual;
} Passes;

enum { MADE = 1 << 29 }; /* numbers of nodes that were made, until it is known where these begin */

#endif
