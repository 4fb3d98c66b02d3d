"""The exponential in parts, from which elementary.py and its neighbors make their functions."""

from typing import NamedTuple

from micrograd_gd.table.straight_line import Bits, Number, choose, choose_bits, number
from micrograd_gd.table.sums import Sum, add_smaller, polynomial

# Numbers near 1.5 · 2**52 have 1 as their last place: what is added to it is rounded to a whole
# number, which then stands in the last bits.
SHIFT = 6755399441055744.0
LOG2_E = 1.4426950408889634
# ln 2 in two parts, the first of so few bits that its product by an exponent is exact.
LN2_HIGH, LN2_LOW = 0.693147180559663, 2.8235290563031577e-13
BIAS = 1023

# (exp r - 1 - r - r² / 2) / r³, for |r| <= ln 2 / 2; times r³ off by 2**-63.
EXP = (
    0.16666666666666685, 0.041666666666666685, 0.008333333333315955, 0.001388888888887332,
    0.0001984126989865711, 2.4801587349060605e-05, 2.7557232875861557e-06, 2.7557251992274864e-07,
    2.5112654031794146e-08, 2.0921702385611558e-09,
)  # fmt: skip


class Exponential(NamedTuple):
    """exp x as 2ᵏ (1 + high + half + rest), falling; k stands in the last `bits`."""

    k: Number
    bits: Bits
    high: Number
    half: Number
    rest: Number

    def add_up(self) -> Sum:
        """The sum of the four."""
        y, e1 = add_smaller(1.0, self.high)
        y, e2 = add_smaller(y, self.half)
        y, e3 = add_smaller(y, self.rest)
        return Sum(y, (e1 + e2) + e3)

    def round(self) -> Number:
        """The sum of the four, in one number."""
        y, e = add_smaller(1.0, self.high)
        return y + (e + (self.half + self.rest))

    def power(self, less: int = 0) -> Number:
        """Two to the power of k less that."""
        return number((self.bits + (BIAS - less)) << 52)

    def times_power(self, y: Number) -> Number:
        """2ᵏ y, also where 2ᵏ is no double, but the result is."""
        is_low = self.k < -1000.0
        power = number((self.bits + choose_bits(is_low, BIAS - 1 + 64, BIAS - 1)) << 52)
        return y * power * choose(is_low, 2.0**-63, 2.0)


def reduce_exp(x: Number) -> Exponential:
    """The parts of exp x, for |x| up to about 750."""
    shifted = x * LOG2_E + SHIFT
    k = shifted - SHIFT
    return finish_exp(shifted, k, x - k * LN2_HIGH, k * LN2_LOW)


def finish_exp(shifted: Number, k: Number, high: Number, low: Number) -> Exponential:
    """The parts of 2ᵏ exp(high - low)."""
    r = high - low
    square = r * r
    rest = square * r * polynomial(r, EXP) - low
    return Exponential(k, shifted.bits, high, square * 0.5, rest)
