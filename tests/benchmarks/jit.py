"""Compiled functions beside the same ones run eagerly: `python tests/benchmarks/jit.py`."""

import time
from collections.abc import Callable
from typing import Any

from timing import MICRO, compared, header
from transforms import readme, rosenbrock

from micrograd_gd import engine_name
from micrograd_gd.jit import jit, passes
from micrograd_gd.jit.call import Call
from micrograd_gd.jit.compiled import BACKENDS
from micrograd_gd.transforms import value_and_grad


def main() -> None:
    """Print the tables."""
    jobs: list[tuple[str, Callable[..., Any], tuple[Any, ...], int]] = [
        ("a + b, the way in and out", lambda a, b: a + b, (1.0, 2.0), 20_000),
        ("README expression, gradient", value_and_grad(readme, (0, 1)), (-4.0, 2.0), 5_000),
        ("Rosenbrock 1,000, gradient", value_and_grad(rosenbrock), ([0.1] * 1000,), 20),
    ]
    for backend in ("python", "llvm"):
        header(f"backend {backend}", engine_name())
        for name, f, args, repeat in jobs:
            run = jit(f, backend=backend)
            assert run(*args) == run(*args) == f(*args)
            compared(name, MICRO, repeat, lambda f=f, a=args: f(*a), lambda f=run, a=args: f(*a), 7)
    for name, f, args, _ in jobs:
        print(name, *ready(f, args), sep="\n    ")  # noqa: T201 — a command that prints


def ready(f: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """What it takes until a function is compiled, step by step."""
    lines = []

    def timed(what: str, job: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        done = job()
        lines.append(f"{what:<16}{(time.perf_counter() - start) * 1e3:>10.2f} ms")
        return done

    call = Call(f, (), args, {})
    traced = timed("trace", lambda: call.trace(call.leaves))
    program = timed("linearise", traced.program)
    program = timed("passes", lambda: passes.optimized(program))
    for backend in ("python", "llvm"):
        timed(backend, lambda backend=backend: BACKENDS[backend](program))
    return [f"{len(program.steps)} steps", *lines]


if __name__ == "__main__":
    main()
