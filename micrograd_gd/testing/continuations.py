"""The table's functions over mpmath's numbers, real and complex.

Each is the analytic continuation of a real one on the side where the real part is; for some,
mpmath's own continuation is not exact in a tiny imaginary part, and its first term, that part times
the textbook's derivative, stands for it. Where a real function has no value, it is nan.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from mpmath import mp, mpc, mpf

from micrograd_gd.table import ieee

__all__ = ["FUNCTIONS", "hypot"]

NAN = mpf("nan")
FAR = 1e4  # exp(-x²) is below all floats long before


def _sign(z: Any) -> Any:
    return mp.sign(z.real)


def _abs(z: Any) -> Any:
    return z if z.real >= 0 else -z


def _pow(a: Any, b: Any) -> Any:
    if b == 0 or a == 1:
        return mpf(1)
    is_whole = not b.imag and b.real == mp.floor(b.real)
    if is_whole and abs(b.real) < 2**53:
        return a ** int(b.real)
    if a == 0:
        return mpf(0) if b.real > 0 else mpf("inf")
    return NAN if a.real < 0 and not is_whole else a**b


def _cbrt(z: Any) -> Any:
    return _sign(z) * mp.cbrt(_abs(z))


def _floordiv(a: Any, b: Any) -> Any:
    return mp.floor(a.real / b.real)


def _fmod(a: Any, b: Any) -> Any:
    quotient = a.real / b.real
    return _remainder(a, b, mp.floor(quotient) if quotient >= 0 else mp.ceil(quotient))


def _remainder(a: Any, b: Any, count: Any) -> Any:
    return a - b * count if count else a  # also where b is infinite


def _round(z: Any) -> Any:
    """To the nearest whole number, of two to the even one."""
    below = mp.floor(z.real)
    rest = z.real - below
    is_up = rest > 0.5 or (rest == 0.5 and below % 2)
    return below + 1 if is_up else below


def hypot(a: Any, b: Any) -> Any:
    """The length of the vector (a, b)."""
    return mp.sqrt(a * a + b * b)


def _atan2(a: Any, b: Any) -> Any:
    """The angle of the real parts, and how far the rest turns it."""
    height, width = a.real, b.real
    angle = mp.atan2(height, width)
    if height == 0 and width == 0:
        return angle
    return angle + (a * width - b * height) / (width * width + height * height)


def _continue(value: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def function(z: Any) -> Any:
        y = value(z.real)
        return y + mpc(0, z.imag) * slope(z.real) if z.imag else y

    return function


def _remember(function: Callable[..., Any]) -> Callable[..., Any]:
    """A slow function, which is asked for the same numbers again and again."""

    @lru_cache(maxsize=1000)
    def remember(_precision: int, *arguments: Any) -> Any:
        return function(*arguments)

    return lambda *arguments: remember(mp.prec, *arguments)


@_remember
def _log_abs_gamma(x: Any) -> Any:
    if x > 0:
        return mp.loggamma(x)
    return mp.log(mp.pi / abs(mp.sinpi(x))) - mp.loggamma(1 - x)


@_remember
def _polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of digamma; below 0 by reflection, or it would take x steps up to there.

    ψ⁽ⁿ⁾(x) = (-1)ⁿ ψ⁽ⁿ⁾(1 - x) - π dⁿ/dxⁿ cot(πx), a polynomial in c = cot(πx), as c' = -π(1 + c²).
    """
    if x > 0:
        return mp.polygamma(n, x)
    polynomial = [mpf(0), mpf(1)]
    for _ in range(n):
        slopes = [k * factor for k, factor in enumerate(polynomial)][1:]
        pairs = zip([*slopes, 0, 0], [0, 0, *slopes], strict=True)
        polynomial = [-mp.pi * (low + high) for low, high in pairs]
    c, reflected = mp.cospi(x) / mp.sinpi(x), mpf(0)
    for factor in reversed(polynomial):
        reflected = reflected * c + factor
    return (-1) ** n * mp.polygamma(n, 1 - x) - mp.pi * reflected


@_remember
def _sinc_derivative(n: int, x: Any) -> Any:
    """The n-th derivative of sinc, πⁿ ∫₀¹ tⁿ cos(πtx + nπ/2) dt, summed as a series."""
    minus = -((mp.pi * x / 2) ** 2)
    half = mpf(n + 1 + n % 2) / 2
    series = mp.hyp1f2(half, mpf(1) / 2 + n % 2, half + 1, minus) / (2 * half)
    if n % 2:
        return -((-1) ** (n // 2)) * mp.pi ** (n + 1) * x * series
    return (-1) ** (n // 2) * mp.pi**n * series


def _family(member: Callable[[int, Any], Any]) -> Callable[[Any, Any], Any]:
    """Functions numbered so that each is the derivative of the one before."""

    def function(n: Any, z: Any) -> Any:
        if not (mp.isint(n) and 0 <= n.real <= 100 and mp.isfinite(z)):
            return NAN
        order = int(n.real)
        return _continue(partial(member, order), partial(member, order + 1))(z)

    return function


def _bell(x: Any) -> Any:
    """The slope of erf; far out it is below all floats, and takes mpmath seconds."""
    return 2 / mp.sqrt(mp.pi) * mp.exp(-x * x) if abs(x) < FAR else mpf(0)


@_remember
def _erf(x: Any) -> Any:
    return mp.erf(x) if abs(x) < FAR else mp.sign(x)


@_remember
def _erfc(x: Any) -> Any:
    return mp.erfc(x) if abs(x) < FAR else 1 - mp.sign(x)


@_remember
def _erfcx_derivative(n: int, x: Any) -> Any:
    """By recurrence from y' = 2xy - 2/√π, with digits to spare, since its terms cancel above 0.

    Far out (-1)ⁿ n! U((n + 1) / 2, ½, x²) / √π, by its asymptotic series.
    """
    if x > FAR:
        factor = (-1) ** n * mp.factorial(n) / mp.sqrt(mp.pi)
        return factor * mp.hyperu(mpf(n + 1) / 2, mpf(1) / 2, x * x)
    if x < -FAR:
        return (-1) ** n * mp.inf
    with mp.extradps(int(2 * n * mp.log10(2 + abs(x))) + 5):
        before, y = mpf(0), mp.exp(x * x) * mp.erfc(x)
        for k in range(n):
            before, y = y, 2 * x * y + (2 * k * before if k else -2 / mp.sqrt(mp.pi))
        return y


@_remember
def _erfinv(x: Any, rest: Any) -> Any:
    """The number whose erf is x, which is not negative, and what is left of it to 1."""
    if x < 0.5:
        return mp.erfinv(x)
    z = mp.sqrt(-mp.log(rest))
    step = z
    while abs(step) > z * mp.eps * 100:  # log erfc is concave, and falls
        y = mp.erfc(z)
        step = (mp.log(y) - mp.log(rest)) * y / _bell(z)
        z += step
    return z


def _inverse_of_erf(z: Any) -> Any:
    if not -1 < z.real < 1:
        return NAN if abs(z.real) != 1 else mp.sign(z.real) * mp.inf
    return _continue(
        lambda x: mp.sign(x) * _erfinv(abs(x), 1 - abs(x)),
        lambda x: 1 / _bell(_erfinv(abs(x), 1 - abs(x))),
    )(z)


def _ndtri(z: Any) -> Any:
    if not 0 < z.real < 1:
        return NAN if z.real not in {0, 1} else (2 * z.real - 1) * mp.inf

    def find(p: Any) -> Any:
        rest = 2 * min(p, 1 - p)
        return mp.sqrt(2) * mp.sign(2 * p - 1) * _erfinv(1 - rest, rest)

    return _continue(find, lambda p: mp.sqrt(2 * mp.pi) * mp.exp(find(p) ** 2 / 2))(z)


@_remember
def _gamma(x: Any) -> Any:
    if x <= 0 and x == mp.floor(x):
        return NAN if x else mp.inf
    return mp.gamma(x) if abs(x) < FAR else mp.inf if x > 0 else mpf(0)


# What the functions of `ieee` are, under their names.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "div": lambda a, b: a / b,
    "pow": _pow,
    "floordiv": _floordiv,
    "mod": lambda a, b: _remainder(a, b, _floordiv(a, b)),
    "fmod": _fmod,
    "floor": lambda z: mp.floor(z.real),
    "ceil": lambda z: mp.ceil(z.real),
    "round": _round,
    "sign": _sign,
    "abs": _abs,
    "exp": mp.exp,
    "exp2": lambda z: mpf(2) ** z,
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda z: mp.log(z) / mp.ln2,
    "log10": lambda z: mp.log(z) / mp.ln10,
    "log1p": mp.log1p,
    "sqrt": mp.sqrt,
    "cbrt": _cbrt,
    "hypot": hypot,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": _continue(mp.asin, lambda x: 1 / mp.sqrt(1 - x * x)),
    "acos": _continue(mp.acos, lambda x: -1 / mp.sqrt(1 - x * x)),
    "atan": _continue(mp.atan, lambda x: 1 / (1 + x * x)),
    "atan2": _atan2,
    "sinc": _continue(mp.sincpi, partial(_sinc_derivative, 1)),
    "sinc_derivative": _family(_sinc_derivative),
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "sech": mp.sech,
    "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "erf": _continue(_erf, _bell),
    "erfc": _continue(_erfc, lambda x: -_bell(x)),
    "erfcx": _continue(partial(_erfcx_derivative, 0), partial(_erfcx_derivative, 1)),
    "erfcx_derivative": _family(_erfcx_derivative),
    "erfinv": _inverse_of_erf,
    "ndtri": _ndtri,
    "gamma": _continue(_gamma, lambda x: _gamma(x) * _polygamma(0, x)),
    "lgamma": _continue(_log_abs_gamma, partial(_polygamma, 0)),
    "digamma": _continue(partial(_polygamma, 0), partial(_polygamma, 1)),
    "polygamma": _family(_polygamma),
}


def check_functions() -> None:
    """Raise NotImplementedError if a function of table/ieee.py is missing above."""
    for name in ieee.__all__:
        if name not in FUNCTIONS:
            raise NotImplementedError(
                f"table/ieee.py has {name}, and testing/continuations.py lacks it: "
                f"say in FUNCTIONS there what it is over mpmath's numbers"
            )


check_functions()
