"""JavaScript run by V8, and how far its numbers may be from Python's."""

import contextlib
import json
import math
import struct

import py_mini_racer

from micrograd_gd import Value
from micrograd_gd.core import sweep
from micrograd_gd.table import expression
from micrograd_gd.table.js_text import write_library, write_partial, write_value
from micrograd_gd.table.ops import OPERATIONS

# JSON knows neither inf nor nan nor the sign of zero.
_PRINTING = """
const print = (x) => x === null ? "None" : Object.is(x, -0) ? "-0.0"
    : Math.abs(x) === Infinity ? (x < 0 ? "-inf" : "inf") : String(x).toLowerCase();
const printAll = (rows) => JSON.stringify(rows.map((row) => [...row].map(print)));
"""


@contextlib.contextmanager
def start(*sources):
    """V8, in which the sources were run."""
    with contextlib.closing(py_mini_racer.MiniRacer()) as context:
        for source in [_PRINTING, *sources]:
            context.eval(source)
        yield context


def run(context, rows):
    """The rows of numbers that an expression gives; None is null."""
    printed = json.loads(context.eval(f"printAll({rows})"))
    return [[None if x == "None" else float(x) for x in row] for row in printed]


def write(x):
    """A float, or a nested list of them, in JavaScript."""
    if isinstance(x, list | tuple):
        return f"[{', '.join(map(write, x))}]"
    return repr(x).replace("inf", "Infinity").replace("nan", "NaN")


def table():
    """The rows of the table: `rows.name(operands)` is the value, followed by the partials."""
    rows = OPERATIONS.values()
    values = "\n".join(map(write_value, rows))
    entries = []
    for row in rows:
        partials = [f"({write_partial(row, p)})(...x, y)" for p in row.partials]
        results = ", ".join(["y", *partials])
        compute = f"const y = value_{row.name}(...x); return [{results}];"
        entries.append(f"{row.name}: (x) => {{ {compute} }}")
    listed = ",\n".join(entries)
    text = f"{values}\nconst rows = {{\n{listed}\n}};"
    return write_library(text) + text


# How far apart they are.


def ulps(a, b):
    """How many floats lie between two, inf being one beyond the largest; a zero has its sign."""
    if a is None or b is None or a != a or b != b:
        return 0 if a is b or (a is not None and b is not None and a != a and b != b) else math.inf
    if a == b == 0:
        return 0 if math.copysign(1, a) == math.copysign(1, b) else math.inf
    return abs(_count(a) - _count(b))


def _count(x):
    (n,) = struct.unpack("<q", struct.pack("<d", abs(x)))
    return n if x > 0 else -n


def is_near(ours, theirs, recorded):
    """Whether a number of JavaScript is Python's but for what its functions explain."""
    if ulps(ours, theirs) <= 2 * has_functions(recorded):
        return True
    if None in (ours, theirs):
        return False
    nodes = recorded.nodes() if isinstance(recorded, Value) else ()
    if math.isfinite(ours) and math.isfinite(theirs):
        bound = allowance(recorded)
        if math.isnan(bound) or abs(ours - theirs) <= bound:
            return True
    return any(_is_lost(node) or _may_jump(node) for node in nodes)


def _is_lost(node):
    """Whether nothing is known of a number, as of sin(sinh(40)), so that others may be nan."""
    bound = allowance(node)
    return bound > 0 and math.isfinite(node.data) and bound >= abs(node.data)


def _may_jump(node):
    """Whether it is a step, such as floor(exp(x)), beside which its operand may be."""
    if node.op is None or not (node.op.kinks and node.op.convention):
        return False
    numbers = [getattr(x, "data", x) for x in node.operands]
    for i, operand in enumerate(node.operands):
        for shift in (allowance(operand), -allowance(operand)):
            moved = [*numbers[:i], numbers[i] + shift, *numbers[i + 1 :]]
            if shift and abs(node.op(*moved) - node.data) > 16 * abs(shift):
                return True
            if shift and "flat" in node.op.properties and node.op(*moved) != node.data:
                return True
    return False


# By how many ulps a function of V8 may differ from the C library, which is not exact either: most
# is a single one. Where terms of size 1 and more cancel, an ulp is one of those terms.
_ULPS = {"cbrt": 4, "erfc": 5, "erfcx": 8, "erfcx_derivative": 16, "tanh": 4}
_ULPS |= {"ndtri": 8, "erfinv": 8, "gamma": 32}
_CANCEL = {"lgamma", "digamma", "polygamma", "sinc_derivative", "sinc"}


def allowance(result):
    """How far a recorded result may be off: its steps' differences, each times its adjoint."""
    if not has_functions(result):
        return 0.0
    return math.fsum(
        abs(adjoint) * _step(node) for node, adjoint in sweep.adjoints(result).items() if node.op
    )


def has_functions(result):
    """Whether anything but + - * / and the square root, which are exact, is on the way."""
    nodes = result.nodes() if isinstance(result, Value) else ()
    return any(_called(node.op) for node in nodes if node.op)


def _step(node):
    row, y = node.op, node.data
    if row.name in _called(row):
        return _ULPS.get(row.name, 2) * math.ulp(max(abs(y), 4.0 * (row.name in _CANCEL)))
    if not _called(row) or row.folds:
        return len(node.operands) / 2 * math.ulp(y)  # other operands round otherwise
    operands = [getattr(operand, "data", operand) for operand in node.operands]
    return max(2 * math.ulp(y), allowance(record(row, row.value, *operands)))


def _called(row):
    """The functions that a row's value calls, and the rows that it calls."""
    tree = expression.on_values(row.tree(row.value))
    return expression.calls(tree).keys() - _EXACT


_EXACT = {"abs", "ceil", "div", "floor", "floordiv", "fmod", "mod", "round", "sign", "sqrt"}


def record(row, formula, *operands, y=None):
    """A formula of the table as a graph."""
    names = (*row.operands, "y")
    body = expression.on_values(row.tree(formula))
    function = expression.function(names, body, dict(OPERATIONS))
    return function(*map(Value, operands), None if y is None else y)
