/* The extension: the whole native engine as one translation unit, as SQLite is one.

   All functions are static, so no name leaves this file, and the compiler puts the short ones in
   wherever they are called, across files and on every platform, without link-time optimization.
   The files stand below in the order in which to read them: each uses what stands before it, and
   nothing that comes later. Headers declare the types.

   Each folder is a phase. A node is made, an operation recorded, a graph swept over; a trace is
   shortened to a program; a program becomes a tape, and a kernel calls it; the class `Value` ties
   this together. What is generated from Python when the package is built has no folder: `docs.h`,
   `numbers.h`, `rules.c`, `row_methods.c` and `tape_rows.h`. */

#include "docs.h"

#include "node/memory.c"
#include "node/stack.c"
#include "node/collector.c"
#include "node/free.c"

#include "flags.h"
#include "rules.c"
#include "record/operands.c"
#include "record/operations.c"
#include "record/switch.c"
#include "record/record.c"
#include "record/call.c"

#include "sweep/walk.c"
#include "sweep/backward.c"
#include "sweep/partials.c"
#include "sweep/floats.c"
#include "sweep/sweep.c"
#include "sweep/leaves.c"

#include "passes/arrays.c"
#include "passes/read.c"
#include "passes/choices.c"
#include "passes/forward.c"
#include "passes/back.c"

#include "tape/run.c"
#include "tape/check.c"
#include "tape/slots.c"
#include "tape/steps.c"
#include "tape/loops.c"
#include "tape/type.c"

#include "kernel/arguments.c"
#include "kernel/result.c"
#include "kernel/watch.c"
#include "kernel/call.c"
#include "kernel/plan.c"
#include "kernel/type.c"

#include "value/new.c"
#include "value/attributes.c"
#include "value/methods.c"
#include "value/number.c"
#include "value/copies.c"
#include "value/type.c"

/* The module: its functions, its state, its end. */

/*[python]
def adopt(op: Operation, name: str, formulas: str, /) -> bool:
    """Take in a row of the table; whether it is compiled in."""
*/
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

/*[python]
def number_of(op: Operation, /) -> int:
    """The number of an operation that is compiled in; 0 for others."""
*/
static PyObject *native_number_of(PyObject *module, PyObject *op)
{
    uint32_t number = number_of_op(PyModule_GetState(module), op);
    if (number == 0) {
        return NULL;
    }
    return PyLong_FromUnsignedLong(number < ROW_COUNT ? number : 0);
}

static PyMethodDef native_methods[] = {
    {"adopt", native_adopt, METH_VARARGS, DOC_adopt},
    {"number_of", native_number_of, METH_O, DOC_number_of},
    {"optimize", native_optimize, METH_VARARGS, DOC_optimize},
    {"begin_era", native_begin_era, METH_NOARGS, DOC_begin_era},
    {"in_order", native_in_order, METH_VARARGS, DOC_in_order},
    {"pull_back", native_pull_back, METH_VARARGS, DOC_pull_back},
    {"push_forward", native_push_forward, METH_VARARGS, DOC_push_forward},
    {"slopes", (PyCFunction)(void (*)(void))native_slopes, METH_FASTCALL, DOC_slopes},
    {"call_on_leaves", (PyCFunction)(void (*)(void))native_call_on_leaves, METH_FASTCALL,
     DOC_call_on_leaves},
    {NULL, NULL, 0, NULL},
};

static PyObject *import_name(const char *module_name, const char *name)
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
    PyObject *size_of = import_name("sys", "getsizeof");
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
    state->operation = import_name("micrograd_gd.table.operation", "Operation");
    state->call_in_python =
        state->operation ? PyObject_GetAttrString(state->operation, "__call__") : NULL;
    state->number = import_name("micrograd_gd.table.numbers", "number");
    state->not_a_number = import_name("micrograd_gd.errors", "NotANumberError");
    state->graph_error = import_name("micrograd_gd.errors", "GraphError");
    state->blocks = import_name("micrograd_gd.core.blocks", NULL);
    state->open_blocks = import_name("micrograd_gd.core.blocks", "open_blocks");
    state->trace = import_name("micrograd_gd.core.blocks", "_trace");
    state->recording = import_name("micrograd_gd.core.blocks", "_recording");
    state->events_name = PyUnicode_InternFromString("events");
    state->type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &value_spec, NULL);
    if (!state->ops || !state->number_of_op || !state->operation
        || !state->call_in_python || !state->number || !state->not_a_number
        || !state->graph_error || !state->blocks || !state->open_blocks
        || !PySet_CheckExact(state->open_blocks) || !state->trace || !state->recording
        || !state->events_name || !state->type) {
        return -1;
    }
    state->tape_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &tape_spec, NULL);
    state->kernel_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &kernel_spec, NULL);
    state->switch_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &switch_spec, NULL);
    if (!state->tape_type || !state->kernel_type || !state->switch_type
        || PyModule_AddType(module, state->switch_type) < 0
        || PyModule_AddType(module, state->tape_type) < 0
        || PyModule_AddType(module, state->kernel_type) < 0 || add_call_row(module) < 0) {
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
    Py_VISIT(state->switch_type);
    Py_VISIT(state->number_of_op);
    Py_VISIT(state->operation);
    Py_VISIT(state->call_in_python);
    Py_VISIT(state->number);
    Py_VISIT(state->not_a_number);
    Py_VISIT(state->graph_error);
    Py_VISIT(state->blocks);
    Py_VISIT(state->trace);
    Py_VISIT(state->recording);
    for (uint32_t i = 0; state->ops != NULL && i < state->op_count; i++) {
        Py_VISIT(state->ops[i]);
    }
    return 0;
}

/* The types, the rows and the set of blocks stay until the end: nodes that are still there need
   them. */
static int native_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->number_of_op);
    Py_CLEAR(state->operation);
    Py_CLEAR(state->call_in_python);
    Py_CLEAR(state->number);
    Py_CLEAR(state->not_a_number);
    Py_CLEAR(state->graph_error);
    Py_CLEAR(state->blocks);
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
    Py_CLEAR(state->switch_type);
    Py_CLEAR(state->open_blocks);
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
