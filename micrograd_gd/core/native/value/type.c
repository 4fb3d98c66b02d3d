/* The type `Value`: the fast twin of engine.py, which says what everything here means and is to
   be read first. Here is the list of its parts. The methods of the operations are generated from
   the table (ROW_METHODS, ROW_SLOTS), the others stand beside this file. */

#include "node/state.h"
#include "row_methods.c" /* ROW_METHODS and ROW_SLOTS, generated from the table */

#define METHOD(name, flags) \
    {#name, (PyCFunction)(void (*)(void))value_##name, flags, DOC_Value_##name}

static PyMethodDef value_methods[] = {
    METHOD(forget, METH_NOARGS),
    METHOD(nodes, METH_NOARGS),
    METHOD(backward, METH_VARARGS | METH_KEYWORDS),
    METHOD(detach, METH_NOARGS),
    METHOD(record, METH_FASTCALL | METH_CLASS),
    METHOD(conjugate, METH_NOARGS),
    {"__format__", value_format, METH_O, NULL},
    {"_take_apart", value_take_apart, METH_NOARGS, NULL},
    {"_put_together", value_put_together, METH_VARARGS, NULL},
    ROW_METHODS
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef value_attributes[] = {
    {"data", get_data, set_data, DOC_Value_data, NULL},
    {"grad", get_grad, set_grad, DOC_Value_grad, NULL},
    {"label", get_label, set_label, DOC_Value_label, NULL},
    {"op", get_op, NULL, DOC_Value_op, NULL},
    {"operands", get_operands, NULL, DOC_Value_operands, NULL},
    {"partials", get_partials, NULL, DOC_Value_partials, NULL},
    {"_prev", get_prev, set_record, NULL, NULL},
    {"_op", get_sign, set_record, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* CPython knows the place of weak references by this name. */
static PyMemberDef value_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Node, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot value_slots[] = {
    {Py_tp_doc, DOC_Value},
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
    {Py_nb_index, refuse_conversion},
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
