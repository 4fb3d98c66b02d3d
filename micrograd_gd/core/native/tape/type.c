/* The type `Tape`: it takes an encoded program, has it checked and written, and keeps it ready
   to run.

   The program comes as three buffers, `code` and `outputs` of 32-bit integers and `constants` of
   doubles, and two lists of places: where the numbers that go in and come out lie, as runs of
   (count, buffer, offset). `compile_tape` goes through the parts of the writer in order. The
   tape owns its words and its constants; the slots to run in belong to a call. */

#include "tape/writer.h"

static int write_all(Compilation *it)
{
    Record record;
    for (const int32_t *p = it->code; p < it->end && next_record(&p, it->end, &record);) {
        it->place += 1;
        if (record.op != RECORD_STAGE) {
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
    tape->constants = it.constants;
    tape->slots = (Py_ssize_t)it.next_slot;
    memcpy(tape->kept, it.kept, sizeof(it.kept));
    tape->constant = PyMem_Malloc(((size_t)it.constants + 1) * sizeof(double));
    if (tape->constant == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(tape->constant, constants->buf, (size_t)it.constants * sizeof(double));
    return 0;
}

/*[python]
class Tape:
    """A program in encoded form, which compiler/instructions.py explains, ready to run.

    `x` and `y` say where the numbers that go in and come out lie, as (count, buffer, offset).

    Raises ValueError for what is of no such form.
    """

    def __init__(
        self,
        code: bytes,
        constants: bytes,
        outputs: bytes,
        x: Sequence[tuple[int, int, int]],
        y: Sequence[tuple[int, int, int]],
    ) -> None: ...
*/
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
    PyMem_Free(tape->constant);
    free_places(&tape->x);
    free_places(&tape->y);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot tape_slots[] = {
    {Py_tp_doc, DOC_Tape},
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
