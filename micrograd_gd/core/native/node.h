/* The node: how a `Value` lies in memory, is born, is seen by the collector, and dies.

   A node is 80 bytes, and 96 with the collector's header. Whatever does not fit, more than two
   operands, a label, a gradient that is a graph of its own, moves into a block beside it. */

#ifndef MICROGRAD_GD_NODE_H
#define MICROGRAD_GD_NODE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef _MSC_VER
#include <intrin.h>
#endif

/* What is in an operand's place: nothing; a plain number; a value that no derivative flows to; a
   value that one does flow to. IN_BLOCK, in the first place, says that all are in the block. */
enum { ABSENT, NUMBER, VALUE, FLOWS, IN_BLOCK };
typedef uint8_t Kind;

typedef struct Node Node;

/* Ask for a node's two cache lines ahead of its use; without such a hint all is the same, later. */
#ifdef __GNUC__
#define PREFETCH(node) \
    (__builtin_prefetch((char *)(node), 1), __builtin_prefetch((char *)(node) + 64, 1))
#else
#define PREFETCH(node) ((void)(node))
#endif

typedef struct {
    union {
        Node *value;
        double number;
    };
    double partial; /* means something where the kind is FLOWS */
} Edge;

typedef struct {
    PyObject *label;    /* or NULL: "" */
    PyObject *gradient; /* a Value, or NULL: the node's own `grad` holds */
    Py_ssize_t n;
    Edge edge[]; /* n of them, and behind them n kinds */
} Block;

struct Node {
    PyObject_HEAD
    double data;
    union {
        double grad;
        Node *next; /* while it waits, dead, to be freed or to be used again */
    };
    uint32_t op;      /* 0: a leaf; otherwise its place in State.ops */
    Kind kind[2];     /* of the operands in `edge` */
    bool tracked : 1; /* the collector looks at it */
    bool closed : 1;  /* ... and at everything that it refers to */
    bool seen : 1;    /* by the walk that is under way */
    uint8_t place;    /* in its slab, from 1; 0: its memory is its own */
    PyObject *weakrefs;
    union {
        Edge edge[2];
        struct {
            Block *block;
            double unused[2];
            double before; /* a leaf's gradient before the sweep that is under way */
        };
    };
};

/* Memory for nodes comes in slabs. Births fill them by rising addresses, in whatever order those
   before died: so neighbours were born one after the other, and what walks and deaths come to next
   is on its way into the cache when they do. */

#ifndef MOST_EMPTY /* slabs that are kept for nodes to come */
#define MOST_EMPTY 1024
#endif
#ifndef USE_SLABS /* 0 shows a sanitizer every death */
#define USE_SLABS 1
#endif

typedef struct {
    uintptr_t header[2]; /* the collector's */
    Node node;
} Cell;

typedef struct Slab Slab;
struct Slab {
    PyObject_HEAD
    uint64_t room;         /* a bit for each cell, set where no node lives */
    Slab *previous, *next; /* among those with room */
    Cell cell[64];
};

/* No object that anybody meets; but the collector counts it as one, so that it comes by in time
   where nothing but values is made. */
static PyTypeObject slab_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "micrograd_gd.core.native.extension.slab",
    .tp_basicsize = sizeof(Slab),
    .tp_flags = Py_TPFLAGS_HAVE_GC,
};

/* Ask for one that was born a little earlier: walks and deaths go from the young to the old. */
#define PREFETCH_EARLIER(node) PREFETCH((uintptr_t)(node) - 8 * sizeof(Cell))

/* What belongs to one interpreter. */
typedef struct {
    PyTypeObject *type; /* Value */
    PyTypeObject *tape_type, *kernel_type;
    PyObject **ops;     /* rows of the table by number: those compiled in, then others */
    uint32_t op_count;
    PyObject *number_of_op; /* {row: its number} */
    PyObject *operation;    /* operation.Operation, the class of the rows */
    PyObject *number;       /* operation.number, the door for whatever is no float or int */
    PyObject *not_a_number; /* errors.NotANumberError */
    PyObject *modes;
    PyObject *trace, *recording; /* the context variables of modes */
    PyObject *events_name;       /* "events" */
    long open_blocks; /* modes.open_blocks: it tells when that changes */
    Node *dead;       /* waiting while another node is being freed */
    bool freeing;
    Slab *slab;      /* the first one with room */
    Py_ssize_t empty; /* slabs without a node */
    bool in_slabs;
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
static State *state_of_subclass(PyTypeObject *type)
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

static inline bool is_value(State *state, PyObject *x)
{
    return Py_TYPE(x) == state->type || PyType_IsSubtype(Py_TYPE(x), state->type);
}

/* Operands, wherever they are. */

static inline bool has_block(Node *node) { return node->kind[0] == IN_BLOCK; }

static inline Kind *kinds_of_block(Block *block) { return (Kind *)(block->edge + block->n); }

static inline Py_ssize_t edges_of(Node *node, Edge **edge, Kind **kind)
{
    if (has_block(node)) {
        *edge = node->block->edge;
        *kind = kinds_of_block(node->block);
        return node->block->n;
    }
    *edge = node->edge;
    *kind = node->kind;
    return node->kind[0] == ABSENT ? 0 : node->kind[1] == ABSENT ? 1 : 2;
}

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

static inline PyObject *gradient_of(Node *node)
{
    return has_block(node) ? node->block->gradient : NULL;
}

static inline double gradient_as_number(Node *node)
{
    PyObject *gradient = gradient_of(node);
    return gradient ? ((Node *)gradient)->data : node->grad;
}

static inline PyObject *label_of(Node *node) { return has_block(node) ? node->block->label : NULL; }

/* Slabs. */

static void put_first(State *state, Slab *slab)
{
    slab->previous = NULL;
    slab->next = state->slab;
    if (slab->next != NULL) {
        slab->next->previous = slab;
    }
    state->slab = slab;
}

static void take_out(State *state, Slab *slab)
{
    if (slab->next != NULL) {
        slab->next->previous = slab->previous;
    }
    *(slab->previous ? &slab->previous->next : &state->slab) = slab->next;
}

static int new_slab(State *state)
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
    slab->room &= slab->room - 1;
    if (slab->room == 0) {
        take_out(state, slab);
    }
    return node;
}

/* Without a state, when all that belongs to the interpreter is gone, slabs are in no list. */
static void leave_cell(State *state, Node *node)
{
    Cell *first = (Cell *)((char *)node - offsetof(Cell, node)) - (node->place - 1);
    Slab *slab = (Slab *)((char *)first - offsetof(Slab, cell));
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

/* Birth. */

static inline void make_leaf(Node *node)
{
    node->op = 0;
    node->kind[0] = node->kind[1] = ABSENT;
}

static inline Node *new_node(State *state)
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
    node->tracked = node->closed = node->seen = false;
    node->weakrefs = NULL;
    make_leaf(node);
    return node;
}

/* The collector. Operands are older than their results and never change, so a cycle needs a
   reference that was set later: a gradient, a label that is no string, an attribute of a subclass.
   Nodes that can be on no cycle are hidden from the collector, which would otherwise spend more
   time on a graph than the arithmetic does:

   - subclasses and nodes with such a label are tracked, and so is what is computed from them;
   - where a value becomes a gradient, everything that can be reached from it is tracked. */

static inline void track(Node *node)
{
    if (!node->tracked) {
        node->tracked = true;
        PyObject_GC_Track(node);
    }
}

/* Show the node to the collector if it sees an operand. That comes last, when the node is complete:
   whoever asks the collector for its objects can do anything with them. */
static void track_like_operands(Node *node)
{
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of(node, &edge, &kind);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (kind[i] >= VALUE && edge[i].value->tracked) {
            track(node);
        }
    }
}

/* A stack of nodes, on the C stack while it is small. */
typedef struct {
    Node **item;
    size_t n, room;
    Node *few[64];
} Stack;

static inline void stack_init(Stack *stack)
{
    stack->item = stack->few;
    stack->n = 0;
    stack->room = sizeof(stack->few) / sizeof(stack->few[0]);
}

static inline void stack_free(Stack *stack)
{
    if (stack->item != stack->few) {
        PyMem_Free(stack->item);
    }
}

static int stack_grow(Stack *stack, size_t more)
{
    size_t room = 2 * stack->room + more;
    Node **few = stack->item == stack->few ? NULL : stack->item;
    Node **item = PyMem_Realloc(few, room * sizeof(Node *));
    if (item == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (few == NULL) {
        memcpy(item, stack->few, stack->n * sizeof(Node *));
    }
    stack->item = item;
    stack->room = room;
    return 0;
}

static inline int stack_reserve(Stack *stack, size_t more)
{
    return stack->room - stack->n >= more ? 0 : stack_grow(stack, more);
}

static inline void stack_push(Stack *stack, Node *node) { stack->item[stack->n++] = node; }

static int track_all_below(Node *node)
{
    Stack todo;
    stack_init(&todo);
    stack_push(&todo, node);
    while (todo.n > 0) {
        node = todo.item[--todo.n];
        if (node->closed) {
            continue;
        }
        Edge *edge;
        Kind *kind;
        Py_ssize_t n = edges_of(node, &edge, &kind);
        if (stack_reserve(&todo, (size_t)n + 1) < 0) {
            stack_free(&todo);
            return -1;
        }
        node->closed = true;
        track(node);
        for (Py_ssize_t i = 0; i < n; i++) {
            if (kind[i] >= VALUE) {
                stack_push(&todo, edge[i].value);
            }
        }
        if (gradient_of(node) != NULL) {
            stack_push(&todo, (Node *)gradient_of(node));
        }
    }
    stack_free(&todo);
    return 0;
}

static int value_traverse(PyObject *self, visitproc visit, void *arg)
{
    Node *node = (Node *)self;
    Edge *edge;
    Kind *kind;
    Py_ssize_t n = edges_of(node, &edge, &kind);
    Py_VISIT(Py_TYPE(self));
    for (Py_ssize_t i = 0; i < n; i++) {
        if (kind[i] >= VALUE) {
            Py_VISIT(edge[i].value);
        }
    }
    if (has_block(node)) {
        Py_VISIT(node->block->gradient);
        Py_VISIT(node->block->label);
    }
    return 0;
}

/* Operands stay: every cycle has one of these references. */
static int value_clear(PyObject *self)
{
    Node *node = (Node *)self;
    if (has_block(node)) {
        Py_CLEAR(node->block->gradient);
        Py_CLEAR(node->block->label);
    }
    return 0;
}

/* Death. */

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

#endif
