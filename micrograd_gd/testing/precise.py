"""The table's formulas over mpmath's numbers: any number of digits, real and complex.

Only the value of a row is read, never its partials: a derivative comes from a step of the operand
into the complex plane, f'(x) = Im f(x + ih) / h, which cancels nothing (Squire and Trapp, 1998).
Where a real function has no value, it is nan.
"""

import ast
from collections.abc import Callable, Sequence
from functools import cache, reduce
from typing import Any

from mpmath import mp, mpc, mpf

from micrograd_gd.table import expression
from micrograd_gd.table.ops import OPERATIONS, Operation
from micrograd_gd.testing.continuations import FUNCTIONS, hypot

__all__ = ["NotReplayable", "evaluate", "find_ignored", "jumps", "slopes", "tame"]

NAN = mpf("nan")
MOST = mpf(2) ** 1100  # numbers beyond are beyond all floats, and infinite here
TINY, HUGE = mpf(2) ** -1100, mpf(2) ** 1100  # the square of the first is nothing
NEAR_ZERO = mpf("1e-100000")  # beside 0 is nearer than all floats, and their roots


class NotReplayable(Exception):  # noqa: N818 — nobody outside of this package meets it
    """An operation is Python code that turns its operands into floats."""


# Rows whose own formula is cut off where floats do not show it, and derivatives would.
_ROWS: dict[str, Callable[..., Any]] = {
    "direction": lambda a, b: a / hypot(a, b) if a or b else a,
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
    if _is_polynomial(row):
        y = _value(row, [*operands[:i], mpc(operands[i], TINY), *operands[i + 1 :]])
        slope = y.imag * HUGE
        return slope, slope
    # How far beside a point its sides are looked at, relative to it.
    near = mpf(10) ** (-mp.dps * 2 // 9)
    if _is_smooth_by_table(row, operands):  # then one side is enough, closer to the point
        slope = _slope(row, operands, i, 1, near**2)
        if mp.isfinite(slope):
            return slope, slope
    below, above = (_slope(row, operands, i, side, near) for side in (-1, 1))
    if _differ(below, above):
        nearer = [_slope(row, operands, i, side, near**2) for side in (-1, 1)]
        if abs(nearer[1] - nearer[0]) < abs(above - below) / 1000:
            return (below + above) / 2, (below + above) / 2  # no kink: the slope just changes
    if row.domain and not _in_domain(row, operands) and all(jumps(row, operands, i)):
        return NAN, NAN
    return below, above


@cache
def _is_polynomial(row: Operation) -> bool:
    """Whether the row is made of sums and products alone: no kink, no border, no choice."""
    parts = () if callable(row.value) else ast.walk(row.tree(row.value))
    return bool(parts) and all(isinstance(part, _OF_POLYNOMIALS) for part in parts)


_OF_POLYNOMIALS = (
    ast.BinOp, ast.UnaryOp, ast.Add, ast.Sub, ast.Mult, ast.USub, ast.Name, ast.Load, ast.Constant,
)  # fmt: skip


def _is_smooth_by_table(row: Operation, operands: Sequence[Any]) -> bool:
    return (
        OPERATIONS.get(row.name) is row
        and not row.kinks
        and (not row.domain or _in_domain(row, operands))
    )


def _differ(below: Any, above: Any) -> bool:
    return bool(abs(above - below) > mpf("1e-12") * max(abs(below), abs(above)))


def _in_domain(row: Operation, operands: Sequence[Any]) -> bool:
    """Whether the row is smooth at these operands, as it says itself."""
    try:
        return bool(_domain(row)(*operands))
    except (ZeroDivisionError, ValueError):
        return False


@cache
def _domain(row: Operation) -> Callable[..., Any]:
    return _function(row.operands, row.tree(row.domain))


def find_ignored(row: Operation, operands: Sequence[Any]) -> set[int]:
    """The operands that a choice left aside: the value is another one's, or flat between kinks.

    >>> from micrograd_gd.table.ops import operation
    >>> find_ignored(operation("where"), [mpf(1), mpf(2), NAN])
    {0, 2}
    """
    found: set[int] = set()
    if row.folds or _is_polynomial(row) or mp.isnan(y := evaluate(row, operands)):
        return found
    nearby = [*map(tame, operands)]
    if evaluate(row, nearby) != y:
        nearby = [*operands]
    for i in range(len(operands)):
        before, after = operands[:i], operands[i + 1 :]
        is_another = any(_are_same(y, x) for x in (*before, *after)) and all(
            _are_same(y, evaluate(row, [*before, x, *after])) for x in _VARIOUS
        )
        if is_another or (row.kinks and slopes(row, nearby, i) == (0, 0)):
            found.add(i)
    return found


def tame(x: Any) -> Any:
    """A finite number in place of any other, which a choice that leaves x leaves as well.

    >>> tame(mpf(2)), tame(NAN), tame(mpf("-inf")) < -(10**300)
    (mpf('2.0'), mpf('0.0'), True)
    """
    return x if mp.isfinite(x) else mpf(0) if mp.isnan(x) else mp.sign(x) * HUGE


_VARIOUS = mpf("nan"), mpf(0), mpf(-1), mpf("inf")


def _are_same(x: Any, y: Any) -> bool:
    return bool(x == y or (mp.isnan(x) and mp.isnan(y)))


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
        beside = x + side * aside
        step = aside * near
        y = _value(row, [*operands[:i], mpc(beside, step), *operands[i + 1 :]])
        if mp.isnan(y.real):
            return NAN
        slope = y.imag / step
        if abs(y.imag) > 1e8 * near**2 * abs(y.real):  # a border is near, or a zero of y
            if mp.isnan(evaluate(row, [*operands[:i], beside, *operands[i + 1 :]])):
                return NAN
            if x and not grows:  # does it grow on and on toward the point?
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
        name: FUNCTIONS.get(name) or _compile(OPERATIONS[name]) for name in expression.calls(tree)
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
