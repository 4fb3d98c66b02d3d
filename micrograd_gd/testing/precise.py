"""The table's formulas over mpmath's numbers: any number of digits, real and complex.

Only the value of a row is read, never its partials: a derivative comes from a step of the operand
into the complex plane, f'(x) = Im f(x + ih) / h, which cancels nothing (Squire and Trapp, 1998). So
every function here is the analytic continuation of a real one on the side where the real part is;
for some, mpmath's own continuation is not exact in a tiny imaginary part, and its first term, that
part times the textbook's derivative, stands for it. Where a real function has no value, it is nan.
"""

import ast
from collections.abc import Callable, Sequence
from functools import lru_cache, partial, reduce
from typing import Any

from mpmath import mp, mpc, mpf

from micrograd_gd.table import expression, ieee
from micrograd_gd.table.ops import OPERATIONS, Operation

__all__ = ["NotReplayable", "evaluate", "jumps", "slopes"]

NAN = mpf("nan")
MOST = mpf(2) ** 1100  # numbers beyond are beyond all floats, and infinite here
FAR = 1e4  # exp(-x²) is below all floats long before
NEAR_ZERO = mpf("1e-100000")  # beside 0 is nearer than all floats, and their roots


class NotReplayable(Exception):  # noqa: N818 — nobody outside of this package meets it
    """An operation is Python code that turns its operands into floats."""


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
    return a - b * (mp.floor(quotient) if quotient >= 0 else mp.ceil(quotient))


def _round(z: Any) -> Any:
    """To the nearest whole number, of two to the even one."""
    below = mp.floor(z.real)
    rest = z.real - below
    is_up = rest > 0.5 or (rest == 0.5 and below % 2)
    return below + 1 if is_up else below


def _hypot(a: Any, b: Any) -> Any:
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


def _erf(x: Any) -> Any:
    return mp.erf(x) if abs(x) < FAR else mp.sign(x)


def _erfc(x: Any) -> Any:
    return mp.erfc(x) if abs(x) < FAR else 1 - mp.sign(x)


# What the functions of `ieee` are, under their names.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "div": lambda a, b: a / b,
    "pow": _pow,
    "floordiv": _floordiv,
    "mod": lambda a, b: a - b * _floordiv(a, b),
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
    "hypot": _hypot,
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
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "erf": _continue(_erf, _bell),
    "erfc": _continue(_erfc, lambda x: -_bell(x)),
    "lgamma": _continue(_log_abs_gamma, partial(_polygamma, 0)),
    "digamma": _continue(partial(_polygamma, 0), partial(_polygamma, 1)),
    "polygamma": _family(_polygamma),
}


def check_functions() -> None:
    """Raise NotImplementedError if a function of table/ieee.py is missing above."""
    for name in ieee.__all__:
        if name not in _FUNCTIONS:
            raise NotImplementedError(
                f"table/ieee.py has {name}, and testing/precise.py lacks it: "
                f"say in _FUNCTIONS there what it is over mpmath's numbers"
            )


check_functions()

# Rows whose own formula is cut off where floats do not show it, and derivatives would.
_ROWS: dict[str, Callable[..., Any]] = {
    "direction": lambda a, b: a / _hypot(a, b) if a or b else a,
    "inversion": lambda a, b: a / (a * a + b * b),
}


def evaluate(row: Operation, operands: Sequence[Any]) -> Any:
    """The value at real operands, in the precision that mpmath is set to.

    Raises NotReplayable for an operation that is no formula.

    >>> from micrograd_gd.table.ops import operation
    >>> print(evaluate(operation("sqrt"), [mpf(2)]), evaluate(operation("log"), [mpf(-1)]))
    1.4142135623731 nan
    """
    y = _value(row, operands)
    if y.imag or mp.isnan(y.real):
        return NAN
    return y.real if abs(y.real) <= MOST else mp.inf * mp.sign(y.real)


def slopes(row: Operation, operands: Sequence[Any], i: int) -> tuple[Any, Any]:
    """∂y/∂operand i just below and just above the operands; nan on a side without values.

    >>> from micrograd_gd.table.ops import operation
    >>> slopes(operation("abs"), [mpf(0)], 0)
    (mpf('-1.0'), mpf('1.0'))
    """
    if not all(map(mp.isfinite, operands)):
        return NAN, NAN
    # How far beside a point its sides are looked at, relative to it.
    near = mpf(10) ** (-mp.dps * 2 // 9)
    below, above = (_slope(row, operands, i, side, near) for side in (-1, 1))
    if _differ(below, above):
        nearer = [_slope(row, operands, i, side, near**2) for side in (-1, 1)]
        if abs(nearer[1] - nearer[0]) < abs(above - below) / 1000:
            return (below + above) / 2, (below + above) / 2  # no kink: the slope just changes
    if row.domain and not _in_domain(row, operands) and all(jumps(row, operands, i)):
        return NAN, NAN
    return below, above


def _differ(below: Any, above: Any) -> bool:
    return bool(abs(above - below) > mpf("1e-12") * max(abs(below), abs(above)))


def _in_domain(row: Operation, operands: Sequence[Any]) -> bool:
    """Whether the row is smooth at these operands, as it says itself."""
    condition = _function(row.operands, row.tree(row.domain))
    try:
        return bool(condition(*operands))
    except (ZeroDivisionError, ValueError):
        return False


def jumps(row: Operation, operands: Sequence[Any], i: int) -> tuple[bool, bool]:
    """Whether the value at the operands is not what it tends to from below, and from above.

    >>> from micrograd_gd.table.ops import operation
    >>> jumps(operation("floor"), [mpf(2)], 0)
    (True, False)
    """
    y = evaluate(row, operands)
    near = mpf(10) ** (-mp.dps * 2 // 9)

    def distance(side: int, near: Any) -> Any:
        beside = [*operands]
        beside[i] += side * _aside(operands[i], near)
        return abs(evaluate(row, beside) - y)

    def is_jump(side: int) -> bool:
        first = distance(side, near)
        if first <= near * abs(y):
            return False
        second = distance(side, near**2)
        return not (second <= first / 2 and mp.isfinite(second))

    return is_jump(-1), is_jump(1)


def _aside(x: Any, near: Any) -> Any:
    return min(abs(x), 1) * near or NEAR_ZERO * near  # small beside a period, too


def _slope(
    row: Operation, operands: Sequence[Any], i: int, side: int, near: Any, *, grows: bool = False
) -> Any:
    x, aside = operands[i], _aside(operands[i], near)
    with mp.extraprec(int(mp.mag(x)) if abs(x) > 1 else 0):
        beside, step = x + side * aside, aside * near
        y = _value(row, [*operands[:i], mpc(beside, step), *operands[i + 1 :]])
        if mp.isnan(y.real):
            return NAN
        slope = y.imag / step
        if abs(y.imag) > 1e8 * near**2 * abs(y.real):  # a border is near, or a zero of y
            if mp.isnan(evaluate(row, [*operands[:i], beside, *operands[i + 1 :]])):
                return NAN
            if x and not grows:  # does it grow on and on towards the point?
                nearer = _slope(row, operands, i, side, near**2, grows=True)
                slope = slope * mp.inf if abs(nearer) > 10 * abs(slope) else slope
    return mp.inf * mp.sign(slope) if abs(slope) > MOST else slope


def _value(row: Operation, operands: Sequence[Any]) -> Any:
    try:
        return mp.mpmathify(_compile(row)(*operands))
    except (ZeroDivisionError, ValueError, OverflowError, mp.NoConvergence):
        return NAN


_functions: dict[Operation, Callable[..., Any]] = {}


def _compile(row: Operation) -> Callable[..., Any]:
    """The row's value as a function of mpmath's numbers."""
    if row not in _functions:
        if row.name in _ROWS and OPERATIONS.get(row.name) is row:
            _functions[row] = _ROWS[row.name]
        elif callable(row.value):
            _functions[row] = _python_code(row.value)
        else:
            step = _function(row.operands, row.tree(row.value))
            _functions[row] = _fold(row, step) if row.folds else step
    return _functions[row]


def _function(operands: Sequence[str], formula: ast.expr) -> Callable[..., Any]:
    tree = expression.on_values(formula)
    names = {
        name: _FUNCTIONS.get(name) or _compile(OPERATIONS[name]) for name in expression.calls(tree)
    }
    return expression.function(operands, _RealParts().visit(tree), {**names, "re": mp.re})


def _fold(row: Operation, step: Callable[..., Any]) -> Callable[..., Any]:
    def fold(*operands: Any) -> Any:
        return reduce(lambda s, term: step(s, *term), row.terms(operands), operands[0])

    return fold


def _python_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """A user's function, if it is arithmetic that keeps the digits of what it is given."""

    def keeping_digits(*operands: Any) -> Any:
        try:
            y = function(*operands)
        except (TypeError, AttributeError):
            raise NotReplayable from None
        if isinstance(y, float):
            raise NotReplayable
        return y

    return keeping_digits


class _RealParts(ast.NodeTransformer):
    """Comparisons ask for real parts: a step into the complex plane stays on its side."""

    def visit_Compare(self, node: ast.Compare) -> ast.Compare:
        sides = [self._real(self.visit(side)) for side in (node.left, *node.comparators)]
        return ast.Compare(sides[0], node.ops, sides[1:])

    @staticmethod
    def _real(side: ast.expr) -> ast.expr:
        return ast.Call(ast.Name("re", ast.Load()), [side], [])
