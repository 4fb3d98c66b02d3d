"""Optimizers: the textbook rule to the last bit, or an error and nothing changed."""

import copy
import json
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, DivergedError, NotANumberError, ShapeError
from micrograd_gd.optim import (
    OPTIMIZERS,
    Adam,
    GradientDescent,
    Momentum,
    constant,
    cosine,
    exponential_decay,
    step_decay,
    warmup,
)

numbers = st.floats(-1e6, 1e6)
rates = st.floats(1e-6, 10)
starts = st.lists(numbers, min_size=1, max_size=4)
shares = st.floats(0, 0.999)


def gradients_for(start, most=5):
    row = st.lists(numbers, min_size=len(start), max_size=len(start))
    return st.lists(row, min_size=1, max_size=most)


def leaves(start):
    return [Value(x) for x in start]


def train(optimizer, rows):
    """Do a step for each row of gradients."""
    for row in rows:
        for parameter, gradient in zip(optimizer.parameters, row, strict=True):
            parameter.grad = gradient
        optimizer.step()
    return [parameter.data for parameter in optimizer.parameters]


# The rules.


@given(starts, rates, st.data())
def test_gradient_descent_subtracts_rate_times_gradient_and_nothing_else(start, rate, data):
    rows = data.draw(gradients_for(start))
    parameters = leaves(start)
    for p in parameters:
        p.label = "kept"
    found = train(GradientDescent(parameters, rate), rows)
    expected = list(start)
    for row in rows:
        for i, gradient in enumerate(row):
            expected[i] -= rate * gradient
    assert found == expected
    assert [p.grad for p in parameters] == rows[-1]
    assert all(p.label == "kept" and p.op is None for p in parameters)


@given(starts, rates, shares, st.data())
def test_momentum_is_the_sum_of_faded_gradients(start, rate, momentum, data):
    """Against the closed form vₖ = Σ momentum ** (k - j) · gⱼ, in exact fractions."""
    rows = data.draw(gradients_for(start))
    found = train(Momentum(leaves(start), rate, momentum), rows)
    for i, x in enumerate(start):
        expected, size = Fraction(x), abs(Fraction(x))
        for k in range(len(rows)):
            for j in range(k + 1):
                part = Fraction(rate) * Fraction(momentum) ** (k - j) * Fraction(rows[j][i])
                expected -= part
                size += abs(part)
        assert abs(Fraction(found[i]) - expected) <= Fraction(1e-14) * size + Fraction(1e-300)


@given(starts, rates, st.data())
def test_without_momentum_it_is_gradient_descent(start, rate, data):
    rows = data.draw(gradients_for(start))
    plain = train(GradientDescent(leaves(start), rate), rows)
    assert train(Momentum(leaves(start), rate, momentum=0.0), rows) == plain


@given(starts, rates, shares, shares, st.data())
def test_adam_is_its_closed_form(start, rate, beta1, beta2, data):
    """Against the sums that Kingma and Ba unroll their averages to (section 3)."""
    rows = data.draw(gradients_for(start))
    optimizer = Adam(leaves(start), rate, beta1, beta2)
    before = list(start)
    for t in range(1, len(rows) + 1):
        after = train(optimizer, [rows[t - 1]])
        for i, x in enumerate(before):
            weights1 = [(1 - beta1) * beta1 ** (t - j) for j in range(1, t + 1)]
            weights2 = [(1 - beta2) * beta2 ** (t - j) for j in range(1, t + 1)]
            gradients = [row[i] for row in rows[:t]]
            m = math.fsum(w * g for w, g in zip(weights1, gradients, strict=True))
            v = math.fsum(w * g * g for w, g in zip(weights2, gradients, strict=True))
            m, v = m / (1 - beta1**t), v / (1 - beta2**t)
            # m may cancel: its roundings are those of the largest gradient
            slack = 1e-11 * rate * max(map(abs, gradients)) / (math.sqrt(v) + 1e-8)
            change = rate * m / (math.sqrt(v) + 1e-8)
            assert after[i] == pytest.approx(x - change, rel=1e-11, abs=slack + 1e-300)
        before = after


@given(numbers.filter(lambda g: abs(g) > 1e-3), rates)
def test_the_first_step_of_adam_is_the_learning_rate(gradient, rate):
    (found,) = train(Adam([Value(0.0)], rate), [[gradient]])
    assert found == pytest.approx(-math.copysign(rate, gradient), rel=1e-4)


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_a_valley_is_descended(kind):
    x, y = Value(3.0), Value(-2.0)
    optimizer = kind([x, y], learning_rate=0.05)
    for _ in range(500):
        optimizer.zero_grad()
        (x * x + 3.0 * (y - 1.0) ** 2).backward()
        optimizer.step()
    assert (x.data, y.data) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))


def test_a_gradient_that_is_a_value_counts_as_its_number():
    x = Value(3.0)
    (x * x).backward(create_graph=True)
    assert isinstance(x.grad, Value)
    GradientDescent([x], 0.25).step()
    assert x.data == 1.5


def test_a_parameter_listed_twice_is_changed_once():
    x = Value(1.0)
    optimizer = GradientDescent([x, x], 0.5)
    assert train(optimizer, [[1.0]]) == [0.5]


def test_zero_grad_sets_every_gradient_to_0():
    parameters = leaves([1.0, 2.0])
    (parameters[0] * parameters[1]).backward()
    GradientDescent(parameters, 0.1).zero_grad()
    assert [p.grad for p in parameters] == [0.0, 0.0]


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
@given(starts, rates, st.floats(0, 10), st.data())
def test_weight_decay_shrinks_every_parameter_before_the_step(kind, start, rate, decay, data):
    rows = data.draw(gradients_for(start))
    plain, decaying = kind(leaves(start), rate), kind(leaves(start), rate, weight_decay=decay)
    for row in rows:
        for parameter in plain.parameters:
            parameter.data *= 1 - rate * decay
        assert train(decaying, [row]) == train(plain, [row])
    assert (f", weight_decay={decay}" in repr(decaying)) == (decay > 0)


# What diverges changes nothing.


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 2])
def test_a_gradient_that_is_not_finite_changes_nothing(kind, bad, place):
    parameters = leaves([1.0, 2.0, 3.0])
    parameters[0].label = "layers.0.b"
    optimizer = kind(parameters, 0.5)
    train(optimizer, [[1.0, -1.0, 0.5]])
    numbers, state = [p.data for p in parameters], optimizer.state_dict()
    row = [0.25, 0.25, 0.25]
    row[place] = bad
    name = "layers.0.b" if place == 0 else "parameter 2"
    with pytest.raises(DivergedError) as caught:
        train(optimizer, [row])
    assert str(caught.value).startswith(
        f"the gradient of {name} is {bad} at step 1; no parameter was changed. "
    )
    assert [p.data for p in parameters] == numbers
    assert optimizer.state_dict() == state


@pytest.mark.parametrize(
    ("make", "gradients", "message"),
    [
        (lambda ps: GradientDescent(ps, 1e10), [1.0, -1e300], "turn w = 2.0 into data inf"),
        (
            lambda ps: Momentum(ps, 1e10),
            [1.0, 1e300],
            "turn w = 2.0 into data -inf, velocity 1e+300",
        ),
        (lambda ps: Adam(ps, 0.1), [1.0, 1e200], ", mean_square inf at step 0;"),
    ],
)
def test_an_overflow_changes_nothing(make, gradients, message):
    parameters = [Value(1.0), Value(2.0, label="w")]
    optimizer = make(parameters)
    state = optimizer.state_dict()
    gradients = [*gradients]
    with pytest.raises(DivergedError) as caught:
        train(optimizer, [gradients])
    assert message in str(caught.value)
    assert [p.data for p in parameters] == [1.0, 2.0]
    assert optimizer.state_dict() == state


# Arguments.


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
@pytest.mark.parametrize("rate", [0, 0.0, -0.1, math.nan, math.inf])
def test_a_learning_rate_is_above_0_and_finite(kind, rate):
    message = f"learning_rate is {float(rate)}; expected a finite number above 0"
    with pytest.raises(ArgumentError, match=message):
        kind([Value(1.0)], rate)
    optimizer = kind([Value(1.0)], 0.5)
    with pytest.raises(ArgumentError, match=message):
        optimizer.learning_rate = rate
    assert optimizer.learning_rate == 0.5


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
def test_a_schedule_that_gives_no_rate_changes_nothing(rate):
    optimizer = GradientDescent([Value(1.0)], lambda step: 0.5 if step == 0 else rate)
    assert train(optimizer, [[1.0]]) == [0.5]
    with pytest.raises(ArgumentError, match=f"the learning rate {rate} at step 1; expected"):
        optimizer.step()
    assert optimizer.parameters[0].data == 0.5
    assert optimizer.steps == 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GradientDescent([], 0.1), ArgumentError,
         "an optimizer needs at least one parameter, and got none"),
        (lambda: GradientDescent(Value(1.0), 0.1), NotANumberError,
         r"such as model\.parameters\(\), but came as Value"),
        (lambda: GradientDescent([Value(1.0), 2.0], 0.1), NotANumberError,
         r"parameter 1 must be a Value, but came as float 2\.0"),
        (lambda: GradientDescent([Value(1.0) * 2.0], 0.1), ArgumentError,
         r"parameter 0 was computed, by mul\(a, b\); only leaves can be trained"),
        (lambda: GradientDescent([Value(1.0)], "fast"), NotANumberError, "learning_rate must be"),
        (lambda: Momentum([Value(1.0)], 0.1, momentum=1.0), ArgumentError,
         r"momentum is 1\.0; expected a number from 0 to below 1"),
        (lambda: Adam([Value(1.0)], beta1=-0.1), ArgumentError, r"beta1 is -0\.1"),
        (lambda: Adam([Value(1.0)], beta2=math.nan), ArgumentError, "beta2 is nan"),
        (lambda: Momentum([Value(1.0)], 0.1, weight_decay=-1), ArgumentError,
         r"weight_decay is -1\.0; expected a finite number, at least 0"),
        (lambda: Adam([Value(1.0)], epsilon=0), ArgumentError, r"epsilon is 0\.0"),
        (lambda: constant(0.0), ArgumentError, r"rate is 0\.0"),
        (lambda: exponential_decay(1.0, 1.5), ArgumentError,
         r"factor is 1\.5; expected a number above 0, at most 1"),
        (lambda: step_decay(1.0, 0.5, every=0), ArgumentError,
         "every is 0; expected a whole number, at least 1"),
        (lambda: cosine(1.0, steps=1.5), ArgumentError, r"steps is 1\.5"),
        (lambda: cosine(1.0, steps=5, final=2.0), ArgumentError,
         r"final is 2\.0; expected a number from 0 to the rate, 1\.0"),
        (lambda: warmup(0, then=0.1), ArgumentError, "steps is 0"),
        (lambda: warmup(5, then=-0.1), ArgumentError, r"rate is -0\.1"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Schedules.

falls = st.builds(exponential_decay, rates, st.floats(0.1, 1)) | st.builds(
    step_decay, rates, st.floats(0.1, 1), st.integers(1, 9)
) | st.builds(cosine, rates, st.integers(1, 50)) | st.builds(constant, rates)  # fmt: skip


@given(falls, st.integers(0, 200))
def test_a_schedule_never_rises(schedule, step):
    assert 0 <= schedule(step + 1) <= schedule(step) <= schedule(0)


@given(falls, st.integers(1, 50), st.integers(0, 100))
def test_warmup_rises_in_equal_stairs_and_then_follows(schedule, steps, step):
    warm = warmup(steps, schedule)
    if step < steps:
        assert warm(step) == pytest.approx(schedule(0) * (step + 1) / steps, rel=1e-15)
    else:
        assert warm(step) == schedule(step - steps)
    assert warm(steps - 1) == schedule(0)


@given(rates, st.floats(0.01, 1), st.integers(0, 20), st.integers(1, 5))
def test_decay_is_a_power(rate, factor, step, every):
    expected = Fraction(rate) * Fraction(factor) ** (step // every)
    assert step_decay(rate, factor, every)(step) == pytest.approx(float(expected), rel=1e-14)
    assert exponential_decay(rate, factor)(step) == step_decay(rate, factor, 1)(step)


@given(rates, st.integers(1, 100), st.integers(0, 100), st.floats(0, 1))
def test_cosine_is_point_symmetric_about_its_middle(rate, steps, step, share):
    schedule = cosine(rate, steps, final=share * rate)
    step = min(step, steps)
    assert schedule(step) + schedule(steps - step) == pytest.approx(rate + share * rate, rel=1e-14)
    assert (schedule(0), schedule(steps)) == (pytest.approx(rate), share * rate)


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_an_optimizer_asks_the_schedule_for_each_step_once(kind):
    asked = []
    optimizer = kind([Value(1.0)], lambda step: asked.append(step) or 0.1)
    train(optimizer, [[1.0]] * 3)
    assert asked == [0, 1, 2]


def test_a_learning_rate_may_be_changed_on_the_way():
    optimizer = GradientDescent([Value(1.0)], 0.5)
    train(optimizer, [[1.0]])
    optimizer.learning_rate = 0.25
    assert train(optimizer, [[1.0]]) == [0.25]


# Saving.


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
@given(start=starts, data=st.data())
def test_a_restored_optimizer_goes_on_as_if_nothing_had_happened(kind, start, data):
    first, second = data.draw(gradients_for(start)), data.draw(gradients_for(start))
    optimizer = kind(leaves(start), exponential_decay(0.1, 0.5))
    middle = train(optimizer, first)
    state = json.loads(json.dumps(optimizer.state_dict()))
    restored = kind(leaves(middle), exponential_decay(0.1, 0.5))
    restored.load_state_dict(state)
    assert restored.state_dict() == optimizer.state_dict()
    assert train(restored, second) == train(optimizer, second)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"velocity": None}, ArgumentError,
         "the state of Momentum has steps, velocity; this one has steps$"),
        ({"mean": [1.0]}, ArgumentError, "this one has steps, velocity, mean"),
        ({"velocity": [1.0]}, ShapeError, "velocity has 1 numbers for 2 parameters"),
        ({"velocity": [1.0, math.nan]}, ArgumentError, "velocity holds a number that is not"),
        ({"velocity": [1.0, "2"]}, NotANumberError, r"velocity\[1\] must be one real number"),
        ({"velocity": 1.0}, NotANumberError, "velocity must be a list of numbers"),
        ({"steps": -1}, ArgumentError, r"steps is -1\.0; expected a whole number"),
        ({"steps": 0.5}, ArgumentError, r"steps is 0\.5"),
    ],
)  # fmt: skip
def test_a_state_that_does_not_fit_changes_nothing(change, error, message):
    optimizer = Momentum(leaves([1.0, 2.0]), 0.1)
    train(optimizer, [[1.0, 2.0]])
    before = copy.deepcopy(optimizer.state_dict())
    state = {name: x for name, x in {**before, **change}.items() if x is not None}
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == before


def test_a_state_must_be_a_mapping():
    with pytest.raises(ArgumentError, match=r"the state of Adam has .*; this one has 3"):
        Adam([Value(1.0)]).load_state_dict(3)


def test_a_copy_of_an_optimizer_keeps_its_parameters_together():
    optimizer = Momentum(leaves([1.0, 2.0]), 0.1)
    train(optimizer, [[1.0, 2.0]])
    other = copy.deepcopy(optimizer)
    assert train(other, [[1.0, 1.0]]) == train(optimizer, [[1.0, 1.0]])
