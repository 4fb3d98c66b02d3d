"""How often the checker takes a right derivative for wrong: random expressions over the table.

    python tests/benchmarks/false_alarms.py [how many] [order] [seed]

Half of them are smooth, half are taken at special points. Every false alarm is printed, as a line
of Python that shows it again.
"""

import sys
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from micrograd_gd.errors import GradientError
from micrograd_gd.testing import check_gradients
from micrograd_gd.testing.strategies import expressions


def main(count=10_000, order=2, start=0):
    verdicts = Counter()
    alarms = []
    begun = time.perf_counter()

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.booleans().flatmap(lambda smooth: expressions(smooth=smooth)))
    def run(f):
        verdicts["expressions"] += 1
        verdicts["operations"] += len(f.operations)
        try:
            report = check_gradients(f, *f.inputs, order=order)
        except GradientError as error:
            alarms.append(f"{f!r}\n{error}")
        else:
            verdicts.update(comparison.verdict for comparison in report.comparisons)

    run()
    for alarm in alarms[:10]:
        print(alarm)  # noqa: T201 — a command that prints
    counts = ", ".join(f"{count:,} {name}" for name, count in verdicts.items())
    seconds = time.perf_counter() - begun
    print(f"to order {order}: {counts}; {len(alarms)} false alarms; {seconds:.0f} s")  # noqa: T201 — see above


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
