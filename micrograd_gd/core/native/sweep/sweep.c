/* The two sweeps over any number type: `pull_back` and `push_forward` of core/sweep.py, which
   says what everything here means and is to be read first.

   Both keep what was found so far in a dict, {node: its adjoint} or {node: its tangent}, and go
   through the nodes in order. An edge adds (what stands at one end) * partial to the other end.
   Where the sweep is to be differentiated, partials are values; otherwise they are the floats
   that the forward pass stored. Nodes are held meanwhile, for any Python code may run. */

#include "sweep/sweep.h"

static inline bool is_one(PyObject *x)
{
    return PyFloat_CheckExact(x) && PyFloat_AS_DOUBLE(x) == 1;
}

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
    if (partial == Py_None) { /* so it is for all numbers */
        return partial;
    }
    if (partial != NULL) {
        step = sweep->differentiable ? product(g, partial) : PyNumber_Multiply(g, partial);
        Py_DECREF(partial);
    }
    return step;
}

/* Add to what was found for a node. The step is taken over; None adds nothing. */
static int add_to(Sweep *sweep, PyObject *node, PyObject *step)
{
    int done = step == Py_None ? 0 : -1;
    if (step != NULL && step != Py_None) {
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

/* Whether a derivative goes along operand i, or, of a trace, does so for other numbers. That it does
   not, a trace has to see, which may depend on numbers. */
static int has_path(Sweep *sweep, Node *node, Py_ssize_t i, Operands *operands)
{
    if (operands->kind[i] != VALUE || sweep->trace == Py_None) {
        return operands->kind[i] == FLOWS;
    }
    int takes = takes_all(sweep, node, i, sweep->last);
    if (takes == 0) {
        PyObject *partial = partial_at_all(sweep, node, i, operands, false);
        Py_XDECREF(partial);
        takes = partial == NULL ? -1 : 0;
    }
    return takes;
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
        int flows = operands.kind[i] >= VALUE;
        if (flows && sweep->among != NULL) {
            flows = PySet_Contains(sweep->among, operands.x[i]);
        }
        flows = flows > 0 ? has_path(sweep, node, i, &operands) : flows;
        if (flows > 0) {
            done = add_to(sweep, operands.x[i], step_along(sweep, node, i, &operands, g));
        } else {
            done = flows;
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
        bool is_value = operands.kind[i] >= VALUE;
        PyObject *dx = is_value ? PyDict_GetItemWithError(sweep->found, operands.x[i]) : NULL;
        if (dx == NULL) {
            done = PyErr_Occurred() ? -1 : 0;
            continue;
        }
        Py_INCREF(dx);
        int flows = has_path(sweep, node, i, &operands);
        if (flows > 0) {
            done = add_to(sweep, (PyObject *)node, step_along(sweep, node, i, &operands, dx));
        } else {
            done = flows;
        }
        Py_DECREF(dx);
    }
    drop_taken(&operands);
    return done;
}

/* Whether all ways from these nodes lead to one to stop at; all of both are `seen`. */
static bool all_lead(Stack *order, uint32_t constant)
{
    bool lead = true;
    for (size_t i = 0; lead && i < order->n; i++) {
        Edge *edge;
        Kind *kind;
        const Py_ssize_t n = edges_of(order->item[i], &edge, &kind);
        lead = n > 0 && (constant == 0 || order->item[i]->op != constant);
        for (Py_ssize_t j = 0; lead && j < n; j++) {
            lead = kind[j] < VALUE || edge[j].value->seen;
        }
    }
    return lead;
}

/* The nodes between the roots and those to stop at, operands first: as `sweep.in_order`, without
   the latter. No Python code may run in between. */
static int walk_between(PyObject *roots, PyObject *stops, Stack *order, uint32_t constant,
                        uint64_t era, bool *lead)
{
    Py_ssize_t n = PySequence_Fast_GET_SIZE(roots), stop_count = PySequence_Fast_GET_SIZE(stops);
    int done = 0;
    for (Py_ssize_t i = 0; i < stop_count; i++) {
        ((Node *)PySequence_Fast_GET_ITEM(stops, i))->seen = true;
    }
    for (Py_ssize_t i = 0; done == 0 && i < n; i++) {
        done = walk((Node *)PySequence_Fast_GET_ITEM(roots, i), order, NULL, constant, era);
    }
    *lead = stop_count > 0 && all_lead(order, constant);
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
    sweep->flags = keep_flags();
    PyObject *module = PyImport_ImportModule("micrograd_gd.core.arithmetic");
    sweep->fallback = module ? PyObject_GetAttrString(module, "record_partial") : NULL;
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
        PyObject *constant = PyObject_GetAttrString(sweep->trace, "constant_op");
        sweep->constant = constant ? number_of_op(sweep->state, constant) : 0;
        Py_XDECREF(constant);
        if (sweep->constant == 0) {
            return -1;
        }
    }
    return 0;
}

/*[python]
def begin_era() -> int:
    """As that of core/eras.py."""
*/
static PyObject *native_begin_era(PyObject *module, PyObject *Py_UNUSED(none))
{
    State *state = PyModule_GetState(module);
    return PyLong_FromUnsignedLongLong(++state->era);
}

/*[python]
def in_order(
    roots: Iterable[Value], stop: Iterable[Value], constant: Operation | None, era: int, /
) -> list[Value]:
    """As that of core/sweep.py; all of `stop` come first, and nothing is below constants."""
*/
static PyObject *native_in_order(PyObject *module, PyObject *args)
{
    State *state = PyModule_GetState(module);
    PyObject *roots, *stops, *constant;
    unsigned long long era;
    if (!PyArg_ParseTuple(args, "OOOK:in_order", &roots, &stops, &constant, &era)) {
        return NULL;
    }
    uint32_t constant_op = constant == Py_None ? 0 : number_of_op(state, constant);
    if (constant_op == 0 && PyErr_Occurred()) {
        return NULL;
    }
    Stack order;
    bool all;
    stack_init(&order);
    roots = list_of_values(state, roots);
    PyObject *ordered = roots ? list_of_values(state, stops) : NULL;
    if (ordered != NULL && walk_between(roots, ordered, &order, constant_op, era, &all) < 0) {
        Py_CLEAR(ordered);
    }
    hold(&order);
    for (size_t i = 0; ordered != NULL && i < order.n; i++) {
        if (PyList_Append(ordered, (PyObject *)order.item[i]) < 0) {
            Py_CLEAR(ordered);
        }
    }
    release(&order);
    stack_free(&order);
    Py_XDECREF(roots);
    return ordered;
}

/* Of nodes in order, those that lead to one to stop at: as `sweep.find_leading`. */
static int find_leading(Sweep *sweep, Stack *order, PyObject *stops)
{
    sweep->among = PySet_New(stops);
    int leads = sweep->among == NULL ? -1 : 0;
    for (size_t i = 0; leads >= 0 && i < order->n; i++) {
        Py_ssize_t n = 1;
        leads = 0;
        for (Py_ssize_t j = 0; leads == 0 && j < n; j++) { /* a hash of one's own may cut the graph */
            Edge *edge;
            Kind *kind;
            n = edges_of(order->item[i], &edge, &kind);
            if (j < n && kind[j] >= VALUE) {
                PyObject *x = Py_NewRef(edge[j].value);
                leads = PySet_Contains(sweep->among, x);
                Py_DECREF(x);
            }
        }
        leads = leads > 0 ? PySet_Add(sweep->among, (PyObject *)order->item[i]) : leads;
    }
    return leads;
}

/* What was found, or NULL where `done` says that it failed. */
static PyObject *end_sweep(Sweep *sweep, int done)
{
    put_back_flags(sweep->flags);
    Py_XDECREF(sweep->events);
    Py_XDECREF(sweep->among);
    Py_XDECREF(sweep->fallback);
    if (done < 0) {
        Py_CLEAR(sweep->found);
    }
    return sweep->found;
}

/*[python]
def pull_back(
    seeds: Mapping[Value, Any],
    stop: Collection[Value],
    differentiable: bool,
    trace: Any,
    last: bool,
    era: int,
    /,
) -> dict[Value, Any]:
    """As that of core/sweep.py."""
*/
static PyObject *native_pull_back(PyObject *module, PyObject *args)
{
    Sweep sweep = {.state = PyModule_GetState(module)};
    PyObject *seeds, *stop, *found = NULL;
    int differentiable, last;
    bool all = true;
    unsigned long long era;
    if (!PyArg_ParseTuple(args, "OOpOpK:pull_back", &seeds, &stop, &differentiable, &sweep.trace,
                          &last, &era)) {
        return NULL;
    }
    sweep.differentiable = differentiable;
    sweep.last = last;
    Stack order;
    stack_init(&order);
    PyObject *roots = list_of_values(sweep.state, seeds);
    PyObject *stops = roots ? list_of_values(sweep.state, stop) : NULL;
    if (stops != NULL && !differentiable && are_floats(sweep.state, seeds)) {
        if (walk_between(roots, stops, &order, 0, era, &all) == 0) {
            found = pull_back_on_floats(seeds, stops, &order);
        }
    } else if (stops != NULL) {
        int done = start_sweep(&sweep, seeds);
        done = done == 0 ? walk_between(roots, stops, &order, sweep.constant, era, &all) : done;
        if (done == 0) {
            bool keep = PyList_GET_SIZE(stops) == 0;
            hold(&order);
            done = keep || all ? 0 : find_leading(&sweep, &order, stops);
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

/*[python]
def push_forward(
    nodes: Iterable[Value],
    seeds: Mapping[Value, Any],
    differentiable: bool,
    trace: Any,
    last: bool,
    /,
) -> dict[Value, Any]:
    """As that of core/sweep.py."""
*/
static PyObject *native_push_forward(PyObject *module, PyObject *args)
{
    Sweep sweep = {.state = PyModule_GetState(module)};
    PyObject *nodes, *seeds, *found;
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
    if (!differentiable && are_floats(sweep.state, seeds)) {
        found = push_forward_on_floats(seeds, order);
        Py_DECREF(order);
        return found;
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
