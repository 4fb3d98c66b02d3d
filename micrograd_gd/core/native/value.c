/* `Value`: a number that remembers how it was computed, so that its gradient can be asked for.

   The fast twin of `engine.py`, which says what everything here means and is to be read first. The
   calculus is generated from the table of operations (generate.py); what is written by hand is the
   node (node.h), the recording (record.h), the walk (walk.h), the sweeps over values (sweep.h), and
   here the type: its attributes and methods in the order of `engine.py`. What is rare is written in
   Python (rare.py). Compiled programs are found in traces by passes.h, made tapes by flat.h, run by
   tape.h, and called by kernel.h. */

#include "node.h"
#include "record.h"
#include "passes.h"
#include "sweep.h"
#include "walk.h"
#include "kernel.h"
#include "methods.h" /* ROW_METHODS and ROW_SLOTS, generated from the table */

PyDoc_STRVAR(value_doc,
"A number in a graph: its `data`, its `grad`, and how it was computed.\n\
\n\
Raises NotANumberError for anything that is not one real number.\n\
\n\
>>> a, b = Value(2.0, label=\"a\"), Value(-3.0, label=\"b\")\n\
>>> y = a * b + b\n\
>>> y.backward()\n\
>>> y.data, a.grad, b.grad\n\
(-9.0, -3.0, 3.0)\n\
");

/* The label, and setting it. "" is the absence of one. */

static PyObject *get_label(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *label = label_of((Node *)self);
    return label ? Py_NewRef(label) : PyUnicode_FromString("");
}

static int set_label(PyObject *self, PyObject *label, void *Py_UNUSED(closure))
{
    Node *node = (Node *)self;
    if (label == NULL) {
        PyErr_SetString(PyExc_AttributeError, "a label cannot be deleted: set it to \"\"");
        return -1;
    }
    bool is_text = PyUnicode_CheckExact(label);
    bool is_empty = is_text && PyUnicode_GET_LENGTH(label) == 0;
    if (is_empty && label_of(node) == NULL) {
        return 0;
    }
    Block *block = block_of(node);
    if (block == NULL) {
        return -1;
    }
    if (!is_text) {
        track(node); /* it may refer back to the node */
    }
    Py_XSETREF(block->label, is_empty ? NULL : Py_NewRef(label));
    return 0;
}

/* Making one. */

static int start(State *state, Node *node, PyObject *data, PyObject *label)
{
    double number;
    if (number_of(state, data, "data", &number) < 0) {
        return -1;
    }
    node->data = number;
    node->grad = 0.0;
    drop_operands(node, NULL);
    return label ? set_label((PyObject *)node, label, NULL) : 0;
}

static PyObject *value_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kw))
{
    State *state = state_of_type(type);
    if (type == state->type) {
        Node *node = new_node(state);
        if (node != NULL) {
            node->data = 0.0;
        }
        return (PyObject *)node;
    }
    Node *node = (Node *)type->tp_alloc(type, 0); /* all zeros, and tracked */
    if (node != NULL) {
        node->tracked = true;
    }
    return (PyObject *)node;
}

static int value_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"data", "label", NULL};
    PyObject *data, *label = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:Value", names, &data, &label)) {
        return -1;
    }
    return start(state_of(self), (Node *)self, data, label);
}

/* `Value(...)`: the same without a tuple and a dict on the way, where there are no keywords. */
static PyObject *value_vectorcall(PyObject *type, PyObject *const *args, size_t flags,
                                  PyObject *names)
{
    Py_ssize_t n = PyVectorcall_NARGS(flags);
    PyObject *self = value_new((PyTypeObject *)type, NULL, NULL);
    if (self == NULL) {
        return NULL;
    }
    int done = -1;
    if (names == NULL && (n == 1 || n == 2)) {
        done = start(state_of(self), (Node *)self, args[0], n == 2 ? args[1] : NULL);
    } else {
        PyObject *tuple = PyTuple_New(n);
        PyObject *keywords = tuple ? PyDict_New() : NULL;
        if (keywords != NULL) {
            done = 0;
            for (Py_ssize_t i = 0; i < n; i++) {
                PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
            }
            for (Py_ssize_t i = 0; done == 0 && names && i < PyTuple_GET_SIZE(names); i++) {
                done = PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[n + i]);
            }
            done = done == 0 ? value_init(self, tuple, keywords) : done;
        }
        Py_XDECREF(tuple);
        Py_XDECREF(keywords);
    }
    if (done < 0) {
        Py_CLEAR(self);
    }
    return self;
}

static PyObject *value_forget(PyObject *self, PyObject *Py_UNUSED(none))
{
    return forget((Node *)self) < 0 ? NULL : Py_NewRef(Py_None);
}

/* Attributes. */

/* Report to an open block that a number is taken out of the graph or changed. */
static int touch(PyObject *self, const char *what)
{
    State *state = state_of(self);
    if (state->open_blocks <= 0) {
        return 0;
    }
    PyObject *done = PyObject_CallMethod(state->modes, "touched", "Os", self, what);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int refuse_deletion(PyObject *self, const char *name)
{
    PyErr_Format(PyExc_AttributeError, "property '%s' of '%s' object has no deleter", name,
                 Py_TYPE(self)->tp_name);
    return -1;
}

static PyObject *get_data(PyObject *self, void *Py_UNUSED(closure))
{
    if (touch(self, "data") < 0) {
        return NULL;
    }
    return PyFloat_FromDouble(((Node *)self)->data);
}

static int set_data(PyObject *self, PyObject *data, void *Py_UNUSED(closure))
{
    if (data == NULL) {
        return refuse_deletion(self, "data");
    }
    if (touch(self, "data") < 0) {
        return -1;
    }
    double number;
    if (number_of(state_of(self), data, "data", &number) < 0) {
        return -1;
    }
    ((Node *)self)->data = number;
    return 0;
}

static PyObject *get_grad(PyObject *self, void *Py_UNUSED(closure))
{
    if (touch(self, "grad") < 0) {
        return NULL;
    }
    PyObject *gradient = gradient_of((Node *)self);
    return gradient ? Py_NewRef(gradient) : PyFloat_FromDouble(((Node *)self)->grad);
}

static int set_grad(PyObject *self, PyObject *grad, void *Py_UNUSED(closure))
{
    Node *node = (Node *)self;
    State *state = state_of(self);
    if (grad == NULL) {
        return refuse_deletion(self, "grad");
    }
    if (touch(self, "grad") < 0) {
        return -1;
    }
    if (!is_value(state, grad)) {
        double number;
        if (number_of(state, grad, "grad", &number) < 0) {
            return -1;
        }
        node->grad = number;
        if (has_block(node)) {
            Py_CLEAR(node->block->gradient);
        }
        return 0;
    }
    Block *block = block_of(node);
    if (block == NULL || track_all_below((Node *)grad) < 0) {
        return -1;
    }
    track(node);
    Py_XSETREF(block->gradient, Py_NewRef(grad));
    return 0;
}

static PyObject *operand_at(Edge *edge, Kind kind)
{
    return kind >= VALUE ? Py_NewRef(edge->value) : PyFloat_FromDouble(edge->number);
}

static PyObject *partial_at(Edge *edge, Kind kind)
{
    return kind == FLOWS ? PyFloat_FromDouble(edge->partial) : Py_NewRef(Py_None);
}

/* A tuple with what `get` makes of each operand. */
static PyObject *of_each(PyObject *self, PyObject *(*get)(Edge *, Kind))
{
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of((Node *)self, &edge, &kind);
    PyObject *tuple = PyTuple_New(n);
    n = edges_of((Node *)self, &edge, &kind); /* again: making the tuple may have run anything */
    for (Py_ssize_t i = 0; tuple != NULL && i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = i < n ? get(&edge[i], kind[i]) : Py_NewRef(Py_None);
        if (item == NULL) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, item);
        }
    }
    return tuple;
}

static PyObject *get_operands(PyObject *self, void *Py_UNUSED(closure))
{
    return of_each(self, operand_at);
}

static PyObject *get_partials(PyObject *self, void *Py_UNUSED(closure))
{
    return of_each(self, partial_at);
}

static PyObject *get_op(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t op = ((Node *)self)->op;
    return Py_NewRef(op ? state_of(self)->ops[op] : Py_None);
}

/* Going back. */

static PyObject *value_nodes(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"whole", NULL};
    int whole = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$p:nodes", names, &whole)) {
        return NULL;
    }
    return nodes_of((Node *)self, whole ? VALUE : FLOWS);
}

/* Leave it to `sweep.backward`: gradients that are to be a graph, or a watch for nan and inf. */
static PyObject *backward_in_python(PyObject *self, PyObject *seed, bool create_graph)
{
    PyObject *sweep = PyImport_ImportModule("micrograd_gd.core.sweep");
    PyObject *backward = sweep ? PyObject_GetAttrString(sweep, "backward") : NULL;
    PyObject *args = backward ? PyTuple_Pack(2, self, seed) : NULL;
    PyObject *flag = PyBool_FromLong(create_graph);
    PyObject *keywords = args ? Py_BuildValue("{sO}", "create_graph", flag) : NULL;
    PyObject *done = keywords ? PyObject_Call(backward, args, keywords) : NULL;
    Py_XDECREF(sweep);
    Py_XDECREF(backward);
    Py_XDECREF(args);
    Py_DECREF(flag);
    Py_XDECREF(keywords);
    return done;
}

/* -1 with an error set, or whether a watch is on. */
static int is_watched(State *state)
{
    if (state->open_blocks <= 0) {
        return 0;
    }
    PyObject *watch = PyObject_CallMethod(state->modes, "watch", NULL);
    Py_XDECREF(watch);
    return watch == NULL ? -1 : watch != Py_None;
}

static PyObject *value_backward(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"seed", "create_graph", NULL};
    State *state = state_of(self);
    PyObject *seed = NULL;
    int create_graph = 0;
    if ((keywords != NULL || PyTuple_GET_SIZE(args) > 0)
        && !PyArg_ParseTupleAndKeywords(args, keywords, "|O$p:backward", names, &seed,
                                        &create_graph)) {
        return NULL;
    }
    if (touch(self, "backward()") < 0) {
        return NULL;
    }
    int watched = is_watched(state);
    if (watched < 0) {
        return NULL;
    }
    if (create_graph || watched || (seed != NULL && is_value(state, seed))) {
        PyObject *one = PyFloat_FromDouble(1.0);
        PyObject *done = one ? backward_in_python(self, seed ? seed : one, create_graph) : NULL;
        Py_XDECREF(one);
        return done;
    }
    double number = 1.0;
    if (seed != NULL && number_of(state, seed, "seed", &number) < 0) {
        return NULL;
    }
    return backward_on_floats((Node *)self, number) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *value_detach(PyObject *self, PyObject *Py_UNUSED(none))
{
    State *state = state_of(self);
    if (state->open_blocks > 0) {
        PyObject *stands_for_it = PyObject_CallMethod(state->modes, "detached", "O", self);
        if (stands_for_it != Py_None) {
            return stands_for_it; /* or NULL */
        }
        Py_DECREF(stands_for_it);
    }
    Node *leaf = new_node(state);
    if (leaf == NULL) {
        return NULL;
    }
    leaf->data = ((Node *)self)->data;
    PyObject *label = label_of((Node *)self);
    if (label != NULL && set_label((PyObject *)leaf, label, NULL) < 0) {
        Py_CLEAR(leaf);
    }
    return (PyObject *)leaf;
}

/* Give a row of the table a number: the one of its code if that was compiled from the same
   formulas, else a new one. Whether the code is here is the answer. */
static int adopt(State *state, PyObject *op, const char *name, const char *formulas)
{
    uint32_t number = state->op_count;
    for (uint32_t i = 1; i < ROW_COUNT; i++) {
        if (!strcmp(ROWS[i].name, name) && !strcmp(ROWS[i].formulas, formulas)
            && state->ops[i] == NULL) {
            number = i;
        }
    }
    PyObject *key = PyLong_FromUnsignedLong(number);
    if (key == NULL) {
        return -1;
    }
    if (number == state->op_count) {
        PyObject **ops = PyMem_Realloc(state->ops, (number + 1) * sizeof(PyObject *));
        if (ops == NULL) {
            Py_DECREF(key);
            PyErr_NoMemory();
            return -1;
        }
        state->ops = ops;
        state->ops[number] = NULL;
        state->op_count += 1;
    }
    state->ops[number] = Py_NewRef(op);
    int done = PyDict_SetItem(state->number_of_op, op, key);
    Py_DECREF(key);
    return done < 0 ? -1 : number < ROW_COUNT;
}

/* Take in an operation that is no row of the table; its number, or 0 with an error set. It may be
   the slope of a row, which is compiled in. */
static uint32_t number_of_new_op(State *state, PyObject *op)
{
    PyObject *rare = PyImport_ImportModule("micrograd_gd.core.native.methods");
    PyObject *formulas = rare ? PyObject_CallMethod(rare, "formulas", "O", op) : NULL;
    PyObject *name = formulas ? PyObject_GetAttrString(op, "name") : NULL;
    const char *formulas_text = name ? PyUnicode_AsUTF8(formulas) : NULL;
    const char *name_text = formulas_text ? PyUnicode_AsUTF8(name) : NULL;
    int done = name_text ? adopt(state, op, name_text, formulas_text) : -1;
    Py_XDECREF(rare);
    Py_XDECREF(formulas);
    Py_XDECREF(name);
    PyObject *number = done < 0 ? NULL : PyDict_GetItemWithError(state->number_of_op, op);
    return number ? (uint32_t)PyLong_AsUnsignedLong(number) : 0;
}

/* The number of an operation, which gets one now if it has none; 0 with an error set. */
static uint32_t number_of_op(State *state, PyObject *op)
{
    if (state->number_of_op == NULL) {
        return no_more_operations();
    }
    PyObject *number = PyDict_GetItemWithError(state->number_of_op, op);
    if (number != NULL) {
        return (uint32_t)PyLong_AsUnsignedLong(number);
    }
    if (PyErr_Occurred()) {
        return 0;
    }
    int is_operation = PyObject_IsInstance(op, state->operation);
    if (is_operation == 0) {
        PyErr_Format(PyExc_TypeError, "%R is no operation", op);
    }
    return is_operation <= 0 ? 0 : number_of_new_op(state, op);
}

static PyObject *value_record(PyObject *type, PyObject *const *args, Py_ssize_t n)
{
    if (n == 0) {
        PyErr_SetString(PyExc_TypeError, "record needs an operation");
        return NULL;
    }
    State *state = state_of_type((PyTypeObject *)type);
    uint32_t op = number_of_op(state, args[0]);
    return op ? record(state, op, args + 1, n - 1) : NULL;
}

/* As a number. */

static PyObject *answer_of(PyObject *self, PyObject *other, int operator)
{
    State *state = state_of(self);
    double a = ((Node *)self)->data, b;
    if (is_value(state, other)) {
        b = ((Node *)other)->data;
    } else if (PyFloat_CheckExact(other)) {
        b = PyFloat_AS_DOUBLE(other);
    } else {
        PyObject *number = PyFloat_FromDouble(a);
        PyObject *answer = number ? PyObject_RichCompare(number, other, operator) : NULL;
        Py_XDECREF(number);
        return answer;
    }
    Py_RETURN_RICHCOMPARE(a, b, operator);
}

static PyObject *value_compare(PyObject *self, PyObject *other, int operator)
{
    static const char *relation[] = {
        [Py_LT] = "<", [Py_LE] = "<=", [Py_EQ] = "==", [Py_NE] = "!=", [Py_GT] = ">", [Py_GE] = ">=",
    };
    State *state = state_of(self);
    PyObject *answer = answer_of(self, other, operator);
    if (answer != NULL && state->open_blocks > 0) {
        PyObject *done = PyObject_CallMethod(state->modes, "compared", "OsOO", self,
                                             relation[operator], other, answer);
        if (done == NULL) {
            Py_CLEAR(answer);
        }
        Py_XDECREF(done);
    }
    return answer;
}

/* Values are equal as numbers, and themselves as keys. */
static Py_hash_t value_hash(PyObject *self) { return PyBaseObject_Type.tp_hash(self); }

static int value_bool(PyObject *self)
{
    if (state_of(self)->open_blocks <= 0) {
        return ((Node *)self)->data != 0;
    }
    PyObject *zero = PyFloat_FromDouble(0.0);
    PyObject *answer = zero ? value_compare(self, zero, Py_NE) : NULL;
    Py_XDECREF(zero);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : answer == Py_True;
}

static PyObject *refuse_conversion(PyObject *self)
{
    PyErr_SetString(state_of(self)->not_a_number,
                    "a Value does not turn into a float silently, since that would drop its "
                    "gradient: take v.data for the number, or call v.exp() and the like instead of "
                    "math.exp(v)");
    return NULL;
}

static PyObject *value_positive(PyObject *self) { return Py_NewRef(self); }

static PyObject *value_divmod(PyObject *a, PyObject *b)
{
    PyObject *quotient = PyNumber_FloorDivide(a, b);
    PyObject *rest = quotient ? PyNumber_Remainder(a, b) : NULL;
    PyObject *both = rest ? PyTuple_Pack(2, quotient, rest) : NULL;
    Py_XDECREF(quotient);
    Py_XDECREF(rest);
    return both;
}

static PyObject *value_repr(PyObject *self)
{
    Node *node = (Node *)self;
    PyObject *label = Py_XNewRef(label_of(node)); /* what it is asked may replace it */
    PyObject *data = PyFloat_FromDouble(node->data);
    PyObject *grad = PyFloat_FromDouble(gradient_as_number(node));
    PyObject *text = NULL;
    int has_label = label ? PyObject_IsTrue(label) : 0;
    if (data != NULL && grad != NULL && has_label >= 0) {
        text = has_label ? PyUnicode_FromFormat("Value(data=%R, grad=%R, label=%R)", data, grad, label)
                         : PyUnicode_FromFormat("Value(data=%R, grad=%R)", data, grad);
    }
    Py_XDECREF(label);
    Py_XDECREF(data);
    Py_XDECREF(grad);
    return text;
}

static PyObject *value_format(PyObject *self, PyObject *spec)
{
    int written = PyObject_IsTrue(spec);
    if (written <= 0) {
        return written < 0 ? NULL : PyObject_Repr(self);
    }
    if (!PyUnicode_Check(spec)) {
        return PyErr_Format(PyExc_TypeError, "format() argument 2 must be str, not %.200s",
                            Py_TYPE(spec)->tp_name);
    }
    PyObject *number = PyFloat_FromDouble(((Node *)self)->data);
    PyObject *text = number ? PyObject_Format(number, spec) : NULL;
    Py_XDECREF(number);
    return text;
}

/* What micrograd calls the same things. */

static PyObject *get_prev(PyObject *self, void *Py_UNUSED(closure))
{
    State *state = state_of(self);
    PyObject *operands = of_each(self, operand_at);
    PyObject *values = operands ? PySet_New(NULL) : NULL;
    for (Py_ssize_t i = 0; values != NULL && i < PyTuple_GET_SIZE(operands); i++) {
        PyObject *operand = PyTuple_GET_ITEM(operands, i);
        if (is_value(state, operand) && PySet_Add(values, operand) < 0) {
            Py_CLEAR(values);
        }
    }
    Py_XDECREF(operands);
    return values;
}

static PyObject *get_sign(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t op = ((Node *)self)->op;
    if (op == 0) {
        return PyUnicode_FromString("");
    }
    PyObject *infix = PyObject_GetAttrString(state_of(self)->ops[op], "infix");
    int written = infix ? PyObject_IsTrue(infix) : -1;
    if (written == 0) {
        Py_SETREF(infix, PyObject_GetAttrString(state_of(self)->ops[op], "name"));
    } else if (written < 0) {
        Py_CLEAR(infix);
    }
    return infix;
}

/* Copies. rare.py takes a node apart with `_fields`, and `native.restore` puts one together. */

static PyObject *value_fields(PyObject *self, PyObject *Py_UNUSED(none))
{
    Node *node = (Node *)self;
    PyObject *operands = of_each(self, operand_at);
    PyObject *partials = of_each(self, partial_at);
    PyObject *op = get_op(self, NULL);
    PyObject *label = get_label(self, NULL);
    PyObject *fields = NULL;
    if (operands && partials && label) {
        fields = Py_BuildValue("(OOOddO)", op, operands, partials, node->data,
                               gradient_as_number(node), label);
    }
    Py_XDECREF(operands);
    Py_XDECREF(partials);
    Py_XDECREF(op);
    Py_XDECREF(label);
    return fields;
}

static int restore_edge(State *state, Node *node, Edge *edge, Kind *kind, PyObject *operand,
                        PyObject *partial)
{
    if (!is_value(state, operand)) {
        *kind = NUMBER;
        return number_of(state, operand, "an operand", &edge->number);
    }
    if (partial != Py_None && number_of(state, partial, "a partial", &edge->partial) < 0) {
        return -1;
    }
    edge->value = (Node *)Py_NewRef(operand);
    *kind = partial == Py_None ? VALUE : FLOWS;
    return 0;
}

static int restore(State *state, Node *node, PyObject *op, PyObject *operands, PyObject *partials)
{
    Py_ssize_t n = PyTuple_GET_SIZE(operands);
    if (op == Py_None && n == 0) {
        return 0;
    }
    node->op = number_of_op(state, op);
    if (node->op == 0) {
        return -1;
    }
    if (n == 0 || n != PyTuple_GET_SIZE(partials)) {
        PyErr_SetString(PyExc_TypeError, "an operation needs operands, and a partial for each");
        return -1;
    }
    if (node->op < ROW_COUNT && completed(&ROWS[node->op], n) != n) {
        PyErr_Format(PyExc_TypeError, "%R cannot be restored with %zd operands", op, n);
        return -1;
    }
    if (n > 2 && new_block(node, n) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        Edge *edge = has_block(node) ? &node->block->edge[i] : &node->edge[i];
        Kind *kind = has_block(node) ? &kinds_of_block(node->block)[i] : &node->kind[i];
        if (restore_edge(state, node, edge, kind, PyTuple_GET_ITEM(operands, i),
                         PyTuple_GET_ITEM(partials, i)) < 0) {
            return -1;
        }
    }
    track_like_operands(node);
    return 0;
}

static PyObject *native_restore(PyObject *module, PyObject *args)
{
    State *state = PyModule_GetState(module);
    PyObject *op, *operands, *partials, *label;
    double data, grad;
    if (!PyArg_ParseTuple(args, "OO!O!ddO:restore", &op, &PyTuple_Type, &operands,
                          &PyTuple_Type, &partials, &data, &grad, &label)) {
        return NULL;
    }
    Node *node = new_node(state);
    if (node == NULL) {
        return NULL;
    }
    node->data = data;
    if (restore(state, node, op, operands, partials) < 0
        || set_label((PyObject *)node, label, NULL) < 0) {
        Py_CLEAR(node);
    } else {
        node->grad = grad;
    }
    return (PyObject *)node;
}

/* The type. */

#define METHOD(name, flags, doc) {#name, (PyCFunction)(void (*)(void))value_##name, flags, doc}

static PyMethodDef value_methods[] = {
    METHOD(forget, METH_NOARGS,
           "Cut the value off from what it was computed from: it becomes a leaf."),
    METHOD(nodes, METH_VARARGS | METH_KEYWORDS,
           "nodes($self, /, *, whole=True)\n--\n\n"
           "Every node below this one, operands first, itself last.\n\n"
           "`whole=False` keeps to those that a derivative of this one flows to."),
    METHOD(backward, METH_VARARGS | METH_KEYWORDS,
           "backward($self, /, seed=1.0, *, create_graph=False)\n--\n\n"
           "Backpropagate: add the derivative by every leaf, times seed, to the leaf's `grad`."),
    METHOD(detach, METH_NOARGS, "A leaf with the same number and label."),
    METHOD(record, METH_FASTCALL | METH_CLASS,
           "The node that applies `op` to the operands, at least one of which is a value."),
    {"__format__", value_format, METH_O, NULL},
    {"_fields", value_fields, METH_NOARGS, NULL},
    ROW_METHODS
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef value_attributes[] = {
    {"data", get_data, set_data,
     "The number; setting it changes neither the graph nor gradients already recorded.", NULL},
    {"grad", get_grad, set_grad,
     "The derivative of the root after `root.backward()`; a `Value` after "
     "`backward(create_graph=True)`.", NULL},
    {"label", get_label, set_label, "What the value is called in messages and drawings.", NULL},
    {"op", get_op, NULL, "The row of the table that computed it; None for a leaf.", NULL},
    {"operands", get_operands, NULL,
     "What the operation was applied to, values and plain numbers, in order.", NULL},
    {"partials", get_partials, NULL,
     "The derivative by each operand, None where no derivative flows.", NULL},
    {"_prev", get_prev, NULL, NULL, NULL},
    {"_op", get_sign, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* CPython knows the place of weak references by this name. */
static PyMemberDef value_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Node, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot value_slots[] = {
    {Py_tp_doc, (void *)value_doc},
    {Py_tp_new, value_new},
    {Py_tp_init, value_init},
    {Py_tp_dealloc, value_dealloc},
    {Py_tp_traverse, value_traverse},
    {Py_tp_clear, value_clear},
    {Py_tp_repr, value_repr},
    {Py_tp_hash, value_hash},
    {Py_tp_richcompare, value_compare},
    {Py_tp_methods, value_methods},
    {Py_tp_getset, value_attributes},
    {Py_tp_members, value_members},
    {Py_nb_bool, value_bool},
    {Py_nb_float, refuse_conversion},
    {Py_nb_int, refuse_conversion},
    {Py_nb_positive, value_positive},
    {Py_nb_divmod, value_divmod},
    ROW_SLOTS
    {0, NULL},
};

static PyType_Spec value_spec = {
    .name = "micrograd_gd.engine.Value", /* where users find it, and pickle too */
    .basicsize = sizeof(Node),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = value_slots,
};

/* The module. */

static PyObject *native_adopt(PyObject *module, PyObject *args)
{
    PyObject *op;
    const char *name, *formulas;
    if (!PyArg_ParseTuple(args, "Oss:adopt", &op, &name, &formulas)) {
        return NULL;
    }
    int compiled = adopt(PyModule_GetState(module), op, name, formulas);
    return compiled < 0 ? NULL : PyBool_FromLong(compiled);
}

static PyObject *native_number_of(PyObject *module, PyObject *op)
{
    uint32_t number = number_of_op(PyModule_GetState(module), op);
    if (number == 0) {
        return NULL;
    }
    return PyLong_FromUnsignedLong(number < ROW_COUNT ? number : 0);
}

static PyObject *native_count_blocks(PyObject *module, PyObject *count)
{
    long open_blocks = PyLong_AsLong(count);
    if (open_blocks == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ((State *)PyModule_GetState(module))->open_blocks = open_blocks;
    Py_RETURN_NONE;
}

static PyMethodDef native_methods[] = {
    {"restore", native_restore, METH_VARARGS,
     "restore(op, operands, partials, data, grad, label)\n--\n\nThe node with these fields."},
    {"adopt", native_adopt, METH_VARARGS,
     "adopt(op, name, formulas)\n--\n\nTake in a row of the table; whether it is compiled in."},
    {"number_of", native_number_of, METH_O,
     "number_of(op)\n--\n\nThe number of an operation that is compiled in; 0 for others."},
    {"count_blocks", native_count_blocks, METH_O,
     "count_blocks(count)\n--\n\nHear how many blocks of `modes` are open."},
    {"optimized", native_optimized, METH_VARARGS,
     "optimized(inputs, events, outputs, traits)\n--\n\n"
     "What `jit.steps` makes a program of; None where Python is to do it."},
    {"pull_back", native_pull_back, METH_VARARGS,
     "pull_back(seeds, stop, differentiable, trace, last)\n--\n\n"
     "As that of `sweep`."},
    {"push_forward", native_push_forward, METH_VARARGS,
     "push_forward(nodes, seeds, differentiable, trace, last)\n--\n\n"
     "As that of `sweep`."},
    {NULL, NULL, 0, NULL},
};

static PyObject *imported(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *found = module && name ? PyObject_GetAttrString(module, name) : Py_XNewRef(module);
    Py_XDECREF(module);
    return found;
}

/* A slab fits where the collector's header is two words before each object, as it is wherever one
   lock guards all of them; `sys.getsizeof` counts it. */
static int decide_on_slabs(State *state)
{
    PyObject *size_of = imported("sys", "getsizeof");
    PyObject *node = size_of ? (PyObject *)new_node(state) : NULL;
    PyObject *size = node ? PyObject_CallOneArg(size_of, node) : NULL;
    state->in_slabs = USE_SLABS && size && PyLong_AsSize_t(size) == sizeof(Cell);
    Py_XDECREF(size_of);
    Py_XDECREF(node);
    Py_XDECREF(size);
    return size ? 0 : -1;
}

static int native_exec(PyObject *module)
{
    State *state = PyModule_GetState(module);
    state->op_count = ROW_COUNT;
    state->ops = PyMem_Calloc(ROW_COUNT, sizeof(PyObject *));
    state->number_of_op = PyDict_New();
    state->operation = imported("micrograd_gd.table.operation", "Operation");
    state->number = imported("micrograd_gd.table.numbers", "number");
    state->not_a_number = imported("micrograd_gd.errors", "NotANumberError");
    state->modes = imported("micrograd_gd.core.blocks", NULL);
    state->trace = imported("micrograd_gd.core.blocks", "_trace");
    state->recording = imported("micrograd_gd.core.blocks", "_recording");
    state->events_name = PyUnicode_InternFromString("events");
    state->type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &value_spec, NULL);
    if (!state->ops || !state->number_of_op || !state->operation || !state->number
        || !state->not_a_number || !state->modes || !state->trace || !state->recording
        || !state->events_name || !state->type) {
        return -1;
    }
    state->tape_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &tape_spec, NULL);
    state->kernel_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &kernel_spec, NULL);
    if (!state->tape_type || !state->kernel_type
        || PyModule_AddType(module, state->tape_type) < 0
        || PyModule_AddType(module, state->kernel_type) < 0) {
        return -1;
    }
    state->type->tp_vectorcall = value_vectorcall;
    if (PyInterpreterState_Get() == PyInterpreterState_Main()) {
        main_type = state->type;
        main_state = state;
    }
    return decide_on_slabs(state) < 0 ? -1 : PyModule_AddType(module, state->type);
}

static int native_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->type);
    Py_VISIT(state->tape_type);
    Py_VISIT(state->kernel_type);
    Py_VISIT(state->number_of_op);
    Py_VISIT(state->operation);
    Py_VISIT(state->number);
    Py_VISIT(state->not_a_number);
    Py_VISIT(state->modes);
    Py_VISIT(state->trace);
    Py_VISIT(state->recording);
    for (uint32_t i = 0; state->ops != NULL && i < state->op_count; i++) {
        Py_VISIT(state->ops[i]);
    }
    return 0;
}

/* The type and the rows stay until the end: nodes that are still there need them. */
static int native_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->number_of_op);
    Py_CLEAR(state->operation);
    Py_CLEAR(state->number);
    Py_CLEAR(state->not_a_number);
    Py_CLEAR(state->modes);
    Py_CLEAR(state->trace);
    Py_CLEAR(state->recording);
    Py_CLEAR(state->events_name);
    return 0;
}

static void native_free(void *module)
{
    State *state = PyModule_GetState(module);
    if (state == main_state) {
        main_type = NULL;
        main_state = NULL;
    }
    native_clear(module);
    leave_slabs(state);
    for (uint32_t i = 0; state->ops != NULL && i < state->op_count; i++) {
        Py_CLEAR(state->ops[i]);
    }
    PyMem_Free(state->ops);
    Py_CLEAR(state->type);
    Py_CLEAR(state->tape_type);
    Py_CLEAR(state->kernel_type);
}

static PyModuleDef_Slot native_slots[] = {
    {Py_mod_exec, native_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_USED}, /* nodes are not locked, one by one or otherwise */
#endif
    {0, NULL},
};

static struct PyModuleDef native_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "micrograd_gd.core.native.extension",
    .m_doc = "The native engine: `Value` in C.",
    .m_size = sizeof(State),
    .m_methods = native_methods,
    .m_slots = native_slots,
    .m_traverse = native_traverse,
    .m_clear = native_clear,
    .m_free = native_free,
};

PyMODINIT_FUNC PyInit_extension(void) { return PyModuleDef_Init(&native_module); }
