/* A stack of nodes that grows: what a walk has yet to visit, or has visited.

   It lies on the C stack while it holds up to 64 nodes. `stack_reserve` makes room and can fail;
   `stack_push` needs room that is there. Nodes on a stack are not held: see `hold` in
   sweep/walk.c. */

#include "node/node.h"

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
