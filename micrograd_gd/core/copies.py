"""Copies and pickles of whole graphs, of any depth; what nodes share, their copies share.

Operands are copied before the nodes that use them, so nothing recurses. Of a gradient that is a
graph of its own, the number is copied. A subclass stays, with the attributes that it has beside.
"""

import copy as standard
from collections.abc import Callable, Iterable, Iterator
from threading import local
from typing import Any

from micrograd_gd.core import blocks


def define(kind: Any, unpickle: Callable[..., Any]) -> None:
    """Let values of this type be copied and pickled.

    A pickle names `unpickle`, a function of a module, as what reads it. So a pickle becomes a value
    of the engine that reads it, whichever engine wrote it.
    """
    kind.__copy__, kind.__deepcopy__, kind.__reduce__ = copy, deepcopy, reduce
    kind._unpickle = staticmethod(unpickle)


def copy(node: Any) -> Any:
    """Another node with the same fields, on the same operands."""
    blocks.report_use(node, "a copy")
    made = put_together(type(node), node._take_apart())
    if attributes := getattr(node, "__dict__", None):
        vars(made).update(attributes)
    return made


def put_together(kind: Any, parts: Iterable[Any]) -> Any:
    """The node of that class that was taken apart into these."""
    node = kind.__new__(kind)
    node._put_together(*parts)
    return node


def deepcopy(root: Any, memo: dict[int, Any]) -> Any:
    """The copy of `root`, on top of copies of all that it depends on."""
    blocks.report_use(root, "a copy")
    for node in root.nodes():
        if id(node) not in memo:
            op, operands, *rest = node._take_apart()
            copied = tuple([memo.get(id(operand), operand) for operand in operands])
            memo[id(node)] = made = put_together(type(node), (op, copied, *rest))
            if attributes := getattr(node, "__dict__", None):
                vars(made).update(standard.deepcopy(attributes, memo))
    return memo[id(root)]


def reduce(node: Any) -> tuple[Any, ...]:
    """How pickle writes a node: first the nodes below it, then its own fields."""
    blocks.report_use(node, "a copy")
    below = None if _pickling.below or node.op is None else _Below(node)
    kind = type(node)
    subclass = None if "_unpickle" in vars(kind) else kind
    arguments = below, subclass, *node._take_apart()
    return kind._unpickle, arguments, getattr(node, "__dict__", None) or None


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
        """Take a node that is read back; the nodes that use it hold it."""
