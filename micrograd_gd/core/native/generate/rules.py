"""Write the C code of every row of the table: its value, its partials, its methods.

Run at build time, `python rules.py FOLDER`; it writes `rules.c`, `row_methods.c` and `tape_rows.h`
there. Each expression is computed in C in the order in which Python computes it, so that the bits
are equal.
"""

import ast
import re
import sys
from pathlib import Path

from micrograd_gd.core.native.generate import postfix
from micrograd_gd.core.native.generate.tape import tape_rows
from micrograd_gd.core.native.methods import formulas
from micrograd_gd.table.c_text import c_expression, condition, listed, word
from micrograd_gd.table.ops import OPERATIONS, Operation

# The special methods of Python that are slots of a C type: the slot, and whether it is pow's, with
# a third operand.
SLOTS = {
    "add": "nb_add", "sub": "nb_subtract", "mul": "nb_multiply", "truediv": "nb_true_divide",
    "floordiv": "nb_floor_divide", "mod": "nb_remainder", "divmod": "nb_divmod",
    "matmul": "nb_matrix_multiply", "and": "nb_and", "or": "nb_or", "xor": "nb_xor",
    "lshift": "nb_lshift", "rshift": "nb_rshift", "pow": "nb_power", "neg": "nb_negative",
    "pos": "nb_positive", "abs": "nb_absolute", "invert": "nb_invert",
}  # fmt: skip
WITH_MODULUS = {"nb_power"}


def main(folder: Path) -> None:
    """Write the files into the folder."""
    rows = [row for row in OPERATIONS.values() if isinstance(row.value, str)]
    slopes = [row.slope(i) for row in rows for i, _ in enumerate(row.operands)]
    computed = [*rows, *(slope for slope in slopes if slope)]
    (folder / "rules.c").write_text(rules(computed))
    (folder / "row_methods.c").write_text(methods(rows))
    (folder / "tape_rows.h").write_text(tape_rows(computed))


def rules(rows: list[Operation]) -> str:
    """The C functions that compute, and the array of rows that holds them."""
    ahead = [f"{_signature(row)};" for row in rows if not row.folds]
    functions = [_fold(row) if row.folds else _value(row) + _rule(row) for row in rows]
    numbers = {row.name: number for number, row in enumerate(rows, 1)}
    partials = [_written_out(row, numbers) for row in rows]
    entries = [_entry(row) for row in rows]
    table = _ROWS.format("\n".join(entries))
    return "\n".join([_RULES_HEAD, *ahead, "", *functions, *partials, table])


def methods(rows: list[Operation]) -> str:
    """The C functions that record, and the lists of them that the type takes."""
    functions, entries, slots = [], [], []
    for number, row in enumerate(rows, 1):
        function = f"record_{row.name}"
        operator = f"{function}_operator" if _shape(row) < 3 else function
        functions.append(_RECORD[_shape(row)].format(function, number, f"rule_{row.name}"))
        named = dict.fromkeys([row.name, *row.aliases], function)
        slot = SLOTS.get(row.method)
        if slot in WITH_MODULUS:
            functions.append(_WITH_MODULUS.format(operator))
            slots.append(f"{{Py_{slot}, (void *){operator}_modulo}},")
        elif slot:
            slots.append(f"{{Py_{slot}, (void *){operator}}},")
        elif row.method:
            named[f"__{row.method}__"] = operator if _shape(row) == 2 else function
        entries += [
            _METHOD[_shape(row)].format(name, by, _text(row.doc)) for name, by in named.items()
        ]
    return "\n".join(
        [_METHODS_HEAD, *functions, listed("ROW_METHODS", entries), listed("ROW_SLOTS", slots)]
    )


def _shape(row: Operation) -> int:
    """How the method takes its operands: 1 none, 2 one besides itself, 3 any, by name too."""
    return 3 if row.folds or row.defaults else min(len(row.operands), 3)


# Functions.


def _signature(row: Operation) -> str:
    arguments = ", ".join(f"double _{letter}" for letter in row.operands)
    return f"static inline double value_{word(row)}({arguments})"


def _value(row: Operation) -> str:
    text = c_expression(row.tree(row.value))
    unused = [letter for letter in row.operands if not re.search(rf"\b_{letter}\b", text)]
    unread = "".join(f"(void)_{letter}; " for letter in unused)
    return f"""
/* {row!r} = {row.value} */
{_signature(row)} {{ {unread}return {text}; }}
"""


def _rule(row: Operation) -> str:
    arguments = ", ".join(f"_{letter}" for letter in row.operands)
    letters = ", ".join(f"_{letter} = x[{i}]" for i, letter in enumerate(row.operands))
    partials = [
        f"    if (kind[{i}] == VALUE) {{\n{_flow(row.tree(partial), i, 2)}    }}\n"
        for i, partial in enumerate(row.partials)
    ]
    is_slope = "y" in row.operands  # it takes the row's result, and has no derivative
    y = f"value_{word(row)}({arguments})"
    rest = f"    return {y};" if is_slope else f"    const double _y = {y};\n{''.join(partials)}"
    return f"""
static double rule_{word(row)}({_PARAMETERS})
{{
    (void)n, (void)edge, (void)kind;
    const double {letters};
{rest}{"" if is_slope else "    return _y;"}
}}
"""


def _flow(tree: ast.expr, i: int, depth: int) -> str:
    """C that stores a partial, unless it is None: then no derivative flows."""
    indent = "    " * depth
    if isinstance(tree, ast.Constant) and tree.value is None:
        return f"{indent}/* no path */\n"
    if isinstance(tree, ast.IfExp) and "None" in ast.unparse(tree):
        return (
            f"{indent}if ({condition(tree.test)}) {{\n{_flow(tree.body, i, depth + 1)}"
            f"{indent}}} else {{\n{_flow(tree.orelse, i, depth + 1)}{indent}}}\n"
        )
    return f"{indent}edge[{i}].partial = {c_expression(tree)};\n{indent}kind[{i}] = FLOWS;\n"


def _fold(row: Operation) -> str:
    total, *groups = row.operands
    take = "".join(
        f"        const double _{letter} = x[1 + {g} * steps + i];\n        (void)_{letter};\n"
        for g, letter in enumerate(groups)
    )
    partials = "".join(
        f"        if (kind[1 + {g} * steps + i] == VALUE) {{\n"
        f"            edge[1 + {g} * steps + i].partial = {c_expression(row.tree(partial))};\n"
        f"            kind[1 + {g} * steps + i] = FLOWS;\n        }}\n"
        for g, partial in enumerate(row.partials[1:])
    )
    return f"""
/* {row!r}: {total} = {row.value}, for every {", ".join(groups)} */
static double rule_{row.name}({_PARAMETERS})
{{
    const Py_ssize_t steps = (n - 1) / {len(groups)};
    double _{total} = x[0];
    for (Py_ssize_t i = 0; i < steps; i++) {{
{take}        _{total} = {c_expression(row.tree(row.value))};
    }}
    if (kind[0] == VALUE) {{
        edge[0].partial = 1.0;
        kind[0] = FLOWS;
    }}
    for (Py_ssize_t i = 0; i < steps; i++) {{
{take}{partials}    }}
    return _{total};
}}
"""


def _written_out(row: Operation, numbers: dict[str, int]) -> str:
    """The partials over values: an array of steps for each, and the array of these arrays."""
    arrays = [
        f"static const Step {_array(row, letter)}[] = {{{postfix.steps(row, formula, numbers)}}};"
        for letter, formula in zip(row.operands, row.partials, strict=True)
    ]
    names = ", ".join(_array(row, letter) for letter in row.operands)
    return "\n".join([*arrays, f"static const Step *const partials_{word(row)}[] = {{{names}}};"])


def _array(row: Operation, letter: str) -> str:
    return f"partial_{word(row)}_along_{letter}"


def _entry(row: Operation) -> str:
    groups = len(row.operands) - 1 if row.folds else 0
    defaults = [repr(default) for default in row.defaults]
    return (
        f"    {{{_text(row.name)}, {_text(formulas(row))}, {len(row.operands)}, {groups}, "
        f"{len(defaults)}, (const double[]){{{', '.join(defaults) or 0}}}, rule_{word(row)}, "
        f"partials_{word(row)}}},"
    )


def _text(text: str) -> str:
    """A C string."""
    plain = set(range(32, 127)) - set(b'"\\?')
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode()) + '"'


_PARAMETERS = "Py_ssize_t n, const double *x, Edge *edge, Kind *kind"

_RULES_HEAD = f"""\
/* Generated by generate/rules.py from the table of operations. */

#include "ieee.h"
#include "record/record.h"

/* A partial over values is a list of steps for a stack, which postfix.py explains. */
enum {{ {", ".join(postfix.KINDS)} }};
enum {{ DEEPEST = {postfix.DEEPEST}, MOST_TAKEN = {postfix.MOST_TAKEN} }};
"""

_ROWS = """
static const Row ROWS[] = {{
    {{"leaf", "", 0, 0, 0, NULL, NULL, NULL}},
{}
}};

enum {{ ROW_COUNT = sizeof(ROWS) / sizeof(ROWS[0]) }};
"""

_METHODS_HEAD = """\
/* Generated by generate/rules.py from the table of operations. */

"""

_RECORD = {
    1: """\
static PyObject *{0}(PyObject *x, PyObject *Py_UNUSED(none))
{{
    return record_unary(x, {1}, {2});
}}
static inline PyObject *{0}_operator(PyObject *x) {{ return {0}(x, NULL); }}
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
    1: '{{"{0}", {1}, METH_NOARGS, {2}}},',
    2: '{{"{0}", {1}, METH_O, {2}}},',
    3: '{{"{0}", (PyCFunction)(void (*)(void)){1}, METH_FASTCALL | METH_KEYWORDS, {2}}},',
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
