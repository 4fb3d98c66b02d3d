"""The expression that a graph computed, as text that Python reads again, or as LaTeX."""

import ast
import contextvars
import math
from collections.abc import Mapping
from typing import Any, Literal

from micrograd_gd.core import sweep
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation import latex
from micrograd_gd.notation.terms import in_lines, leaf_names
from micrograd_gd.table.numbers import shorten

__all__ = ["formula", "in_notebook", "leaf_names"]

WHOLE = 1e15  # whole numbers below are written without a point
NODES, SHOWN = 1000, 1500  # how large a graph a notebook shows, and in how many characters


def formula(
    root: Value,
    *,
    wrt: Value | None = None,
    style: Literal["text", "latex"] = "text",
    max_length: int = 4000,
) -> str:
    r"""The expression that computed `root`, or, with `wrt`, that of ∂root/∂wrt.

    The text is Python: with the names of `leaf_names` and the functions of `functional` it gives
    the number of `root` again, to the last bit. A long expression takes several lines, each but the
    last one `name = …`; beyond `max_length` characters the first lines are left out, and a remark
    says how many. A derivative is that of the branches that were taken.

    Raises ArgumentError for what is no graph or no style, GraphError for a derivative where `data`
    was changed since.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> y = (a * (b - 1)).tanh() ** 2
    >>> formula(y)
    'tanh(a * (b - 1)) ** 2'
    >>> formula(y, wrt=a)
    '2 * tanh(a * (b - 1)) * sech(a * (b - 1)) ** 2 * (b - 1)'
    >>> print(formula(a / b, style="latex"))
    \frac{a}{b}
    """
    if style not in ("text", "latex"):
        raise ArgumentError(f"style is {style!r}; expected 'text' or 'latex'")
    if not (isinstance(max_length, int) and max_length >= 1):
        raise ArgumentError(f"max_length is {max_length!r}; expected a whole number, at least 1")
    names = {leaf: name for name, leaf in leaf_names(root).items()}
    shown = root if wrt is None else _derivative(root, wrt)
    lines = [("", shown)]
    if hasattr(shown, "record"):
        lines = in_lines(shown, names, simplified=wrt is not None)
    return _joined(lines, _Text() if style == "text" else _Latex(), max_length)


def in_notebook(value: Value) -> str | None:
    r"""What a notebook shows of a value: its formula, its number and its gradient.

    A leaf without a label appears as its number. None, for "as it prints", where all fails.

    >>> print(in_notebook(Value(2.0, label="a") * Value(3.0)))
    $\displaystyle a \cdot 3 = 6, \quad \mathrm{grad} = 0$
    """
    try:
        return f"$\\displaystyle {_with_numbers(value)}$"
    except Exception:  # noqa: BLE001 — what cannot be typeset is still a value to be shown
        return None


def _with_numbers(value: Value) -> str:
    numbers = value.data, getattr(value.grad, "data", value.grad)
    data, grad = (latex.number(_rounded(x))[0] for x in numbers)
    shown = data
    if value.op is not None or value.label:
        shown = f"{_in_short(value)} = {data}"
    return rf"{shown}, \quad \mathrm{{grad}} = {grad}"


def _in_short(value: Value) -> str:
    """The formula with numbers for leaves without a label, if it is not too long to look at."""
    nodes = value.nodes()
    if len(nodes) > NODES:
        return rf"\text{{({len(nodes):,} nodes)}}"
    leaves = leaf_names(value)
    numbers = {name: _rounded(leaf.data) for name, leaf in leaves.items() if not leaf.label}
    lines = in_lines(value, {leaf: name for name, leaf in leaves.items()})
    return _joined(lines, _Latex(numbers), SHOWN)


def _derivative(root: Value, wrt: Value) -> Any:
    """∂root/∂wrt as a graph, recorded whatever blocks such as `no_grad` are open here."""
    if not hasattr(wrt, "record"):
        raise ArgumentError(f"wrt is {shorten(wrt)}; expected a Value below the root")
    outside = contextvars.Context()
    return outside.run(sweep.adjoints, root, differentiable=True).get(wrt, 0.0)


def _rounded(x: float) -> float:
    return float(f"{x:.6g}")


# Writing. The recursions go no deeper than a line is long.


class _Text:
    """Lines of Python."""

    def line(self, name: str, x: Any) -> str:
        text = ast.unparse(self.tree(x, within=False))
        return f"{name} = {text}" if name else text

    def joined(self, lines: list[str], left_out: int) -> str:
        remark = [f"# the {_lines_before(left_out)} left out"] if left_out else []
        return "\n".join([*remark, *lines])

    def cut(self, line: str, length: int) -> str:
        return f"{line[: length - 1]}…"

    def tree(self, x: Any, *, within: bool = True) -> ast.expr:
        """The syntax tree of a number or a term, `within` another one or on a line of its own."""
        if type(x) is float:
            return _constant(x)
        if x.row is None or (within and x.has_line):
            return ast.Name(x.name)
        if all(type(operand) is float for operand in x.operands):  # as floats, or ints would add up
            operands: list[ast.expr] = [_constant(operand, point=True) for operand in x.operands]
        else:
            operands = [self.tree(operand) for operand in x.operands]
        tree: ast.expr = x.row.write_call(operands)
        return tree


def _constant(x: float, *, point: bool = False) -> ast.expr:
    """A number as Python reads it; a whole one without a point, as it is mostly typed."""
    if math.copysign(1.0, x) < 0:
        return ast.UnaryOp(ast.USub(), _constant(-x, point=point or x == 0))
    if not math.isfinite(x):
        return ast.Name(repr(x))
    return ast.Constant(int(x) if x.is_integer() and x < WHOLE and not point else x)


class _Latex:
    """Lines of LaTeX, aligned where they are several."""

    def __init__(self, numbers: Mapping[str, float] | None = None) -> None:
        self.numbers = numbers or {}  # what stands in place of a name
        self.symbols: dict[str, str] = {}
        self.taken: set[str] = set()

    def line(self, name: str, x: Any) -> str:
        text, _ = self.typeset(x, within=False)
        return f"{self.symbol(name)} &= {text}" if name else text

    def joined(self, lines: list[str], left_out: int) -> str:
        if len(lines) == 1 and not left_out:
            return lines[0]
        remark = [rf"& \text{{(the {_lines_before(left_out)} left out)}}"] if left_out else []
        rows = " \\\\\n".join([*remark, *lines[:-1], f"& {lines[-1]}"])
        return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"

    def cut(self, _line: str, _length: int) -> str:
        return r"\cdots"

    def typeset(self, x: Any, *, within: bool = True) -> latex.Typeset:
        if type(x) is float:
            return latex.number(x)
        if x.name in self.numbers:
            return latex.number(self.numbers[x.name])
        if x.row is None or (within and x.has_line):
            return self.symbol(x.name), latex.ATOM
        return latex.call(x.row, [self.typeset(operand) for operand in x.operands])

    def symbol(self, name: str) -> str:
        """How a name is typeset, and no other name."""
        if name not in self.symbols:
            symbol = latex.symbol(name)
            self.symbols[name] = latex.verbatim(name) if symbol in self.taken else symbol
            self.taken.add(self.symbols[name])
        return self.symbols[name]


def _joined(lines: list[tuple[str, Any]], written: _Text | _Latex, max_length: int) -> str:
    """The lines that fit, the last ones first: they are the nearest to the result."""
    shown: list[str] = []
    length = 0
    for name, term in reversed(lines):
        line = written.line(name, term)
        length += len(line) + 1
        if length > max_length + 1:
            break
        shown.insert(0, line)
    if not shown:
        shown = [written.cut(line, max_length)]
    return written.joined(shown, len(lines) - len(shown))


def _lines_before(count: int) -> str:
    return f"{count:,} lines before are" if count > 1 else "line before is"
