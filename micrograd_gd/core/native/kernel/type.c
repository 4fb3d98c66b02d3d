/* The type `Kernel`: native code that is called with the arguments as the user gave them, and
   returns the result in its structure. It keeps the plans of both, and checks that they fit the
   code: a Tape, or the address of machine code, which must be right. */

#include "kernel/kernel.h"

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

/* The lengths that are others but for so many rows, as (axis, of which, how many). */
static int take_cuts(Kernel *kernel, PyObject *cuts)
{
    PyObject *list = PySequence_Fast(cuts, "cuts are a sequence");
    if (list == NULL) {
        return -1;
    }
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(list);
    int done = n <= MOST_LENGTHS ? 0 : no_plan("there are too many cuts");
    for (Py_ssize_t i = 0; done == 0 && i < n; i++) {
        Cut *cut = &kernel->cut[i];
        PyObject *each = PySequence_Fast_GET_ITEM(list, i);
        if (!PyTuple_Check(each)
            || !PyArg_ParseTuple(each, "iin", &cut->axis, &cut->of, &cut->by)) {
            done = PyErr_Occurred() ? -1 : no_plan("cuts are tuples");
        } else if (cut->axis < 0 || cut->axis >= MOST_LENGTHS || cut->of < 0 || cut->by <= 0
                   || cut->of >= kernel->arguments.axes) {
            done = no_plan("a cut is out of range");
        } else {
            kernel->cuts += 1;
        }
    }
    for (int i = 0; i < kernel->cuts; i++) {
        kernel->arguments.axes = Py_MAX(kernel->arguments.axes, kernel->cut[i].axis + 1);
    }
    Py_DECREF(list);
    return done;
}

/* How many numbers are in one of a plan's buffers: those outside of arrays, or those of an array;
   one whose length is open has an axis. */
static Py_ssize_t size_of_buffer(const Plan *plan, Py_ssize_t buffer, int *axis)
{
    const Part *part = plan->part;
    for (Py_ssize_t i = 0; i < buffer; part++) {
        i += part->kind == PART_ARRAY;
    }
    *axis = buffer == 0 ? 0 : part[-1].axis;
    return buffer == 0 ? plan->numbers : part[-1].n;
}

/* Whether a tape has its numbers where a plan has them. */
static bool agree(const Places *places, const Plan *plan, Py_ssize_t more)
{
    if (places->buffers > plan->arrays + 1 || places->size[0] > plan->numbers + more) {
        return false;
    }
    Py_ssize_t buffer = 0;
    for (const Part *part = plan->part; buffer < places->buffers - 1; part++) {
        if (part->kind == PART_ARRAY
            && (places->size[++buffer] > part->n || places->axis[buffer] != part->axis
                || (part->axis > 0 && places->size[buffer] != part->n))) {
            return false;
        }
    }
    return true;
}

/* The derivatives, which have to be numbers of the result. */
static int take_derivatives(Kernel *kernel, PyObject *derivatives)
{
    PyObject *list = PySequence_Fast(derivatives, "the places of derivatives are a sequence");
    if (list == NULL) {
        return -1;
    }
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(list);
    const Plan *plan = &kernel->result;
    Derivatives *run = kernel->run = PyMem_Malloc(((size_t)n + 1) * sizeof(Derivatives));
    int done = run ? 0 : (PyErr_NoMemory(), -1);
    for (Py_ssize_t i = 0; done == 0 && i < n; i++, run++) {
        PyObject *each = PySequence_Fast_GET_ITEM(list, i);
        if (!PyTuple_Check(each)
            || !PyArg_ParseTuple(each, "iiip", &run->buffer, &run->offset, &run->count,
                                 &run->checked)) {
            done = PyErr_Occurred() ? -1 : no_plan("derivatives are tuples");
        } else if (run->buffer < 0 || run->buffer > plan->arrays || run->offset < 0
                   || run->count < 0) {
            done = no_plan("a derivative is out of range");
        } else {
            run->row_size = size_of_buffer(plan, run->buffer, &run->axis);
            if (run->offset > run->row_size - run->count) {
                done = no_plan("a derivative is out of range");
            }
        }
    }
    kernel->runs = done == 0 ? n : 0;
    Py_DECREF(list);
    return done;
}

/* The code is a tape, or (address, what it belongs to, how much memory it works in). */
static int take_code(Kernel *kernel, PyObject *code, PyTypeObject *tape_type)
{
    if (Py_TYPE(code) == tape_type) {
        kernel->code = Py_NewRef(code);
        Tape *tape = (Tape *)code;
        if (!agree(&tape->x, &kernel->arguments,
                   PyTuple_GET_SIZE(kernel->captured) + kernel->arguments.axes)
            || !agree(&tape->y, &kernel->result, 0)) {
            return no_plan("the tape has another one");
        }
        kernel->size = kernel->room = tape->slots;
        memcpy(kernel->kept, tape->kept, sizeof(tape->kept));
        return (kernel->v = make_room(kernel, kernel->room)) ? 0 : -1;
    }
    PyObject *address;
    Py_ssize_t *kept = kernel->kept;
    if (!PyTuple_Check(code)) {
        PyErr_SetString(PyExc_TypeError, "the code is a Tape or a tuple with an address");
        return -1;
    }
    if (!PyArg_ParseTuple(code, "OOn|nnnn", &address, &kernel->code, &kernel->room, kept, kept + 1,
                          kept + 2, kept + 3)) {
        kernel->code = NULL;
        return -1;
    }
    Py_INCREF(kernel->code);
    kernel->native = (NativeCode)(uintptr_t)PyLong_AsVoidPtr(address);
    if (kernel->native == NULL || kernel->room < 0 || kernel->room > PY_SSIZE_T_MAX / 64) {
        return PyErr_Occurred() ? -1 : no_plan("that is no address");
    }
    kernel->size = kernel->room;
    return (kernel->v = make_room(kernel, kernel->room)) ? 0 : -1;
}

/*[python]
class Kernel:
    """Native code that is called with arguments as the user gave them.

    `code` is a Tape, or (address, what it belongs to, room, and then for each open length how many
    numbers are kept for a sample): then the address must be right. The
    plans of the arguments and of the result are those of compiler/backends/tape.py; `captured` are
    values. `derivatives` are runs of numbers of the result, as (buffer, offset, count, whether they
    are checked): in them 0.0 stands for -0.0, and where one that is checked is nan, the guard
    `doubt` has failed. `held` are arrays, the last of the arguments, which a call does without. `cuts`
    are axes whose length is that of another one but for so many rows, as (axis, of which, how many).
    It returns the result, the place of the guard that failed, or NotImplemented where the arguments
    are not exactly as planned.
    """

    patience: int  # calls until it answers NotImplemented, to be replaced; negative: never
    watch: list[tuple[Any, Any, Any]]  # (container, key, what is there), else NotImplemented

    def __init__(
        self,
        code: Tape | tuple[int, Any, *tuple[int, ...]],
        arguments: Sequence[tuple[int, int, Any]],
        result: Sequence[tuple[int, int, Any]],
        captured: Sequence[Value],
        numpy: Any,
        derivatives: Sequence[tuple[int, int, int, bool]] = (),
        doubt: int = -1,
        held: tuple[Any, ...] = (),
        cuts: Sequence[tuple[int, int, int]] = (),
    ) -> None: ...
    def __call__(self, *args: Any) -> Any: ...
    def run(self, leaves: list[float], /) -> Any:
        """The same for a list of all numbers of the arguments, from left to right."""
*/
static PyObject *kernel_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"code", "arguments", "result", "captured",
                            "numpy", "derivatives", "doubt", "held", "cuts", NULL};
    PyObject *code, *arguments, *result, *captured, *numpy, *derivatives = NULL, *held = NULL,
             *cuts = NULL;
    int doubt = -1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOO|OiO!O:Kernel", names, &code, &arguments,
                                     &result, &captured, &numpy, &derivatives, &doubt,
                                     &PyTuple_Type, &held, &cuts)) {
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
    kernel->seconds = INFINITY;
    kernel->doubt = doubt < 0 ? -1 : doubt;
    kernel->held = held ? Py_NewRef(held) : PyTuple_New(0);
    if (state == NULL || kernel->held == NULL || read_plan(arguments, &kernel->arguments) < 0
        || read_plan(result, &kernel->result) < 0 || (cuts != NULL && take_cuts(kernel, cuts) < 0)
        || take_captured(kernel, captured, state) < 0
        || take_numpy(kernel, numpy) < 0 || take_code(kernel, code, state->tape_type) < 0
        || (derivatives != NULL && take_derivatives(kernel, derivatives) < 0)) {
        Py_CLEAR(kernel);
    } else if (kernel->arguments.axes < kernel->result.axes) {
        no_plan("a length is not known");
        Py_CLEAR(kernel);
    } else if (kernel->arguments.part->kind != PART_TUPLE) {
        no_plan("the arguments are a tuple");
        Py_CLEAR(kernel);
    } else if (kernel->arguments.part->n < PyTuple_GET_SIZE(kernel->held)) {
        no_plan("more are held than there are arguments");
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
    Py_VISIT(kernel->held);
    Py_VISIT(kernel->captured);
    Py_VISIT(kernel->array_type);
    Py_VISIT(kernel->float_type);
    Py_VISIT(kernel->empty);
    Py_VISIT(kernel->code);
    Py_VISIT(kernel->watch);
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
    Py_XDECREF(kernel->held);
    Py_XDECREF(kernel->captured);
    Py_XDECREF(kernel->array_type);
    Py_XDECREF(kernel->float_type);
    Py_XDECREF(kernel->empty);
    Py_XDECREF(kernel->code);
    Py_XDECREF(kernel->watch);
    PyMem_Free(kernel->v);
    PyMem_Free(kernel->run);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef kernel_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(Kernel, vectorcall), Py_READONLY, NULL},
    {"patience", Py_T_PYSSIZET, offsetof(Kernel, patience), 0, NULL},
    {"watch", Py_T_OBJECT_EX, offsetof(Kernel, watch), 0, NULL},
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
