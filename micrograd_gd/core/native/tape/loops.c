/* The writer of tapes: loops over a batch.

   A loop is written in three goes over its records. First `prepare` looks at all of them and
   writes what has to be done before the loop: uniform operands are *widened* to LANES slots.
   Then the steps inside are written; a varying number from elsewhere is *fetched* from its
   buffer, or *recalled* from where it is kept. Behind the loop the sums over the batch are
   finished. */

#include "tape/writer.h"

/* Loops. All records of one are looked at before it is written. */

static inline Local *local_of(Compilation *it, int32_t operand)
{
    Local *local = &it->local[operand + it->constants];
    if (local->loop != it->loop) {
        *local = (Local){it->loop, NO_SLOT, 0};
    }
    return local;
}

/* Whether operand `i` is used as the one number that it is, and needs not be there LANES times. */
static bool is_taken_once(const Compilation *it, const Record *record, int32_t i)
{
    const int32_t *x = record->operand;
    if (record->op == ROW_OF_PRODUCT) {
        return lanes_of(it, x[i]) == 0 && lanes_of(it, x[1 - i]) > 0;
    }
    const int32_t pairs = (record->count - 1) / 2;
    if (record->op != ROW_THAT_WEIGHS || i == 0 || i > pairs) {
        return false;
    }
    for (int32_t j = 1; j <= pairs; j++) {
        if (lanes_of(it, x[j]) > 0) {
            return false;
        }
    }
    return true;
}

/* Give a uniform operand LANES slots that it fills before the loop. */
static int widen(Compilation *it, int32_t operand)
{
    const uint32_t slot = slot_of(it, operand);
    if (slot == NO_SLOT) {
        return -1;
    }
    Local *local = local_of(it, operand);
    if (local->slot == NO_SLOT) {
        local->slot = new_lanes(it);
        local->last = TO_THE_END;
        WORDS(it, WIDEN, local->slot, slot);
    }
    return 0;
}

static inline bool is_reduction(const Record *record)
{
    return record->op == RECORD_SUM || record->op == RECORD_LARGEST;
}

/* What has to be done before the loop for one record of it. */
static int prepare(Compilation *it, const Record *record, int32_t lanes, uint32_t place)
{
    const bool is_step = record->op > 0;
    if (!is_step && record->op != RECORD_PLACE && record->op != RECORD_INDEX
        && record->op != RECORD_SHIFT && !is_reduction(record) && record->op != RECORD_ROW) {
        return malformed("what belongs outside of loops stands in one");
    }
    if (has_result(record)) {
        if (check_new(it, record->result) < 0) {
            return -1;
        }
        if (is_reduction(record)) {
            Local *sums = local_of(it, record->result);
            sums->slot = new_sums(it);
            WORDS(it, record->op == RECORD_SUM ? START_SUM : START_LARGEST, sums->slot);
        } else {
            it->varying[record->result].lanes = lanes;
        }
    }
    const int32_t count = operands_in(record);
    for (int32_t i = 0; i < count; i++) {
        const int32_t operand = record->operand[i], n = lanes_of(it, operand);
        const bool may_be_one = is_step || record->op == RECORD_ROW;
        if (record->op == RECORD_PLACE ? n != 0 : n != lanes && (n != 0 || !may_be_one)) {
            return malformed("an operand has other lanes than the loop");
        }
        if (n == 0 && may_be_one && !is_taken_once(it, record, i) && widen(it, operand) < 0) {
            return -1;
        }
        if (n != 0) {
            local_of(it, operand)->last = place;
        }
    }
    return 0;
}

/* The slots of an operand in the loop, fetched there if it is from elsewhere. */
static uint32_t lanes_slot_of(Compilation *it, int32_t operand)
{
    Local *local = local_of(it, operand);
    if (local->slot == NO_SLOT) {
        const Varying *varying = &it->varying[operand];
        const int32_t *from = varying->source;
        if (from == NULL && varying->kept == 0) {
            malformed("an operand was not computed before");
            return NO_SLOT;
        }
        local->slot = new_lanes(it);
        if (from != NULL) {
            WORDS(it, FETCH, local->slot, (uint32_t)from[0], (uint32_t)from[1], (uint32_t)from[2]);
        } else {
            WORDS(it, varying->lanes >= FIRST_OPEN ? RECALL_OPEN : RECALL, local->slot,
                  varying->kept - 1);
        }
    }
    return local->slot;
}

static void free_lanes_after(Compilation *it, const Record *record)
{
    const int32_t count = operands_in(record);
    for (int32_t i = 0; i < count; i++) {
        Local *local = local_of(it, record->operand[i]);
        if (local->last == it->place) {
            local->last = TO_THE_END; /* once */
            it->free_lanes[it->free_lanes_count++] = local->slot;
        }
    }
}

/* The slot or the slots of operand `i` of a step. */
static inline uint32_t lane_operand(Compilation *it, const Record *record, int32_t i)
{
    const int32_t operand = record->operand[i];
    return is_taken_once(it, record, i) ? slot_of(it, operand) : lanes_slot_of(it, operand);
}

/* The product written just before, if it is needed for this record alone. */
static inline bool is_product_for(Compilation *it, int32_t operand)
{
    return it->product != NULL && it->to == it->product + 4 && it->product_result == operand
           && local_of(it, operand)->last == it->place;
}

/* As `add_product`, in lanes. */
static bool add_products(Compilation *it, const Record *record, uint32_t *slot)
{
    const int which = product_among(it, record);
    if (which < 0 || !is_product_for(it, it->product_result)) {
        return false;
    }
    *slot = local_of(it, record->operand[1 - which])->slot;
    return *slot != NO_SLOT; /* else it has to be fetched before */
}

static int write_lane_step(Compilation *it, const Record *record)
{
    uint32_t slot;
    if (add_products(it, record, &slot)) {
        const uint32_t *product = it->to = it->product;
        free_lanes_after(it, record);
        const uint32_t result = local_of(it, record->result)->slot = new_lanes(it);
        WORDS(it, product[0] == MULTIPLY_BY ? ADD_MULTIPLES : ADD_PRODUCTS, result, slot,
              product[2], product[3]);
        return 0;
    }
    for (int32_t i = 0; i < record->count; i++) { /* fetching stands before the step */
        if (lane_operand(it, record, i) == NO_SLOT) {
            return -1;
        }
    }
    int32_t steps = 0;
    uint32_t *word = it->to, *operand = begin_step(it, record, &steps);
    for (int32_t i = 0; i < record->count; i++) {
        operand[word_of_operand(&ROWS[record->op], i, steps)] = lane_operand(it, record, i);
    }
    if (record->op == ROW_OF_PRODUCT) {
        it->product = word;
        it->product_result = record->result;
        if (is_taken_once(it, record, 1)) { /* the one number comes first */
            const uint32_t first = operand[0];
            operand[0] = operand[1];
            operand[1] = first;
        }
        word[0] = is_taken_once(it, record, 0) || is_taken_once(it, record, 1) ? MULTIPLY_BY
                                                                               : word[0];
    } else if (steps > 0 && is_taken_once(it, record, 1)) {
        word[0] = WEIGH;
    }
    it->to = operand + record->count;
    free_lanes_after(it, record);
    word[1] = local_of(it, record->result)->slot = new_lanes(it);
    return 0;
}

static void write_sum(Compilation *it, const Record *record, uint32_t slot)
{
    const uint32_t sums = local_of(it, record->result)->slot;
    if (record->op == RECORD_LARGEST) {
        WORDS(it, TAKE_LARGER, sums, slot);
    } else if (is_product_for(it, record->operand[0]) && it->product[0] == ROW_OF_PRODUCT) {
        const uint32_t a = it->product[2], b = it->product[3];
        it->to = it->product;
        WORDS(it, ADD_UP_PRODUCTS, sums, a, b);
    } else {
        WORDS(it, ADD_UP, sums, slot);
    }
}

static int write_in_loop(Compilation *it, const Record *record, int32_t lanes)
{
    uint32_t slot = NO_SLOT;
    switch (record->op) {
    case RECORD_PLACE:
        slot = slot_of(it, record->operand[0]);
        if (slot == NO_SLOT || record->operand[1] >= lanes) {
            return slot == NO_SLOT ? -1 : malformed("there is no such lane");
        }
        local_of(it, record->result)->slot = new_lanes(it);
        WORDS(it, PLACE, it->local[record->result + it->constants].slot, slot,
              (uint32_t)record->operand[1]);
        return 0;
    case RECORD_INDEX:
        slot = local_of(it, record->result)->slot = new_lanes(it);
        WORDS(it, INDEX, slot);
        return 0;
    case RECORD_SHIFT: {
        const int32_t *from = record->operand;
        if (from[3] < FIRST_OPEN || !fits_buffer(it->x, from, from[3])) {
            return malformed("a place is out of range");
        }
        slot = local_of(it, record->result)->slot = new_lanes(it);
        WORDS(it, FETCH_THERE, slot, (uint32_t)from[0], (uint32_t)from[1], (uint32_t)from[2],
              (uint32_t)from[4], (uint32_t)AXIS_OF(from[3]));
        return 0;
    }
    case RECORD_SUM:
    case RECORD_LARGEST:
    case RECORD_ROW:
        slot = lanes_slot_of(it, record->operand[0]);
        if (slot == NO_SLOT) {
            return -1;
        }
        if (is_reduction(record)) {
            write_sum(it, record, slot);
        } else if (!fits_buffer(it->y, record->operand + 1, lanes)) {
            return malformed("a place is out of range");
        } else {
            WORDS(it, WRITE, slot, (uint32_t)record->operand[1], (uint32_t)record->operand[2],
                  (uint32_t)record->operand[3]);
        }
        free_lanes_after(it, record);
        return 0;
    default:
        return write_lane_step(it, record);
    }
}

/* A result of the loop is kept if it is used later; its slots are free if it is not used here. */
static int keep(Compilation *it, int32_t number, int32_t lanes, uint32_t end)
{
    Varying *varying = &it->varying[number];
    Local *local = local_of(it, number);
    if (it->last[number] > end) {
        const uint32_t kept = new_row(it, lanes);
        if (kept == NO_SLOT) {
            return -1;
        }
        varying->kept = kept + 1;
        WORDS(it, lanes >= FIRST_OPEN ? KEEP_OPEN : KEEP, kept, local->slot);
    }
    if (local->last == 0) {
        it->free_lanes[it->free_lanes_count++] = local->slot;
    }
    return 0;
}

/* What was made ready before the loop is not needed behind it. */
static void free_lanes_before(Compilation *it, int32_t operand)
{
    Local *local = local_of(it, operand);
    if (local->slot != NO_SLOT && lanes_of(it, operand) == 0) {
        it->free_lanes[it->free_lanes_count++] = local->slot;
        local->slot = NO_SLOT;
    }
}

/* The records from `p` to the next loop or the end. */
#define EACH_OF_STAGE(p, it, record)                                                    \
    const int32_t *p = start;                                                           \
    p < (it)->end && *p != RECORD_STAGE && next_record(&p, (it)->end, &(record));

/* Write the loop whose records begin at `start`; where they end, or NULL with an error set. */
static const int32_t *write_loop(Compilation *it, const int32_t *start, int32_t lanes)
{
    Record record;
    uint32_t place = it->place;
    it->loop += 1;
    for (EACH_OF_STAGE(p, it, record)) {
        if (prepare(it, &record, lanes, ++place) < 0) {
            return NULL;
        }
    }
    uint32_t *loop = it->to;
    if (lanes >= FIRST_OPEN) {
        WORDS(it, OPEN_LOOP, (uint32_t)AXIS_OF(lanes), 0);
    } else {
        WORDS(it, LOOP, (uint32_t)lanes, 0);
    }
    for (EACH_OF_STAGE(p, it, record)) {
        it->place += 1;
        if (write_in_loop(it, &record, lanes) < 0
            || (has_result(&record) && !is_reduction(&record)
                && keep(it, record.result, lanes, place) < 0)) {
            return NULL;
        }
    }
    WORDS(it, END);
    loop[2] = (uint32_t)(it->to - loop - 3);
    const int32_t *end = start;
    for (EACH_OF_STAGE(p, it, record)) {
        if (is_reduction(&record)) {
            uint32_t slot = slot_of_result(it, record.result);
            if (slot == NO_SLOT) {
                return NULL;
            }
            WORDS(it, record.op == RECORD_SUM ? FINISH_SUM : FINISH_LARGEST, slot, local_of(it, record.result)->slot);
        }
        for (int32_t i = 0; i < operands_in(&record); i++) {
            free_lanes_before(it, record.operand[i]);
        }
        end = p;
    }
    return end;
}
