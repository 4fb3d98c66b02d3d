"""Columns brought to one size: a shift and a scale for each, and back."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from micrograd_gd.data.rows import check_rows, check_widths
from micrograd_gd.errors import ArgumentError, ShapeError


@dataclass(frozen=True)
class Scaling:
    """A shift and a scale for each column: (x - mean) / scale.

    `mean` and `scale` have one entry per column.

    Raises ShapeError if their lengths differ or rows have another width, ArgumentError if a scale
    is not a positive number.

    >>> scaling = Scaling(mean=(10.0,), scale=(2.0,))
    >>> scaling([[12.0], [7.0]])
    [[1.0], [-1.5]]
    >>> scaling.invert([[1.0], [-1.5]])
    [[12.0], [7.0]]
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.scale):
            counts = f"{len(self.mean)} means and {len(self.scale)} scales"
            raise ShapeError(f"a scaling with {counts}; expected one of each for each column")
        for scale in self.scale:
            if not 0 < scale < math.inf:
                raise ArgumentError(f"a scale is {scale}; expected a positive, finite number")

    def apply(self, inputs: Sequence[Sequence[float]]) -> list[list[float]]:
        """Rows in the units of the data, scaled; the given lists stay as they are."""
        return [[(x - mean) / scale for x, mean, scale in row] for row in self._columns(inputs)]

    __call__ = apply

    def invert(self, inputs: Sequence[Sequence[float]]) -> list[list[float]]:
        """Scaled rows, back in the units of the data."""
        return [[x * scale + mean for x, mean, scale in row] for row in self._columns(inputs)]

    def _columns(self, inputs: Sequence[Sequence[float]]) -> Iterator[Any]:
        check_widths(inputs, len(self.mean))
        return (zip(row, self.mean, self.scale, strict=True) for row in inputs)


def standardize(inputs: Sequence[Sequence[float]]) -> Scaling:
    """The scaling that gives each column of these rows mean 0 and standard deviation 1.

    Fit it on the training rows and apply it to both parts. A constant column keeps scale 1.

    Raises ArgumentError for no rows or a number that is not finite, ShapeError for ragged rows.

    >>> scaling = standardize([[1.0, 5.0], [3.0, 5.0]])
    >>> scaling
    Scaling(mean=(2.0, 5.0), scale=(1.0, 1.0))
    >>> scaling([[4.0, 5.0]])
    [[2.0, 0.0]]
    """
    check_rows("inputs", inputs)
    moments = [_mean_and_deviation(column) for column in zip(*inputs, strict=True)]
    return Scaling(tuple(mean for mean, _ in moments), tuple(scale for _, scale in moments))


def _mean_and_deviation(column: Sequence[float]) -> tuple[float, float]:
    low, high = float(min(column)), float(max(column))
    if low == high:
        return low, 1.0  # a rounded mean would turn a constant into noise
    if high - low == math.inf:
        raise ArgumentError(f"a column spans {low} to {high}; expected a span that is a float")
    n = len(column)
    shrink = 2.0 ** -n.bit_length()  # exact, and the sum cannot overflow
    mean = math.fsum(x * shrink for x in column) / (n * shrink)
    largest = max(high - mean, mean - low)
    ratio = math.hypot(*((x - mean) / largest for x in column)) / math.sqrt(n)
    return mean, ratio * largest or 1.0  # the product of subnormal numbers may round to 0
