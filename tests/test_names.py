"""`lr=` is taken wherever `learning_rate=` is."""

import importlib
import inspect
import pkgutil

import pytest

import micrograd_gd
from micrograd_gd import MLP, Value, diagnose, fit, minimize, optim
from micrograd_gd.errors import ArgumentError


def public_functions():
    """Every public function, class and method of the package, by its full name."""
    for found in pkgutil.walk_packages(micrograd_gd.__path__, "micrograd_gd."):
        if {"__main__", "native", "cli", "estimators"} & {*found.name.split(".")}:
            continue
        module = importlib.import_module(found.name)
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", "") != found.name:
                continue
            if inspect.isroutine(thing) or inspect.isclass(thing):
                yield f"{found.name}.{name}", thing


def parameters(thing):
    try:
        return inspect.signature(thing).parameters
    except ValueError:  # some exceptions have none
        return {}


def test_lr_is_taken_wherever_learning_rate_is():
    takers = {name for name, thing in public_functions() if "learning_rate" in parameters(thing)}
    assert len(takers) >= 6
    for name, thing in public_functions():
        assert (name in takers) == ("lr" in parameters(thing)), name


@pytest.mark.parametrize("kind", [optim.SGD, optim.Momentum, optim.Adam])
def test_an_optimizer_takes_lr(kind):
    assert kind([Value(1.0)], lr=0.25).learning_rate == 0.25
    with pytest.raises(ArgumentError, match="both learning_rate and lr were given"):
        kind([Value(1.0)], 0.5, lr=0.25)
    with pytest.raises(ArgumentError, match="learning_rate is -1"):
        kind([Value(1.0)], lr=-1)


def test_sgd_is_gradient_descent():
    assert optim.SGD is optim.GradientDescent


def test_functions_take_lr():
    assert str(minimize(lambda x: x * x, 1.0, lr=0.25)) == str(
        minimize(lambda x: x * x, 1.0, learning_rate=0.25)
    )
    losses = []
    for settings in ({"lr": 0.5}, {"learning_rate": 0.5}):
        model = MLP(1, 1, seed=0)
        losses.append(fit(model, [[1.0]], [2.0], epochs=3, **settings).column("loss"))
        diagnose(model, losses[-1], **settings)
    assert losses[0] == losses[1]
    with pytest.raises(ArgumentError, match="both learning_rate and lr"):
        minimize(lambda x: x * x, 1.0, lr=0.25, learning_rate=0.25)
