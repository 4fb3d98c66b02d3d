"""Nothing here searches for a value by `==`, which finds another one of the same number."""

import copy

import pytest

from micrograd_gd import (
    MLP,
    Neuron,
    Value,
    check_gradients,
    diagnose,
    explain,
    fit,
    formula,
    grad,
    graph,
    jit,
    viz,
)

ROWS, TARGETS = [[1.0, 2.0], [2.0, 1.0]], [0.0, 1.0]


def doubled():
    """A network whose activation multiplies by a plain number that the sum is equal to."""
    neuron = Neuron(2, activation=lambda score: 2.0 * score, init=lambda *_: 0.5)
    neuron.b.data = 0.5
    return neuron


def diagnose_it(_):
    model = doubled()
    diagnose(model, fit(model, ROWS, TARGETS, epochs=2, progress=False), ROWS, TARGETS)


WORK = {
    "graph": lambda y: graph(y, partials=True).svg(),
    "architecture": lambda _: viz.architecture(MLP(2, [2, 1])).svg(),
    "formula": formula,
    "explain": lambda y: explain(y, wrt=y.nodes()[0]),
    "diagnose": diagnose_it,
    "deepcopy": copy.deepcopy,
    "grad": lambda _: grad(lambda x, y: x * y + x)(2.0, 2.0),
    "jit": lambda _: jit(grad(lambda x, y: x * y + x))(2.0, 2.0),
    "check": lambda _: check_gradients(lambda x, y: x * y + x, 2.0, 2.0),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_no_value_is_searched_for_by_its_number(work, monkeypatch):
    x, w = Value(2.0), Value(2.0)
    y = x * w + w.relu() * 2.0

    def refuse(self, other):
        raise AssertionError(f"{self} was compared with {other}")

    monkeypatch.setattr(Value, "__eq__", refuse)
    work(y)


def test_a_unit_whose_sum_is_equal_to_a_number_beside_it_keeps_its_slope():
    from micrograd_gd.training.diagnosis import _Units

    assert _Units(doubled(), ROWS).slopes == {"the neuron": [2.0, 2.0]}
