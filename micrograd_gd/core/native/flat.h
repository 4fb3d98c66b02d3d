/* From the flat form of a program, which `jit/flat.py` explains, to a tape. Whatever is wrong with it
   is found out here. */

#ifndef MICROGRAD_GD_FLAT_H
#define MICROGRAD_GD_FLAT_H

#include "tape.h"

static int malformed(const char *what)
{
    PyErr_Format(PyExc_ValueError, "no flat program: %s", what);
    return -1;
}

/* Places come as a sequence of (count, buffer, offset). */
static int read_places(PyObject *runs, Places *places)
{
    PyObject *fast = PySequence_Tuple(runs);
    if (fast == NULL) {
        return -1;
    }
    const Py_ssize_t n = PyTuple_GET_SIZE(fast), most = INT32_MAX / 2;
    places->piece = PyMem_Calloc((size_t)n + 1, sizeof(Piece));
    places->size = PyMem_Calloc((size_t)n + 1, sizeof(Py_ssize_t));
    places->buffers = 1;
    int done = places->piece && places->size ? 0 : -1;
    if (done < 0) {
        PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; done == 0 && i < n; i++) {
        Piece *piece = &places->piece[i];
        PyObject *run = PyTuple_GET_ITEM(fast, i);
        if (!PyTuple_Check(run)) {
            done = malformed("places are tuples");
        } else if (!PyArg_ParseTuple(run, "nnn", &piece->count, &piece->buffer, &piece->offset)) {
            done = -1;
        } else if (piece->count < 0 || piece->count > most || piece->offset < 0
                   || piece->offset > most || piece->buffer < 0 || piece->buffer > n
                   || places->total > most) {
            done = malformed("a place is out of range");
        } else {
            Py_ssize_t *size = &places->size[piece->buffer];
            *size = Py_MAX(*size, piece->offset + piece->count);
            places->buffers = Py_MAX(places->buffers, piece->buffer + 1);
            places->total += piece->count;
            places->pieces = i + 1;
        }
    }
    Py_DECREF(fast);
    return done;
}

static void free_places(Places *places)
{
    PyMem_Free(places->piece);
    PyMem_Free(places->size);
}

/* Records. */

enum {
    LAST_GUARD = -12,
    A_LOOP = -13,  /* lanes, 0                                      begins a stage; 0: no loop */
    STRIDED = -14, /* result, 4, buffer, offset, stride, lanes      varying, read in place */
    PACK = -15,    /* result, lanes, operand …                      varying */
    PICK = -16,    /* result, 2, operand, lane */
    PUT = -17,     /* result, 2, operand, lane                      varying, 0 in other lanes */
    SUM = -18,     /* result, 1, operand */
    A_ROW = -19,   /* 0, 4, operand, buffer, offset, stride         all lanes of it are results */
    UNKNOWN = -20,
    BY_ROW = INT32_MIN, /* an output that such a row writes */
};

typedef struct {
    int32_t op; /* a row's number, or negative for a guard and for those above */
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

/* The record at `p`, which is moved behind it; false at a record that is cut off. */
static inline bool next_record(const int32_t **p, const int32_t *end, Record *record)
{
    const int32_t *at = *p;
    const Py_ssize_t left = end - at;
    if (at[0] < 0 && at[0] >= LAST_GUARD) {
        *record = (Record){at[0], -1, 2, at + 1};
    } else if (left < 3 || at[2] < 0) {
        return false;
    } else {
        *record = (Record){at[0], at[1], at[2], at + 3};
    }
    *p = record->operand;
    if (end - *p < record->count) {
        return false;
    }
    *p += record->count;
    return true;
}

static inline bool is_guard(const Record *record)
{
    return record->op < 0 && record->op >= LAST_GUARD;
}

static inline bool has_result(const Record *record)
{
    return record->op > 0 || (record->op < A_LOOP && record->op != A_ROW);
}

/* How many of the integers behind the count are operands. */
static inline int32_t operands_in(const Record *record)
{
    switch (record->op) {
    case A_LOOP:
    case STRIDED:
        return 0;
    case PICK:
    case PUT:
    case SUM:
    case A_ROW:
        return 1;
    default:
        return record->count;
    }
}

static bool has_right_count(const Record *record)
{
    switch (record->op) {
    case A_LOOP:
        return record->count == 0 && record->result >= 0;
    case STRIDED:
    case A_ROW:
        return record->count == 4;
    case PACK:
        return record->count > 0;
    case PICK:
    case PUT:
        return record->count == 2 && record->operand[1] >= 0;
    case SUM:
        return record->count == 1;
    default:
        return is_guard(record)
               || completed(&ROWS[record->op], record->count) == record->count;
    }
}

/* Check the form of all records, and measure. */
static int survey(Compilation *it)
{
    Record record;
    it->words = 1;
    it->highest = (int32_t)it->inputs - 1;
    for (const int32_t *p = it->code; p < it->end;) {
        if (!next_record(&p, it->end, &record)) {
            return malformed("a record is cut off");
        }
        if (record.op <= UNKNOWN || record.op == 0 || record.op >= ROW_COUNT) {
            return malformed("there is no such operation");
        }
        if (!has_right_count(&record)) {
            return malformed("an operation has the wrong number of operands");
        }
        if (has_result(&record) && record.result < it->inputs) {
            return malformed("a result has the number of an input");
        }
        it->words += 4 + record.count;
        if (record.op == A_LOOP) {
            it->has_loops = true;
        } else if (has_result(&record)) {
            it->highest = Py_MAX(it->highest, record.result);
        }
    }
    if (it->has_loops) {
        it->words *= 12; /* numbers are widened, fetched and kept besides */
    }
    return 0;
}

static inline bool is_operand(Compilation *it, int32_t operand)
{
    return operand < 0 ? ~operand < it->constants : operand <= it->highest;
}

/* Note where every number is used last. */
static int find_last_uses(Compilation *it)
{
    Record record;
    uint32_t place = 0;
    for (const int32_t *p = it->code; p < it->end && next_record(&p, it->end, &record);) {
        const int32_t count = operands_in(&record);
        place += 1;
        for (int32_t i = 0; i < count; i++) {
            if (!is_operand(it, record.operand[i])) {
                return malformed("an operand is out of range");
            }
            if (record.operand[i] >= 0) {
                it->last[record.operand[i]] = place;
            }
        }
    }
    for (Py_ssize_t i = 0; i < it->outputs; i++) {
        if (it->output[i] != BY_ROW && !is_operand(it, it->output[i])) {
            return malformed("an output is out of range");
        }
        if (it->output[i] >= 0) {
            it->last[it->output[i]] = TO_THE_END;
        }
    }
    return 0;
}

/* Slots. */

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

/* Slots for all lanes of a batch; NO_SLOT with an error set if there are too many. */
static uint32_t new_row(Compilation *it, int32_t lanes)
{
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
    Places used = {NULL, 0, x->size, x->buffers, x->total};
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

/* Writing words. */

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
    return first >= 0 && last >= 0 && first < size && last < size;
}

static int write_pack(Compilation *it, const Record *record)
{
    Varying *varying = &it->varying[record->result];
    if (check_new(it, record->result) < 0) {
        return -1;
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
    if (lane >= lanes_of(it, operand)) {
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
        case STRIDED:
            return note_strided(it, record);
        case PACK:
            return write_pack(it, record);
        case PICK:
            return write_pick(it, record);
        }
    }
    return malformed("what belongs in a loop stands outside");
}

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

/* What has to be done before the loop for one record of it. */
static int prepare(Compilation *it, const Record *record, int32_t lanes, uint32_t place)
{
    const bool is_step = record->op > 0;
    if (!is_step && record->op != PUT && record->op != SUM && record->op != A_ROW) {
        return malformed("what belongs outside of loops stands in one");
    }
    if (has_result(record)) {
        if (check_new(it, record->result) < 0) {
            return -1;
        }
        if (record->op == SUM) {
            Local *sums = local_of(it, record->result);
            sums->slot = new_sums(it);
            WORDS(it, START_SUM, sums->slot);
        } else {
            it->varying[record->result].lanes = lanes;
        }
    }
    const int32_t count = operands_in(record);
    for (int32_t i = 0; i < count; i++) {
        const int32_t operand = record->operand[i], n = lanes_of(it, operand);
        if (record->op == PUT ? n != 0 : n != lanes && (n != 0 || !is_step)) {
            return malformed("an operand has other lanes than the loop");
        }
        if (n == 0 && is_step && !is_taken_once(it, record, i) && widen(it, operand) < 0) {
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
            WORDS(it, RECALL, local->slot, varying->kept - 1);
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
    if (is_product_for(it, record->operand[0]) && it->product[0] == ROW_OF_PRODUCT) {
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
    case PUT:
        slot = slot_of(it, record->operand[0]);
        if (slot == NO_SLOT || record->operand[1] >= lanes) {
            return slot == NO_SLOT ? -1 : malformed("there is no such lane");
        }
        local_of(it, record->result)->slot = new_lanes(it);
        WORDS(it, PLACE, it->local[record->result + it->constants].slot, slot,
              (uint32_t)record->operand[1]);
        return 0;
    case SUM:
    case A_ROW:
        slot = lanes_slot_of(it, record->operand[0]);
        if (slot == NO_SLOT) {
            return -1;
        }
        if (record->op == SUM) {
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
        WORDS(it, KEEP, kept, local->slot);
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
    p < (it)->end && *p != A_LOOP && next_record(&p, (it)->end, &(record));

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
    WORDS(it, LOOP, (uint32_t)lanes, 0);
    for (EACH_OF_STAGE(p, it, record)) {
        it->place += 1;
        if (write_in_loop(it, &record, lanes) < 0
            || (has_result(&record) && record.op != SUM
                && keep(it, record.result, lanes, place) < 0)) {
            return NULL;
        }
    }
    WORDS(it, END);
    loop[2] = (uint32_t)(it->to - loop - 3);
    const int32_t *end = start;
    for (EACH_OF_STAGE(p, it, record)) {
        if (record.op == SUM) {
            uint32_t slot = slot_of_result(it, record.result);
            if (slot == NO_SLOT) {
                return NULL;
            }
            WORDS(it, FINISH_SUM, slot, local_of(it, record.result)->slot);
        }
        for (int32_t i = 0; i < operands_in(&record); i++) {
            free_lanes_before(it, record.operand[i]);
        }
        end = p;
    }
    return end;
}

static int write_all(Compilation *it)
{
    Record record;
    for (const int32_t *p = it->code; p < it->end && next_record(&p, it->end, &record);) {
        it->place += 1;
        if (record.op != A_LOOP) {
            if (write_uniform(it, &record) < 0) {
                return -1;
            }
        } else if (record.result > 0) {
            p = write_loop(it, p, record.result);
            if (p == NULL) {
                return -1;
            }
        }
    }
    WORDS(it, END);
    return 0;
}

/* What is known of numbers in loops. */
static int start_loops(Compilation *it, size_t numbers)
{
    it->varying = PyMem_Calloc(numbers + 1, sizeof(Varying));
    it->local = PyMem_Calloc(numbers + (size_t)it->constants + 1, sizeof(Local));
    it->free_lanes = PyMem_Malloc((numbers + (size_t)it->constants + 1) * sizeof(uint32_t));
    if (!it->varying || !it->local || !it->free_lanes) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static int compile_tape(Compilation *it, Tape *tape)
{
    if (survey(it) < 0) {
        return -1;
    }
    const size_t numbers = (size_t)it->highest + 1;
    it->last = PyMem_Calloc(numbers + 1, sizeof(uint32_t));
    it->slot = PyMem_Calloc(numbers + 1, sizeof(uint32_t)); /* untouched where numbers have gaps */
    it->free = PyMem_Malloc((numbers + 1) * sizeof(uint32_t));
    it->to = tape->code = PyMem_Malloc((size_t)it->words * sizeof(uint32_t));
    tape->output = PyMem_Malloc(((size_t)it->outputs + 1) * sizeof(uint32_t));
    if (!it->last || !it->slot || !it->free || !tape->code || !tape->output) {
        PyErr_NoMemory();
        return -1;
    }
    it->next_slot = it->constants;
    if ((it->has_loops && start_loops(it, numbers) < 0) || find_last_uses(it) < 0
        || place_inputs(it, &tape->x) < 0 || write_all(it) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < it->outputs; i++) {
        tape->output[i] = it->output[i] == BY_ROW ? NO_SLOT : slot_of(it, it->output[i]);
        if (tape->output[i] == NO_SLOT && it->output[i] != BY_ROW) {
            return -1;
        }
    }
    return it->next_slot > INT32_MAX ? malformed("it takes too much memory") : 0;
}

/* A buffer of whole items. */
static int items_of(Py_buffer *view, size_t size, const char *what, Py_ssize_t *count)
{
    const Py_ssize_t most = INT32_MAX / 8;
    *count = view->len / (Py_ssize_t)size;
    if (view->len % (Py_ssize_t)size || *count > most
        || (*count && (uintptr_t)view->buf % sizeof(int32_t))) {
        return malformed(what);
    }
    return 0;
}

static int fill_tape(Tape *tape, Py_buffer *code, Py_buffer *constants, Py_buffer *outputs,
                     PyObject *x, PyObject *y)
{
    Compilation it = {0};
    Py_ssize_t words;
    if (items_of(code, sizeof(int32_t), "the code", &words) < 0
        || items_of(constants, sizeof(double), "the constants", &it.constants) < 0
        || items_of(outputs, sizeof(int32_t), "the outputs", &it.outputs) < 0
        || read_places(x, &tape->x) < 0 || read_places(y, &tape->y) < 0) {
        return -1;
    }
    if (tape->y.total != it.outputs || tape->x.total > INT32_MAX / 8) {
        return malformed("there are not as many places as numbers");
    }
    it.code = code->buf;
    it.end = it.code + words;
    it.output = outputs->buf;
    it.inputs = tape->x.total;
    it.x = &tape->x;
    it.y = &tape->y;
    int done = compile_tape(&it, tape);
    PyMem_Free(it.last);
    PyMem_Free(it.slot);
    PyMem_Free(it.free);
    PyMem_Free(it.varying);
    PyMem_Free(it.local);
    PyMem_Free(it.free_lanes);
    if (done < 0) {
        return -1;
    }
    tape->v = PyMem_Calloc((size_t)it.next_slot + 1, sizeof(double));
    if (tape->v == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(tape->v, constants->buf, (size_t)it.constants * sizeof(double));
    return 0;
}

PyDoc_STRVAR(tape_doc,
"Tape(code, constants, outputs, x, y)\n--\n\n\
A program in its flat form, which `jit/flat.py` explains, ready to run.\n\
\n\
`x` and `y` say where the numbers that go in and come out lie, as (count, buffer, offset).\n\
Raises ValueError for what is of no such form.\n\
");

static PyObject *tape_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"code", "constants", "outputs", "x", "y", NULL};
    Py_buffer code, constants, outputs;
    PyObject *x, *y;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "y*y*y*OO:Tape", names, &code, &constants,
                                     &outputs, &x, &y)) {
        return NULL;
    }
    Tape *tape = (Tape *)type->tp_alloc(type, 0);
    if (tape != NULL && fill_tape(tape, &code, &constants, &outputs, x, y) < 0) {
        Py_CLEAR(tape);
    }
    PyBuffer_Release(&code);
    PyBuffer_Release(&constants);
    PyBuffer_Release(&outputs);
    return (PyObject *)tape;
}

static void tape_dealloc(PyObject *self)
{
    Tape *tape = (Tape *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(tape->code);
    PyMem_Free(tape->output);
    PyMem_Free(tape->v);
    free_places(&tape->x);
    free_places(&tape->y);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot tape_slots[] = {
    {Py_tp_doc, (void *)tape_doc},
    {Py_tp_new, tape_new},
    {Py_tp_dealloc, tape_dealloc},
    {0, NULL},
};

static PyType_Spec tape_spec = {
    .name = "micrograd_gd.core.native.extension.Tape",
    .basicsize = sizeof(Tape),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = tape_slots,
};

#endif
