"""Where the numbers of a program lie in memory.

Buffer 0 holds the arguments' numbers that are in no array, and then the captured ones. Each array
among the arguments is a buffer of its own. Results lie in the same way.
"""

from bisect import bisect
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from micrograd_gd.core.whole import is_open
from micrograd_gd.transforms.trees import Structure


class Span(NamedTuple):
    """So many numbers side by side, and the place of the first.

    Of an array with an open length they are one row of many; `axis` counts these lengths from 1.
    """

    size: int
    buffer: int
    offset: int
    axis: int = 0


class Layout:
    """The place of each number; numbers are counted from 0.

    >>> from micrograd_gd.transforms.trees import flatten
    >>> layout = Layout([flatten({"w": [1.0, 2.0], "b": 3.0})[1]])
    >>> layout.locate(2), layout.sizes
    ((0, 2), [3])
    """

    def __init__(self, structures: Iterable[Structure], more: int = 0) -> None:
        self.sizes = [0]  # of the buffers
        self.spans: list[Span] = []
        runs = [run for structure in structures for run in _find_runs(structure)]
        for size, is_array, axis in [*runs, (more, False, 0)]:
            if is_array:
                self.sizes.append(0)
            buffer = len(self.sizes) - 1 if is_array else 0
            self.spans.append(Span(size, buffer, self.sizes[buffer], axis))
            self.sizes[buffer] += size
        self._starts = [*accumulate((span.size for span in self.spans), initial=0)]

    def locate(self, number: int) -> tuple[int, int]:
        """The buffer in which a number is, and its offset there."""
        i = bisect(self._starts, number) - 1
        return self.spans[i].buffer, self.spans[i].offset + number - self._starts[i]

    @property
    def lanes(self) -> list[int]:
        """Of each number: those of an open length, as programs count them, or 0."""
        return [-span.axis for span in self.spans for _ in range(span.size)]

    def find_columns(self) -> dict[int, Span]:
        """The numbers that are columns of arrays with open lengths, and the span of each."""
        return {
            start + i: span
            for start, span in zip(self._starts, self.spans, strict=False)
            if span.axis
            for i in range(span.size)
        }


def _find_runs(structure: Structure) -> Iterator[tuple[int, bool, int]]:
    """The size of each array, and of numbers in a row; whether it is an array, and its axis."""
    if structure.is_flat or not structure.is_container:
        is_array = not (structure.is_container or structure.kind is None)
        yield structure.size, is_array, -structure.shape[0] if is_open(structure.shape) else 0
        return
    for below in structure.below:
        yield from _find_runs(below)
