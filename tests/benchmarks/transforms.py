"""Derivatives of plain Python functions beside PyPI's autograd, and the memory of a gradient.

`compare.py` runs this last; alone it is `python tests/benchmarks/transforms.py`.

Both differentiate the same function, at the same floats or array. autograd is made for whole
arrays: what is compare here is code that computes with single numbers.
"""

import tracemalloc
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from timing import MICRO, MILLI, compare, header

from micrograd_gd import Value, engine_name
from micrograd_gd.transforms import derivatives


def relu(x: Any) -> Any:
    """The branch that the number takes."""
    return x if x > 0 else 0.0 * x


def readme(a: Any, b: Any, relu: Callable[[Any], Any] = relu) -> Any:
    """The expression of micrograd's README."""
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + relu(b + a)
    d += 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


def rosenbrock(x: Sequence[Any]) -> Any:
    """A valley in as many dimensions as there are numbers."""
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def newton(a: Any) -> Any:
    """The square root, by 20 steps of Newton's method."""
    x = a
    for _ in range(20):
        x = (x + a / x) / 2
    return x


def logistic(y: Any) -> Any:
    """Growth to a limit, y' = y (1 - y), by 1,000 steps of Euler's method."""
    for _ in range(1000):
        y = y + 0.01 * y * (1 - y)
    return y


def rational(x: Any) -> Any:
    """A quotient whose third derivative is asked for."""
    return x**4 / (1 + x * x)


def third(engine: Any) -> Callable[[float], Any]:
    """The third derivative of `rational`, by three gradients."""
    return engine.grad(engine.grad(engine.grad(rational)))  # type: ignore[no-any-return]  # a peer without types


def gradient_by_hand(a: float, b: float) -> tuple[float, tuple[float, float]]:
    """What `value_and_grad` gives, written out."""
    x, y = Value(a), Value(b)
    root = readme(x, y)
    root.backward()
    return root.data, (x.grad, y.grad)


def hessian_by_hand(a: float, b: float) -> list[list[float]]:
    """Second derivatives by backward through what backward recorded."""
    x, y = Value(a), Value(b)
    readme(x, y).backward(create_graph=True)
    rows = []
    for slope in (x.grad, y.grad):
        x.grad = y.grad = 0.0
        slope.backward()
        rows.append([x.grad, y.grad])
    return rows


def bytes_a_number(n: int) -> float:
    """The peak of memory during the gradient of a Rosenbrock function, per number."""
    x = [0.5] * n
    spares = [Value(0.0) for _ in range(70_000)]  # so that no dead node's memory is used again
    tracemalloc.start()
    derivatives.grad(rosenbrock)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del spares
    return peak / n


def main() -> None:
    """Run all of it, about half a minute."""
    import autograd

    header(f"{engine_name()} engine", "autograd")
    their, our = (engine.grad(readme, (0, 1)) for engine in (autograd, derivatives))
    compare(
        "gradient, README expression", MICRO, 100,
        lambda: their(-4.0, 2.0), lambda: our(-4.0, 2.0), 9,
    )  # fmt: skip
    for name, f, start in (
        ("gradient, Newton's method, 20 steps", newton, 2.0),
        ("gradient, Euler's method, 1,000 steps", logistic, 0.1),
        ("gradient, Rosenbrock in 100", rosenbrock, np.linspace(-1, 1, 100)),
    ):
        both = [engine.grad(f) for engine in (autograd, derivatives)]
        compare(name, MILLI, 5, *(lambda g=g, x=start: g(x) for g in both), 9)
    for n in (4, 30):
        both = [engine.hessian(rosenbrock) for engine in (autograd, derivatives)]
        x = np.linspace(-1, 1, n)
        name = f"Hessian, Rosenbrock in {n}"
        compare(name, MILLI, 40 // n, *(lambda h=h, x=x: h(x) for h in both), 5)
    both = [third(engine) for engine in (autograd, derivatives)]
    compare("third derivative, a quotient", MICRO, 20, *(lambda d=d: d(0.5) for d in both), 9)
    header(f"{engine_name()} engine", "by hand")
    both = derivatives.value_and_grad(readme, (0, 1)), derivatives.hessian(lambda x: readme(*x))
    compare(
        "value_and_grad, README expression", MICRO, 300,
        lambda: gradient_by_hand(-4.0, 2.0), lambda: both[0](-4.0, 2.0), 9,
    )  # fmt: skip
    compare(
        "Hessian, README expression", MICRO, 100,
        lambda: hessian_by_hand(-4.0, 2.0), lambda: both[1]([-4.0, 2.0]), 9,
    )  # fmt: skip
    per_number = ", ".join(f"{bytes_a_number(n):.0f} for {n:,}" for n in (25_000, 50_000, 100_000))
    print(f"memory of a gradient, Rosenbrock, bytes a number: {per_number}")  # noqa: T201 — see above


if __name__ == "__main__":
    main()
