"""What a sweep computes with, and how it walks: on floats, on values, or as a trace says.

An arithmetic gives a sweep the terms of the chain rule, `g * partial`, summed over the edges that
lead to a node. The sweep asks it for the edges of a node one after another, then for the partial,
the product and the sum, so that an arithmetic may know which edge it was last asked for.
"""

from collections.abc import Iterator
from operator import add, mul
from typing import Any, Protocol

from micrograd_gd.core import blocks
from micrograd_gd.core.anomaly import number_of
from micrograd_gd.errors import GraphError


class Arithmetic(Protocol):
    """What the two sweeps ask."""

    in_c: bool  # whether the sweeps in C do the same
    whole: bool  # whether a sweep visits also what no derivative flows to for these numbers

    def edges(self, node: Any) -> Iterator[tuple[int, Any]]:
        """The operands that a derivative flows to, with their places."""

    def partial(self, node: Any, i: int) -> Any:
        """∂node/∂operand i."""

    def times(self, g: Any, partial: Any) -> Any:
        """A step along an edge: the derivative at one end, times the partial."""

    def plus(self, a: Any, b: Any) -> Any:
        """The sum of two steps that lead to the same node."""


class Floats:
    """Plain numbers, and the partials that the forward pass stored."""

    in_c = True
    whole = False
    times = staticmethod(mul)
    plus = staticmethod(add)

    def edges(self, node: Any) -> Iterator[tuple[int, Any]]:
        """The operands with a partial."""
        for i, (operand, partial) in enumerate(zip(node.operands, node.partials, strict=True)):
            if partial is not None:
                yield i, operand

    def partial(self, node: Any, i: int) -> Any:
        """The number that was stored."""
        return node.partials[i]


class Values(Floats):
    """Values, and partials from the table: what is computed is recorded, to be swept again."""

    def partial(self, node: Any, i: int) -> Any:
        """The partial over values; it must be the number that the forward pass stored.

        Raises GraphError where it is not.
        """
        if blocks.open_blocks:
            partial = blocks.call_unwatched(node.op.partial, i, node.operands, node)
        else:
            partial = node.op.partial(i, node.operands, node)
        stored, again = node.partials[i], None if partial is None else number_of(partial)
        if again != stored and (again == again or stored == stored):
            raise GraphError(
                f"data was changed after {node.op!r} was computed with it (its partial was "
                f"{stored} and is {again} now): differentiate before changing data, or compute the "
                f"result again"
            )
        return partial

    def times(self, g: Any, partial: Any) -> Any:
        """`g * partial`, without a node for a factor that is the plain number 1."""
        if type(partial) is float and partial == 1:
            return g
        if type(g) is float and g == 1:
            return partial
        return g * partial


class Recorded(Values):
    """Values of a trace, which has a word in what a partial is."""

    def __init__(self, trace: blocks.Trace, *, last: bool) -> None:
        self.trace = trace
        self.last = last

    def edges(self, node: Any) -> Iterator[tuple[int, Any]]:
        """The same; the trace sees also where no derivative flows, which may depend on numbers."""
        for i, (operand, partial) in enumerate(zip(node.operands, node.partials, strict=True)):
            if partial is not None:
                yield i, operand
            elif blocks.is_value(operand):
                self.trace.partial(node, i, last=False)

    def partial(self, node: Any, i: int) -> Any:
        """What the trace records for it."""
        return self.trace.partial(node, i, last=self.last)


FLOATS, VALUES = Floats(), Values()


def record_partial(node: Any, i: int, trace: blocks.Trace | None, *, last: bool) -> Any:
    """The partial over values: what the sweeps in C call where they have no code for it."""
    return trace.partial(node, i, last=last) if trace else VALUES.partial(node, i)
