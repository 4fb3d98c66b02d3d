"""Float functions that are total: where Python raises, these give the inf or nan of IEEE 754.

Every public function takes and returns 64-bit floats, and is what the table of operations means by
that name. Elementary functions are our own where they were built, and else those of `math`. The
others come from the C library wherever it has them, so that every engine gives the same bits.
(Python's `math` writes its own `hypot` and `lgamma`: they are not used here.)
"""

import builtins
import math
from collections.abc import Callable
from math import asinh, atan, atan2, cbrt, inf, nan, pi
from math import fabs as abs

from micrograd_gd.table.elementary_floats import (
    POWERS,
    cos,
    cosh,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    sech,
    sigmoid,
    sin,
    sinh,
    tan,
    tanh,
)  # fmt: skip

# fmt: off
__all__ = [  # the functions that the table may call
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos",
    "cosh", "digamma", "div", "erf", "erfc", "exp", "exp2", "expm1", "floor", "floordiv", "fmod",
    "hypot", "lgamma", "log", "log1p", "log2", "log10", "mod", "polygamma", "pow", "round", "sech",
    "sigmoid", "sign", "sin", "sinc", "sinc_derivative", "sinh", "sqrt", "tan", "tanh",
]
# fmt: on


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
    """What dividing a by b and cutting towards zero leaves; it has the sign of a."""
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


# sin(πx)/(πx) and its derivatives.


def _is_order(n: float) -> bool:
    return 0 <= n <= 100 and floor(n) == n


def _sine_of_pi(x: float, quarter_turns: int) -> float:
    """sin(πx + quarter_turns·π/2), with the angle reduced before π enters."""
    nearest = round(x)
    turns = quarter_turns + 2 * int(math.fmod(nearest, 2))  # half a turn for an odd nearest
    angle = pi * (x - nearest)
    y = math.cos(angle) if turns % 2 else math.sin(angle)
    return -y if turns % 4 >= 2 else y


def sinc(x: float) -> float:
    """sin(πx)/(πx), 1 at 0."""
    return sinc_derivative(0.0, x)


def sinc_derivative(n: float, x: float) -> float:
    """The n-th derivative of sinc; nan for an n that is no whole number from 0 to 100.

    From x·sinc⁽ᵏ⁾ + k·sinc⁽ᵏ⁻¹⁾ = πᵏ⁻¹ sin(πx + kπ/2), which is sinc·x differentiated k times;
    near 0, where that cancels, from the power series Σ (-1)ʲ (πx)²ʲ / (2j + 1)! term by term.
    """
    if x != x or not _is_order(n):
        return nan
    if math.isinf(x):
        return 0.0
    order = int(n)
    if abs(x) >= 0.5 + order / 8:
        y = 0.0
        for k in range(order + 1):
            y = (pi ** (k - 1) * _sine_of_pi(x, k) - k * y) / x
        return y
    j = (order + 1) // 2  # the first term that n derivatives leave
    power = 2 * j - order
    term = (-1.0) ** j * pi ** (2 * j) * x**power  # (-1)ʲ π²ʲ x^(2j-n) / (2j-n)!
    y = 0.0
    while abs(term) > abs(y) * 1e-17:
        y += term / (2 * j + 1)
        term *= -((pi * x) ** 2) / ((power + 1) * (power + 2))
        j += 1
        power += 2
    return y


# The gamma function's family. Bernoulli numbers B₂, B₄, … of the asymptotic series:

# fmt: off
_BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611
    / 330,
)
# fmt: on

# ζ(k) - 1 for k = 2, 3, …
# fmt: off
_ZETA_LESS_ONE = (
    0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993,
    0.01734306198444914, 0.008349277381922827, 0.00407735619794434, 0.0020083928260822143,
    0.0009945751278180853, 0.0004941886041194645, 0.0002460865533080483, 0.00012271334757848915,
    6.124813505870483e-05, 3.058823630702049e-05, 1.528225940865187e-05, 7.637197637899763e-06,
    3.81729326499984e-06, 1.908212716553939e-06, 9.539620338727962e-07, 4.769329867878064e-07,
    2.38450502727733e-07, 1.1921992596531106e-07, 5.960818905125948e-08, 2.980350351465228e-08,
    1.4901554828365043e-08, 7.45071178983543e-09, 3.725334024788457e-09, 1.862659723513049e-09,
    9.313274324196682e-10, 4.656629065033784e-10, 2.3283118336765053e-10, 1.164155017270052e-10,
)
# fmt: on

_EULER = 0.5772156649015329  # γ = -ψ(1)


def _lgamma_near_two(z: float) -> float:
    """lgamma(2 + z) = (1 - γ)z + Σ (-1)ᵏ (ζ(k) - 1) zᵏ / k, for z in [-0.6, 0.6]."""
    y = 0.0
    for i in range(len(_ZETA_LESS_ONE) - 1, -1, -1):
        y = y * -z + _ZETA_LESS_ONE[i] / (i + 2)
    return z * ((1 - _EULER) + z * y)


def lgamma(x: float) -> float:
    """Logarithm of the absolute value of the gamma function."""
    if math.isinf(x):
        return inf
    if abs(x) < 1e-20:  # Γ(x) = 1/x - γ + …
        return -log(abs(x))
    if x < 0:  # Γ(x) Γ(-x) = -π / (x sin πx)
        return log(div(pi, abs(x * _sine_of_pi(x, 0)))) - lgamma(-x)
    if x < 0.5:
        return lgamma(x + 1) - log(x)
    if x < 1.4:
        return _lgamma_near_two(x - 1) - log1p(x - 1)
    if x < 9:  # Γ(x) = (x - 1)(x - 2)… Γ(x - n)
        product = 1.0
        while x > 2.6:
            x -= 1
            product *= x
        return log(product) + _lgamma_near_two(x - 2)
    series = 0.0
    if x < 1e9:  # beyond, the series is below the last bit
        for k in range(len(_BERNOULLI), 0, -1):
            series = series / (x * x) + _BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    return (x - 0.5) * (log(x) - 1) + (0.4189385332046727 + series / x)  # (log 2π - 1) / 2


def digamma(x: float) -> float:
    """The derivative of lgamma; nan at a pole below 0."""
    if x <= 0:  # ψ(x) = ψ(1 - x) - π / tan(πx)
        if x == 0 or floor(x) == x:
            return div(-1.0, x) if x == 0 else nan
        return digamma(1 - x) - pi * (_sine_of_pi(x, 1) / _sine_of_pi(x, 0))
    below = 0.0
    while x < 10:  # ψ(x) = ψ(x + 1) - 1/x
        below -= 1 / x
        x += 1
    series = 0.0
    inverse = 1 / x
    square = inverse * inverse
    for k in range(len(_BERNOULLI), 0, -1):
        series = (series + _BERNOULLI[k - 1] / (2 * k)) * square
    return (log(x) - 0.5 * inverse - series) + below


def polygamma(n: float, x: float) -> float:
    """The n-th derivative of digamma; at a pole inf for odd n, nan for even n.

    Nan for an n that is no whole number from 0 to 100.

    Recurrence, reflection and asymptotic series: https://dlmf.nist.gov/5.15.
    """
    if x != x or not _is_order(n):
        return nan
    order = int(n)
    if order == 0:
        return digamma(x)
    odd = order % 2 == 1
    factorial = float(math.factorial(order))
    if abs(x) < 1e-20:  # where the pole at 0 is all there is
        return factorial * pow(x, -(n + 1)) * (1.0 if odd else -1.0)
    if x < 0:
        if floor(x) == x:
            return inf if odd else nan
        reflected = polygamma(n, 1 - x)
        derivative = _cotangent_derivative(order, x)
        return (-reflected if odd else reflected) - pi * derivative
    if math.isinf(x):
        return 0.0
    above = 0.0
    while x < 10 + order:
        above += factorial * pow(x, -(n + 1))
        x += 1
    inverse = 1 / x
    series = 0.0
    for k in range(len(_BERNOULLI), 0, -1):  # B₂ₖ (2k + n - 1)! / (2k)!
        growth = math.factorial(2 * k + order - 1) / math.factorial(2 * k)
        series = (series + _BERNOULLI[k - 1] * growth) * inverse * inverse
    y = (series + factorial * (1 / n + 0.5 * inverse)) * pow(inverse, n) + above
    return y if odd else -y


def _cotangent_derivative(n: int, x: float) -> float:
    """The n-th derivative of cot(πx): a polynomial in c = cot(πx), since c' = -π(1 + c²)."""
    coefficients = [0.0, 1.0]
    for _ in range(n):
        slopes = [k * coefficients[k] for k in range(1, len(coefficients))]
        coefficients = [*slopes, 0.0, 0.0]
        for k, slope in enumerate(slopes):
            coefficients[k + 2] += slope
        coefficients = [-pi * coefficient for coefficient in coefficients]
    c = _sine_of_pi(x, 1) / _sine_of_pi(x, 0)
    y = 0.0
    for coefficient in reversed(coefficients):
        y = y * c + coefficient
    return y
