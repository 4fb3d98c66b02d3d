/* The sweeps on plain numbers: the same steps in the same order as those of sweep/sweep.c, and no
   dict until the end.

   What was found so far for a node stands in its `grad`, as in sweep/backward.c. The gradients that
   were there wait in `kept` meanwhile, and `seen` marks their nodes. No Python code may run in
   between. */

#include "sweep/sweep.h"

typedef struct {
    double *kept;
    double few[64];
} Lent;

/* Take the gradients of the nodes, which may be named twice. */
static int lend_gradients(Stack *nodes, Lent *lent)
{
    bool fits = nodes->n <= sizeof(lent->few) / sizeof(lent->few[0]);
    lent->kept = fits ? lent->few : PyMem_Malloc(nodes->n * sizeof(double));
    if (lent->kept == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < nodes->n; i++) {
        lent->kept[i] = nodes->item[i]->grad;
    }
    for (size_t i = 0; i < nodes->n; i++) {
        nodes->item[i]->grad = -0.0; /* as in start_gradient */
        nodes->item[i]->seen = true;
    }
    return 0;
}

/* Give the gradients back. Of the nodes from the one numbered `first` on, those that were reached
   are left on the stack, and what was found for them in `kept`. */
static void return_gradients(Stack *nodes, Lent *lent, size_t first)
{
    size_t n = 0;
    for (size_t i = 0; i < nodes->n; i++) {
        Node *node = nodes->item[i];
        const double number = node->grad;
        const bool is_found = node->seen && is_reached(node) && i >= first;
        node->grad = lent->kept[i];
        node->seen = false;
        if (is_found) {
            nodes->item[n] = node;
            lent->kept[n++] = number;
        }
        node->reached = false;
    }
    nodes->n = n;
}

static void end_loan(Lent *lent)
{
    if (lent->kept != lent->few) {
        PyMem_Free(lent->kept);
    }
}

/* What was found, as a dict. */
static PyObject *collect(Stack *nodes, Lent *lent)
{
    hold(nodes);
    PyObject *found = PyDict_New();
    for (size_t i = 0; found != NULL && i < nodes->n; i++) {
        PyObject *number = PyFloat_FromDouble(lent->kept[i]);
        if (number == NULL || PyDict_SetItem(found, (PyObject *)nodes->item[i], number) < 0) {
            Py_CLEAR(found);
        }
        Py_XDECREF(number);
    }
    release(nodes);
    end_loan(lent);
    return found;
}

/* Whether the seeds are a dict of values and plain floats. */
static bool are_floats(State *state, PyObject *seeds)
{
    PyObject *node, *seed;
    Py_ssize_t place = 0;
    bool are = PyDict_CheckExact(seeds);
    while (are && PyDict_Next(seeds, &place, &node, &seed)) {
        are = is_value(state, node) && PyFloat_CheckExact(seed);
    }
    return are;
}

static void sow(PyObject *seeds)
{
    PyObject *node, *seed;
    Py_ssize_t place = 0;
    while (PyDict_Next(seeds, &place, &node, &seed)) {
        ((Node *)node)->grad = PyFloat_AS_DOUBLE(seed);
        ((Node *)node)->reached = true;
    }
}

/* The chain rule, through the first n nodes, as far as those go to whom gradients were lent. */
static void carry_down(Stack *order, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        Node *node = order->item[i];
        Edge *edge;
        Kind *kind;
        const Py_ssize_t edges = is_reached(node) ? edges_of(node, &edge, &kind) : 0;
        for (Py_ssize_t j = 0; j < edges; j++) {
            if (kind[j] == FLOWS && edge[j].value->seen) {
                step_down(&edge[j], node->grad);
            }
        }
    }
}

/* The adjoints at the nodes to stop at, or at all nodes if there are none. `order` is what lies
   between those and the roots. */
static PyObject *pull_back_on_floats(PyObject *seeds, PyObject *stops, Stack *order)
{
    const size_t between = order->n, stop_count = (size_t)PyList_GET_SIZE(stops);
    Lent lent;
    if (stack_reserve(order, stop_count) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < stop_count; i++) {
        stack_push(order, (Node *)PyList_GET_ITEM(stops, (Py_ssize_t)i));
    }
    if (lend_gradients(order, &lent) < 0) {
        return NULL;
    }
    sow(seeds);
    carry_down(order, between);
    return_gradients(order, &lent, stop_count > 0 ? between : 0);
    return collect(order, &lent);
}

/* The tangents at all nodes that a seed reaches. */
static PyObject *push_forward_on_floats(PyObject *seeds, PyObject *nodes)
{
    const Py_ssize_t n = PyList_GET_SIZE(nodes);
    PyObject *node, *found = NULL;
    Py_ssize_t place = 0;
    Lent lent;
    Stack all;
    stack_init(&all);
    if (stack_reserve(&all, (size_t)(n + PyDict_GET_SIZE(seeds))) < 0) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        stack_push(&all, (Node *)PyList_GET_ITEM(nodes, i));
    }
    while (PyDict_Next(seeds, &place, &node, NULL)) {
        stack_push(&all, (Node *)node);
    }
    if (lend_gradients(&all, &lent) == 0) {
        sow(seeds);
        for (Py_ssize_t i = 0; i < n; i++) {
            Node *node = all.item[i];
            Edge *edge;
            Kind *kind;
            const Py_ssize_t edges = node->reached ? 0 : edges_of(node, &edge, &kind);
            for (Py_ssize_t j = 0; j < edges; j++) {
                if (kind[j] == FLOWS && edge[j].value->reached) {
                    node->grad += edge[j].value->grad * edge[j].partial;
                    node->reached = true;
                }
            }
        }
        return_gradients(&all, &lent, 0);
        found = collect(&all, &lent);
    }
    stack_free(&all);
    return found;
}

/* What was found for the leaves, in the form that they come in. */
static PyObject *read_slopes(State *state, PyObject *leaves)
{
    if (is_value(state, leaves)) {
        Node *leaf = (Node *)leaves;
        return PyFloat_FromDouble(leaf->seen ? leaf->grad + 0.0 : 0.0); /* no -0.0 */
    }
    const bool is_list = PyList_CheckExact(leaves);
    if (!is_list && !PyTuple_CheckExact(leaves)) {
        PyErr_SetString(PyExc_TypeError, "leaves are values, or lists and tuples of them");
        return NULL;
    }
    if (Py_EnterRecursiveCall(" in leaves")) {
        return NULL;
    }
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(leaves);
    PyObject *slopes = is_list ? PyList_New(n) : PyTuple_New(n);
    for (Py_ssize_t i = 0; slopes != NULL && i < n; i++) {
        PyObject *slope = read_slopes(state, PySequence_Fast_GET_ITEM(leaves, i));
        if (slope == NULL) {
            Py_CLEAR(slopes);
        } else if (is_list) {
            PyList_SET_ITEM(slopes, i, slope);
        } else {
            PyTuple_SET_ITEM(slopes, i, slope);
        }
    }
    Py_LeaveRecursiveCall();
    return slopes;
}

/*[python]
def slopes(root: Value, leaves: Any, era: int, /) -> Any:
    """As that of core/sweep.py."""
*/
static PyObject *native_slopes(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *state = PyModule_GetState(module);
    if (count != 3 || !is_value(state, args[0]) || !PyLong_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "slopes takes a value, leaves and an era");
        return NULL;
    }
    Node *root = (Node *)args[0];
    const uint64_t era = PyLong_AsUnsignedLongLongMask(args[2]);
    PyObject *found = NULL;
    Lent lent;
    Stack order;
    stack_init(&order);
    const int collected = PyGC_Disable(); /* a collection, for the new lists, may run Python code */
    if (walk(root, &order, NULL, 0, era) == 0) {
        if (lend_gradients(&order, &lent) < 0) {
            undo(&order, false);
        } else {
            root->grad = 1.0;
            root->reached = true;
            carry_down(&order, order.n);
            found = read_slopes(state, args[1]);
            return_gradients(&order, &lent, order.n);
            end_loan(&lent);
        }
    }
    if (collected) {
        PyGC_Enable();
    }
    stack_free(&order);
    return found;
}
