"""Functions into functions: exact, nested to any depth, in the structure of what came in."""

import json
import math
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from compiled import AVAILABLE
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp
from oracle import INDICES, value

from micrograd_gd import (
    Value,
    derivative,
    functional,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    linearize,
    no_grad,
    scipy_objective,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)
from micrograd_gd.core import blocks, sweep
from micrograd_gd.errors import ArgumentError, NotANumberError, ShapeError
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.testing.smoothness import is_smooth

FUNCTIONS = {name: getattr(functional, name) for name in functional.__all__}


def rosenbrock(x):
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def rosenbrock_hessian(x):
    n = len(x)
    matrix = [[0.0] * n for _ in range(n)]
    for i in range(n - 1):
        matrix[i][i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        matrix[i + 1][i + 1] += 200
        matrix[i][i + 1] = matrix[i + 1][i] = -400 * x[i]
    return matrix


# Nesting.


@pytest.mark.parametrize(
    ("program", "truth"),
    [
        (lambda: grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0), 1.0),
        (lambda: grad(lambda x: x * grad(lambda y: x * y)(2.0))(1.0), 2.0),
        (
            lambda: grad(lambda x: x * grad(lambda y: y * grad(lambda z: x * y * z)(3.0))(2.0))(
                1.5
            ),
            12.0,
        ),
        (lambda: jvp(lambda x: x * jvp(lambda y: x + y, 1.0, 1.0)[1], 1.0, 1.0)[1], 1.0),
        (lambda: jvp(grad(lambda y: y * y * y), 2.0, 1.0)[1], 12.0),
        (lambda: grad(lambda x: jvp(lambda y: y * y * y, x, 1.0)[1])(2.0), 12.0),
        (lambda: grad(lambda x: 1.0)(2.0), 0.0),
        (lambda: grad(grad(lambda x: x))(2.0), 0.0),
        (lambda: grad(lambda x, y: y * y)(1.0, 3.0), 0.0),
        (lambda: grad(lambda x: -x if x < 0 else x)(-3.0), -1.0),
    ],
)
def test_no_derivative_is_taken_for_another(program, truth):
    result = program()
    assert type(result) is float
    assert result == truth


def test_exact_sequences(cases):
    """The first ten derivatives at 0 of generating functions are whole numbers that are known."""
    for case in json.loads((cases / "egf" / "egf.json").read_text()):
        code = compile(case["expr"], case["name"], "eval")
        f = lambda x, code=code: eval(code, {**FUNCTIONS, "x": x})  # noqa: E731, S307 — our cases
        orders = 6 if case["name"] != "mandelbrot_like" else 5
        for order, truth in enumerate(case["float"][:orders]):
            got = derivative(f, order)(case["at"])
            assert got == pytest.approx(truth, rel=1e-12, abs=1e-9), case["name"]


def test_physics_formulas_to_second_order(cases):
    """100 formulas at 3 points each: value, gradient and Hessian, known to 31 digits."""
    document = json.loads((cases / "feynman" / "feynman.json").read_text())
    names = {**FUNCTIONS, "pi": math.pi}
    for case in document["cases"]:
        code = compile(case["formula"], case["id"], "eval")

        def f(x, code=code, case=case):
            variables = dict(zip(case["vars"], x, strict=True))
            return eval(code, {**names, **variables})  # noqa: S307 — a formula of our cases

        for point in case["points"]:
            value, gradient = value_and_grad(f)(point["x"])
            truth = [*map(float, point["grad"])]
            assert value == pytest.approx(float(point["value"]), rel=1e-11), case["id"]
            scale = max(map(abs, truth))
            assert gradient == pytest.approx(truth, rel=1e-10, abs=1e-12 * scale), case["id"]
            second = [[*map(float, row)] for row in point["hess"]]
            scale = max(abs(x) for row in second for x in row)
            for got, expected in zip(hessian(f)(point["x"]), second, strict=True):
                assert got == pytest.approx(expected, rel=1e-8, abs=1e-9 * scale), case["id"]


def test_a_descent_inside_of_a_function_is_differentiated_through():
    def end(rate):
        w = 5.0
        for _ in range(10):
            w = w - rate * grad(lambda v: (v - 3.0) ** 2)(w)
        return w

    # w_n = 3 + 2 (1 - 2 rate)ⁿ
    assert grad(end)(0.1) == pytest.approx(2 * 10 * 0.8**9 * -2, rel=1e-13)


def test_a_loop_that_ends_by_its_numbers_is_differentiated_through():
    def root(a):
        x = a
        while abs(x * x - a) > 1e-14:
            x = (x + a / x) / 2
        return x

    assert grad(root)(2.0) == pytest.approx(0.5 / math.sqrt(2), rel=1e-12)
    assert grad(grad(root))(2.0) == pytest.approx(-0.25 / 2**1.5, rel=1e-6)


def test_a_saddle_point_by_nested_descent():
    """min over x of max over y of x² + 3xy - y²: at the saddle both gradients vanish."""

    def f(x, y):
        return x**2 + 3 * x * y - y**2

    def best_response(x):
        y = 0.0
        for _ in range(60):
            y = y + 0.2 * grad(f, 1)(x, y)
        return y

    x = 1.0
    for _ in range(30):
        x = x - 0.1 * grad(lambda x: f(x, best_response(x)))(x)
    assert (x, best_response(x)) == pytest.approx((0.0, 0.0), abs=1e-3)


# Modes.


def test_the_hessian_of_rosenbrock_is_the_closed_form():
    x = np.linspace(-1.5, 1.5, 30)
    assert hessian(rosenbrock)(x) == pytest.approx(np.array(rosenbrock_hessian(x)), rel=1e-13)


@pytest.mark.parametrize(("m", "n", "sweeps"), [(1, 10_000, {"pull_back": 1}), (50, 2, {})])
def test_the_fewer_sweeps_are_taken(monkeypatch, m, n, sweeps):
    counts = {"pull_back": 0, "push_forward": 0}
    for name in counts:
        original = getattr(sweep, name)

        def count_calls(*args, name=name, original=original, **kwargs):
            counts[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(sweep, name, count_calls)
    jacobian(lambda x: [sum(x) * i for i in range(m)])([1.0] * n)
    assert counts == {"pull_back": 0, "push_forward": 0, **(sweeps or {"push_forward": n})}


POINTS = [(0.3, 0.7, 1.9), (0.0, 0.4, 0.9), (-0.6, 0.25, 0.5), (1.7, 2.3, 3.1), (-2.4, -1.2, 1.3)]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_row_to_fourth_order_along_a_line(name):
    """Against 60 digits, all operands moving at once, in both modes."""
    row = OPERATIONS[name]
    fixed = INDICES.get(name, 0)
    checked = 0
    for point in POINTS:
        count = {"total": 3, "dot": 3}.get(name, len(row.operands))
        operands = [1.0, *point][:count] if fixed else [*point, 0.5, 0.2][:count]
        if operands == [0.0] and name == "softsign":
            continue  # where its slope has a kink
        if fixed and operands[1] <= 0:
            continue  # where polygamma has poles
        if is_smooth(row, tuple(operands), range(fixed, len(operands))):
            checked += 1
            compare_to_fourth_order(row, operands, fixed)
    assert checked


def compare_to_fourth_order(row, operands, fixed):
    def along(t):
        return row(*[x if i < fixed else x + (i + 1) * t for i, x in enumerate(operands)])

    def truth_along(t):
        moved = [mp.mpf(x) + (0 if i < fixed else (i + 1) * t) for i, x in enumerate(operands)]
        return value(row.name)(*moved)

    with mp.workdps(60):
        truth = [float(mp.diff(truth_along, 0, n, h=mp.mpf("1e-12"))) for n in range(5)]
    scale = max(map(abs, truth))
    for order in range(5):
        reverse = derivative(along, order)(0.0)
        forward = along
        for _ in range(order):
            forward = lambda t, f=forward: jvp(f, t, 1.0)[1]  # noqa: E731 — one more order
        for got in (reverse, float(forward(0.0))):
            assert got == pytest.approx(truth[order], rel=1e-9, abs=1e-11 * scale), (
                f"{row!r} at {operands}, order {order}"
            )


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-exact", "trust-ncg"])
def test_scipy_minimises_with_exact_derivatives(method):
    minimize = pytest.importorskip("scipy.optimize", reason="SciPy is not here").minimize
    objective = scipy_objective(rosenbrock)
    needs = {
        "BFGS": {},
        "Newton-CG": {"hessp": objective.hessp},
        "trust-exact": {"hess": objective.hess},
        "trust-ncg": {"hessp": objective.hessp},
    }[method]
    start = np.array([-1.2, 1.0, 0.5])
    found = minimize(objective.fun, start, jac=objective.jac, method=method, **needs)
    assert found.x == pytest.approx([1.0, 1.0, 1.0], abs=1e-4)


def test_scipy_hands_on_further_arguments():
    minimize = pytest.importorskip("scipy.optimize", reason="SciPy is not here").minimize
    objective = scipy_objective(lambda x, a, b: (x[0] - a) ** 2 + (b * x[1] - 1) ** 2)
    for second in ({"hessp": objective.hessp}, {"hess": objective.hess}):
        found = minimize(
            objective.fun, [0.0, 0.0], (3.0, 2.0), method="trust-ncg", jac=objective.jac, **second
        )
        assert found.x == pytest.approx([3.0, 0.5])


def test_scipy_fits_with_exact_jacobians(cases):
    """Misra1a of NIST, from its far start to the certified parameters."""
    least_squares = pytest.importorskip("scipy.optimize", reason="SciPy is not here").least_squares
    problem = json.loads((cases / "nist" / "Misra1a.json").read_text())
    y, x = np.array(problem["data"]).T

    def residuals(b):
        return y - b[0] * (1 - np.exp(-b[1] * x))

    scale = np.array(problem["start1"])
    found = least_squares(
        lambda s: residuals(s * scale), [1.0, 1.0], jac=jacobian(lambda s: residuals(s * scale)),
        xtol=1e-15, ftol=1e-15, gtol=1e-15,
    )  # fmt: skip
    certified = [*map(float, problem["certified"])]
    assert found.x * scale == pytest.approx(certified, rel=1e-7)


# Structures.


def test_results_have_the_structure_of_the_arguments():
    params = {"w": [2.0, 3.0], "b": (1.0,), "scale": 4.0}

    def f(p, x):
        return p["scale"] * (p["w"][0] * x[0] + p["w"][1] * x[1] + p["b"][0])

    assert grad(f)(params, [5.0, 6.0]) == {"w": [20.0, 24.0], "b": (4.0,), "scale": 29.0}
    assert grad(f, argnums=1)(params, [5.0, 6.0]) == [8.0, 12.0]
    assert grad(f, argnums=(1, 0))(params, [5.0, 6.0])[0] == [8.0, 12.0]
    assert grad(f, argnums=-1)(params, np.array([5.0, 6.0])).tolist() == [8.0, 12.0]
    value, pull_back = vjp(f, params, [5.0, 6.0])
    assert (value, pull_back(2.0)[1]) == (116.0, [16.0, 24.0])


def test_arrays_come_back_as_arrays():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    slope = grad(lambda a: (a * a).sum())(x)
    assert slope.dtype == float
    assert slope.tolist() == (2 * x).tolist()
    table = jacobian(lambda a: a @ np.array([1.0, 10.0]))(x)
    assert table.shape == (2, 2, 2)
    assert table[0].tolist() == [[1.0, 10.0], [0.0, 0.0]]
    assert jacobian(np.exp)(np.array([0.0, 0.0])).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert jacobian(lambda t: np.array([t, t * t]))(3.0).tolist() == [1.0, 6.0]


def test_dictionaries_may_have_another_order():
    def f(p):
        return 10 * p["a"] + p["b"] ** 2

    point, direction = {"a": 1.0, "b": 2.0}, {"b": 1.0, "a": 0.0}
    assert jvp(f, point, direction) == (14.0, 4.0)
    assert hvp(f, point, direction) == {"a": 0.0, "b": 2.0}
    assert vjp(lambda x: {"a": 10 * x, "b": x}, 1.0)[1]({"b": 1.0, "a": 0.0}) == (1.0,)


def test_jacobians_of_arrays_in_structures_are_blocks():
    two = np.ones(2)
    table = hessian(lambda p: (p["w"] ** 2 * p["b"]).sum())({"w": two, "b": 2.0})
    assert table["w"]["w"].tolist() == [[4.0, 0.0], [0.0, 4.0]]
    assert table["w"]["b"].tolist() == table["b"]["w"].tolist() == [2.0, 2.0]
    assert table["b"]["b"] == 0.0
    by_both = jacobian(lambda x, y: x * y, (0, 1))(two, 3 * two)
    assert [block.tolist() for block in by_both] == [[[3, 0], [0, 3]], [[1, 0], [0, 1]]]
    parts = jacobian(lambda x: {"a": x * 2, "b": x.sum()})(two)
    assert (parts["a"].tolist(), parts["b"].tolist()) == ([[2, 0], [0, 2]], [1, 1])


def test_a_transform_records_although_nothing_around_it_does():
    with no_grad():
        assert grad(lambda x: x * x)(3.0) == 6.0
        assert hessian(lambda x: x * x)(3.0) == 2.0
        assert grad(lambda x: x * x)(Value(3.0)) == 6.0

    def half(x):
        with no_grad():
            constant = grad(lambda y: y * y * x)(x)  # 2x², and a constant
        return x * constant

    assert grad(half)(3.0) == 18.0


def test_the_second_result_may_be_anything():
    def f(x):
        return x * x, {"name": "square", "seen": [x, None], "count": 3}

    assert grad(f, has_aux=True)(3.0) == (6.0, {"name": "square", "seen": [3.0, None], "count": 3})


def test_arrays_stay_arrays_inside_of_another_transform():
    outer = grad(lambda y: jacobian(lambda x: np.array([x, x * x]))(y).sum())
    assert outer(2.0) == 2.0


def test_jacobians_nest_lists_in_lists():
    table = jacobian(lambda p: {"sum": p[0] + p[1], "all": [p[0] * p[1]]})((2.0, 3.0))
    assert table == {"sum": (1.0, 1.0), "all": [(3.0, 2.0)]}


def test_a_second_result_is_passed_along():
    def f(x):
        return x * x, {"twice": 2 * x}

    assert grad(f, has_aux=True)(3.0) == (6.0, {"twice": 6.0})
    assert value_and_grad(f, has_aux=True)(3.0) == ((9.0, {"twice": 6.0}), 6.0)


def test_linearize_serves_many_directions():
    y, push_forward = linearize(lambda a, b: [a * b, a], 2.0, 3.0)
    assert (y, push_forward(1.0, 0.0), push_forward(0.0, 1.0)) == (
        [6.0, 2.0],
        [3.0, 1.0],
        [2.0, 0.0],
    )


def test_keyword_arguments_are_constants():
    assert grad(lambda x, *, power: x**power)(3.0, power=2) == 6.0


def test_a_value_as_an_argument_keeps_the_gradient_differentiable():
    x = Value(2.0)
    slope = grad(lambda z: z**3)(x)
    slope.backward()
    assert (slope.data, x.grad) == (12.0, 12.0)


def test_nothing_is_left_behind_in_values_that_are_closed_over():
    w = Value(2.0)
    assert grad(lambda x: w * x)(3.0) == 2.0
    assert w.grad == 0.0


def test_an_output_may_stand_twice_and_may_be_an_input():
    assert vjp(lambda x: [x, x], 2.0)[1]([1.0, 10.0]) == (11.0,)
    assert jvp(lambda x: [x, 1.0], 2.0, 3.0) == ([2.0, 1.0], [3.0, 0.0])


def test_stop_gradient_stops_it():
    assert grad(lambda x: x[0] * stop_gradient(x)[0])([3.0]) == [3.0]


CONSTANTS = [  # functions of x, and what they give at 0
    (stop_gradient, 0.0),
    (grad(lambda t: 3 * t), 3.0),
    (grad(lambda _: 5.0), 0.0),
    (lambda x: value_and_grad(lambda _: 5.0)(x)[0], 5.0),
    (lambda x: grad(lambda t: t[0] + 2 * t[1])([x, x])[1], 2.0),
    (lambda x: jvp(lambda t: 3 * t, x, 2.0)[1], 6.0),
    (lambda x: vjp(lambda t: [t, 3.0], x)[1]([2.0, 1.0])[0], 2.0),
    (lambda x: linearize(lambda t: [t, 4.0], x)[0][1], 4.0),
    (lambda x: jacobian(lambda t: [7 * t, 1.0])(x)[0], 7.0),
    (hessian(lambda t: t * t + t), 2.0),
    (lambda x: hvp(lambda t: t * t, x, 3.0), 6.0),
    (derivative(lambda t: t * t, 2), 2.0),
]


@pytest.mark.parametrize(("f", "expected"), CONSTANTS)
def test_a_constant_derivative_is_a_value_without_a_history(f, expected):
    """Also within a transform, in a batch, and compiled: what a value can, it can."""

    def g(x):
        constant = f(x)
        assert (constant.data if blocks.trace() is None else expected) == expected
        return x * constant.exp() + 1 / (0 * constant)

    assert f(Value(0.0)).operands == ()
    assert g(Value(0.0)).data == math.inf
    for where, at, backend in zip(
        (grad(g), vmap(grad(g))), (0.0, np.zeros(3)), AVAILABLE, strict=False
    ):
        assert np.all(jit(where, backend=backend)(at) == math.exp(expected)), backend
        assert np.all(where(at) == math.exp(expected))


def test_integers_are_numbers():
    assert grad(lambda x: x**2)(3) == 6.0
    assert grad(lambda x: x[0] * x[1])([2, 3]) == [3.0, 2.0]
    slopes = grad(lambda x: (x * x).sum())(np.array([1, 2, 3]))
    assert (slopes.dtype, slopes.tolist()) == (float, [2.0, 4.0, 6.0])
    assert jvp(lambda x: x * x, 3, 1) == (9.0, 6.0)
    assert vjp(lambda x: x * x, 3)[1](1) == (6.0,)


def test_what_does_not_depend_on_the_input_has_the_derivative_zero():
    point = [1.0, 2.0]
    assert grad(lambda x: 5.0)(point) == [0.0, 0.0]
    assert value_and_grad(lambda x: Value(5.0))(point) == (5.0, [0.0, 0.0])
    assert jvp(lambda x: 5.0, point, [1.0, 1.0]) == (5.0, 0.0)
    assert vjp(lambda x: [5.0, x[0]], point)[1]([1.0, 0.0]) == ([0.0, 0.0],)
    for mode in ("forward", "reverse"):
        assert jacobian(lambda x: [5.0, x[0]], mode=mode)(point) == [[0.0, 0.0], [1.0, 0.0]]
    table = jacobian(lambda x: np.array([5.0, x[0]]))(np.array(point))
    assert (table.dtype, table.tolist()) == (float, [[0.0, 0.0], [1.0, 0.0]])
    for f in (lambda x: 5.0, lambda x: x[0] + 2 * x[1]):
        assert hessian(f)(point) == [[0.0, 0.0], [0.0, 0.0]]
        assert hvp(f, point, [1.0, 1.0]) == [0.0, 0.0]
    assert derivative(lambda x: x * x, order=3)(2.0) == 0.0


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_an_infinite_slope_leaves_other_derivatives_as_they_are(mode):
    def f(x):
        return [functional.sqrt(x[0]), x[1], functional.sqrt(x[0]) + x[1]]

    assert jacobian(f, mode=mode)([0.0, 1.0]) == [[math.inf, 0.0], [0.0, 1.0], [math.inf, 1.0]]


# Memory.


def test_the_memory_of_a_gradient_is_linear_in_the_number_of_operations():
    def peak(n):
        x = [0.5] * n
        spares = [Value(0.0) for _ in range(70_000)]  # more than dead nodes that are used again
        tracemalloc.start()
        grad(lambda x: sum(a * b for a, b in pairwise(x)))(x)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        del spares
        return peak

    half, whole = peak(50_000), peak(100_000)  # of fewer, too many are there already
    assert whole == pytest.approx(2 * half, rel=0.2)  # dicts and sets grow in steps
    assert whole < 800 * 100_000, "bytes a scalar, for which three values are recorded"


# Errors.


@pytest.mark.parametrize(
    "transform", [grad, value_and_grad, jacobian, jacfwd, jacrev, hessian, derivative, vmap]
)
@pytest.mark.parametrize("place", [2.0, [1.0, 2.0], np.ones(2), Value(2.0)])
def test_a_place_that_comes_too_early_is_told_where_to_go(transform, place):
    with pytest.raises(ArgumentError, match=r"expected .*: what to call .* as in grad\(f\)\(2.0\)"):
        transform(lambda x: x, place)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: grad(lambda x: [x, x])(1.0), ShapeError, r"it is \[\*, \*\]: use jacobian"),
        (lambda: grad(lambda x: x, 1)(1.0), ArgumentError, "argnums is 1, but .* with 1 arguments"),
        (lambda: grad(lambda x: x, "a")(1.0), ArgumentError, "argnums is 'a'"),
        (lambda: grad(lambda x: x, 1.5)(1.0), ArgumentError, "argnums is 1.5; expected"),
        (lambda: grad(lambda x, y: x, -3)(1.0, 2.0), ArgumentError, "argnums is -3, but .* 2 arg"),
        (
            lambda: grad(lambda x, y: x, (0, 2))(1.0, 2.0),
            ArgumentError,
            r"argnums is \(0, 2\), but",
        ),
        (lambda: grad(lambda x, y: x, (0, -2))(1.0, 2.0), ArgumentError, "an argument twice"),
        (grad(lambda x: x), ArgumentError, "called with 0 arguments"),
        (lambda: grad(lambda x: {"a": x})(1.0), ShapeError, "it is {'a': \\*}: use jacobian"),
        (lambda: grad(np.atleast_1d)(1.0), ShapeError, r"it is array\(1,\): use jacobian"),
        (lambda: value_and_grad(lambda x: (x,))(1.0), ShapeError, r"it is \(\*\): use jacobian"),
        (lambda: hessian(lambda x: [x, x])(1.0), ShapeError, r"it is \[\*, \*\]: use jacobian"),
        (lambda: grad(lambda x: x)("a"), NotANumberError, "argument 0 must be one real number"),
        (lambda: grad(lambda x: x)([1.0, "a"]), NotANumberError, r"argument 0\[1\] must be"),
        (lambda: grad(lambda x: None)(1.0), ShapeError, "one number as its result, but it is None"),
        (lambda: grad(lambda x: x, has_aux=True)(1.0), ShapeError, "has_aux needs a pair"),
        (lambda: jacobian(lambda x: x, mode="up"), ArgumentError, "mode is 'up'"),
        (lambda: derivative(abs, -1), ArgumentError, "order is -1"),
        (lambda: jvp(lambda x: x[0], [1.0], [1.0, 2.0]), ShapeError, r"tangent 0 must be like"),
        (lambda: jvp(lambda x, y: x, (1.0, 2.0), (1.0,)), ShapeError, "2 tangents are due, and 1"),
        (lambda: jvp(lambda x: x, (1.0,), 1.0), ShapeError, "so must be the tangents, not 1.0"),
        (
            lambda: jvp(np.sum, np.ones((2, 2)), np.ones(4)),
            ShapeError,
            r"tangent 0 must be like array\(2, 2\), but is array\(4,\)",
        ),
        (
            lambda: vjp(lambda p: {"a": p}, 1.0)[1]({"b": 1.0}),
            ShapeError,
            r"the cotangents must be like {'a': \*}, but is {'b': \*}",
        ),
        (
            lambda: vjp(lambda x: [x], 1.0)[1](1.0),
            ShapeError,
            r"the cotangents must be like \[\*\]",
        ),
    ],
)
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


trees_of_numbers = st.recursive(
    st.floats(-10, 10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(trees_of_numbers)
def test_the_gradient_of_the_squares_is_twice_the_tree(tree):
    from micrograd_gd.transforms import trees

    def f(tree):
        return sum((leaf * leaf for leaf in trees.flatten(tree)[0]), 0.0)

    leaves, structure = trees.flatten(tree)
    assert grad(f)(tree) == trees.unflatten(structure, [2 * leaf for leaf in leaves])


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian, derivative, jit])
def test_what_is_no_function_is_refused_when_it_is_given(transform):
    with pytest.raises(ArgumentError, match="expected a function, but was given 3"):
        transform(3)
    with pytest.raises(ArgumentError, match=r"call its backward\(\), and read x.grad"):
        transform(Value(3.0))
