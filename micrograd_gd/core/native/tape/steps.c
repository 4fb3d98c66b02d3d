/* The writer of tapes: what stands outside of loops, steps and guards on uniform numbers, and
   the border, where lanes of a batch come from single numbers (*pack*) and become such (*pick*).

   A product whose only use is the sum right behind it is added in the same step, with the same
   two roundings. */

#include "tape/writer.h"

#define WORDS(it, ...)                                                 \
    do {                                                               \
        const uint32_t words[] = {__VA_ARGS__};                        \
        memcpy((it)->to, words, sizeof(words));                        \
        (it)->to += sizeof(words) / sizeof(words[0]);                  \
    } while (0)

/* The slots of operands are free again where this is their last use. */
static inline void free_operands(Compilation *it, const Record *record)
{
    const int32_t count = operands_in(record);
    for (int32_t i = 0; i < count; i++) {
        int32_t number = record->operand[i];
        if (number >= 0 && it->last[number] == it->place && it->slot[number] != 0) {
            it->last[number] = 0; /* an operand may stand there twice */
            it->free[it->free_count++] = it->slot[number] - 1;
        }
    }
}

/* Whether a number is new, and may be computed. */
static inline int check_new(const Compilation *it, int32_t number)
{
    if (it->slot[number] != 0 || lanes_of(it, number)) {
        return malformed("a number is computed twice");
    }
    return 0;
}

/* A slot for a result; NO_SLOT with an error set if it was computed before. */
static inline uint32_t slot_of_result(Compilation *it, int32_t number)
{
    if (check_new(it, number) < 0) {
        return NO_SLOT;
    }
    uint32_t slot = new_slot(it);
    it->slot[number] = slot + 1;
    if (it->last[number] == 0) {
        it->free[it->free_count++] = slot;
    }
    return slot;
}

/* Where operand `i` of a step stands among its words: all w and then all x of a row that folds come
   as a pair for each step. */
static inline int32_t word_of_operand(const Row *row, int32_t i, int32_t steps)
{
    const int32_t groups = (int32_t)row->groups;
    return groups == 0 || i == 0 ? i : 1 + (i - 1) % steps * groups + (i - 1) / steps;
}

/* The words before the operands of a row's step, which are returned to be filled. */
static inline uint32_t *begin_step(Compilation *it, const Record *record, int32_t *steps)
{
    const Row *row = &ROWS[record->op];
    uint32_t *operand = it->to + 2;
    it->to[0] = (uint32_t)record->op;
    if (row->groups > 0) {
        *steps = (record->count - 1) / (int32_t)row->groups;
        *operand++ = (uint32_t)*steps;
    }
    return operand;
}

/* The operand of a sum that is the product written just before, or -1. */
static inline int product_among(const Compilation *it, const Record *record)
{
    const int32_t *x = record->operand;
    if (record->op != ROW_OF_SUM || it->product == NULL || it->to != it->product + 4
        || x[0] == x[1]) {
        return -1;
    }
    return x[0] == it->product_result ? 0 : x[1] == it->product_result ? 1 : -1;
}

/* Where its last use is a sum, a product is added in the same step, with the same two roundings. */
static inline int add_product(Compilation *it, const Record *record, int which)
{
    uint32_t slot = slot_of(it, record->operand[1 - which]);
    if (slot == NO_SLOT) {
        return -1;
    }
    it->to = it->product;
    free_operands(it, record);
    uint32_t result = slot_of_result(it, record->result);
    if (result == NO_SLOT) {
        return -1;
    }
    WORDS(it, ADD_PRODUCT, result, slot, it->product[2], it->product[3]);
    return 0;
}

static int write_step(Compilation *it, const Record *record)
{
    const int which = product_among(it, record);
    if (which >= 0 && it->last[it->product_result] == it->place) {
        return add_product(it, record, which);
    }
    if (record->op == ROW_OF_PRODUCT) {
        it->product = it->to;
        it->product_result = record->result;
    }
    int32_t steps = 0;
    uint32_t *operand = begin_step(it, record, &steps), *result = it->to + 1;
    for (int32_t i = 0; i < record->count; i++) {
        uint32_t slot = slot_of(it, record->operand[i]);
        if (slot == NO_SLOT) {
            return -1;
        }
        operand[word_of_operand(&ROWS[record->op], i, steps)] = slot;
    }
    it->to = operand + record->count;
    free_operands(it, record);
    *result = slot_of_result(it, record->result);
    return *result == NO_SLOT ? -1 : 0;
}

static int write_guard(Compilation *it, const Record *record)
{
    uint32_t a = slot_of(it, record->operand[0]), b = slot_of(it, record->operand[1]);
    if (a == NO_SLOT || b == NO_SLOT) {
        return -1;
    }
    WORDS(it, (uint32_t)(FIRST_GUARD - 1 - record->op), (uint32_t)it->guards++, a, b);
    free_operands(it, record);
    return 0;
}

/* Whether lanes that lie evenly in a buffer are all inside of it. */
static bool fits_buffer(const Places *places, const int32_t *place, int32_t lanes)
{
    const int64_t first = place[1], last = first + (int64_t)place[2] * (lanes - 1);
    if (place[0] < 0 || place[0] >= places->buffers) {
        return false;
    }
    const Py_ssize_t size = places->size[place[0]];
    if (lanes >= FIRST_OPEN) { /* one number of every row */
        return places->axis[place[0]] == 1 + AXIS_OF(lanes) && first >= 0 && first < size
               && place[2] == size;
    }
    return first >= 0 && last >= 0 && first < size && last < size;
}

static int write_pack(Compilation *it, const Record *record)
{
    Varying *varying = &it->varying[record->result];
    if (check_new(it, record->result) < 0) {
        return -1;
    }
    if (record->count >= FIRST_OPEN) {
        return malformed("a place is out of range");
    }
    const uint32_t kept = new_row(it, record->count);
    if (kept == NO_SLOT) {
        return -1;
    }
    varying->kept = kept + 1;
    WORDS(it, GATHER, kept, (uint32_t)record->count);
    for (int32_t i = 0; i < record->count; i++) {
        uint32_t slot = slot_of(it, record->operand[i]);
        if (slot == NO_SLOT) {
            return -1;
        }
        *it->to++ = slot;
    }
    free_operands(it, record);
    varying->lanes = record->count;
    return 0;
}

static int write_pick(Compilation *it, const Record *record)
{
    const int32_t operand = record->operand[0], lane = record->operand[1];
    if (lane >= lanes_of(it, operand) || lanes_of(it, operand) >= FIRST_OPEN) {
        return malformed("there is no such lane");
    }
    const Varying *from = &it->varying[operand];
    uint32_t result = slot_of_result(it, record->result);
    if (result == NO_SLOT) {
        return -1;
    }
    if (from->source != NULL) {
        const int32_t at = from->source[1] + from->source[2] * lane;
        WORDS(it, READ, result, (uint32_t)from->source[0], (uint32_t)at);
    } else if (from->kept == 0) {
        return malformed("an operand was not computed before, or not for all lanes");
    } else {
        WORDS(it, COPY, result, from->kept - 1 + (uint32_t)lane);
    }
    return 0;
}

/* A number that is read in place takes no step. */
static int note_strided(Compilation *it, const Record *record)
{
    const int32_t *place = record->operand, lanes = place[3];
    if (check_new(it, record->result) < 0) {
        return -1;
    }
    if (lanes <= 0 || !fits_buffer(it->x, place, lanes)) {
        return malformed("a place is out of range");
    }
    it->varying[record->result] = (Varying){lanes, place, 0};
    return 0;
}

static int write_uniform(Compilation *it, const Record *record)
{
    if (record->op > 0) {
        return write_step(it, record);
    }
    if (is_guard(record)) {
        return write_guard(it, record);
    }
    if (it->varying != NULL) {
        switch (record->op) {
        case RECORD_STRIDED:
            return note_strided(it, record);
        case RECORD_PACK:
            return write_pack(it, record);
        case RECORD_PICK:
            return write_pick(it, record);
        }
    }
    return malformed("what belongs in a loop stands outside");
}
