"""Roots of equations: as exact as floats are, and differentiable to any order."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import (
    Value,
    derivative,
    functional,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    solve,
    vmap,
)
from micrograd_gd.errors import ArgumentError, DivergedError, ShapeError


def square_root(p):
    return solve(lambda x, p: x * x - p, 1.0, p)


def kepler(e, m):
    return solve(lambda x, e, m: x - e * functional.sin(x) - m, 0.5, e, m)


def intersect(p):
    """Where a·b is p[0] and a + b is p[1]: the roots of x² - p[1] x + p[0]."""
    return solve(
        lambda x, p: {"product": x["a"] * x["b"] - p[0], "sum": x["a"] + x["b"] - p[1]},
        {"a": 1.0, "b": 3.0},
        p,
    )


@given(st.floats(1e-3, 1e3))
def test_derivatives_of_every_order_are_those_of_the_root(p):
    for order in range(5):
        exact = (
            mpmath.binomial(0.5, order) * mpmath.factorial(order) * mpmath.mpf(p) ** (0.5 - order)
        )
        assert derivative(square_root, order)(p) == pytest.approx(float(exact), rel=1e-13)


@given(st.floats(0.0, 0.8), st.floats(-3.0, 3.0))
def test_by_several_parameters(e, m):
    with mpmath.workdps(40):
        root = mpmath.findroot(lambda x: x - e * mpmath.sin(x) - m, float(kepler(e, m)))
        slope = 1 / (1 - e * mpmath.cos(root))
        by_e = slope * mpmath.sin(root)
        second = 2 * by_e * mpmath.cos(root) * slope - e * mpmath.sin(root) * by_e**2 * slope
    assert kepler(e, m) == pytest.approx(float(root), rel=1e-14, abs=1e-15)
    assert grad(kepler, (0, 1))(e, m) == pytest.approx((float(by_e), float(slope)), rel=1e-12)
    found = hessian(lambda p: kepler(p[0], p[1]))([e, m])
    assert found[0][0] == pytest.approx(float(second), rel=1e-10, abs=1e-13)
    assert found[0][1] == pytest.approx(found[1][0], rel=1e-10, abs=1e-13)


def test_of_several_unknowns_in_a_structure():
    a = (3.5 - math.sqrt(3.5**2 - 8)) / 2
    assert intersect([2.0, 3.5]) == pytest.approx({"a": a, "b": 3.5 - a}, rel=1e-15)
    slope = 1 / (3.5 - 2 * a)
    by_p = jacobian(intersect)([2.0, 3.5])
    assert by_p["a"] == pytest.approx([slope, -a * slope], rel=1e-13)
    assert by_p["b"] == pytest.approx([-slope, 1 + a * slope], rel=1e-13)


@given(st.integers(1, 4), st.randoms(use_true_random=False))
def test_linear_equations_give_the_inverse_matrix(n, random):
    rows = [[random.uniform(-1, 1) + 3 * n * (i == j) for j in range(n)] for i in range(n)]
    random.shuffle(rows)  # the largest is not on the diagonal
    right = [random.uniform(-1, 1) for _ in range(n)]

    def root(right):
        return solve(
            lambda x, right: [
                sum(a * each for a, each in zip(row, x, strict=True)) - y
                for row, y in zip(rows, right, strict=True)
            ],
            [0.0] * n,
            right,
        )

    np.testing.assert_allclose(root(right), np.linalg.solve(rows, right), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(jacobian(root)(right), np.linalg.inv(rows), rtol=1e-12, atol=1e-14)


def test_values_forward_mode_batches_and_programs():
    p = Value(9.0)
    y = square_root(p)
    y.backward()
    assert (y.data, p.grad) == (3.0, pytest.approx(1 / 6, rel=1e-15))
    assert jvp(square_root, 9.0, 2.0) == (3.0, pytest.approx(1 / 3, rel=1e-15))
    points = np.array([1.0, 4.0, 9.0])
    assert [*vmap(grad(square_root))(points)] == pytest.approx([1 / 2, 1 / 4, 1 / 6], rel=1e-15)
    assert [*jit(vmap(square_root))(points)] == [1.0, 2.0, 3.0]
    compiled = jit(derivative(square_root, 2))
    for p in (4.0, 2.0, 100.0):  # what the first call traced serves the others
        assert compiled(p) == derivative(square_root, 2)(p)
    assert jit(jacobian(intersect))([2.0, 3.5]) == jacobian(intersect)([2.0, 3.5])


def test_of_a_root_within_a_root():
    def fourth_root(p):
        return solve(lambda x, p: x - square_root(square_root(p)), 1.0, p)

    assert fourth_root(16.0) == 2.0
    assert grad(fourth_root)(16.0) == pytest.approx(1 / 32, rel=1e-14)
    assert derivative(fourth_root, 2)(16.0) == pytest.approx(-3 / 16 / 128, rel=1e-13)


@pytest.mark.parametrize(
    ("f", "start", "error", "message"),
    [
        (lambda x, p: x * x + p, 1.0, DivergedError, "no root|f is flat"),
        (lambda x, p: x * 0 + p, 1.0, DivergedError, "f is flat"),
        (lambda x, p: Value(1.0) * x - p, 1.0, ArgumentError, "closes over a Value"),
        (lambda x, p: [x, x * p], 1.0, ShapeError, "2 numbers for 1 unknowns"),
        (lambda x, p: x[0] * p, [1.0, 2.0], ShapeError, "1 numbers for 2 unknowns"),
        (2.0, 1.0, ArgumentError, "expected a function"),
    ],
)
def test_what_has_no_root_is_refused(f, start, error, message):
    with pytest.raises(error, match=message):
        solve(f, start, 1.0)
    with pytest.raises(error, match=message):
        grad(lambda p: solve(f, start, p))(1.0)


def test_a_multiple_root_has_no_derivative_and_says_so():
    with pytest.raises(DivergedError, match="f is flat"):
        grad(lambda p: solve(lambda x, p: x * x * p, 0.0, p))(1.0)
