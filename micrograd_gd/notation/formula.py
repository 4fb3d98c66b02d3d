"""The expression that a graph computed, as text that Python reads again, or as LaTeX."""

import ast
import contextvars
from collections.abc import Mapping
from typing import Any, Literal

from micrograd_gd.core import sweep
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation import latex
from micrograd_gd.notation.terms import leaf_names, split_into_lines
from micrograd_gd.table import expression
from micrograd_gd.table.numbers import require_count, shorten

__all__ = ["formula", "leaf_names"]


def formula(
    root: Value,
    *,
    wrt: Value | None = None,
    style: Literal["text", "latex"] = "text",
    max_length: int = 4000,
) -> str:
    r"""The expression that computed `root`, or, with `wrt`, that of ∂root/∂wrt.

    The text is Python: with the names of `leaf_names` and the functions of `functional`, it gives
    the number of `root` again, to the last bit. A long expression takes several lines, each but the
    last one `name = …`. Beyond `max_length` characters the first lines are left out, and a comment
    says how many. A derivative is that of the branches that were taken.

    Raises ArgumentError for anything but a graph, and for an unknown style; GraphError for a
    derivative of a graph whose `data` was changed since it was recorded.

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
    require_count("max_length", max_length)
    names = {leaf: name for name, leaf in leaf_names(root).items()}
    expression = root if wrt is None else _derivative(root, wrt)
    lines = [("", expression)]
    if hasattr(expression, "record"):
        lines = split_into_lines(expression, names, simplify=wrt is not None)
    return _write(lines, _Text() if style == "text" else _Latex(), max_length)


def latex_with_numbers(root: Value, numbers: Mapping[str, float], max_length: int) -> str:
    r"""The formula as LaTeX, with numbers in place of some of the names of `leaf_names`.

    >>> latex_with_numbers(Value(2.0, label="a") * Value(3.0), {"x1": 3.0}, 100)
    'a \\cdot 3'
    """
    names = {leaf: name for name, leaf in leaf_names(root).items()}
    return _write(split_into_lines(root, names), _Latex(numbers), max_length)


def _derivative(root: Value, wrt: Value) -> Any:
    """∂root/∂wrt as a graph, recorded whatever blocks such as `no_grad` are open here."""
    if not hasattr(wrt, "record"):
        raise ArgumentError(f"wrt is {shorten(wrt)}; expected a Value below the root")
    outside = contextvars.Context()
    return outside.run(sweep.adjoints, root, differentiable=True).get(wrt, 0.0)


# The writers' recursions go no deeper than a line is long.


class _Text:
    """Lines of Python."""

    def line(self, name: str, x: Any) -> str:
        text = ast.unparse(self.tree(x, within=False))
        return f"{name} = {text}" if name else text

    def join(self, lines: list[str], left_out: int) -> str:
        remark = [f"# the {_lines_before(left_out)} left out"] if left_out else []
        return "\n".join([*remark, *lines])

    def cut(self, line: str, length: int) -> str:
        return f"{line[: length - 1]}…"

    def tree(self, x: Any, *, within: bool = True) -> ast.expr:
        """The syntax tree of a number or a term, within another one or on a line of its own."""
        if type(x) is float:
            return expression.write_number(x, point=False)
        if x.row is None or (within and x.has_line):
            return ast.Name(x.name)
        if all(type(operand) is float for operand in x.operands):  # with points, or they were ints
            operands: list[ast.expr] = [*map(expression.write_number, x.operands)]
        else:
            operands = [self.tree(operand) for operand in x.operands]
        tree: ast.expr = x.row.write_call(operands)
        return tree


class _Latex:
    """Lines of LaTeX, aligned where there are several."""

    def __init__(self, numbers: Mapping[str, float] | None = None) -> None:
        self.numbers = numbers or {}  # what stands in place of a name
        self.symbols: dict[str, str] = {}
        self.taken: set[str] = set()

    def line(self, name: str, x: Any) -> str:
        text, _ = self.typeset(x, within=False)
        return f"{self.symbol(name)} &= {text}" if name else text

    def join(self, lines: list[str], left_out: int) -> str:
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
        """How a name is typeset; no other name is typeset the same way."""
        if name not in self.symbols:
            symbol = latex.symbol(name)
            self.symbols[name] = latex.verbatim(name) if symbol in self.taken else symbol
            self.taken.add(self.symbols[name])
        return self.symbols[name]


def _write(lines: list[tuple[str, Any]], style: _Text | _Latex, max_length: int) -> str:
    """Write the lines that fit, from the last one back: the last are nearest to the result."""
    texts: list[str] = []
    length = 0
    for name, term in reversed(lines):
        line = style.line(name, term)
        length += len(line) + 1
        if length > max_length + 1:
            break
        texts.insert(0, line)
    if not texts:
        texts = [style.cut(line, max_length)]
    return style.join(texts, len(lines) - len(texts))


def _lines_before(count: int) -> str:
    return f"{count:,} lines before are" if count > 1 else "line before is"
