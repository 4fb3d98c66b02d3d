"""Derivatives of random expressions, of first to third order, in all mixtures of the two modes.

The truth is another program's: mpmath computes the same steps with 120 digits, by the formulas of
oracle.py, and is differentiated by central differences, which use none of our partials.
"""

import math
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp, mpf
from oracle import value
from rounding import error_bound, number

from micrograd_gd import Value, grad, hessian, hvp, jacobian, jvp
from micrograd_gd.testing.strategies import expressions

DIGITS = 120
STEP = mpf("1e-20")  # its square is the truth's relative error; its cube costs 60 digits
TINY = 1e-30  # what the truth may miss 0 by


def reverse(f, direction):
    """The derivative of f along a direction, by the adjoint sweep."""

    def slope(x):
        return sum(u * g for u, g in zip(direction, grad(f)(x), strict=True))

    return slope


def forward(f, direction):
    """The same, by the tangent sweep."""
    return lambda x: jvp(f, x, direction)[1]


@st.composite
def expressions_and_directions(draw, count):
    f = draw(expressions())
    sizes = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0])
    direction = st.lists(sizes, min_size=len(f.inputs), max_size=len(f.inputs))
    return f, [draw(direction) for _ in range(count)]


def of_a_list(f):
    return lambda x: f(*x)


def truth(f, directions):
    """The derivative along all the directions, one after the other, where it exists.

    The rows' own kinks are avoided by `expressions`; softsign's slope has one besides, at 0.
    """
    with mp.workdps(DIGITS):
        near, far = (differences(f, directions, step) for step in (STEP, 3 * STEP))
        assume(abs(far - near) <= TINY + mpf("1e-25") * abs(near))
        return near


def differences(f, directions, step):
    point = [mpf(x) for x in f.inputs]
    total = mpf(0)
    for signs in product((-1, 1), repeat=len(directions)):
        moved = point
        for sign, direction in zip(signs, directions, strict=True):
            moved = [x + sign * step * u for x, u in zip(moved, direction, strict=True)]
        total += math.prod(signs) * mpmath_value(f, moved)
    return total / (2 * step) ** len(directions)


def mpmath_value(f, inputs):
    numbers = list(inputs)
    for row, operands in f.nodes:
        exact = (numbers[x] if isinstance(x, int) else mpf(x) for x in operands)
        numbers.append(value(row.name)(*exact))
    return numbers[-1]


def check(result, expected, told):
    bound = error_bound(result)
    assume(math.isfinite(bound))
    assert abs(number(result) - expected) <= bound + TINY, told


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@given(data=st.data())
def test_every_mixture_of_modes_is_right_to_rounding(order, data):
    f, directions = data.draw(expressions_and_directions(order))
    expected = truth(f, directions)
    for modes in product((reverse, forward), repeat=order):
        derivative = of_a_list(f)
        for mode, direction in zip(modes, directions, strict=True):
            derivative = mode(derivative, direction)
        result = derivative([Value(x) for x in f.inputs])
        check(result, expected, [mode.__name__ for mode in modes])
        on_floats = derivative([*f.inputs])
        assert on_floats == number(result), "on floats and on values the numbers are the same"


@given(expressions())
def test_tables_of_derivatives_are_right_to_rounding(expression):
    f, point = of_a_list(expression), [Value(x) for x in expression.inputs]
    places = range(len(point))
    units = [[float(i == j) for j in places] for i in places]
    second = [[truth(expression, [u, v]) for v in units] for u in units]
    check_all(hessian(f)(point), second)
    check_all(jacobian(jacobian(f, mode="forward"), mode="reverse")(point), second)
    check_all([hvp(f, point, u) for u in units], second)
    third = [[[truth(expression, [u, v, w]) for w in units] for v in units] for u in units]
    for mode in ("forward", "reverse"):
        check_all(jacobian(hessian(f), mode=mode)(point), third)


def check_all(table, expected):
    if isinstance(expected, list):
        for part, expected_part in zip(table, expected, strict=True):
            check_all(part, expected_part)
    else:
        check(table, expected, expected)
