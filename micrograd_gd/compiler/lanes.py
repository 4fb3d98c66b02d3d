"""The operations at the border of a batch.

While a batch is traced, one number stands for those of all samples, one a *lane*. It is *varying*;
all others are *uniform*. Batches begin and end in these operations:

    pack(x₀, x₁, …)   varying: xᵢ in lane i
    place(x, i)       varying: x in lane i, -0.0 in the others
    spread(x)         varying: x in every lane
    index(0.0)        varying: i in lane i
    shift(v, k)       varying: what v, of another batch, is in lane i + k; -0.0 where it has none
    pick(v, i)        uniform: what v is in lane i
    sum(v)            uniform: the sum of v over all lanes
    largest(v)        uniform: the largest of them, as a constant; nan if there is one

What is computed from a varying number is varying.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from micrograd_gd.engine import Value
from micrograd_gd.table.ops import Operation


@dataclass(frozen=True, eq=False, repr=False)
class Lanes(Operation):
    """An operation at the border of a batch of `lanes` samples; it computes lane 0 alone.

    Where that is negative, the length is open: -1 for the first one of a program.
    """

    kind: str = ""
    lanes: int = 0
    term: Operation | None = None  # of a sum or the largest: what is added or compared

    @property
    def gives(self) -> int:
        """The lanes of the result; 0 says that it is uniform."""
        return self.lanes if self.kind in {"pack", "place", "spread", "shift", "index"} else 0

    def rule(self, active: tuple[bool, ...]) -> Callable[..., Any]:
        """A function of floats: the first operand, and a partial of 1 by each."""
        slopes = tuple([1.0 if flows else None for flows in active])
        return lambda x, *_: (x, *slopes)

    def partial(self, i: int, operands: Sequence[Any], y: Any) -> Any:  # noqa: ARG002 — always 1
        """1; `compiler.batches` has the rest of what happens at the border."""
        return 1.0

    def slope(self, i: int) -> None:
        """None: the partial takes no branch."""

    def __reduce__(self) -> tuple[Any, ...]:
        return operation, (self.kind, self.lanes, self.term)


@cache
def operation(kind: str, lanes: int, term: Operation | None = None) -> Lanes:
    """The one operation of that kind for so many lanes."""
    doc = f"{kind.capitalize()}, in a batch of {lanes}."
    if kind == "spread":  # a copy, and no more, as soon as the program is written down
        return Lanes(kind, ("x",), "x", ("1",), doc, kind=kind, lanes=lanes)
    count = {"pack": lanes, "sum": 1, "largest": 1, "index": 1}.get(kind, 2)
    operands = term.operands if term else tuple([f"x{i}" for i in range(count)])
    partials = (_first,) * len(operands)
    return Lanes(kind, operands, _first, partials, doc, kind=kind, lanes=lanes, term=term)


def _first(x: float, *_: float) -> float:
    return x


def record(kind: str, lanes: int, *operands: Any) -> Any:
    """A node of one of these operations."""
    return Value.record(operation(kind, lanes), *operands)


def is_kind(x: Any, kind: str) -> bool:
    """Whether x is the result of such an operation."""
    return isinstance(x, Value) and isinstance(x.op, Lanes) and x.op.kind == kind


def is_reduction(op: Any) -> bool:
    """Whether it makes one number of those of all lanes."""
    return isinstance(op, Lanes) and op.kind in {"sum", "largest"}


def find_whole(xs: Sequence[Any]) -> Any:
    """The varying number that has all of `xs` as its lanes, in order, or None."""
    if not (len(xs) and is_kind(xs[0], "pick")):
        return None
    varying = xs[0].operands[0]
    if xs[0].op.lanes != len(xs):
        return None
    for i, x in enumerate(xs):
        if not (is_kind(x, "pick") and x.operands[0] is varying and x.operands[1] == i):
            return None
    return varying
