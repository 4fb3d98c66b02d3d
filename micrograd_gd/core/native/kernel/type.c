/* The type `Kernel`: native code that is called with the arguments as the user gave them, and
   returns the result in its structure.

   A call goes in four steps, so that nothing changes under its hands. First it reads all
   numbers, which runs no Python code; then it takes hold of the arrays and makes those of the
   result; then the native code runs; then the result is put together. The memory between belongs
   to the call. What is not exactly as planned is for others: the answer is NotImplemented. */

#include "kernel/kernel.h"

/* A call. */

/* The memory of a call: `few` where that is enough. */
static bool begin_call(const Kernel *kernel, Call *call, double *few, void **block)
{
    const size_t numbers = (size_t)(kernel->arguments.numbers + kernel->result.numbers
                                    + PyTuple_GET_SIZE(kernel->captured));
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

/* -2 if there is no memory. */
static int32_t run_native(Kernel *kernel, Call *call)
{
    if (kernel->running) {
        double *v = PyMem_Calloc((size_t)kernel->room + 1, sizeof(double));
        int32_t failed = v ? kernel->native(call->x, call->y, v) : -2;
        PyMem_Free(v);
        return failed;
    }
    kernel->running = true;
    int32_t failed = kernel->native(call->x, call->y, kernel->v);
    kernel->running = false;
    return failed;
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
    int32_t failed = kernel->native ? run_native(kernel, call)
                                    : run_tape((Tape *)kernel->code, call->x, call->y);
    if (failed != -1) {
        return failed < 0 ? PyErr_NoMemory() : PyLong_FromLong(failed);
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
    if (all == NULL || PyVectorcall_NARGS(flags) != all->n || names != NULL
        || !kernel->arguments.is_usual || is_out_of_patience(kernel)) {
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
    if (!read_items(&reader, args, all) || !hold_arguments(kernel, &call)) {
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
        if (part->kind == PART_ARRAY) {
            *++x = element;
            for (Py_ssize_t i = 0; i < part->n; i++) {
                if (!read_number(kernel, *leaf++, element++)) {
                    return false;
                }
            }
        }
    }
    return true;
}

static PyObject *kernel_run(PyObject *self, PyObject *leaves)
{
    Kernel *kernel = (Kernel *)self;
    const Plan *plan = &kernel->arguments;
    if (!PyList_CheckExact(leaves) || PyList_GET_SIZE(leaves) != plan->numbers + plan->elements) {
        return PyErr_Format(PyExc_TypeError, "run() takes a list of %zd numbers",
                            plan->numbers + plan->elements);
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

static int take_captured(Kernel *kernel, PyObject *captured, State *state)
{
    kernel->captured = PySequence_Tuple(captured);
    if (kernel->captured == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kernel->captured); i++) {
        if (!is_value(state, PyTuple_GET_ITEM(kernel->captured, i))) {
            PyErr_SetString(PyExc_TypeError, "what is captured are values");
            return -1;
        }
    }
    return 0;
}

/* NumPy's types, if there are arrays, or floats of NumPy may come. */
static int take_numpy(Kernel *kernel, PyObject *numpy)
{
    if (numpy == Py_None) {
        if (kernel->result.arrays > 0) {
            return no_plan("arrays need NumPy");
        }
        return 0;
    }
    if (!(kernel->array_type = PyObject_GetAttrString(numpy, "ndarray"))
        || !(kernel->float_type = PyObject_GetAttrString(numpy, "float64"))
        || !(kernel->empty = PyObject_GetAttrString(numpy, "empty"))) {
        return -1;
    }
    if (!PyType_Check(kernel->float_type)
        || !PyType_IsSubtype((PyTypeObject *)kernel->float_type, &PyFloat_Type)) {
        PyErr_SetString(PyExc_TypeError, "that is not NumPy");
        return -1;
    }
    return 0;
}

/* Whether a tape has its numbers where a plan has them. */
static bool agree(const Places *places, const Plan *plan, Py_ssize_t more)
{
    if (places->buffers > plan->arrays + 1 || places->size[0] > plan->numbers + more) {
        return false;
    }
    Py_ssize_t buffer = 0;
    for (const Part *part = plan->part; buffer < places->buffers - 1; part++) {
        if (part->kind == PART_ARRAY && places->size[++buffer] > part->n) {
            return false;
        }
    }
    return true;
}

/* The code is a tape, or (address, what it belongs to, how much memory it works in). */
static int take_code(Kernel *kernel, PyObject *code, PyTypeObject *tape_type)
{
    if (Py_TYPE(code) == tape_type) {
        kernel->code = Py_NewRef(code);
        Tape *tape = (Tape *)code;
        if (!agree(&tape->x, &kernel->arguments, PyTuple_GET_SIZE(kernel->captured))
            || !agree(&tape->y, &kernel->result, 0)) {
            return no_plan("the tape has another one");
        }
        return 0;
    }
    PyObject *address;
    if (!PyTuple_Check(code)) {
        PyErr_SetString(PyExc_TypeError, "the code is a Tape or a tuple with an address");
        return -1;
    }
    if (!PyArg_ParseTuple(code, "OOn", &address, &kernel->code, &kernel->room)) {
        kernel->code = NULL;
        return -1;
    }
    Py_INCREF(kernel->code);
    kernel->native = (NativeCode)(uintptr_t)PyLong_AsVoidPtr(address);
    if (kernel->native == NULL || kernel->room < 0 || kernel->room > PY_SSIZE_T_MAX / 64) {
        return PyErr_Occurred() ? -1 : no_plan("that is no address");
    }
    kernel->v = PyMem_Calloc((size_t)kernel->room + 1, sizeof(double));
    if (kernel->v == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/*[python]
class Kernel:
    """Native code that is called with arguments as the user gave them.

    `code` is a Tape, or (address, what it belongs to, room): then the address must be right. The
    plans of the arguments and of the result are those of compiler/backends/tape.py; `captured` are
    values. A call returns the result, the place of the guard that failed, or NotImplemented where
    the arguments are not exactly as planned.
    """

    patience: int  # calls until it answers NotImplemented, to be replaced; negative: never

    def __init__(
        self,
        code: Tape | tuple[int, Any, int],
        arguments: Sequence[tuple[int, int, Any]],
        result: Sequence[tuple[int, int, Any]],
        captured: Sequence[Value],
        numpy: Any,
    ) -> None: ...
    def __call__(self, *args: Any) -> Any: ...
    def run(self, leaves: list[float], /) -> Any:
        """The same for a list of all numbers of the arguments, from left to right."""
*/
static PyObject *kernel_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"code", "arguments", "result", "captured", "numpy", NULL};
    PyObject *code, *arguments, *result, *captured, *numpy;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOO:Kernel", names, &code, &arguments,
                                     &result, &captured, &numpy)) {
        return NULL;
    }
    State *state = PyType_GetModuleState(type);
    Kernel *kernel = (Kernel *)type->tp_alloc(type, 0);
    if (kernel == NULL) {
        return NULL;
    }
    PyObject_GC_UnTrack(kernel); /* until it is complete, nobody is to find it */
    kernel->vectorcall = kernel_call;
    kernel->patience = -1;
    if (state == NULL || read_plan(arguments, &kernel->arguments) < 0
        || read_plan(result, &kernel->result) < 0 || take_captured(kernel, captured, state) < 0
        || take_numpy(kernel, numpy) < 0 || take_code(kernel, code, state->tape_type) < 0) {
        Py_CLEAR(kernel);
    } else if (kernel->arguments.part->kind != PART_TUPLE) {
        no_plan("the arguments are a tuple");
        Py_CLEAR(kernel);
    } else {
        PyObject_GC_Track(kernel);
    }
    return (PyObject *)kernel;
}

static int visit_plan(Plan *plan, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < plan->parts; i++) {
        Py_VISIT(plan->part[i].what);
    }
    return 0;
}

static int kernel_traverse(PyObject *self, visitproc visit, void *arg)
{
    Kernel *kernel = (Kernel *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(kernel->captured);
    Py_VISIT(kernel->array_type);
    Py_VISIT(kernel->float_type);
    Py_VISIT(kernel->empty);
    Py_VISIT(kernel->code);
    int done = visit_plan(&kernel->arguments, visit, arg);
    return done ? done : visit_plan(&kernel->result, visit, arg);
}

static void clear_plan(Plan *plan)
{
    for (Py_ssize_t i = 0; i < plan->parts; i++) {
        Py_XDECREF(plan->part[i].what);
    }
    PyMem_Free(plan->part);
}

static void kernel_dealloc(PyObject *self)
{
    Kernel *kernel = (Kernel *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    clear_plan(&kernel->arguments);
    clear_plan(&kernel->result);
    Py_XDECREF(kernel->captured);
    Py_XDECREF(kernel->array_type);
    Py_XDECREF(kernel->float_type);
    Py_XDECREF(kernel->empty);
    Py_XDECREF(kernel->code);
    PyMem_Free(kernel->v);
    type->tp_free(self);
    Py_DECREF(type);
}

#ifndef Py_T_PYSSIZET /* new in 3.12 */

#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_READONLY READONLY
#endif

static PyMemberDef kernel_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(Kernel, vectorcall), Py_READONLY, NULL},
    {"patience", Py_T_PYSSIZET, offsetof(Kernel, patience), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef kernel_methods[] = {
    {"run", kernel_run, METH_O, DOC_Kernel_run},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot kernel_slots[] = {
    {Py_tp_doc, DOC_Kernel},
    {Py_tp_new, kernel_new},
    {Py_tp_dealloc, kernel_dealloc},
    {Py_tp_traverse, kernel_traverse},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, kernel_members},
    {Py_tp_methods, kernel_methods},
    {0, NULL},
};

static PyType_Spec kernel_spec = {
    .name = "micrograd_gd.core.native.extension.Kernel",
    .basicsize = sizeof(Kernel),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = kernel_slots,
};
