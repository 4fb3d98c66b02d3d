/* From the events of a trace to an optimised program, in its flat form: what `Traced.program` and
   jit/passes.py do one after the other, in one scan forward and one back.

   Events become records of 32-bit integers, one after the other; jit/steps.py says which. While
   they are worked on, a constant is ~its place in a pool in which those of the same bits stand
   once. Whatever is unusual is left to Python: then the answer is None. */

#ifndef MICROGRAD_GD_PASSES_H
#define MICROGRAD_GD_PASSES_H

#include "node.h"
#include "record.h"
#include "walk.h"

/* Arrays that grow, and tables from 64 bits to 32. */

typedef struct {
    int32_t *item;
    size_t n, room;
} Ints;

static int ints_reserve(Ints *ints, size_t more)
{
    if (ints->room - ints->n < more) {
        size_t room = 2 * ints->room + more + 64;
        int32_t *item = PyMem_Realloc(ints->item, room * sizeof(int32_t));
        if (item == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        ints->item = item;
        ints->room = room;
    }
    return 0;
}

static inline void ints_push(Ints *ints, int32_t item) { ints->item[ints->n++] = item; }

typedef struct {
    uint64_t *key;
    int32_t *item; /* -1: nothing is there */
    size_t n, mask;
} Table;

static inline size_t mixed(uint64_t key)
{
    key *= 0x9E3779B97F4A7C15u;
    return (size_t)(key ^ (key >> 32));
}

static int table_grow(Table *table, size_t room)
{
    Table bigger = {.mask = room - 1};
    bigger.key = PyMem_Malloc(room * sizeof(uint64_t));
    bigger.item = PyMem_Malloc(room * sizeof(int32_t));
    if (bigger.key == NULL || bigger.item == NULL) {
        PyMem_Free(bigger.key);
        PyMem_Free(bigger.item);
        PyErr_NoMemory();
        return -1;
    }
    memset(bigger.item, -1, room * sizeof(int32_t));
    for (size_t i = 0; table->item != NULL && i <= table->mask; i++) {
        if (table->item[i] >= 0) {
            size_t place = mixed(table->key[i]) & bigger.mask;
            while (bigger.item[place] >= 0) {
                place = (place + 1) & bigger.mask;
            }
            bigger.key[place] = table->key[i];
            bigger.item[place] = table->item[i];
            bigger.n += 1;
        }
    }
    PyMem_Free(table->key);
    PyMem_Free(table->item);
    *table = bigger;
    return 0;
}

/* The item of the key, or -1. */
static inline int32_t table_get(const Table *table, uint64_t key)
{
    size_t place = mixed(key) & table->mask;
    while (table->item[place] >= 0 && table->key[place] != key) {
        place = (place + 1) & table->mask;
    }
    return table->item[place];
}

/* The item of the key, which is `item` from now on if it had none; -1 with an error set. */
static inline int32_t table_set_default(Table *table, uint64_t key, int32_t item)
{
    if (2 * table->n >= table->mask && table_grow(table, 2 * (table->mask + 1)) < 0) {
        return -1;
    }
    size_t place = mixed(key) & table->mask;
    while (table->item[place] >= 0 && table->key[place] != key) {
        place = (place + 1) & table->mask;
    }
    if (table->item[place] < 0) {
        table->key[place] = key;
        table->item[place] = item;
        table->n += 1;
    }
    return table->item[place];
}

/* What the passes know of an operation: `passes.traits`, which says what it means. */
typedef struct {
    bool known, is_used, is_text, is_copy;
    bool has_neutral[2];
    double neutral[2];
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
    PyObject *traits;                    /* passes.traits */
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
    bool *folded; /* whether it is a constant since all that it was computed from is */
    int32_t *same;
    size_t same_mask; /* records in `code` that are found by what they compute */
    bool unusual;
} Passes;

enum { MADE = 1 << 29 }; /* numbers of nodes that were made, until it is known where these begin */

/* Constants. */

static inline uint64_t bits_of(double x)
{
    uint64_t bits;
    x = x == x ? x : Py_NAN; /* for all of them */
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

/* The operand for a constant; 0, which is none, with an error set. */
static int32_t constant_operand(Passes *passes, double x)
{
    int32_t place = table_set_default(&passes->places, bits_of(x), (int32_t)passes->constants);
    if (place < 0) {
        return 0;
    }
    if ((size_t)place == passes->constants) {
        if (passes->constants == passes->constant_room) {
            size_t room = 2 * passes->constant_room + 64;
            double *constant = PyMem_Realloc(passes->constant, room * sizeof(double));
            if (constant == NULL) {
                PyErr_NoMemory();
                return 0;
            }
            passes->constant = constant;
            passes->constant_room = room;
        }
        passes->constant[passes->constants++] = x;
    }
    return ~place;
}

static inline bool is_constant(Passes *passes, int32_t operand, double x)
{
    return operand < 0 && bits_of(passes->constant[~operand]) == bits_of(x);
}

/* Writing down. No Python code runs here, so that nodes can keep their numbers: those that are
   `seen` have it in place of their gradient. */

static int hold_one(Stack *stack, Node *node)
{
    if (stack_reserve(stack, 1) < 0) {
        return -1;
    }
    stack_push(stack, (Node *)Py_NewRef((PyObject *)node));
    return 0;
}

static int number_node(Passes *passes, Node *node, int32_t number)
{
    if (passes->kept_count == passes->kept_room) {
        size_t room = 2 * passes->kept_room + 256;
        Kept *kept = PyMem_Realloc(passes->kept, room * sizeof(Kept));
        if (kept == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        passes->kept = kept;
        passes->kept_room = room;
    }
    passes->kept[passes->kept_count++] = (Kept){node, node->grad};
    node->seen = true;
    node->grad = number;
    if (label_of(node) == NULL) {
        return 0;
    }
    if (ints_reserve(&passes->labels, 1) < 0 || hold_one(&passes->labelled, node) < 0) {
        return -1;
    }
    ints_push(&passes->labels, number);
    return 0;
}

static void give_back_gradients(Passes *passes)
{
    for (size_t i = 0; i < passes->kept_count; i++) {
        passes->kept[i].node->grad = passes->kept[i].grad;
        passes->kept[i].node->seen = false;
    }
}

/* What was not made before is captured. */
static int push_value(Passes *passes, Ints *to, Node *node)
{
    if (!node->seen) {
        Py_ssize_t number = PyList_GET_SIZE(passes->inputs) + (Py_ssize_t)passes->captured.n;
        if (hold_one(&passes->captured, node) < 0
            || number_node(passes, node, (int32_t)number) < 0) {
            return -1;
        }
    }
    ints_push(to, (int32_t)node->grad);
    return 0;
}

static int push_number(Passes *passes, Ints *to, double x)
{
    int32_t operand = constant_operand(passes, x);
    ints_push(to, operand);
    return operand == 0 ? -1 : 0;
}

static int push_node(Passes *passes, Node *node)
{
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of(node, &edge, &kind);
    if (ints_reserve(&passes->raw, (size_t)n + 2) < 0) {
        return -1;
    }
    passes->unusual |= node->op == 0;
    ints_push(&passes->raw, (int32_t)node->op);
    ints_push(&passes->raw, (int32_t)n);
    for (Py_ssize_t i = 0; i < n; i++) {
        int done = kind[i] >= VALUE ? push_value(passes, &passes->raw, edge[i].value)
                                    : push_number(passes, &passes->raw, edge[i].number);
        if (done < 0) {
            return -1;
        }
    }
    return 0;
}

/* An operand that came as an object. */
static int push_operand(Passes *passes, Ints *to, PyObject *x)
{
    if (is_value(passes->state, x)) {
        return push_value(passes, to, (Node *)x);
    }
    passes->unusual |= !PyFloat_CheckExact(x);
    return push_number(passes, to, PyFloat_CheckExact(x) ? PyFloat_AS_DOUBLE(x) : 0.0);
}

/* A decision: (left, relation, right, holds). */
static int push_guard(Passes *passes, PyObject *decision)
{
    static const char *const relation[] = {"<", "<=", "==", "!=", ">", ">="};
    if (!PyTuple_Check(decision) || PyTuple_GET_SIZE(decision) != 4
        || !PyUnicode_Check(PyTuple_GET_ITEM(decision, 1))) {
        passes->unusual = true;
        return 0;
    }
    int32_t r = 0;
    while (r < 6
           && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(decision, 1), relation[r]) != 0) {
        r += 1;
    }
    passes->unusual |= r == 6;
    if (ints_reserve(&passes->raw, 3) < 0) {
        return -1;
    }
    ints_push(&passes->raw, -(1 + 2 * r + (PyTuple_GET_ITEM(decision, 3) == Py_True)));
    return push_operand(passes, &passes->raw, PyTuple_GET_ITEM(decision, 0)) < 0
                   || push_operand(passes, &passes->raw, PyTuple_GET_ITEM(decision, 2)) < 0
               ? -1
               : 0;
}

static int write_down(Passes *passes)
{
    Py_ssize_t inputs = PyList_GET_SIZE(passes->inputs), events = PyList_GET_SIZE(passes->events);
    Py_ssize_t outputs = PyList_GET_SIZE(passes->outputs);
    int32_t number = MADE;
    passes->event_count = (size_t)events;
    for (Py_ssize_t i = 0; i < inputs; i++) {
        PyObject *node = PyList_GET_ITEM(passes->inputs, i);
        passes->unusual |= !is_value(passes->state, node) || ((Node *)node)->seen;
        if (passes->unusual || number_node(passes, (Node *)node, (int32_t)i) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < events; i++) {
        PyObject *event = PyList_GET_ITEM(passes->events, i);
        if (!is_value(passes->state, event)) {
            if (push_guard(passes, event) < 0) {
                return -1;
            }
            continue;
        }
        if (push_node(passes, (Node *)event) < 0) {
            return -1;
        }
        passes->unusual |= ((Node *)event)->seen; /* used, or made, before it was made */
        if (passes->unusual || number_node(passes, (Node *)event, number++) < 0) {
            return -1;
        }
    }
    if (ints_reserve(&passes->result, (size_t)outputs) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < outputs; i++) {
        if (push_operand(passes, &passes->result, PyList_GET_ITEM(passes->outputs, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The scan forward. */

/* A float or None that Python gave. */
static int read_neutral(PyObject *x, bool *there, double *number)
{
    *there = x != Py_None;
    *number = *there ? PyFloat_AsDouble(x) : 0.0;
    return *number == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static Traits *traits_of(Passes *passes, uint32_t op)
{
    if (op >= passes->op_room) {
        uint32_t room = passes->state->op_count + 16;
        Traits *of_op = PyMem_Realloc(passes->of_op, room * sizeof(Traits));
        if (of_op == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        memset(of_op + passes->op_room, 0, (room - passes->op_room) * sizeof(Traits));
        passes->of_op = of_op;
        passes->op_room = room;
    }
    if (passes->of_op[op].known) {
        return &passes->of_op[op];
    }
    Traits traits = {.known = true};
    int is_text, is_copy;
    PyObject *first, *second, *squared;
    PyObject *row = PyObject_CallOneArg(passes->traits, passes->state->ops[op]);
    bool fine = row && PyArg_ParseTuple(row, "ppOOO", &is_text, &is_copy, &first, &second, &squared)
                && read_neutral(first, &traits.has_neutral[0], &traits.neutral[0]) == 0
                && read_neutral(second, &traits.has_neutral[1], &traits.neutral[1]) == 0;
    if (fine && squared != Py_None) {
        traits.squared = number_of_op(passes->state, squared);
        fine = traits.squared != 0;
    }
    Py_XDECREF(row);
    if (!fine) {
        return NULL;
    }
    traits.is_text = is_text;
    traits.is_copy = is_copy;
    passes->of_op[op] = traits;
    return &passes->of_op[op];
}

/* The operation on constants, by the function that the program would call. */
static int compute(Passes *passes, uint32_t op, const int32_t *operand, int32_t n, double *y)
{
    double few[16];
    Kind few_kinds[16];
    double *x = n <= 16 ? few : PyMem_Malloc((size_t)n * (sizeof(double) + sizeof(Kind)));
    if (x == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Kind *kind = n <= 16 ? few_kinds : (Kind *)(x + n);
    for (int32_t i = 0; i < n; i++) {
        x[i] = passes->constant[~operand[i]];
        kind[i] = NUMBER;
    }
    int done = 0;
    if (op < ROW_COUNT) {
        *y = ROWS[op].rule(n, x, NULL, kind);
    } else {
        done = apply_in_python(passes->state, op, n, x, NULL, kind, y);
    }
    if (x != few) {
        PyMem_Free(x);
    }
    return done;
}

static inline size_t record_length(const int32_t *record) { return record[0] > 0 ? record[2] + 3 : 3; }

static size_t hash_of(const int32_t *record)
{
    bool is_guard = record[0] < 0;
    uint64_t hash = (uint64_t)(uint32_t)(is_guard ? (record[0] + 1) / 2 : record[0]);
    for (size_t i = is_guard ? 1 : 2; i < record_length(record); i++) {
        hash = (hash ^ (uint32_t)record[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return (size_t)hash;
}

/* Whether two records compute, or check, the same. A guard is that of its comparison. */
static bool is_same(const int32_t *a, const int32_t *b)
{
    if (a[0] < 0) {
        return b[0] < 0 && (a[0] + 1) / 2 == (b[0] + 1) / 2 && a[1] == b[1] && a[2] == b[2];
    }
    return a[0] == b[0] && a[2] == b[2]
           && memcmp(a + 3, b + 3, (size_t)a[2] * sizeof(int32_t)) == 0;
}

/* The place in `code` of the same as what stands there last, from `at` on; `at`, if it is new. */
static size_t shared(Passes *passes, size_t at)
{
    const int32_t *code = passes->code.item;
    size_t place = hash_of(code + at) & passes->same_mask;
    while (passes->same[place] >= 0 && !is_same(code + passes->same[place], code + at)) {
        place = (place + 1) & passes->same_mask;
    }
    if (passes->same[place] < 0) {
        passes->same[place] = (int32_t)at;
    }
    return (size_t)passes->same[place];
}

/* The instruction, or the operand that stands for its result. */
static int scan_instruction(Passes *passes, const int32_t *raw, int32_t result)
{
    uint32_t op = (uint32_t)raw[0];
    int32_t n = raw[1];
    Ints *code = &passes->code;
    Traits *traits = traits_of(passes, op);
    if (traits == NULL || ints_reserve(code, (size_t)n + 3) < 0) {
        return -1;
    }
    size_t at = code->n;
    bool folds = traits->is_text;
    ints_push(code, (int32_t)op);
    ints_push(code, result);
    ints_push(code, n);
    for (int32_t i = 0; i < n; i++) {
        folds &= raw[2 + i] < 0 || passes->folded[raw[2 + i]];
        ints_push(code, raw[2 + i] < 0 ? raw[2 + i] : passes->after.item[raw[2 + i]]);
    }
    const int32_t *x = code->item + at + 3;
    int32_t instead = result;
    if (folds) {
        double y;
        if (compute(passes, op, x, n, &y) < 0 || (instead = constant_operand(passes, y)) == 0) {
            return -1;
        }
        passes->folded[result] = true;
    } else if (traits->is_copy) {
        instead = x[0];
    } else if (n >= 2 && traits->has_neutral[0] && is_constant(passes, x[1], traits->neutral[0])) {
        instead = x[0];
    } else if (n >= 2 && traits->has_neutral[1] && is_constant(passes, x[0], traits->neutral[1])) {
        instead = x[1];
    } else {
        if (traits->squared && is_constant(passes, x[1], 2.0)) {
            op = traits->squared;
            code->item[at] = (int32_t)op;
            code->item[at + 2] = 1;
            code->n = at + 4;
            traits = traits_of(passes, op);
            if (traits == NULL) {
                return -1;
            }
        }
        if (traits->is_text) {
            instead = code->item[shared(passes, at) + 1];
        }
    }
    passes->after.item[result] = instead;
    if (instead != result) {
        code->n = at;
        return 0;
    }
    ints_push(&passes->start, (int32_t)at);
    return 0;
}

/* The guard, unless it stood before or constants decide it. */
static int scan_guard(Passes *passes, const int32_t *raw)
{
    Ints *code = &passes->code;
    if (ints_reserve(code, 3) < 0) {
        return -1;
    }
    size_t at = code->n;
    ints_push(code, raw[0]);
    for (int i = 1; i < 3; i++) {
        ints_push(code, raw[i] < 0 ? raw[i] : passes->after.item[raw[i]]);
    }
    bool decided = code->item[at + 1] < 0 && code->item[at + 2] < 0;
    if (decided || shared(passes, at) != at) {
        code->n = at;
    } else {
        ints_push(&passes->start, (int32_t)at);
    }
    return 0;
}

/* Numbers of nodes that were made begin behind the captured ones. */
static inline void settle_numbers(int32_t *operand, int32_t n, int32_t first)
{
    for (int32_t i = 0; i < n; i++) {
        operand[i] += operand[i] >= MADE ? first - MADE : 0;
    }
}

static inline int32_t first_made(Passes *passes)
{
    return (int32_t)(PyList_GET_SIZE(passes->inputs) + (Py_ssize_t)passes->captured.n);
}

static int scan_forward(Passes *passes)
{
    int32_t first = first_made(passes);
    size_t numbers = (size_t)first + passes->kept_count, events = passes->event_count;
    size_t room = 64; /* a power of two, at least twice as many as there are records */
    while (room < 2 * events) {
        room *= 2;
    }
    passes->same_mask = room - 1;
    passes->same = PyMem_Malloc(room * sizeof(int32_t));
    passes->folded = PyMem_Calloc(numbers + 1, sizeof(bool));
    if (passes->same == NULL || passes->folded == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(passes->same, -1, room * sizeof(int32_t));
    if (ints_reserve(&passes->after, numbers) < 0 || ints_reserve(&passes->start, events) < 0) {
        return -1;
    }
    for (size_t i = 0; i < numbers; i++) {
        ints_push(&passes->after, (int32_t)i);
    }
    int32_t next = first;
    for (size_t i = 0; i < passes->raw.n;) {
        int32_t *raw = passes->raw.item + i;
        bool is_guard = raw[0] < 0;
        int32_t n = is_guard ? 2 : raw[1];
        settle_numbers(raw + (is_guard ? 1 : 2), n, first);
        if ((is_guard ? scan_guard(passes, raw) : scan_instruction(passes, raw, next)) < 0) {
            return -1;
        }
        next += !is_guard;
        i += (size_t)n + (is_guard ? 1 : 2);
    }
    Ints *result = &passes->result;
    settle_numbers(result->item, (int32_t)result->n, first);
    for (size_t i = 0; i < result->n; i++) {
        int32_t y = result->item[i];
        result->item[i] = y < 0 ? y : passes->after.item[y];
    }
    return 0;
}

/* The scan back: leave out what nothing depends on. Of the starts, -1 is what was left out. */
static void scan_back(Passes *passes)
{
    bool *needed = passes->folded; /* it has served */
    memset(needed, 0, passes->after.n * sizeof(bool));
    for (size_t i = 0; i < passes->result.n; i++) {
        if (passes->result.item[i] >= 0) {
            needed[passes->result.item[i]] = true;
        }
    }
    for (size_t i = passes->start.n; i-- > 0;) {
        int32_t *record = passes->code.item + passes->start.item[i];
        bool is_guard = record[0] < 0;
        if (!is_guard && !needed[record[1]]) {
            passes->start.item[i] = -1;
            continue;
        }
        for (size_t j = is_guard ? 1 : 3; j < record_length(record); j++) {
            if (record[j] >= 0) {
                needed[record[j]] = true;
            }
        }
    }
}

/* The result. */

/* An operand with the place of its constant among those that are left. */
static inline int32_t left_over(Passes *passes, int32_t operand, double *constants, Ints *places)
{
    if (operand >= 0) {
        return operand;
    }
    if (places->item[~operand] < 0) {
        constants[places->n] = passes->constant[~operand];
        places->item[~operand] = (int32_t)places->n++;
    }
    return ~places->item[~operand];
}

/* Names that the user gave, by number. */
static int add_labels(Passes *passes, PyObject *labels)
{
    for (size_t i = 0; i < passes->labelled.n; i++) {
        int32_t number = passes->labels.item[i];
        settle_numbers(&number, 1, first_made(passes));
        PyObject *label = Py_XNewRef(label_of(passes->labelled.item[i]));
        int shown = label ? PyObject_IsTrue(label) : 0;
        PyObject *key = shown > 0 ? PyLong_FromLong(number) : NULL;
        int done = shown > 0 ? (key ? PyDict_SetItem(labels, key, label) : -1) : shown;
        Py_XDECREF(key);
        Py_XDECREF(label);
        if (done < 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *tuple_of(Stack *nodes)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)nodes->n);
    for (size_t i = 0; tuple != NULL && i < nodes->n; i++) {
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, Py_NewRef((PyObject *)nodes->item[i]));
    }
    return tuple;
}

/* Note the operation as one of the program. */
static int use_op(Passes *passes, uint32_t op)
{
    if (passes->of_op[op].is_used) {
        return 0;
    }
    passes->of_op[op].is_used = true;
    PyObject *number = PyLong_FromUnsignedLong(op);
    int done = number ? PyDict_SetItem(passes->ops, number, passes->state->ops[op]) : -1;
    Py_XDECREF(number);
    return done;
}

/* (captured, labels, code, constants, outputs, steps, guards, ops) */
static PyObject *what_is_left(Passes *passes)
{
    PyObject *labels = PyDict_New(), *captured = tuple_of(&passes->captured), *all = NULL;
    PyObject *code = NULL, *constants = NULL, *outputs = NULL;
    double *pool = PyMem_Malloc((passes->constants + 1) * sizeof(double));
    Ints places = {0};
    if (pool == NULL) {
        PyErr_NoMemory();
        goto finally;
    }
    if (labels == NULL || captured == NULL || add_labels(passes, labels) < 0
        || ints_reserve(&places, passes->constants + 1) < 0) {
        goto finally;
    }
    memset(places.item, -1, (passes->constants + 1) * sizeof(int32_t));
    Py_ssize_t steps = 0, guards = 0;
    int32_t *to = passes->code.item; /* records only move forward */
    for (size_t i = 0; i < passes->start.n; i++) {
        if (passes->start.item[i] < 0) {
            continue;
        }
        const int32_t *record = passes->code.item + passes->start.item[i];
        size_t length = record_length(record), operands = record[0] < 0 ? 1 : 3;
        steps += 1;
        guards += record[0] < 0;
        if (record[0] > 0 && use_op(passes, (uint32_t)record[0]) < 0) {
            goto finally;
        }
        for (size_t j = 0; j < length; j++) {
            int32_t word = record[j];
            *to++ = j < operands ? word : left_over(passes, word, pool, &places);
        }
    }
    for (size_t i = 0; i < passes->result.n; i++) {
        int32_t *operand = &passes->result.item[i];
        *operand = left_over(passes, *operand, pool, &places);
    }
    code = PyBytes_FromStringAndSize((char *)passes->code.item,
                                     (char *)to - (char *)passes->code.item);
    constants = PyBytes_FromStringAndSize((char *)pool, (Py_ssize_t)(places.n * sizeof(double)));
    outputs = PyBytes_FromStringAndSize((char *)passes->result.item,
                                        (Py_ssize_t)(passes->result.n * sizeof(int32_t)));
    if (code && constants && outputs) {
        all = Py_BuildValue("OOOOOnnO", captured, labels, code, constants, outputs, steps, guards,
                            passes->ops);
    }
finally:
    PyMem_Free(pool);
    PyMem_Free(places.item);
    Py_XDECREF(labels);
    Py_XDECREF(captured);
    Py_XDECREF(code);
    Py_XDECREF(constants);
    Py_XDECREF(outputs);
    return all;
}

static void drop_passes(Passes *passes)
{
    release(&passes->captured);
    release(&passes->labelled);
    stack_free(&passes->captured);
    stack_free(&passes->labelled);
    Py_XDECREF(passes->ops);
    PyMem_Free(passes->of_op);
    PyMem_Free(passes->kept);
    PyMem_Free(passes->labels.item);
    PyMem_Free(passes->places.key);
    PyMem_Free(passes->places.item);
    PyMem_Free(passes->constant);
    PyMem_Free(passes->raw.item);
    PyMem_Free(passes->code.item);
    PyMem_Free(passes->start.item);
    PyMem_Free(passes->result.item);
    PyMem_Free(passes->after.item);
    PyMem_Free(passes->folded);
    PyMem_Free(passes->same);
}

static PyObject *native_optimized(PyObject *module, PyObject *args)
{
    PyObject *all = NULL;
    Passes passes = {.state = PyModule_GetState(module)};
    if (!PyArg_ParseTuple(args, "O!O!O!O:optimized", &PyList_Type, &passes.inputs, &PyList_Type,
                          &passes.events, &PyList_Type, &passes.outputs, &passes.traits)) {
        return NULL;
    }
    stack_init(&passes.captured);
    stack_init(&passes.labelled);
    passes.ops = PyDict_New();
    int done = passes.ops ? table_grow(&passes.places, 64) : -1;
    if (done == 0) {
        done = write_down(&passes);
        give_back_gradients(&passes);
        passes.unusual |= done == 0 && passes.raw.n + 2 * passes.event_count >= MADE;
    }
    if (passes.unusual && !PyErr_Occurred()) {
        all = Py_NewRef(Py_None);
    } else if (done == 0 && scan_forward(&passes) == 0) {
        scan_back(&passes);
        all = what_is_left(&passes);
    }
    drop_passes(&passes);
    return all;
}

#endif
