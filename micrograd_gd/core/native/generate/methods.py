"""The methods of `Value` that record the rows of the table, in C."""

from micrograd_gd.core.native.generate.text import write_macro
from micrograd_gd.table.ops import Operation

# The special methods of Python that are slots of a C type.
SLOTS = {
    "add": "nb_add", "sub": "nb_subtract", "mul": "nb_multiply", "truediv": "nb_true_divide",
    "floordiv": "nb_floor_divide", "mod": "nb_remainder", "divmod": "nb_divmod",
    "matmul": "nb_matrix_multiply", "and": "nb_and", "or": "nb_or", "xor": "nb_xor",
    "lshift": "nb_lshift", "rshift": "nb_rshift", "pow": "nb_power", "neg": "nb_negative",
    "pos": "nb_positive", "abs": "nb_absolute", "invert": "nb_invert",
}  # fmt: skip
WITH_MODULUS = {"nb_power"}  # slots with a third operand


def write_methods(rows: list[Operation]) -> str:
    """The file `row_methods.c`: functions that record, and lists of them for the type."""
    functions, entries, slots = [], [], []
    for number, row in enumerate(rows, 1):
        if row.is_internal:
            continue
        shape, function = _choose_shape(row), f"record_{row.name}"
        operator = f"{function}_operator" if shape < 3 else function
        functions.append(_RECORD[shape].format(function, number, f"rule_{row.name}"))
        named = dict.fromkeys([row.name, *row.aliases], function)
        slot = SLOTS.get(row.method)
        if slot in WITH_MODULUS:
            functions.append(_WITH_MODULUS.format(operator))
            slots.append(f"{{Py_{slot}, (void *){operator}_modulo}},")
        elif slot:
            slots.append(f"{{Py_{slot}, (void *){operator}}},")
        elif row.method:
            named[f"__{row.method}__"] = operator if shape == 2 else function
        entries += [_METHOD[shape].format(name, by) for name, by in named.items()]
    macros = write_macro("ROW_METHODS", entries), write_macro("ROW_SLOTS", slots)
    return "\n".join([*functions, *macros])


def _choose_shape(row: Operation) -> int:
    """How the method takes its operands: 1 none, 2 one besides itself, 3 any, by name too."""
    return 3 if row.folds or row.defaults else min(len(row.operands), 3)


_RECORD = {
    1: """\
static PyObject *{0}(PyObject *x, PyObject *Py_UNUSED(none))
{{
    return record_unary(x, {1}, {2}, false);
}}
static inline PyObject *{0}_operator(PyObject *x) {{ return record_unary(x, {1}, {2}, true); }}
""",
    2: """\
static PyObject *{0}(PyObject *a, PyObject *b) {{ return record_binary(a, b, {1}, {2}, false); }}
static inline PyObject *{0}_operator(PyObject *a, PyObject *b)
{{
    return record_binary(a, b, {1}, {2}, true);
}}
""",
    3: """\
static PyObject *{0}(PyObject *x, PyObject *const *rest, Py_ssize_t n, PyObject *names)
{{
    return record_method(x, rest, n, names, {1});
}}
""",
}

_WITH_MODULUS = """\
static PyObject *{0}_modulo(PyObject *a, PyObject *b, PyObject *modulus)
{{
    return modulus == Py_None ? {0}(a, b) : Py_NewRef(Py_NotImplemented);
}}
"""

_METHOD = {
    1: '{{"{0}", {1}, METH_NOARGS, DOC_Value_{0}}},',
    2: '{{"{0}", {1}, METH_O, DOC_Value_{0}}},',
    3: '{{"{0}", (PyCFunction)(void (*)(void)){1}, METH_FASTCALL | METH_KEYWORDS, DOC_Value_{0}}},',
}
