"""Elementary functions as straight lines, most at most 1 ulp from the true value, and monotone.

Written once, in steps that run on one number and in lanes: no branch, no table, no fused
multiply-add, which not every machine has, so that the bits are the same on all. Where a product has
to be exact, its factors have few bits. Ideas are those of fdlibm (Sun Microsystems, 1993) and its
heirs in FreeBSD: the logarithm by s = f / (2 + f), ln 2 and π / 2 in parts, and logarithms of other
bases. The coefficients come from a fit in 50 digits, which tests/benchmarks/fit_polynomials.py
repeats, but for the last digits of small ones.
"""

from collections.abc import Callable
from functools import partial

from micrograd_gd.table.error_functions import erf, erfc, erfcx
from micrograd_gd.table.exponential import SHIFT, Exponential, finish_exp, reduce_exp
from micrograd_gd.table.logarithms import log, log1p, log2, log10
from micrograd_gd.table.quantiles import erfinv, ndtri
from micrograd_gd.table.straight_line import Number, bits_of, choose, choose_bits
from micrograd_gd.table.sums import (
    Sum,
    add_smaller,
    divide,
    low_bits_off,
    multiply,
    polynomial,
    scale,
    with_sign_of,
)  # fmt: skip
from micrograd_gd.table.trigonometry import near_cos, near_sin, near_tan

# ln 2, also in two parts, the first of so few bits as `low_bits_off` leaves.
LN2 = 0.6931471805599453
LN2_HEAD, LN2_REST = 0.6931471675634384, 1.2996506893889889e-08

# (cosh x - 1) / x² and (sinh x - x) / x³ in powers of x², for |x| <= √½; relatively off by 2**-60.
COSH = (
    0.5, 0.041666666666666644, 0.0013888888888894818, 2.4801587295824625e-05,
    2.755732200041444e-07, 2.0876047402488376e-09, 1.1562896303408263e-11,
)  # fmt: skip
SINH = (
    0.16666666666666657, 0.008333333333337046, 0.00019841269836384331, 2.7557322160812492e-06,
    2.5051219034185625e-08, 1.6191182569781148e-10,
)  # fmt: skip


# Functions.


def exp(x: Number) -> Number:
    """e**x."""
    x = choose(x > 710.0, 710.0, x)
    parts = reduce_exp(choose(x < -746.0, -746.0, x))
    return parts.times_power(parts.round())


def exp2(x: Number) -> Number:
    """2**x."""
    x = choose(x > 1024.0, 1024.0, choose(x < -1080.0, -1080.0, x))
    shifted = x + SHIFT
    k = shifted - SHIFT
    f = x - k
    head = low_bits_off(f)
    parts = finish_exp(shifted, k, head * LN2_HEAD, -(head * LN2_REST + (f - head) * LN2))
    return parts.times_power(parts.round())


def expm1(x: Number) -> Number:
    """e**x - 1 without cancellation near 0."""
    parts = reduce_exp(choose(x > 710.0, 710.0, choose(x < -60.0, -60.0, x)))
    # Half of all, since the power of two may be beyond the largest number.
    a, b = scale(parts.add_up(), parts.power(1))
    y = a - 0.5
    e = choose(a < 0.5, a - (y + 0.5), (a - y) - 0.5)
    y = choose(a > 1e20, a + b, y + (e + b)) * 2.0
    return choose(abs(x) < 2.0**-54, x, y)


def sinh(x: Number) -> Number:
    """Hyperbolic sine.

    Near 0 two exponentials cancel, and their rounding errors hide small changes. Sums and products
    of what grows, each rounded, never fall.
    """
    a, b, y, e = two_exps(x)
    square = x * x
    near = x + square * x * polynomial(square, SINH)
    return choose(abs(x) < 0.7, near, with_sign_of(x, (a - (y - (b + e))) * 2.0))


def cosh(x: Number) -> Number:
    """Hyperbolic cosine, near 0 as for sinh."""
    a, b, y, e = two_exps(x)
    square = x * x
    near = 1.0 + square * polynomial(square, COSH)
    return choose(abs(x) < 0.5, near, (a + (y + (b - e))) * 2.0)


def two_exps(x: Number) -> tuple[Number, Number, Number, Number]:
    """A quarter of exp|x|, which does not overflow where sinh x does not, and that of exp(-|x|).

    Each is one number and what it lacks: the first a + b, the second y - e.
    """
    t = abs(x)
    parts = reduce_exp(choose(t > 710.6, 710.6, t))
    a, b = scale(parts.add_up(), parts.power(2))
    assert isinstance(b, Number)  # noqa: S101 — for the types
    y = 0.0625 / a
    return a, b, y, 16.0 * y * y * b


def tanh(x: Number) -> Number:
    """Hyperbolic tangent."""
    t = abs(x) * 2.0
    parts = reduce_exp(choose(t > 50.0, 50.0, t))
    a, b = scale(parts.add_up(), parts.power())  # e**2x
    above, e = add_smaller(a, 1.0)
    y = a - 1.0
    less, e1 = add_smaller(y, ((a - y) - 1.0) + b)
    return with_sign_of(x, divide(Sum(less, e1), Sum(above, e + b)))


def sech(x: Number) -> Number:
    """Hyperbolic secant: 2 t / (1 + t²) for t = exp(-|x|)."""
    parts, t, scaled = falling_exp(x)
    y, e = add_smaller(1.0, scaled.high * scaled.high)
    below = Sum(y, e + 2.0 * (scaled.high * scaled.low))
    return parts.times_power(divide(t, below) * 2.0)


def sigmoid(x: Number) -> Number:
    """Logistic function: 1 / (1 + t), or t / (1 + t), for t = exp(-|x|)."""
    parts, t, scaled = falling_exp(x)
    y, e = add_smaller(1.0, scaled.high)
    is_below = x < 0.0
    above = Sum(choose(is_below, t.high, 1.0), choose(is_below, t.low, 0.0))
    y = divide(above, Sum(y, e + scaled.low))
    return choose(is_below, parts.times_power(y), y)


def falling_exp(x: Number) -> tuple[Exponential, Sum, Sum]:
    """The parts of exp(-|x|), their sum, and that times 2ᵏ, which is kept from underflow."""
    t = -abs(x)
    parts = reduce_exp(choose(t < -746.0, -746.0, t))
    y = parts.add_up()
    bits = choose_bits(parts.k < -60.0, bits_of(SHIFT - 60.0), parts.bits)
    return parts, y, scale(y, parts._replace(bits=bits).power())


def whole_power(x: Number, n: int) -> Number:
    """The power n of x, a small whole number: rounded once, or nearly so near the least number."""
    count, t = abs(n), abs(x)
    # What is beyond gives 0 or infinity all the same, and what is left is kept from either.
    most, up, down = 2.0 ** -(-1080 // count), -(-300 // count), -(-150 // count)
    t = choose(t > most, most, t)
    if n < 0:
        t = choose(t < 1 / most, 1 / most, t)
    is_small = t < 1.0
    t = t * choose(is_small, 2.0**up, 2.0**-down)
    y = multiply_up(t, count)
    one = Sum(1.0, 0.0)  # type: ignore[arg-type]  # a constant will do here
    rounded = divide(one, y) if n < 0 else y.high + y.low
    rounded = rounded * choose(is_small, 2.0 ** (-up * n), 2.0 ** (down * n))
    return with_sign_of(x, rounded) if n % 2 else rounded


def multiply_up(t: Number, n: int) -> Sum:
    """The power n of t from products with their rounding errors."""
    if n == 1:
        return Sum(t, 0.0)
    root = multiply_up(t, n // 2)
    y = multiply(root, root)
    return multiply(y, Sum(t, 0.0)) if n % 2 else y


# Whole powers that are computed so. (A square has one rounding anyway.)
POWERS = {n: f"power_{n}".replace("-", "minus_") for n in (-3, -2, 3, 4, 5, 6)}

# By the name that the table calls.
FUNCTIONS: dict[str, Callable[[Number], Number]] = {
    name: partial(whole_power, n=n) for n, name in POWERS.items()
}
FUNCTIONS |= {
    function.__name__: function
    for function in (
        exp, exp2, expm1, log, log2, log10, log1p, sinh, cosh, tanh, sech, sigmoid, erf, erfc,
        erfcx, ndtri, erfinv, near_sin, near_cos, near_tan,
    )
}  # fmt: skip

# Powers whose exponent is one of some numbers, by exponent. (At -inf, C's `pow` gives inf, too.)
SHORT_POWERS: dict[float, str] = {
    2: "a * a",
    1: "a",
    -1: "1 / a",
    0.5: "a * a if a < -1.7976931348623157e308 else sqrt(a + 0)",
    **{n: f"{name}(a)" for n, name in POWERS.items()},
}
