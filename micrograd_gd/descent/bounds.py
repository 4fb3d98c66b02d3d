"""Parameters within bounds: smooth maps from all numbers into a range, and the way back."""

import math
from typing import Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.functional import less, sigmoid, softplus, where
from micrograd_gd.table.numbers import number, shorten
from micrograd_gd.transforms import trees


def positive(w: Any) -> Any:
    """A number above 0 for each w: softplus(w), which for a large w is w itself.

    w is a number, a value, or any structure of them. `free` finds the w to start from.

    >>> from micrograd_gd import minimize
    >>> descent = minimize(lambda w: (positive(w) - 3) ** 2, start=free(1.0))
    >>> round(positive(descent.parameters), 6)
    3.0
    """
    return between(w, 0.0, math.inf)


def between(w: Any, low: float, high: float) -> Any:
    """A number from low to high for each w, of which it is a smooth, rising function.

    low + (high − low) · sigmoid(w), written from the nearer bound so that digits are kept there.
    One of the bounds may be infinite: then the distance to the other one is softplus(w), or
    softplus(−w) for an upper bound. With two infinite ones it is w. As a sigmoid of a large number
    is 1, a bound itself is reached by rounding, never passed.

    Raises ArgumentError unless low is below high, and the distance of finite bounds is finite.

    >>> between(0.0, -1.0, 3.0), between([-800.0, 800.0], -1.0, 3.0)
    (1.0, [-1.0, 3.0])
    """
    low, high = _read_bounds(low, high)
    leaves, structure = trees.flatten(w, "w")
    return trees.unflatten(structure, [_put_between(each, low, high) for each in leaves])


def free(x: Any, low: float = 0.0, high: float = math.inf) -> Any:
    """The w for which between(w, low, high) is x; with the usual bounds that of positive(w).

    So a search starts from x, given in units of the problem. x is a number or any structure of
    numbers.

    Raises ArgumentError for an x that is not between the bounds, where w would be infinite.

    >>> between(free(0.25, 0, 1), 0, 1), positive(free([0.5, 40.0]))
    (0.25, [0.5, 40.0])
    """
    low, high = _read_bounds(low, high)
    leaves, structure = trees.flatten_numbers(x, "x")
    for each in leaves:
        if not (low < each < high and math.isfinite(each)):
            raise ArgumentError(
                f"x is {shorten(each)}; expected a finite number between {low:g} and {high:g}, and "
                f"not a bound itself, which belongs to no finite w"
            )
    return trees.unflatten(structure, [_free(each, low, high) for each in leaves])


def _read_bounds(low: Any, high: Any) -> tuple[float, float]:
    low, high = number(low, "low"), number(high, "high")
    distance = high - low
    if not (distance > 0 and (distance < math.inf or math.inf in {-low, high})):
        raise ArgumentError(
            f"bounds from {low:g} to {high:g}; expected low below high, not more than 1.8e308 apart"
        )
    return low, high


def _put_between(w: Any, low: float, high: float) -> Any:
    if high == math.inf:
        return w if low == -math.inf else low + softplus(w)
    if low == -math.inf:
        return high - softplus(-w)
    distance = high - low
    return where(less(w, 0.0), low + distance * sigmoid(w), high - distance * sigmoid(-w))


def _free(x: float, low: float, high: float) -> float:
    if high == math.inf:
        return x if low == -math.inf else _invert_softplus(x - low)
    if low == -math.inf:
        return -_invert_softplus(high - x)
    return math.log(x - low) - math.log(high - x)


def _invert_softplus(y: float) -> float:
    return y + math.log(-math.expm1(-y))
