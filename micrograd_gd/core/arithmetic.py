"""What a sweep computes with: floats, values, or what a trace makes of them.

An arithmetic has the terms of the chain rule: partials, `g * partial`, and the sum of such steps. A
sweep takes the partials of a node one after another, and asks for the product and the sum before it
takes the next, so that an arithmetic may keep which operand it is at.
"""

from collections.abc import Container, Iterable, Sequence
from operator import add, mul
from typing import Any, Protocol

from micrograd_gd.core import blocks
from micrograd_gd.errors import GraphError


class Arithmetic(Protocol):
    """What the two sweeps ask."""

    in_c: bool  # whether the sweeps in C do the same

    def partials(self, node: Any, among: Container[Any] | None = None) -> Iterable[Any]:
        """∂node/∂operand for each operand in order, None where no derivative flows.

        For operands that are not `among` any partial will do, and what it depends on.
        """

    def times(self, g: Any, partial: Any) -> Any:
        """A step along an edge: the derivative at one end, times the partial."""

    def plus(self, a: Any, b: Any) -> Any:
        """The sum of two steps that lead to the same node."""


class Floats:
    """Plain numbers, and the partials that the forward pass stored."""

    in_c = True
    times = staticmethod(mul)
    plus = staticmethod(add)

    def partials(self, node: Any, _: Container[Any] | None = None) -> Iterable[Any]:
        """The partials as they are."""
        return node.partials  # type: ignore[no-any-return]  # a tuple


class Values(Floats):
    """Values, and partials from the table: what is computed is recorded, to be swept again."""

    def partials(self, node: Any, among: Container[Any] | None = None) -> Iterable[Any]:
        """The partials over values, where a derivative flows."""
        operands, found = node.operands, []
        for i, stored in enumerate(node.partials):
            flows = stored is not None and (among is None or operands[i] in among)
            found.append(self.partial(node, i, operands, stored) if flows else None)
        return found

    def partial(self, node: Any, i: int, operands: Sequence[Any], stored: float | None) -> Any:
        """The partial for operand i; it must be the number that the forward pass stored.

        Raises GraphError where it is not.
        """
        if blocks.open_blocks:
            partial = blocks.call_unwatched(node.op.partial, i, operands, node)
        else:
            partial = node.op.partial(i, operands, node)
        again = getattr(partial, "data", partial)
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

    def __init__(self, trace: blocks.Tracer, *, last: bool) -> None:
        self.trace = trace
        self.last = last

    def partials(self, node: Any, among: Container[Any] | None = None) -> Iterable[Any]:
        """The same; the trace sees also where no derivative flows, which may depend on numbers."""
        for i, (operand, stored) in enumerate(zip(node.operands, node.partials, strict=True)):
            flows, is_asked = stored is not None, among is None or operand in among
            if not flows and is_asked and blocks.is_value(operand):
                flows = self.last and self.trace.takes_all(node, i)
                if not flows:
                    self.trace.partial(node, i, last=False)
            flows = flows and is_asked
            yield self.trace.partial(node, i, last=self.last) if flows else None


FLOATS, VALUES = Floats(), Values()


def record_partial(node: Any, i: int, trace: blocks.Tracer | None, *, last: bool) -> Any:
    """The partial over values: what the sweeps in C call where they have no code for it."""
    if trace:
        return trace.partial(node, i, last=last)
    return VALUES.partial(node, i, node.operands, node.partials[i])
