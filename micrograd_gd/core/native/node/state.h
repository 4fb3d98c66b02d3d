/* The state: what belongs to one interpreter, and the ways from a value to it.

   These ways are short, since every operation on values takes one: the main interpreter's type
   and state are kept beside, so that they need no look-up. */

#ifndef MICROGRAD_GD_STATE_H
#define MICROGRAD_GD_STATE_H

#include "node/node.h"

/* What belongs to one interpreter. */
typedef struct {
    PyTypeObject *type; /* Value */
    PyTypeObject *tape_type, *kernel_type, *switch_type;
    PyObject **ops;     /* rows of the table by number: those compiled in, then others */
    uint32_t op_count;
    PyObject *number_of_op; /* {row: its number} */
    PyObject *operation;    /* Operation, the class of the rows */
    PyObject *call_in_python; /* its method of calls, before that of C took its place */
    PyObject *number;       /* table/numbers.py: the door for whatever is no float or int */
    PyObject *not_a_number; /* NotANumberError */
    PyObject *graph_error;  /* GraphError */
    PyObject *blocks;       /* core/blocks.py */
    PyObject *trace, *recording; /* its context variables */
    PyObject *events_name;       /* "events" */
    PyObject *open_blocks;       /* its set of them */
    Node *dead;       /* waiting while another node is being freed */
    bool freeing;
    Slab *slab;      /* the first one with room */
    Py_ssize_t empty; /* slabs without a node */
    bool in_slabs;
    uint64_t era; /* the latest */
} State;

static void value_dealloc(PyObject *self);

/* Only `Value` itself has this destructor, whichever interpreter it belongs to. */
static inline bool is_exactly_value(PyObject *x) { return Py_TYPE(x)->tp_dealloc == value_dealloc; }

/* The main interpreter's, which no other one writes: the short way to the state of most nodes. */
static PyTypeObject *main_type;
static State *main_state;

/* PyType_GetModuleState, without its detours. NULL once the collector has taken the class apart,
   which it does only when the interpreter ends. */
static inline State *state_of_exact_type(PyTypeObject *type)
{
    if (type == main_type) {
        return main_state;
    }
    PyObject *module = ((PyHeapTypeObject *)type)->ht_module;
    return module == NULL ? NULL : PyModule_GetState(module);
}

/* By way of the bases, which a dying class still has when its method resolution order is gone;
   NULL for what is no kind of Value. */
static Py_NO_INLINE State *state_of_subclass(PyTypeObject *type)
{
    while (type != NULL && type->tp_dealloc != value_dealloc) {
        type = type->tp_base;
    }
    return type == NULL ? NULL : state_of_exact_type(type);
}

static inline State *state_of_type(PyTypeObject *type)
{
    return type->tp_dealloc == value_dealloc ? state_of_exact_type(type) : state_of_subclass(type);
}

static inline State *state_of(PyObject *value) { return state_of_type(Py_TYPE(value)); }

/* While none is, in any thread, nobody is told what happens. */
static inline bool blocks_are_open(State *state) { return PySet_GET_SIZE(state->open_blocks) > 0; }

static inline bool is_value(State *state, PyObject *x)
{
    return Py_TYPE(x) == state->type || PyType_IsSubtype(Py_TYPE(x), state->type);
}

#endif
