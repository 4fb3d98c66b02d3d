"""Numbers that left the graph are found where they matter, and nowhere else."""

import math

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from micrograd_gd import Value, check_gradients, grad, jacobian, stop_gradient
from micrograd_gd.errors import GradientError
from micrograd_gd.functional import (
    clip,
    cos,
    exp,
    hypot,
    leaky_relu,
    log,
    logsumexp,
    maximum,
    minimum,
    mish,
    relu,
    sin,
    softmax,
    sqrt,
    where,
)  # fmt: skip
from micrograd_gd.table.ops import OPERATIONS, operation
from micrograd_gd.testing.differences import slope
from micrograd_gd.testing.smoothness import is_smooth
from micrograd_gd.testing.strategies import expressions


def verdicts(report):
    return {comparison.verdict for comparison in report.comparisons}


def number(x):
    """The number, as users take it out, of a value or a float."""
    return getattr(x, "data", x)


# Wrong.


def detached_total(xs):
    parts = [exp(x) for x in xs]
    return parts[0] / sum(number(part) for part in parts)


def running_mean(xs):
    mean = sum(map(number, xs)) / len(xs)
    return sum((x - mean) ** 2 for x in xs[1:]) + xs[0]


LOST = [
    (lambda x: x * number(x), 3.0),
    (lambda x: x * math.sin(number(x)), 1.3),
    (lambda x: Value(number(x) ** 2), 3.0),
    (lambda x: number(x) ** 2, 3.0),
    (lambda x: x + stop_gradient(x * x), 0.5),
    (lambda x: sin(x) * Value(number(cos(x))), 0.5),
    (lambda x: x ** number(x), 1.5),
    (lambda x: Value(1.0) if x == 1 else x**2, 1.0),
    (lambda x: 1.0 if x == 1 else x**2, 1.0),
    (lambda x: x if x == 0 else sin(x) / x * x * x + 2 * x, 0.0),
    (lambda x: [x, x * number(x)], 3.0),
    (lambda x: where(x > 0, x * number(x), x), 3.0),
    (lambda x: float(f"{number(x):.17g}") * x, 3.0),
    (detached_total, [1.0, 2.0, 0.5]),
    (running_mean, [1.0, 2.0, 0.5]),
    (lambda p: p["w"] * number(p["b"]) + p["b"], {"w": 2.0, "b": 3.0}),
]


@pytest.mark.parametrize(("f", "point"), LOST)
def test_a_number_that_left_the_graph_is_found(f, point):
    with pytest.raises(GradientError, match="as the values of f show"):
        check_gradients(f, point)


@pytest.mark.parametrize("name", [n for n, row in OPERATIONS.items() if len(row.operands) == 1])
def test_a_factor_out_of_the_graph_is_found_for_every_operation(name):
    row = operation(name)
    for x in (1.3, -0.6, 0.4, 2.7):
        if is_smooth(row, (x,)) and (slope := abs(grad(row)(x))) > 1e-3:
            assert slope < 1e4
            with pytest.raises(GradientError):
                check_gradients(lambda x: x * number(row(x)), x)
            assert verdicts(check_gradients(lambda x: x * row(x), x)) == {"right"}


@given(expressions(max_operations=5), st.data())
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
def test_an_argument_out_of_the_graph_is_found_in_any_expression(f, data):
    """Its slope is what the gradient lacks."""
    k = data.draw(st.integers(0, len(f.inputs) - 1))

    def lossy(*xs):
        return f(*(number(x) if i == k else x for i, x in enumerate(xs))) + xs[k]

    (slopes,) = jacobian(lambda *xs: [f(*xs)], range(len(f.inputs)))(*f.inputs)
    lost = slopes[k]
    y = abs(number(f(*f.inputs)))
    assume(1e4 > abs(lost) > 1e-4 * (1 + y) and y < 1e6)
    with pytest.raises(GradientError):
        check_gradients(lossy, *f.inputs)


def test_a_wrong_second_derivative_alone_is_found():
    def f(x):
        return number(x) ** 2 + 2 * number(x) * (x - number(x))

    assert verdicts(check_gradients(f, 1.5)) == {"right"}
    with pytest.raises(GradientError, match="x, x"):
        check_gradients(f, 1.5, order=2)


def test_a_gradient_that_is_given_is_held_against_the_values():
    f = lambda x: x * number(x)  # noqa: E731 — a function in one line
    assert verdicts(check_gradients(f, 3.0, gradient=lambda x: 2 * x)) == {"right"}
    with pytest.raises(GradientError):
        check_gradients(f, 3.0, gradient=lambda x: x)


# Right.


def root_by_newton(x):
    """As many steps as it takes."""
    root = Value(1.0)
    while abs(number(root * root - x)) > 1e-12 * number(x):
        root = (root + x / root) / 2
    return root


def shift(xs):
    largest = max(map(number, xs))
    return largest + log(sum(exp(x - largest) for x in xs))


def pivot(a):
    """The solution of two equations, the larger pivot first."""
    (p, q, r), (s, t, u) = sorted(
        ([a[0], a[1], 1.0], [a[2], a[3], 2.0]), key=lambda row: -abs(number(row[0]))
    )
    factor = s / p
    return (u - factor * r) / (t - factor * q)


KEPT = [
    (lambda x: max(0.0, 1 - x), 3.0),
    (lambda x: max(0.0, 1 - x), 1.0),
    (lambda x: max(0.0, 1 - x), 0.3),
    (lambda x: x if x > 0 else 0.0, -1.0),
    (lambda x: x if x > 0 else 0.0, 0.0),
    (lambda x: x if x > 0 else 0.0, 1e-9),
    (lambda x: [x * x, 3.0], 2.0),
    (lambda x: [], 2.0),
    (lambda xs: sum([]), [1.0, 2.0]),
    (lambda x: 3.0, 2.0),
    (lambda x: x * (number(x) > 1), 2.0),
    (lambda x: x**3 if x < 1 else 3 * x - 2, 1.0),
    (lambda x: x ** int(number(x)), 2.5),
    (lambda x: round(number(x)) * x, 2.0),
    (lambda x: relu(x) - relu(-x) + 0 * number(x), 0.0),  # x, written with two kinks
    (root_by_newton, 7.0),
    (shift, [1.0, 2.0, 0.5]),
    (shift, [1.0, 1.0, 1.0]),
    (pivot, [1.0, 2.0, 3.0, 5.0]),
    (pivot, [3.0, 2.0, 3.0, 5.0]),
    (logsumexp, [1.0, 2.0, 0.5]),
    (softmax, [1.0, 2.0, 0.5]),
    (lambda xs: sum(softmax(xs)), [1.0, 2.0, 0.5]),
    (lambda x: sqrt(x) if x > 0 else x * 0, 4.0),
    (lambda x: sqrt(x) if number(x) > 0 else math.nan, 1e-6),
]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("f", "point"), KEPT)
def test_what_does_not_matter_may_leave_the_graph(f, point, order):
    report = check_gradients(f, point, order=order)
    assert verdicts(report) <= {"right", "kink"} or order == 2


@given(st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=50, deadline=None)
@example(0.0, 0.0)
@example(1.0, 1.0)
def test_a_branch_may_be_a_plain_number(x, border):
    check_gradients(lambda x: x * x if x > border else 0.25, x, order=2)
    check_gradients(lambda x: max(border, x), x)
    check_gradients(lambda x: [border, x][x > border], x)


@pytest.mark.parametrize("slope", [0.5, 1.0])
def test_the_slope_of_a_plain_number_is_0(slope):
    with pytest.raises(GradientError):
        check_gradients(lambda x: max(0.0, 1 - x), 3.0, gradient=lambda x: slope)
    assert verdicts(check_gradients(lambda x: max(0.0, 1 - x), 3.0, gradient=lambda x: 0.0)) == {
        "right"
    }


# All together.

TIES = [
    (maximum, (2.0, 2.0), (0.5, 0.5)),
    (lambda a, b: minimum(a, b) * 3, (2.0, 2.0), (1.5, 1.5)),
    (lambda a, b: maximum(a, exp(b)), (1.0, 0.0), (0.5, 0.5)),
    (lambda a, b: abs(a - b), (2.0, 2.0), (0.0, 0.0)),
    (lambda a, b: relu(a - b) + b, (2.0, 2.0), (0.0, 1.0)),
    (hypot, (0.0, 0.0), (0.0, 0.0)),
    (lambda a, b: clip(a, b, 5.0), (2.0, 2.0), (1.0, 0.0)),
    (lambda a, b: maximum(a, b) * a - minimum(a, b), (2.0, 2.0), (2.5, 0.5)),
    (lambda a, b, c: maximum(maximum(a, b), c), (2.0, 2.0, 2.0), (0.25, 0.25, 0.5)),
    (lambda a, b, c: minimum(c, minimum(2 * a, b)), (1.0, 2.0, 2.0), (0.5, 0.25, 0.5)),
    (lambda a, b, c: abs(maximum(a, b) - c), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0)),
    (lambda a, b, c: clip(maximum(a, b), c, 9.0), (2.0, 2.0, 2.0), (0.5, 0.5, 0.0)),
]
FLOATS = [
    (lambda a, b: max(float(a), float(b)), (2.0, 2.0), (0.5, 0.5)),
    (lambda a, b: abs(float(a) - float(b)), (2.0, 2.0), (0.0, 0.0)),
    (math.hypot, (0.0, 0.0), (0.0, 0.0)),
]


@pytest.mark.parametrize(("f", "point", "right"), TIES + FLOATS)
def test_at_a_tie_all_arguments_together_tell(f, point, right):
    assert verdicts(check_gradients(f, *point, gradient=lambda *_: right)) == {"kink"}
    if (f, point, right) in TIES:
        assert verdicts(check_gradients(f, *point)) == {"kink"}
    lowest, highest = (
        [end(slope(lambda x, k=k: number(f(*point[:k], x, *point[k + 1 :])), x))
         for k, x in enumerate(point)]
        for end in (lambda s: round(s.low, 6), lambda s: round(s.high, 6))
    )  # fmt: skip
    for claim in (lowest, highest):  # each between its two sides
        with pytest.raises(GradientError, match="all together"):
            check_gradients(f, *point, gradient=lambda *_, claim=claim: tuple(claim))


@pytest.mark.parametrize("f", [lambda x: maximum(x, x), lambda x: minimum(x, x) * 1.0])
def test_a_tie_with_itself_has_one_slope(f):
    assert verdicts(check_gradients(f, 2.0)) == {"kink"}
    for claim in (0.0, 2.0):
        with pytest.raises(GradientError, match="all together"):
            check_gradients(f, 2.0, gradient=lambda _, claim=claim: claim)


def test_at_a_tie_rounding_is_granted_to_all_together():
    x = -0.09025216967652305  # beside the place where the slope of mish is 0
    assert verdicts(check_gradients(lambda x: maximum(mish(x), mish(x)), x)) == {"kink"}


@given(st.lists(st.sampled_from([relu, abs, leaky_relu, lambda x: -relu(-x)]),
                min_size=2, max_size=4), st.data())  # fmt: skip
@settings(max_examples=10)
def test_kinks_that_are_no_tie_leave_each_argument_its_own_choice(kinds, data):
    """Each slope that one of them has on a side may be combined with each of the others."""
    f = lambda *xs: sum(kind(x) for kind, x in zip(kinds, xs, strict=True))  # noqa: E731 — read in one line
    sides = [data.draw(st.sampled_from((-1.0, 1.0))) for _ in kinds]
    claim = tuple(grad(kind)(side) for kind, side in zip(kinds, sides, strict=True))
    check_gradients(f, *[0.0] * len(kinds))
    check_gradients(f, *[0.0] * len(kinds), gradient=lambda *_: claim)
    on_floats = lambda *xs: float(f(*map(float, xs)))  # noqa: E731 — read in one line
    check_gradients(on_floats, *[0.0] * len(kinds), gradient=lambda *_: claim)


@pytest.mark.parametrize("x", [0.0, 1e-8, 1e-5, 0.01, 1.0])
@pytest.mark.parametrize("power", [0.5, 1.5, 2.5])
def test_where_a_function_turns_complex_it_has_no_value(x, power):
    def slope_of_power(x):
        return power * x ** (power - 1) if x else 0.0

    report = check_gradients(lambda x: float(x) ** power, x, gradient=slope_of_power)
    assert verdicts(report) <= {"right", "unknown"}
    assert x < 1e-8 or verdicts(report) == {"right"}
