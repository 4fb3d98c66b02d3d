/* The type `Switch`: what one block turns on, the twin of `Switch` in core/blocks.py.

   A `with` calls its beginning and its end as functions of C, between which and the block itself
   Python handles no signal. So a block that was entered is left, whatever comes. It counts as open
   before the context knows it, and as closed before the context forgets it. No lock is held, so
   whatever Python runs in between, a finalizer for example, may open blocks.

   The context holds the *innermost* switch of a variable, and that the one *outer* to it. */

#include "node/state.h"

typedef struct {
    PyObject_HEAD
    PyObject *variable, *value, *again; /* `again` may be NULL */
    PyObject *outer;                    /* a switch, or None */
    bool is_observed, has_begun, is_open;
} Switch;

/* The innermost open switch of a variable: a new reference. None, or one of Python, or NULL with an
   error set. */
static PyObject *find_switch(State *state, PyObject *variable)
{
    PyObject *found = NULL;
    if (PyContextVar_Get(variable, Py_None, &found) < 0) {
        return NULL;
    }
    while (Py_TYPE(found) == state->switch_type && !((Switch *)found)->is_open) {
        Py_SETREF(found, Py_NewRef(((Switch *)found)->outer));
    }
    return found;
}

/* Set a context variable. Python 3.11 may collect meanwhile, and would read what it had freed if a
   finalizer set another one. */
static int set_variable(PyObject *variable, PyObject *x)
{
#if PY_VERSION_HEX < 0x030C0000
    int collected = PyGC_Disable();
#endif
    PyObject *token = PyContextVar_Set(variable, x);
#if PY_VERSION_HEX < 0x030C0000
    if (collected) {
        PyGC_Enable();
    }
#endif
    Py_XDECREF(token);
    return token == NULL ? -1 : 0;
}

static PyObject *switch_enter(PyObject *self, PyObject *Py_UNUSED(none))
{
    Switch *this = (Switch *)self;
    State *state = state_of_exact_type(Py_TYPE(self));
    if (this->has_begun) {
        PyErr_SetString(state->graph_error,
                        "a block is entered once: write the call anew, as in `with no_grad():`");
        return NULL;
    }
    this->has_begun = true;
    PyObject *outer = find_switch(state, this->variable);
    if (outer == NULL) {
        return NULL;
    }
    Py_SETREF(this->outer, outer);
    this->is_open = true;
    if ((this->is_observed && PySet_Add(state->open_blocks, self) < 0)
        || set_variable(this->variable, self) < 0) {
        this->is_open = false;
        PySet_Discard(state->open_blocks, self);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *switch_exit(PyObject *self, PyObject *const *Py_UNUSED(error),
                             Py_ssize_t Py_UNUSED(n))
{
    Switch *this = (Switch *)self;
    State *state = state_of_exact_type(Py_TYPE(self));
    PyObject *innermost = NULL;
    this->is_open = false;
    if ((this->is_observed && PySet_Discard(state->open_blocks, self) < 0)
        || PyContextVar_Get(this->variable, Py_None, &innermost) < 0
        || (innermost == self && set_variable(this->variable, this->outer) < 0)) {
        PyErr_Clear(); /* it is closed all the same, and passed over where it still stands */
    }
    Py_XDECREF(innermost);
    Py_RETURN_NONE;
}

static PyObject *new_switch(PyTypeObject *type, PyObject *variable, PyObject *value,
                            PyObject *again, bool is_observed)
{
    Switch *this = (Switch *)type->tp_alloc(type, 0);
    if (this != NULL) {
        this->variable = Py_NewRef(variable);
        this->value = Py_NewRef(value);
        this->again = Py_NewRef(again);
        this->outer = Py_NewRef(Py_None);
        this->is_observed = is_observed;
    }
    return (PyObject *)this;
}

/*[python]
class Switch:
    """What one block turns on: `variable` has a value from its beginning to its end."""

    is_open: bool
    outer: Switch | None
    value: Any

    def __init__(
        self,
        variable: Any,
        value: Any,
        again: Callable[[], Switch] | None = None,
        *,
        is_observed: bool = True,
    ) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...
    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]: ...
*/
static PyObject *switch_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"variable", "value", "again", "is_observed", NULL};
    PyObject *variable, *value, *again = Py_None;
    int is_observed = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O|O$p:Switch", names, &PyContextVar_Type,
                                     &variable, &value, &again, &is_observed)) {
        return NULL;
    }
    return new_switch(type, variable, value, again, is_observed);
}

/* As a decorator. */
static PyObject *switch_call(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"function", NULL};
    PyObject *function;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O", names, &function)) {
        return NULL;
    }
    State *state = state_of_exact_type(Py_TYPE(self));
    return PyObject_CallMethod(state->blocks, "decorate", "OO", ((Switch *)self)->again, function);
}

static int switch_traverse(PyObject *self, visitproc visit, void *arg)
{
    Switch *this = (Switch *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(this->variable);
    Py_VISIT(this->value);
    Py_VISIT(this->again);
    Py_VISIT(this->outer);
    return 0;
}

static void switch_dealloc(PyObject *self)
{
    Switch *this = (Switch *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, switch_dealloc) /* there may be many, one outer to the other */
    Py_CLEAR(this->variable);
    Py_CLEAR(this->value);
    Py_CLEAR(this->again);
    Py_CLEAR(this->outer);
    type->tp_free(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef switch_methods[] = {
    {"__enter__", switch_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))switch_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef switch_members[] = {
    {"is_open", Py_T_BOOL, offsetof(Switch, is_open), Py_READONLY, NULL},
    {"outer", Py_T_OBJECT_EX, offsetof(Switch, outer), Py_READONLY, NULL},
    {"value", Py_T_OBJECT_EX, offsetof(Switch, value), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot switch_slots[] = {
    {Py_tp_doc, DOC_Switch},
    {Py_tp_new, switch_new},
    {Py_tp_dealloc, switch_dealloc},
    {Py_tp_traverse, switch_traverse},
    {Py_tp_call, switch_call},
    {Py_tp_methods, switch_methods},
    {Py_tp_members, switch_members},
    {0, NULL},
};

static PyType_Spec switch_spec = {
    .name = "micrograd_gd.core.native.extension.Switch",
    .basicsize = sizeof(Switch),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = switch_slots,
};
