/* From the encoded form of a program to a tape: what is known while it is written.

   A *record* is an instruction, a guard or one of the kinds below, as integers; the program's
   numbers are counted from 0, and ~i is constant i. A number is *uniform*, one for a whole
   batch, or *varying*, one for each lane. */

#ifndef MICROGRAD_GD_WRITER_H
#define MICROGRAD_GD_WRITER_H

#include "tape/tape.h"

/* A record, of the kinds of core/tape_format.py besides instructions and guards:

   RECORD_STAGE     lanes, 0                                     a loop begins; 0 lanes: no loop
   RECORD_STRIDED   result, 4, buffer, offset, stride, lanes     varying, read in place
   RECORD_PACK      result, lanes, operand …                     varying
   RECORD_PICK      result, 2, operand, lane
   RECORD_PLACE     result, 2, operand, lane                     varying, -0.0 in others
   RECORD_SUM       result, 1, operand
   RECORD_LARGEST   result, 1, operand
   RECORD_INDEX     result, 0                                    varying, i in lane i
   RECORD_SHIFT     result, 5, buffer, offset, stride, lanes, k  varying: in lane i what is read in
                                                                 place for lane i + k of others; 0.0
   RECORD_ROW       0, 4, operand, buffer, offset, stride        all lanes of it are results; there,
                                                                 the output is BY_ROW */
typedef struct {
    int32_t op; /* a row's number, or negative for guards and the other kinds */
    int32_t result;
    int32_t count;
    const int32_t *operand;
} Record;

/* What is known of a varying number. */
typedef struct {
    int32_t lanes;         /* 0: it is uniform */
    const int32_t *source; /* buffer, offset, stride, where it is read in place */
    uint32_t kept;         /* 1 + the first of the slots for all lanes; 0: it is not kept */
} Varying;

/* A number in the loop that is being written. */
typedef struct {
    uint32_t loop;     /* the loop that this is about */
    uint32_t slot;     /* LANES slots, or NO_SLOT */
    uint32_t last;     /* the record that uses it last in there */
} Local;

typedef struct {
    const int32_t *code, *end;
    const int32_t *output;
    Py_ssize_t outputs, constants, inputs;
    Py_ssize_t words;    /* that the tape will take at most */
    bool has_loops;
    int32_t highest;     /* number of a result */
    uint32_t *last;      /* by number: the record that uses it last; 0: none does */
    uint32_t *slot;      /* by number: 1 + its slot; 0: it has none */
    uint32_t *free;      /* slots that wait to be used again, as a stack */
    Py_ssize_t free_count;
    int64_t next_slot;
    Py_ssize_t kept[MOST_LENGTHS]; /* as of the tape */
    Varying *varying;    /* by number, where there are loops */
    Local *local;        /* by operand, constants first */
    uint32_t *free_lanes; /* as `free`, for LANES slots in a row */
    Py_ssize_t free_lanes_count;
    uint32_t loop;        /* how many have begun */
    const Places *x, *y;
    uint32_t *to;        /* the next word */
    uint32_t *product;   /* the words of the latest product, and its number */
    int32_t product_result;
    uint32_t place;      /* of the record */
    int32_t guards;
} Compilation;

#define TO_THE_END UINT32_MAX

#endif
