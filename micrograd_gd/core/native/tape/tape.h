/* The tape: a program as a flat array of 32-bit words, an opcode and then the *slots* of its
   result and its operands. Slots are places in one array of doubles, which begins with the
   constants.

   A number that varies over a batch has LANES slots in a row, and a loop runs its steps for so
   many lanes at once. What is used outside of its loop is *kept* in as many slots as the batch
   has lanes. */

#ifndef MICROGRAD_GD_TAPE_H
#define MICROGRAD_GD_TAPE_H

#include "node/state.h"
#include "record/record.h"

/* Native code: `x` has an address for each buffer of numbers that go in, `y` for each of those that
   come out, `v` is memory to work in. -1, or the place of the guard that fails. */
typedef int32_t (*NativeCode)(const double *const *x, double *const *y, double *v);

enum { LANES = 16, SUMS = 8, MOST_LENGTHS = 4 };

/* Batches whose length is open have one above all others: that of axis 0 is the largest. */
#define FIRST_OPEN (INT32_MAX - MOST_LENGTHS + 1)
#define AXIS_OF(lanes) (INT32_MAX - (lanes))

/* Opcodes beyond the rows. Guards: after each of the six relations whether it is to hold. */
enum {
    END = 0,
    FIRST_GUARD = ROW_COUNT,
    COPY = FIRST_GUARD + GUARD_COUNT, /* to, from */
    READ,                    /* to, buffer, offset */
    GATHER,                  /* to, count, from … */
    WIDEN,                   /* to all lanes, from */
    START_SUM,               /* sums */
    FINISH_SUM,              /* to, sums */
    START_LARGEST,           /* the same for the largest */
    FINISH_LARGEST,
    ADD_PRODUCT,             /* to, from, factors */
    LOOP,                    /* lanes, words in the loop; there, opcodes are the rows' or these: */
    OPEN_LOOP,               /* axis, words in the loop */
    OPCODES,
    FETCH = FIRST_GUARD,     /* to, buffer, offset, stride */
    RECALL,                  /* to, from what is kept */
    KEEP,                    /* to what is kept, from */
    RECALL_OPEN,             /* to, place in the row for LANES samples */
    KEEP_OPEN,               /* that place, from */
    PLACE,                   /* to, from, lane */
    INDEX,                   /* to */
    FETCH_THERE,             /* to, buffer, offset, stride, so many samples further, axis */
    ADD_UP,                  /* to sums, from */
    TAKE_LARGER,             /* the same for the largest */
    WRITE,                   /* from, buffer, offset, stride */
    ADD_PRODUCTS,            /* to, from, factors */
    ADD_UP_PRODUCTS,         /* to sums, factors */
    MULTIPLY_BY,             /* to, factor that is the same in all lanes, factor */
    ADD_MULTIPLES,           /* to, from, factor that is the same in all lanes, factor */
    WEIGH,                   /* as a row that sums products, whose first factors are the same */
};

/* Consecutive numbers of a buffer, and the first one's slot where they have slots in a row. */
typedef struct {
    Py_ssize_t count, buffer, offset;
    uint32_t slot;
} Piece;

typedef struct {
    Piece *piece;
    Py_ssize_t pieces;
    Py_ssize_t *size; /* of the buffers */
    int *axis;        /* 1 + the axis of one whose length is open, and of which this is a row; 0 */
    Py_ssize_t buffers;
    Py_ssize_t total;
} Places;

typedef struct {
    PyObject_HEAD
    uint32_t *code;
    Places x, y;
    uint32_t *output; /* the slots of the outputs; NO_SLOT for what a loop writes */
    double *constant; /* what the first slots hold; behind them are inputs and results */
    Py_ssize_t constants, slots;
    Py_ssize_t kept[MOST_LENGTHS]; /* how many numbers are kept for each sample of an axis */
} Tape;

#define NO_SLOT UINT32_MAX

#endif
