"""What counts as one number, and what an argument must be; every refusal says what to do."""

import math
import numbers
import random
import sys
import warnings
from collections.abc import Mapping
from random import Random
from typing import Any

from micrograd_gd.errors import ArgumentError, NotANumberError, NumberRangeError
from micrograd_gd.text import escape


def number(x: Any, name: str) -> float:
    """The float that `x` is: an int, a bool, a NumPy scalar, a Fraction, a Decimal.

    An array without dimensions is one number too.

    Raises NotANumberError, which calls the argument `name`, and NumberRangeError.

    >>> number(True, "x")
    1.0
    """
    if type(x) is float:
        return x
    if type(x) is int and -(2**53) < x < 2**53:
        return float(x)
    if getattr(x, "ndim", None) == 0 and hasattr(type(x), "__len__"):
        x = plain_array(x, name).item()
    kind = type(x)
    is_complex = isinstance(x, numbers.Complex) and not isinstance(x, numbers.Real)
    if is_complex or not hasattr(kind, "__float__") or hasattr(kind, "__len__"):
        raise NotANumberError(
            f"{name} must be one real number, but came as {kind.__name__} {shorten(x)}; "
            f"convert it first, or go through its elements one by one"
        )
    try:
        converted = float(x)
    except OverflowError:
        converted = math.inf
    except (TypeError, ValueError) as error:
        raise NotANumberError(f"{name} is no number: {error}") from None
    if math.isinf(converted) and x not in {math.inf, -math.inf}:  # of a type with a wider range
        raise NumberRangeError(f"{name} is too large for a float: {shorten(x)}")
    return converted


def plain_array(x: Any, name: str) -> Any:
    """The NumPy array that an array or a table of any library is; a NumPy scalar is itself.

    Raises NotANumberError for a masked one, a sparse one, and one that refuses.
    """
    kind = type(x)
    if hasattr(kind, "mask") and hasattr(kind, "filled"):
        problem = "is masked, and what is masked is no number: fill it first, as by x.filled(0.0)"
    elif hasattr(kind, "toarray") and hasattr(kind, "nnz"):
        problem = "is sparse: give it as x.toarray()"
    elif not hasattr(kind, "__array__"):
        return x
    else:
        import numpy as np  # noqa: PLC0415 — only those who brought an array need it

        try:
            return x if isinstance(x, np.generic) else np.asarray(x)
        except (RuntimeError, TypeError, ValueError) as error:
            problem = f"does not become an array of NumPy: {error}"
    raise NotANumberError(f"{name}, of type {kind.__name__}, {problem}")


def elements(xs: Any, name: str) -> list[Any]:
    """The elements of a sequence, of an array or a table of any library, or of an iterable.

    Raises NotANumberError, which calls the argument `name`, for a mapping, a text, and one element.

    >>> elements((1.0, 2.0), "xs")
    [1.0, 2.0]
    """
    if not isinstance(xs, (list, tuple)):
        xs = plain_array(xs, name) if hasattr(xs, "ndim") else xs
        is_single = getattr(xs, "ndim", 1) == 0 or not hasattr(xs, "__iter__")
        if is_single or isinstance(xs, (str, bytes, bytearray, Mapping)):
            raise NotANumberError(
                f"{name} must be a sequence of numbers, but came as {type(xs).__name__} "
                f"{shorten(xs)}; give the numbers in a list"
            )
    return xs if isinstance(xs, list) else [*xs]


def warn_of_flushing() -> None:
    """Warn where small numbers are flushed to 0, which a library may have made the processor do."""
    small = sys.float_info.min
    if small * 0.5 == 0 or small * 0.5 * 2 != small:
        warnings.warn(
            "the processor flushes numbers below 2.2e-308 to 0 (FTZ or DAZ), which a library that "
            "was compiled with -ffast-math has set: small results are 0, and a check of gradients "
            "may err near them. Import that library later, or do without it",
            RuntimeWarning,
            stacklevel=3,
        )


def require_finite(name: str, x: Any, least: float = -math.inf) -> float:
    """The float that `x` is, finite and at least `least`; ArgumentError otherwise.

    >>> require_finite("seconds", 2, least=0)
    2.0
    """
    given = number(x, name)
    if not (math.isfinite(given) and given >= least):
        bound = f", at least {least:g}" if math.isfinite(least) else ""
        raise ArgumentError(f"{name} is {given}; expected a finite number{bound}")
    return given


def require_positive(name: str, x: Any) -> float:
    """The float that `x` is, finite and above 0; ArgumentError otherwise.

    >>> require_positive("learning_rate", 1)
    1.0
    """
    given = number(x, name)
    if not 0 < given < math.inf:
        raise ArgumentError(f"{name} is {given}; expected a finite number above 0")
    return given


def require_count(name: str, x: Any, least: int = 1) -> int:
    """The whole number that `x` is, at least `least`; ArgumentError otherwise.

    >>> require_count("steps", 0)
    Traceback (most recent call last):
    micrograd_gd.errors.ArgumentError: steps is 0; expected a whole number, at least 1
    """
    if not (isinstance(x, numbers.Integral) and int(x) >= least):
        raise ArgumentError(f"{name} is {shorten(x)}; expected a whole number, at least {least}")
    return int(x)


def generator(seed: Any) -> Random:
    """The generator of random numbers that `seed` stands for.

    A whole number gives a generator of its own. None stands for Python's own, the one behind the
    functions of the module `random`, so that `random.seed(1337)` decides. A `Random` is itself.

    >>> generator(0).random() == generator(0).random()
    True
    """
    if isinstance(seed, Random):
        return seed
    if seed is None:
        shared: Random = random.seed.__self__  # type: ignore[attr-defined]  # a bound method
        return shared
    if not isinstance(seed, numbers.Integral):
        expected = "expected a whole number, a random.Random or None"
        raise ArgumentError(f"seed is {shorten(seed)}; {expected}")
    return Random(int(seed))  # noqa: S311 — samples and weights, no secrets


def shorten(x: Any) -> str:
    """What `x` prints, cut so that a message stays readable."""
    try:
        text = repr(x)
    except ValueError:  # an int with more digits than Python cares to print
        return "of too many digits to print"
    except RecursionError:
        return f"a {type(x).__name__} nested too deep to print"
    return escape(text if len(text) <= 60 else f"{text[:57]}...")
