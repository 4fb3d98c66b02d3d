"""An operand that a choice did not take adds nothing, however steep what it leads to is.

A choice stands between steep functions: the way from the result to it is infinitely steep, and so
may be that from it to the inputs. The reference is the function with a branch of Python in place of
the choice, which records the side that is taken, and nothing of the others.
"""

import math
from itertools import product

import numpy as np
import pytest
from compiled import AVAILABLE, bits
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from micrograd_gd import (
    Value,
    check_gradients,
    functional,
    grad,
    hessian,
    hvp,
    jacfwd,
    jit,
    value_and_grad,
    vmap,
)
from micrograd_gd.functional import acos, asin, cbrt, expm1, log, sqrt, total
from micrograd_gd.table.ops import OPERATIONS

# What each choice is, with branches.
TAKEN = {
    "relu": lambda x: x if x > 0 else 0.0,
    "relu6": lambda x: 0.0 if x <= 0 else 6.0 if x >= 6 else x,
    "hardswish": lambda x: 0.0 if x <= -3 else x if x >= 3 else ((x + 1.5) ** 2 - 2.25) / 6,
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * expm1(x),
    "minimum": lambda a, b: min(b, a),
    "maximum": lambda a, b: max(b, a),
    "fmin": lambda a, b: b if a != a else a if b != b else min(b, a),
    "fmax": lambda a, b: b if a != a else a if b != b else max(b, a),
    "clip": lambda x, a, b: b if x > b or a > b else max(x, a),
    "mod": lambda a, b: a - n * b if (n := number(a) // number(b)) else a,
    "fmod": lambda a, b: a - n * b if (n := math.trunc(number(a) / number(b))) else a,
    "hardtanh": lambda x: 1.0 if x > 1 else -1.0 if x < -1 else x,
    "where": lambda c, a, b: a if c != 0 else b,
}
# Functions that are infinitely steep somewhere, and where.
STEEP = [(sqrt, 0.0), (cbrt, 0.0), (acos, 1.0), (asin, 1.0), (lambda x: x**0.5, 0.0)]
INFINITE = [(log, 0.0), (functional.atanh, 1.0), (functional.reciprocal, 0.0)]
NUMBERS = [-2.5, -1.0, 0.4, 0.75, 3.0]


def number(x):
    return getattr(x, "data", x)


def test_every_choice_of_the_table_is_here():
    choices = {row.name for row in OPERATIONS.values() if row.is_choice}
    assert choices == TAKEN.keys() - {"hardtanh", "where"}


@st.composite
def programs(draw):
    """A function with a choice, the same with a branch, and where they are steep."""
    name = draw(st.sampled_from(sorted(TAKEN)))
    count = TAKEN[name].__code__.co_argcount
    numbers = draw(st.lists(st.sampled_from(NUMBERS), min_size=count, max_size=count, unique=True))
    inside = draw(st.lists(st.sampled_from([None, *STEEP]), min_size=count, max_size=count))
    outer, at = draw(st.sampled_from(STEEP + INFINITE))

    def write(choose):
        chosen = choose(*numbers)  # the remainders are rounded in their own ways

        def f(x):
            operands = [
                each if steep is None else there + (steep[0](each) - steep[0](steep[1]))
                for each, there, steep in zip(x, numbers, inside, strict=True)
            ]
            return outer(at + (choose(*operands) - chosen)) + total([3.0 * each for each in x])

        return f

    pairs = zip(numbers, inside, strict=True)
    point = [there if steep is None else steep[1] for there, steep in pairs]
    return write(getattr(functional, name)), write(TAKEN[name]), point


# Choices that are told by differences alone, at points with ties.
TIES = ["relu", "minimum", "maximum", "clip", "hardtanh"]


@pytest.mark.parametrize("name", TIES)
def test_at_a_tie_a_slope_is_between_those_of_its_sides(name):
    choose, choice = TAKEN[name], getattr(functional, name)
    count = choose.__code__.co_argcount
    points = product([-1.0, 0.0, 1.0, 2.0], repeat=count)
    for point, step in product(points, product([0.0, 0.25], repeat=count)):
        moved = [
            choose(*[x + sign * dx for x, dx in zip(point, step, strict=True)]) for sign in (-1, 1)
        ]
        sides = sorted([choose(*point) - moved[0], moved[1] - choose(*point)])
        slope = np.dot(grad(lambda x: choice(*x))([*point]), step)
        assert sides[0] <= slope <= sides[1], (point, step)


def test_nothing_flows_through_bounds_that_are_one():
    def f(x):
        return sqrt(functional.clip(x, 0.0, 0.0))

    for transform in (grad, jacfwd, hessian):
        assert transform(f)(0.0) == jit(transform(f))(0.0) == 0.0
        assert not vmap(transform(f))(np.array([0.0, 1.0, -1.0])).any()


def backpropagate(f, x, **how):
    inputs = [*map(Value, x)]
    f(inputs).backward(**how)
    return [number(each.grad) for each in inputs]


@given(programs())
def test_what_is_not_taken_adds_nothing(program):
    f, reference, x = program
    expected = grad(reference)(x)
    assert_allclose(grad(f)(x), expected, rtol=1e-14)
    for found in (jacfwd(f)(x), backpropagate(f, x), backpropagate(f, x, create_graph=True)):
        assert bits(found) == bits(grad(f)(x))
    if all(map(math.isfinite, expected)):
        assert_allclose(hessian(f)(x), hessian(reference)(x), rtol=1e-14)
        assert_allclose(hvp(f, x, [1.0] * len(x)), np.sum(hessian(f)(x), axis=1), rtol=1e-14)
        verdicts = {each.verdict for each in check_gradients(f, x).comparisons}
        assert verdicts == {"right" if math.isfinite(number(f([*map(Value, x)]))) else "unknown"}


@pytest.mark.parametrize("backend", AVAILABLE)
@settings(max_examples=3)
@given(program=programs())
def test_nor_does_it_in_a_program(backend, program):
    f, _, x = program
    others = [0.5 + 0.1 * i for i in range(len(x))]
    samples = [others, x, others, x, x, others, x, x, x]
    for transform in (value_and_grad(f), jacfwd(f), hessian(f)):
        eager = [bits(transform(each)) for each in samples]
        compiled = jit(transform, backend=backend)
        assert [bits(compiled(each)) for each in samples[:3]] == eager[:3]
        batch = jit(vmap(transform), backend=backend)(np.array(samples))
        assert [bits(sample(batch, i)) for i in range(len(samples))] == eager


def sample(batch, i):
    """What a batch is for sample i."""
    return batch[i] if isinstance(batch, np.ndarray) else [sample(part, i) for part in batch]
