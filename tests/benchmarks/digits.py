"""How many digits of first and second derivatives are right, here, in PyTorch and in JAX.

`python tests/benchmarks/digits.py` prints the table of docs/reference/semantics.md: the largest
error at 400 points of the range, in ulp. Where the derivative has zeros near the points, to which
no rounded operand is near enough, an error counts for one ulp more for each unit of the condition
number. The truth has 50 digits. Libraries that are not installed are left out.
"""

import importlib.util
import math
import random
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "references"))

from mpmath import mp, mpf
from oracle import truth

from micrograd_gd import Value
from micrograd_gd.table.ops import operation

POINTS = 400
TINY = 2.0**-1000
RANGES = {  # operation: lowest and highest point, points to crowd around, whether there are zeros
    "asin": (-1.0, 1.0, [-1.0, 1.0], False),
    "acos": (-1.0, 1.0, [-1.0, 1.0], False),
    "atanh": (-1.0, 1.0, [-1.0, 1.0], False),
    "acosh": (1.0, 1e3, [1.0], False),
    "tanh": (-300.0, 300.0, [0.0], False),
    "sigmoid": (-600.0, 600.0, [0.0], False),
    "softplus": (-600.0, 600.0, [0.0], False),
    "expm1": (-40.0, 40.0, [0.0], False),
    "log1p": (-1.0, 10.0, [-1.0, 0.0], False),
    "erf": (-26.0, 26.0, [0.0], False),
    "erfinv": (-1.0, 1.0, [-1.0, 0.0, 1.0], False),
    "log_ndtr": (-40.0, 4.0, [0.0], False),
    "ndtri": (0.0, 1.0, [0.0, 1.0], True),
    "gelu": (-37.0, 37.0, [0.0], True),
    "silu": (-600.0, 600.0, [0.0, -1.278464542761074], True),
    "mish": (-300.0, 300.0, [0.0, -1.1924312], True),
    "sinc": (-20.0, 20.0, [0.0, 1.0, 1.4302966531242028], True),
    "lgamma": (-10.0, 100.0, [1.0, 1.4616321449683623, -0.5], True),
    "digamma": (-10.0, 100.0, [1.4616321449683623, -0.5], True),
}


def points(name):
    numbers = random.Random(name)
    low, high, crowded, _ = RANGES[name]
    found = [numbers.uniform(low, high) for _ in range(POINTS // 2)]
    while len(found) < POINTS:
        near = numbers.choice(crowded)
        x = near + numbers.choice([-1, 1]) * 10 ** numbers.uniform(-15, -1)
        if low < x < high:
            found.append(x)
    return found


def ours(name, xs):
    first, second = [], []
    for number in xs:
        x = Value(number)
        operation(name)(x).backward(create_graph=True)
        slope, x.grad = x.grad, 0.0
        slope.backward()
        first.append(slope.data)
        second.append(x.grad)
    return first, second


def in_torch(name, xs):
    import torch
    from torch.nn import functional

    others = {"silu": functional.silu, "mish": functional.mish, "gelu": functional.gelu}
    others |= {"softplus": functional.softplus}
    f = others.get(name) or getattr(torch, name, None) or getattr(torch.special, name)
    x = torch.tensor(xs, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    return first.tolist(), second.tolist()


def in_jax(name, xs):
    import jax
    from jax import nn, numpy
    from jax.scipy import special

    jax.config.update("jax_enable_x64", True)
    others = {"gelu": lambda x: nn.gelu(x, approximate=False), "erf": special.erf}
    others |= {"lgamma": special.gammaln, "digamma": special.digamma}
    homes = (nn, numpy, special)
    f = others.get(name) or next(getattr(x, name) for x in homes if hasattr(x, name))
    slope = jax.grad(f)
    x = numpy.array(xs)
    return jax.vmap(slope)(x).tolist(), jax.vmap(jax.grad(slope))(x).tolist()


def errors(got, truths, has_zeros):
    """The largest error of the first derivatives, and that of the second."""
    for order, numbers in enumerate(got, 1):
        worst = 0.0
        for number, known in zip(numbers, truths, strict=True):
            q, sensitivity = abs(known.quantities[order]), known.sensitivities[order]
            if q > TINY:
                excuse = 1 + sensitivity / q if has_zeros else 1
                ulp = mpf(math.ulp(float(q)))
                error = abs(mpf(number) - known.quantities[order]) / ulp / excuse
                worst = max(worst, float(error) if math.isfinite(number) else math.inf)
        yield worst


def show(error):
    return f"{error:.1f}" if error < 100 else "all" if error > 2**52 else f"{error:.0e}"


def main():
    libraries = {"here": ours, "PyTorch": in_torch, "JAX": in_jax}
    needed = {"PyTorch": "torch", "JAX": "jax"}
    there = [x for x in libraries if x == "here" or importlib.util.find_spec(needed[x])]
    head = " | ".join(f"{x}: first | second" for x in there)
    print(f"| operation | from, to | {head} |")  # noqa: T201 — a command that prints
    print("|---|---|" + "---:|---:|" * len(there))  # noqa: T201 — see above
    for name, (low, high, _, has_zeros) in RANGES.items():
        xs = points(name)
        with mp.workdps(50):
            truths = [truth(name, [x]) for x in xs]
            cells = [
                show(e) for x in there for e in errors(libraries[x](name, xs), truths, has_zeros)
            ]
        print(f"| `{name}` | {low:g}, {high:g} | {' | '.join(cells)} |")  # noqa: T201 — see above


if __name__ == "__main__":
    main()
