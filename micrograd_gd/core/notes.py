"""What is known of nodes beside what they hold, for as long as they live."""

from collections.abc import Iterator, MutableMapping
from typing import Any, TypeVar
from weakref import ref

T = TypeVar("T")


class _Reference(ref[Any]):
    """One that knows under which key it is kept; made sooner than a KeyedRef."""

    __slots__ = ("key",)
    key: int


class Notes(MutableMapping[Any, T]):
    """A note on each of some nodes, which goes when the node goes.

    Nodes are told apart as such. A WeakKeyDictionary would compare their numbers, and find none
    whose number is nan.

    >>> from micrograd_gd import Value
    >>> notes, x = Notes(), Value(float("nan"))
    >>> notes[x] = "no number"
    >>> notes[x], Value(1.0) in notes
    ('no number', False)
    >>> del x
    >>> len(notes)
    0
    >>> zero = Value(0.0)
    >>> notes[zero] = "false, but a node"
    >>> [*notes.values()]
    ['false, but a node']
    """

    def __init__(self) -> None:
        found: dict[int, tuple[_Reference, T]] = {}
        self._found = found
        self._forget = lambda gone: found.pop(gone.key, None)

    def __setitem__(self, node: Any, note: T) -> None:
        reference = _Reference(node, self._forget)
        reference.key = id(node)
        self._found[reference.key] = reference, note

    def __getitem__(self, node: Any) -> T:
        return self._found[id(node)][1]

    def __delitem__(self, node: Any) -> None:
        del self._found[id(node)]

    def __iter__(self) -> Iterator[Any]:
        nodes = [reference() for reference, _ in [*self._found.values()]]
        return (node for node in nodes if node is not None)  # a node of the number 0 is false

    def __len__(self) -> int:
        return len(self._found)
