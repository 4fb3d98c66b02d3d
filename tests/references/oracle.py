"""The truth about every row of the table, in mpmath: what the accuracy tests measure against.

An oracle takes the operands as mpmath numbers and returns the value, the first partials and the
second partials as `(f, [f_a, f_b], [[f_aa, f_ab], [f_ba, f_bb]])`. Its formulas are the textbook
ones, written without a thought for rounding: `truth` evaluates them with ever more digits until
two evaluations agree. A row without an oracle is judged by its own formula and by differences of
it, and differences hold the textbook to account, in tests/project/test_oracle.py.
"""

from math import factorial
from typing import NamedTuple

from mpmath import mp, mpf

from micrograd_gd.table import expression
from micrograd_gd.table.ops import OPERATIONS

__all__ = ["INDICES", "NEAR", "ORACLES", "Truth", "differences", "truth", "value"]


class Truth(NamedTuple):
    """Value, first and second partials in one list, and Σ |xᵢ ∂Q/∂xᵢ| for each of them."""

    quantities: list
    sensitivities: list


# Evaluation.

DIGITS = 50
AGREEMENT = mpf("1e-30")  # two evaluations that differ less are both right
CERTAIN = 800  # what is still 0 with so many digits is 0, or below every float
STEP = mpf("1e-25")  # relative, for the slopes in sensitivities; these need few digits


def truth(name, operands):
    """The quantities of a row at floats, and how much each follows its operands, Σ |xᵢ ∂Q/∂xᵢ|."""
    oracle = ORACLES.get(name) or differences(_formula(name))
    operands = [mpf(x) for x in operands]
    digits, quantities = _find_agreement(oracle, operands)
    sensitivities = [mpf(0)] * len(quantities)
    for i, x in enumerate(operands):
        if x == 0 or i < INDICES.get(name, 0):
            continue
        step = STEP / max(1, abs(x))  # small beside the period of a sine
        with mp.workdps(digits + 30 + int(-mp.log10(step))):
            above = _flat(oracle, [*operands[:i], x * (1 + step), *operands[i + 1 :]])
            below = _flat(oracle, [*operands[:i], x * (1 - step), *operands[i + 1 :]])
            for j, (high, low) in enumerate(zip(above, below, strict=True)):
                sensitivities[j] += abs(high - low) / (2 * step)
    return Truth([mp.mpmathify(q) for q in quantities], sensitivities)


def _find_agreement(oracle, operands):
    """The quantities, and the number of digits at which half as many again gave the same."""
    digits = DIGITS
    while digits < 8000:
        with mp.workdps(digits):
            short = _flat(oracle, operands)
        with mp.workdps(digits + digits // 2):
            long = _flat(oracle, operands)
            agree = all(map(_agree, short, long))
        cancelled = any(q == 0 and not isinstance(q, int) for q in long)
        if agree and (not cancelled or digits > CERTAIN):
            return digits, long
        digits = CERTAIN + 1 if agree else 3 * digits
    raise ArithmeticError(f"no agreement at {operands}: {short} and {long}")


def _agree(short, long):
    return short == long or short != short or abs(short - long) <= AGREEMENT * abs(long)


def _flat(oracle, operands):
    value, first, second = oracle(*operands)
    return [value, *first, *(q for row in second for q in row)]


# Partials without a textbook.


def differences(f):
    """The oracle of a function: its partials by central differences, to half of the digits."""

    def oracle(*operands):
        h = mpf(10) ** (-(mp.dps // 4))
        size = max([0, *(int(mp.log10(abs(x))) for x in operands if x)])
        known = {}

        def at(*steps):  # so many steps along so many operands
            if steps not in known:
                known[steps] = f(*(x + k * h for x, k in zip(operands, steps, strict=True)))
            return known[steps]

        def along(*moves):
            steps = [0] * len(operands)
            for i, k in moves:
                steps[i] += k
            return at(*steps)

        def quotient(difference, power):
            noise = max(map(abs, known.values())) * mpf(10) ** (10 - digits) / h**power
            return difference / h**power if abs(difference / h**power) > noise else mpf(0)

        digits, places = mp.dps, range(len(operands))
        with mp.extradps(size):
            y = along()
            first = [quotient((along((i, 1)) - along((i, -1))) / 2, 1) for i in places]
            second = [
                [
                    quotient(along((i, 1)) - 2 * y + along((i, -1)), 2)
                    if i == j
                    else quotient(
                        sum(k * m * along((i, k), (j, m)) for k in (-1, 1) for m in (-1, 1)) / 4, 2
                    )
                    for j in places
                ]
                for i in places
            ]
        return y, first, second

    return oracle


def _formula(name):
    """The value of a row as its own formula has it, of oracles for the rows that it calls."""
    row = OPERATIONS[name]
    tree = expression.on_values(row.tree(row.value))
    calls = expression.calls(tree)
    if name in calls:
        raise NotImplementedError(f"{name} is no formula: give it an oracle in {__file__}")
    return expression.function(row.operands, tree, {called: value(called) for called in calls})


def value(name):
    """The function that a row computes, on mpmath's numbers."""
    return (lambda *operands: ORACLES[name](*operands)[0]) if name in ORACLES else _formula(name)


# Oracles, in the order of the table.

ORACLES = {}
INDICES = {
    "sinc_derivative": 1,
    "polygamma": 1,
    "erfcx_derivative": 1,
}  # so many operands only number a family: no slope


def _row(oracle):
    ORACLES[oracle.__name__.strip("_")] = oracle
    return oracle


def _of_x(name, f, d1, d2):
    ORACLES[name] = lambda x: (f(x), [d1(x)], [[d2(x)]])


def _flat_row(name, f):
    ORACLES[name] = lambda *operands: (
        f(*operands),
        [0 for _ in operands],
        [[0 for _ in operands] for _ in operands],
    )


def _sign(x):
    return mp.sign(x)


@_row
def add(a, b):
    return a + b, [1, 1], [[0, 0], [0, 0]]


@_row
def sub(a, b):
    return a - b, [1, -1], [[0, 0], [0, 0]]


@_row
def mul(a, b):
    return a * b, [b, a], [[0, 1], [1, 0]]


@_row
def div(a, b):
    return a / b, [1 / b, -a / b**2], [[0, -1 / b**2], [-1 / b**2, 2 * a / b**3]]


_of_x("neg", lambda x: -x, lambda _: -1, lambda _: 0)


@_row
def _pow(a, b):
    log = mp.log(a)
    mixed = mp.exp((b - 1) * log) * (1 + b * log)
    return (
        mp.exp(b * log),
        [b * mp.exp((b - 1) * log), log * mp.exp(b * log)],
        [[b * (b - 1) * mp.exp((b - 2) * log), mixed], [mixed, log**2 * mp.exp(b * log)]],
    )


_of_x("square", lambda x: x**2, lambda x: 2 * x, lambda _: 2)
_of_x("reciprocal", lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3)

_flat_row("floordiv", lambda a, b: mp.floor(a / b))


@_row
def mod(a, b):
    whole = mp.floor(a / b)
    return a - b * whole, [1, -whole], [[0, 0], [0, 0]]


@_row
def fmod(a, b):
    whole = _sign(a / b) * mp.floor(abs(a / b))
    return a - b * whole, [1, -whole], [[0, 0], [0, 0]]


_flat_row("floor", mp.floor)
_flat_row("ceil", mp.ceil)
_flat_row("round", mp.nint)
_flat_row("sign", _sign)
_flat_row("less", lambda a, b: mp.mpf(a < b))
_flat_row("less_equal", lambda a, b: mp.mpf(a <= b))
_flat_row("equal", lambda a, b: mp.mpf(a == b))

_of_x("exp", mp.exp, mp.exp, mp.exp)
_of_x(
    "exp2",
    lambda x: mp.exp(x * mp.ln2),
    lambda x: mp.ln2 * mp.exp(x * mp.ln2),
    lambda x: mp.ln2**2 * mp.exp(x * mp.ln2),
)
_of_x("expm1", lambda x: mp.exp(x) - 1, mp.exp, mp.exp)
_of_x("log", mp.log, lambda x: 1 / x, lambda x: -1 / x**2)
_of_x(
    "log2",
    lambda x: mp.log(x) / mp.ln2,
    lambda x: 1 / (x * mp.ln2),
    lambda x: -1 / (x**2 * mp.ln2),
)
_of_x(
    "log10",
    lambda x: mp.log(x) / mp.ln10,
    lambda x: 1 / (x * mp.ln10),
    lambda x: -1 / (x**2 * mp.ln10),
)
_of_x("log1p", lambda x: mp.log(1 + x), lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2)


@_row
def logaddexp(a, b):
    p, q = _logistic(a - b), _logistic(b - a)
    return mp.log(mp.exp(a) + mp.exp(b)), [p, q], [[p * q, -p * q], [-p * q, p * q]]


def _logistic(x):
    return 1 / (1 + mp.exp(-x))


@_row
def xlogy(a, b):
    return a * mp.log(b), [mp.log(b), a / b], [[0, 1 / b], [1 / b, -a / b**2]]


@_row
def xlog1py(a, b):
    log, slope = mp.log(1 + b), 1 / (1 + b)
    return a * log, [log, a * slope], [[0, slope], [slope, -a * slope**2]]


@_row
def kl_div(a, b):
    log = mp.log(a / b)
    return a * log - a + b, [log, 1 - a / b], [[1 / a, -1 / b], [-1 / b, a / b**2]]


_of_x("entr", lambda x: -x * mp.log(x), lambda x: -1 - mp.log(x), lambda x: -1 / x)
_of_x(
    "logit",
    lambda x: mp.log(x / (1 - x)),
    lambda x: 1 / (x * (1 - x)),
    lambda x: (2 * x - 1) / (x * (1 - x)) ** 2,
)
_of_x(
    "log1mexp",
    lambda x: mp.log1p(-mp.exp(-x)) if x > 1 else mp.log(-mp.expm1(-x)),
    lambda x: -mp.exp(-x) / mp.expm1(-x),
    lambda x: -mp.exp(-x) / mp.expm1(-x) ** 2,
)
_of_x("sqrt", mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), lambda x: -1 / (4 * x * mp.sqrt(x)))


@_row
def cbrt(x):
    y = _sign(x) * mp.cbrt(abs(x))
    return y, [y / (3 * x)], [[-2 * y / (9 * x**2)]]


@_row
def hypot(a, b):
    r = mp.sqrt(a**2 + b**2)
    return r, [a / r, b / r], [[b**2 / r**3, -a * b / r**3], [-a * b / r**3, a**2 / r**3]]


@_row
def direction(a, b):
    r = mp.sqrt(a**2 + b**2)
    mixed = b * (2 * a**2 - b**2) / r**5
    return (
        a / r,
        [b**2 / r**3, -a * b / r**3],
        [[-3 * a * b**2 / r**5, mixed], [mixed, a * (2 * b**2 - a**2) / r**5]],
    )


@_row
def inversion(a, b):
    square = a**2 + b**2
    bend = 2 * a * (a**2 - 3 * b**2) / square**3
    mixed = 2 * b * (3 * a**2 - b**2) / square**3
    return (
        a / square,
        [(b**2 - a**2) / square**2, -2 * a * b / square**2],
        [[bend, mixed], [mixed, -bend]],
    )


_of_x("sin", mp.sin, mp.cos, lambda x: -mp.sin(x))
_of_x("cos", mp.cos, lambda x: -mp.sin(x), lambda x: -mp.cos(x))
_of_x("tan", mp.tan, lambda x: mp.sec(x) ** 2, lambda x: 2 * mp.tan(x) * mp.sec(x) ** 2)
_of_x("asin", mp.asin, lambda x: (1 - x**2) ** -0.5, lambda x: x * (1 - x**2) ** -1.5)
_of_x("acos", mp.acos, lambda x: -((1 - x**2) ** -0.5), lambda x: -x * (1 - x**2) ** -1.5)
_of_x("complement", lambda x: 1 - x**2, lambda x: -2 * x, lambda _: -2)
_of_x("atan", mp.atan, lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2)


@_row
def atan2(a, b):
    square = a**2 + b**2
    mixed = (a**2 - b**2) / square**2
    twice = 2 * a * b / square**2
    return mp.atan2(a, b), [b / square, -a / square], [[-twice, mixed], [mixed, twice]]


@_row
def sinc(x):
    return _sinc(0, x), [_sinc(1, x)], [[_sinc(2, x)]]


@_row
def sinc_derivative(n, x):
    n = int(n)
    return _sinc(n, x), [0, _sinc(n + 1, x)], [[0, 0], [0, _sinc(n + 2, x)]]


def _sinc(n, x):
    """The n-th derivative of sin(πx)/(πx), by Leibniz's rule, near 0 by the power series."""
    if abs(x) > mpf("0.01"):
        waves = (mp.sinpi(x), mp.cospi(x), -mp.sinpi(x), -mp.cospi(x))
        return sum(
            mp.binomial(n, k)
            * mp.pi ** (k - 1)
            * waves[k % 4]
            * (-1) ** (n - k)
            * factorial(n - k)
            * x ** (k - n - 1)
            for k in range(n + 1)
        )
    y = mpf(0)
    for j in range((n + 1) // 2, mp.dps):  # with x < 0.01 each term is a thousandth of the last
        power = 2 * j - n
        y += (-1) ** j * mp.pi ** (2 * j) * x**power / ((2 * j + 1) * mpf(factorial(power)))
    return y


_of_x("sinh", mp.sinh, mp.cosh, mp.sinh)
_of_x("cosh", mp.cosh, mp.sinh, mp.cosh)
_of_x("tanh", mp.tanh, lambda x: mp.sech(x) ** 2, lambda x: -2 * mp.tanh(x) * mp.sech(x) ** 2)
_of_x(
    "sech",
    mp.sech,
    lambda x: -mp.sech(x) * mp.tanh(x),
    lambda x: mp.sech(x) * (mp.tanh(x) ** 2 - mp.sech(x) ** 2),
)
_of_x("asinh", mp.asinh, lambda x: (1 + x**2) ** -0.5, lambda x: -x * (1 + x**2) ** -1.5)
_of_x("acosh", mp.acosh, lambda x: (x**2 - 1) ** -0.5, lambda x: -x * (x**2 - 1) ** -1.5)
_of_x("atanh", mp.atanh, lambda x: 1 / (1 - x**2), lambda x: 2 * x / (1 - x**2) ** 2)


@_row
def sigmoid(x):
    p, q = _logistic(x), _logistic(-x)
    return p, [p * q], [[p * q * (q - p)]]


@_row
def logsigmoid(x):
    p, q = _logistic(x), _logistic(-x)
    return -mp.log(1 + mp.exp(-x)), [q], [[-p * q]]


@_row
def softplus(x):
    p, q = _logistic(x), _logistic(-x)
    return mp.log(1 + mp.exp(x)), [p], [[p * q]]


@_row
def softsign(x):
    bend = -2 * _sign(x) / (1 + abs(x)) ** 3 if x else mp.nan  # the slope has a kink at 0
    return x / (1 + abs(x)), [1 / (1 + abs(x)) ** 2], [[bend]]


@_row
def relu(x):
    return max(x, mpf(0)), [int(x > 0)], [[0]]


@_row
def leaky_relu(x, slope):
    if x > 0:
        return x, [1, 0], [[0, 0], [0, 0]]
    return slope * x, [slope, x], [[0, 1], [1, 0]]


@_row
def elu(x, alpha):
    if x > 0:
        return x, [1, 0], [[0, 0], [0, 0]]
    e = mp.exp(x)
    return alpha * (e - 1), [alpha * e, e - 1], [[alpha * e, e], [e, 0]]


@_row
def selu(x):
    scale = mpf("1.0507009873554804934193349852946")
    alpha = mpf("1.6732632423543772848170429916717")
    if x > 0:
        return scale * x, [scale], [[0]]
    e = scale * alpha * mp.exp(x)
    return e - scale * alpha, [e], [[e]]


@_row
def gelu(x):
    density = mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi)
    share = _erfc(-x / mp.sqrt(2)) / 2
    return x * share, [share + x * density], [[density * (2 - x**2)]]


@_row
def gelu_tanh(x):
    c = mpf("0.044715")  # on the float of it rests the row
    z, z1, z2 = x + c * x**3, 1 + 3 * c * x**2, 6 * c * x
    k = mp.sqrt(2 / mp.pi)
    t, d = mp.tanh(k * z), k * mp.sech(k * z) ** 2
    return (
        x * (1 + t) / 2,
        [(1 + t + x * d * z1) / 2],
        [[d * z1 + x * d * (z2 / 2 - k * t * z1**2)]],
    )


@_row
def silu(x):
    p, q = _logistic(x), _logistic(-x)
    return x * p, [p + x * p * q], [[p * q * (2 + x * (q - p))]]


@_row
def mish(x):
    """From tanh(log(1 + w)) = w(w + 2)/(w² + 2w + 2), w = exp x."""
    w = mp.exp(x)
    d = w**2 + 2 * w + 2
    t = w * (w + 2) / d
    t1 = 4 * w * (w + 1) / d**2
    t2 = 4 * w * (2 * w + 1) / d**2 - 16 * (w * (w + 1)) ** 2 / d**3
    return x * t, [t + x * t1], [[2 * t1 + x * t2]]


_of_x("abs", abs, _sign, lambda _: 0)


@_row
def minimum(a, b):
    return min(a, b), [int(a < b), int(b < a)], [[0, 0], [0, 0]]


@_row
def maximum(a, b):
    return max(a, b), [int(a > b), int(b > a)], [[0, 0], [0, 0]]


ORACLES["fmin"], ORACLES["fmax"] = minimum, maximum


@_row
def clip(x, low, high):
    none = [[0, 0, 0]] * 3
    if low > high or x > high:
        return high, [0, 0, 1], none
    return (low, [0, 1, 0], none) if x < low else (x, [1, 0, 0], none)


@_row
def where(c, a, b):
    return a if c else b, [0, int(c != 0), int(c == 0)], [[0, 0, 0]] * 3


def _bell(x):
    return 2 / mp.sqrt(mp.pi) * mp.exp(-(x**2))


def _erfc(x):
    if abs(x) > 1e6:  # beyond what mpmath can do; the difference is below every float
        return 0 if x > 0 else 2
    return mp.erfc(x)


_of_x(
    "erf", lambda x: mp.erf(x) if abs(x) < 1 else 1 - _erfc(x), _bell, lambda x: -2 * x * _bell(x)
)
_of_x("erfc", _erfc, lambda x: -_bell(x), lambda x: 2 * x * _bell(x))


@_row
def erfcx(x):
    return _erfcx(0, x), [_erfcx(1, x)], [[_erfcx(2, x)]]


@_row
def erfcx_derivative(n, x):
    n = int(n)
    return _erfcx(n, x), [0, _erfcx(n + 1, x)], [[0, 0], [0, _erfcx(n + 2, x)]]


def _erfcx(n, x):
    """By Leibniz's rule, and far out by Tricomi's function (https://dlmf.nist.gov/7.18.E11)."""
    if x > 30:
        factor = (-1) ** n * mp.factorial(n) / mp.sqrt(mp.pi)
        return factor * mp.hyperu(mpf(n + 1) / 2, mpf(1) / 2, x**2)
    # Derivatives of exp(x²) are it times polynomials: those of Hermite at an imaginary number.
    hill, valley = mp.exp(x**2), -2 / mp.sqrt(mp.pi) * mp.exp(-(x**2))
    hills = [hill * h for h in _hermite(n, x, 1)]
    waves = [_erfc(x), *(valley * (-1) ** k * h for k, h in enumerate(_hermite(n, x, -1)))]
    return sum(mp.binomial(n, k) * hills[n - k] * waves[k] for k in range(n + 1))


def _hermite(n, x, sign):
    """The polynomials of Hermite up to the n-th, and for the sign 1 those of ix over iᵏ."""
    before, y = mpf(0), mpf(1)
    for k in range(n + 1):
        yield y
        before, y = y, 2 * x * y + sign * 2 * k * before


@_row
def erfinv(x):
    if abs(x) >= 1:
        return mp.nan, [mp.nan], [[mp.nan]]
    z = mp.sign(x) * _inverse_erfc(1 - abs(x)) if abs(x) > 0.5 else mp.erfinv(x)
    slope = 1 / _bell(z)
    return z, [slope], [[2 * z * slope**2]]


@_row
def ndtri(p):
    if not 0 < p < 1:
        return mp.nan, [mp.nan], [[mp.nan]]
    z = _inverse_erfc(2 * min(p, 1 - p)) * mp.sqrt(2) * mp.sign(p - 0.5)
    slope = mp.sqrt(2 * mp.pi) * mp.exp(z**2 / 2)
    return z, [slope], [[z * slope**2]]


def _inverse_erfc(q):
    """By bisection in the logarithm, and Newton's steps at its end."""
    z = mp.findroot(lambda z: mp.log(mp.erfc(z)) - mp.log(q), (0, 40), solver="anderson", tol=1e-9)
    for _ in range(int(mp.log(mp.dps, 2)) + 2):
        z += (mp.erfc(z) - q) / _bell(z)
    return z


@_row
def log_ndtr(x):
    share = _erfc(-x / mp.sqrt(2)) / 2 if x < 0 else 1 - _erfc(x / mp.sqrt(2)) / 2
    if x < -1e4:  # by the asymptotic series; mpmath's erfc ends
        slope = mp.sqrt(2 / mp.pi) / _erfcx(0, -x / mp.sqrt(2))
        log = -(x**2) / 2 + mp.log(_erfcx(0, -x / mp.sqrt(2)) / 2)
    else:
        slope = mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi) / share
        log = mp.log(share)
    return log, [slope], [[-slope * (x + slope)]]


@_row
def gamma(x):
    y, psi = mp.gamma(x), _psi(0, x)
    return y, [y * psi], [[y * (psi**2 + _psi(1, x))]]


@_row
def lgamma(x):
    return _log_gamma(x), [_psi(0, x)], [[_psi(1, x)]]


@_row
def digamma(x):
    return _psi(0, x), [_psi(1, x)], [[_psi(2, x)]]


@_row
def polygamma(n, x):
    n = int(n)
    return _psi(n, x), [0, _psi(n + 1, x)], [[0, 0], [0, _psi(n + 2, x)]]


def _log_gamma(x):
    return mp.re(mp.loggamma(x))


def _psi(n, x):
    if x > 0:
        return mp.psi(n, x)
    # ψ⁽ⁿ⁾(x) = (-1)ⁿ ψ⁽ⁿ⁾(1 - x) - π dⁿ/dxⁿ cot(πx), whose derivatives are polynomials in cot
    polynomial = [0, 1]
    for _ in range(n):  # c' = -π(1 + c²)
        slopes = [k * coefficient for k, coefficient in enumerate(polynomial)][1:]
        polynomial = [
            -(low + high) for low, high in zip([*slopes, 0, 0], [0, 0, *slopes], strict=True)
        ]
    cotangent = mp.cospi(x) / mp.sinpi(x)
    derivative = mp.pi**n * sum(c * cotangent**k for k, c in enumerate(polynomial))
    return (-1) ** n * mp.psi(n, 1 - x) - mp.pi * derivative


@_row
def total(*operands):
    n = len(operands)
    return mp.fsum(operands), [1] * n, [[0] * n] * n


@_row
def dot(s, *pairs):
    n = len(pairs) // 2
    ws, xs = pairs[:n], pairs[n:]
    second = [[0] * (2 * n + 1) for _ in range(2 * n + 1)]
    for i in range(n):
        second[1 + i][1 + n + i] = second[1 + n + i][1 + i] = 1
    return s + mp.fdot(ws, xs), [1, *xs, *ws], second


# Where the value or a derivative has a zero, a pole, or changes its formula.

_QUARTERS = [0.7853981633974483 * k for k in range(-9, 10)]
_WHOLES = [float(k) for k in range(-12, 13)]

NEAR = {
    "log": [1.0],
    "log2": [1.0, 8.0, 1024.0],
    "log10": [1.0, 10.0, 1e5],
    "log1p": [-1.0, 1.0],
    "sin": _QUARTERS,
    "cos": _QUARTERS,
    "tan": _QUARTERS,
    "asin": [0.7071067811865476, 1.0, -1.0],
    "acos": [1.0, -1.0],
    "sinc": [*_WHOLES, 0.5, 0.6626743, 1.4302966531242028, 2.459024],
    "sinc_derivative": [*_WHOLES, 0.5, 0.75, 1.25, 1.5, 1.75],
    "atanh": [0.5, 1.0, -1.0],
    "complement": [1.0, -1.0],
    "sech": [0.881373587019543],
    "logit": [0.5, 1.0],
    "entr": [0.36787944117144233],
    "log1mexp": [0.7],
    "gelu": [-0.7517915247, -1.4142135623730951, 1.4142135623730951, -40.0, 40.0],
    "gelu_tanh": [-0.7524614220710163, -1.4, 1.4, -40.0, 40.0],
    "silu": [-1.2784645427610738, -2.3993572805154676, 2.3993572805154676, -700.0],
    "mish": [-1.1924312, -2.2564, 1.4906],
    "erfcx": [-1.0, -26.6, 0.75],
    "erfcx_derivative": [-1.0, 0.5, 26.0],
    "log_ndtr": [-1.0, 38.0, -38.0],
    "ndtri": [0.5, 0.075, 0.1, 0.9, 1.0],
    "erfinv": [0.85, 0.8, -0.8, 1.0, -1.0],
    "gamma": [*_WHOLES, 23.0, 171.6, 1.4616321449683623],
    "lgamma": [
        *_WHOLES,
        2.6,
        9.0,
        1.4616321449683623,
        -0.5040830082644554,
        -2.4570247382208006,
        -2.7476826467274127,
        -3.1435808883499799,
        -3.9552942848585977,
    ],
    "digamma": [*_WHOLES, 1.4616321449683623, -0.5040830082644554, -1.573498473162390],
    "polygamma": [*_WHOLES, -0.5, -1.5],
}
