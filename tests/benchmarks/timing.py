"""How the benchmarks measure: two engines take turns, so that both see the same machine."""

import gc
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

CLOCK = {"now": time.perf_counter}  # on a busy machine, time.process_time tells more

NANO, MICRO, MILLI = (1e9, "ns"), (1e6, "µs"), (1e3, "ms")


def seconds(job: Callable[[], object], repeat: int) -> float:
    """Seconds a call, none of which collects the garbage of whoever ran before."""
    gc.collect()
    now = CLOCK["now"]
    start = now()
    for _ in range(repeat):
        job()
    return (now() - start) / repeat


def header(ours: str, theirs: str) -> None:
    """Print what the columns below are."""
    print(f"{ours:<38}{theirs:>10}{'here':>10}")  # noqa: T201 — a command that prints


def compare(
    name: str,
    unit: tuple[float, str],
    repeat: int,
    theirs: Callable[[], object],
    ours: Callable[[], object],
    runs: int,
) -> None:
    """Print the medians of both and how many times faster ours is."""
    pairs = [(seconds(theirs, repeat), seconds(ours, repeat)) for _ in range(runs)]
    their_median, our_median = (statistics.median(side) for side in zip(*pairs, strict=True))
    scale, symbol = unit
    print(  # noqa: T201 — see above
        f"{name:<38}{their_median * scale:>10.2f}{our_median * scale:>10.2f} {symbol:<4}"
        f"{their_median / our_median:>8.1f} times"
    )


def machine() -> str:
    """The processor, the system and Python, as far as the system tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(x.partition(": ")[2] for x in lines if "model name" in x)
    except (OSError, StopIteration):
        processor = platform.processor()
    return f"{processor}, {platform.system()}, Python {platform.python_version()}"
