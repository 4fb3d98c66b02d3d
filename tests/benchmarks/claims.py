"""What the README says of other libraries, seen anew: `python tests/benchmarks/claims.py`.

Each line says what came out. The command fails where one is no longer so; libraries that are not
installed are left out.
"""

import math
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any


def deepen(library: Any) -> str:
    """How deep a graph may be for `backward()`, up to a million operations."""
    for count in (100, 1_000, 10_000, 1_000_000):
        y = library.Value(1.0)
        for _ in range(count):
            y = y + 1
        try:
            y.backward()
        except RecursionError:
            return f"RecursionError at {count} operations"
    return "a million"


def repeat(library: Any) -> str:
    """The gradient of x * x * x at 3, after one `backward()` and after two."""
    x = library.Value(3.0)
    y = x * x * x
    y.backward()
    first = x.grad
    y.backward()
    return f"{first:g}, then {x.grad:g}"


def pass_nan(library: Any) -> str:
    """The gradient of `relu` at nan."""
    x = library.Value(math.nan)
    x.relu().backward()
    return f"{x.grad:g}"


def choose(library: Any) -> str:
    """The slope of `where(x > 0, sqrt(x), 0)` at -1."""
    of = functions(library)
    return slope(library, lambda x: of.where(x > 0, of.sqrt(x), 0.0 * x), -1.0)


def saturate(library: Any) -> str:
    """The slope of `tanh` at 20."""
    return slope(library, functions(library).tanh, 20.0)


def functions(library: Any) -> Any:
    """Where a library has `tanh` and its like."""
    if library.__name__ == "torch":
        return library
    return library.numpy if library.__name__ == "jax" else library.functional


def slope(library: Any, f: Any, x: float) -> str:
    """The slope of a function, in double precision."""
    if library.__name__ == "torch":
        at = library.tensor(x, dtype=library.float64, requires_grad=True)
        f(at).backward()
        return f"{at.grad.item():.2g}"
    return f"{library.grad(f)(x):.2g}"


CLAIMS = {
    deepen: {"micrograd.engine": "RecursionError at 1000 operations", "micrograd_gd": "a million"},
    repeat: {"micrograd.engine": "27, then 72", "micrograd_gd": "27, then 54"},
    pass_nan: {"micrograd.engine": "0", "micrograd_gd": "nan"},
    choose: {"torch": "nan", "jax": "nan", "micrograd_gd": "0"},
    saturate: {"torch": "0", "jax": "0", "micrograd_gd": "1.7e-17"},
}


def report() -> Iterator[str]:
    """A line for each claim and library; ends the command where one is no longer so."""
    wrong = 0
    for claim, said in CLAIMS.items():
        yield str(claim.__doc__)
        for name, expected in said.items():
            try:
                library = import_module(name)
            except ImportError:
                yield f"  {name:18}not installed"
                continue
            if name == "jax":
                library.config.update("jax_enable_x64", True)
            seen = claim(library)
            wrong += seen != expected
            yield f"  {name:18}{seen}" + (f"   THE README SAYS {expected}" * (seen != expected))
    sys.exit(f"{wrong} claims are no longer so" if wrong else 0)


if __name__ == "__main__":
    for line in report():
        sys.stdout.write(f"{line}\n")
