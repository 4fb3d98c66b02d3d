"""The table in JavaScript: the functions of its rows, and what these call of `ieee.js`."""

import ast
import json
import re
from functools import cache
from importlib import resources

from micrograd_gd.table import quantiles
from micrograd_gd.table.c_text import c_expression, condition, word
from micrograd_gd.table.operation import Formula, Operation


def write_value(row: Operation) -> str:
    """The function that computes a row.

    >>> from micrograd_gd.table.ops import OPERATIONS
    >>> write_value(OPERATIONS["relu"])
    'function value_relu(_x) { return ((_x <= 0.0) ? 0.0 : _x); }'
    """
    parameters = ", ".join([f"_{x}" for x in row.operands])
    body = c_expression(row.tree(row.value))
    return f"function value_{word(row)}({parameters}) {{ return {body}; }}"


def write_partial(row: Operation, formula: Formula) -> str:
    """The function of the operands and the result that computes a partial; null is no path.

    >>> from micrograd_gd.table.ops import OPERATIONS
    >>> relu = OPERATIONS["relu"]
    >>> write_partial(relu, relu.partials[0])
    '(_x, _y) => ((_x <= 0.0) ? null : ((_x > 0.0) ? 1.0 : ieee_exp(_x)))'
    """
    parameters = ", ".join([f"_{x}" for x in (*row.operands, "y")])
    return f"({parameters}) => {_write_flow(row.tree(formula))}"


def _write_flow(tree: ast.expr) -> str:
    match tree:
        case ast.Constant(value=None):
            return "null"
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return f"({condition(test)} ? {_write_flow(body)} : {_write_flow(orelse)})"
        case _:
            return c_expression(tree)


def write_library(text: str) -> str:
    """The parts of `ieee.js` that a text calls, and those that these call."""
    parts, needed, unread = _parts(), set[str](), [text]
    while unread:
        called = parts.keys() & {*re.findall(r"\w+", unread.pop())} - needed
        needed |= called
        unread += [parts[name] for name in called]
    return "".join([f"{part}\n\n" for name, part in parts.items() if name in needed])


@cache
def _parts() -> dict[str, str]:
    """What stands between the empty lines of `ieee.js`, by the names that are defined there.

    The many coefficients of quantiles are taken from where Python has them.
    """
    source = resources.files("micrograd_gd.table") / "ieee.js"
    _, *parts = source.read_text(encoding="utf-8").strip().split("\n\n")
    for name in ("MIDDLE", "NEAR", "TAIL", "FAR"):
        parts.insert(0, f"const QUANTILE_{name} = {json.dumps(getattr(quantiles, name))};")
    return {re.findall(r"^(?:const|function) (\w+)", x, re.MULTILINE)[0]: x for x in parts}
