/* The node: how a `Value` lies in memory.

   A node is 80 bytes, and 96 with the collector's header: a number, a gradient, the number of
   its operation, and up to two operands. An *edge* is one operand with its partial, and its
   *kind* says what the operand is. Whatever does not fit, more than two operands, a label, a
   gradient that is a graph of its own, moves into a *block* beside the node. Memory for nodes
   comes in *slabs*. */

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
#ifndef Py_T_PYSSIZET /* new in 3.12 */
#include <structmember.h>
#define Py_T_BOOL T_BOOL
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_READONLY READONLY
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
    bool reached : 1; /* by the sweep that is under way */
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
   before died: so neighbors were born one after the other, and what walks and deaths come to next
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
    uint64_t era;          /* the latest in which a node was born here; see core/eras.py */
    Slab *previous, *next; /* among those with room */
    Cell cell[64];
};

static inline Slab *slab_of(Node *node)
{
    Cell *first = (Cell *)((char *)node - offsetof(Cell, node)) - (node->place - 1);
    return (Slab *)((char *)first - offsetof(Slab, cell));
}

/* Whether it may have been born in that era or later. */
static inline bool may_be_since(Node *node, uint64_t era)
{
    return node->place == 0 || slab_of(node)->era >= era;
}

/* Ask for one that was born a little earlier: walks and deaths go from the young to the old. */
#define PREFETCH_EARLIER(node) PREFETCH((uintptr_t)(node) - 8 * sizeof(Cell))

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



#endif
