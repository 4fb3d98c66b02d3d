"""A job and those who do it: first all must give the same numbers, then they take turns."""

import gc
import importlib
import importlib.util
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from timing import CLOCK, seconds

RUNS = 7
SHORTEST = 0.05  # seconds of a run, so that the clock and the loop do not count

Step = Callable[[], Any]


class Contender(NamedTuple):
    """One way to do the job; `make` gets the package, and gives what is called over and over.

    It gives None where the package lacks something.
    """

    name: str
    package: str
    make: Callable[[Any], Step | None]
    program: str  # that it also needs
    warm: float  # seconds of calls before it is measured
    slow: bool  # to compile: measured only when asked for


class Job:
    """Something to compute, and the contenders; the times are told beside the first of them."""

    def __init__(
        self, name: str, unit: tuple[float, str], *, count: int = 1, tolerance: float = 1e-9
    ) -> None:
        self.name = name
        self.unit = unit
        self.count = count  # of operations or points in a call: times are told for one of them
        self.tolerance = tolerance  # relative, of value and gradient
        self.contenders: list[Contender] = []

    def by(
        self,
        name: str,
        package: str = "micrograd_gd",
        *,
        program: str = "",
        warm: float = 0.0,
        slow: bool = False,
    ) -> Callable[[Callable[[Any], Step | None]], Callable[[Any], Step | None]]:
        """Add the function below as a contender."""

        def add(make: Callable[[Any], Step | None]) -> Callable[[Any], Step | None]:
            self.contenders.append(Contender(name, package, make, program, warm, slow))
            return make

        return add

    def run(self, *, with_slow: bool = False) -> None:
        """Check, measure and print."""
        tell(f"\n{self.name}")
        steps, ready = self._ready([c for c in self.contenders if with_slow or not c.slow])
        gc.collect()
        gc.freeze()  # what the others brought along is not there in a program that uses one
        times = taking_turns(steps)
        gc.unfreeze()
        scale, symbol = self.unit
        first = next(iter(times.values()))
        tell(f"\n| {'':<44} | {'ready':>9} | {symbol:>10} | {'times':>7} |\n|---|---|---|---|")
        for name, taken in times.items():
            shown = f"{taken * scale / self.count:.4g}"
            tell(f"| {name:<44} | {ready[name]:>7.3f} s | {shown:>10} | {taken / first:>7.2f} |")
        for contender in self.contenders:
            if contender.slow and not with_slow:
                tell(f"Left out, as it is slow to compile: {contender.name}; ask with --slow")

    def _ready(self, contenders: list[Contender]) -> tuple[dict[str, Step], dict[str, float]]:
        """What each contender repeats, and the seconds until its first result, which is right."""
        steps, ready = {}, {}
        expected = None
        for name, package, make, program, warm, _ in contenders:
            if importlib.util.find_spec(package) is None:
                tell(f"Left out, as it is not installed: {name}; pip install {package}")
                continue
            if program and not shutil.which(program):
                tell(f"Left out: {name}; there is no {program} here")
                continue
            engine = launch(package)
            start = CLOCK["now"]()
            if (step := make(engine)) is None:
                tell(f"Left out, as something that it needs is not installed: {name}")
                continue
            result = step()
            taken, end = CLOCK["now"]() - start, time.perf_counter()
            numbers = np.fromiter(flat(result), float)
            expected = numbers if expected is None else expected
            near_zero = 1e-3 * self.tolerance * np.abs(expected).max()  # where terms cancel
            np.testing.assert_allclose(
                numbers, expected, self.tolerance, near_zero, equal_nan=False, err_msg=name
            )
            while time.perf_counter() < end + warm:
                step()
            steps[name], ready[name] = step, taken
        return steps, ready


def taking_turns(steps: dict[str, Step]) -> dict[str, float]:
    """The median of the seconds a call, over runs in which all take turns."""
    repeat = {name: max(1, int(SHORTEST / seconds(step, 1))) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(RUNS):
        for name, step in steps.items():
            times[name].append(seconds(step, repeat[name]))
    return {name: statistics.median(taken) for name, taken in times.items()}


def launch(package: str) -> Any:
    """The package, imported and awake, and set to doubles and one thread."""
    engine = importlib.import_module(package)
    if package == "jax":
        engine.config.update("jax_enable_x64", True)
        engine.devices()
    elif package == "torch":
        engine.set_default_dtype(engine.float64)
        engine.set_num_threads(1)
    return engine


def flat(tree: Any) -> Iterator[float]:
    """The numbers in nested lists, tuples and arrays of whatever package, row by row."""
    if isinstance(tree, list | tuple):
        for item in tree:
            yield from flat(item)
    else:
        yield from np.asarray(tree, dtype=float).ravel()


def bound(function: Any, *arguments: np.ndarray) -> Step:
    """A function of casadi's bound to these arrays: its fastest way of a call."""
    results = [np.zeros(function.nnz_out(i)) for i in range(function.n_out())]
    buffer, call = function.buffer()
    for i, x in enumerate(arguments):
        buffer.set_arg(i, memoryview(x))
    for i, y in enumerate(results):
        buffer.set_res(i, memoryview(y))

    def step(_alive: Any = buffer) -> list[np.ndarray]:
        call()
        return results

    return step


def by_gcc(*flags: str) -> dict[str, Any]:
    """Options with which casadi has gcc compile a function."""
    folder = f"{tempfile.gettempdir()}{os.sep}"
    return {
        "jit": True,
        "compiler": "shell",
        "jit_options": {"compiler": "gcc", "flags": list(flags), "directory": folder},
    }


def tell(text: str) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201 — a command that prints
