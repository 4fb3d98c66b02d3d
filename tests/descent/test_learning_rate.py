"""Too small is slow, large overshoots, too large diverges: measured, and foretold by curvature."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_gd import (
    MLP,
    Objective,
    critical_learning_rate,
    find_learning_rate,
    fit,
    minimize,
    sweep_learning_rates,
)
from micrograd_gd.descent.curvature import largest_curvature
from micrograd_gd.errors import ArgumentError, NonFiniteError, ShapeError

# Products of the tiniest would be lost below the smallest float.
spectra = st.lists(
    st.floats(-1e3, -1e-100) | st.floats(1e-100, 1e3) | st.just(0.0), min_size=1, max_size=8
)


def quadratic(spectrum, seed=0):
    """½ xᵀAx for a matrix with these eigenvalues, turned some way."""
    turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(spectrum),) * 2))
    matrix = (turned * np.array(spectrum)) @ turned.T
    matrix = ((matrix + matrix.T) / 2).tolist()

    def f(x):
        return 0.5 * sum(xi * sum(a * xj for a, xj in zip(row, x, strict=True))
                         for xi, row in zip(x, matrix, strict=True))  # fmt: skip

    return f


def parabola(w):
    return (w - 3) ** 2 + 1


# The critical rate.


@given(spectra, st.integers(0, 99))
def test_curvature_is_the_largest_eigenvalue_not_the_largest_in_size(spectrum, seed):
    size = max(map(abs, spectrum))
    found = largest_curvature(quadratic(spectrum, seed), [1.0] * len(spectrum))
    assert found == pytest.approx(max(spectrum), abs=1e-9 * size)


@given(st.lists(st.floats(0.1, 100.0), min_size=1, max_size=5), st.integers(0, 99))
def test_just_below_the_critical_rate_a_quadratic_converges_and_just_above_it_does_not(
    spectrum, seed
):
    f, start = quadratic(spectrum, seed), [1.0] * len(spectrum)
    critical = critical_learning_rate(f, start)
    assert critical == pytest.approx(2 / max(spectrum), rel=1e-9)
    below = minimize(f, start, learning_rate=0.95 * critical, max_steps=20_000, tolerance=1e-4)
    assert below.status == "converged"
    above = minimize(f, start, learning_rate=1.05 * critical, max_steps=800, tolerance=None)
    assert above.status == "diverged"


# Smooth networks with a penalty on the weights, so that they have one minimum in their valley.
NETWORKS = {
    "one neuron": lambda: MLP(2, [1], output_activation="tanh", seed=1),
    "a hidden layer": lambda: MLP(2, [2, 1], activation="tanh", seed=0),
    "two hidden layers": lambda: MLP(2, [3, 2, 1], activation="sigmoid", seed=3),
}


def valley(model):
    random = Random(5)
    inputs = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(12)]
    targets = [math.tanh(x - y) for x, y in inputs]
    loss = Objective(model, inputs, targets)
    return (lambda w: loss(w) + 0.1 * sum(wi * wi for wi in w)), loss.start


@pytest.mark.parametrize("network", NETWORKS)
def test_just_below_the_critical_rate_a_network_converges_and_just_above_it_leaves(network):
    f, start = valley(NETWORKS[network]())
    bottom = minimize(f, start, learning_rate=0.3, max_steps=5000, tolerance=1e-9)
    assert bottom.status == "converged"
    critical = critical_learning_rate(f, bottom.parameters)
    random = Random(1)
    beside = [w + random.gauss(0, 1e-4) for w in bottom.parameters]

    def distance(step):
        return math.dist(step.parameters, bottom.parameters)

    below = minimize(f, beside, learning_rate=0.95 * critical, max_steps=5000, tolerance=1e-8)
    assert below.status == "converged"
    assert distance(below.trajectory[-1]) < 0.01 * distance(below.trajectory[0])
    above = minimize(f, beside, learning_rate=1.05 * critical, max_steps=1000, tolerance=1e-8)
    assert above.status != "converged"
    assert max(map(distance, above.trajectory)) > 10 * distance(above.trajectory[0])


def test_where_nothing_bends_upward_no_rate_is_critical():
    assert critical_learning_rate(lambda x: 3 * x, 1.0) == math.inf
    assert critical_learning_rate(lambda x: -x * x, 1.0) == math.inf
    assert critical_learning_rate(lambda x: x[0] * x[1], [1.0, 5.0]) == pytest.approx(2.0)


def test_a_critical_rate_takes_any_structure():
    assert critical_learning_rate(lambda a, b: a * a + 2 * b * b, (1.0, 1.0)) == pytest.approx(0.5)
    f = lambda p: p["a"] ** 2 + 3 * p["b"][0] ** 2  # noqa: E731 — a formula
    assert critical_learning_rate(f, {"a": 1.0, "b": [1.0]}) == pytest.approx(1 / 3)
    assert critical_learning_rate(lambda x: (x * x).sum(), np.ones(3)) == pytest.approx(1.0)
    with pytest.raises(NonFiniteError, match="the Hessian is not finite"):
        critical_learning_rate(lambda x: x.sqrt(), 0.0)
    with pytest.raises(ArgumentError, match="without numbers"):
        critical_learning_rate(sum, [])
    with pytest.raises(ArgumentError, match="no place to start from"):
        critical_learning_rate(parabola)


def test_a_large_space_needs_few_products():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return sum(0.5 * (1 + i / 1000) * xi * xi for i, xi in enumerate(x))

    assert largest_curvature(f, [1.0] * 1000, products=60) == pytest.approx(1.999, rel=1e-2)
    assert calls == 1


# A model's loss as a function.


def test_the_loss_of_a_model_is_a_function_of_its_parameters():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    inputs, targets = [[0.1, 0.2], [-1.0, 0.5], [0.3, -0.9]], [1.0, -1.0, 0.5]
    before = model.state_dict()
    loss = Objective(model, inputs, targets)
    descent = minimize(loss, loss.start, learning_rate=0.1, max_steps=7, tolerance=None)
    assert model.state_dict() == before
    assert all(p.grad == 0 for p in model.parameters())
    fit(model, inputs, targets, learning_rate=0.1, epochs=7)
    assert [p.data for p in model.parameters()] == descent.parameters
    with pytest.raises(ShapeError, match="2 numbers for 13 parameters"):
        loss([1.0, 2.0])


def test_a_parameter_that_is_shared_is_one_number():
    class Twice(MLP):
        def __init__(self):
            super().__init__(1, 1, seed=0)
            self.again = (self.layers[0], {"once more": self.layers[0].neurons[0].b})

        def __call__(self, x):
            return self.again[0](x) + self.again[1]["once more"]

    loss = Objective(Twice(), [[1.0]], [0.0])
    assert loss([2.0, 3.0]) == (2.0 + 3.0 + 3.0) ** 2


# Find one.


@given(st.lists(st.floats(1e-2, 1e4), min_size=1, max_size=4), st.integers(0, 99))
def test_the_suggestion_is_below_the_critical_rate_and_not_far(spectrum, seed):
    start = [1.0 + i for i in range(len(spectrum))]
    curve = find_learning_rate(quadratic(spectrum, seed), start, smallest=1e-7, largest=1e4)
    critical = 2 / max(spectrum)
    assert critical / 100 < curve.suggestion < critical
    assert len(curve.rates) == len(curve.losses)
    assert all(b == pytest.approx(1.1 * a) for a, b in zip(curve.rates, curve.rates[1:]))  # noqa: B905 — neighbours


@given(st.sets(st.integers(5, 150), max_size=8), st.floats(2, 1e6))
def test_the_suggestion_does_not_mind_spikes(places, height):
    """A step here and there reports a loss that is far too high, or far too low."""
    assume(all(place + gap not in places for place in places for gap in (1, 2, 3, 4)))
    calls = 0

    def spiky(w):
        nonlocal calls
        calls += 1
        return parabola(w) + (height if calls in places else 0.0)

    clean = find_learning_rate(parabola, 0.0)
    assert find_learning_rate(spiky, 0.0).suggestion == pytest.approx(clean.suggestion, rel=0.5)


def test_a_model_has_a_learning_rate_to_be_found():
    model = MLP(1, [4, 1], activation="tanh", seed=0)
    loss = Objective(model, [[-1.0], [0.0], [1.0], [2.0]], [-1.0, 1.0, 3.0, 5.0])
    curve = find_learning_rate(loss)
    assert curve.suggestion < critical_learning_rate(loss)
    history = fit(model, loss.inputs, loss.targets, learning_rate=curve.suggestion, epochs=300)
    assert history.rows[-1]["loss"] < 0.01 * history.rows[0]["loss"]


def test_what_cannot_be_found_is_told():
    with pytest.raises(ArgumentError, match=r"no rate from 1e-06 to .* lowered the loss"):
        find_learning_rate(lambda x: x * 0.0, 1.0)
    with pytest.raises(ArgumentError, match=r"no rate .* lowered the loss; expected"):
        find_learning_rate(lambda x: 1e12 * x * x, 1.0)
    with pytest.raises(ArgumentError, match="expected the largest above the smallest"):
        find_learning_rate(parabola, 0.0, smallest=1.0, largest=0.1)
    with pytest.raises(ArgumentError, match=r"smallest is 0.0"):
        find_learning_rate(parabola, 0.0, smallest=0)


# Sweep.


@given(st.floats(0.1, 10), st.floats(-5, 5), st.floats(1, 10))
def test_the_four_regimes(curvature, minimum, distance):
    def f(x):
        return 0.5 * curvature * (x - minimum) ** 2

    rates = [share / curvature for share in (0.001, 0.5, 1.9, 2.1)]
    verdicts = sweep_learning_rates(f, minimum + distance, rates)
    assert [v.verdict for v in verdicts] == ["slow", "converges", "overshoots", "diverges"]
    assert [v.rate for v in verdicts] == rates
    assert all(v.descent.trajectory[0].parameters == minimum + distance for v in verdicts)


def test_a_sweep_reads_as_a_table():
    text = str(sweep_learning_rates(parabola, 0.0, [0.01, 1.0, 1.1], max_steps=10))
    assert [line.split(":")[0] for line in text.splitlines()] == [
        "0.01 slow", "1 diverges", "1.1 diverges",
    ]  # fmt: skip
    assert sweep_learning_rates(abs, 1.05, [0.1])[0].verdict == "overshoots"
    with pytest.raises(ArgumentError, match="no rates to sweep"):
        sweep_learning_rates(parabola, 0.0, [])
    with pytest.raises(ArgumentError, match=r"rate is -1.0; expected a finite number above 0"):
        sweep_learning_rates(parabola, 0.0, [-1.0])


def test_what_was_found_can_be_drawn():
    from micrograd_gd.viz import plot_descent, plot_learning_rates, plot_sweep

    plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    figure, ax = plt.subplots()
    assert plot_descent(minimize(parabola, 0.0), ax=ax) is ax
    assert plot_learning_rates(find_learning_rate(parabola, 0.0), ax=ax) is ax
    plt.close(figure)
    drawn = plot_sweep(sweep_learning_rates(parabola, 0.0, [0.05, 0.9, 1.1], max_steps=8))
    assert [each.get_title() for each in drawn] == [
        "0.05: slow",
        "0.9: overshoots",
        "1.1: diverges",
    ]
    plt.close(drawn[0].figure)


def test_a_start_that_is_not_finite_has_no_rate_to_be_found():
    with pytest.raises(ArgumentError, match="not finite at the start; try another start"):
        find_learning_rate(lambda w: (w - 5).log(), 0.0)
    with pytest.raises(ArgumentError, match="factor is inf"):
        find_learning_rate(lambda w: w**2, 1.0, factor=math.inf)
