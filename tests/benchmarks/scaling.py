"""How compiled programs scale with their length: `python tests/benchmarks/scaling.py`.

    python tests/benchmarks/scaling.py [longest]

The program is the value and gradient of a pendulum's steps (`jobs/chain.py`), straight-line code of
products, sums, sines and cosines in which each result waits for the one before. Each backend gets
each length in a process of its own, up to 1,000,000 instructions. The time to run is that of a call
from Python; memory is what the process grows by at its peak, while it traces and compiles too.
"""

import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from job import RUNS, tell
from jobs.chain import START, pendulum
from timing import machine, seconds

from micrograd_gd import engine_name, value_and_grad
from micrograd_gd.compiler.arguments import Arguments, Signature
from micrograd_gd.compiler.passes import optimize_trace
from micrograd_gd.compiler.specialization import BACKENDS

LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
PATIENCE = 60  # seconds to compile; what takes longer is left out


def main(longest: int = LENGTHS[-1]) -> None:
    """Print the table."""
    backends = [name for name in BACKENDS if name != "auto"]
    tell(f"{machine()}, {engine_name()} engine; all figures for one instruction\n")
    columns = ("trace, µs", "passes, µs", "compile, µs", "run, ns", "memory, bytes")
    tell(f"| instructions | backend | {' | '.join(columns)} |\n{'|---' * 7}|")
    for length in LENGTHS:
        for backend in backends if length <= longest else []:
            command = [sys.executable, __file__, "--here", backend, str(length)]
            ended = subprocess.run(command, check=False).returncode
            if ended == -signal.SIGALRM:
                tell(f"| {length:,} | {backend} | over {PATIENCE} s to compile, left out | | | | |")
            elif ended:
                tell(f"| {length:,} | {backend} | failed | | | | |")


def measure(backend: str, length: int) -> None:
    """Print the row of one backend and one length."""
    short, longer = (compiled_steps(backend, steps).count for steps in (10, 20))
    before = peak_memory()
    made = compiled_steps(backend, 10 + round(10 * (length - short) / (longer - short)))
    made.run()
    memory = peak_memory() - before
    repeat = max(1, int(0.05 / seconds(made.run, 1)))
    taken = statistics.median([seconds(made.run, repeat) for _ in range(RUNS)])
    figures = [f"{x / made.count * 1e6:.3g}" for x in (made.trace, made.passes, made.compile)]
    figures += [f"{taken / made.count * 1e9:.3g}", f"{memory / made.count:,.0f}"]
    tell(f"| {made.count:,} | {backend} | {' | '.join(figures)} |")


class Made(NamedTuple):
    """A program ready to run, how long it is, and the seconds that making it took."""

    run: Callable[[], Any]
    count: int
    trace: float
    passes: float
    compile: float


def compiled_steps(backend: str, steps: int) -> Made:
    """So many steps of the pendulum with their gradient, compiled as `jit` does it."""
    f = value_and_grad(partial(pendulum, operations=5 * steps), (0, 1, 2))
    times = [time.perf_counter()]
    call = Arguments(Signature(f), START, {})
    traced = call.trace(call.leaves)
    times.append(time.perf_counter())
    program = optimize_trace(traced)
    times.append(time.perf_counter())
    signal.alarm(PATIENCE)  # ends the process
    run = BACKENDS[backend](program)
    signal.alarm(0)
    times.append(time.perf_counter())
    taken = [end - start for start, end in pairwise(times)]
    return Made(partial(run, *START), len(program.statements), *taken)


def peak_memory() -> int:
    """The most bytes that the process has had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    if "--here" in sys.argv:
        measure(sys.argv[2], int(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
