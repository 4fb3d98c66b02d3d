"""Loops that end where a sample converges: `python tests/benchmarks/branches.py [samples …]`.

Kepler's equation by Newton's iteration, and its slopes by both arguments. The first call explores
which ways the samples take, traces them and runs the program. What runs uncompiled is `vmap` alone,
measured on the first thousand samples. Times are those of the processor.
"""

import sys
import time

import numpy as np
from job import RUNS, tell
from timing import machine

from micrograd_gd import engine_name, grad, jit, vmap
from micrograd_gd.functional import cos, sin

SAMPLES = (10**3, 10**5, 10**6)
FEW = 1_000


def anomaly(time, eccentricity):
    """The place of a planet in its orbit, as an angle."""
    x = time
    while True:
        step = (x - eccentricity * sin(x) - time) / (1 - eccentricity * cos(x))
        x = x - step
        if abs(step) < 1e-12:
            return x


def main(*samples: int) -> None:
    """Print the table."""
    tell(f"{machine()}, {engine_name()} engine\n")
    tell("| samples | ways | steps | first call | call | a sample | uncompiled, a sample |")
    tell(f"{'|---' * 7}|")
    uncompiled = vmap(grad(anomaly, (0, 1)))
    for count in samples or SAMPLES:
        drawn = np.random.default_rng(0)
        args = drawn.uniform(0, np.pi, count), drawn.uniform(0, 0.9, count)
        compiled = jit(uncompiled)
        first = take(compiled, *args)
        compiled.compile(*args).wait()
        call = min(take(compiled, *args) for _ in range(RUNS))
        few = [x[:FEW] for x in args]
        alone = take(uncompiled, *few) / FEW
        same = zip(compiled(*args), uncompiled(*few), strict=True)
        assert all((x[:FEW] == y).all() for x, y in same), "each sample has the bits of one alone"
        (program,) = compiled.variants
        figures = f"{1e3 * first:.3g} ms | {1e3 * call:.3g} ms | {1e6 * call / count:.2g} µs"
        sizes = f"{count:,} | {len(program.ways[0])} | {len(program.statements)}"
        tell(f"| {sizes} | {figures} | {1e6 * alone:.3g} µs |")


def take(f, *args) -> float:
    """The seconds that a call takes of the processor."""
    start = time.process_time()
    f(*args)
    return time.process_time() - start


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
