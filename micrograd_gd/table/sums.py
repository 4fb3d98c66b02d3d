"""Numbers as sums of two doubles, and what elementary functions compute with them."""

from collections.abc import Sequence
from typing import NamedTuple

from micrograd_gd.table.straight_line import Number, number

SIGN = 1 << 63


def polynomial(x: Number, coefficients: Sequence[float]) -> Number:
    """Σ cᵢ xⁱ, pairs first, pairs of pairs then: a short way from x to the result."""
    terms: list[Number | float] = [*coefficients]
    while len(terms) > 1:
        pairs = [a + x * b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = [*pairs, *terms[2 * len(pairs) :]]
        x = x * x
    assert isinstance(terms[0], Number)  # noqa: S101 — for the types
    return terms[0]


def low_bits_off(x: Number) -> Number:
    """The 26 leading bits of x: a product of two such is exact."""
    return number(x.bits & ~((1 << 27) - 1))


def with_sign_of(x: Number, y: Number) -> Number:
    """A positive y with the sign of x."""
    return number(y.bits | (x.bits & SIGN))


class Sum(NamedTuple):
    """A number as a sum that is not added up: the second part is about what rounding would take."""

    high: Number
    low: Number | float


def add_smaller(a: Number | float, b: Number | float) -> tuple[Number, Number]:
    """The sum, and what rounding took from it, exactly, if b is no larger than a, or a is 0."""
    y: Number = a + b  # type: ignore[assignment]  # one of them is no constant
    return y, (a - y) + b


def scale(a: Sum, power: Number) -> Sum:
    """The product by a power of two."""
    return Sum(a.high * power, a.low * power)


def divide(a: Sum, b: Sum) -> Number:
    """The quotient a / b, rounded nearly once: a short quotient, then what is left divided."""
    inverse = 1.0 / b.high
    quotient = low_bits_off(a.high * inverse)
    head = low_bits_off(b.high)
    rest = (a.high - quotient * head) - quotient * (b.high - head)
    return quotient + (rest + (a.low - quotient * b.low)) * inverse


def subtract(a: Number, b: Number) -> tuple[Number, Number]:
    """The difference, and what rounding took from it, exactly (D. E. Knuth, 1969)."""
    y = a - b
    back = y - a
    return y, (a - (y - back)) - (b + back)


def multiply(a: Sum, b: Sum) -> Sum:
    """The product of two sums: heads of few bits have exact products (T. J. Dekker, 1971)."""
    y = a.high * b.high
    a_head, b_head = low_bits_off(a.high), low_bits_off(b.high)
    a_rest, b_rest = a.high - a_head, b.high - b_head
    low = (a_head * b_head - y) + (a_head * b_rest + a_rest * b_head) + a_rest * b_rest
    for one, other in ((a, b), (b, a)):
        if isinstance(one.low, Number):
            low = low + one.low * other.high
    return Sum(y, low)
