"""How long drawing takes, and how much memory: `python tests/benchmarks/draw.py`.

Each graph is drawn in a process of its own, as SVG, by the Graphviz that is here. Memory is what
drawing adds at its peak to the recorded graph. Nothing is asserted: it prints what the
documentation claims.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from compare import INPUTS, SIGNS, Chained

from micrograd_gd import Value, graph, nn


def build_layers(count: int) -> Value:
    """Layers of 25 values, each the product of two of the layer before, down to one."""
    layer = [Value(1.0 + i / 25) for i in range(25)]
    made = len(layer)
    while made < count - 24:
        layer = [a * layer[i - 1] for i, a in enumerate(layer)]
        made += len(layer)
    return sum(layer[1:], layer[0])


def moons(model: Any) -> Value:
    """The loss of micrograd's demo, all samples written out."""
    inputs = [[Value(x) for x in row] for row in INPUTS]
    scores = [model(row) for row in inputs]
    margins = [(1 + -sign * score).relu() for sign, score in zip(SIGNS, scores, strict=True)]
    penalty = 1e-4 * sum(p * p for p in model.parameters())
    return sum(margins) * (1.0 / len(margins)) + penalty


def chain(count: int) -> Value:
    """One operation after another."""
    root = Value(1.0)
    for _ in range(count):
        root = root * 1.0000001
    return root


def mixed_chain(count: int) -> Value:
    """A chain that does not fold, as its operations take turns."""
    x = root = Value(1.0)
    for _ in range(count // 2):
        root = root * 0.5 + x
    return root


def descent(steps: int) -> Value:
    """Steps of gradient descent, written out: three leaves that every step uses."""
    x, t, rate, w = Value(0.5), Value(1.0), Value(0.1), Value(0.0)
    for _ in range(steps):
        w = w - rate * (w * x - t) * x * 2
    return w


def recurrence(steps: int) -> Value:
    """A chain that uses two leaves all along."""
    x, t, y = Value(0.5), Value(1.0), Value(0.0)
    for _ in range(steps):
        y = y * x + t
    return y


def model() -> Chained:
    """The network of micrograd's demo."""
    return Chained(nn.MLP(2, [16, 16, 1], seed=0))


CASES: dict[str, Callable[[], tuple[Value, dict[str, Any]]]] = {
    "1,000 values, all of them drawn": lambda: (build_layers(1000), {"max_nodes": 1000}),
    "1,000 values, 250 boxes drawn": lambda: (build_layers(1000), {}),
    "40 steps of gradient descent": lambda: (descent(40), {}),
    "120 steps of y = y * x + t": lambda: (recurrence(120), {}),
    "moons, as layers": lambda: (moons(model()), {}),
    "moons, as neurons": lambda: (moons(model()), {"depth": 1}),
    "chain of 250,000": lambda: (chain(250_000), {}),
    "chain of 500,000": lambda: (chain(500_000), {}),
    "chain of a million": lambda: (chain(1_000_000), {}),
    "chain of a million, unfolded": lambda: (mixed_chain(1_000_000), {}),
}


def measure(name: str) -> None:
    """Draw one of the cases and print its figures."""
    root, options = CASES[name]()
    count = len(root.nodes())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    picture = graph(root, **options).svg()
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(  # noqa: T201 — a command that prints
        f"{name:<34}{count:>10,} nodes{seconds:>8.2f} s{grown:>8.0f} MiB{len(picture):>10,} bytes"
    )


def main() -> None:
    """Run every case in a fresh process."""
    for name in CASES:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
