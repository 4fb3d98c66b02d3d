"""A graph by numbers: its nodes in recording order, and which of them each one uses."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import TypeVar

from micrograd_gd.caches import cached_property
from micrograd_gd.engine import Value

T = TypeVar("T")


class Numbering:
    """The nodes below a result, operands first, the result last."""

    def __init__(self, root: Value) -> None:
        self.root = root
        self.nodes = root.nodes()
        self.positions = {node: i for i, node in enumerate(self.nodes)}
        at = self.positions
        self.used = [  # the positions of a node's operands, as often as they occur
            tuple([at[x] for x in node.operands if isinstance(x, Value)]) for node in self.nodes
        ]

    @cached_property
    def uses(self) -> list[int]:
        """How often each node is used by others."""
        counts = [0] * len(self.nodes)
        for used in self.used:
            for i in used:
                counts[i] += 1
        return counts

    def arrows(self, boxes: Sequence[T]) -> Iterator[tuple[T, T]]:
        """What stands for a node and for its operand, for every use of one by the other."""
        users = chain.from_iterable(map(repeat, boxes, map(len, self.used)))
        return zip(users, map(boxes.__getitem__, chain.from_iterable(self.used)), strict=True)

    def number(self, node: Value) -> str:
        """What a node without a label is called: its number in recording order."""
        return f"v{self.positions[node] + 1}"
