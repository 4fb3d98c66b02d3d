"""Where a row of numbers repeats itself twice, found for the whole row at once.

A row and the same row moved on by so many items are two long integers: where they are equal, their
difference by `xor` is 0.
"""

from array import array
from collections.abc import Sequence


class Repeats:
    """Places from which on `low` to `high` - 1 items are repeated twice.

    >>> Repeats([7, 1, 2, 1, 2, 1, 2, 2, 2], 1, 4).find(0), Repeats([1, 1, 1], 1, 4).find(1)
    (1, -1)
    """

    def __init__(self, row: Sequence[int], low: int, high: int) -> None:
        letter = next(x for x in "BHI" if max(row, default=0) < 256 ** array(x).itemsize)
        items = array(letter, row)
        self._size = items.itemsize
        self._end = len(row)
        number = int.from_bytes(items.tobytes(), "little")
        bits = 8 * self._size
        self._differences = {
            length: (number ^ (number >> bits * length)).to_bytes(len(row) * self._size, "little")
            for length in range(low, min(high, len(row) // 3 + 1))
        }
        self._next = {length: self._find(length, 0) for length in self._differences}

    def find(self, i: int) -> int:
        """The first place from i on; -1 for none."""
        for length, place in self._next.items():
            if 0 <= place < i:
                self._next[length] = self._find(length, i)
        return min([place for place in self._next.values() if place >= 0], default=-1)

    def _find(self, length: int, i: int) -> int:
        differences, size = self._differences[length], self._size
        place = i * size - 1
        while True:  # to where an item begins
            place = differences.find(bytes(2 * length * size), place + 1)
            if place < 0 or place // size + 3 * length > self._end:
                return -1
            if place % size == 0:
                return place // size
