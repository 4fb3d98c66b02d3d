"""The root of a function, which is differentiable by what the function is given."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from micrograd_gd.core.anomaly import number_of
from micrograd_gd.errors import ArgumentError, DivergedError, ShapeError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.custom import custom_vjp
from micrograd_gd.transforms.derivatives import jacobian, vjp
from micrograd_gd.transforms.recording import outside_transforms, require_function

__all__ = ["solve"]

MOST_STEPS = 100  # Newton's method needs some ten, or goes nowhere
ROUNDING = 4 * 2.0**-52  # of a number that a last step leaves where it is

Function = Callable[..., Any]


def solve(f: Function, start: Any, *parameters: Any) -> Any:
    """The x with f(x, *parameters) = 0, found by Newton's method from `start`.

    x is a number or any structure of numbers, as `start` is, and f returns as many numbers. For a
    fixed point of g, f is `lambda x, *p: g(x, *p) - x`. Derivatives by the parameters are those of
    the root, of any order, however it was found; by the start there is none. What f closes over is
    constant: give what the root is to be differentiated by as a parameter.

    Raises DivergedError where no root is found or f is flat there, ShapeError for another number of
    equations than unknowns, ArgumentError for an f that closes over values.

    Source: the implicit function theorem, ∂x/∂p = −(∂f/∂x)⁻¹ ∂f/∂p.

    >>> from micrograd_gd import derivative
    >>> square_root = lambda p: solve(lambda x, p: x * x - p, 1.0, p)
    >>> square_root(4.0), derivative(square_root)(4.0), derivative(square_root, order=2)(4.0)
    (2.0, 0.25, -0.03125)
    """
    require_function(f)
    leaves, structure = trees.flatten(start, "the start")
    begin = [*map(number_of, leaves)]

    def equations(x: Sequence[Any], *parameters: Any) -> list[Any]:
        result = f(trees.unflatten(structure, x), *parameters)
        found, _ = trees.flatten(result, "the result of f")
        if len(found) != len(begin):
            raise ShapeError(f"f gives {len(found)} numbers for {len(begin)} unknowns of the start")
        return found

    def find_root(*parameters: Any) -> Any:
        with outside_transforms():
            return trees.unflatten(structure, _descend(equations, begin, parameters))

    find_root.__qualname__ = f"solve({getattr(f, '__name__', repr(f))})"
    root = custom_vjp(find_root)

    def forward(*parameters: Any) -> tuple[Any, Any]:
        x = root(*parameters)
        return x, (trees.flatten(x)[0], parameters)

    def backward(remembered: Any, g: Any) -> tuple[Any, ...]:
        x, parameters = remembered
        _, pull_back = vjp(equations, x, *parameters)
        ones = [[float(i == j) for j in range(len(x))] for i in range(len(x))]
        columns = [*zip(*[pull_back(one)[0] for one in ones], strict=True)]
        adjoints = _eliminate(columns, [-each for each in trees.flatten(g)[0]])
        return pull_back(adjoints)[1:]  # type: ignore[no-any-return]  # of the parameters

    root.defvjp(forward, backward)
    return root(*parameters)


def _descend(f: Function, x: list[float], parameters: Sequence[Any]) -> list[float]:
    """Newton's method: the step to the root of the tangent, halved until it goes downhill."""
    residuals = _evaluate(f, x, parameters)
    for _ in range(MOST_STEPS):
        if not any(residuals):
            return x
        step = _eliminate(jacobian(f)(x, *parameters), [-r for r in residuals])
        is_last = all(abs(d) <= ROUNDING * abs(each) for d, each in zip(step, x, strict=True))
        size, scale = math.hypot(*residuals), 1.0
        while True:
            there = [each + scale * d for d, each in zip(step, x, strict=True)]
            now = _evaluate(f, there, parameters)
            if math.hypot(*now) < size:
                break
            if is_last or there == x or scale < 2.0**-40:
                return _confirm(x, step, residuals)
            scale /= 2
        x, residuals = there, now
        if is_last:
            return x
    raise DivergedError(
        f"no root after {MOST_STEPS} steps of Newton's method: at {shorten(x)} f is still "
        f"{shorten(residuals)}; start nearer to the root"
    )


def _confirm(x: list[float], step: list[float], residuals: list[float]) -> list[float]:
    """x, where nothing nearer to 0 is found, if that is for rounding's sake."""
    if all(abs(d) <= 1e-6 * max(abs(each), 1e-300) for d, each in zip(step, x, strict=True)):
        return x
    raise DivergedError(
        f"no root: near {shorten(x)} f gets no closer to 0 than {shorten(residuals)}; start "
        f"elsewhere, if there is one"
    )


def _evaluate(f: Function, x: list[float], parameters: Sequence[Any]) -> list[float]:
    found = f(x, *parameters)
    if any(hasattr(y, "data") for y in found):
        raise ArgumentError(
            "f closes over a Value: give what the root depends on as a parameter, "
            "as in solve(f, start, p)"
        )
    numbers = [*map(float, found)]
    return numbers if all(map(math.isfinite, numbers)) else [math.inf for _ in numbers]


def _eliminate(rows: Sequence[Sequence[Any]], right: Sequence[Any]) -> list[Any]:
    """The solution of linear equations, in arithmetic on numbers or values.

    Raises DivergedError where there is none, or more than one.
    """
    rows = [[*row, y] for row, y in zip(rows, right, strict=True)]
    n = len(rows)
    for i in range(n):
        pivot = max(range(i, n), key=lambda j: abs(rows[j][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        if rows[i][i] == 0:
            raise DivergedError(
                "f is flat: the matrix of its slopes by the unknowns has no inverse: there is no "
                "next step of Newton's method, or the root is no function of the parameters"
            )
        for j in range(i + 1, n):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [b - factor * a for a, b in zip(rows[i], rows[j], strict=True)]
    found: list[Any] = [None] * n
    for i in reversed(range(n)):
        rest = [rows[i][j] * found[j] for j in range(i + 1, n)]
        found[i] = (rows[i][n] - sum(rest, 0.0)) / rows[i][i]
    return found
