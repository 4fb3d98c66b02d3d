"""Each finding is seen on a model that was made to have it, and on no healthy one."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import MLP, Layer, Module, Objective, critical_learning_rate, diagnose, fit
from micrograd_gd.data import blobs, moons, standardize
from micrograd_gd.errors import ArgumentError
from micrograd_gd.losses import mse
from micrograd_gd.optim import Adam, Momentum

FALLING = [2.0 * 0.8**i for i in range(30)]


def names(diagnosis):
    return [finding.name for finding in diagnosis.findings]


def line(count=20, seed=0):
    random = Random(seed)
    inputs = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(count)]
    return inputs, [0.5 * x - y for x, y in inputs]


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "leaky_relu", "gelu"])
@pytest.mark.parametrize("widths", [[1], [8, 1], [6, 6, 1]])
def test_a_healthy_training_has_no_finding(activation, widths):
    inputs, targets = line()
    model = MLP(2, widths, activation=activation, seed=1)
    history = fit(model, inputs, targets, learning_rate=0.05, epochs=60)
    assert history.rows[-1]["loss"] < 0.7 * history.rows[0]["loss"]
    diagnosis = diagnose(model, history, inputs, targets)
    assert str(diagnosis) == "nothing found"


def test_a_healthy_training_with_batches_and_classes_has_no_finding():
    inputs, targets = moons(60, seed=0)
    model = MLP(2, [8, 1], activation="tanh", seed=0)
    history = fit(model, inputs, targets, loss="binary_cross_entropy", epochs=40, batch_size=10)
    diagnosis = diagnose(model, history, inputs, targets, loss="binary_cross_entropy")
    assert str(diagnosis) == "nothing found"


def test_a_healthy_loop_of_ones_own_has_no_finding():
    inputs, targets = line()
    for clears_after in (False, True):
        model, losses = MLP(2, [4, 1], activation="tanh", seed=0), []
        for _ in range(30):
            model.zero_grad()
            loss = mse([model(x) for x in inputs], targets)
            loss.backward()
            losses.append(loss.data)
            for parameter in model.parameters():
                parameter.data -= 0.1 * parameter.grad
            if clears_after:
                model.zero_grad()
        assert names(diagnose(model, losses, inputs, targets, learning_rate=0.1)) == []


def test_gradients_that_were_not_cleared_are_stale():
    inputs, targets = line()
    model, losses = MLP(2, [4, 1], activation="tanh", seed=0), []
    for _ in range(12):
        loss = mse([model(x) for x in inputs], targets)
        loss.backward()
        losses.append(loss.data)
        for parameter in model.parameters():
            parameter.data -= 0.002 * parameter.grad
    diagnosis = diagnose(model, losses, inputs, targets, learning_rate=0.002)
    assert names(diagnosis) == ["stale gradients"]
    assert "call zero_grad() before each backward()" in diagnosis.findings[0].remedy
    held = math.hypot(*(p.grad for p in model.parameters()))
    assert f"numbers of size {held:.3g}" in diagnosis.findings[0].evidence


@given(st.sets(st.integers(0, 7), min_size=1, max_size=8))
def test_relus_that_are_always_off_are_dead(off):
    inputs, targets = line()
    model = MLP(2, [8, 1], seed=0)
    for i, neuron in enumerate(model.layers[0].neurons):
        neuron.b.data = -100.0 if i in off else 3.0
    diagnosis = diagnose(model, FALLING, inputs, targets)
    assert names(diagnosis) == ["dead units"]
    evidence = diagnosis.findings[0].evidence
    assert evidence.startswith(f"{len(off)} of 8 units have slope 0 on all 20 samples")
    assert f"layers.0.neurons.{min(off)}" in evidence
    assert "such as leaky_relu" in diagnosis.findings[0].remedy


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softsign"])
def test_units_in_their_flat_parts_are_saturated(activation):
    inputs, targets = line()
    model = MLP(2, [5, 1], activation=activation, seed=1)
    for neuron in model.layers[0].neurons[:3]:
        neuron.b.data = 50.0
    diagnosis = diagnose(model, FALLING, inputs, targets)
    assert names(diagnosis) == ["saturated units"]
    assert diagnosis.findings[0].evidence.startswith("3 of 5 units have a slope of at most 0.01")


def test_gradients_that_vanish_layer_by_layer_are_seen():
    inputs, targets = line()
    model = MLP(2, [4] * 8 + [1], activation="sigmoid", seed=0)
    diagnosis = diagnose(model, FALLING, inputs, targets)
    assert names(diagnosis) == ["vanishing gradients"]
    assert "in layers.0 and" in diagnosis.findings[0].evidence
    assert "in layers.8, over 9 layers" in diagnosis.findings[0].evidence


def test_gradients_that_explode_layer_by_layer_are_seen():
    def large(fan_in, _fan_out, random):
        return random.gauss(0, 6 / math.sqrt(fan_in))

    inputs, targets = line()
    model = MLP(2, [4] * 8 + [1], activation="leaky_relu", init=large, seed=0)
    diagnosis = diagnose(model, FALLING, inputs, targets)
    assert names(diagnosis) == ["exploding gradients"]
    assert "over 9 layers" in diagnosis.findings[0].evidence


def test_a_rate_above_the_critical_one_is_told():
    inputs, targets = line()
    model = MLP(2, 1, seed=0)
    critical = critical_learning_rate(Objective(model, inputs, targets))
    for share, expected in [(0.9, []), (1.1, ["learning rate above the critical one"])]:
        diagnosis = diagnose(model, FALLING, inputs, targets, learning_rate=share * critical)
        assert names(diagnosis) == expected
    assert f"above {critical:.4g}, 2 / the largest curvature" in diagnosis.findings[0].evidence
    assert f"such as {critical / 2:.2g}" in diagnosis.findings[0].remedy


@pytest.mark.parametrize("scales", [(1, 1e4), (1e-3, 1), (1, 2e3, 1), (0, 1, 1e4)])
def test_a_column_that_is_far_larger_than_the_typical_one_is_told(scales):
    rows, targets = line()
    inputs = [[scale * (1 + x) for scale in scales] for x, _ in rows]
    model = MLP(len(scales), 1, seed=0)
    diagnosis = diagnose(model, FALLING, inputs, targets)
    assert names(diagnosis) == ["inputs of very different scale"]
    assert f"numbers of x[{scales.index(max(scales))}] go up" in diagnosis.findings[0].evidence
    assert "standardize" in diagnosis.findings[0].remedy
    assert names(diagnose(model, FALLING, standardize(inputs)(inputs), targets)) == []


@pytest.mark.parametrize("scales", [(1e5, 1e5), (1, 50), (0, 1, 1), (1e-6, 1, 1)])
def test_columns_of_one_size_and_a_small_one_among_many_are_no_finding(scales):
    rows, targets = line()
    inputs = [[scale * x for scale in scales] for x, _ in rows]
    assert names(diagnose(MLP(len(scales), 1, seed=0), FALLING, inputs, targets)) == []


def test_a_rate_that_is_far_too_small_is_a_plateau():
    inputs, targets = line()
    model = MLP(2, [4, 1], seed=0)
    history = fit(model, inputs, targets, learning_rate=1e-8, epochs=30)
    diagnosis = diagnose(model, history, inputs, targets)
    assert names(diagnosis) == ["plateau"]
    assert "in the last 10 epochs the loss went from" in diagnosis.findings[0].evidence


@pytest.mark.parametrize("rate", [0.5, 0.7])  # by turns, and without any order
def test_a_loss_that_jumps_to_and_fro_oscillates(rate):
    model = MLP(1, 1, output_activation="tanh", seed=1)
    inputs, targets = [[1.0], [2.0]], [0.2, 0.5]
    history = fit(model, inputs, targets, learning_rate=rate, epochs=60)
    assert names(diagnose(model, history)) == ["oscillation"]
    calm = MLP(1, 1, output_activation="tanh", seed=1)
    history = fit(calm, inputs, targets, learning_rate=0.3, epochs=60)
    assert names(diagnose(calm, history, inputs, targets)) == []


@given(st.lists(st.floats(0.0, 1.0), min_size=15, max_size=60))
def test_noise_on_a_falling_loss_is_no_finding(noise):
    losses = [math.exp(-0.1 * i) * (1 + 0.01 * x) for i, x in enumerate(noise)]
    assert names(diagnose(MLP(1, 1), losses)) == []


def test_divergence_is_told():
    model = MLP(1, 1, seed=0)
    history = fit(model, [[1.0], [2.0]], [1.0, 3.0], learning_rate=10.0, epochs=2000)
    diagnosis = diagnose(model, history)
    assert names(diagnosis) == ["divergence"]
    assert diagnosis.findings[0].evidence.startswith("the training diverged in epoch")
    for losses, evidence in [
        ([1.0, 2.0, math.inf, math.nan], "loss 2 is inf"),
        ([1.0, 2.0, 3.0], "the loss rose from 1 to 3"),
    ]:
        assert diagnose(model, losses).findings[0].evidence == evidence


def test_units_are_found_in_any_module():
    class Two(Module):
        def __init__(self):
            self.parts = {"a": (Layer(2, 3, activation="tanh", seed=0),)}
            self.end = Layer(3, 2, activation="linear", seed=0)

        def __call__(self, x):
            return self.end(self.parts["a"][0](x))

    model = Two()
    model.parts["a"][0].neurons[1].b.data = -60.0
    inputs, classes = blobs(10, centers=2, seed=0)
    diagnosis = diagnose(model, FALLING, inputs, classes, loss="cross_entropy")
    assert names(diagnosis) == ["saturated units"]
    assert "1 of 3 units" in diagnosis.findings[0].evidence
    assert "parts.a.0.neurons.1" in diagnosis.findings[0].evidence


def test_the_report_reads_well_and_says_what_was_not_checked():
    inputs, targets = line()
    model = MLP(2, [2, 1], seed=0)
    model.layers[0].neurons[0].b.data = -100.0
    assert str(diagnose(model, FALLING, inputs, targets)) == (
        "dead units\n"
        "  seen:   1 of 2 units have slope 0 on all 20 samples, and so never learn: "
        "layers.0.neurons.0\n"
        "  remedy: start from other weights, with a smaller learning rate; or take an activation "
        "that is flat nowhere, such as leaky_relu\n"
        "\n"
        "not checked\n"
        "  learning rate above the critical one: needs learning_rate\n"
        "  stale gradients: needs learning_rate"
    )
    assert "dead and saturated units: needs inputs" in str(diagnose(model, FALLING))
    with pytest.raises(ArgumentError, match="targets without inputs"):
        diagnose(model, FALLING, targets=targets)


def test_the_model_is_left_as_it_was():
    inputs, targets = line()
    model = MLP(2, [4, 1], seed=0)
    mse([model(x) for x in inputs], targets).backward()
    before = model.state_dict(), [p.grad for p in model.parameters()]
    diagnose(model, FALLING, inputs, targets, learning_rate=0.1)
    assert before == (model.state_dict(), [p.grad for p in model.parameters()])


@pytest.mark.parametrize("batch", [300, 30])
def test_fresh_gradients_of_many_samples_or_of_batches_are_not_stale(batch):
    inputs, targets = line(300)
    targets[200:] = [target + 5.0 for target in targets[200:]]  # the first 200 are not as all are
    model, losses = MLP(2, [4, 1], activation="tanh", seed=0), []
    for start in range(0, 10 * batch, batch):
        rows = [i % 300 for i in range(start, start + batch)]
        model.zero_grad()
        loss = mse([model(inputs[i]) for i in rows], [targets[i] for i in rows])
        loss.backward()
        losses.append(loss.data)
        for parameter in model.parameters():
            parameter.data -= 0.05 * parameter.grad
    diagnosis = diagnose(model, losses, inputs, targets, learning_rate=0.05)
    assert "stale gradients" not in names(diagnosis)
    unchecked = ("stale gradients: the last loss is not that of a plain step on all samples",)
    assert diagnosis.unchecked == (() if batch == 300 else unchecked)


@pytest.mark.parametrize("kind", [Adam, Momentum])
def test_the_rate_of_another_optimizer_is_not_held_against_the_critical_one(kind):
    inputs, targets = line()
    model = MLP(2, 1, seed=0)
    critical = critical_learning_rate(Objective(model, inputs, targets))
    steps = kind(model.parameters(), 1.1 * critical)
    history = fit(model, inputs, targets, optimizer=steps, epochs=3)
    diagnosis = diagnose(model, history, inputs, targets)
    assert "learning rate above the critical one" not in names(diagnosis)
    assert diagnosis.unchecked == (
        f"learning rate above the critical one: that of {kind.__name__} is not known",
    )


def test_the_loss_is_that_of_the_run():
    inputs, _ = line()
    classes = [int(x > y) for x, y in inputs]
    model = MLP(2, [4, 2], seed=0)
    history = fit(model, inputs, classes, loss="cross_entropy", epochs=3)
    told = diagnose(model, history, inputs, classes, loss="cross_entropy")
    assert diagnose(model, history, inputs, classes) == told
