"""Compiled functions beside eager ones, bit for bit: random expressions with all operations.

    python tests/benchmarks/same_bits.py [how many] [seed] [backend …]

Value, gradient and Hessian of each expression are compared at its own point and at three others, of
special numbers among them; a difference is printed as a line of Python that shows it again.
"""

import math
import struct
import sys
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from micrograd_gd import hessian, jit, value_and_grad
from micrograd_gd.compiler.specialization import BACKENDS
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.transforms.trees import leaves

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 710.0, -745.0, 5e-324, 1e308, math.inf, -math.inf]
NUMBERS = st.floats() | st.sampled_from([*SPECIAL, math.nan]) | st.floats(-5, 5)


def compare(count, start, backends):
    counts = Counter()
    begun = time.perf_counter()

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(expressions(smooth=False), st.data())
    def run(program, data):
        counts["expressions"] += 1
        counts["operations"] += len(program.operations)
        points = [list(program.inputs)]
        points += [[data.draw(NUMBERS) for _ in program.inputs] for _ in range(3)]

        def f(x):
            return program(*x)

        eager = [value_and_grad(f), hessian(f)]
        for backend in backends:
            for g in eager:
                compiled = jit(g, backend=backend)
                for x in points:
                    expected = bits(g(x))
                    counts["numbers"] += len(expected)
                    if bits(compiled(x)) != expected:
                        counts["different"] += 1
                        tell(f"{backend}: {program!r} at {x}: {compiled(x)}, eagerly {g(x)}")

    run()
    counts.setdefault("different", 0)
    told = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    tell(f"{', '.join(backends)}: {told}; {time.perf_counter() - begun:.0f} s")


def bits(tree):
    """The numbers of a tree as bits, nan being nan."""
    return [b"nan" if x != x else struct.pack("d", x) for x in leaves(tree)]


def tell(text):
    print(text, flush=True)  # noqa: T201 — a command that prints


def main(count=10_000, start=0, *backends):
    known = [name for name in BACKENDS if name != "auto"]
    compare(int(count), int(start), list(backends) or known)


if __name__ == "__main__":
    main(*sys.argv[1:])
