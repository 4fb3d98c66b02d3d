"""What a pool of two workers gains on 1,000 trainings: `python tests/benchmarks/sweeps.py [RATES]`.

`sweep_learning_rates` descends with each of 1,000 rates on the compiled loss of a network of 37
weights over 40 points, in this process and on two workers. What the machine allows is seen beside
it: a loop in pure Python, which shares nothing. All take turns; printed are medians of the factor
by the clock, and of what two free cores would give: twice the processor time in one process,
divided by that of all processes.
"""

import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial

from job import tell

from micrograd_gd import MLP, Objective, jit, sweep_learning_rates
from micrograd_gd.data import moons
from micrograd_gd.scale import run_all

TURNS, STEPS = 5, 100


def count(_, n=100_000):
    """Some milliseconds of pure Python."""
    total = 0
    for i in range(n):
        total += i * i
    return total


def measure(job, make):
    """Seconds by the clock, and of processors in this process and its workers."""
    began, used = time.perf_counter(), sum(os.times()[:4])
    with make() as executor:
        job(executor)
    return time.perf_counter() - began, sum(os.times()[:4]) - used


def main():
    rates = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    inputs, targets = moons(40, seed=0)
    loss = jit(Objective(MLP(2, [9, 1], "tanh", seed=0), inputs, targets))
    all_rates = [0.001 * 1000 ** (i / rates) for i in range(rates)]
    places = [((), i) for i in range(rates)]
    jobs = {
        "pure Python": lambda executor: [*run_all(count, places, executor)],
        "trainings": lambda executor: sweep_learning_rates(
            loss, loss.f.start, all_rates, max_steps=STEPS, tolerance=0.0, executor=executor
        ),
    }
    seen = {name: [] for name in jobs}
    for _ in range(TURNS):
        for name, job in jobs.items():
            sides = measure(job, nullcontext), measure(job, partial(ProcessPoolExecutor, 2))
            seen[name].append([x for side in sides for x in side])
    tell(
        "| | one process, s | two workers, s | factor | on two free cores |\n|---|---|---|---|---|"
    )
    for name, rows in seen.items():
        one, used, two, all_used = zip(*rows, strict=True)
        factor = statistics.median(a / b for a, b in zip(one, two, strict=True))
        free = statistics.median(2 * a / b for a, b in zip(used, all_used, strict=True))
        tell(f"| {name} | {min(one):.2f} | {min(two):.2f} | {factor:.2f} | {free:.2f} |")


if __name__ == "__main__":
    main()
