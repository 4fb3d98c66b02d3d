"""A function made of operations of the table, with a point to take it at, written as Python."""

import ast
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from micrograd_gd import functional
from micrograd_gd.table.ops import Operation

Operand = int | float  # an int is the place of a variable or of an earlier node; a float is itself
Node = tuple[Operation, tuple[Operand, ...]]


@dataclass(frozen=True, repr=False, eq=False)
class Expression:
    """A function of numbers: nodes, each an operation with its operands; the last is the result.

    It can be called with numbers or values, and without arguments at its `inputs`. It prints as
    Python code that builds it again with the names of `micrograd_gd.functional`: the inputs are the
    defaults, and a part that is used twice gets a name.

    >>> from micrograd_gd.table.ops import operation
    >>> square, times = operation("square"), operation("mul")
    >>> f = Expression(("x", "y"), (3.0, 2.0), ((square, (0,)), (times, (2, 1)), (times, (3, 3))))
    >>> f
    lambda x=3.0, y=2.0: (a := (square(x) * y)) * a
    >>> f(), f(1.0, 2.0)
    (324.0, 4.0)
    """

    variables: tuple[str, ...]
    inputs: tuple[float, ...]
    nodes: tuple[Node, ...]

    def __call__(self, *numbers: Any) -> Any:
        """The value, or the node if an argument is a `Value`."""
        known = [*(numbers or self.inputs)]
        if len(known) != len(self.variables):
            raise TypeError(f"{len(self.variables)} numbers are due, and {len(known)} came")
        for row, operands in self.nodes:
            known.append(row(*numbers_of(operands, known)))
        return known[-1]

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of the operations, in the order in which they are computed."""
        return tuple(row.name for row, _ in self.nodes)

    def __repr__(self) -> str:
        arguments = ", ".join(
            f"{name}={ast.unparse(_number(x))}"
            for name, x in zip(self.variables, self.inputs, strict=True)
        )
        return f"lambda {arguments}: {ast.unparse(self._tree())}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 — as IPython calls it
        """How hypothesis and IPython show it."""
        del cycle
        printer.text(repr(self))

    def _tree(self) -> ast.expr:
        places = [x for _, operands in self.nodes for x in operands if isinstance(x, int)]
        uses = Counter(places)
        names = _names()
        written: dict[int, ast.expr] = {i: _name(x) for i, x in enumerate(self.variables)}

        def write(x: Operand) -> ast.expr:
            if not isinstance(x, int):
                return _number(x)
            if x in written:
                return written[x]
            row, operands = self.nodes[x - len(self.variables)]
            tree = _call(row, operands, write)
            if uses[x] > 1:
                written[x] = _name(next(names))
                tree = ast.NamedExpr(ast.Name(ast.unparse(written[x]), ast.Store()), tree)
            return tree

        return write(len(self.variables) + len(self.nodes) - 1)


def numbers_of(operands: Sequence[Operand], known: Sequence[Any]) -> tuple[Any, ...]:
    """The operands' numbers, where those of the variables and of earlier nodes are known."""
    return tuple(known[x] if isinstance(x, int) else x for x in operands)


def prune(
    inputs: Sequence[float], nodes: Sequence[Node], *, keep_inputs: bool = True
) -> Expression:
    """The expression of the last node, without the nodes and the inputs that it does not use.

    Where `keep_inputs` is true, all inputs stay.
    """
    n = len(inputs)
    wanted = {n + len(nodes) - 1, *(range(n) if keep_inputs else ())}
    for place in reversed(range(n, n + len(nodes))):
        if place in wanted:
            wanted |= {x for x in nodes[place - n][1] if isinstance(x, int)}
    kept = sorted(wanted)
    place_of = {before: now for now, before in enumerate(kept)}
    left = tuple(inputs[i] for i in kept if i < n)
    return Expression(
        tuple("xyz"[: len(left)] if n <= 3 else (f"x{i + 1}" for i in range(len(left)))),
        left,
        tuple(
            (row, tuple(place_of[x] if isinstance(x, int) else x for x in operands))
            for row, operands in (nodes[i - n] for i in kept if i >= n)
        ),
    )


def _call(
    row: Operation, operands: Sequence[Operand], write: Callable[[Operand], ast.expr]
) -> ast.expr:
    """The call of a row, its operands written in the order in which Python evaluates them."""
    if row.folds and getattr(functional, row.name) is not row:  # it takes sequences there
        none = [()] * (len(row.operands) - 1)
        groups = [*zip(*row.terms(operands), strict=True)] or none
        lists = [ast.List([write(x) for x in group], ast.Load()) for group in groups]
        return ast.Call(_name(row.name), [*lists, write(operands[0])], [])
    return row.write_call([write(x) for x in operands])


def _number(x: float) -> ast.expr:
    if math.copysign(1.0, x) < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-x))
    return ast.Constant(x)


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _names() -> Iterator[str]:
    yield from "abcdefgh"
    yield from (f"a{i}" for i in range(1, 1_000_000))
