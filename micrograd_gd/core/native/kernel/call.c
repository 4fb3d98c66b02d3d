/* A kernel's call, in four steps, so that nothing changes under its hands. First it reads all
   numbers, which runs no Python code; then it takes hold of the arrays and makes those of the
   result; then the native code runs, without the interpreter's lock if that takes long; then the
   result is put together. The memory between belongs to the call. What is not exactly as planned is for others: the answer is NotImplemented. */

#include <time.h>

#include "kernel/kernel.h"

#define LONG_ENOUGH 1e-5 /* seconds; letting go of the lock and taking it again costs 0.1e-6 */

/* The memory of a call: `few` where that is enough. */
static bool begin_call(const Kernel *kernel, Call *call, double *few, void **block)
{
    const size_t numbers = (size_t)(kernel->arguments.numbers + kernel->result.numbers
                                    + PyTuple_GET_SIZE(kernel->captured) + kernel->arguments.axes);
    const size_t x = (size_t)kernel->arguments.arrays, y = (size_t)kernel->result.arrays;
    const size_t size = numbers * sizeof(double) + (x + y) * (sizeof(Py_buffer) + sizeof(void *))
                        + (x + y + 2) * sizeof(void *);
    *block = size <= ENOUGH * sizeof(double) ? few : PyMem_Malloc(size);
    if (*block == NULL) {
        PyErr_NoMemory();
        return false;
    }
    call->number = *block;
    call->view = (Py_buffer *)(call->number + numbers);
    call->array = (PyObject **)(call->view + x + y);
    call->x = (const double **)(call->array + x + y);
    call->y = (double **)(call->x + x + 1);
    call->views = 0;
    for (int i = 0; i < MOST_LENGTHS; i++) {
        call->length[i] = 0;
    }
    call->x[0] = call->number;
    call->y[0] = call->number + numbers - kernel->result.numbers;
    for (size_t i = 0; i < x + y; i++) {
        call->array[i] = NULL;
    }
    return true;
}

static void end_call(const Kernel *kernel, Call *call, double *few, void *block)
{
    for (Py_ssize_t i = 0; i < call->views; i++) {
        PyBuffer_Release(&call->view[i]);
    }
    for (Py_ssize_t i = 0; i < kernel->arguments.arrays + kernel->result.arrays; i++) {
        Py_XDECREF(call->array[i]);
    }
    if (block != few) {
        PyMem_Free(block);
    }
}

/* How many numbers a call works with. */
static Py_ssize_t find_size(const Kernel *kernel, const Py_ssize_t *length)
{
    return kernel->room + kept_before(kernel->kept, length, kernel->arguments.axes);
}

/* Memory to work in, or NULL with an error set. */
static double *make_room(const Kernel *kernel, Py_ssize_t size)
{
    double *v = PyMem_Calloc((size_t)size + 1, sizeof(double));
    if (v == NULL) {
        PyErr_NoMemory();
    } else if (kernel->native == NULL) {
        const Tape *tape = (Tape *)kernel->code;
        memcpy(v, tape->constant, (size_t)tape->constants * sizeof(double));
    }
    return v;
}

static inline int32_t run_code(const Kernel *kernel, const Call *call, double *v)
{
    return kernel->native ? kernel->native(call->x, call->y, v)
                          : run_tape((Tape *)kernel->code, call->x, call->y, v, call->length);
}

static double read_clock(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Other threads of Python work meanwhile, unless the code runs for so short a time that letting
   them would cost more. The code touches no objects. */
static int32_t run_beside_others(Kernel *kernel, const Call *call, double *v)
{
    double rows = 1;
    for (int i = 0; i < kernel->arguments.axes; i++) {
        rows += (double)call->length[i];
    }
    if (kernel->seconds * rows < LONG_ENOUGH) {
        return run_code(kernel, call, v);
    }
    PyThreadState *state = PyEval_SaveThread();
    const double start = read_clock();
    const int32_t failed = run_code(kernel, call, v);
    const double seconds = (read_clock() - start) / rows;
    PyEval_RestoreThread(state);
    if (failed == -1 && seconds > 0 && seconds < kernel->seconds) {
        kernel->seconds = seconds;
    }
    return failed;
}

/* -2 if there is no memory; the error is set. */
static int32_t run_in_room(Kernel *kernel, const Call *call)
{
    const Py_ssize_t size = find_size(kernel, call->length);
    if (kernel->running) {
        double *v = make_room(kernel, size);
        const int32_t failed = v ? run_beside_others(kernel, call, v) : -2;
        PyMem_Free(v);
        return failed;
    }
    if (size > kernel->size) {
        double *v = make_room(kernel, size);
        if (v == NULL) {
            return -2;
        }
        PyMem_Free(kernel->v);
        kernel->v = v;
        kernel->size = size;
    }
    kernel->running = true;
    const int32_t failed = run_beside_others(kernel, call, kernel->v);
    kernel->running = false;
    return failed;
}

/* Make each number that is -0.0 0.0; whether one is nan, if that is asked for. */
static inline bool settle_few(double *y, Py_ssize_t count, bool is_checked)
{
    int64_t nans = 0; /* as wide as a double, so that it goes side by side */
    for (Py_ssize_t i = 0; i < count; i++) {
        nans |= is_checked && y[i] != y[i] ? -1 : 0;
        y[i] += 0.0;
    }
    return nans != 0;
}

FOR_MACHINES("avx2") /* wider ones take longer for the little that this is */
static bool settle_many(double *y, Py_ssize_t count, bool is_checked)
{
    return settle_few(y, count, is_checked);
}

/* The same for all derivatives; the guard that failed, or -1. */
static int32_t settle_derivatives(const Kernel *kernel, Call *call)
{
    bool is_doubtful = false;
    for (const Derivatives *run = kernel->run; run < kernel->run + kernel->runs; run++) {
        Py_ssize_t rows = run->axis ? call->length[run->axis - 1] : 1, count = run->count;
        if (count == run->row_size) {
            count *= rows;
            rows = 1;
        }
        double *y = call->y[run->buffer] + run->offset;
        for (Py_ssize_t row = 0; row < rows; row++, y += run->row_size) {
            is_doubtful |= count < LANES ? settle_few(y, count, run->checked)
                                         : settle_many(y, count, run->checked);
        }
    }
    return is_doubtful ? kernel->doubt : -1;
}

/* The rest of a call whose numbers are read and whose arrays are held. */
static PyObject *run(Kernel *kernel, Call *call)
{
    if (make_arrays(kernel, call) < 0) {
        return NULL;
    }
    double *captured = call->number + kernel->arguments.numbers;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kernel->captured); i++) {
        captured[i] = ((Node *)PyTuple_GET_ITEM(kernel->captured, i))->data;
    }
    captured += PyTuple_GET_SIZE(kernel->captured);
    for (int i = 0; i < kernel->arguments.axes; i++) {
        captured[i] = (double)call->length[i];
    }
    const Flags before = keep_flags();
    int32_t failed = run_in_room(kernel, call);
    put_back_flags(before);
    if (failed == -1) {
        failed = settle_derivatives(kernel, call);
    }
    if (failed != -1) {
        return failed < 0 ? NULL : PyLong_FromLong(failed);
    }
    Writer writer = {kernel->result.part, call->y[0], call->array + kernel->arguments.arrays};
    return write_part(&writer);
}

/* Whether this kernel asks to be replaced, being called so often. */
static inline bool is_out_of_patience(Kernel *kernel)
{
    if (kernel->patience > 0) {
        kernel->patience -= 1;
    }
    return kernel->patience == 0;
}

static PyObject *kernel_call(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    Kernel *kernel = (Kernel *)self;
    const Part *all = kernel->arguments.part;
    if (all == NULL || PyVectorcall_NARGS(flags) + PyTuple_GET_SIZE(kernel->held) != all->n
        || names != NULL || !kernel->arguments.is_usual
        || (kernel->watch && !is_unchanged(kernel->watch)) || is_out_of_patience(kernel)) {
        return not_for_us();
    }
    double few[ENOUGH];
    void *block;
    Call call;
    if (!begin_call(kernel, &call, few, &block)) {
        return NULL;
    }
    Reader reader = {kernel, all + 1, call.number, call.array};
    PyObject *result;
    if (!read_arguments(&reader, args, all) || !hold_arguments(kernel, &call)) {
        result = not_for_us();
    } else {
        result = run(kernel, &call);
    }
    end_call(kernel, &call, few, block);
    return result;
}

/* Sort the arguments' numbers, which come one after the other, into buffers. */
static bool sort_leaves(const Kernel *kernel, Call *call, PyObject *const *leaf, double *element)
{
    const Plan *plan = &kernel->arguments;
    double *number = call->number;
    const double **x = call->x;
    for (const Part *part = plan->part; part < plan->part + plan->parts; part++) {
        if (part->kind == PART_NUMBER && !read_number(kernel, *leaf++, number++)) {
            return false;
        }
        if (part->axis > 0) {
            if (!hold_array(call, *leaf++, part, 0)) {
                return false;
            }
            *++x = call->view[call->views - 1].buf;
        } else if (part->kind == PART_ARRAY) {
            *++x = element;
            for (Py_ssize_t i = 0; i < part->n; i++) {
                if (!read_number(kernel, *leaf++, element++)) {
                    return false;
                }
            }
        }
    }
    return find_lengths(kernel, call);
}

static PyObject *kernel_run(PyObject *self, PyObject *leaves)
{
    Kernel *kernel = (Kernel *)self;
    const Plan *plan = &kernel->arguments;
    const Py_ssize_t count = plan->numbers + plan->elements + plan->open;
    if (!PyList_CheckExact(leaves) || PyList_GET_SIZE(leaves) != count) {
        return PyErr_Format(PyExc_TypeError, "run() takes a list of %zd numbers", count);
    }
    is_out_of_patience(kernel);
    double few[ENOUGH];
    void *block;
    Call call;
    if (!begin_call(kernel, &call, few, &block)) {
        return NULL;
    }
    PyObject *result = NULL;
    double *elements = PyMem_Malloc(((size_t)plan->elements + 1) * sizeof(double));
    if (elements == NULL) {
        PyErr_NoMemory();
    } else if (!sort_leaves(kernel, &call, ((PyListObject *)leaves)->ob_item, elements)) {
        PyErr_SetString(PyExc_TypeError, "run() takes floats");
    } else {
        result = run(kernel, &call);
    }
    PyMem_Free(elements);
    end_call(kernel, &call, few, block);
    return result;
}
