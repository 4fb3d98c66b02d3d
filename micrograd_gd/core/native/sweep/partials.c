/* Partials over values: the derivative by one operand as a node, or as a number.

   Each row carries its partials as *steps* for a stack machine, which generate/postfix.py
   explains; `evaluate` runs them on values, recording a node for each operation. While a trace
   is under way, a partial that chooses between branches is recorded as one instruction, the
   row's *slope*.

   Whatever is not compiled in, and operands of a subclass, are left to Python, one partial at a
   time. */

#include "sweep/sweep.h"
#include "record/record.h"

static void drop_taken(Operands *operands)
{
    for (Py_ssize_t i = 0; i < operands->n; i++) {
        Py_XDECREF(operands->x[i]);
    }
    if (operands->x != operands->few_x) {
        PyMem_Free(operands->x);
    }
}

static int take_all(State *state, Node *node, Operands *operands)
{
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of(node, &edge, &kind);
    operands->n = n;
    operands->plain = Py_TYPE(node) == state->type;
    operands->x = operands->few_x;
    operands->edge = operands->few_edges;
    operands->kind = operands->few_kinds;
    if (n > 4) {
        operands->x = PyMem_Malloc((size_t)n * (sizeof(PyObject *) + sizeof(Edge) + sizeof(Kind)));
        if (operands->x == NULL) {
            operands->n = 0;
            operands->x = operands->few_x;
            PyErr_NoMemory();
            return -1;
        }
        operands->edge = (Edge *)(operands->x + n);
        operands->kind = (Kind *)(operands->edge + n);
    }
    memcpy(operands->edge, edge, (size_t)n * sizeof(Edge));
    memcpy(operands->kind, kind, (size_t)n * sizeof(Kind));
    for (Py_ssize_t i = 0; i < n; i++) { /* all the values first: a float may need memory */
        bool is_value = operands->kind[i] >= VALUE;
        operands->x[i] = is_value ? Py_NewRef(operands->edge[i].value) : NULL;
        operands->plain &= !is_value || Py_TYPE(operands->x[i]) == state->type;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (operands->x[i] == NULL) {
            operands->x[i] = PyFloat_FromDouble(operands->edge[i].number);
            if (operands->x[i] == NULL) {
                drop_taken(operands);
                operands->n = 0;
                operands->x = operands->few_x;
                return -1;
            }
        }
    }
    return 0;
}

/* Partials over values. */

/* The operation's node, or its number where all operands are numbers. */
static PyObject *apply_operation(State *state, uint32_t op, PyObject **x, Py_ssize_t n)
{
    double number[MOST_TAKEN];
    Kind kind[MOST_TAKEN] = {NUMBER, NUMBER, NUMBER, NUMBER};
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!PyFloat_CheckExact(x[i])) {
            return record(state, op, x, n);
        }
        number[i] = PyFloat_AS_DOUBLE(x[i]);
    }
    return PyFloat_FromDouble(apply(ROWS[op].rule, n, number, NULL, kind));
}

/* Whether `a` stands in the relation to `b`, or, without a `b`, is true; -1 with an error set. */
static int is_true(PyObject *a, PyObject *b, int relation)
{
    PyObject *answer = b ? PyObject_RichCompare(a, b, relation) : Py_NewRef(a);
    int truth = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return truth;
}

/* What the steps compute: a new reference. The operand with the number k in the formula is
   x[first + k * stride]. With `straight`, a comparison of values ends it: NULL without an error. */
static PyObject *evaluate(State *state, const Step *steps, PyObject **x, Py_ssize_t first,
                          Py_ssize_t stride, PyObject *y, bool straight)
{
    PyObject *stack[DEEPEST];
    int n = 0, answer = 0;
    for (const Step *step = steps; step->kind != DONE; step++) {
        PyObject *pushed = NULL;
        switch (step->kind) {
        case OPERAND:
            pushed = Py_NewRef(x[first + step->which * stride]);
            break;
        case RESULT:
            pushed = Py_NewRef(y);
            break;
        case CONSTANT:
            pushed = PyFloat_FromDouble(step->number);
            break;
        case NOTHING:
            pushed = Py_NewRef(Py_None);
            break;
        case APPLY:
            n -= step->count;
            pushed = apply_operation(state, step->which, &stack[n], step->count);
            for (int i = 0; i < step->count; i++) {
                Py_DECREF(stack[n + i]);
            }
            break;
        case COMPARE:
        case TRUTH: {
            n -= step->kind == COMPARE ? 2 : 1;
            PyObject *a = stack[n], *b = step->kind == COMPARE ? stack[n + 1] : NULL;
            bool numbers = PyFloat_CheckExact(a) && (b == NULL || PyFloat_CheckExact(b));
            answer = straight && !numbers ? -1 : is_true(a, b, step->which);
            Py_DECREF(a);
            Py_XDECREF(b);
            if (answer < 0) {
                goto failed;
            }
            continue;
        }
        case UNLESS:
            step = answer ? step : steps + step->which - 1;
            continue;
        case JUMP:
            step = steps + step->which - 1;
            continue;
        }
        if (pushed == NULL) {
            goto failed;
        }
        stack[n++] = pushed;
    }
    return stack[0];
failed:
    while (n > 0) {
        Py_DECREF(stack[--n]);
    }
    return NULL;
}

/* The partial for operand i from Python. */
static PyObject *partial_in_python(Sweep *sweep, Node *node, Py_ssize_t i, bool last)
{
    PyObject *place = PyLong_FromSsize_t(i);
    PyObject *names = PyTuple_New(1);
    PyObject *partial = NULL;
    if (names != NULL) {
        PyTuple_SET_ITEM(names, 0, PyUnicode_InternFromString("last"));
    }
    if (place && names && PyTuple_GET_ITEM(names, 0)) {
        PyObject *flag = last ? Py_True : Py_False;
        PyObject *arguments[] = {(PyObject *)node, place, sweep->trace, flag};
        partial = PyObject_Vectorcall(sweep->fallback, arguments, 3, names);
    }
    Py_XDECREF(place);
    Py_XDECREF(names);
    return partial;
}

/* `Trace.takes_all`, or -1 with an error set. */
static int takes_all(Sweep *sweep, Node *node, Py_ssize_t i, bool last)
{
    if (!last) {
        return 0;
    }
    PyObject *takes = PyObject_CallMethod(sweep->trace, "takes_all", "On", node, i);
    int answer = takes ? PyObject_IsTrue(takes) : -1;
    Py_XDECREF(takes);
    return answer;
}

/* Whether the formula chooses, and always has a result, if only 0: then it has a slope. */
static int has_slope(Sweep *sweep, Node *node, Py_ssize_t i, const Step *steps)
{
    bool branches = false, may_be_none = false;
    for (const Step *step = steps; step->kind != DONE; step++) {
        may_be_none |= step->kind == NOTHING;
        branches |= step->kind == UNLESS;
    }
    return may_be_none && branches ? takes_all(sweep, node, i, true) : branches;
}

/* The partial for operand i as one instruction with all its branches. */
static PyObject *record_slope(State *state, Node *node, Py_ssize_t i, Operands *operands)
{
    PyObject *x[MOST_TAKEN + 1], *partial = NULL;
    PyObject *slope = PyObject_CallMethod(state->ops[node->op], "slope", "n", i);
    uint32_t op = slope ? number_of_op(state, slope) : 0;
    if (op != 0) {
        memcpy(x, operands->x, (size_t)operands->n * sizeof(PyObject *));
        x[operands->n] = (PyObject *)node;
        partial = record(state, op, x, operands->n + 1);
    }
    Py_XDECREF(slope);
    return partial;
}

/* The partial for operand i of a trace, as `Trace.partial` says. */
static PyObject *partial_of_trace(Sweep *sweep, Node *node, Py_ssize_t i, Operands *operands,
                                  const Step *steps, Py_ssize_t first, Py_ssize_t stride, bool last)
{
    Py_ssize_t before = PyList_GET_SIZE(sweep->events);
    int straight = last && ROWS[node->op].groups == 0 ? has_slope(sweep, node, i, steps) : 0;
    if (straight < 0) {
        return NULL;
    }
    PyObject *partial = evaluate(sweep->state, steps, operands->x, first, stride, (PyObject *)node,
                                 straight);
    if (partial == NULL && !PyErr_Occurred()
        && PyList_SetSlice(sweep->events, before, PyList_GET_SIZE(sweep->events), NULL) == 0) {
        partial = record_slope(sweep->state, node, i, operands);
    }
    return partial;
}

/* The partial for operand i as a value or a number; it must be what the forward pass stored. */
static PyObject *partial_at_all(Sweep *sweep, Node *node, Py_ssize_t i, Operands *operands,
                                bool last)
{
    double stored = operands->kind[i] == FLOWS ? operands->edge[i].partial : 0.0;
    if (node->op == 0 || node->op >= ROW_COUNT || !operands->plain) {
        return partial_in_python(sweep, node, i, last);
    }
    const Row *row = &ROWS[node->op];
    Py_ssize_t which = i, first = 0, stride = 1;
    if (row->groups > 0 && i > 0) { /* the operands are s, then every *w, then every *x */
        stride = (operands->n - 1) / row->groups;
        which = 1 + (i - 1) / stride;
        first = 1 + (i - 1) % stride - stride;
    }
    const Step *steps = row->partials[which];
    if (sweep->events != NULL) {
        return partial_of_trace(sweep, node, i, operands, steps, first, stride, last);
    }
    PyObject *y = (PyObject *)node;
    PyObject *partial = evaluate(sweep->state, steps, operands->x, first, stride, y, false);
    if (partial == NULL || partial == Py_None) {
        return partial;
    }
    double again = PyFloat_CheckExact(partial) ? PyFloat_AS_DOUBLE(partial)
                                               : ((Node *)partial)->data;
    if (again != stored && (again == again || stored == stored)) {
        Py_DECREF(partial); /* data was changed: Python says so */
        return partial_in_python(sweep, node, i, last);
    }
    return partial;
}
