"""Beside PyPI's micrograd and autograd, collector on: `python tests/benchmarks/compare.py`.

MICROGRAD_GD_ENGINE=python measures the Python engine, otherwise the native one where it was built.

Every figure is the median of several runs; the two engines take turns, so that both see the same
machine. Nothing here is asserted: it prints what the documentation claims.
"""

import gc
import statistics
import subprocess
import sys
import time
import tracemalloc
from typing import Any

import micrograd.engine
import micrograd.nn
import transforms
from timing import MICRO, MILLI, compare, header, machine, seconds

import micrograd_gd
from micrograd_gd import data, losses, nn, optim

MILLION = 1_000_000


def readme(value: Any) -> None:
    """Forward and backward through the expression of micrograd's README."""
    a = value(-4.0)
    b = value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()


def tiny(value: Any) -> None:
    """Forward and backward through seven operations."""
    a = value(-41.0)
    b = value(2.0)
    c = a + b
    d = a * b + b**3
    e = c - d
    f = e**2
    g = f * 0.5
    g.backward()


INPUTS, CLASSES = data.moons(100, noise=0.1, seed=0)
SIGNS = [2 * each - 1 for each in CLASSES]


def moons_by_hand(value: Any, model: Any) -> Any:
    """One step of gradient descent as micrograd's own demo writes it; the loss before it."""
    inputs = [list(map(value, row)) for row in INPUTS]
    scores = list(map(model, inputs))
    margins = [(1 + -sign * score).relu() for sign, score in zip(SIGNS, scores, strict=True)]
    data_loss = sum(margins) * (1.0 / len(margins))
    penalty = 1e-4 * sum(p * p for p in model.parameters())
    total = data_loss + penalty
    model.zero_grad()
    total.backward()
    for p in model.parameters():
        p.data -= 0.01 * p.grad
    return total


class Neuron(micrograd_gd.nn.Module):
    """A neuron as micrograd writes it: one node an operation."""

    def __init__(self, neuron: micrograd_gd.Neuron, *, is_last: bool) -> None:
        self.w, self.b, self.is_last = neuron.w, neuron.b, is_last

    def __call__(self, x: Any) -> Any:
        activity = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return activity if self.is_last else activity.relu()


class Chained(micrograd_gd.nn.Module):
    """A network of such neurons."""

    def __init__(self, model: nn.MLP) -> None:
        last = model.layers[-1]
        self.layers = [
            [Neuron(neuron, is_last=layer is last) for neuron in layer.neurons]
            for layer in model.layers
        ]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0]


def moons_by_library(model: nn.MLP, descent: optim.GradientDescent) -> None:
    """The same step through `nn.MLP`, `losses.hinge` and `GradientDescent`."""
    loss = losses.hinge([model(row) for row in INPUTS], SIGNS)
    penalty = 1e-4 * sum(p * p for p in model.parameters())
    descent.zero_grad()
    (loss + penalty).backward()
    descent.step()


def chain() -> None:
    """Build and differentiate a chain of a million operations; its memory is measured apart."""
    build, back = [], []
    for _ in range(3):
        gc.collect()
        start = time.perf_counter()
        x = root = micrograd_gd.Value(1.0)
        for _ in range(MILLION):
            root = root * 1.0000001
        middle = time.perf_counter()
        root.backward()
        build.append(middle - start)
        back.append(time.perf_counter() - middle)
        del x, root
    tracemalloc.start()
    root = micrograd_gd.Value(1.0)
    for _ in range(MILLION):
        root = root * 1.0000001
    size = tracemalloc.get_traced_memory()[0] / MILLION
    tracemalloc.stop()
    a, b = statistics.median(build), statistics.median(back)
    print(  # noqa: T201 — a command that prints
        f"chain of a million, a node: build {a:.2f} µs, backward {b:.2f} µs, "
        f"together {a + b:.2f} µs; {size:.0f} bytes"
    )


def import_time() -> None:
    """Print how long a fresh process takes to have `Value`, beyond its own start."""

    def process(code: str) -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True), 1)

    with_import, without = (
        statistics.median([process(code) for _ in range(11)])
        for code in ("from micrograd_gd import Value", "pass")
    )
    print(f"from micrograd_gd import Value: {(with_import - without) * 1e3:.0f} ms")  # noqa: T201 — see above


def main() -> None:
    """Run all of it, about two minutes."""
    ours, theirs = micrograd_gd.Value, micrograd.engine.Value
    print(machine())  # noqa: T201 — a command that prints
    header(f"{micrograd_gd.engine_name()} engine", "micrograd")
    compare("tiny expression", MICRO, 1000, lambda: tiny(theirs), lambda: tiny(ours), 9)
    compare("README expression", MICRO, 400, lambda: readme(theirs), lambda: readme(ours), 9)
    model = nn.MLP(2, [16, 16, 1], seed=0)
    peer, chained = micrograd.nn.MLP(2, [16, 16, 1]), Chained(model)
    descent = optim.GradientDescent(model.parameters(), learning_rate=0.01)

    def their_step() -> None:
        moons_by_hand(theirs, peer)

    compare(
        "moons step, the user's own loops", MILLI, 10, their_step,
        lambda: moons_by_hand(ours, chained), 3,
    )  # fmt: skip
    compare(
        "moons step, nn.MLP and losses.hinge", MILLI, 10, their_step,
        lambda: moons_by_library(model, descent), 3,
    )  # fmt: skip
    chain()
    import_time()
    transforms.main()


if __name__ == "__main__":
    main()
