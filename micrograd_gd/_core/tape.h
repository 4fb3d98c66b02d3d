/* The tape: a program as a flat array of instructions, and the interpreter that runs it.

   It comes as `jit/flat.py` writes it, which says what the records mean. Here every record becomes
   32-bit words, an opcode and the slots of its result and operands; the numbers lie in the slots.
   The steps call the functions that the engine's rules call, so the bits are the same. */

#ifndef MICROGRAD_GD_TAPE_H
#define MICROGRAD_GD_TAPE_H

#include "record.h"
#include "tape_rows.h" /* TAPE_LABELS and TAPE_STEPS, generated from the table */

/* Native code: `x` has an address for each buffer of numbers that go in, `y` for each of those that
   come out, `v` is memory to work in. -1, or the place of the guard that fails. */
typedef int32_t (*NativeCode)(const double *const *x, double *const *y, double *v);

/* Opcodes beyond the rows: after each of the six relations whether it is to hold. */
enum { END = 0, FIRST_GUARD = ROW_COUNT, OPCODES = ROW_COUNT + 12 };

/* So many consecutive numbers of a buffer, and the first one's slot where they have slots in a row. */
typedef struct {
    Py_ssize_t count, buffer, offset;
    uint32_t slot;
} Piece;

typedef struct {
    Piece *piece;
    Py_ssize_t pieces;
    Py_ssize_t *size; /* of the buffers */
    Py_ssize_t buffers;
    Py_ssize_t total;
} Places;

typedef struct {
    PyObject_HEAD
    uint32_t *code;
    Places x, y;
    uint32_t *output; /* the slots of the outputs */
    double *v;        /* the slots: constants, inputs, results */
    Py_ssize_t slots, constants;
    Py_ssize_t instructions;
} Tape;

/* Running. */

static int32_t run_steps(const uint32_t *p, double *v)
{
#define OPERAND(i) v[p[2 + (i)]]
#ifdef __GNUC__
    static const void *const label[OPCODES] = {
        &&opcode_0, TAPE_LABELS, &&guard_0, &&guard_1, &&guard_2, &&guard_3, &&guard_4, &&guard_5,
        &&guard_6, &&guard_7, &&guard_8, &&guard_9, &&guard_10, &&guard_11,
    };
#define OPCODE(k) opcode_##k
#define GUARD_OPCODE(k) guard_##k
#define NEXT goto *label[*p]
    NEXT;
#else
#define OPCODE(k) case k
#define GUARD_OPCODE(k) case FIRST_GUARD + k
#define NEXT continue
    for (;;)
        switch (*p)
#endif
    {
#define STEP(k, arity, y)       \
    OPCODE(k) : v[p[1]] = y;    \
    p += 2 + (arity);           \
    NEXT;
/* So many steps that add to `sum_so_far`, which stays out of memory meanwhile. */
#define FOLD(k, groups, y)                                 \
    OPCODE(k) :                                            \
    {                                                      \
        double sum_so_far = OPERAND(1);                    \
        const uint32_t result = p[1];                      \
        const uint32_t *end = p + 4 + (groups) * p[2];     \
        for (p += 4; p != end; p += (groups)) {            \
            sum_so_far = y;                                \
        }                                                  \
        v[result] = sum_so_far;                            \
        NEXT;                                              \
    }
#define ADDED(i) v[p[i]]
#define GUARD(k, relation, holds)                     \
    GUARD_OPCODE(k) :                                 \
    if ((v[p[2]] relation v[p[3]]) != (holds)) {      \
        return (int32_t)p[1];                         \
    }                                                 \
    p += 4;                                           \
    NEXT;
        OPCODE(0) : return -1;
        TAPE_STEPS
        GUARD(0, <, false) GUARD(1, <, true) GUARD(2, <=, false) GUARD(3, <=, true)
        GUARD(4, ==, false) GUARD(5, ==, true) GUARD(6, !=, false) GUARD(7, !=, true)
        GUARD(8, >, false) GUARD(9, >, true) GUARD(10, >=, false) GUARD(11, >=, true)
    }
}

static int32_t run_tape(Tape *tape, const double *const *x, double *const *y)
{
    double *v = tape->v;
    for (Py_ssize_t i = 0; i < tape->x.pieces; i++) {
        const Piece *piece = &tape->x.piece[i];
        memcpy(v + piece->slot, x[piece->buffer] + piece->offset,
               (size_t)piece->count * sizeof(double));
    }
    int32_t failed = run_steps(tape->code, v);
    if (failed >= 0) {
        return failed;
    }
    const uint32_t *output = tape->output;
    for (Py_ssize_t i = 0; i < tape->y.pieces; i++) {
        const Piece *piece = &tape->y.piece[i];
        double *to = y[piece->buffer] + piece->offset;
        for (Py_ssize_t j = 0; j < piece->count; j++) {
            to[j] = v[*output++];
        }
    }
    return -1;
}

/* Making one. Whatever is wrong with the flat form is found out here. */

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
    const Py_ssize_t n = PyTuple_GET_SIZE(fast), most = PY_SSIZE_T_MAX / 64;
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

/* One record of the flat form. */
typedef struct {
    int32_t op;    /* a row's number, or negative for a guard */
    int32_t result;
    int32_t count;
    const int32_t *operand;
} Record;

typedef struct {
    const int32_t *code, *end;
    const int32_t *output;
    Py_ssize_t outputs, constants, inputs, records;
    Py_ssize_t words;   /* that the code will take */
    int32_t highest;    /* number of a result */
    uint32_t *last;     /* by number: the record that uses it last; 0: none does */
    uint32_t *slot;     /* by number: its slot, or NO_SLOT */
    uint32_t *free;     /* slots that wait to be used again, as a stack */
    Py_ssize_t free_count;
    uint32_t next_slot;
} Compilation;

#define NO_SLOT UINT32_MAX
#define TO_THE_END UINT32_MAX

/* The record at `p`, which is moved behind it; false at a record that is cut off. */
static inline bool next_record(const int32_t **p, const int32_t *end, Record *record)
{
    const int32_t *at = *p;
    const Py_ssize_t left = end - at;
    if (at[0] < 0) {
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
        it->records += 1;
        it->words += 4 + record.count;
        if (record.op < 0) {
            if (record.op < -12) {
                return malformed("there is no such relation");
            }
            continue;
        }
        if (record.op == 0 || record.op >= ROW_COUNT) {
            return malformed("there is no such operation");
        }
        if (completed(&ROWS[record.op], record.count) != record.count) {
            return malformed("an operation has the wrong number of operands");
        }
        if (record.result < it->inputs) {
            return malformed("a result has the number of an input");
        }
        it->highest = Py_MAX(it->highest, record.result);
    }
    return 0;
}

static inline bool is_number_of(Compilation *it, int32_t operand)
{
    return operand < 0 ? ~operand < it->constants : operand <= it->highest;
}

/* Note where every number is used last. */
static int find_last_uses(Compilation *it)
{
    Record record;
    uint32_t place = 0;
    for (const int32_t *p = it->code; p < it->end && next_record(&p, it->end, &record);) {
        place += 1;
        for (int32_t i = 0; i < record.count; i++) {
            if (!is_number_of(it, record.operand[i])) {
                return malformed("an operand is out of range");
            }
            if (record.operand[i] >= 0) {
                it->last[record.operand[i]] = place;
            }
        }
    }
    for (Py_ssize_t i = 0; i < it->outputs; i++) {
        if (!is_number_of(it, it->output[i])) {
            return malformed("an output is out of range");
        }
        if (it->output[i] >= 0) {
            it->last[it->output[i]] = TO_THE_END;
        }
    }
    return 0;
}

static inline uint32_t new_slot(Compilation *it)
{
    return it->free_count ? it->free[--it->free_count] : it->next_slot++;
}

/* The slot of an operand that was computed before; NO_SLOT with an error set otherwise. */
static inline uint32_t slot_of(Compilation *it, int32_t operand)
{
    if (operand < 0) {
        return (uint32_t)~operand;
    }
    if (it->slot[operand] == NO_SLOT) {
        malformed("an operand was not computed before");
    }
    return it->slot[operand];
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
                *open = (Piece){0, piece.buffer, piece.offset + j, it->next_slot};
            }
            open->count += 1;
            it->slot[number] = it->next_slot++;
        }
    }
    PyMem_Free(x->piece);
    *x = used;
    return 0;
}

/* Write the words of one record; its operands' slots are free again where it is their last use. */
static int emit(Compilation *it, const Record *record, uint32_t place, int32_t *guards,
                uint32_t **to)
{
    uint32_t *word = *to;
    const bool folds = record->op > 0 && ROWS[record->op].groups > 0;
    const Py_ssize_t steps = folds ? (record->count - 1) / ROWS[record->op].groups : 0;
    word[0] = record->op < 0 ? (uint32_t)(FIRST_GUARD - 1 - record->op) : (uint32_t)record->op;
    uint32_t *operand = word + 2;
    if (folds) {
        *operand++ = (uint32_t)steps;
    }
    for (int32_t i = 0; i < record->count; i++) {
        uint32_t slot = slot_of(it, record->operand[i]);
        if (slot == NO_SLOT) {
            return -1;
        }
        /* All w and then all x come as a pair for each step. */
        Py_ssize_t at = i;
        if (folds && i > 0) {
            at = 1 + (i - 1) % steps * ROWS[record->op].groups + (i - 1) / steps;
        }
        operand[at] = slot;
    }
    for (int32_t i = 0; i < record->count; i++) {
        int32_t number = record->operand[i];
        if (number >= 0 && it->last[number] == place) {
            it->last[number] = 0; /* an operand may stand there twice */
            it->free[it->free_count++] = it->slot[number];
        }
    }
    if (record->op < 0) {
        word[1] = (uint32_t)(*guards)++;
    } else if (it->slot[record->result] != NO_SLOT) {
        return malformed("a number is computed twice");
    } else {
        word[1] = it->slot[record->result] = new_slot(it);
        if (it->last[record->result] == 0) {
            it->free[it->free_count++] = word[1];
        }
    }
    *to = operand + record->count;
    return 0;
}

static int compile_tape(Compilation *it, Tape *tape)
{
    if (survey(it) < 0) {
        return -1;
    }
    const size_t numbers = (size_t)it->highest + 1;
    it->last = PyMem_Calloc(numbers + 1, sizeof(uint32_t));
    it->slot = PyMem_Malloc((numbers + 1) * sizeof(uint32_t));
    it->free = PyMem_Malloc((numbers + 1) * sizeof(uint32_t));
    tape->code = PyMem_Malloc((size_t)it->words * sizeof(uint32_t));
    tape->output = PyMem_Malloc(((size_t)it->outputs + 1) * sizeof(uint32_t));
    if (!it->last || !it->slot || !it->free || !tape->code || !tape->output) {
        PyErr_NoMemory();
        return -1;
    }
    memset(it->slot, 0xFF, (numbers + 1) * sizeof(uint32_t)); /* NO_SLOT */
    it->next_slot = (uint32_t)it->constants;
    if (find_last_uses(it) < 0 || place_inputs(it, &tape->x) < 0) {
        return -1;
    }
    Record record;
    uint32_t *to = tape->code, place = 0;
    int32_t guards = 0;
    for (const int32_t *p = it->code; p < it->end && next_record(&p, it->end, &record);) {
        if (emit(it, &record, ++place, &guards, &to) < 0) {
            return -1;
        }
    }
    *to = END;
    for (Py_ssize_t i = 0; i < it->outputs; i++) {
        tape->output[i] = slot_of(it, it->output[i]);
        if (tape->output[i] == NO_SLOT) {
            return -1;
        }
    }
    tape->slots = it->next_slot;
    tape->constants = it->constants;
    tape->instructions = it->records - guards;
    return 0;
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
    int done = compile_tape(&it, tape);
    PyMem_Free(it.last);
    PyMem_Free(it.slot);
    PyMem_Free(it.free);
    if (done < 0) {
        return -1;
    }
    tape->v = PyMem_Calloc((size_t)tape->slots + 1, sizeof(double));
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
    .name = "micrograd_gd._core.native.Tape",
    .basicsize = sizeof(Tape),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = tape_slots,
};

#endif
