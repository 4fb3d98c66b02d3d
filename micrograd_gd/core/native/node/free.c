/* Death: a node drops what it refers to, and its memory is used again.

   The operands of a dead node may die with it, and theirs in turn, a million deep. So nothing
   here recurs: a node that dies while another one is being freed waits in the list `State.dead`.
   Dropping a reference can run any Python code; nodes that are alive let go of it first. */

#include "node/state.h"

/* Drop what a dead node refers to; nobody can see it. */
static inline void drop_references(Node *node)
{
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of(node, &edge, &kind);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (kind[i] >= VALUE) {
            Py_DECREF(edge[i].value);
        }
    }
    if (has_block(node)) {
        Py_XDECREF(node->block->gradient);
        Py_XDECREF(node->block->label);
        PyMem_Free(node->block);
    }
}

/* Make the node a leaf with the block `kept`, or none, and drop what it referred to. References
   leave the node before they are dropped, since that can run any Python code. */
static void drop_operands(Node *node, Block *kept)
{
    Edge few[2];
    Kind few_kinds[2] = {node->kind[0], node->kind[1]};
    Block *block = has_block(node) ? node->block : NULL;
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of(node, &edge, &kind);
    if (block == NULL) {
        few[0] = node->edge[0];
        few[1] = node->edge[1];
        edge = few;
        kind = few_kinds;
    }
    make_leaf(node);
    if (kept != NULL) {
        node->block = kept;
        node->kind[0] = IN_BLOCK;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (kind[i] >= VALUE) {
            Py_DECREF(edge[i].value);
        }
    }
    if (block != NULL) {
        Py_XDECREF(block->gradient);
        Py_XDECREF(block->label);
        PyMem_Free(block);
    }
}

/* Become a leaf that keeps its label and its gradient. */
static int forget(Node *node)
{
    Block *kept = NULL;
    if (gradient_of(node) != NULL || label_of(node) != NULL) {
        kept = PyMem_Calloc(1, sizeof(Block));
        if (kept == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        kept->label = Py_XNewRef(node->block->label);
        kept->gradient = Py_XNewRef(node->block->gradient);
    }
    drop_operands(node, kept);
    return 0;
}

static void free_memory(State *state, Node *node)
{
    PyTypeObject *type = Py_TYPE(node);
    if (node->place == 0) {
        type->tp_free(node);
    } else {
        leave_cell(state, node);
    }
    Py_DECREF(type);
}

/* The class, and all that belongs to the interpreter, went before the node. */
static void free_without_state(Node *node)
{
    Py_TRASHCAN_BEGIN(node, value_dealloc);
    drop_references(node);
    free_memory(NULL, node);
    Py_TRASHCAN_END;
}

/* A node that dies because another one does waits for its turn: no recursion, however deep. */
static void value_dealloc(PyObject *self)
{
    Node *node = (Node *)self;
    State *state = state_of(self);
    if (node->tracked || !is_exactly_value(self)) { /* subclasses track it again before they call */
        PyObject_GC_UnTrack(self);
        node->tracked = false;
    }
    if (node->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    if (state == NULL) {
        free_without_state(node);
        return;
    }
    node->next = state->dead;
    state->dead = node;
    if (state->freeing) {
        return;
    }
    PyTypeObject *type = state->type; /* the state lives as long as the type */
    Py_INCREF(type);
    state->freeing = true;
    while ((node = state->dead) != NULL) {
        state->dead = node->next;
        PREFETCH_EARLIER(node);
        drop_references(node);
        free_memory(state, node);
    }
    state->freeing = false;
    Py_DECREF(type);
}
