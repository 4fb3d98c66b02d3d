/* The two sweeps over any number type: `pull_back` and `push_forward` of sweep.py, which says what
   everything here means and is to be read first.

   A partial over values is taken from the table by the steps that postfix.py explains. Whatever is
   not compiled in, and operands of a subclass, are left to Python, one partial at a time. */

#ifndef MICROGRAD_GD_SWEEP_H
#define MICROGRAD_GD_SWEEP_H

#include "node.h"
#include "record.h"
#include "walk.h"

typedef struct {
    State *state;
    PyObject *found;    /* {node: its adjoint, or its tangent} */
    PyObject *trace;    /* or None */
    PyObject *events;   /* of the trace, or NULL */
    PyObject *fallback; /* sweep._partial */
    bool differentiable;
    bool last;
} Sweep;

/* A node's operands and partials, held while Python code may run, which could cut the graph. */
typedef struct {
    Py_ssize_t n;
    bool plain; /* all are floats and exact values */
    PyObject **x;
    Edge *edge;
    Kind *kind;
    PyObject *few_x[4];
    Edge few_edges[4];
    Kind few_kinds[4];
} Operands;

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
static PyObject *applied(State *state, uint32_t op, PyObject **x, Py_ssize_t n)
{
    double number[MOST_TAKEN];
    Kind kind[MOST_TAKEN] = {NUMBER, NUMBER, NUMBER, NUMBER};
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!PyFloat_CheckExact(x[i])) {
            return record(state, op, x, n);
        }
        number[i] = PyFloat_AS_DOUBLE(x[i]);
    }
    return PyFloat_FromDouble(ROWS[op].rule(n, number, NULL, kind));
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
static PyObject *computed(State *state, const Step *steps, PyObject **x, Py_ssize_t first,
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
            pushed = applied(state, step->which, &stack[n], step->count);
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
static PyObject *partial_in_python(Sweep *sweep, Node *node, Py_ssize_t i, double stored, bool last)
{
    PyObject *place = PyLong_FromSsize_t(i);
    PyObject *number = PyFloat_FromDouble(stored);
    PyObject *names = PyTuple_New(1);
    PyObject *partial = NULL;
    if (names != NULL) {
        PyTuple_SET_ITEM(names, 0, PyUnicode_InternFromString("last"));
    }
    if (place && number && names && PyTuple_GET_ITEM(names, 0)) {
        PyObject *arguments[] = {(PyObject *)node, place,   number,
                                 sweep->trace,     last ? Py_True : Py_False};
        partial = PyObject_Vectorcall(sweep->fallback, arguments, 4, names);
    }
    Py_XDECREF(place);
    Py_XDECREF(number);
    Py_XDECREF(names);
    return partial;
}

/* Whether the formula chooses, and always has a result: then it has a slope. */
static bool has_slope(const Step *steps)
{
    bool branches = false;
    for (const Step *step = steps; step->kind != DONE; step++) {
        if (step->kind == NOTHING) {
            return false;
        }
        branches |= step->kind == UNLESS;
    }
    return branches;
}

/* The partial for operand i as one instruction with all its branches. */
static PyObject *recorded_slope(State *state, Node *node, Py_ssize_t i, Operands *operands)
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

/* The partial for operand i of a trace, as `Traced.partial` says. */
static PyObject *partial_of_trace(Sweep *sweep, Node *node, Py_ssize_t i, Operands *operands,
                                  const Step *steps, Py_ssize_t first, Py_ssize_t stride, bool last)
{
    Py_ssize_t before = PyList_GET_SIZE(sweep->events);
    bool straight = last && ROWS[node->op].groups == 0 && has_slope(steps);
    PyObject *partial = computed(sweep->state, steps, operands->x, first, stride, (PyObject *)node,
                                 straight);
    if (partial == NULL && !PyErr_Occurred()
        && PyList_SetSlice(sweep->events, before, PyList_GET_SIZE(sweep->events), NULL) == 0) {
        partial = recorded_slope(sweep->state, node, i, operands);
    }
    return partial;
}

/* The partial for operand i as a value or a number; it must be what the forward pass stored. */
static PyObject *partial_at_all(Sweep *sweep, Node *node, Py_ssize_t i, Operands *operands,
                                bool last)
{
    double stored = operands->kind[i] == FLOWS ? operands->edge[i].partial : 0.0;
    if (node->op == 0 || node->op >= ROW_COUNT || !operands->plain) {
        return partial_in_python(sweep, node, i, stored, last);
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
    PyObject *partial = computed(sweep->state, steps, operands->x, first, stride, y, false);
    if (partial == NULL || partial == Py_None) {
        return partial;
    }
    double again = PyFloat_CheckExact(partial) ? PyFloat_AS_DOUBLE(partial)
                                               : ((Node *)partial)->data;
    if (again != stored && (again == again || stored == stored)) {
        Py_DECREF(partial); /* data was changed: Python says so */
        return partial_in_python(sweep, node, i, stored, last);
    }
    return partial;
}

/* The chain rule. */

static inline bool is_one(PyObject *x) { return PyFloat_CheckExact(x) && PyFloat_AS_DOUBLE(x) == 1; }

/* `g * partial`, without a node for a factor that is the plain number 1. */
static PyObject *product(PyObject *g, PyObject *partial)
{
    return is_one(partial) ? Py_NewRef(g)
           : is_one(g)     ? Py_NewRef(partial)
                           : PyNumber_Multiply(g, partial);
}

/* One step along operand i: what stands at one end, times the partial. */
static PyObject *step_along(Sweep *sweep, Node *node, Py_ssize_t i, Operands *operands, PyObject *g)
{
    PyObject *step = NULL;
    PyObject *partial = sweep->differentiable
                            ? partial_at_all(sweep, node, i, operands, sweep->last)
                            : PyFloat_FromDouble(operands->edge[i].partial);
    if (partial != NULL) {
        step = sweep->differentiable ? product(g, partial) : PyNumber_Multiply(g, partial);
        Py_DECREF(partial);
    }
    return step;
}

/* Add to what was found for a node. The step is taken over. */
static int add_to(Sweep *sweep, PyObject *node, PyObject *step)
{
    int done = -1;
    if (step != NULL) {
        PyObject *so_far = PyDict_GetItemWithError(sweep->found, node);
        if (so_far != NULL) {
            Py_INCREF(so_far);
            Py_SETREF(step, PyNumber_Add(so_far, step));
            Py_DECREF(so_far);
        }
        if (step != NULL && !PyErr_Occurred()) {
            done = PyDict_SetItem(sweep->found, node, step);
        }
    }
    Py_XDECREF(step);
    return done;
}

/* Let a trace see that operand i gets no derivative, which may depend on numbers. */
static int no_path(Sweep *sweep, Node *node, Py_ssize_t i, Operands *operands)
{
    if (operands->kind[i] != VALUE || sweep->trace == Py_None) {
        return 0;
    }
    PyObject *partial = partial_at_all(sweep, node, i, operands, false);
    Py_XDECREF(partial);
    return partial == NULL ? -1 : 0;
}

/* From a node down to its operands. */
static int pull_through(Sweep *sweep, Node *node, bool keep)
{
    Operands operands;
    PyObject *g = PyDict_GetItemWithError(sweep->found, (PyObject *)node);
    if (g == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_INCREF(g);
    int done = keep ? 0 : PyDict_DelItem(sweep->found, (PyObject *)node);
    if (done < 0 || take_all(sweep->state, node, &operands) < 0) {
        Py_DECREF(g);
        return -1;
    }
    for (Py_ssize_t i = 0; done == 0 && i < operands.n; i++) {
        if (operands.kind[i] == FLOWS) {
            done = add_to(sweep, operands.x[i], step_along(sweep, node, i, &operands, g));
        } else {
            done = no_path(sweep, node, i, &operands);
        }
    }
    drop_taken(&operands);
    Py_DECREF(g);
    return done;
}

/* From its operands up to a node. */
static int push_through(Sweep *sweep, Node *node)
{
    Operands operands;
    if (take_all(sweep->state, node, &operands) < 0) {
        return -1;
    }
    int done = 0;
    for (Py_ssize_t i = 0; done == 0 && i < operands.n; i++) {
        if (operands.kind[i] != FLOWS) {
            done = no_path(sweep, node, i, &operands);
            continue;
        }
        PyObject *dx = PyDict_GetItemWithError(sweep->found, operands.x[i]);
        if (dx != NULL) {
            Py_INCREF(dx);
            PyObject *step = step_along(sweep, node, i, &operands, dx);
            Py_DECREF(dx);
            done = add_to(sweep, (PyObject *)node, step);
        } else if (PyErr_Occurred()) {
            done = -1;
        }
    }
    drop_taken(&operands);
    return done;
}

/* The nodes between the roots and those to stop at, operands first: as `sweep.in_order`, without
   the latter. No Python code may run in between. */
static int walk_between(PyObject *roots, PyObject *stops, Stack *order)
{
    Py_ssize_t n = PySequence_Fast_GET_SIZE(roots), stop_count = PySequence_Fast_GET_SIZE(stops);
    int done = 0;
    for (Py_ssize_t i = 0; i < stop_count; i++) {
        ((Node *)PySequence_Fast_GET_ITEM(stops, i))->seen = true;
    }
    for (Py_ssize_t i = 0; done == 0 && i < n; i++) {
        done = walk((Node *)PySequence_Fast_GET_ITEM(roots, i), FLOWS, order, NULL);
    }
    undo(order, false);
    for (Py_ssize_t i = 0; i < stop_count; i++) {
        ((Node *)PySequence_Fast_GET_ITEM(stops, i))->seen = false;
    }
    return done;
}

/* The things as a list, which must be values. */
static PyObject *list_of_values(State *state, PyObject *things)
{
    PyObject *list = PySequence_List(things);
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        if (!is_value(state, PyList_GET_ITEM(list, i))) {
            PyErr_Format(PyExc_TypeError, "%R is no value", PyList_GET_ITEM(list, i));
            Py_CLEAR(list);
        }
    }
    return list;
}

static int start_sweep(Sweep *sweep, PyObject *seeds)
{
    PyObject *module = PyImport_ImportModule("micrograd_gd.core.sweep");
    sweep->fallback = module ? PyObject_GetAttrString(module, "_partial") : NULL;
    Py_XDECREF(module);
    sweep->found = sweep->fallback ? PyDict_New() : NULL;
    if (sweep->found == NULL || PyDict_Update(sweep->found, seeds) < 0) {
        return -1;
    }
    if (sweep->trace != Py_None) {
        sweep->events = PyObject_GetAttr(sweep->trace, sweep->state->events_name);
        if (sweep->events == NULL || !PyList_CheckExact(sweep->events)) {
            PyErr_SetString(PyExc_TypeError, "a trace keeps its events in a list");
            return -1;
        }
    }
    return 0;
}

/* What was found, or NULL where `done` says that it failed. */
static PyObject *end_sweep(Sweep *sweep, int done)
{
    Py_XDECREF(sweep->events);
    Py_XDECREF(sweep->fallback);
    if (done < 0) {
        Py_CLEAR(sweep->found);
    }
    return sweep->found;
}

static PyObject *native_pull_back(PyObject *module, PyObject *args)
{
    Sweep sweep = {.state = PyModule_GetState(module)};
    PyObject *seeds, *stop, *found = NULL;
    int differentiable, last;
    if (!PyArg_ParseTuple(args, "OOpOp:pull_back", &seeds, &stop, &differentiable, &sweep.trace,
                          &last)) {
        return NULL;
    }
    sweep.differentiable = differentiable;
    sweep.last = last;
    Stack order;
    stack_init(&order);
    PyObject *roots = list_of_values(sweep.state, seeds);
    PyObject *stops = roots ? list_of_values(sweep.state, stop) : NULL;
    if (stops != NULL) {
        int done = start_sweep(&sweep, seeds);
        done = done == 0 ? walk_between(roots, stops, &order) : done;
        if (done == 0) {
            bool keep = PyList_GET_SIZE(stops) == 0;
            hold(&order);
            for (size_t i = order.n; done == 0 && i-- > 0;) {
                done = pull_through(&sweep, order.item[i], keep);
            }
            release(&order);
        }
        found = end_sweep(&sweep, done);
    }
    stack_free(&order);
    Py_XDECREF(roots);
    Py_XDECREF(stops);
    return found;
}

static PyObject *native_push_forward(PyObject *module, PyObject *args)
{
    Sweep sweep = {.state = PyModule_GetState(module)};
    PyObject *nodes, *seeds, *found = NULL;
    int differentiable, last;
    if (!PyArg_ParseTuple(args, "OOpOp:push_forward", &nodes, &seeds, &differentiable, &sweep.trace,
                          &last)) {
        return NULL;
    }
    sweep.differentiable = differentiable;
    sweep.last = last;
    PyObject *order = list_of_values(sweep.state, nodes);
    if (order == NULL) {
        return NULL;
    }
    int done = start_sweep(&sweep, seeds);
    for (Py_ssize_t i = 0; done == 0 && i < PyList_GET_SIZE(order); i++) {
        PyObject *node = PyList_GET_ITEM(order, i);
        done = PySequence_Contains(seeds, node);
        done = done == 0 ? push_through(&sweep, (Node *)node) : done < 0 ? -1 : 0;
    }
    found = end_sweep(&sweep, done);
    Py_DECREF(order);
    return found;
}

#endif
