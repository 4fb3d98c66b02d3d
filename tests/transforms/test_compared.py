"""A gradient of 0 by an argument that was only compared is said, and no other one is."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import functional, grad, hessian, jit, value_and_grad, vmap
from micrograd_gd.transforms import compared


@pytest.fixture(autouse=True)
def forget():
    """Functions are looked at once."""
    compared._known.clear()


def bisect(f, low, high):
    for _ in range(60):
        middle = (low + high) / 2
        if f(middle) > 0:
            high = middle
        else:
            low = middle
    return middle


def square_root(p):
    return bisect(lambda x: x * x - p, 0.0, 10.0)


LINE = f"{__file__}, line {bisect.__code__.co_firstlineno + 3}"


@pytest.mark.parametrize(
    ("f", "args", "name", "slope"),
    [
        (square_root, (2.0,), "argument 0", 0.0),
        (square_root, (np.float64(2.0),), "argument 0", 0.0),
        (lambda a, p: a * square_root(p), (3.0, 2.0), "argument 1", (2**0.5, 0.0)),
        (lambda w: w[0] * square_root(w[1]), ([3.0, 2.0],), "number 1 of", [2**0.5, 0.0]),
        (lambda w: w["a"] * square_root(w["p"]), ({"a": 3.0, "p": 2.0},), "number 1 of",
         {"a": 2**0.5, "p": 0.0}),
        (lambda p: bisect(lambda x: functional.exp(x) - p, -5.0, 5.0), (2.0,), "argument 0", 0.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [lambda f: f, jit])
def test_a_bisection_is_named_with_its_line(f, args, name, slope, wrap):
    argnums = tuple(range(len(args))) if len(args) > 1 else 0
    with pytest.warns(UserWarning, match="only|compared") as told:
        found = wrap(grad(f, argnums))(*args)
    assert found == pytest.approx(slope)
    (message,) = {str(each.message) for each in told}
    assert name in message
    assert LINE in message
    with warnings.catch_warnings():  # once a function
        warnings.simplefilter("error")
        grad(f, argnums)(*args)


STEEP = st.floats(-3.0, 3.0)


@given(STEEP)
def test_a_slope_of_zero_that_is_right_is_left_alone(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (
            lambda x: x if x > 0 else 0.0,
            lambda x: max(0.0, x),
            lambda x: 1.0 if x > 0.5 else -1.0,
            lambda x: sum(max(0.0, 1 - each * x) for each in (3.0, -1.0)),
            lambda x: x.relu() if hasattr(x, "relu") else max(x, 0.0),
            lambda x: x * 0.0,
            lambda _: 5.0,
        ):
            compared._known.clear()
            grad(f)(x)
            hessian(f)(x)
        grad(lambda a, b: max(b, a), (0, 1))(x, 1.0)
        grad(lambda w: sorted(w)[1])([x, 0.5, -0.5])
        jit(vmap(grad(lambda x: x.clip(0.0, 1.0))))(np.array([x, 0.5]))


def test_a_function_that_fails_when_it_is_called_again_is_left_alone():
    calls = []

    def once(p):
        calls.append(p)
        if len(calls) > 1:
            raise RuntimeError("once")
        return square_root(p)

    assert value_and_grad(once)(2.0) == (pytest.approx(2**0.5), 0.0)
