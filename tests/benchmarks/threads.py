"""What threads and other processes gain: `python tests/benchmarks/threads.py`.

Two threads run gradients over batches of 20,000 samples, taking turns with one thread that runs as
many; then `threads=2` shares the rows of one call. A worker's first call, from the pickle to the
result, stands beside a trace of the same call.
"""

import pickle
import statistics
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from job import RUNS, tell
from timing import machine, seconds

from micrograd_gd import engine_name, grad, jit, value_and_grad, vmap
from micrograd_gd.compiler.specialization import BACKENDS
from micrograd_gd.functional import mean, total

CALLS = 20  # of each thread


def loss(w, x):
    """A mean over the batch."""
    return mean(vmap(lambda a: (w * a).tanh() * (w + a).exp())(x))


def network(x):
    """Three layers, written out."""
    for k in range(3):
        rows = [[((7 * i + 3 * j + k) % 11 - 5) * 0.1 for j in range(len(x))] for i in range(100)]
        x = [total(a * b for a, b in zip(row, x, strict=True)).tanh() for row in rows]
    return total(x)


def main() -> None:
    """Print both tables."""
    tell(f"{machine()}, {engine_name()} engine\n")
    tell("| backend | a call, ms | two threads do |\n|---|---|---|")
    batch = np.linspace(0, 1, 20_000)
    for backend in [name for name in BACKENDS if name != "auto"]:
        step = jit(value_and_grad(loss), backend=backend)
        step(0.5, batch)
        measure_threads(backend, lambda step=step: [step(0.5, batch) for _ in range(CALLS)])
    tell("\n| slopes of a million rows | one thread, ms | threads=2 |\n|---|---|---|")
    for backend in ("tape", "llvm"):
        measure_rows(backend)
    tell("\n| traced, ms | from its pickle, ms | part |\n|---|---|---|")
    measure_pickle()


def measure_threads(backend: str, work: object) -> None:
    """Print the row of one backend."""
    gains, times = [], []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(RUNS):
            times.append(seconds(work, 1))
            both = seconds(lambda: [each.result() for each in [pool.submit(work) for _ in "ab"]], 1)
            gains.append(2 * times[-1] / both)
    taken = statistics.median(times) / CALLS
    tell(f"| {backend} | {taken * 1e3:.2f} | {statistics.median(gains):.2f} times as much |")


def measure_rows(backend: str) -> None:
    """Print the row of one call whose rows threads share."""
    rows = np.linspace(0, 1, 1_000_000)
    slopes = vmap(grad(lambda x: (0.5 * x).tanh() * (0.5 + x).exp()))
    alone, shared = (jit(slopes, backend=backend, threads=n) for n in (1, 2))
    assert (alone(rows) == shared(rows)).all(), "the same bits"
    pairs = [
        (seconds(lambda: alone(rows), 1), seconds(lambda: shared(rows), 1)) for _ in range(RUNS)
    ]
    gain = statistics.median(one / two for one, two in pairs)
    taken = statistics.median(one for one, _ in pairs)
    tell(f"| {backend} | {taken * 1e3:.1f} | {gain:.2f} times as fast |")


def measure_pickle() -> None:
    """Print the row of a worker's first call."""
    x, pairs = [0.1] * 100, []
    for _ in range(RUNS):
        step = jit(value_and_grad(network), backend="auto")
        traced = seconds(lambda step=step: step(x), 1)
        text = pickle.dumps(step)
        pairs.append((traced, seconds(lambda text=text: pickle.loads(text)(x), 1)))  # noqa: S301 — ours
    traced, there = (statistics.median(side) * 1e3 for side in zip(*pairs, strict=True))
    tell(f"| {traced:.0f} | {there:.1f} | 1/{traced / there:.0f} |")


if __name__ == "__main__":
    main()
