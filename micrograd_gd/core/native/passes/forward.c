/* The passes, second part: one scan forward over the records, which shortens the program.

   An instruction on constants alone is computed; one that gives back an operand, as x * 1 does,
   is left out, and so is one that computes the same as an earlier one; a power of 2 becomes a
   square; a sum over a batch is a product where all samples have the same number; a guard that
   stood before, or that constants decide, goes. `after` says which operand
   each number has become. compiler/passes.py is the same in Python, and says what each step
   means. */

#include "passes/passes.h"

/* A float or None that Python gave. */
static int read_trait(PyObject *x, bool *there, double *number)
{
    *there = x != Py_None;
    *number = *there ? PyFloat_AsDouble(x) : 0.0;
    return *number == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* The operation at the border that has this name; all other ones are unusual. */
static int read_border(Passes *passes, const char *name, int32_t lanes, Border *border)
{
    static const char *const names[] = {"", "sum", "largest", "spread", "index"};
    *border = INSIDE;
    while (*border <= INDEX_OF_LANES && strcmp(names[*border], name) != 0) {
        *border += 1;
    }
    passes->unusual |= *border > INDEX_OF_LANES || (*border != INSIDE && lanes >= 0);
    return passes->unusual ? -1 : 0;
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
    int is_text, is_copy, chooses;
    const char *border;
    PyObject *first, *second, *third, *fourth, *squared;
    PyObject *row = PyObject_CallOneArg(passes->traits, passes->state->ops[op]);
    bool fine = row
                && PyArg_ParseTuple(row, "ppOOOOOsip", &is_text, &is_copy, &first, &second, &third,
                                    &fourth, &squared, &border, &traits.lanes, &chooses)
                && read_border(passes, border, traits.lanes, &traits.border) == 0
                && read_trait(first, &traits.has_neutral[0], &traits.neutral[0]) == 0
                && read_trait(second, &traits.has_neutral[1], &traits.neutral[1]) == 0
                && read_trait(third, &traits.has_fixing[0], &traits.fixing[0]) == 0
                && read_trait(fourth, &traits.has_fixing[1], &traits.fixing[1]) == 0;
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
    traits.chooses = chooses;
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
        *y = apply(ROWS[op].rule, n, x, NULL, kind);
    } else {
        done = apply_in_python(passes->state, op, n, x, NULL, kind, y);
    }
    if (x != few) {
        PyMem_Free(x);
    }
    return done;
}

static inline size_t record_length(const int32_t *record)
{
    return record[0] > 0 ? record[2] + 3 : 3;
}

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

/* Where a search for a record begins: near the latest of its operands, as those of its neighbors do,
   which are in the cache. */
static size_t place_near(const int32_t *record, size_t hash)
{
    int32_t latest = -1;
    for (size_t i = record[0] < 0 ? 1 : 3; i < record_length(record); i++) {
        latest = record[i] > latest ? record[i] : latest;
    }
    return 2 * (size_t)(latest + 1) + (hash & 1);
}

/* The place in `code` of the same as what stands there last, from `at` on; `at`, if it is new. */
static size_t find_same(Passes *passes, size_t at)
{
    enum { NEARBY = 4 }; /* tries, before the search goes on anywhere: many may have that operand */
    const int32_t *code = passes->code.item;
    const size_t hash = hash_of(code + at);
    size_t place = place_near(code + at, hash) & passes->same_mask;
    for (int tries = 1; passes->same[place] >= 0; tries++) {
        if (is_same(code + passes->same[place], code + at)) {
            return (size_t)passes->same[place];
        }
        place = (tries == NEARBY ? hash : place + 1) & passes->same_mask;
    }
    passes->same[place] = (int32_t)at;
    return at;
}

/* Whether a constant among the operands makes the result the same for all others. */
static bool is_fixed(Passes *passes, const Traits *traits, const int32_t *x, int32_t n)
{
    return n == 2
           && ((traits->has_fixing[0] && is_constant(passes, x[1], traits->fixing[0]))
               || (traits->has_fixing[1] && is_constant(passes, x[0], traits->fixing[1])));
}

static inline int32_t first_made(Passes *passes)
{
    return (int32_t)(PyList_GET_SIZE(passes->inputs) + (Py_ssize_t)passes->captured.n);
}

/* The lanes of the first operand that varies from sample to sample, 0 for none. */
static int32_t find_lanes(const int32_t *lanes, const int32_t *operand, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        if (operand[i] >= 0 && lanes[operand[i]] != 0) {
            return lanes[operand[i]];
        }
    }
    return 0;
}

static int32_t lanes_of_result(const Traits *traits, int32_t of_operands)
{
    bool gives = traits->border == SPREAD_OVER_LANES || traits->border == INDEX_OF_LANES;
    return traits->border == INSIDE ? of_operands : gives ? traits->lanes : 0;
}

/* Note the lanes of a result. Numbers of different batches that meet are for Python to refuse. */
static int check_lanes(Passes *passes, const Traits *traits, const int32_t *raw, int32_t result)
{
    int32_t n = raw[1], found = find_lanes(passes->lanes, raw + 2, n);
    for (int32_t i = 0; i < n; i++) {
        int32_t own = raw[2 + i] < 0 ? 0 : passes->lanes[raw[2 + i]];
        passes->unusual |= own != 0 && own != found;
    }
    passes->unusual |= traits->border == INDEX_OF_LANES && found != 0;
    passes->unusual |= traits->border != INSIDE && found != 0 && found != traits->lanes;
    passes->lanes[result] = lanes_of_result(traits, found);
    return passes->unusual ? -1 : 0;
}

/* The instruction, or the operand that stands for its result. */
static int scan_instruction(Passes *passes, const int32_t *raw, int32_t result)
{
    uint32_t op = (uint32_t)raw[0];
    int32_t n = raw[1];
    Ints *code = &passes->code;
    Traits *traits = traits_of(passes, op);
    if (traits == NULL || ints_reserve(code, (size_t)n + 4) < 0
        || check_lanes(passes, traits, raw, result) < 0) {
        return -1;
    }
    size_t at = code->n;
    bool folds = traits->is_text;
    ints_push(code, (int32_t)op);
    ints_push(code, result);
    ints_push(code, n);
    for (int32_t i = 0; i < n; i++) {
        int32_t operand = raw[2 + i] < 0 ? raw[2 + i] : passes->after.item[raw[2 + i]];
        folds &= operand < 0;
        ints_push(code, operand);
    }
    int32_t instead = result;
    if (traits->chooses && PyList_GET_SIZE(passes->lengths) > 0) {
        if (shorten_choice(passes, at, result, &instead) < 0) {
            return -1;
        }
        op = (uint32_t)code->item[at];
        n = code->item[at + 2];
        traits = traits_of(passes, op);
        if (traits == NULL || ints_reserve(code, 1) < 0) {
            return -1;
        }
        folds = traits->is_text;
        for (int32_t i = 0; i < n; i++) {
            folds &= code->item[at + 3 + i] < 0;
        }
    }
    int32_t *x = code->item + at + 3;
    bool is_uniform = find_lanes(passes->lanes_left, x, n) == 0;
    if (traits->border == SUM_OF_LANES && is_uniform) { /* the number as often as there are lanes */
        ints_push(code, first_made(passes) - 1 - traits->lanes);
        op = ROW_OF_PRODUCT;
        code->item[at] = ROW_OF_PRODUCT;
        code->item[at + 2] = n = 2;
        traits = traits_of(passes, op);
        if (traits == NULL) {
            return -1;
        }
    }
    if (instead == result && is_fixed(passes, traits, x, n)) {
        const int32_t zero = constant_operand(passes, 0.0);
        for (int32_t i = 0; i < n; i++) {
            x[i] = x[i] < 0 ? x[i] : zero;
        }
        folds = zero != 0;
        if (!folds) {
            return -1;
        }
    }
    if (instead != result) { /* a choice that is an operand */
    } else if (folds) {
        double y;
        if (compute(passes, op, x, n, &y) < 0 || (instead = constant_operand(passes, y)) == 0) {
            return -1;
        }
    } else if (traits->is_copy) {
        instead = x[0];
    } else if (n >= 2 && traits->has_neutral[0] && is_constant(passes, x[1], traits->neutral[0])) {
        instead = x[0];
    } else if (n >= 2 && traits->has_neutral[1] && is_constant(passes, x[0], traits->neutral[1])) {
        instead = x[1];
    } else if (traits->border == LARGEST_OF_LANES && is_uniform) {
        instead = x[0];
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
        if (traits->is_text || traits->border != INSIDE) {
            instead = code->item[find_same(passes, at) + 1];
        }
    }
    passes->after.item[result] = instead;
    if (instead != result) {
        code->n = at;
        return 0;
    }
    passes->lanes_left[result] = lanes_of_result(traits, find_lanes(passes->lanes_left, x, n));
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
    passes->unusual |= find_lanes(passes->lanes, raw + 1, 2) != 0;
    ints_push(code, raw[0]);
    for (int i = 1; i < 3; i++) {
        ints_push(code, raw[i] < 0 ? raw[i] : passes->after.item[raw[i]]);
    }
    bool decided = code->item[at + 1] < 0 && code->item[at + 2] < 0;
    if (decided || find_same(passes, at) != at) {
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

static int32_t read_lanes(Passes *passes, PyObject *all, Py_ssize_t i)
{
    PyObject *lanes = i < PyList_GET_SIZE(all) ? PyList_GET_ITEM(all, i) : NULL;
    passes->unusual |= lanes == NULL || !PyLong_CheckExact(lanes);
    return passes->unusual ? 0 : (int32_t)PyLong_AsLong(lanes);
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
    passes->needed = PyMem_Calloc(numbers + 1, sizeof(bool));
    passes->lanes = PyMem_Calloc(numbers + 1, sizeof(int32_t));
    passes->lanes_left = PyMem_Calloc(numbers + 1, sizeof(int32_t));
    if (passes->same == NULL || passes->needed == NULL || passes->lanes == NULL
        || passes->lanes_left == NULL) {
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
    passes->unusual |= PyList_GET_SIZE(passes->given) != PyList_GET_SIZE(passes->inputs);
    for (Py_ssize_t i = 0; !passes->unusual && i < PyList_GET_SIZE(passes->given); i++) {
        passes->lanes[i] = passes->lanes_left[i] = read_lanes(passes, passes->given, i);
    }
    int32_t next = first + (int32_t)PyList_GET_SIZE(passes->lengths);
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
        int32_t y = result->item[i], lanes = y < 0 ? 0 : passes->lanes[y];
        passes->unusual |= lanes != 0 && lanes != read_lanes(passes, passes->wanted, (Py_ssize_t)i);
        result->item[i] = y < 0 ? y : passes->after.item[y];
    }
    return 0;
}
