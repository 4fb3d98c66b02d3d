/* The passes, last part: one scan back leaves out what nothing depends on, and the rest becomes
   the result, in the encoded form that compiler/instructions.py explains.

   Whatever is unusual, in any of the parts, is left to Python: then the answer is None. */

#include "passes/passes.h"

/* The scan back: leave out what nothing depends on. Of the starts, -1 is what was left out. */
static void scan_back(Passes *passes)
{
    bool *needed = passes->needed;
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
static inline int32_t renumber(Passes *passes, int32_t operand, double *constants, Ints *places)
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
static PyObject *write_result(Passes *passes)
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
            *to++ = j < operands ? word : renumber(passes, word, pool, &places);
        }
    }
    for (size_t i = 0; i < passes->result.n; i++) {
        int32_t *operand = &passes->result.item[i];
        *operand = renumber(passes, *operand, pool, &places);
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
    PyMem_Free(passes->needed);
    PyMem_Free(passes->lanes);
    PyMem_Free(passes->lanes_left);
    PyMem_Free(passes->same);
}

/*[python]
def optimize(
    inputs: Sequence[Value],
    events: Sequence[Any],
    outputs: Sequence[Any],
    traits: Callable[[Operation], tuple[Any, ...]],
    lengths: Sequence[Value],
    given: Sequence[int],
    wanted: Sequence[int],
    shorten: Callable[[int, Operation, tuple[Any, ...]], Any],
    /,
) -> (
    tuple[tuple[Value, ...], dict[int, Any], bytes, bytes, bytes, int, int, dict[int, Operation]]
    | None
):
    """What compiler/passes.py makes of a trace, encoded; None where Python is to do it."""
*/
static PyObject *native_optimize(PyObject *module, PyObject *args)
{
    PyObject *all = NULL;
    Passes passes = {.state = PyModule_GetState(module)};
    if (!PyArg_ParseTuple(args, "O!O!O!OO!O!O!O:optimize", &PyList_Type, &passes.inputs,
                          &PyList_Type, &passes.events, &PyList_Type, &passes.outputs,
                          &passes.traits, &PyList_Type, &passes.lengths, &PyList_Type,
                          &passes.given, &PyList_Type, &passes.wanted, &passes.shorten)) {
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
    if (done == 0 && !passes.unusual) {
        done = scan_forward(&passes);
    }
    if (passes.unusual && !PyErr_Occurred()) {
        all = Py_NewRef(Py_None);
    } else if (done == 0) {
        scan_back(&passes);
        all = write_result(&passes);
    }
    drop_passes(&passes);
    return all;
}
