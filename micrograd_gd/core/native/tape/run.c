/* The interpreters that run a tape: `run_steps` one word after the other, `run_lanes` the steps
   of a loop for up to LANES samples of a batch.

   The steps of the rows are generated from the table and call the functions that the engine's
   rules call, so the bits are the same. Both are loops around a jump to the opcode's code; GCC
   and Clang jump from each opcode straight to the next. */

#include "tape/tape.h"
#include "tape_rows.h" /* TAPE_LABELS, TAPE_STEPS and LANE_STEPS, generated from the table */

/* The steps of a loop, for `n` lanes from `start` on: at most LANES. Steps of plain arithmetic go
   through all LANES slots, since that costs less; what is in those beyond is of no account. */

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_MACHINES(...) __attribute__((target_clones(__VA_ARGS__, "default")))
#define SIDE_BY_SIDE _Pragma("GCC ivdep") _Pragma("GCC unroll 1") /* GCC unrolls it too early */
#define ONE_BY_ONE __asm__ volatile("");                          /* ... and vectorizes too much */
#elif defined(__clang__)
#define FOR_MACHINES(...)
#define SIDE_BY_SIDE _Pragma("clang loop vectorize(assume_safety)")
#define ONE_BY_ONE
#else
#define FOR_MACHINES(...)
#define SIDE_BY_SIDE
#define ONE_BY_ONE
#endif

#ifdef __GNUC__
#define NOT_INLINE __attribute__((noinline))
#else
#define NOT_INLINE
#endif

FOR_MACHINES("avx512f", "avx2")
static void run_lanes(const uint32_t *p, double *v, double *kept, Py_ssize_t start, int n,
                      const double *const *x, double *const *y, const Py_ssize_t *length)
{
#define LANE(i) (v + p[2 + (i)])[j]
#define LANE_STEP(k, arity, count, y)      \
    case k:                                \
        SIDE_BY_SIDE                       \
        for (int j = 0; j < (count); j++) { \
            (v + p[1])[j] = y;             \
        }                                  \
        p += 2 + (arity);                  \
        break;
/* A wave: large angles, whose sines are the library's, are rare. */
#define LANE_WAVE(k, wave)                             \
    case k: {                                          \
        int is_near = 1;                               \
        for (int j = 0; j < n; j++) {                  \
            is_near &= fabs(LANE(0)) < NEAR;           \
        }                                              \
        if (is_near) {                                 \
            SIDE_BY_SIDE                               \
            for (int j = 0; j < LANES; j++) {          \
                (v + p[1])[j] = ieee_near_##wave(LANE(0)); \
            }                                          \
        } else {                                       \
            for (int j = 0; j < n; j++) {              \
                (v + p[1])[j] = ieee_##wave(LANE(0));  \
            }                                          \
        }                                              \
        p += 3;                                        \
        break;                                         \
    }
/* `from` are the slots of what one step adds. */
#define LANE_FOLD(k, groups, from, y)                    \
    case k: {                                            \
        double sum_so_far[LANES];                        \
        double *result = v + p[1];                       \
        const uint32_t *end = p + 4 + (groups) * p[2];   \
        COPY_LANES(sum_so_far, v + p[3], LANES)          \
        for (p += 4; p != end; p += (groups)) {          \
            ONE_BY_ONE from SIDE_BY_SIDE                 \
            for (int j = 0; j < LANES; j++) {            \
                sum_so_far[j] = y;                       \
            }                                            \
        }                                                \
        COPY_LANES(result, sum_so_far, LANES)            \
        break;                                           \
    }
/* Lane i goes to sum i % SUMS; `start` is a multiple of that. */
#define ADD_UP_STEP(k, arity, y)                                        \
    case k: {                                                           \
        double *sums = v + p[1];                                        \
        if (n == LANES) {                                               \
            SIDE_BY_SIDE                                                \
            for (int j = 0; j < SUMS; j++) {                            \
                sums[j] += y;                                           \
            }                                                           \
            SIDE_BY_SIDE                                                \
            for (int j = SUMS; j < LANES; j++) {                        \
                sums[j - SUMS] += y;                                    \
            }                                                           \
        } else {                                                        \
            for (int j = 0; j < n; j++) {                               \
                sums[j % SUMS] += y;                                    \
            }                                                           \
        }                                                               \
        p += 2 + (arity);                                               \
        break;                                                          \
    }
#define LARGER(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define COPY_LANES(to, from, count)                      \
    {                                                    \
        double *const target = (to);                     \
        const double *const origin = (from);             \
        SIDE_BY_SIDE                                     \
        for (int j = 0; j < (count); j++) {              \
            target[j] = origin[j];                       \
        }                                                \
    }
    for (;;) {
        switch (*p) {
        case END:
            return;
            LANE_STEPS
        case FETCH: {
            const double *from = x[p[2]] + (int32_t)p[3];
            const Py_ssize_t stride = (int32_t)p[4];
            for (int j = 0; j < n; j++) {
                v[p[1] + j] = from[(start + j) * stride];
            }
            p += 5;
            break;
        }
        case FETCH_THERE: {
            const double *from = x[p[2]] + (int32_t)p[3];
            const Py_ssize_t stride = (int32_t)p[4], there = start + (int32_t)p[5];
            for (int j = 0; j < n; j++) {
                const bool is_there = there + j >= 0 && there + j < length[p[6]];
                v[p[1] + j] = is_there ? from[(there + j) * stride] : 0.0;
            }
            p += 7;
            break;
        }
        case RECALL:
            COPY_LANES(v + p[1], v + p[2] + start, n)
            p += 3;
            break;
        case KEEP:
            COPY_LANES(v + p[1] + start, v + p[2], n)
            p += 3;
            break;
        case RECALL_OPEN:
            COPY_LANES(v + p[1], kept + p[2], LANES)
            p += 3;
            break;
        case KEEP_OPEN:
            COPY_LANES(kept + p[1], v + p[2], LANES)
            p += 3;
            break;
        case PLACE: {
            const Py_ssize_t lane = (Py_ssize_t)p[3] - start;
            for (int j = 0; j < LANES; j++) {
                v[p[1] + j] = -0.0;
            }
            if (lane >= 0 && lane < n) {
                v[p[1] + lane] = v[p[2]];
            }
            p += 4;
            break;
        }
        case INDEX:
            for (int j = 0; j < LANES; j++) {
                v[p[1] + j] = (double)(start + j);
            }
            p += 2;
            break;
            ADD_UP_STEP(ADD_UP, 1, (v + p[2])[j])
        case TAKE_LARGER: {
            double *largest = v + p[1];
            for (int j = 0; j < n; j++) {
                largest[j % SUMS] = LARGER(largest[j % SUMS], v[p[2] + j]);
            }
            p += 3;
            break;
        }
            ADD_UP_STEP(ADD_UP_PRODUCTS, 2, (v + p[2])[j] * (v + p[3])[j])
            LANE_STEP(ADD_PRODUCTS, 3, LANES, LANE(0) + LANE(1) * LANE(2))
            LANE_STEP(MULTIPLY_BY, 2, LANES, v[p[2]] * LANE(1))
            LANE_STEP(ADD_MULTIPLES, 3, LANES, LANE(0) + v[p[3]] * LANE(2))
        case WRITE: {
            double *to = y[p[2]] + (int32_t)p[3];
            const Py_ssize_t stride = (int32_t)p[4];
            for (int j = 0; j < n; j++) {
                to[(start + j) * stride] = v[p[1] + j];
            }
            p += 5;
            break;
        }
        }
    }
}

/* How many numbers are kept for the samples of the axes before this one. */
static Py_ssize_t kept_before(const Py_ssize_t *kept, const Py_ssize_t *length, int axis)
{
    Py_ssize_t count = 0;
    for (int i = 0; i < axis; i++) {
        count += kept[i] * ((length[i] + LANES - 1) / LANES * LANES);
    }
    return count;
}

/* What a run works on; in one place, since registers are for single steps. */
typedef struct {
    const Tape *tape;
    const double *const *x;
    double *const *y;
    double *v; /* the slots */
    const Py_ssize_t *length;
} Run;

/* The loop at `p`. */
NOT_INLINE static void run_loop(const Run *run, const uint32_t *p)
{
    const Tape *tape = run->tape;
    const bool is_open = *p == OPEN_LOOP;
    const Py_ssize_t lanes = is_open ? run->length[p[1]] : p[1];
    const Py_ssize_t count = is_open ? tape->kept[p[1]] : 0; /* of numbers kept for each sample */
    double *kept = run->v;
    if (is_open) {
        kept += tape->slots + kept_before(tape->kept, run->length, (int)p[1]);
    }
    for (Py_ssize_t start = 0; start < lanes; start += LANES) {
        const int n = (int)Py_MIN(LANES, lanes - start);
        run_lanes(p + 3, run->v, kept + start * count, start, n, run->x, run->y,
                  run->length);
    }
}

/* The sum over a batch, in the order that all backends keep to. */
static double sum_of_sums(const double *p)
{
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

static double largest_of_largest(const double *p)
{
    const double a = LARGER(p[0], p[4]), b = LARGER(p[1], p[5]);
    const double c = LARGER(p[2], p[6]), d = LARGER(p[3], p[7]);
    const double even = LARGER(a, c), odd = LARGER(b, d);
    return LARGER(even, odd);
}

/* The steps of a program; loops are single ones here. */

static int32_t run_steps(const Run *run)
{
    const uint32_t *p = run->tape->code;
    double *v = run->v;
#define OPERAND(i) v[p[2 + (i)]]
#ifdef __GNUC__
    static const void *const label[OPCODES] = {
        &&opcode_0, TAPE_LABELS, GUARD_LABELS,
        &&opcode_COPY, &&opcode_READ, &&opcode_GATHER, &&opcode_WIDEN, &&opcode_START_SUM,
        &&opcode_FINISH_SUM, &&opcode_START_LARGEST, &&opcode_FINISH_LARGEST, &&opcode_ADD_PRODUCT, &&opcode_LOOP, &&opcode_OPEN_LOOP,
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
        GUARDS
        OPCODE(COPY) : v[p[1]] = v[p[2]];
        p += 3;
        NEXT;
        OPCODE(READ) : v[p[1]] = run->x[p[2]][(int32_t)p[3]];
        p += 4;
        NEXT;
        OPCODE(GATHER) : for (uint32_t i = 0; i < p[2]; i++) { v[p[1] + i] = v[p[3 + i]]; }
        p += 3 + p[2];
        NEXT;
        OPCODE(WIDEN) : for (int j = 0; j < LANES; j++) { v[p[1] + j] = v[p[2]]; }
        p += 3;
        NEXT;
        OPCODE(START_LARGEST) : for (int j = 0; j < SUMS; j++) { v[p[1] + j] = -INFINITY; }
        p += 2;
        NEXT;
        OPCODE(FINISH_LARGEST) : v[p[1]] = largest_of_largest(v + p[2]);
        p += 3;
        NEXT;
        OPCODE(START_SUM) : for (int j = 0; j < SUMS; j++) { v[p[1] + j] = -0.0; }
        p += 2;
        NEXT;
        OPCODE(FINISH_SUM) : v[p[1]] = sum_of_sums(v + p[2]);
        p += 3;
        NEXT;
        OPCODE(ADD_PRODUCT) : v[p[1]] = v[p[2]] + v[p[3]] * v[p[4]];
        p += 5;
        NEXT;
        OPCODE(LOOP) : OPCODE(OPEN_LOOP) : run_loop(run, p);
        p += 3 + p[2];
        NEXT;
    }
}

/* `v` are the slots. */
static int32_t run_tape(const Tape *tape, const double *const *x, double *const *y, double *v,
                        const Py_ssize_t *length)
{
    for (Py_ssize_t i = 0; i < tape->x.pieces; i++) {
        const Piece *piece = &tape->x.piece[i];
        memcpy(v + piece->slot, x[piece->buffer] + piece->offset,
               (size_t)piece->count * sizeof(double));
    }
    int32_t failed = run_steps(&(Run){tape, x, y, v, length});
    if (failed >= 0) {
        return failed;
    }
    const uint32_t *output = tape->output;
    for (Py_ssize_t i = 0; i < tape->y.pieces; i++) {
        const Piece *piece = &tape->y.piece[i];
        double *to = y[piece->buffer] + piece->offset;
        for (Py_ssize_t j = 0; j < piece->count; j++, output++) {
            if (*output != NO_SLOT) {
                to[j] = v[*output];
            }
        }
    }
    return -1;
}
