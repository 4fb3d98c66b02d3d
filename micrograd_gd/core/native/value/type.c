/* The type `Value`: the fast twin of engine.py, which says what everything here means and is to be
   read first. Here is the list of its parts. The methods of the operations are generated from the
   table (ROW_METHODS, ROW_SLOTS), the others stand beside this file. */

#include "node/state.h"
#include "row_methods.c" /* ROW_METHODS and ROW_SLOTS, generated from the table */

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
