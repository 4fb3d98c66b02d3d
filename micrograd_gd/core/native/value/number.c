/* A value as a number: comparisons, truth, conversion and text.

   Values compare as their numbers do, with a bool for an answer, and are keys as themselves.
   Open blocks hear of every comparison, for a trace is right only where it ends in the same way.
   A value is true where it differs from 0. It does not become a float or an int, since that
   would drop its gradient without a word. */

#include "node/state.h"

static PyObject *answer_of(PyObject *self, PyObject *other, int operator)
{
    State *state = state_of(self);
    double a = ((Node *)self)->data, b;
    if (is_value(state, other)) {
        b = ((Node *)other)->data;
    } else if (PyFloat_CheckExact(other)) {
        b = PyFloat_AS_DOUBLE(other);
    } else {
        PyObject *number = PyFloat_FromDouble(a);
        PyObject *answer = number ? PyObject_RichCompare(number, other, operator) : NULL;
        Py_XDECREF(number);
        return answer;
    }
    Py_RETURN_RICHCOMPARE(a, b, operator);
}

/* A number of NumPy, of float32 for example, as one of Python; NumPy would round both to float32. */
static PyObject *number_of_python(PyObject *x)
{
    PyObject *dimensions = PyObject_GetAttrString(x, "ndim");
    if (dimensions == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        return Py_NewRef(x);
    }
    if (dimensions == NULL) {
        return NULL;
    }
    int overflow;
    bool is_number =
        PyLong_CheckExact(dimensions) && PyLong_AsLongAndOverflow(dimensions, &overflow) == 0;
    Py_DECREF(dimensions);
    return is_number ? PyObject_CallMethod(x, "item", NULL) : Py_NewRef(x);
}

static PyObject *value_compare(PyObject *self, PyObject *other, int operator)
{
    static const char *const relation[] = {RELATION_TEXTS};
    State *state = state_of(self);
    bool is_plain = PyFloat_CheckExact(other) || is_value(state, other) || PyLong_CheckExact(other);
    other = is_plain ? Py_NewRef(other) : number_of_python(other);
    if (other == NULL) {
        return NULL;
    }
    PyObject *answer = answer_of(self, other, operator);
    if (answer != NULL && blocks_are_open(state)) {
        PyObject *done = PyObject_CallMethod(state->blocks, "report_comparison", "OsOO", self,
                                             relation[operator], other, answer);
        Py_SETREF(answer, done); /* a trace decides for itself where the number is one of many */
    }
    Py_DECREF(other);
    return answer;
}

/* Values are equal as numbers, and themselves as keys. */
static Py_hash_t value_hash(PyObject *self) { return PyBaseObject_Type.tp_hash(self); }

static int value_bool(PyObject *self)
{
    if (!blocks_are_open(state_of(self))) {
        return ((Node *)self)->data != 0;
    }
    PyObject *zero = PyFloat_FromDouble(0.0);
    PyObject *answer = zero ? value_compare(self, zero, Py_NE) : NULL;
    Py_XDECREF(zero);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : answer == Py_True;
}

static PyObject *refuse_conversion(PyObject *self)
{
    PyObject *args = PyTuple_Pack(1, self);
    refuse("refuse_conversion", args);
    Py_XDECREF(args);
    return NULL;
}

static PyObject *value_positive(PyObject *self) { return Py_NewRef(self); }

static PyObject *value_divmod(PyObject *a, PyObject *b)
{
    PyObject *quotient = PyNumber_FloorDivide(a, b);
    PyObject *rest = quotient ? PyNumber_Remainder(a, b) : NULL;
    PyObject *both = rest ? PyTuple_Pack(2, quotient, rest) : NULL;
    Py_XDECREF(quotient);
    Py_XDECREF(rest);
    return both;
}

/* Report to an open block that the number is written as a text. */
static int report_text(PyObject *self, const char *what)
{
    State *state = state_of(self);
    if (!blocks_are_open(state)) {
        return 0;
    }
    PyObject *done = PyObject_CallMethod(state->blocks, "report_reading", "Os", self, what);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static PyObject *value_repr(PyObject *self)
{
    if (report_text(self, "repr()") < 0) {
        return NULL;
    }
    Node *node = (Node *)self;
    PyObject *label = Py_XNewRef(label_of(node)); /* what it is asked may replace it */
    PyObject *data = PyFloat_FromDouble(node->data);
    PyObject *grad = PyFloat_FromDouble(gradient_as_number(node));
    PyObject *text = NULL;
    int has_label = label ? PyObject_IsTrue(label) : 0;
    if (data != NULL && grad != NULL && has_label >= 0) {
        text = has_label
                   ? PyUnicode_FromFormat("Value(data=%R, grad=%R, label=%R)", data, grad, label)
                   : PyUnicode_FromFormat("Value(data=%R, grad=%R)", data, grad);
    }
    Py_XDECREF(label);
    Py_XDECREF(data);
    Py_XDECREF(grad);
    return text;
}

static PyObject *value_format(PyObject *self, PyObject *spec)
{
    int written = PyObject_IsTrue(spec);
    if (written <= 0) {
        return written < 0 ? NULL : PyObject_Repr(self);
    }
    if (!PyUnicode_Check(spec)) {
        return PyErr_Format(PyExc_TypeError, "format() argument 2 must be str, not %.200s",
                            Py_TYPE(spec)->tp_name);
    }
    if (report_text(self, "format()") < 0) {
        return NULL;
    }
    PyObject *number = PyFloat_FromDouble(((Node *)self)->data);
    PyObject *text = number ? PyObject_Format(number, spec) : NULL;
    Py_XDECREF(number);
    return text;
}
