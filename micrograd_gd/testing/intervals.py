"""Intervals of derivatives: at a kink, every number between those of the two sides is one."""

from typing import Any, NamedTuple

from mpmath import mp, mpf

LARGEST = mpf(2) ** 1024


class Interval(NamedTuple):
    """All numbers from `low` to `high`; nan where there is no derivative."""

    low: Any
    high: Any

    def __add__(self, other: Any) -> "Interval":
        if self.low is self.high and other.low is other.high:
            total = self.low + other.low
            return Interval(total, total)
        return Interval(self.low + other.low, self.high + other.high)

    def __mul__(self, other: Any) -> "Interval":
        if self.low == self.high and other.low == other.high:
            product = self.low * other.low
            return UNDEFINED if mp.isnan(product) else Interval(product, product)
        ends = [x * y for x in self for y in other]
        return UNDEFINED if any(map(mp.isnan, ends)) else Interval(min(ends), max(ends))

    @property
    def middle(self) -> Any:
        """The number half way."""
        return (self.low + self.high) / 2

    @property
    def is_point(self) -> bool:
        """Whether it is one number, as far as numbers of a replay tell."""
        if self.low == self.high:
            return bool(mp.isfinite(self.low))
        return bool(abs(self.high - self.low) <= mpf("1e-12") * max(abs(self.low), abs(self.high)))

    @property
    def is_finite(self) -> bool:
        """Whether both ends are numbers that floats can hold."""
        return bool(abs(self.low) < LARGEST and abs(self.high) < LARGEST)


UNDEFINED = Interval(mpf("nan"), mpf("nan"))
ZERO, ONE = Interval(mpf(0), mpf(0)), Interval(mpf(1), mpf(1))
