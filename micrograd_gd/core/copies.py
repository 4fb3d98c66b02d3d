"""Copies and pickles of whole graphs, of any depth, with what is shared still shared.

Nodes go operands first, so that each finds its operands already copied and nothing recurses.
A gradient that is a graph of its own goes as its number.
"""

from collections.abc import Callable, Iterator
from threading import local
from typing import Any

from micrograd_gd.core import blocks


def define(kind: Any, unpickle: Callable[..., Any]) -> None:
    """Give a type of values its copies; `unpickle`, a function by its name, reads pickles.

    It is handed in, so that the engine in use decides what a pickle becomes, not the writer's.
    """
    kind.__copy__, kind.__deepcopy__, kind.__reduce__ = copy, deepcopy, reduce
    kind._unpickle = staticmethod(unpickle)


def copy(node: Any) -> Any:
    """Another node with the same fields, on the same operands."""
    blocks.report_use(node, "a copy")
    return node._put_together(*node._take_apart())


def deepcopy(root: Any, memo: dict[int, Any]) -> Any:
    """The copy of `root`, on top of copies of all that it depends on."""
    blocks.report_use(root, "a copy")
    for node in root.nodes():
        if id(node) not in memo:
            op, operands, *rest = node._take_apart()
            copied = tuple([memo.get(id(operand), operand) for operand in operands])
            memo[id(node)] = node._put_together(op, copied, *rest)
    return memo[id(root)]


def reduce(node: Any) -> tuple[Any, ...]:
    """What pickle makes of a node: its fields, and before them, the nodes below it."""
    blocks.report_use(node, "a copy")
    below = None if _pickling.below or node.op is None else _Below(node)
    return type(node)._unpickle, (below, *node._take_apart())


class _Pickling(local):
    below = False  # whether this thread is writing the nodes below some root


_pickling = _Pickling()


class _Below:
    """The nodes below a root as a list that pickle writes before the root itself."""

    def __init__(self, root: Any = None) -> None:
        self.root = root

    def __reduce__(self) -> tuple[Any, ...]:
        return _Below, (), None, self._nodes()

    def _nodes(self) -> Iterator[Any]:
        _pickling.below = True
        try:
            yield from self.root.nodes()[:-1]
        finally:
            _pickling.below = False

    def append(self, node: Any) -> None:
        """Read a node back; those above it hold it."""
