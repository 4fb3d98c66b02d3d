"""What the rows of a batch cost before it runs: `python tests/benchmarks/rows.py [longest]`.

A neuron of eight weights, its mean squared error over the rows and the gradient, by `jit`. Each
number of rows gets a process of its own. The first call traces, makes the program and runs it, and
`trace` makes the program alone. The last call has one row fewer. Memory is what the first call adds
to the data at its peak. `closed` is the first call of a function that closes over the rows, which
copies them, and `read only` that of one whose rows nobody can write to.
"""

import pickle
import resource
import subprocess
import sys
import time

import numpy as np
from job import RUNS, tell
from timing import machine

from micrograd_gd import engine_name, jit, trace, value_and_grad, vmap
from micrograd_gd.functional import mean, tanh

ROWS = (10**3, 10**4, 10**5, 10**6, 10**7)
FEATURES = 8


def loss(w, points, labels):
    """The mean squared error of a neuron."""

    def of_sample(x, y):
        return (tanh(sum(a * b for a, b in zip(w, x, strict=True))) - y) ** 2

    return mean(vmap(of_sample)(points, labels))


def main(longest: int = ROWS[-1]) -> None:
    """Print the table."""
    tell(f"{machine()}, {engine_name()} engine\n")
    columns = ("`trace`", "first call", "next call", "one row fewer", "closed", "read only")
    tell(f"| rows | {' | '.join(columns)} | memory | pickle |\n{'|---' * 9}|")
    for rows in (n for n in ROWS if n <= longest):
        subprocess.run([sys.executable, __file__, "--here", str(rows)], check=True)


def measure(rows: int) -> None:
    """Print the row of one number of rows."""
    drawn = np.random.default_rng(0)
    points, labels = drawn.normal(size=(rows, FEATURES)), drawn.normal(size=rows)
    w = [0.125] * FEATURES
    jit(value_and_grad(loss))(w, points[:100], labels[:100])  # modules are loaded, and rows cached
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = jit(value_and_grad(loss))
    first = take(step, w, points, labels)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    traced = min(take(trace, value_and_grad(loss), w, points, labels) for _ in range(RUNS))
    run = min(take(step, w, points, labels) for _ in range(RUNS))
    fewer = min(take(step, w, points[1:], labels[1:]) for _ in range(RUNS))
    assert len(step.variants) == 1, "any number of rows has one program"
    closed = take(jit(value_and_grad(lambda w: loss(w, points, labels))), w)
    points.flags.writeable = labels.flags.writeable = False
    bound = take(jit(value_and_grad(lambda w: loss(w, points, labels))), w)
    figures = (f"{1e3 * x:.3g} ms" for x in (traced, first, run, fewer, closed, bound))
    tell(
        f"| {rows:,} | {' | '.join(figures)} | {memory:,} kB | {len(pickle.dumps(step)):,} bytes |"
    )


def take(f, *args) -> float:
    """The seconds that a call takes."""
    start = time.process_time()
    f(*args)
    return time.process_time() - start


if __name__ == "__main__":
    if "--here" in sys.argv:
        measure(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
