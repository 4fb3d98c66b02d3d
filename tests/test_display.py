"""What results print: a few short lines, with the numbers that matter."""

import re

import pytest

from micrograd_gd import (
    MLP,
    Objective,
    Value,
    data,
    diagnose,
    find_learning_rate,
    fit,
    jacobian,
    jit,
    minimize,
    optim,
    parse,
    sweep_learning_rates,
)

POINTS = data.moons(40, seed=0)
MODEL = MLP(2, [8, 1], "tanh", seed=0)
HISTORY = fit(MODEL, *POINTS, epochs=30, validation=(*POINTS,), loss="binary_cross_entropy")
MANY = [0.1 * i for i in range(200)]


def bowl(xs):
    return sum(x * x for x in xs)


SHOWN = {
    "history": HISTORY,
    "empty history": type(HISTORY)(),
    "descent": minimize(bowl, MANY, lr=0.2),
    "sweep": sweep_learning_rates(bowl, MANY, [0.01, 0.1, 0.9, 1.1]),
    "curve": find_learning_rate(bowl, MANY),
    "objective": Objective(MODEL, *POINTS),
    "gradient descent": optim.SGD(MODEL.parameters(), lr=0.1),
    "momentum": optim.Momentum(MODEL.parameters(), lr=optim.cosine(0.1, 10)),
    "adam": optim.Adam(MODEL.parameters()),
    "data": POINTS,
    "scaling": data.standardize(POINTS.inputs),
    "diagnosis": diagnose(MODEL, HISTORY, *POINTS, loss="binary_cross_entropy"),
    "model": MODEL,
    "compiled": jit(bowl),
    "value": Value(2.0),
    "formula": parse("a * b + 1"),
    "sparse": jacobian(lambda xs: [x * x for x in xs], sparse=True)(MANY[:3]),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_result_prints_in_a_few_short_lines(name):
    for text in (repr(SHOWN[name]), str(SHOWN[name])):
        lines = text.splitlines()
        assert len(lines) <= 12
        assert all(len(line) <= 160 for line in lines)
        assert not re.search(" at 0x|object", text)


def test_a_history_shows_its_start_its_best_and_its_end():
    first, *rows = repr(HISTORY).splitlines()
    assert first == "History(completed 30 epochs)"
    assert rows[0].startswith("  epoch 0: loss ")
    assert rows[-1].startswith("  epoch 30: loss ")
    (best,) = [row for row in rows if ", the lowest" in row]
    assert f"epoch {HISTORY.best_epoch}: loss {min(HISTORY.column('loss')):.4g}" in best


def test_a_descent_prints_with_its_message():
    descent = minimize(bowl, MANY, lr=0.2)
    assert str(descent) == f"{descent!r}\n  {descent.message}"


def test_an_optimizer_shows_its_settings_and_its_steps():
    optimizer = optim.Momentum([Value(1.0)], lr=optim.cosine(0.1, 2), momentum=0.5)
    optimizer.step()
    shown = "Momentum(1 parameter, learning_rate=0.05 by a schedule, steps=1, momentum=0.5)"
    assert repr(optimizer) == shown
