"""The lines of a long expression: a graph cut into parts that have names.

A part that is used more than once, or that would make a line too long, gets a line of its own. So a
formula grows with the graph, and not with the number of paths through it.
"""

import ast
import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.table.ops import OPERATIONS, Operation, by_syntax

TERMS = 30  # operations, names and numbers in a line, at most
SHORT = 3  # a part of so many is written again at each use, and gets no line
LABEL = 40  # characters of a label that can be a name


def leaf_names(root: Value) -> dict[str, Value]:
    """The names of the leaves below `root` in a formula: their labels, as far as these are names.

    Other characters of a label become `_`. Leaves without a label are x1, x2, …

    >>> list(leaf_names(Value(1.0, label="w.0") * Value(2.0)))
    ['w_0', 'x1']
    """
    if not hasattr(root, "record"):
        raise ArgumentError(f"root is {shorten(root)}; expected a Value, whose graph is read")
    leaves = [node for node in root.nodes() if node.op is None]
    fresh = _Fresh()
    labels = {leaf: fresh.name(stem) for leaf in leaves if (stem := _identifier(leaf.label))}
    return {labels[x] if x in labels else fresh.name("x", numbered=True): x for x in leaves}


class Term:
    """A node of the graph, or a step of a node that folds, before it is written."""

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
        """Count the terms that it takes to write this one, up to the length of a line."""
        self.size = min(1 + sum([_size(operand) for operand in self.operands]), TERMS + 1)


def _size(operand: Any) -> int:
    """The number of terms that an operand adds to a line."""
    return 1 if type(operand) is float or operand.has_line else operand.size


def split_into_lines(
    root: Value, names: dict[Value, str], *, simplify: bool = False
) -> list[tuple[str, Any]]:
    """The lines of an expression: names with their terms, and at last the root without a name.

    To simplify is to leave out what changes no number, such as a factor of 1.
    """
    terms, last = _terms(root, names, simplify=simplify)
    if last.size > TERMS:
        _choose_lines(terms)
    fresh = _Fresh(names.values())
    lines = [term for term in terms if term.has_line]
    for term in lines:
        stem = _identifier(term.label)
        term.name = fresh.name(stem) if stem else fresh.name("t", numbered=True)
    return [*((term.name, term) for term in lines), ("", last)]


def _choose_lines(terms: list[Term]) -> None:
    """Give a line of its own to what is used again, and to what would make a line too long."""
    for term in terms:
        for operand in term.operands:
            if type(operand) is Term:
                operand.uses += 1
    for term in terms:
        term.measure()
        parts = sorted([x for x in term.operands if _size(x) > 1], key=_size)
        while term.size > TERMS and parts:
            parts.pop().has_line = True
            term.measure()
        term.has_line = term.uses > 1 and term.size > SHORT


def _terms(root: Value, names: dict[Value, str], *, simplify: bool) -> tuple[list[Term], Term]:
    """The terms of all nodes below the root, operands first; and the term of the root."""
    rows = by_syntax()
    terms: list[Term] = []
    of: dict[Value, Any] = {}
    for node in root.nodes():
        if node.op is None:
            of[node] = Term(None, [], names[node])
            continue
        operands = [x if type(x) is float else of[x] for x in node.operands]
        if simplify and repr(operands[-1]) == repr(node.op.neutral[1]):  # which tells -0 from 0
            of[node] = operands[0]
            continue
        of[node] = _apply(node.op, operands, terms, rows)
        of[node].label = node.label
    return terms, of[root]


def _apply(
    row: Operation, operands: list[Any], terms: list[Term], rows: dict[type[ast.AST], Operation]
) -> Any:
    """A row applied to terms: a new term, or, for a row that folds, a term for each step."""
    if row.folds:
        so_far, tree, steps = operands[0], row.tree(row.value), list[Term]()
        try:
            for term in row.terms(operands):
                given = dict(zip(row.operands, [so_far, *term], strict=True))
                so_far = _read(tree, given, steps, rows)
        except KeyError:  # a formula with branches: the row is written as a call
            pass
        else:
            terms += steps
            return so_far
    terms.append(Term(row, operands))
    return terms[-1]


def _read(
    tree: ast.expr, given: dict[str, Any], terms: list[Term], rows: dict[type[ast.AST], Operation]
) -> Any:
    """A formula of the table with terms in place of its letters.

    Raises KeyError where the formula has a part that is no row.
    """
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
    terms.append(Term(row, [_read(part, given, terms, rows) for part in parts]))
    return terms[-1]


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
    if keyword.iskeyword(name) or name in OPERATIONS or name in ("inf", "nan", "__debug__"):
        name += "_"
    return name if name.isidentifier() and len(name) <= LABEL else ""
