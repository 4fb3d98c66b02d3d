"""Sine, cosine and tangent as straight lines: elementary.py has the others, and says how."""

from micrograd_gd.table.exponential import SHIFT
from micrograd_gd.table.straight_line import Bits, Number, choose, number
from micrograd_gd.table.sums import (
    Sum,
    add_smaller,
    divide,
    low_bits_off,
    polynomial,
    subtract,
)

# (sin r - r) / r³ and (cos r - 1 + r² / 2) / r⁴ in powers of r², for |r| <= π / 4; off by 2**-63.
SIN = (
    -0.16666666666666666, 0.008333333333333097, -0.00019841269841051808, 2.7557319126290023e-06,
    -2.5052085181084076e-08, 1.6056149455813922e-10, -7.480067984892614e-13,
)  # fmt: skip
COS = (
    0.041666666666666595, -0.0013888888888873448, 2.480158728910549e-05, -2.755731425309387e-07,
    2.0875710781751336e-09, -1.1359041957872189e-11,
)  # fmt: skip
# π / 2 in parts, of which the product of each but the last by a number below 2**20 is exact.
QUARTER_TURN = (
    1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32,
)  # fmt: skip
NEAR = 2.0**20  # sine and cosine of what is not below are left to the C library


def near_sin(x: Number) -> Number:
    """Sine of an angle below NEAR."""
    k, high, low = reduce_turns(x)
    return choose(abs(x) < 2.0**-27, x, turn(k, high, low))


def near_cos(x: Number) -> Number:
    """Cosine of an angle below NEAR."""
    k, high, low = reduce_turns(x)
    return turn(k + 1, high, low)


def near_tan(x: Number) -> Number:
    """Tangent of an angle below NEAR: a quotient of sine and cosine, each with what it lacks."""
    k, high, low = reduce_turns(x)
    z = high * high
    sine = high * z * polynomial(z, SIN) + low * (1.0 - z * 0.5)
    head = low_bits_off(high)
    rest = high - head
    lacks = ((head * head - z) + 2.0 * (head * rest)) + rest * rest  # z, of the square
    y, e = add_smaller(1.0, z * -0.5)
    cosine, e2 = add_smaller(y, z * z * polynomial(z, COS) - (high * low + lacks * 0.5))
    a, b = add_smaller(high, sine)
    e = e + e2
    is_odd = number((k & 1) << 62) > 1.0
    above = Sum(choose(is_odd, cosine, a), choose(is_odd, e, b))
    y = divide(above, Sum(choose(is_odd, a, cosine), choose(is_odd, b, e)))
    return choose(abs(x) < 2.0**-27, x, number(y.bits + ((k & 1) << 63)))


def reduce_turns(x: Number) -> tuple[Bits, Number, Number]:
    """The quarters of a turn in x, in the last bits, and what is left, in two parts."""
    shifted = x * 0.6366197723675814 + SHIFT
    k = shifted - SHIFT
    first, second, third, last = QUARTER_TURN
    high, low = subtract(x - k * first, k * second)
    high, low2 = subtract(high, k * third)
    high, low = add_smaller(high, (low + low2) - k * last)
    return shifted.bits, high, low


def turn(k: Bits, high: Number, low: Number) -> Number:
    """The sine of k quarters of a turn and a small angle in two parts."""
    z = high * high
    sine = high + (high * z * polynomial(z, SIN) + low * (1.0 - z * 0.5))
    half = z * 0.5
    y = 1.0 - half
    cosine = y + (((1.0 - y) - half) + (z * z * polynomial(z, COS) - high * low))
    is_odd = number((k & 1) << 62) > 1.0
    return number(choose(is_odd, cosine, sine).bits + ((k & 2) << 62))
