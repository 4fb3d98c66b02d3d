"""What the loops in a trace are found to be: `python tests/benchmarks/loops.py`.

Functions with loops in plain Python, most with their gradient. Items are the statements and the
loops that are left at the top, and all of them with those in loops. Then machine code is made of
each program, in loops and without, and runs in turns.
"""

import math
import sys
import time
from functools import partial
from itertools import pairwise

import numpy as np
from job import RUNS, tell
from jobs.chain import pendulum
from timing import machine, seconds

from micrograd_gd import data, engine_name, trace, value_and_grad, vmap
from micrograd_gd.compiler.backends import llvm, tape
from micrograd_gd.compiler.roll import roll
from micrograd_gd.compiler.rolled import size
from micrograd_gd.functional import logsumexp, mean, relu


def rosenbrock(x):
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def lorenz(x, steps):
    """Steps of Runge and Kutta."""

    def slope(x):
        a, b, c = x
        return [10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c]

    def move(x, k, time):
        return [a + time * b for a, b in zip(x, k, strict=True)]

    for _ in range(steps):
        k1 = slope(x)
        k2 = slope(move(x, k1, 0.005))
        k3 = slope(move(x, k2, 0.005))
        k4 = slope(move(x, k3, 0.01))
        slopes = zip(k1, k2, k3, k4, strict=True)
        x = move(x, [p + 2 * q + 2 * r + s for p, q, r, s in slopes], 0.01 / 6)
    return sum(a * a for a in x)


def product(a, b):
    columns = [*zip(*b, strict=True)]
    return sum(sum(dot(row, column) for column in columns) for row in a)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def scores(layers, x):
    for i, (weights, biases) in enumerate(layers):
        x = [dot(row, x) + b for row, b in zip(weights, biases, strict=True)]
        if i < len(layers) - 1:
            x = [relu(y) for y in x]
    return x


def cross_entropy(layers, x, target):
    out = scores(layers, x)
    return logsumexp(out) - dot(out, target)


def margin(layers, points, labels):
    each = zip(points, labels, strict=True)
    return sum(relu(1 - y * scores(layers, x)[0]) for x, y in each) / len(points)


def batch_loss(layers, pictures, targets):
    return mean(vmap(cross_entropy, (None, 0, 0))(layers, pictures, targets))


def numbers(*shape):
    """Nested lists of numbers."""
    rest = shape[1:]
    return [numbers(*rest) if rest else math.sin(i) for i in range(shape[0])]


def rows(samples, size):
    """An array of numbers."""
    return np.sin(np.arange(float(samples * size))).reshape(samples, size)


def layers(*sizes):
    return [(numbers(n, m), numbers(n)) for m, n in pairwise(sizes)]


inputs, classes = data.moons(20, noise=0.1, seed=0)
POINTS, LABELS = [[*map(float, x)] for x in inputs], [2.0 * y - 1 for y in classes]
PARAMETERS = layers(2, 16, 16, 1)

NESTED = {
    "MLP 64-32-10, one sample",
    "MOONS with own loops, 20 points",
    "MOONS, the points closed over",
    "MLP 64-32-10, a batch of 1,797",
    "MLP 196-64-10, a batch of 256",
}

FUNCTIONS = {
    "Rosenbrock, 1,000 variables": (value_and_grad(rosenbrock), numbers(1000)),
    "Rosenbrock, 10,000 variables": (value_and_grad(rosenbrock), numbers(10_000)),
    "a pendulum, 2,000 steps": (
        value_and_grad(partial(pendulum, operations=10_000), (0, 1, 2)), 1.0, 0.5, 0.001,
    ),
    "Runge-Kutta, 200 steps, value alone": (partial(lorenz, steps=200), numbers(3)),
    "the same with gradient": (value_and_grad(partial(lorenz, steps=200)), numbers(3)),
    "matrix product 12 × 12 × 12": (
        value_and_grad(product, (0, 1)), numbers(12, 12), numbers(12, 12),
    ),
    "MLP 64-32-10, one sample": (
        value_and_grad(cross_entropy), layers(64, 32, 10), numbers(64), numbers(10),
    ),
    "MOONS with own loops, 20 points": (value_and_grad(margin), PARAMETERS, POINTS, LABELS),
    "MOONS, the points closed over": (
        value_and_grad(partial(margin, points=POINTS, labels=LABELS)), PARAMETERS,
    ),
    "MLP 64-32-10, a batch of 1,797": (
        value_and_grad(batch_loss), layers(64, 32, 10), rows(1797, 64), rows(1797, 10),
    ),
    "MLP 196-64-10, a batch of 256": (
        value_and_grad(batch_loss), layers(196, 64, 10), rows(256, 196), rows(256, 10),
    ),
    "logsumexp of 1,000": (value_and_grad(logsumexp), numbers(1000)),
}  # fmt: skip


def main():
    """Print the tables."""
    tell(f"{machine()}, {engine_name()} engine\n")
    tell(
        "| function, value and gradient | statements | items | with those in loops | trace | roll |"
    )
    tell(f"{'|---' * 6}|")
    for name, (f, *args) in FUNCTIONS.items():
        taken, program = take(trace, f, *args)
        rolling, rolled = take(roll, program.statements)
        assert [*rolled.unroll()] == [*program.statements]
        counts = len(program.statements), len(rolled.items), size(rolled.items)
        figures = [f"{count:,}" for count in counts]
        each = rolling / counts[0] * 1e6
        figures += [f"{1e3 * taken:.1f} ms", f"{1e3 * rolling:.1f} ms, {each:.1f} µs each"]
        tell(f"| {name} | {' | '.join(figures)} |")
    tell("\nMachine code, ready and a call, of arrays:\n")
    tell("| function, value and gradient | in loops | without | tape |")
    tell(f"{'|---' * 4}|")
    for name, (f, *args) in FUNCTIONS.items():
        arrays = [np.array(x) if isinstance(x, list) and name not in NESTED else x for x in args]
        program = trace(f, *arrays)
        made = [take(each, program) for each in (in_loops, without_loops, tape.compile_program)]
        calls = [partial(run, *arrays) for _, run in made]
        repeat = max(1, int(0.005 / seconds(calls[0], 1)))
        turns = [[seconds(call, repeat) for call in calls] for _ in range(4 * RUNS)]
        pairs = zip(made, map(min, *turns), strict=True)
        figures = [f"{1e3 * taken:,.0f} ms, {1e6 * call:,.1f} µs" for (taken, _), call in pairs]
        tell(f"| {name} | {' | '.join(figures)} |")


def in_loops(program):
    return llvm.make_kernel(program, llvm.generate_code(program, 0))


def without_loops(program):
    return llvm.make_kernel(program, llvm.generate_code(program, sys.maxsize))


def take(f, *args):
    """The seconds of a call, and what it gives."""
    start = time.process_time()
    y = f(*args)
    return time.process_time() - start, y


if __name__ == "__main__":
    main()
