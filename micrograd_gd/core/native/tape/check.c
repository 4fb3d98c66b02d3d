/* The writer of tapes, first part: check the form of the encoded program, and measure it.

   Whatever is wrong is found here, or by the parts behind, before anything runs: a record that
   is cut off, an operand out of range, a place outside of its buffer. `find_last_uses` notes
   which record uses a number last, so that its slot can be used again. */

#include "tape/writer.h"

static int malformed(const char *what)
{
    PyErr_Format(PyExc_ValueError, "no encoded program: %s", what);
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
    places->axis = PyMem_Calloc((size_t)n + 1, sizeof(int));
    places->buffers = 1;
    int done = places->piece && places->size && places->axis ? 0 : -1;
    if (done < 0) {
        PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; done == 0 && i < n; i++) {
        Piece *piece = &places->piece[i];
        int axis = 0;
        PyObject *run = PyTuple_GET_ITEM(fast, i);
        if (!PyTuple_Check(run)) {
            done = malformed("places are tuples");
        } else if (!PyArg_ParseTuple(run, "nnn|i", &piece->count, &piece->buffer, &piece->offset,
                                     &axis)) {
            done = -1;
        } else if (piece->count < 0 || piece->count > most || piece->offset < 0
                   || piece->offset > most || piece->buffer < 0 || piece->buffer > n
                   || places->total > most || axis < 0 || axis > MOST_LENGTHS
                   || (axis > 0 && (piece->offset > 0 || piece->buffer == 0))) {
            done = malformed("a place is out of range");
        } else {
            Py_ssize_t *size = &places->size[piece->buffer];
            *size = Py_MAX(*size, piece->offset + piece->count);
            places->axis[piece->buffer] = axis;
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
    PyMem_Free(places->axis);
}

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
    return record->op > 0 || (record->op < RECORD_STAGE && record->op != RECORD_ROW);
}

/* How many of the integers behind the count are operands. */
static inline int32_t operands_in(const Record *record)
{
    switch (record->op) {
    case RECORD_STAGE:
    case RECORD_STRIDED:
    case RECORD_SHIFT:
        return 0;
    case RECORD_PICK:
    case RECORD_PLACE:
    case RECORD_SUM:
    case RECORD_LARGEST:
    case RECORD_ROW:
        return 1;
    default:
        return record->count;
    }
}

static bool has_right_count(const Record *record)
{
    switch (record->op) {
    case RECORD_STAGE:
        return record->count == 0 && record->result >= 0;
    case RECORD_INDEX:
        return record->count == 0;
    case RECORD_STRIDED:
    case RECORD_ROW:
        return record->count == 4;
    case RECORD_SHIFT:
        return record->count == 5;
    case RECORD_PACK:
        return record->count > 0;
    case RECORD_PICK:
    case RECORD_PLACE:
        return record->count == 2 && record->operand[1] >= 0;
    case RECORD_SUM:
    case RECORD_LARGEST:
        return record->count == 1;
    default:
        return is_guard(record)
               || complete_count(&ROWS[record->op], record->count) == record->count;
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
        if (record.op < LAST_RECORD || record.op == 0 || record.op >= ROW_COUNT) {
            return malformed("there is no such operation");
        }
        if (!has_right_count(&record)) {
            return malformed("an operation has the wrong number of operands");
        }
        if (has_result(&record) && record.result < it->inputs) {
            return malformed("a result has the number of an input");
        }
        it->words += 4 + record.count;
        if (record.op == RECORD_STAGE) {
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
