"""Float functions that are total: where Python raises, these give the inf or nan of IEEE 754.

Every public function takes and returns 64-bit floats, and is what the table of operations means by
that name. Elementary functions are our own where they were built, and else those of `math`. The
others come from the C library wherever it has them, so that every engine gives the same bits.
(Python's `math` writes its own `hypot` and `lgamma`: they are not used here.)
"""

import math
from math import asinh, atan, atan2, cbrt, inf, nan, pi
from math import fabs as abs

from micrograd_gd.table.arithmetic import (
    acos,
    acosh,
    asin,
    atanh,
    ceil,
    div,
    floor,
    floordiv,
    fmod,
    hypot,
    mod,
    pow,
    round,
    sign,
    sqrt,
)
from micrograd_gd.table.elementary_floats import (
    cos,
    cosh,
    erf,
    erfc,
    erfcx,
    erfinv,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    ndtri,
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
    "cosh", "digamma", "div", "erf", "erfc", "erfcx", "erfcx_derivative", "erfinv", "exp", "exp2",
    "expm1", "floor", "floordiv", "fmod", "gamma", "hypot", "lgamma", "log", "log1p", "log2",
    "log10", "mod", "ndtri", "polygamma", "pow", "round", "sech", "sigmoid", "sign", "sin", "sinc",
    "sinc_derivative", "sinh", "sqrt", "tan", "tanh",
]
# fmt: on


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


def erfcx_derivative(n: float, x: float) -> float:
    """The n-th derivative of erfcx; nan for an n that is no whole number from 0 to 100.

    Below 0 from y⁽ᵏ⁺¹⁾ = 2x·y⁽ᵏ⁾ + 2k·y⁽ᵏ⁻¹⁾, which y' = 2xy - 2/√π gives. Its terms cancel above
    0: there from (-2)ⁿ⁺¹ / -√π · ∫ sⁿ exp(-s² - 2xs) ds, by equal steps of log s, whose error falls
    exponentially with the step.
    """
    if x != x or not _is_order(n):
        return nan
    y = 0.0
    if x < 0:
        before, y = 0.0, erfcx(x)
        for k in range(int(n)):
            before, y = y, 2 * x * y + (2 * k * before if k else -1.1283791670955126)
        return y
    c = 1 / (1 + x)  # s in units of that
    steps = 8 + 0.25 * n
    for j in range(-int(42 * steps / (n + 1)), int(5 * steps)):
        u = j / steps
        s = exp(u)
        y += exp((n + 1) * u - s * (c * s * c + 2 * (1 - c)))
    y *= 0.5641895835477563 / steps * pow(2 * c, n + 1)
    return -y if n % 2 == 1 else y


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


def gamma(x: float) -> float:
    """The gamma function: an infinity at either zero, nan at the poles below."""
    if x < -0.5:  # Γ(x) Γ(-x) = -π / (x sin πx)
        if floor(x) == x:
            return nan
        a, b = _gamma_in_parts(-x)
        return div(pi, -x * _sine_of_pi(x, 0)) / a / b
    a, b = _gamma_in_parts(x)
    return a * b


def _gamma_in_parts(x: float) -> tuple[float, float]:
    """Two factors of the gamma function, from -0.5 on: each is finite where the product is not."""
    if x < 0.5:
        return exp(_lgamma_near_two(x)) / (1 + x), div(1.0, x)
    if x < 1.4:
        return exp(_lgamma_near_two(x - 1)), 1 / x
    if x < 23:  # up to here products of whole numbers are exact
        product = 1.0
        while x > 2.6:
            x -= 1
            product *= x
        return exp(_lgamma_near_two(x - 2)), product
    if x > 200:
        return x, inf
    root = pow(x, x / 2 - 0.25) * exp(-x / 2)
    return root, root * (2.5066282746310002 * exp(_stirling(x) / x))


def _stirling(x: float) -> float:
    """The asymptotic series of lgamma, times x."""
    series = 0.0
    for k in range(len(_BERNOULLI), 0, -1):
        series = series / (x * x) + _BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    return series


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
    series = _stirling(x) if x < 1e9 else 0.0  # beyond, it is below the last bit
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
