"""How often the checker takes a right derivative for wrong: random expressions over the table.

    python tests/benchmarks/false_alarms.py [how many] [order] [seed]

So many that are smooth, and so many that are taken at special points, where products of slopes may
overflow or underflow half way: then a derivative is wrong though every rule is right. Such alarms,
with a number beyond 1e±75 in the graph, are counted apart. The others are printed, each as a line
of Python that shows it again.
"""

import sys
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings

from micrograd_gd import Value, check_gradients
from micrograd_gd.errors import GradientError
from micrograd_gd.testing.strategies import expressions


def is_extreme(f):
    numbers = []
    for node in f(*map(Value, f.inputs)).nodes():
        numbers += [node.data, *(x for x in (*node.operands, *node.partials) if type(x) is float)]
    return not all(x == 0 or 1e-75 < abs(x) < 1e75 for x in numbers)


def count_alarms(kind, drawn, count, order, start):
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
    @given(drawn)
    def run(f):
        counts["expressions"] += 1
        counts["operations"] += len(f.operations)
        try:
            report = check_gradients(f, *f.inputs, order=order)
        except GradientError as error:
            if is_extreme(f):
                counts["refused beyond 1e±75"] += 1
            else:
                counts["false alarms"] += 1
                tell(f"{f!r}\n{error}")
        else:
            counts.update(comparison.verdict for comparison in report.comparisons)

    run()
    counts.setdefault("false alarms", 0)
    told = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    tell(f"{kind}, to order {order}: {told}; {time.perf_counter() - begun:.0f} s")


def tell(text):
    print(text, flush=True)  # noqa: T201 — a command that prints


def main(count=10_000, order=2, start=0):
    count_alarms("smooth", expressions(), count, order, start)
    count_alarms("at special points", expressions(smooth=False), count, order, start)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
