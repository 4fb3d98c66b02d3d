"""Gradient descent on any function: the lesson, sentence by sentence."""

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_gd import MLP, Objective, Value, jit, minimize, sweep_learning_rates
from micrograd_gd.descent.curvature import is_minimum
from micrograd_gd.errors import ArgumentError, NotANumberError, ShapeError

curvatures = st.floats(1e-3, 1e3)
places = st.floats(-100, 100)


def parabola(w):
    return (w - 3) ** 2 + 1


# Start at any point, calculate the slope, step in the opposite direction, repeat.


@given(places, st.floats(0.01, 0.4), st.integers(1, 20))
def test_it_is_the_loop_of_the_lesson(start, rate, steps):
    descent = minimize(parabola, start, learning_rate=rate, max_steps=steps, tolerance=None)
    w = Value(start)
    for step in descent.trajectory:
        assert step.parameters == w.data
        w.grad = 0.0
        cost = parabola(w)
        cost.backward()
        assert (step.value, step.gradient) == (cost.data, w.grad)
        assert step.gradient_norm == abs(w.grad)
        w.data -= rate * w.grad


@given(places, places)
def test_a_step_is_as_long_as_the_rate_times_the_slope(a, b):
    descent = minimize(
        lambda x: x[0] ** 2 + 3 * x[1] ** 2, [a, b], learning_rate=0.1, max_steps=9, tolerance=None
    )
    assert descent.trajectory[0].step_length == 0
    for before, after in pairwise(descent.trajectory):
        assert after.step_length == pytest.approx(0.1 * before.gradient_norm, rel=1e-9, abs=1e-14)


@given(st.lists(st.tuples(curvatures, places, places), min_size=1, max_size=5))
def test_below_two_over_the_curvature_it_goes_downhill_and_converges(terms):
    steepest = max(c for c, _, _ in terms)
    assume(min(c for c, _, _ in terms) > steepest / 100)

    def bowl(x):
        return sum(0.5 * c * (xi - m) ** 2 for xi, (c, m, _) in zip(x, terms, strict=True))

    start = [s for _, _, s in terms]
    descent = minimize(
        bowl, start, learning_rate=1.9 / steepest, max_steps=3000, tolerance=1e-9 * steepest
    )
    assert descent.status == "converged"
    assert descent.parameters == pytest.approx([m for _, m, _ in terms], abs=1e-6)
    values = [step.value for step in descent.trajectory]
    assert all(after <= before * (1 + 1e-12) + 1e-25 for before, after in pairwise(values))


@given(curvatures, places, st.floats(0.5, 50))
def test_above_two_over_the_curvature_it_overshoots_and_diverges(curvature, minimum, distance):
    descent = minimize(
        lambda x: 0.5 * curvature * (x - minimum) ** 2,
        minimum + distance,
        learning_rate=2.2 / curvature,
        max_steps=60,
    )
    assert descent.status == "diverged"
    assert descent.overshooting == 1
    assert "try a smaller learning rate" in descent.message
    sides = [step.parameters > minimum for step in descent.trajectory]
    assert all(one != other for one, other in pairwise(sides))
    lengths = [step.step_length for step in descent.trajectory[1:]]
    assert all(after > before for before, after in pairwise(lengths))


def test_between_one_and_two_over_the_curvature_it_overshoots_and_still_converges():
    descent = minimize(parabola, 0.0, learning_rate=0.9)
    assert (descent.status, descent.overshooting) == ("converged", 1.0)
    assert minimize(parabola, 0.0, learning_rate=0.4).overshooting == 0


def test_a_rate_that_jumps_between_two_points_for_ever_oscillates():
    descent = minimize(parabola, 0.0, learning_rate=1.0, max_steps=20)
    assert [step.parameters for step in descent.trajectory] == [0.0, 6.0] * 10 + [0.0]
    assert descent.status == "oscillating"
    assert "jumps over the minimum and the next one back" in descent.message
    assert minimize(abs, 0.25, learning_rate=0.1).status == "oscillating"


def test_a_small_rate_takes_long():
    descent = minimize(parabola, 0.0, learning_rate=1e-3, max_steps=50)
    assert descent.status == "max_steps"
    assert descent.message.startswith("the value went from 10 to 8.3671 in 50 steps")
    assert descent.message.endswith(
        "still goes downhill: try more steps, or a larger learning rate"
    )
    nearly = minimize(parabola, 0.0, learning_rate=0.999, max_steps=50)
    assert nearly.message.endswith("it overshoots, so a smaller learning rate may be faster")


def test_a_rate_below_all_digits_is_told():
    descent = minimize(parabola, 5.0, learning_rate=1e-30)
    assert (descent.status, len(descent.trajectory)) == ("stalled", 1)
    assert "the learning rate 1e-30 is too small" in descent.message
    descent = minimize(parabola, 0.0, learning_rate=1e-30, max_steps=9)
    assert (descent.status, len(descent.trajectory)) == ("stalled", 10)


# The same for any number of numbers, in any structure.


def test_a_tuple_is_one_number_for_each_argument():
    descent = minimize(lambda a, b: (a - 1) ** 2 + (b + a) ** 2, (0.0, 0.0))
    assert descent.parameters == pytest.approx((1.0, -1.0), abs=1e-5)
    assert descent.function(descent.parameters) == descent.value


def test_structures_come_back_as_they_went_in():
    def cost(p):
        return (p["w"][0] - 1) ** 2 + (p["w"][1] - 2) ** 2 + (p["b"] - 3) ** 2

    start = {"w": [0, 0], "b": 0}
    descent = minimize(cost, start)
    assert descent.parameters["w"] == pytest.approx([1, 2], abs=1e-5)
    assert descent.trajectory[0].gradient == {"w": [-2.0, -4.0], "b": -6.0}
    assert start == {"w": [0, 0], "b": 0}
    arrays = minimize(lambda x: ((x - np.array([[1.0, 2.0]])) ** 2).sum(), np.zeros((1, 2), int))
    assert arrays.parameters.shape == (1, 2)
    assert arrays.parameters == pytest.approx(np.array([[1.0, 2.0]]), abs=1e-5)
    assert arrays.status == "converged"


def test_values_as_a_start_are_taken_as_numbers_and_stay_as_they_are():
    w = Value(0.0)
    descent = minimize(parabola, w)
    assert descent.parameters == pytest.approx(3)
    assert type(descent.parameters) is float
    assert (w.data, w.grad) == (0.0, 0.0)


def test_a_million_operations_in_a_row_are_no_problem():
    def deep(x):
        y = x
        for _ in range(300_000):
            y = y + 0.0
        return y * y

    assert minimize(deep, 1.0, learning_rate=0.25, max_steps=1).parameters == 0.5


@given(st.integers(), st.lists(st.tuples(places, places).map(sorted), min_size=1, max_size=4))
def test_a_random_start_lies_within_its_bounds_and_comes_from_the_seed(seed, pairs):
    lows, highs = map(list, zip(*pairs, strict=True))

    def start(seed):
        descent = minimize(sum, bounds=(lows, highs), seed=seed, max_steps=1)
        return descent.trajectory[0].parameters

    drawn = start(seed)
    for x, low, high in zip(drawn, lows, highs, strict=True):
        assert low <= x <= high
    assert start(seed) == drawn
    if any(low < high - 1 for low, high in pairs):
        assert start(seed + 1) != drawn


# It always ends, and says why.


def test_it_stops_where_the_gradient_or_the_change_is_small_enough():
    by_gradient = minimize(parabola, 0.0, tolerance=0.1)
    assert [step.gradient_norm <= 0.1 for step in by_gradient.trajectory[-2:]] == [False, True]
    by_value = minimize(parabola, 0.0, tolerance=None, value_tolerance=1e-3)
    changes = [abs(b.value - a.value) <= 1e-3 for a, b in pairwise(by_value.trajectory)]
    assert changes == [False] * (len(changes) - 1) + [True]
    assert "changed the value by no more than 0.001" in by_value.message
    neither = minimize(parabola, 0.0, tolerance=None, max_steps=500)
    assert neither.message == "level to the last digit of the parameters after 159 steps"


def test_a_level_start_is_told_apart():
    assert "no step was taken: the gradient is 0 at the start" in minimize(parabola, 3.0).message
    assert "does not depend on its parameters" in minimize(lambda _: 2.0, 3.0).message


def test_the_lowest_point_is_kept_where_the_descent_ran_away():
    later = minimize(
        parabola, 0.0, learning_rate=lambda s: 0.45 if s < 2 else 3.0, max_steps=20, tolerance=None
    )
    assert later.status == "diverged"
    assert later.minimizer == later.trajectory[2].parameters
    assert later.parameters == later.trajectory[-1].parameters


def test_a_number_that_is_not_finite_ends_it_at_the_last_finite_point():
    descent = minimize(lambda x: x.log(), 1.0, learning_rate=0.3)
    assert descent.status == "diverged"
    assert all(math.isfinite(step.value) for step in descent.trajectory)
    assert descent.parameters == descent.trajectory[-1].parameters > 0
    assert descent.message.startswith("the value is nan at step 3: log(-0.83")
    assert __file__ in descent.message


def test_the_first_operation_that_went_wrong_is_named():
    def f(x):
        far = x.exp()
        return far.log() * far

    assert "exp(800.0) is inf" in minimize(f, 800.0).message
    root = minimize(lambda x: x.sqrt(), 0.0)
    assert root.status == "diverged"
    assert root.message.startswith("the gradient is inf at the start: backward through sqrt(0.0)")
    falling = minimize(lambda x: -(x**4), 1.0, learning_rate=0.3)
    assert "it fell without end, so there may be no minimum" in falling.message
    assert "it came as an argument or a constant" in minimize(lambda x: x * math.nan, 1.0).message
    jumped = minimize(lambda x: x.sigmoid() * 1e300, 0.0, learning_rate=1e300)
    assert jumped.message == "step 1 would lead to a parameter that is not finite"


def test_a_callback_sees_every_step():
    seen = []
    descent = minimize(parabola, 0.0, callback=seen.append)
    assert tuple(seen) == descent.trajectory


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": None}, "no place to start from; expected a start, or bounds"),
        ({"bounds": (0, 1)}, "both a start and bounds"),
        ({"start": None, "bounds": (1, 0)}, "a start between 1.0 and 0.0; expected two finite"),
        ({"start": None, "bounds": 3}, "bounds is 3; expected a pair"),
        ({"start": math.nan}, "start is nan; expected finite numbers"),
        ({"learning_rate": 0}, "learning_rate is 0.0; expected a finite number above 0"),
        ({"learning_rate": math.inf}, "learning_rate is inf"),
        ({"learning_rate": lambda _: -1.0}, "the schedule gives the learning rate -1.0 at step 0"),
        ({"max_steps": 0}, "max_steps is 0; expected a whole number, at least 1"),
        ({"max_steps": math.inf}, "max_steps is inf"),
        ({"tolerance": -1}, "tolerance is -1; expected a number, at least 0, or None"),
        ({"value_tolerance": math.nan}, "value_tolerance is nan"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        minimize(parabola, **{"start": 0.0, **arguments})


def test_what_is_no_number_is_refused():
    with pytest.raises(NotANumberError):
        minimize(parabola, "0")
    with pytest.raises(ShapeError, match="one number as its result"):
        minimize(lambda x: [x, x], 0.0)
    with pytest.raises(ShapeError):
        minimize(lambda x: x[0], bounds=([0, 0], [1]))


def test_its_repr_is_one_line():
    descent = minimize(lambda x: sum(xi * xi for xi in x), [1.0] * 100)
    assert repr(descent).startswith("Descent(converged after ")
    assert len(repr(descent)) < 200


def test_a_jump_across_to_the_same_height_is_no_convergence():
    across = minimize(lambda w: (w - 3) ** 2 + 1, 0.0, learning_rate=1.0, value_tolerance=1e-9)
    assert across.status == "oscillating"
    still = {"learning_rate": lambda step: 0.1 * (step % 2), "value_tolerance": 1e-9}
    waits = minimize(lambda w: (w - 3) ** 2 + 1, 0.0, tolerance=None, **still)
    assert (waits.status, round(waits.value, 6)) == ("converged", 1.0)
    over = {"learning_rate": 0.9, "tolerance": None, "value_tolerance": 1e-9}
    assert minimize(lambda w: (w - 3) ** 2 + 1, 0.0, **over).status == "converged"


@pytest.mark.parametrize("steps", [9, 10, 1000, 1001])
def test_what_oscillates_is_called_so_whatever_the_number_of_steps(steps):
    assert minimize(abs, 0.04, max_steps=steps).status == "oscillating"
    grows = minimize(lambda w: w**2, 1.0, learning_rate=1.001, max_steps=steps)
    assert grows.status == "diverged"


def test_an_objective_has_a_start_of_its_own():
    loss = Objective(MLP(1, 1, seed=0), [[0.0], [1.0]], [1.0, 3.0])
    descent = minimize(loss)
    assert descent.status == "converged"
    assert descent.trajectory[0].parameters == loss.start
    assert descent.parameters == pytest.approx([2.0, 1.0], abs=1e-4)


# Unbounded, diverged and on its way are different words.

BOUNDLESS = {
    "-x**2": lambda x: -(x**2),
    "-x**4": lambda x: -(x**4),
    "-exp": lambda x: -x.exp(),
    "x**3": lambda x: x**3,
    "-cosh": lambda x: 3 - x.cosh(),
    "a saddle": lambda x: (x - 1) * (x + 1) - 2 * x**2,
}


@pytest.mark.parametrize("rate", [0.1, 0.3])
@pytest.mark.parametrize("steps", [200, 1000])
@pytest.mark.parametrize("name", BOUNDLESS)
def test_what_falls_without_end_is_unbounded(name, steps, rate):
    f = BOUNDLESS[name]
    start = -1.0 if name == "x**3" else 0.5
    descent = minimize(f, start, learning_rate=rate, max_steps=steps)
    assert descent.status == "unbounded"
    assert "without end" in descent.message
    assert "larger learning rate" not in descent.message
    (verdict,) = sweep_learning_rates(f, start, [rate], max_steps=steps)
    assert verdict.verdict == "unbounded"


@given(
    st.floats(0.1, 10), st.floats(-5, 5), st.floats(-1e3, 1e3), st.floats(0.01, 3),
    st.sampled_from([3, 10, 100]),
)  # fmt: skip
def test_what_has_a_minimum_is_never_unbounded(curvature, at, height, share, steps):
    def bowl(x):
        return 0.5 * curvature * (x - at) ** 2 + height

    def valleys(x):
        return curvature * (x**4 / 4 - x**2 / 2) + height

    for f, start in ((bowl, at + 3.0), (bowl, at + 1e-6), (valleys, 1e-6), (valleys, -2.0)):
        descent = minimize(f, start, learning_rate=share / curvature, max_steps=steps)
        assert descent.status != "unbounded"


def test_a_slope_that_gets_no_less_is_told():
    descent = minimize(lambda x: -x, 0.0, max_steps=50)
    assert descent.status == "max_steps"
    assert "it still goes downhill, and gets no less steep: if there is" in descent.message


@pytest.mark.parametrize(
    ("f", "at", "answer"),
    [
        (lambda x: x**4 - 2 * x**2, 1.0, True),
        (lambda x: x**4 - 2 * x**2, 0.0, False),
        (lambda x: x**3, 0.0, False),
        (lambda x: x**3, 1e-4, False),
        (lambda x: x.cos(), math.pi, True),
        (lambda x: x.cos(), 0.0, False),
        (lambda x: x[0] ** 2 - x[1] ** 2, [0.0, 0.0], False),
        (lambda x: x[0] ** 2 + (x[1] - x[0]) ** 2, [1e-8, 1e-8], True),
        (lambda x: x["a"] ** 2 + x["b"] ** 2, {"a": 1e-9, "b": 0.0}, True),
        (lambda x: x.sqrt(), 0.0, False),
    ],
)
def test_a_level_place_is_a_minimum_or_not(f, at, answer):
    assert is_minimum(f, at) is answer


@pytest.mark.parametrize(
    ("f", "start"),
    [
        (lambda w: (w - 3.0) ** 2 + w.exp() if w < 1 else w * w, 0.5),
        (lambda a, b: (a[0] - b) ** 2 + a[1].exp() + b * b, ([1.0, 2.0], 0.5)),
        (Objective(MLP(1, [2, 1], "tanh", seed=0), [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]), None),
    ],
)
def test_the_slope_of_a_compiled_function_is_compiled(f, start):
    calls = []

    def watched(*args):
        calls.append(args)
        return f(*args)

    start = getattr(f, "start", None) if start is None else start
    found, expected = (minimize(g, start, max_steps=50) for g in (jit(watched), f))
    assert found.trajectory == expected.trajectory
    assert found.message == expected.message
    assert len(calls) < 8
    compiled = jit(watched)
    calls.clear()
    with ThreadPoolExecutor(2) as executor:
        swept = sweep_learning_rates(compiled, start, [0.01, 0.1] * 4, executor=executor)
    assert [each.descent.trajectory for each in swept] == [
        each.descent.trajectory for each in sweep_learning_rates(f, start, [0.01, 0.1] * 4)
    ]
    assert len(calls) < 12
