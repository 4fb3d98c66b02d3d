"""Arrays that a function closes over and maps whole: their numbers are constants of its programs.

A trace freezes such an array, so that a change in place has no effect on a program, as with all
that is no value. What nobody can write to is kept as it is, and what is equal is kept once.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

from micrograd_gd.compiler.program import Cut
from micrograd_gd.core import whole
from micrograd_gd.core.whole import WholeArray
from micrograd_gd.engine import Value
from micrograd_gd.transforms import trees

HELD = (None, ())  # what stands for all these arrays, where others stand by their names

_frozen: WeakValueDictionary[int, Any] = WeakValueDictionary()


class Held:
    """Those of one trace, which follow the arguments; `lengths` are the open ones so far."""

    def __init__(
        self, lengths: Sequence[int] = (), taken: Sequence[str] = (), *, is_open: bool = False
    ) -> None:
        self.counts = [*lengths]
        self.lengths = [Value(float(n)) for n in lengths]  # the same as inputs of the trace
        # Axes, and of which others they are a part, by how many rows shorter.
        self.cuts: dict[int, tuple[int, int]] = {}
        self.arrays: list[Any] = []
        self.arguments: list[tuple[str, trees.Structure]] = []
        self._taken = {*taken}  # names
        self._is_open = is_open  # whether there may be any
        self._by_id: dict[int, WholeArray] = {}

    @property
    def inputs(self) -> list[Value]:
        """The columns, from left to right."""
        return [x for each in self.whole for x in each.columns]

    @property
    def whole(self) -> Iterable[WholeArray]:
        """The arrays as the function has them."""
        return self._by_id.values()

    def take(self, x: Any, axis: int) -> WholeArray | None:
        """The array, its samples first; None where that does not pay, or is not possible."""
        n = x.shape[axis]
        if not (self._is_open and is_plain(x)):
            return None
        if n not in self.counts and (n < whole.FEWEST_ROWS or not self._add_length(n)):
            return None
        frozen = _freeze(x, axis)
        if id(frozen) not in self._by_id:
            shape = (-1 - self.counts.index(n), *frozen.shape[1:])
            name = next(name for i in range(1000) if (name := f"a{i}") not in self._taken)
            self._taken.add(name)
            self.arrays.append(frozen)
            self.arguments.append((name, trees.array_structure(shape)))
            self._by_id[id(frozen)] = WholeArray([*map(Value, find_first_row(frozen))], shape)
        return self._by_id[id(frozen)]

    def cut(self, axis: int, by: int) -> int | None:
        """The axis of an array that lost so many rows; None where that is not possible."""
        root, before = self.find_cut(axis)
        n = self.counts[-1 - root] - before - by
        if n < 1 or not (n in self.counts or self._add_length(n)):
            return None
        found = -1 - self.counts.index(n)
        other, so_far = self.find_cut(found)
        if other == found != root:
            self.cuts[found] = root, before + by
        elif (other, so_far) != (root, before + by):
            return None
        return found

    def find_cut(self, axis: int) -> tuple[int, int]:
        """The axis that this is a part of, and how much shorter this is."""
        by = 0
        while axis in self.cuts:
            axis, more = self.cuts[axis]
            by += more
        return axis, by

    def find_cuts(self) -> tuple[Cut, ...]:
        """All that were made, as programs have them."""
        return tuple([Cut(axis, *self.find_cut(axis)) for axis in self.cuts])

    def _add_length(self, n: int) -> bool:
        if len(self.counts) == whole.MOST_LENGTHS:
            return False
        self.counts.append(n)
        self.lengths.append(Value(float(n)))
        return True


def is_plain(x: Any) -> bool:
    """Whether x is an array of numbers that floats can hold, with at least one axis and number."""
    if type(x).__name__ != "ndarray" or not x.size or not x.ndim:
        return False
    import numpy as np  # noqa: PLC0415 — only those who brought an array need it

    return type(x) is np.ndarray and x.dtype.kind in "fiu" and x.dtype.itemsize <= 8


def find_first_row(x: Any) -> list[float]:
    """The numbers of the first row of an array."""
    first: list[float] = x.reshape(len(x), -1)[0].tolist()
    return first


def _freeze(x: Any, axis: int) -> Any:
    """An equal array that nobody writes to: floats side by side, samples first."""
    import numpy as np  # noqa: PLC0415 — likewise

    first = np.moveaxis(x, axis, 0) if axis % x.ndim else x
    made = np.ascontiguousarray(first, dtype=float)
    for known in _frozen.valuerefs():
        each: Any = known()
        if getattr(each, "shape", ()) == made.shape and (each.view("u8") == made.view("u8")).all():
            return each
    if made is first and _is_writable(x):
        made = made.copy()
    made.flags.writeable = False
    _frozen[id(made)] = made
    return made


def _is_writable(x: Any) -> bool:
    """Whether the memory of the array may be written to, by way of whatever array it is seen."""
    while hasattr(x, "flags"):
        if x.flags.writeable:
            return True
        x = x.base
    return x is not None
