"""Gradients that are wrong, each in its own way, and functions whose right ones look wrong.

A case is a function of a few numbers, written over a namespace `m` of functions, so that it runs on
values (`m` is `functional`) and on floats (`m` is `FLOATS`); what is claimed to be its Jacobian,
one row for each result; and the points at which to look. Of a wrong one, at least one point shows
the fault.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from micrograd_gd import functional

FLOATS = SimpleNamespace(
    **{name: getattr(math, name) for name in [
        "sin", "cos", "tan", "exp", "expm1", "log", "log2", "log1p", "sqrt", "cbrt", "tanh",
        "asin", "acosh", "atan", "atan2", "hypot", "erf", "lgamma", "floor",
    ]},
    round=round,
    maximum=max,
    where=lambda c, a, b: a if c else b,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A function, what is said to be its derivative, and where to look."""

    name: str
    f: Callable[..., Any]
    claim: Callable[..., list[list[float]]]
    points: tuple[tuple[float, ...], ...]
    is_own: bool = False  # whether the fault is in the function, and the claim what sweeps return

    def on_values(self):
        """The function as it records a graph."""
        return lambda *numbers: self.f(functional, *numbers)

    def on_floats(self):
        """The function that takes floats alone, so that nobody can look inside."""
        return lambda *numbers: self.f(FLOATS, *map(float, numbers))


WRONG: list[Case] = []
HARD: list[Case] = []


def wrong(name, f, claim, *points):
    _add(WRONG, name, f, claim, points)


def hard(name, f, claim, *points):
    _add(HARD, name, f, claim, points)


def lose(name, f, claim, *points):
    """A gradient that the engine returns, of a function that loses a number as users do."""
    _add(WRONG, name, f, claim, points, is_own=True)


def _add(cases, name, f, claim, points, *, is_own=False):
    """Claims come as a number, as a row of numbers, or as rows."""

    def rows(*numbers):
        table = claim(*numbers)
        if isinstance(table, int | float):
            return [[float(table)]]
        return [[*row] for row in table] if isinstance(table[0], list) else [[*table]]

    assert name not in {case.name for case in cases}
    points = tuple(p if isinstance(p, tuple) else (p,) for p in points)
    cases.append(Case(name, f, rows, points, is_own))


def _root(x):
    """By Newton's steps, of which the last change nothing."""
    root = x
    for _ in range(8):
        root = root - (root * root - x) / (2 * root)
    return root


def _until(x):
    """The same, until they change little."""
    root = 0 * x + 1.0
    while abs(number(root * root - x)) > 1e-12:
        root = (root + x / root) / 2
    return root


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def sech2(x):
    return 1 / math.cosh(x) ** 2


# Wrong: slips of the pen.

wrong("a sign", lambda m, x: m.cos(x), math.sin, 0.7)
wrong("a factor of 2.001 for 2", lambda m, x: x * x, lambda x: 2.001 * x, 0.7)
wrong("the inner derivative forgotten", lambda m, x: m.sin(3 * x), lambda x: math.cos(3 * x), 0.4)
wrong("a term of the product rule missing", lambda m, x: x * m.exp(x), math.exp, 0.5)
wrong("operands swapped", lambda m, x, y: x * y, lambda x, y: (x, y), (2.0, 3.0))
wrong(
    "a sign in the quotient rule", lambda m, x, y: x / y, lambda x, y: (1 / y, x / y**2), (2.0, 3.0)
)
wrong(
    "the square in the quotient rule",
    lambda m, x, y: x / y,
    lambda x, y: (1 / y, -x / y),
    (2.0, 3.0),
)
wrong("the exponent not lowered", lambda m, x: x**3, lambda x: 3 * x**3, 1.5)
wrong("the exponent not in front", lambda m, x: x**3, lambda x: x**2, 1.5)
wrong("the exponent lowered twice", lambda m, x: x**3, lambda x: 3 * x, 1.5)
wrong("the base of a logarithm", lambda m, x: m.log2(x), lambda x: 1 / x, 3.0)
wrong(
    "degrees for radians",
    lambda m, x: m.sin(x * (math.pi / 180)),
    lambda x: math.cos(math.radians(x)),
    30.0,
)
wrong(
    "the logarithm in a power's derivative",
    lambda m, x, y: x**y,
    lambda x, y: (y * x ** (y - 1), x**y),
    (2.0, 1.5),
)
wrong("log1p taken for log", lambda m, x: m.log1p(x), lambda x: 1 / x, 3.0)
wrong("the value for the derivative", lambda m, x: m.expm1(x), math.expm1, 0.3)
wrong("half of the sigmoid's derivative", lambda m, x: 1 / (1 + m.exp(-x)), sigmoid, 0.3)
wrong("the constant of erf", lambda m, x: m.erf(x), lambda x: math.exp(-x * x), 0.3)
wrong("a minus in an exponent", lambda m, x: m.exp(-x * x), lambda x: 2 * x * math.exp(-x * x), 0.6)
wrong("one half of a root", lambda m, x: m.sqrt(x), lambda x: 1 / math.sqrt(x), 2.0)
wrong(
    "a half that is a whole-number 0",
    lambda m, x: m.sqrt(x),
    lambda x: (1 // 2) / math.sqrt(x),
    2.0,
)
wrong("a length without its norm", lambda m, x, y: m.hypot(x, y), lambda x, y: (x, y), (3.0, 4.0))
wrong(
    "an angle's sign",
    lambda m, y, x: m.atan2(y, x),
    lambda y, x: (x / (x * x + y * y), y / (x * x + y * y)),
    (1.0, 2.0),
)
wrong(
    "a variance in the density",
    lambda m, x: m.exp(-x * x / 8),
    lambda x: -x * math.exp(-x * x / 8),
    1.0,
)
wrong("a number taken for a constant", lambda m, x: x * m.sin(x), lambda x: x * math.cos(x), 0.9)
wrong(
    "the last of several factors",
    lambda m, x, y, z: x * y * z,
    lambda x, y, z: (y * z, x * z, x),
    (1.5, 2.0, 0.5),
)

# Wrong: in one place only.

wrong("one branch", lambda m, x: m.where(x > 0, x, 0.01 * x), lambda x: 1.0, 1.0, -1.0)
wrong("both branches exchanged", lambda m, x: m.maximum(x, 0.0), lambda x: float(x < 0), 1.0, -1.0)
wrong("a sign below 0", lambda m, x: abs(x) ** 3, lambda x: 3 * x * x, 1.0, -1.0)
wrong(
    "the smaller of two",
    lambda m, x, y: m.maximum(x, y),
    lambda x, y: (float(x < y), float(y < x)),
    (1.0, 2.0),
)
wrong("at 0 alone", lambda m, x: x * x, lambda x: 2 * x if x else 1.0, 0.0, 0.5)
wrong("at 1 alone", lambda m, x: m.log(x), lambda x: 1 / x if x != 1 else 0.0, 2.0, 1.0)
wrong(
    "at whole numbers alone",
    lambda m, x: m.sin(x),
    lambda x: math.cos(x) if x % 1 else 0.0,
    0.5,
    2.0,
)
wrong(
    "saturated too early",
    lambda m, x: m.tanh(x),
    lambda x: sech2(x) if abs(x) < 3 else 0.0,
    1.0,
    4.0,
)
wrong(
    "the linear part not cut",
    lambda m, x: m.where(abs(x) < 1, x * x / 2, abs(x) - 0.5),
    lambda x: x,
    0.5,
    3.0,
)
wrong("a large number cut", lambda m, x: x * x / 100, lambda x: min(x / 50, 1.0), 10.0, 100.0)
wrong("a series cut", lambda m, x: m.sin(x), lambda x: 1 - x**2 / 2 + x**4 / 24, 0.001, 1.5)
wrong(
    "a threshold of 20, by 8e-10",
    lambda m, x: m.log1p(m.exp(-x)) + x,
    lambda x: 1.0 if x > 20 else sigmoid(x),
    5.0,
    21.0,
)
wrong(
    "one coordinate of ten",
    lambda m, *x: sum(xi * xi for xi in x),
    lambda *x: tuple(2.02 * xi if i == 6 else 2 * xi for i, xi in enumerate(x)),
    tuple(0.1 * i for i in range(1, 11)),
)

# Wrong: by little.

wrong("1e-3 relative", lambda m, x: m.exp(x), lambda x: 1.001 * math.exp(x), 0.3)
wrong("1e-5 relative", lambda m, x: m.exp(x), lambda x: (1 + 1e-5) * math.exp(x), 0.3)
wrong("1e-7 relative", lambda m, x: m.sin(x), lambda x: (1 + 1e-7) * math.cos(x), 0.3)
wrong(
    "1e-9 relative",
    lambda m, x, y: x * x * y,
    lambda x, y: (2 * x * y, (1 + 1e-9) * x * x),
    (1.1, 0.7),
)
wrong(
    "single precision",
    lambda m, x: m.exp(x) * x,
    lambda x: float(np.float32(math.exp(x) * (1 + x))),
    0.3,
)
wrong(
    "differences for a derivative",
    lambda m, x: m.exp(x),
    lambda x: (math.exp(x + 1e-6) - math.exp(x)) / 1e-6,
    0.3,
)
wrong("all of a small derivative", lambda m, x: 1e-8 * m.sin(x), lambda x: 0.0, 0.3)
wrong("a small derivative twice", lambda m, x: 1e-7 * x * x, lambda x: 4e-7 * x, 0.3)
wrong("all near a flat minimum", lambda m, x: x**4, lambda x: 0.0, 0.005)
wrong("1 of 1e8", lambda m, x: 1e8 * x * x, lambda x: 2e8 * x + 1.0, 0.7)
wrong("a factor in a tiny unit", lambda m, x: 1e-20 * x**3, lambda x: 1e-20 * x * x, 1.3)

# Wrong: in sums, Jacobians, loops, memories.


def _sum_of_powers(m, x):
    return sum(i * x**i for i in range(1, 6))


wrong(
    "a sum that ends one too early",
    _sum_of_powers,
    lambda x: sum(i * i * x ** (i - 1) for i in range(1, 5)),
    0.8,
)
wrong(
    "a sum that starts one too late",
    _sum_of_powers,
    lambda x: sum(i * i * x ** (i - 1) for i in range(2, 6)),
    0.8,
)
wrong(
    "a sum for a mean",
    lambda m, x, y, z: (x * x + y * y + z * z) / 3,
    lambda *p: tuple(2 * x for x in p),
    (1.0, 2.0, 3.0),
)
wrong(
    "a transposed Jacobian",
    lambda m, x, y: (x * y, x + 3 * y),
    lambda x, y: [[y, 1.0], [x, 3.0]],
    (2.0, 5.0),
)
wrong(
    "rows of a Jacobian exchanged",
    lambda m, x, y: (x * y, x + 3 * y),
    lambda x, y: [[1.0, 3.0], [y, x]],
    (2.0, 5.0),
)
wrong(
    "neighbors in a difference",
    lambda m, x, y, z: (y - x) ** 2 + (z - y) ** 2,
    lambda x, y, z: (-2 * (y - x), 2 * (y - x), 2 * (z - y)),
    (1.0, 2.0, 4.0),
)
wrong(
    "a probability without its target",
    lambda m, x, y: m.log(m.exp(x) + m.exp(y)) - x,
    lambda x, y: (sigmoid(x - y), sigmoid(y - x)),
    (0.5, -0.2),
)
wrong(
    "shares that do not add up to 1",
    lambda m, x, y: m.log(m.exp(x) + m.exp(y)),
    lambda x, y: (math.exp(x), math.exp(y)),
    (0.5, -0.2),
)


# Wrong: the function itself loses numbers, and the engine returns the gradient of what is left.


def number(x):
    """The number of a value, taken out of the graph, or a float."""
    return getattr(x, "data", x)


lose("a factor detached", lambda m, x: x * m.sin(number(x)), math.sin, 0.9)
lose("x times its own number", lambda m, x: x * number(x), lambda x: x, 3.0)
lose("math.sin for sin", lambda m, x: x * math.sin(number(x)), math.sin, 1.3)
lose("a new value of the result", lambda m, x: x + m.exp(number(x)), lambda x: 1.0, 0.5)
lose(
    "a softmax over a detached sum",
    lambda m, x, y: m.exp(x) / number(m.exp(x) + m.exp(y)),
    lambda x, y: (math.exp(x) / (math.exp(x) + math.exp(y)), 0.0),
    (0.5, -0.2),
)
lose(
    "a mean detached in a variance",
    lambda m, x, y: (x - number(x + y) / 2) ** 2 + y,
    lambda x, y: (x - y, 1.0),
    (1.0, 2.5),
)
lose(
    "a norm detached",
    lambda m, x, y: x / number(m.sqrt(x * x + y * y)),
    lambda x, y: (1 / math.hypot(x, y), 0.0),
    (3.0, 4.0),
)
lose("an exponent detached", lambda m, x: x ** number(x), lambda x: x * x ** (x - 1), 1.5)
lose(
    "a step of a loop detached",
    lambda m, x: x - (x * number(x) - 2) / (2 * number(x)),
    lambda x: 0.5,
    3.0,
)
lose("a branch on equality", lambda m, x: x * 0 + 1.0 if x == 1 else x**2, lambda x: 0.0, 1.0)
lose("a plain branch on equality", lambda m, x: 0.0 if x == 0 else m.sin(x), lambda x: 0.0, 0.0)
lose("rounded for printing", lambda m, x: x * float(f"{number(x):.12g}"), lambda x: x, 1.5)

# Wrong: at ties, in determinants, in loops that converge.

wrong("both sides of a tie", lambda m, x, y: m.maximum(x, y), lambda x, y: (1.0, 1.0), (2.0, 2.0))
wrong("no side of a tie", lambda m, x, y: m.maximum(x, y), lambda x, y: (0.0, 0.0), (2.0, 2.0))


def _log_determinant(m, a, b, c, d, e, f):
    """Of a symmetric matrix of three rows, by elimination."""
    p = d - b * b / a
    q = e - b * c / a
    return m.log(a) + m.log(p) + m.log(f - c * c / a - q * q / p)


def _inverse(a, b, c, d, e, f):
    matrix = np.array([[a, b, c], [b, d, e], [c, e, f]])
    i = np.linalg.inv(matrix)
    return [i[0, 0], 2 * i[0, 1], 2 * i[0, 2], i[1, 1], 2 * i[1, 2], i[2, 2]]


_MATRICES = ((4.0, 1.0, 0.5, 3.0, -0.7, 0.4), (2.0, 0.3, -1.0, 1.5, 0.4, 3.0))
wrong(
    "two entries of an inverse by 1 %",
    _log_determinant,
    lambda *p: [x * (1.01 if i in {3, 5} else 1.0) for i, x in enumerate(_inverse(*p))],
    *_MATRICES,
)
wrong(
    "a converged loop, by 30 times",
    lambda m, x: _root(x),
    lambda x: 15 / math.sqrt(x),
    2.0,
)


def _newton(m, x):
    root = x
    for _ in range(6):
        root = (root + x / root) / 2
    return root


wrong("a loop of which one round counts", _newton, lambda x: 0.5, 3.0)

_of_closures = [lambda x: k * x ** (k - 1) for k in (2, 3, 4)]  # noqa: B023 — the fault itself
wrong(
    "a stale closure", lambda m, x: x**2 + x**3, lambda x: sum(g(x) for g in _of_closures[:2]), 0.8
)

_first: dict[str, float] = {}
wrong(
    "the derivative of the first call",
    lambda m, x: m.exp(x),
    lambda x: _first.setdefault("exp", math.exp(x)),
    0.5,
    1.5,
)


class _Sum:
    """A gradient that nobody set back to 0."""

    def __init__(self):
        self.grad = 1.0  # of what was before

    def __call__(self, x):
        self.grad += 2 * x
        return self.grad


wrong("a gradient that was not set back", lambda m, x: x * x, _Sum(), 0.5)


# Right, though it may not look so: cancellation.

hard(
    "(1 - cos x) / x² near 0",
    lambda m, x: (1 - m.cos(x)) / (x * x),
    lambda x: -x / 12 + x**3 / 180,
    1e-2,
    1e-4,
    1e-6,
)
hard("log(1 + exp x), naive", lambda m, x: m.log(1 + m.exp(x)), sigmoid, -30.0, 0.0, 30.0)
hard(
    "a root of a quadratic",
    lambda m, b: (-b + m.sqrt(b * b - 4)) / 2,
    lambda b: 2 / (math.sqrt(b * b - 4) * (b + math.sqrt(b * b - 4))),
    1e4,
    1e6,
    1e8,
)
hard("a large number added and taken away", lambda m, x: (x + 1e8) - 1e8, lambda x: 1.0, 1.0)
hard(
    "(x² - y²) / (x - y)",
    lambda m, x, y: (x * x - y * y) / (x - y),
    lambda x, y: (1.0, 1.0),
    (1.0, 1.001),
    (1.0, 1 + 1e-7),
)
hard("(exp x - 1) / x, naive", lambda m, x: (m.exp(x) - 1) / x, lambda x: 0.5 + x / 3, 1e-6, 1e-9)
hard(
    "(x - 1)⁷, multiplied out",
    lambda m, x: x**7 - 7 * x**6 + 21 * x**5 - 35 * x**4 + 35 * x**3 - 21 * x**2 + 7 * x - 1,
    lambda x: 7 * (x - 1) ** 6,
    1.01,
    1.1,
)
hard(
    "a minimum",
    lambda m, x, y: 100 * (y - x * x) ** 2 + (1 - x) ** 2,
    lambda x, y: (0.0, 0.0),
    (1.0, 1.0),
)

# Right: kinks, ties, steps.

hard("a kink", lambda m, x: m.maximum(x, 0.0), lambda x: float(x > 0), 0.0, 1.0, -1.0)
hard("beside a kink", lambda m, x: abs(x), lambda x: math.copysign(1.0, x), 1e-9, -1e-12, 1e-200)
hard("a tie", lambda m, x, y: m.maximum(x, y), lambda x, y: (0.5, 0.5), (1.0, 1.0))
hard("x |x|", lambda m, x: x * abs(x), lambda x: 2 * abs(x), 0.0, 1e-8)
hard("steps, away from them", lambda m, x: m.floor(x) + m.round(3 * x), lambda x: 0.0, 2.4)
hard("beside a step", lambda m, x: m.floor(x) * x, math.floor, 2 + 1e-9)
hard("two formulas that join", lambda m, x: m.where(x > 0, x, m.sin(x)), lambda x: 1.0, 1e-9, 0.0)

# Right: steep, flat, fast.

hard("sin(10⁴ x)", lambda m, x: m.sin(1e4 * x), lambda x: 1e4 * math.cos(1e4 * x), 0.3)
hard("sin(10⁶ x)", lambda m, x: m.sin(1e6 * x), lambda x: 1e6 * math.cos(1e6 * x), 0.3)
hard("exp(300 x)", lambda m, x: m.exp(300 * x), lambda x: 300 * math.exp(300 * x), 1.0, -1.0)
hard(
    "exp(-1/x²), flat",
    lambda m, x: m.exp(-1 / (x * x)),
    lambda x: 2 / x**3 * math.exp(-1 / (x * x)),
    0.05,
    0.2,
)
hard(
    "x² sin(1/x)",
    lambda m, x: x * x * m.sin(1 / x),
    lambda x: 2 * x * math.sin(1 / x) - math.cos(1 / x),
    1e-2,
    1e-3,
)
hard(
    "atan(10¹⁰ x)",
    lambda m, x: m.atan(1e10 * x),
    lambda x: 1e10 / (1 + (1e10 * x) ** 2),
    0.0,
    1e-10,
    1e-3,
)
hard("tanh, saturated", lambda m, x: m.tanh(x), sech2, 5.0, 15.0, 20.0)
hard(
    "a sigmoid, saturated",
    lambda m, x: 1 / (1 + m.exp(-x)),
    lambda x: math.exp(-abs(x)) / (1 + math.exp(-abs(x))) ** 2,
    -40.0,
    30.0,
)
hard("a constant", lambda m, x: 0 * x + 3, lambda x: 0.0, 0.5)
hard("x⁴ near its minimum", lambda m, x: x**4, lambda x: 4 * x**3, 1e-3, 0.0)

# Right: huge, tiny, near a border.

hard("10³⁰⁰ sin x", lambda m, x: 1e300 * m.sin(x), lambda x: 1e300 * math.cos(x), 1.0)
hard("10⁻³⁰⁰ sin x", lambda m, x: 1e-300 * m.sin(x), lambda x: 1e-300 * math.cos(x), 1.0)
hard("x²⁰ of a small x", lambda m, x: x**20, lambda x: 20 * x**19, 0.01)
hard("a huge x", lambda m, x: m.sqrt(x), lambda x: 0.5 / math.sqrt(x), 1e200, 1e-200)
hard("the logarithm of next to nothing", lambda m, x: m.log(x), lambda x: 1 / x, 1e-300, 1e-10)
hard(
    "a length of next to nothing",
    lambda m, x, y: m.hypot(x, y),
    lambda x, y: (math.sqrt(0.5), math.sqrt(0.5)),
    (1e-200, 1e-200),
)
hard("beside a pole", lambda m, x: 1 / (x - 1), lambda x: -1 / (x - 1) ** 2, 1 + 2.0**-20)
hard("tan beside a pole", lambda m, x: m.tan(x), lambda x: 1 + math.tan(x) ** 2, 1.5707)
hard(
    "asin beside its end",
    lambda m, x: m.asin(x),
    lambda x: 1 / math.sqrt((1 - x) * (1 + x)),
    1 - 2.0**-30,
)
hard(
    "acosh beside its end",
    lambda m, x: m.acosh(x),
    lambda x: 1 / math.sqrt((x - 1) * (x + 1)),
    1 + 2.0**-30,
)
hard(
    "a cube root of a small x",
    lambda m, x: m.cbrt(x),
    lambda x: 1 / (3 * math.cbrt(x) ** 2),
    1e-6,
    -1e-9,
)
hard(
    "lgamma beside a pole",
    lambda m, x: m.lgamma(x),
    lambda x: (
        -1 / x
        - 0.5772156649015329
        + 1.6449340668482264 * x
        - 1.2020569031595942 * x**2
        + 1.0823232337111382 * x**3
    ),
    1e-4,
)
hard(
    "a nearly singular system",
    lambda m, x: 1 / (x * x - (1 - 1e-9)),
    lambda x: -2 * x / ((x - 1) * (x + 1) + 1e-9) ** 2,
    1.0,
)


# Right: long.


def _product(m, x):
    product = 1.0
    for i in range(1, 51):
        product = product * (x + i / 50)
    return product


hard(
    "a long product",
    _product,
    lambda x: (
        math.prod(x + i / 50 for i in range(1, 51))
        * math.fsum(1 / (x + i / 50) for i in range(1, 51))
    ),
    0.5,
)
hard("a long sum", lambda m, x: sum((0.1 * x for _ in range(300)), 0.0), lambda x: 30.0, 0.7)
hard("a loop that converges", _newton, lambda x: 0.5 / math.sqrt(x), 2.0, 3.0)

# Right: branches that are plain numbers, numbers that may leave the graph, determinants.

hard("a hinge by max", lambda m, x: max(0.0, 1 - x), lambda x: -1.0 if x < 1 else 0.0, 0.3, 3.0)
hard("a ramp by if", lambda m, x: x if x > 0 else 0.0, lambda x: float(x > 0), -1.0, 0.0, 1e-9, 2.0)
hard(
    "a detached shift in a sum of exponentials",
    lambda m, x, y: (
        max(number(x), number(y))
        + m.log(m.exp(x - max(number(x), number(y))) + m.exp(y - max(number(x), number(y))))
    ),
    lambda x, y: (sigmoid(x - y), sigmoid(y - x)),
    (0.5, -0.2),
    (1.0, 1.0),
)
hard("as many steps as it takes", lambda m, x: _until(x), lambda x: 0.5 / math.sqrt(x), 2.0, 7.0)
hard("a sum over a detached count", lambda m, x: sum([x] * int(number(x))), lambda x: 2.0, 2.5)
hard("a root by Newton's steps", lambda m, x: _root(x), lambda x: 0.5 / math.sqrt(x), 2.0)
hard("a logarithm of a determinant", _log_determinant, _inverse, *_MATRICES)
hard("half of a tie each", lambda m, x, y: m.maximum(x, y), lambda x, y: (0.5, 0.5), (2.0, 2.0))
