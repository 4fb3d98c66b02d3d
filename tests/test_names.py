"""What functions are given: one word and one rule for each kind of argument."""

import importlib
import inspect
import random

import pytest

import micrograd_gd
from micrograd_gd import MLP, Value, data, diagnose, fit, minimize, optim
from micrograd_gd.errors import ArgumentError

MODULES = ["nn", "losses", "optim", "data", "viz", "testing", "persist"]
CALLBACKS = ["persist.checkpoints", "training.callbacks"]


def public_functions():
    """Every function and class that users call, by its full name."""
    offered = {name: getattr(micrograd_gd, name) for name in micrograd_gd.__all__}
    for module in MODULES:
        inside = importlib.import_module(f"micrograd_gd.{module}")
        offered |= {f"{module}.{name}": getattr(inside, name) for name in inside.__all__}
    for module in CALLBACKS:
        inside = importlib.import_module(f"micrograd_gd.{module}")
        for name, thing in vars(inside).items():
            if getattr(thing, "__module__", "") == inside.__name__:
                offered[f"{module}.{name}"] = thing
    for name, thing in offered.items():
        if getattr(thing, "__module__", "").startswith("micrograd_gd") and callable(thing):
            yield name, thing


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


# The rules of docs/design/0012-one-rule-for-arguments.md.


def test_a_seed_is_none_unless_it_is_given():
    seeded = {name: parameters(thing) for name, thing in public_functions()}
    found = {name: each["seed"] for name, each in seeded.items() if "seed" in each}
    for name in ("fit", "minimize", "moons", "train_test_split", "MLP"):
        assert name in {full.rpartition(".")[2] for full in found}
    for name, seed in found.items():
        assert seed.default is None, name


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: data.moons(10, seed=seed).inputs,
        lambda seed: data.train_test_split(data.iris(), seed=seed)[0].inputs,
        lambda seed: MLP(2, 1, seed=seed).state_dict(),
        lambda seed: minimize(lambda x: x * x, bounds=(-1, 1), seed=seed).trajectory[0].value,
        lambda seed: fit(
            MLP(1, 1, seed=0), [[1.0], [2.0], [3.0]], [3, 1, 2], batch_size=1, epochs=2, seed=seed
        ).column("loss"),
    ],
)
def test_without_a_seed_the_module_random_decides(draw):
    random.seed(7)
    first, second = draw(None), draw(None)
    assert first != second
    random.seed(7)
    assert (draw(None), draw(None)) == (first, second)
    assert draw(random.Random(7)) == first == draw(7)


def test_the_thing_comes_before_the_path():
    """What begins with a path reads it, or has no thing to name."""
    taking = {name: [*parameters(thing)] for name, thing in public_functions()}
    first = {name for name, names in taking.items() if names[:1] == ["path"]}
    bare = {name.rpartition(".")[2] for name in first}
    assert bare == {
        "load",
        "read_chunks",
        "read_csv",
        "read_features",
        "Checkpoint",
        "BestCheckpoint",
    }
    assert taking["save"] == ["thing", "path"]


def test_where_and_how_long():
    for name, thing in public_functions():
        names = {*parameters(thing)}
        assert not names & {"n_steps", "num_epochs", "max_epochs", "n_epochs", "x0", "filename"}
        assert not {"start", "at"} <= names, name
        if "tolerance" in names and "start" in names:  # a descent, which may end before
            assert names & {"max_steps", "steps", "smallest"} <= {"max_steps", "smallest"}, name
