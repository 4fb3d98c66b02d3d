"""The rules of the table's rows in C: their values, and their partials on floats and over values.

Each expression is computed in C in the order in which Python computes it, so that the bits are
equal.
"""

import ast
import re

from micrograd_gd.core.native.formulas import write_formulas
from micrograd_gd.core.native.generate.postfix import write_steps
from micrograd_gd.core.native.generate.text import write_string
from micrograd_gd.table.c_text import c_expression, condition, word
from micrograd_gd.table.ops import Operation


def write_rules(rows: list[Operation]) -> str:
    """The file `rules.c`: functions that compute, and the array of rows that holds them."""
    ahead = [f"{_declare(row)};" for row in rows if not row.folds]
    functions = [
        _write_fold(row) if row.folds else _write_value(row) + _write_rule(row) for row in rows
    ]
    numbers = {row.name: number for number, row in enumerate(rows, 1)}
    partials = [_write_partials(row, numbers) for row in rows]
    entries = [_write_entry(row) for row in rows]
    table = _ROWS.format("\n".join(entries))
    includes = '#include "ieee.h"\n#include "record/record.h"\n'
    return "\n".join([includes, *ahead, "", *functions, *partials, table])


def _declare(row: Operation) -> str:
    arguments = ", ".join(f"double _{letter}" for letter in row.operands)
    return f"IN_PLACE double value_{word(row)}({arguments})"


def _write_value(row: Operation) -> str:
    text = c_expression(row.tree(row.value))
    unused = [letter for letter in row.operands if not re.search(rf"\b_{letter}\b", text)]
    unread = "".join(f"(void)_{letter}; " for letter in unused)
    return f"""
/* {row!r} = {row.value} */
{_declare(row)} {{ {unread}return {text}; }}
"""


def _write_rule(row: Operation) -> str:
    arguments = ", ".join(f"_{letter}" for letter in row.operands)
    letters = ", ".join(f"_{letter} = x[{i}]" for i, letter in enumerate(row.operands))
    partials = [
        f"    if ({_write_active(row, i)}) {{\n{_write_flow(row.tree(partial), i, 2)}    }}\n"
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


def _write_active(row: Operation, i: int) -> str:
    """A condition in C: operand i is a value, and no plain number makes the result a constant."""
    fixing = [f" && !(kind[{j}] == NUMBER && x[{j}] == {x!r})" for j, x in row.fixing if j != i]
    return f"kind[{i}] == VALUE{''.join(fixing)}"


def _write_flow(tree: ast.expr, i: int, depth: int) -> str:
    """C that stores a partial, unless it is None: then no derivative flows."""
    indent = "    " * depth
    if isinstance(tree, ast.Constant) and tree.value is None:
        return f"{indent}/* no path */\n"
    if isinstance(tree, ast.IfExp) and "None" in ast.unparse(tree):
        return (
            f"{indent}if ({condition(tree.test)}) {{\n{_write_flow(tree.body, i, depth + 1)}"
            f"{indent}}} else {{\n{_write_flow(tree.orelse, i, depth + 1)}{indent}}}\n"
        )
    return f"{indent}edge[{i}].partial = {c_expression(tree)};\n{indent}kind[{i}] = FLOWS;\n"


def _write_fold(row: Operation) -> str:
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


def _write_partials(row: Operation, numbers: dict[str, int]) -> str:
    """The partials over values: an array of steps for each, and the array of these arrays."""
    arrays = [
        f"static const Step {_name_array(row, x)}[] = {{{write_steps(row, formula, numbers)}}};"
        for x, formula in zip(row.operands, row.partials, strict=True)
    ]
    names = ", ".join(_name_array(row, x) for x in row.operands)
    return "\n".join([*arrays, f"static const Step *const partials_{word(row)}[] = {{{names}}};"])


def _name_array(row: Operation, letter: str) -> str:
    return f"partial_{word(row)}_along_{letter}"


def _write_entry(row: Operation) -> str:
    groups = len(row.operands) - 1 if row.folds else 0
    defaults = ", ".join(map(repr, row.defaults)) or "0"
    name, formulas = write_string(row.name), write_string(write_formulas(row))
    return (
        f"    {{{name}, {formulas}, {len(row.operands)}, {groups}, {len(row.defaults)}, "
        f"(const double[]){{{defaults}}}, rule_{word(row)}, partials_{word(row)}}},"
    )


_PARAMETERS = "Py_ssize_t n, const double *x, Edge *edge, Kind *kind"

_ROWS = """
static const Row ROWS[ROW_COUNT] = {{
    {{"leaf", "", 0, 0, 0, NULL, NULL, NULL}},
{}
}};
"""
