"""Too small is slow, large overshoots, too large diverges: measured, and foretold by curvature."""

import math
from functools import partial
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from micrograd_gd import (
    MLP,
    Objective,
    Value,
    critical_learning_rate,
    find_learning_rate,
    fit,
    grad,
    hessian,
    minimize,
    sweep_learning_rates,
)
from micrograd_gd.data import Dataset, blobs, circles, moons, spiral, standardize
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
    assert all(b == pytest.approx(1.1 * a) for a, b in zip(curve.rates, curve.rates[1:]))  # noqa: B905 — neighbors


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


# Find one that trains, whatever the function and the data.


def random_function(seed):
    """A function of one to four numbers with a start, of many kinds; some have no minimum."""
    random = Random(seed)
    size = random.randint(1, 4)
    scale = [10 ** random.uniform(-2, 2) for _ in range(size)]
    shift = [random.uniform(-3, 3) for _ in range(size)]
    start = [random.uniform(-3, 3) for _ in range(size)]
    rows = [[random.gauss(0, 1) for _ in range(size)] for _ in range(6)]

    def scores(x):
        return [sum(a * xi for a, xi in zip(row, x, strict=True)) for row in rows]

    def bowl(x):
        return sum(s * (xi - c) ** 2 for s, xi, c in zip(scale, x, shift, strict=True))

    def valley_of_rosenbrock(x):
        return sum((1 - a) ** 2 + 10 * (b - a * a) ** 2 for a, b in pairwise([*x, x[0]]))

    kinds = [
        bowl,
        quadratic(scale, seed),
        valley_of_rosenbrock,
        lambda x: bowl(x) ** 2,
        lambda x: bowl(x) + sum(3 * (2 * xi).sin() for xi in x),
        lambda x: sum((0.5 * xi).cosh() for xi in x),
        lambda x: sum((score.tanh() - 0.3) ** 2 for score in scores(x)),
        lambda x: sum(score.softplus() for score in scores(x)),
        lambda x: sum((score - 0.5).abs() for score in scores(x)),
        lambda x: sum(score.relu() ** 2 + 0.1 * score for score in scores(x)),
        lambda x: (1 + bowl(x)).log(),
        lambda x: -0.01 * bowl(x) + sum(shift[0] * xi for xi in x),
    ]
    return kinds[seed % len(kinds)], start


@pytest.mark.parametrize("block", range(10))
def test_the_suggestion_trains_on_any_function_and_is_below_the_critical_rate(block):
    for seed in range(75 * block, 75 * block + settings().max_examples // 4):
        f, x = random_function(seed)
        slope = grad(f)
        curve = find_learning_rate(f, x)
        steepest = max(np.linalg.eigvalsh(np.array(hessian(f)(x))))
        assert steepest <= 0 or curve.suggestion < 2 / steepest, seed
        before = f([Value(xi) for xi in x]).data
        for _ in range(200):
            x = [xi - curve.suggestion * g for xi, g in zip(x, slope(x), strict=True)]
        after = f([Value(xi) for xi in x]).data
        assert after < before, (seed, curve, curve.reason, before, after)


def bundle(name):
    """A data set of scikit-learn; of its rows a few, spread over all."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    bunch = getattr(datasets, f"load_{name}")()
    is_numbers = name in {"diabetes", "linnerud"}
    rows = range(0, len(bunch.data), max(1, len(bunch.data) // 64))
    targets = bunch.target[:, 0] if bunch.target.ndim == 2 else bunch.target
    return Dataset(
        [bunch.data[i].tolist() for i in rows],
        [float(targets[i]) if is_numbers else int(targets[i]) for i in rows],
        tuple(map(str, bunch.feature_names)),
        "target",
        None if is_numbers else tuple(map(str, bunch.target_names)),
    )


DATA = {
    **{
        name: partial(bundle, name)
        for name in ("wine", "breast_cancer", "digits", "diabetes", "iris", "linnerud")
    },
    "moons": partial(moons, 64, noise=0.1, seed=0),
    "circles": partial(circles, 64, seed=0),
    "spiral": partial(spiral, 64, seed=0),
    "blobs": partial(blobs, 64, seed=0),
}


@pytest.mark.parametrize("batch_size", [None, 8])
@pytest.mark.parametrize("name", DATA)
def test_the_suggestion_trains_on_any_data_and_is_below_the_critical_rate(name, batch_size):
    data = DATA[name]()
    inputs, targets = standardize(data.inputs)(data.inputs), data.targets
    if data.class_names is None:
        targets = [x for (x,) in standardize([[t] for t in targets])([[t] for t in targets])]
    outputs, loss = (len(data.class_names), "cross_entropy") if data.class_names else (1, "mse")
    model = MLP(len(inputs[0]), [4, outputs], seed=0)
    objective = Objective(model, inputs, targets, loss)
    curve = find_learning_rate(objective, batch_size=batch_size, seed=0, factor=1.3)
    assert curve.suggestion < critical_learning_rate(objective)
    history = fit(
        model, inputs, targets, loss=loss, learning_rate=curve.suggestion, epochs=10,
        batch_size=batch_size, seed=0, compiled=True, progress=False,
    )  # fmt: skip
    assert history.status == "completed"
    losses = history.column("loss")
    assert losses[-1] < losses[0], (curve.suggestion, curve.reason, losses)


def test_where_no_rise_was_seen_the_curve_says_so():
    curve = find_learning_rate(lambda x: -x, 0.0)
    assert not curve.has_risen
    assert curve.reason == "a tenth of the largest rate, because no rise of the loss was seen"
    assert curve.suggestion == pytest.approx(curve.rates[-1] / 10)
    level = find_learning_rate(lambda x: (1 + x * x).log(), 1.0, largest=0.1)
    assert not level.has_risen
    assert find_learning_rate(parabola, 0.0).has_risen


def test_batches_are_of_an_objective_and_in_the_order_of_fit():
    with pytest.raises(ArgumentError, match=r"batch_size beside .*; expected an Objective"):
        find_learning_rate(parabola, 0.0, batch_size=2)
    model = MLP(1, 1, seed=0)
    inputs, targets = [[0.0], [1.0], [2.0], [3.0], [4.0]], [1.0, 3.0, 5.0, 7.0, 9.0]
    loss = Objective(model, inputs, targets)
    batches = loss.batches(2, Random(3))
    w = loss.start
    for _ in range(3):
        w = [wi - 0.01 * slope for wi, slope in zip(w, grad(next(batches))(w), strict=True)]
    fit(model, inputs, targets, learning_rate=0.01, epochs=1, batch_size=2, seed=3)
    assert w == pytest.approx([p.data for p in model.parameters()], rel=1e-14)
    with pytest.raises(ArgumentError, match="batch_size is 0"):
        next(loss.batches(0, Random(3)))


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
