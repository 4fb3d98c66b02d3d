"""micrograd's networks, with weights from the global `random`."""

import random
from functools import reduce
from itertools import pairwise
from typing import Any

from micrograd_gd import nn
from micrograd_gd.micrograd.engine import Value


class Module(nn.Module):
    """What has the parameters that its `parameters()` says."""

    parameters = lambda _: []


class Neuron(Module, nn.Neuron):
    """A sum of products, through relu unless `nonlin` is false."""

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b, self.nonlin = Value(0), nonlin

    def __call__(self, x: Any) -> Any:
        score = sum((w * each for w, each in zip(self.w, x, strict=False)), self.b)
        return score.relu() if self.nonlin else score

    activation = property(lambda self: "relu" if self.nonlin else "linear")  # for pictures
    parameters = lambda self: [*self.w, self.b]
    __repr__ = lambda self: f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module, nn.Layer):
    """Neurons that share their inputs."""

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: Any) -> Any:
        results = [neuron(x) for neuron in self.neurons]
        return results[0] if len(results) == 1 else results

    parameters = lambda self: [p for neuron in self.neurons for p in neuron.parameters()]
    __repr__ = lambda self: f"Layer of [{', '.join(map(str, self.neurons))}]"


class MLP(Module, nn.MLP):
    """Layers in a row, relu in all but the last."""

    def __init__(self, nin: int, nouts: list[int]) -> None:
        pairs = enumerate(pairwise([nin, *nouts]), 1)
        self.layers = [Layer(*widths, nonlin=i < len(nouts)) for i, widths in pairs]

    __call__ = lambda self, x: reduce(lambda x, layer: layer(x), self.layers, x)
    parameters = lambda self: [p for layer in self.layers for p in layer.parameters()]
    __repr__ = lambda self: f"MLP of [{', '.join(map(str, self.layers))}]"
