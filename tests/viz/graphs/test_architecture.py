"""A model shows itself: neurons and weights, or its parts."""

import math
import re
import sys

import pytest

from micrograd_gd import (
    MLP,
    Layer,
    Module,
    Neuron,
    Value,
    notebook,  # noqa: F401 — models show themselves
)
from micrograd_gd.errors import ArgumentError
from micrograd_gd.viz import architecture


def arrows(picture):
    """From where to where each visible line goes, with its color and width."""
    pattern = r'(\S+) -> (\S+) \[color="(#\w+)" edgetooltip="(.*?)" penwidth=([\d.]+)\]'
    return re.findall(pattern, picture.dot)


def test_a_network_has_a_line_for_every_weight():
    model = MLP(2, [3, 1], seed=0)
    lines = arrows(architecture(model))
    assert [line[:2] for line in lines] == [
        *((f"inputs_{j}", f'"layers.0_{i}"') for i in range(3) for j in range(2)),
        *((f'"layers.0_{j}"', '"layers.1_0"') for j in range(3)),
    ]
    weights = [w.data for layer in model.layers for neuron in layer.neurons for w in neuron.w]
    assert [float(line[3].split(": ")[1]) for line in lines] == weights


def test_weights_are_colored_by_sign_and_drawn_by_size():
    model = Neuron(4)
    for weight, number in zip(model.w, (2.0, -2.0, 0.5, 0.0), strict=True):
        weight.data = number
    up, down, weak, zero = arrows(architecture(model))
    assert int(up[2][5:], 16) > int(up[2][1:3], 16)  # more blue than red
    assert int(down[2][5:], 16) < int(down[2][1:3], 16)
    assert float(up[4]) == float(down[4]) > float(weak[4]) > float(zero[4])


def test_the_text_names_the_layers():
    assert str(architecture(MLP(2, [16, 1], activation="tanh"))).splitlines() == [
        "MLP(2 -> 16 tanh -> 1 linear, 65 parameters)",
        "inputs  2",
        "layers.0  16 tanh",
        "layers.1  1 linear",
    ]
    assert str(architecture(Layer(2, 3))).splitlines()[1:] == ["inputs  2", "neurons  3 relu"]
    assert str(architecture(Neuron(2))).splitlines()[1:] == ["inputs  2", "1 relu"]


def test_of_many_neurons_the_first_are_drawn_and_the_others_counted():
    source = architecture(MLP(784, [9, 10])).dot
    assert "776 more" in source
    assert source.count("more") == 2 * 3  # the name where it is drawn, the words, the chain
    assert '"layers.0_8" [label=8' in source  # no box for one more: it is drawn itself
    assert '"layers.1_8"' not in source


class Parts(Module):
    """Parameters of its own, a network, and layers in a dict."""

    def __init__(self):
        self.slope, self.offset = Value(1.0), Value(0.0)
        self.encoder = MLP(2, 1)
        self.heads = {"<b>": Layer(2, 2), "a": [Value(1.0)]}


def test_another_module_is_a_list_of_its_parts():
    assert str(architecture(Parts())).splitlines() == [
        "Parts(12 parameters)",
        "Parts  2 parameters",
        "encoder.layers.0.neurons.0  Neuron(2 -> 1 linear, 3 parameters)",
        "heads.<b>.neurons.0  Neuron(2 -> 1 relu, 3 parameters)",
        "heads.<b>.neurons.1  Neuron(2 -> 1 relu, 3 parameters)",
        "heads  1 parameter",
    ]


def test_of_many_parts_the_first_are_drawn():
    class Many(Module):
        def __init__(self):
            self.neurons = [Neuron(1) for _ in range(100)]

    picture = architecture(Many())
    assert str(picture).splitlines()[-1] == "60 more parts"
    assert "60 more parts" in picture.svg()


def test_a_module_without_parameters_and_one_of_odd_numbers_draw():
    assert str(architecture(Module())) == "Module(0 parameters)"
    architecture(Module()).svg()
    model = Neuron(3)
    for weight, number in zip(model.w, (math.nan, math.inf, -1e308), strict=True):
        weight.data = number
    assert "weight 1 of neuron 0: inf" in architecture(model).svg()


def test_only_a_module_has_an_architecture():
    with pytest.raises(ArgumentError, match="model is 'MLP'; expected a Module, such as an MLP"):
        architecture("MLP")


def test_a_notebook_shows_a_model_as_its_architecture(monkeypatch):
    model = MLP(2, [3, 1])
    bundle = model._repr_mimebundle_(include=None, exclude=None)
    assert bundle["image/svg+xml"] == architecture(model).svg()
    assert bundle["text/plain"] == repr(model)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", "")
    assert model._repr_mimebundle_() == {"text/plain": repr(model)}


def test_a_notebook_shows_a_model_that_was_taken_apart():
    model = MLP(2, [3, 1])
    model.layers[0].neurons[1].w.pop()
    assert model._repr_mimebundle_() == {"text/plain": repr(model)}
