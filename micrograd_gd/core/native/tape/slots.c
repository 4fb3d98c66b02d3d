/* The writer of tapes: slots for numbers.

   A slot that is free again waits on a stack, slots for LANES in a row on another. Slots for a
   whole batch, and those for a sum over it, are not used again. */

#include "tape/writer.h"

static inline uint32_t new_slot(Compilation *it)
{
    return it->free_count ? it->free[--it->free_count] : (uint32_t)it->next_slot++;
}

static uint32_t new_lanes(Compilation *it)
{
    if (it->free_lanes_count) {
        return it->free_lanes[--it->free_lanes_count];
    }
    uint32_t slot = (uint32_t)((it->next_slot + SUMS - 1) / SUMS * SUMS);
    it->next_slot = (int64_t)slot + LANES;
    return slot;
}

/* Slots for a sum over a batch, which are not used again. */
static uint32_t new_sums(Compilation *it)
{
    uint32_t slot = (uint32_t)((it->next_slot + SUMS - 1) / SUMS * SUMS);
    it->next_slot = (int64_t)slot + SUMS;
    return slot;
}

/* Slots for all lanes of a batch; NO_SLOT with an error set if there are too many. Where their
   number is open, a place among the numbers that are kept for LANES samples together. */
static uint32_t new_row(Compilation *it, int32_t lanes)
{
    if (lanes >= FIRST_OPEN) {
        return (uint32_t)(LANES * it->kept[AXIS_OF(lanes)]++);
    }
    int64_t slot = it->next_slot;
    it->next_slot += lanes;
    if (it->next_slot > INT32_MAX) {
        malformed("it takes too much memory");
        return NO_SLOT;
    }
    return (uint32_t)slot;
}

static inline int32_t lanes_of(const Compilation *it, int32_t operand)
{
    return operand < 0 || it->varying == NULL ? 0 : it->varying[operand].lanes;
}

/* The slot of a uniform operand that was computed before; NO_SLOT with an error set otherwise. */
static inline uint32_t slot_of(Compilation *it, int32_t operand)
{
    if (operand < 0) {
        return (uint32_t)~operand;
    }
    if (it->slot[operand] == 0) {
        malformed("an operand was not computed before, or not for all lanes");
    }
    return it->slot[operand] - 1;
}

/* Give the inputs that are used slots in a row, piece by piece. */
static int place_inputs(Compilation *it, Places *x)
{
    Places used = {NULL, 0, x->size, x->axis, x->buffers, x->total};
    used.piece = PyMem_Calloc((size_t)it->inputs + 1, sizeof(Piece));
    if (used.piece == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t number = 0;
    for (Py_ssize_t i = 0; i < x->pieces; i++) {
        Piece piece = x->piece[i];
        Piece *open = NULL;
        for (Py_ssize_t j = 0; j < piece.count; j++, number++) {
            if (it->last[number] == 0) {
                open = NULL;
                continue;
            }
            if (open == NULL) {
                open = &used.piece[used.pieces++];
                *open = (Piece){0, piece.buffer, piece.offset + j, (uint32_t)it->next_slot};
            }
            open->count += 1;
            it->slot[number] = (uint32_t)++it->next_slot;
        }
    }
    PyMem_Free(x->piece);
    *x = used;
    return 0;
}
