/* Birth: memory for nodes and for their blocks.

   Nodes lie in slabs of 64 cells. A slab's `room` has a bit for each cell, set where no node
   lives; the slabs with room are a list, and `State.slab` is its first. A birth takes the lowest
   free cell of the first slab; a death gives its cell back. A slab whose nodes are all dead is
   kept for those to come, up to MOST_EMPTY of them. Nodes of a subclass, and all nodes where the
   collector's header is not as expected, have memory of their own (`place` is 0).

   A block is made when a node first needs one; its operands move there. */

#include "node/state.h"

/* No object that anybody meets; but the collector counts it as one, so that it comes by in time
   where nothing but values is made. */
static PyTypeObject slab_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "micrograd_gd.core.native.extension.slab",
    .tp_basicsize = sizeof(Slab),
    .tp_flags = Py_TPFLAGS_HAVE_GC,
};

/* Give the node a block with room for n operands, none of them there yet. */
static int new_block(Node *node, Py_ssize_t n)
{
    Block *block = PyMem_Calloc(1, sizeof(Block) + (size_t)n * (sizeof(Edge) + sizeof(Kind)));
    if (block == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    block->n = n;
    node->block = block;
    node->kind[0] = IN_BLOCK;
    node->kind[1] = ABSENT;
    return 0;
}

/* The node's block, into which its operands move if it had none; NULL with an error set. */
static Block *block_of(Node *node)
{
    if (!has_block(node)) {
        Edge edge[2] = {node->edge[0], node->edge[1]};
        Kind kind[2] = {node->kind[0], node->kind[1]};
        Edge *unused_edge;
        Kind *unused_kind;
        Py_ssize_t n = edges_of(node, &unused_edge, &unused_kind);
        if (new_block(node, n) < 0) {
            return NULL;
        }
        for (Py_ssize_t i = 0; i < n; i++) {
            node->block->edge[i] = edge[i];
            kinds_of_block(node->block)[i] = kind[i];
        }
    }
    return node->block;
}

/* Slabs: the list of those with room, and their cells. */

static void put_first(State *state, Slab *slab)
{
    slab->previous = NULL;
    slab->next = state->slab;
    if (slab->next != NULL) {
        slab->next->previous = slab;
    }
    state->slab = slab;
}

static Py_NO_INLINE void take_out(State *state, Slab *slab)
{
    if (slab->next != NULL) {
        slab->next->previous = slab->previous;
    }
    *(slab->previous ? &slab->previous->next : &state->slab) = slab->next;
}

static Py_NO_INLINE int new_slab(State *state)
{
    Slab *slab = PyObject_GC_New(Slab, &slab_type);
    if (slab == NULL) {
        return -1;
    }
    memset(slab->cell, 0, sizeof(slab->cell));
    for (uint8_t i = 0; i < 64; i++) {
        slab->cell[i].node.place = i + 1;
    }
    slab->room = UINT64_MAX;
    state->empty += 1;
    put_first(state, slab);
    return 0;
}

static inline int lowest_bit(uint64_t bits)
{
#ifdef _MSC_VER
    unsigned long place;
    _BitScanForward64(&place, bits);
    return (int)place;
#else
    return __builtin_ctzll(bits);
#endif
}

/* The first cell with room, of a state that has such a slab. */
static inline Node *take_cell(State *state)
{
    Slab *slab = state->slab;
    Node *node = &slab->cell[lowest_bit(slab->room)].node;
    state->empty -= slab->room == UINT64_MAX;
    slab->era = state->era;
    slab->room &= slab->room - 1;
    if (slab->room == 0) {
        take_out(state, slab);
    }
    return node;
}

/* Without a state, when all that belongs to the interpreter is gone, slabs are in no list. */
static void leave_cell(State *state, Node *node)
{
    Slab *slab = slab_of(node);
    if (slab->room == 0 && state != NULL) {
        put_first(state, slab);
    }
    slab->room |= (uint64_t)1 << (node->place - 1);
    if (slab->room < UINT64_MAX) {
        return;
    }
    if (state == NULL) {
        PyObject_GC_Del(slab);
    } else if (state->empty == MOST_EMPTY) {
        take_out(state, slab);
        PyObject_GC_Del(slab);
    } else {
        state->empty += 1;
    }
}

/* Free the slabs without a node, and leave the others to their last nodes. */
static void leave_slabs(State *state)
{
    while (state->slab != NULL) {
        Slab *slab = state->slab;
        take_out(state, slab);
        if (slab->room == UINT64_MAX) {
            PyObject_GC_Del(slab);
        }
    }
}

/* Birth. In line in every operation: left to itself, GCC does it in some and not in others. */

static inline void make_leaf(Node *node)
{
    node->op = 0;
    node->kind[0] = node->kind[1] = ABSENT;
}

static Py_ALWAYS_INLINE inline Node *new_node(State *state)
{
    Node *node;
    if (state->slab != NULL || (state->in_slabs && new_slab(state) == 0)) {
        node = take_cell(state);
        Py_SET_TYPE((PyObject *)node, (PyTypeObject *)Py_NewRef(state->type));
        Py_SET_REFCNT((PyObject *)node, 1);
    } else {
        node = state->in_slabs ? NULL : PyObject_GC_New(Node, state->type);
        if (node == NULL) {
            return NULL;
        }
        node->place = 0;
    }
    node->grad = 0.0;
    node->tracked = node->closed = node->seen = node->reached = false;
    node->weakrefs = NULL;
    make_leaf(node);
    return node;
}

/* A leaf of a subclass, which has memory of its own; who asks for it tracks it. */
static Node *new_of_subclass(PyTypeObject *type)
{
    Node *node = (Node *)type->tp_alloc(type, 0); /* all zeros */
    if (node != NULL) {
        PyObject_GC_UnTrack(node); /* until it is complete, nobody is to find it */
    }
    return node;
}
