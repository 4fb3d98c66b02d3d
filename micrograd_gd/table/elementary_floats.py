"""The elementary functions of floats: those in C, or where these were not built, Python's.

Both are total: where Python raises, they give the inf or nan of IEEE 754.
"""

import math
from math import erf, erfc, inf, nan, tanh
from typing import Any

from micrograd_gd.table import elementary, error_functions, quantiles
from micrograd_gd.table.straight_line import run
from micrograd_gd.table.trigonometry import NEAR

try:
    from micrograd_gd.table import functions as _built
except ImportError:
    _built: Any = None  # type: ignore[no-redef]  # so it may be missing

__all__ = [
    "cosh", "erf", "erfc", "erfcx", "erfinv", "exp", "exp2", "expm1", "log", "log1p", "log2",
    "log10", "ndtri", "sech", "sigmoid", "sinh", "tanh",
]  # fmt: skip


def exp(x: float) -> float:
    """e**x."""
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def exp2(x: float) -> float:
    """2**x."""
    try:
        return math.exp2(x)
    except OverflowError:
        return inf


def expm1(x: float) -> float:
    """e**x - 1 without cancellation near 0."""
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def log(x: float) -> float:
    """Natural logarithm, -inf at either zero."""
    return math.log(x) if x > 0 else -inf if x == 0 else nan


def log2(x: float) -> float:
    """Logarithm to base 2."""
    return math.log2(x) if x > 0 else -inf if x == 0 else nan


def log10(x: float) -> float:
    """Logarithm to base 10."""
    return math.log10(x) if x > 0 else -inf if x == 0 else nan


def log1p(x: float) -> float:
    """log(1 + x) without cancellation near 0."""
    return math.log1p(x) if x > -1 else -inf if x == -1 else nan


def sinh(x: float) -> float:
    """Hyperbolic sine."""
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(inf, x)


def cosh(x: float) -> float:
    """Hyperbolic cosine."""
    try:
        return math.cosh(x)
    except OverflowError:
        return inf


def sech(x: float) -> float:
    """Hyperbolic secant, 1 / cosh x."""
    t = exp(-math.fabs(x))
    return 2 * t / (1 + t * t)


def sigmoid(x: float) -> float:
    """The logistic function."""
    t = exp(-math.fabs(x))
    return 1 / (1 + t) if x >= 0 else t / (1 + t)


_near_sin = getattr(_built, "near_sin", math.sin)
_near_cos = getattr(_built, "near_cos", math.cos)
_near_tan = getattr(_built, "near_tan", math.tan)


def sin(x: float) -> float:
    """Sine of an angle in radians."""
    if -NEAR < x < NEAR:
        return _near_sin(x)
    return nan if math.isinf(x) else math.sin(x)


def cos(x: float) -> float:
    """Cosine of an angle in radians."""
    if -NEAR < x < NEAR:
        return _near_cos(x)
    return nan if math.isinf(x) else math.cos(x)


def tan(x: float) -> float:
    """Tangent of an angle in radians."""
    if -NEAR < x < NEAR:
        return _near_tan(x)
    return nan if math.isinf(x) else math.tan(x)


# What `math` does not have.
erfcx, ndtri, erfinv = map(run, (error_functions.erfcx, quantiles.ndtri, quantiles.erfinv))

# The same straight lines that machine code computes with: elementary.py.
globals().update({name: y for name, y in vars(_built or object).items() if name in __all__})
POWERS: dict[float, Any] = {
    n: getattr(_built, name) for n, name in elementary.POWERS.items() if hasattr(_built, name)
}
