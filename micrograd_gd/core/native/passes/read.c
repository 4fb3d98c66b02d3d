/* The passes, first part: the events of a trace become *records* of 32-bit integers.

   An event is a node that was recorded, or a decision that was made; compiler/instructions.py
   says how a record of each looks. Nodes are numbered: first the inputs, then those that are
   captured, which were made before the trace, the lengths of batches, then the others in their
   order. Captured ones are
   not counted until the end, so numbers of the others start at MADE meanwhile.

   No Python code runs here, so a node can keep its number in place of its gradient; a node that
   is `seen` does. A constant is ~its place in a pool, in which those of the same bits stand
   once. */

#include "passes/passes.h"

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

/* Writing down. */

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
    static const char *const relation[] = {RELATION_TEXTS};
    if (!PyTuple_Check(decision) || PyTuple_GET_SIZE(decision) != 4
        || !PyUnicode_Check(PyTuple_GET_ITEM(decision, 1))) {
        passes->unusual = true;
        return 0;
    }
    int32_t r = 0;
    while (r < GUARD_COUNT / 2
           && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(decision, 1), relation[r]) != 0) {
        r += 1;
    }
    passes->unusual |= r == GUARD_COUNT / 2;
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
    Py_ssize_t lengths = PyList_GET_SIZE(passes->lengths);
    int32_t number = MADE;
    passes->event_count = (size_t)events;
    for (Py_ssize_t i = 0; i < inputs; i++) {
        PyObject *node = PyList_GET_ITEM(passes->inputs, i);
        passes->unusual |= !is_value(passes->state, node) || ((Node *)node)->seen;
        if (passes->unusual || number_node(passes, (Node *)node, (int32_t)i) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < lengths; i++) {
        PyObject *node = PyList_GET_ITEM(passes->lengths, i);
        passes->unusual |= !is_value(passes->state, node) || ((Node *)node)->seen;
        if (passes->unusual || number_node(passes, (Node *)node, number++) < 0) {
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
