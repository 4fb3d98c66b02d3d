/* The kernel: native code with the way in and out.

   A *plan* is what a kernel knows of a structure, the arguments or the result: a list of
   *parts*, each container before what is in it. */

#ifndef MICROGRAD_GD_KERNEL_H
#define MICROGRAD_GD_KERNEL_H

#include "tape/tape.h"

typedef struct {
    int kind;         /* PART_NUMBER and the like */
    bool all_numbers; /* a list or a tuple that holds nothing else */
    Py_ssize_t n;     /* how many parts, or numbers of an array, are in it */
    int axis;         /* 1 + that of an array whose first length is open; of its numbers, a row's
                         are counted */
    PyObject *what;   /* a dict's keys; an array's shape; what is called with a list of the parts */
} Part;

typedef struct {
    Part *part;
    Py_ssize_t parts;
    Py_ssize_t numbers;  /* outside of arrays */
    Py_ssize_t elements; /* inside of them */
    Py_ssize_t arrays;
    Py_ssize_t open; /* of these have an open length */
    int axes;
    bool is_usual; /* without PART_OTHER */
} Plan;

/* Numbers of the result, side by side, in which 0.0 stands for -0.0. */
typedef struct {
    int buffer, offset, count;
    int checked; /* whether they may be nan */
    int axis; /* 1 + that of the array, if there are as many rows as that has lanes; 0 */
    Py_ssize_t row_size;
} Derivatives;

/* An open length that is that of another axis but for so many rows. */
typedef struct {
    int axis, of;
    Py_ssize_t by;
} Cut;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    Plan arguments; /* a tuple of them */
    Plan result;
    PyObject *held; /* a tuple of arrays: the last of the arguments */
    Cut cut[MOST_LENGTHS];
    int cuts;
    PyObject *captured; /* a tuple of values whose numbers go in behind those of the arguments */
    PyObject *array_type, *float_type, *empty; /* of NumPy, or NULL */
    PyObject *code;   /* what the address below belongs to, a Tape or anything */
    NativeCode native; /* NULL: the code is a Tape */
    double *v;        /* memory to work in; of a tape, the constants come first */
    Py_ssize_t room;  /* in there, beside what is kept for each sample of an open length */
    Py_ssize_t kept[MOST_LENGTHS]; /* numbers for each of these */
    Py_ssize_t size;  /* of that memory */
    bool running;     /* that memory is in use, and another call needs its own */
    double seconds;   /* the shortest time that the code ran for, a row of the open lengths */
    Py_ssize_t runs;
    Derivatives *run;
    int32_t doubt; /* the guard that fails where one that is checked is nan */
    PyObject *watch; /* what has to be as it was; NULL for nothing */
    Py_ssize_t patience; /* calls until this kernel asks to be replaced; negative: it never does */
} Kernel;

/* What one call works with. */
typedef struct {
    double *number;   /* of buffer 0 of the arguments, then of the result */
    PyObject **array; /* of the arguments, then of the result */
    Py_buffer *view;  /* of these arrays */
    Py_ssize_t views; /* that are to be released */
    const double **x;
    double **y;
    Py_ssize_t length[MOST_LENGTHS]; /* of the axes; 0 is not known yet */
} Call;

enum { ENOUGH = 256, DEEPEST_STRUCTURE = 1000 };

static PyObject *not_for_us(void) { return Py_NewRef(Py_NotImplemented); }

#endif
