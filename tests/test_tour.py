"""A tour in two seconds: what the library does, from one number to a trained network."""

from itertools import pairwise

import pytest

from micrograd_gd import MLP, Value, detect_anomaly, no_grad
from micrograd_gd.data import moons
from micrograd_gd.errors import NonFiniteError
from micrograd_gd.functional import dot, exp, softmax
from micrograd_gd.losses import hinge
from micrograd_gd.optim import GradientDescent


def test_a_value_is_a_number_that_remembers():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = a * b + b**2
    assert y == 3.0
    assert y.operands[0].operands == (a, b)


def test_backward_gives_the_slope_of_the_result_along_every_input():
    a, b = Value(2.0), Value(-3.0)
    (a * b + b**2).backward()
    assert (a.grad, b.grad) == (-3.0, 2.0 - 6.0)


def test_gradient_descent_steps_against_the_slope_until_the_minimum():
    w = Value(8.0)
    for _ in range(100):
        w.grad = 0.0
        ((w - 3) ** 2 + 1).backward()
        w.data -= 0.1 * w.grad
    assert w.data == pytest.approx(3.0)


def test_a_learning_rate_that_is_too_large_overshoots_and_diverges():
    w, distances = Value(8.0), []
    for _ in range(5):
        w.grad = 0.0
        ((w - 3) ** 2).backward()
        w.data -= 1.1 * w.grad
        distances.append(w.data - 3)
    assert all(a * b < 0 < abs(b) - abs(a) for a, b in pairwise(distances))


def test_gradients_are_values_that_can_be_differentiated_again():
    x = Value(3.0)
    (x**3).backward(create_graph=True)
    slope, x.grad = x.grad, 0.0
    slope.backward()
    assert (slope.data, x.grad) == (27.0, 18.0)


def test_functions_take_numbers_and_values():
    assert exp(0) == 1.0
    assert dot([1, 2], [3, Value(4.0)], bias=1) == 12.0
    assert sum(p.data for p in softmax([Value(1000.0), Value(-1000.0)])) == 1.0


def test_nothing_raises_at_the_edge_unless_asked_to():
    assert Value(0.0).log() == float("-inf")
    with detect_anomaly(), pytest.raises(NonFiniteError, match=r"log\(x = 0.0\) is -inf"):
        Value(0.0, label="x").log()


def test_nothing_is_recorded_without_need():
    with no_grad():
        assert (Value(2.0) * 3).operands == ()


def test_a_network_learns_the_moons():
    inputs, targets = moons(30, noise=0.05, seed=1)
    signs = [2 * target - 1 for target in targets]
    model = MLP(2, [8, 8, 1], seed=1)
    descent = GradientDescent(model.parameters(), learning_rate=1.0)
    for _ in range(80):
        scores = [model(x) for x in inputs]
        descent.zero_grad()
        hinge(scores, signs).backward()
        descent.step()
    assert all((model(x).data > 0) == (sign > 0) for x, sign in zip(inputs, signs, strict=True))
