/* The forward pass: operands come in, the row computes, and a new node keeps the result.

   A row's *rule* computes the result and the partials of the operands that are values at once,
   and stores the partials in the node's edges. `record_unary` and `record_binary` are the short
   ways of operators and methods; `record` takes any row and any number of operands; rows that
   are Python code, or were changed since the build, compute by `apply_in_python`. Open blocks
   such as traces see every new node (`observe`). */

#include "node/state.h"
#include "record/record.h"

/* What a rule gives, the flags left as they were. By a call, so that no arithmetic moves out. */
static Py_NO_INLINE double apply(Rule rule, Py_ssize_t n, const double *x, Edge *edge, Kind *kind)
{
    const Flags before = keep_flags();
    const double y = rule(n, x, edge, kind);
    put_back_flags(before);
    return y;
}

static inline void set_operand(Edge *edge, Kind kind, PyObject *x, double number)
{
    if (kind >= VALUE) {
        edge->value = (Node *)Py_NewRef(x);
    } else {
        edge->number = number;
    }
}

/* The list in which a trace that is under way here keeps its nodes: a new reference; NULL without
   an error where there is none, or other blocks have their say. (Blocks follow the context.) */
static PyObject *events_here(State *state)
{
    PyObject *trace = state->trace ? find_switch(state, state->trace) : NULL;
    PyObject *recording = trace ? find_switch(state, state->recording) : NULL;
    PyObject *events = NULL;
    if (recording != NULL && Py_TYPE(trace) == state->switch_type
        && Py_TYPE(recording) == state->switch_type && ((Switch *)trace)->value != Py_None
        && ((Switch *)recording)->value == Py_True) {
        events = PyObject_GetAttr(((Switch *)trace)->value, state->events_name);
        if (events != NULL && !PyList_CheckExact(events)) {
            Py_CLEAR(events);
        }
    }
    Py_XDECREF(recording);
    Py_XDECREF(trace);
    return events;
}

/* Let the open blocks see a new node: a trace keeps it, as `observe` of core/blocks.py says. */
static int observe(State *state, Node *node)
{
    PyObject *events = events_here(state);
    if (events != NULL) {
        int kept = PyList_Append(events, (PyObject *)node);
        Py_DECREF(events);
        return kept;
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    PyObject *done = PyObject_CallMethod(state->blocks, "observe", "O", node);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static inline PyObject *finish(State *state, Node *node)
{
    if (blocks_are_open(state) && observe(state, node) < 0) {
        Py_DECREF(node);
        return NULL;
    }
    return (PyObject *)node;
}

/* Operations that were compiled in, of one and of two operands. `op` is a constant where these are
   called, so that each operator has its own copy with its rule in the middle. */

static PyObject *no_such_operation(uint32_t op)
{
    return PyErr_Format(PyExc_RuntimeError, "%s is no operation of the table", ROWS[op].name);
}

static Py_ALWAYS_INLINE inline PyObject *record_unary(PyObject *x, uint32_t op, Rule rule,
                                                      bool is_operator)
{
    State *state = state_of(x);
    if (state->ops[op] == NULL) {
        return no_such_operation(op);
    }
    Node *node = new_node(state);
    if (node == NULL) {
        return NULL;
    }
    node->op = op;
    node->kind[0] = VALUE;
    node->edge[0].value = (Node *)Py_NewRef(x);
    const double *number = &((Node *)x)->data;
    node->data = is_operator ? rule(1, number, node->edge, node->kind)
                             : apply(rule, 1, number, node->edge, node->kind);
    if (((Node *)x)->tracked) {
        track(node);
    }
    return finish(state, node);
}

/* Operand `i` of an operator or a method; ABSENT with an error set if it is no number, or without
   one if it is an array that is to take its turn. */
static Kind take_partner(State *state, PyObject *x, uint32_t op, int i, bool is_operator,
                         double *out)
{
    if (is_operator && is_array(state, x) != 0) {
        return ABSENT;
    }
    return take(state, x, op, i, out);
}

/* `a op b`, where one of the two is a value. An operator leaves arrays to themselves. */
static Py_ALWAYS_INLINE inline PyObject *record_binary(PyObject *a, PyObject *b, uint32_t op,
                                                       Rule rule, bool is_operator)
{
    State *state = is_exactly_value(a) ? state_of(a) : state_of(b);
    if (state == NULL) { /* b is a number, and a of a subclass */
        state = state_of(a);
    }
    if (state->ops[op] == NULL) {
        return no_such_operation(op);
    }
    double x[2];
    Kind kind[2];
    PyObject *operand[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        if (Py_TYPE(operand[i]) == state->type) {
            kind[i] = VALUE;
        } else if (PyFloat_CheckExact(operand[i])) {
            kind[i] = NUMBER;
            x[i] = PyFloat_AS_DOUBLE(operand[i]);
        } else {
            kind[i] = take_partner(state, operand[i], op, i, is_operator, &x[i]);
            if (kind[i] == ABSENT) {
                return PyErr_Occurred() ? NULL : Py_NewRef(Py_NotImplemented);
            }
        }
    }
    Node *node = new_node(state);
    if (node == NULL) {
        return NULL;
    }
    node->op = op;
    for (int i = 0; i < 2; i++) {
        node->kind[i] = kind[i];
        set_operand(&node->edge[i], kind[i], operand[i], x[i]);
        if (kind[i] == VALUE) {
            x[i] = ((Node *)operand[i])->data;
        }
    }
    node->data = is_operator ? rule(2, x, node->edge, node->kind)
                             : apply(rule, 2, x, node->edge, node->kind);
    for (int i = 0; i < 2; i++) {
        if (kind[i] == VALUE && ((Node *)operand[i])->tracked) {
            track(node);
        }
    }
    return finish(state, node);
}

/* Any operation, compiled in or not, of any number of operands. */

/* A row that is not compiled in: its rule is a Python function of floats. */
static int apply_in_python(
    State *state, uint32_t op, Py_ssize_t n, const double *x, Edge *edge, Kind *kind, double *y)
{
    PyObject *rule = NULL, *results = NULL;
    PyObject *active = PyTuple_New(n), *numbers = PyTuple_New(n);
    int done = -1;
    if (active == NULL || numbers == NULL) {
        goto finally;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *number = PyFloat_FromDouble(x[i]);
        if (number == NULL) {
            goto finally;
        }
        PyTuple_SET_ITEM(numbers, i, number);
        PyTuple_SET_ITEM(active, i, PyBool_FromLong(kind[i] >= VALUE));
    }
    rule = PyObject_CallMethod(state->ops[op], "rule", "(O)", active);
    if (rule == NULL) {
        goto finally;
    }
    PyObject *list = PyObject_Call(rule, numbers, NULL);
    if (list == NULL) {
        goto finally;
    }
    results = PySequence_Tuple(list);
    Py_DECREF(list);
    if (results == NULL) {
        goto finally;
    }
    if (PyTuple_GET_SIZE(results) != n + 1) {
        PyErr_Format(PyExc_ValueError, "%R gave %zd partials for %zd operands", state->ops[op],
                     PyTuple_GET_SIZE(results) - 1, n);
        goto finally;
    }
    if (number_of(state, PyTuple_GET_ITEM(results, 0), "the value", y) < 0) {
        goto finally;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *partial = PyTuple_GET_ITEM(results, i + 1);
        if (kind[i] == VALUE && partial != Py_None) {
            if (number_of(state, partial, "a partial", &edge[i].partial) < 0) {
                goto finally;
            }
            kind[i] = FLOWS;
        }
    }
    done = 0;
finally:
    Py_XDECREF(active);
    Py_XDECREF(numbers);
    Py_XDECREF(rule);
    Py_XDECREF(results);
    return done;
}

/* Take the operands into the node, whose edges are there and empty. */
static int take_operands(State *state, Node *node, PyObject *const *operand, Py_ssize_t n,
                         Py_ssize_t given, const double *defaults, double *x)
{
    Edge *edge = has_block(node) ? node->block->edge : node->edge;
    Kind *kind = has_block(node) ? kinds_of_block(node->block) : node->kind;
    for (Py_ssize_t i = 0; i < n; i++) {
        Kind got = NUMBER;
        if (i < given) {
            got = take(state, operand[i], node->op, i, &x[i]);
        } else {
            x[i] = defaults[i - given];
        }
        if (got == ABSENT) {
            return -1;
        }
        set_operand(&edge[i], got, i < given ? operand[i] : NULL, x[i]);
        kind[i] = got;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (kind[i] == VALUE) {
            x[i] = edge[i].value->data; /* again: asking others for their number may change it */
        }
    }
    if (node->op < ROW_COUNT) {
        node->data = apply(ROWS[node->op].rule, n, x, edge, kind);
    } else if (apply_in_python(state, node->op, n, x, edge, kind, &node->data) < 0) {
        return -1;
    }
    track_like_operands(node);
    return 0;
}

/* The node for `n` operands, the last of them, from `given` on, being `defaults`. */
static PyObject *record_any(State *state, PyTypeObject *type, uint32_t op,
                            PyObject *const *operand, Py_ssize_t n, Py_ssize_t given,
                            const double *defaults)
{
    double few[16];
    double *x = n <= 16 ? few : PyMem_Malloc((size_t)n * sizeof(double));
    if (x == NULL) {
        return PyErr_NoMemory();
    }
    Node *node = type == state->type ? new_node(state) : new_of_subclass(type);
    if (node != NULL) {
        node->op = op;
        node->data = 0.0;
        bool done = (n <= 2 || new_block(node, n) == 0)
                    && take_operands(state, node, operand, n, given, defaults, x) == 0;
        if (!done) {
            drop_operands(node, NULL); /* its `__del__` finds a leaf, and may keep it */
        }
        if (type != state->type) {
            track(node);
        }
        if (!done) {
            Py_CLEAR(node);
        }
    }
    if (x != few) {
        PyMem_Free(x);
    }
    return node == NULL ? NULL : finish(state, node);
}

/* Whether a row takes `n` operands; if so, how many it has with its defaults. */
static Py_ssize_t complete_count(const Row *row, Py_ssize_t n)
{
    if (row->groups > 0) {
        return n > 0 && n % row->groups == 1 % row->groups ? n : -1;
    }
    return n <= row->arity && n >= row->arity - row->default_count ? row->arity : -1;
}

/* The node for exactly these operands, save for defaults of a row that was compiled in. */
static PyObject *record_as(State *state, PyTypeObject *type, uint32_t op,
                           PyObject *const *operand, Py_ssize_t n)
{
    if (state->ops[op] == NULL) {
        return no_such_operation(op);
    }
    Py_ssize_t all = op < ROW_COUNT ? complete_count(&ROWS[op], n) : n;
    if (all <= 0) {
        return PyErr_Format(PyExc_TypeError, "%R cannot be recorded with %zd operands",
                            state->ops[op], n);
    }
    const double *defaults = NULL;
    if (n < all) {
        defaults = ROWS[op].defaults + ROWS[op].default_count - (all - n);
    }
    return record_any(state, type, op, operand, all, n, defaults);
}

static PyObject *record(State *state, uint32_t op, PyObject *const *operand, Py_ssize_t n)
{
    return record_as(state, state->type, op, operand, n);
}

/* The same where operands have names, or a wrong number: the row knows what to say. */
static PyObject *record_named(State *state, uint32_t op, PyObject *const *operand, Py_ssize_t n,
                              PyObject *const *named, PyObject *names)
{
    PyObject *operands = PyTuple_New(n);
    PyObject *keywords = operands ? PyDict_New() : NULL;
    PyObject *complete = NULL, *node = NULL;
    if (keywords == NULL) {
        goto finally;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyTuple_SET_ITEM(operands, i, Py_NewRef(operand[i]));
    }
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), named[i]) < 0) {
            goto finally;
        }
    }
    complete = PyObject_CallMethod(state->ops[op], "complete", "OO", operands, keywords);
    if (complete != NULL && PyTuple_Check(complete)) {
        node = record(state, op, ((PyTupleObject *)complete)->ob_item, PyTuple_GET_SIZE(complete));
    }
finally:
    Py_XDECREF(operands);
    Py_XDECREF(keywords);
    Py_XDECREF(complete);
    return node;
}

static PyObject *record_method(PyObject *self, PyObject *const *rest, Py_ssize_t n,
                               PyObject *names, uint32_t op)
{
    State *state = state_of(self);
    PyObject *few[8];
    PyObject **operand = n < 8 ? few : PyMem_Malloc((size_t)(n + 1) * sizeof(PyObject *));
    if (operand == NULL) {
        return PyErr_NoMemory();
    }
    operand[0] = self;
    for (Py_ssize_t i = 0; i < n; i++) {
        operand[i + 1] = rest[i];
    }
    PyObject *node;
    if (state->ops[op] == NULL) {
        node = no_such_operation(op);
    } else if (names != NULL || complete_count(&ROWS[op], n + 1) < 0) {
        node = record_named(state, op, operand, n + 1, rest + n, names);
    } else {
        node = record(state, op, operand, n + 1);
    }
    if (operand != few) {
        PyMem_Free(operand);
    }
    return node;
}
