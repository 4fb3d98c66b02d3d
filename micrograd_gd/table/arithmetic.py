"""What Python's arithmetic and its `math` refuse at some points, total: ieee.py says why."""

import builtins
import math
from collections.abc import Callable
from math import fabs as abs
from math import inf, nan

from micrograd_gd.table.elementary_floats import POWERS

# Arithmetic that Python refuses at some points.


def div(a: float, b: float) -> float:
    """`a / b`, with a pole at b = 0 whose sign is that of both zeros."""
    if b == 0:
        return nan if a == 0 or a != a else math.copysign(inf, a) * math.copysign(1, b)
    return a / b


def floordiv(a: float, b: float) -> float:
    """The floor of `a / b`, exact as Python's `//` is."""
    return div(a, b) if b == 0 else a // b


def mod(a: float, b: float) -> float:
    """What `a // b` leaves; it has the sign of b."""
    return nan if b == 0 else a % b


def fmod(a: float, b: float) -> float:
    """What dividing a by b and cutting toward zero leaves; it has the sign of a."""
    try:
        return math.fmod(a, b)
    except ValueError:  # an infinite a, or b = 0
        return nan


def pow(a: float, b: float) -> float:
    """`a ** b` as in C: nan, never a complex number, for a negative base to a broken power.

    Squares are rounded once, and the first power not at all: the multiplication is the fast way.
    """
    if b == 2:
        return a * a
    if b == 1:
        return a
    if b in SHORT:
        return SHORT[b](a)
    try:
        return math.pow(a, b)
    except OverflowError:
        return -inf if a < 0 and b % 2 == 1 else inf
    except ValueError:
        if a != 0:  # a negative base to a broken power
            return nan
        return math.copysign(inf, a) if b % 2 == 1 else inf  # zero to a negative power


def _root(a: float) -> float:
    """The power 0.5, in which it differs from the square root: at -0 and -inf."""
    return inf if a == -inf else sqrt(a + 0.0)


# Powers by exponent that are no call of the C library.
SHORT: dict[float, Callable[[float], float]] = {
    **POWERS,
    -1: lambda a: div(1.0, a),
    0.5: _root,
}

# Whole numbers. From 2**52 on every float is one; a result of zero keeps the sign of x.

_ALL_WHOLE = 2.0**52


def floor(x: float) -> float:
    """The largest whole number not above x."""
    return float(math.floor(x)) or x * 0 if abs(x) < _ALL_WHOLE else x


def ceil(x: float) -> float:
    """The smallest whole number not below x."""
    return float(math.ceil(x)) or x * 0 if abs(x) < _ALL_WHOLE else x


def round(x: float) -> float:
    """The nearest whole number; of two, the even one."""
    return (abs(x) + _ALL_WHOLE - _ALL_WHOLE) * math.copysign(1, x) if abs(x) < _ALL_WHOLE else x


def sign(x: float) -> float:
    """-1, 0 or 1; a zero or a nan as it is."""
    return 1.0 if x > 0 else -1.0 if x < 0 else x


# Roots.


def sqrt(x: float) -> float:
    """Square root; -0 at -0."""
    return math.sqrt(x) if x >= 0 else nan


def hypot(a: float, b: float) -> float:
    """sqrt(a² + b²) without overflow on the way."""
    try:
        return builtins.abs(complex(a, b))  # the length of a complex number is the C hypot
    except OverflowError:  # for a nan it may be that of an earlier call, which C has not forgotten
        return nan if a != a or b != b else inf


# Trigonometry and its hyperbolic sisters.


def asin(x: float) -> float:
    """The angle in [-π/2, π/2] whose sine is x."""
    return math.asin(x) if -1 <= x <= 1 else nan


def acos(x: float) -> float:
    """The angle in [0, π] whose cosine is x."""
    return math.acos(x) if -1 <= x <= 1 else nan


def acosh(x: float) -> float:
    """The number at or above 0 whose hyperbolic cosine is x."""
    return math.acosh(x) if x >= 1 else nan


def atanh(x: float) -> float:
    """The number whose hyperbolic tangent is x."""
    return math.atanh(x) if -1 < x < 1 else math.copysign(inf, x) if abs(x) == 1 else nan
