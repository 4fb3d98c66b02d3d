"""What counts as one number, and what an argument must be; every refusal says what to do."""

import numbers
from typing import Any

from micrograd_gd.errors import NotANumberError, NumberRangeError


def number(x: Any, name: str) -> float:
    """The float that `x` is: an int, a bool, a NumPy scalar, a Fraction, a Decimal.

    Raises NotANumberError, which calls the argument `name`, and NumberRangeError.

    >>> number(True, "x")
    1.0
    """
    if type(x) is float:
        return x
    if type(x) is int and -(2**53) < x < 2**53:
        return float(x)
    kind = type(x)
    is_complex = isinstance(x, numbers.Complex) and not isinstance(x, numbers.Real)
    if is_complex or not hasattr(kind, "__float__") or hasattr(kind, "__len__"):
        raise NotANumberError(
            f"{name} must be one real number, but came as {kind.__name__} {shortened(x)}; "
            f"convert it first, or go through its elements one by one"
        )
    try:
        return float(x)
    except OverflowError:
        raise NumberRangeError(f"{name} is too large for a float: {shortened(x)}") from None
    except (TypeError, ValueError) as error:
        raise NotANumberError(f"{name} is no number: {error}") from None


def shortened(x: Any) -> str:
    """What `x` prints, cut where a message would drown in it."""
    try:
        text = repr(x)
    except ValueError:  # an int with more digits than Python cares to print
        return "of too many digits to print"
    return text if len(text) <= 60 else f"{text[:57]}..."
