"""The same weights as PyTorch, the same losses as micrograd: training is what the field does."""

import json
from random import Random

import pytest

from micrograd_gd import MLP, fit
from micrograd_gd.data import moons, standardize
from micrograd_gd.losses import hinge


def scale(name):
    """A data set of scikit-learn, its columns standardised; few enough rows for seconds."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    rows = X[::3].tolist()
    return standardize(rows)(rows), y[::3].tolist()


def two_moons():
    inputs, targets = moons(80, seed=3)
    return inputs, targets


def moons_of_signs():
    inputs, targets = two_moons()
    return inputs, [2 * t - 1 for t in targets]


def diabetes():
    inputs, targets = scale("diabetes")
    columns = [[t] for t in targets]
    return inputs, [t for (t,) in standardize(columns)(columns)]


CASES = {
    "moons": (two_moons, [8, 1], "tanh", "binary_cross_entropy", 0.3),
    "moons by hinge": (moons_of_signs, [8, 8, 1], "relu", "hinge", 0.1),
    "iris": (lambda: scale("iris"), [6, 3], "relu", "cross_entropy", 0.1),
    "digits": (lambda: scale("digits"), [10, 10], "relu", "cross_entropy", 0.1),
    "cancer": (lambda: scale("breast_cancer"), [5, 1], "sigmoid", "binary_cross_entropy", 0.5),
    "diabetes": (diabetes, [6, 1], "gelu", "mse", 0.05),
}  # fmt: skip


def in_torch(model, activation, loss):
    """The same network as tensors: matrices of the same numbers, and the loss of PyTorch."""
    import torch
    from torch.nn import functional

    layers = [
        (
            torch.tensor([[w.data for w in n.w] for n in layer.neurons], dtype=torch.float64),
            torch.tensor([n.b.data for n in layer.neurons], dtype=torch.float64),
        )
        for layer in model.layers
    ]
    for tensor in (tensor for layer in layers for tensor in layer):
        tensor.requires_grad_()
    apply = getattr(torch, activation, None) or getattr(functional, activation)
    losses = {
        "mse": lambda y, t: functional.mse_loss(y[:, 0], t),
        "hinge": lambda y, t: functional.relu(1 - y[:, 0] * t).mean(),
        "binary_cross_entropy": lambda y, t: functional.binary_cross_entropy_with_logits(
            y[:, 0], t
        ),
        "cross_entropy": lambda y, t: functional.cross_entropy(y, t.long()),
    }

    def forward(x):
        for i, (weight, bias) in enumerate(layers):
            x = x @ weight.T + bias
            x = apply(x) if i < len(layers) - 1 else x
        return x

    return layers, lambda x, t: losses[loss](forward(x), t)


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("case", CASES)
def test_training_reaches_the_weights_of_pytorch(case, batch_size):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    load, widths, activation, loss, rate = CASES[case]
    inputs, targets = load()
    model = MLP(len(inputs[0]), widths, activation=activation, seed=7)
    layers, loss_of = in_torch(model, activation, loss)
    optimizer = torch.optim.SGD([t for layer in layers for t in layer], lr=rate)
    x, t = (torch.tensor(numbers, dtype=torch.float64) for numbers in (inputs, targets))
    epochs, order = 3 if batch_size else 10, Random(5)
    history = fit(
        model, inputs, targets, loss=loss, learning_rate=rate, epochs=epochs,
        batch_size=batch_size, seed=5, progress=False,
    )  # fmt: skip
    losses = [loss_of(x, t).item()]
    for _ in range(epochs):
        rows = list(range(len(inputs)))
        if batch_size:
            order.shuffle(rows)
        size = batch_size or len(rows)
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            optimizer.zero_grad()
            loss_of(x[batch], t[batch]).backward()
            optimizer.step()
        losses.append(loss_of(x, t).item())
    assert history.column("loss") == pytest.approx(losses, rel=1e-12)
    for layer, (weight, bias) in zip(model.layers, layers, strict=True):
        for i, neuron in enumerate(layer.neurons):
            theirs = [*weight[i].tolist(), bias[i].item()]
            ours = [w.data for w in neuron.w] + [neuron.b.data]
            assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12)


def test_the_losses_that_micrograds_notebook_published(cases):
    notebook = json.loads((cases / "micrograd" / "demo_notebook.json").read_text())
    model = MLP(2, notebook["layers"])
    start = notebook["init_parameters_in_micrograd_order"]
    for parameter, data in zip(model.parameters(), start, strict=True):
        parameter.data = data

    def loss(scores, targets):
        return hinge(scores, targets) + 1e-4 * sum(p * p for p in model.parameters())

    history = fit(
        model, notebook["X"], notebook["y"], loss=loss, epochs=100, progress=False,
        learning_rate=lambda step: 1.0 - 0.9 * step / 100,
    )  # fmt: skip
    published = [float(step["loss"]) for step in notebook["published"]]
    assert history.column("loss")[:100] == pytest.approx(published, rel=1e-9)
