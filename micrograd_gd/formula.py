"""The expression that a graph computed, as text that Python reads again, or as LaTeX.

A short expression is written in full. Of a long one, what is used more than once, and what would
make a line too long, gets a name and a line of its own, so that the formula grows with the graph
and not with the number of paths through it.
"""

import ast
import contextvars
import functools
import keyword
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from micrograd_gd import latex, sweep
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.operation import shortened
from micrograd_gd.ops import OPERATIONS, Operation

TERMS = 30  # how many operations, names and numbers a line may hold
SHORT = 3  # of so many, a part is written again where it is used again, and gets no line
LABEL = 40  # how many characters of a label may be a name
WHOLE = 1e15  # whole numbers below are written without a point

# What a derivative is rid of on the right: it leaves every number as it is, to the last bit.
_NEUTRAL: dict[type, float] = {ast.Pow: 1.0, ast.Mult: 1.0, ast.Div: 1.0}


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
    written = _Text() if style == "text" else _Latex()
    neutral = {} if wrt is None else _NEUTRAL
    lines = _lines(shown, names, neutral) if hasattr(shown, "record") else [("", shown)]
    return _joined(lines, written, max_length)


def leaf_names(root: Value) -> dict[str, Value]:
    """What a formula calls the leaves below `root`: by their labels, as far as these are names.

    Other characters of a label become `_`; a leaf without a label is x1, x2, …

    >>> list(leaf_names(Value(1.0, label="w.0") * Value(2.0)))
    ['w_0', 'x1']
    """
    if not hasattr(root, "record"):
        raise ArgumentError(f"root is {shortened(root)}; expected a Value, whose graph is read")
    leaves = [node for node in root.nodes() if node.op is None]
    fresh = _Fresh()
    labelled = {leaf: fresh.name(stem) for leaf in leaves if (stem := _identifier(leaf.label))}
    return {labelled[x] if x in labelled else fresh.name("x", numbered=True): x for x in leaves}


def _derivative(root: Value, wrt: Value) -> Any:
    """∂root/∂wrt as a graph, recorded whatever blocks such as `no_grad` are open here."""
    if not hasattr(wrt, "record"):
        raise ArgumentError(f"wrt is {shortened(wrt)}; expected a Value below the root")
    outside = contextvars.Context()
    return outside.run(sweep.adjoints, root, differentiable=True).get(wrt, 0.0)


# Names.


class _Fresh:
    """Names that nothing else has."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self.counts: Counter[str] = Counter()

    def name(self, stem: str, *, numbered: bool = False) -> str:
        """The next of stem, stem_2, stem_3, …; or of stem1, stem2, … where `numbered`."""
        while True:
            self.counts[stem] += 1
            count = self.counts[stem]
            name = f"{stem}{count}" if numbered else f"{stem}_{count}" if count > 1 else stem
            if name not in self.taken:
                self.taken.add(name)
                return name


def _identifier(label: Any) -> str:
    """The label as a name that Python and the table leave free, or nothing."""
    name = unicodedata.normalize("NFKC", str(label))
    if not name.isidentifier():
        name = re.sub(r"\W+", "_", name).strip("_")
    if keyword.iskeyword(name) or name in OPERATIONS or name in ("inf", "nan"):
        name += "_"
    return name if name.isidentifier() and len(name) <= LABEL else ""


# Terms and lines.


class _Term:
    """A node of the graph, or a step of one that folds, as it is going to be written."""

    __slots__ = ("has_line", "label", "name", "operands", "row", "size", "uses")

    def __init__(self, row: Operation | None, operands: list[Any], name: str = "") -> None:
        self.row = row
        self.operands = operands  # terms and plain numbers
        self.name = name  # of a leaf, or of a line
        self.label = ""
        self.uses = 0
        self.has_line = False
        self.measure()

    def measure(self) -> None:
        """Find how many terms it takes to write this one."""
        self.size = 1 + sum([_size(operand) for operand in self.operands])


def _size(operand: Any) -> int:
    """How many terms an operand adds to a line, as far as they matter."""
    return 1 if type(operand) is float or operand.has_line else min(operand.size, TERMS + 1)


def _lines(
    root: Value, names: dict[Value, str], neutral: dict[type, float]
) -> list[tuple[str, Any]]:
    """What is written, line by line: names with their terms, and the root without a name."""
    terms, last = _terms(root, names, neutral)
    if last.size > TERMS:
        _part(terms)
    fresh = _Fresh(names.values())
    lines = [term for term in terms if term.has_line]
    for term in lines:
        stem = _identifier(term.label)
        term.name = fresh.name(stem) if stem else fresh.name("t", numbered=True)
    return [*((term.name, term) for term in lines), ("", last)]


def _part(terms: list[_Term]) -> None:
    """Give a line of its own to what is used again, and to what would make a line too long."""
    for term in terms:
        for operand in term.operands:
            if type(operand) is _Term:
                operand.uses += 1
    for term in terms:
        term.measure()
        parts = sorted([x for x in term.operands if _size(x) > 1], key=_size)
        while term.size > TERMS and parts:
            parts.pop().has_line = True
            term.measure()
        term.has_line = term.uses > 1 and term.size > SHORT


def _terms(
    root: Value, names: dict[Value, str], neutral: dict[type, float]
) -> tuple[list[_Term], _Term]:
    """A term for every node below the root, operands first; and the root's."""
    rows = {type(op): row for row in OPERATIONS.values() if (op := _syntax(row))}
    terms: list[_Term] = []
    of: dict[Value, Any] = {}
    for node in root.nodes():
        if node.op is None:
            of[node] = _Term(None, [], names[node])
            continue
        operands = [x if type(x) is float else of[x] for x in node.operands]
        if len(operands) == 2 and neutral.get(type(_syntax(node.op))) == operands[1]:
            of[node] = operands[0]
            continue
        of[node] = _applied(node.op, operands, terms, rows)
        of[node].label = node.label
    return terms, of[root]


def _applied(
    row: Operation, operands: list[Any], terms: list[_Term], rows: dict[type, Operation]
) -> Any:
    """A row applied to terms, in one new term; of a row that folds, its steps written out."""
    if row.folds:
        so_far, *others = operands
        count = len(others) // (len(row.operands) - 1)
        tree, steps = row.tree(row.value), list[_Term]()
        try:
            for i in range(count):
                given = dict(zip(row.operands, [so_far, *others[i::count]], strict=True))
                so_far = _read(tree, given, steps, rows)
        except KeyError:  # the formula has branches: the row is written as a call
            pass
        else:
            terms += steps
            return so_far
    terms.append(_Term(row, operands))
    return terms[-1]


def _read(
    tree: ast.expr, given: dict[str, Any], terms: list[_Term], rows: dict[type, Operation]
) -> Any:
    """A formula of the table, terms in place of its letters; KeyError where no row says it."""
    parts: list[ast.expr] = []
    match tree:
        case ast.Name(letter):
            return given[letter]
        case ast.Constant(float(value) | int(value)):
            return float(value)
        case ast.BinOp(left, op, right):
            row, parts = rows[type(op)], [left, right]
        case ast.UnaryOp(op, operand):
            row, parts = rows[type(op)], [operand]
        case ast.Call(ast.Name(name), parts):
            row = OPERATIONS[name]
        case _:
            raise KeyError(type(tree))
    terms.append(_Term(row, [_read(part, given, terms, rows) for part in parts]))
    return terms[-1]


@functools.cache
def _syntax(row: Operation) -> Any:
    """The operator that Python's syntax has for a row, if any."""
    if not (row.infix and row.method):
        return None
    text = f"a {row.infix} b" if len(row.operands) == 2 else f"{row.infix} a"
    try:
        return getattr(ast.parse(text, mode="eval").body, "op", None)
    except SyntaxError:
        return None


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
        op = _syntax(x.row)
        if isinstance(op, ast.operator):
            return ast.BinOp(operands[0], op, operands[1])
        if isinstance(op, ast.unaryop):
            return ast.UnaryOp(op, operands[0])
        return ast.Call(ast.Name(x.row.name), operands, [])


def _constant(x: float, *, point: bool = False) -> ast.expr:
    """A number as Python reads it; a whole one without a point, as it is mostly typed."""
    if math.copysign(1.0, x) < 0:
        return ast.UnaryOp(ast.USub(), _constant(-x, point=point or x == 0))
    if not math.isfinite(x):
        return ast.Name(repr(x))
    return ast.Constant(int(x) if x.is_integer() and x < WHOLE and not point else x)


class _Latex:
    """Lines of LaTeX, aligned where they are several."""

    def __init__(self) -> None:
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
