"""Losses: each is its formula, differentiable, and finite however far off the prediction is."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp, mpf

from micrograd_gd import grad, jit, vmap
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, NotANumberError, ShapeError
from micrograd_gd.functional import mean
from micrograd_gd.losses import LOSSES, binary_cross_entropy, cross_entropy, hinge, huber, mae, mse

ON_NUMBERS = [mse, mae, huber, hinge, binary_cross_entropy]

whole = st.integers(-1000, 1000).map(float)
scores = st.floats(-1000, 1000)
samples = st.integers(1, 6)
DIGITS = 60  # of the reference; the largest exponential here is e ** 2000

# Textbook formulas of one sample over mpmath numbers, and their derivatives.
FORMULAS = {
    "mse": (lambda p, t: (p - t) ** 2, lambda p, t: 2 * (p - t)),
    "mae": (lambda p, t: abs(p - t), lambda p, t: mp.sign(p - t)),
    "huber": (
        lambda p, t: (p - t) ** 2 / 2 if abs(p - t) <= 1 else abs(p - t) - mpf(1) / 2,
        lambda p, t: p - t if abs(p - t) <= 1 else mp.sign(p - t),
    ),
    "hinge": (
        lambda p, t: max(mpf(0), 1 - t * p),
        lambda p, t: -t if 1 - t * p > 0 else mpf(0),
    ),
    "binary_cross_entropy": (
        lambda p, t: t * mp.log1p(mp.exp(-p)) + (1 - t) * mp.log1p(mp.exp(p)),
        lambda p, t: (1 - t) / (1 + mp.exp(-p)) - t / (1 + mp.exp(p)),
    ),
}
TARGETS = {"hinge": st.sampled_from([-1.0, 1.0]), "binary_cross_entropy": st.floats(0, 1)}


def gradients(loss, leaves):
    for leaf in leaves:
        leaf.grad = 0.0
    loss.backward()
    return [leaf.grad for leaf in leaves]


TINY = mpf("1e-300")  # below, floats have fewer digits


def close(found, expected, magnitude):
    """Whether the two differ by no more than roundings of numbers of that magnitude."""
    allowed = mpf("1e-14") * (magnitude + abs(expected)) + TINY
    return math.isfinite(found) and abs(mpf(found) - expected) <= allowed


@pytest.mark.parametrize("name", FORMULAS)
@given(st.data(), samples)
def test_a_loss_and_its_gradient_are_the_formulas(name, data, n):
    ps = data.draw(st.lists(scores, min_size=n, max_size=n))
    ts = data.draw(st.lists(TARGETS.get(name, scores), min_size=n, max_size=n))
    value, slope = FORMULAS[name]
    predictions = [Value(p) for p in ps]
    loss = LOSSES[name](predictions, ts)
    with mp.workdps(DIGITS):
        pairs = [(mpf(p), mpf(t)) for p, t in zip(ps, ts, strict=True)]
        values, slopes = ([f(p, t) for p, t in pairs] for f in (value, slope))
        # Digits cancel in 1 - t · p of hinge, and in t - σ, the slope of binary cross-entropy.
        scale = max(abs(p) for p, _ in pairs) if name == "hinge" else 0
        slope_scale = 1 if name == "binary_cross_entropy" else 0
        assert close(loss.data, mp.fsum(values) / n, scale)
        for found, expected in zip(gradients(loss, predictions), slopes, strict=True):
            assert close(found, expected / n, slope_scale / n)
    plain = LOSSES[name](ps, ts)
    assert type(plain) is float
    assert plain == loss.data


@given(st.data(), samples, st.integers(2, 5))
def test_cross_entropy_and_its_gradient_are_the_formulas(data, n, classes):
    row = st.lists(scores, min_size=classes, max_size=classes)
    rows = data.draw(st.lists(row, min_size=n, max_size=n))
    targets = data.draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    values = [[Value(s) for s in each] for each in rows]
    loss = cross_entropy(values, targets)
    leaves = [s for each in values for s in each]
    found = gradients(loss, leaves)
    with mp.workdps(DIGITS):
        softmax = []
        for each in rows:
            exponentials = [mp.exp(mpf(s)) for s in each]
            softmax.append([e / mp.fsum(exponentials) for e in exponentials])
        expected = [
            -mp.log(p[t]) if p[t] < 0.5 else -mp.log1p(-(mp.fsum(p[:t] + p[t + 1 :])))
            for p, t in zip(softmax, targets, strict=True)
        ]
        scale = max(abs(s) for each in rows for s in each)  # only differences of scores count
        total = mp.fsum(expected) / n
        assert close(loss.data, total, scale * total)
        slopes = [
            (p if j != t else -mp.fsum(each[:t] + each[t + 1 :])) / n
            for each, t in zip(softmax, targets, strict=True)
            for j, p in enumerate(each)
        ]
        for slope, truth in zip(found, slopes, strict=True):
            assert close(slope, truth, scale * abs(truth))
    assert cross_entropy(rows, targets) == loss.data


@given(st.data(), samples)
def test_whole_numbers_give_exact_losses(data, n):
    ps, ts = (data.draw(st.lists(whole, min_size=n, max_size=n)) for _ in range(2))
    errors = [Fraction(p) - Fraction(t) for p, t in zip(ps, ts, strict=True)]
    assert mse(ps, ts) == float(sum(e * e for e in errors) / n)
    assert mae(ps, ts) == float(sum(map(abs, errors)) / n)


@given(scores, st.floats(0.01, 100))
def test_huber_is_half_a_square_near_and_a_line_afar(p, delta):
    x = Value(p)
    loss = huber(x, 0.0, delta=delta)
    near = abs(p) <= delta
    expected = p * p / 2 if near else delta * (abs(p) - delta / 2)
    assert loss.data == pytest.approx(expected, rel=1e-14)
    assert gradients(loss, [x])[0] == pytest.approx(
        p if near else math.copysign(delta, p), rel=1e-14
    )


@given(scores, scores)
def test_two_classes_are_a_binary_question(a, b):
    x, y, difference = Value(a), Value(b), Value(a - b)
    two, one = cross_entropy([[x, y]], [0]), binary_cross_entropy([difference], [1])
    assert two.data == pytest.approx(one.data, rel=1e-13, abs=0)
    assert gradients(two, [x])[0] == pytest.approx(
        gradients(one, [difference])[0], rel=1e-13, abs=0
    )


@given(st.lists(scores, min_size=2, max_size=5), st.data())
def test_the_gradient_of_cross_entropy_adds_up_to_0(row, data):
    target = data.draw(st.integers(0, len(row) - 1))
    values = [Value(s) for s in row]
    slopes = gradients(cross_entropy([values], [target]), values)
    assert math.fsum(slopes) == pytest.approx(0.0, abs=1e-12)
    assert slopes[target] <= 0
    assert all(slope >= 0 for j, slope in enumerate(slopes) if j != target)


def test_certain_predictions_keep_their_digits():
    x, y = Value(40.0), Value(0.0)
    assert cross_entropy([[x, y]], [0]).data == pytest.approx(math.exp(-40), rel=1e-13, abs=0)
    assert binary_cross_entropy([x], [1]).data == pytest.approx(math.exp(-40), rel=1e-13, abs=0)


@pytest.mark.parametrize(
    ("loss", "predictions", "targets", "value", "slopes"),
    [
        (binary_cross_entropy, [1000.0, -1000.0], [1, 0], 0.0, [0.0, 0.0]),
        (binary_cross_entropy, [1000.0, -1000.0], [0, 1], 1000.0, [0.5, -0.5]),
        (hinge, [1000.0, -1000.0], [-1, 1], 1001.0, [0.5, -0.5]),
        (mse, [1000.0, -1000.0], [0, 0], 1e6, [1000.0, -1000.0]),
        (mae, [1000.0, -1000.0], [0, 0], 1000.0, [0.5, -0.5]),
        (huber, [1000.0, -1000.0], [0, 0], 999.5, [0.5, -0.5]),
    ],
)
def test_losses_are_stable_far_off(loss, predictions, targets, value, slopes):
    values = [Value(p) for p in predictions]
    result = loss(values, targets)
    assert result.data == value
    assert gradients(result, values) == slopes


def test_cross_entropy_is_stable_far_off():
    values = [Value(1000.0), Value(-1000.0), Value(0.0)]
    result = cross_entropy([values], [1])
    assert result.data == 2000.0
    assert gradients(result, values) == [1.0, -1.0, 0.0]


def test_targets_may_be_values_too():
    p, t = Value(3.0), Value(1.0)
    assert gradients(mse([p], [t]), [p, t]) == [4.0, -4.0]
    assert cross_entropy([[0.0, 0.0]], [Value(1.0)]) == pytest.approx(math.log(2), rel=1e-15)


@pytest.mark.parametrize("loss", ON_NUMBERS)
def test_a_single_number_is_a_sequence_of_one(loss):
    p = Value(0.25)
    assert loss(p, 1).data == loss([p], [1]).data
    assert loss(p, [1]).data == loss(np.array([0.25]), np.array(1.0))


def test_one_row_of_scores_is_a_batch_of_one():
    assert cross_entropy([1.0, 2.0], 1) == cross_entropy([[1.0, 2.0]], [1])
    assert cross_entropy(np.array([[1.0, 2.0]]), np.array([1])) == cross_entropy([1.0, 2.0], 1)


@pytest.mark.parametrize("name", LOSSES)
@given(n=st.integers(0, 4), m=st.integers(0, 4))
def test_lengths_that_differ_are_named(name, n, m):
    assume(n != m)
    predictions = [[0.0, 0.0]] * n if name == "cross_entropy" else [0.0] * n
    message = f"{name} needs a target for every prediction: got {n} predictions and {m} targets"
    with pytest.raises(ShapeError, match=message):
        LOSSES[name](predictions, [1] * m)


@pytest.mark.parametrize("name", LOSSES)
def test_no_samples_are_an_error(name):
    with pytest.raises(ArgumentError, match=f"{name} needs at least one sample, and got none"):
        LOSSES[name]([], [])


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("wrong", ["ab", {0: 1.0}, [None], ["1"], [1j]], ids=repr)
def test_what_is_no_number_is_a_type_error(name, wrong):
    with pytest.raises(NotANumberError, match="must be"):
        LOSSES[name](wrong, [1])
    right = [[0.0, 1.0]] if name == "cross_entropy" else [0.0]
    with pytest.raises(NotANumberError, match=f"targets? .*of {name} must be"):
        LOSSES[name](right, wrong)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: hinge([1.0, 1.0], [1, 0]), ArgumentError,
         "target 1 of hinge is 0; expected -1 or 1"),
        (lambda: hinge([1.0], [math.nan]), ArgumentError, "target 0 of hinge is nan"),
        (lambda: binary_cross_entropy([1.0], [1.5]), ArgumentError,
         r"target 0 of binary_cross_entropy is 1\.5; expected a number in \[0, 1\]"),
        (lambda: binary_cross_entropy([1.0], [Value(math.nan)]), ArgumentError, "is nan"),
        (lambda: cross_entropy([[1.0, 2.0, 3.0]], [3]), ArgumentError,
         "target 0 of cross_entropy is 3; expected the index of a class, 0 to 2"),
        (lambda: cross_entropy([[1.0, 2.0]] * 2, [0, -1]), ArgumentError,
         "target 1 of cross_entropy is -1"),
        (lambda: cross_entropy([[1.0, 2.0]], [0.5]), ArgumentError, r"is 0\.5"),
        (lambda: cross_entropy([[1.0, 2.0]], [math.nan]), ArgumentError, "is nan"),
        (lambda: cross_entropy([[1.0, 2.0]], [math.inf]), ArgumentError, "is inf"),
        (lambda: cross_entropy([[1.0]], [0]), ArgumentError,
         "and got 1 in a row; .* take binary_cross_entropy"),
        (lambda: cross_entropy([[1.0, 2.0], [1.0]], [0, 0]), ShapeError,
         "row 1 of the scores has 1 classes, and row 0 has 2"),
        (lambda: mse([[1.0, 2.0]], [1.0]), ShapeError,
         "prediction 0 of mse has 2 numbers, and its target 1 number; expected a target for every"),
        (lambda: mse([[1.0, [2.0]]], [[1.0, 2.0]]), NotANumberError,
         r"prediction 1 of mse must be one real number, but came as list \[2\.0\]"),
        (lambda: huber([1.0], [1.0], delta=0), ArgumentError,
         r"delta is 0\.0; expected a number above 0"),
        (lambda: huber([1.0], [1.0], delta=math.nan), ArgumentError, "delta is nan"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("rows", [3, 80], ids=["few", "whole"])
@pytest.mark.parametrize(("loss", "right", "wrong"), [(hinge, -1, 0), (binary_cross_entropy, 1, 2)])
def test_a_wrong_target_in_a_compiled_batch_is_named(loss, right, wrong, rows):
    targets = np.full(rows, float(right))
    step = jit(grad(lambda scores, targets: mean(vmap(loss)(scores, targets))))
    for i in range(2):
        step(np.ones(rows), targets)
        targets[i] = wrong
        with pytest.raises(ArgumentError, match=f"target 0 of {loss.__name__} is {wrong}; exp"):
            step(np.ones(rows), targets)
        targets[i] = right


@pytest.mark.parametrize("loss", ON_NUMBERS)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_rows_of_outputs_are_taken_number_by_number(loss, width):
    """As in PyTorch: the mean over all numbers; a row of one may also be the number itself."""
    outputs = [[Value(0.25 * i - 0.5 * j) for j in range(width)] for i in range(4)]
    targets = [[float((i + j) % 2 or loss is hinge) for j in range(width)] for i in range(4)]
    flat = [x for row in outputs for x in row], [t for row in targets for t in row]
    assert loss(outputs, targets).data == loss(*flat).data
    assert loss(np.array(outputs), np.array(targets)).data == loss(*flat).data
    if width == 1:
        assert loss(flat[0], targets).data == loss(outputs, flat[1]).data == loss(*flat).data


def test_the_registry_has_every_loss_by_its_name():
    assert {
        "mse": mse, "mae": mae, "huber": huber, "hinge": hinge,
        "binary_cross_entropy": binary_cross_entropy, "cross_entropy": cross_entropy,
    } == LOSSES  # fmt: skip


def test_a_score_of_minus_infinity_rules_its_class_out():
    scores = [Value(-math.inf), Value(0.0), Value(1.0)]
    cross_entropy([scores], [1]).backward()
    assert scores[0].grad == 0.0
    assert scores[1].grad == pytest.approx(1 / (1 + math.e) - 1, rel=1e-14)
    certain = Value(0.0)
    loss = cross_entropy([[Value(-math.inf), certain]], [1])
    loss.backward()
    assert (loss.data, certain.grad) == (0.0, 0.0)
