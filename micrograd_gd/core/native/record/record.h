/* The row: an operation of the table as the generator compiles it.

   A row's *rule* computes the result and the partials on floats. Over values, each partial is a
   list of *steps* for a stack machine, which generate/postfix.py explains. */

#ifndef MICROGRAD_GD_RECORD_H
#define MICROGRAD_GD_RECORD_H

#include "node/node.h"
#include "numbers.h" /* generated: what C and Python must agree on */

/* The result of `n` operands `x`. Where an operand is a VALUE and a derivative flows to it, the
   rule stores the partial and makes the kind FLOWS. */
typedef double (*Rule)(Py_ssize_t n, const double *x, Edge *edge, Kind *kind);

typedef struct {
    uint8_t kind;
    uint8_t count;  /* of operands that an operation takes */
    uint16_t which; /* operand, operation, relation or step */
    double number;
} Step;

typedef struct {
    const char *name;
    const char *formulas;
    Py_ssize_t arity;
    Py_ssize_t groups; /* of a row that folds: how many operands one step takes; else 0 */
    Py_ssize_t default_count;
    const double *defaults;
    Rule rule;
    const Step *const *partials; /* over values */
} Row;

#endif
