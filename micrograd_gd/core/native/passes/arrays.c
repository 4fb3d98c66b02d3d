/* Arrays of integers that grow, and hash tables from 64 bits to 32.

   A table has a power of two of places, at most half of them taken. A key that finds its place
   taken goes on to the next. An item of -1 marks a free place. `ints_reserve` makes room and can
   fail; `ints_push` needs room that is there. */

#include "passes/passes.h"

static int ints_reserve(Ints *ints, size_t more)
{
    if (ints->room - ints->n < more) {
        size_t room = 2 * ints->room + more + 64;
        int32_t *item = PyMem_Realloc(ints->item, room * sizeof(int32_t));
        if (item == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        ints->item = item;
        ints->room = room;
    }
    return 0;
}

static inline void ints_push(Ints *ints, int32_t item) { ints->item[ints->n++] = item; }

static inline size_t mix(uint64_t key)
{
    key *= 0x9E3779B97F4A7C15u;
    return (size_t)(key ^ (key >> 32));
}

static int table_grow(Table *table, size_t room)
{
    Table bigger = {.mask = room - 1};
    bigger.key = PyMem_Malloc(room * sizeof(uint64_t));
    bigger.item = PyMem_Malloc(room * sizeof(int32_t));
    if (bigger.key == NULL || bigger.item == NULL) {
        PyMem_Free(bigger.key);
        PyMem_Free(bigger.item);
        PyErr_NoMemory();
        return -1;
    }
    memset(bigger.item, -1, room * sizeof(int32_t));
    for (size_t i = 0; table->item != NULL && i <= table->mask; i++) {
        if (table->item[i] >= 0) {
            size_t place = mix(table->key[i]) & bigger.mask;
            while (bigger.item[place] >= 0) {
                place = (place + 1) & bigger.mask;
            }
            bigger.key[place] = table->key[i];
            bigger.item[place] = table->item[i];
            bigger.n += 1;
        }
    }
    PyMem_Free(table->key);
    PyMem_Free(table->item);
    *table = bigger;
    return 0;
}

/* The item of the key, or -1. */
static inline int32_t table_get(const Table *table, uint64_t key)
{
    size_t place = mix(key) & table->mask;
    while (table->item[place] >= 0 && table->key[place] != key) {
        place = (place + 1) & table->mask;
    }
    return table->item[place];
}

/* The item of the key, which is `item` from now on if it had none; -1 with an error set. */
static inline int32_t table_set_default(Table *table, uint64_t key, int32_t item)
{
    if (2 * table->n >= table->mask && table_grow(table, 2 * (table->mask + 1)) < 0) {
        return -1;
    }
    size_t place = mix(key) & table->mask;
    while (table->item[place] >= 0 && table->key[place] != key) {
        place = (place + 1) & table->mask;
    }
    if (table->item[place] < 0) {
        table->key[place] = key;
        table->item[place] = item;
        table->n += 1;
    }
    return table->item[place];
}
