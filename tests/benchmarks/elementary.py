"""How far the elementary functions are from the truth, beside the C library, and how fast.

    python tests/benchmarks/elementary.py [points] [names]

Prints the table of docs/reference/engines.md: the worst error over so many random points in units
in the last place (ulp), ours and that of the C library, both beside MPFR in 180 bits; how often two
neighbors among so many come out in the wrong order; and what a number costs in a batch, beside
NumPy.
"""

import math
import random
import sys
import time
from itertools import pairwise

import gmpy2
import numpy as np

from micrograd_gd import jit, vmap
from micrograd_gd.table import ieee
from micrograd_gd.table.ops import OPERATIONS

gmpy2.set_context(gmpy2.context(precision=180, emax=gmpy2.get_emax_max(), emin=-(10**6)))

# Where each is looked at: what it does beyond is to overflow, or to stand still.
DOMAINS = {
    "exp": (-745.2, 709.8), "exp2": (-1075, 1024), "expm1": (-50, 709.8), "sinh": (-710.5, 710.5),
    "cosh": (-710.5, 710.5), "tanh": (-20, 20), "sech": (-745, 745), "sigmoid": (-745, 40),
    "log": (0, 1e308), "log2": (0, 1e308), "log10": (0, 1e308), "log1p": (-1, 1e308),
    "erf": (-6, 6), "erfc": (-6, 27.3), "erfcx": (-26.6, 1e308), "erfinv": (-1, 1), "ndtri": (0, 1),
    "sin": (-(2**20), 2**20), "cos": (-(2**20), 2**20), "tan": (-(2**20), 2**20),
}  # fmt: skip


def find_erfcx(x):
    """exp(x²) erfc x; far out the asymptotic series, where erfc x is 0."""
    if x < 500:
        return gmpy2.exp(x * x) * gmpy2.erfc(x)
    term = total = 1 / (x * gmpy2.sqrt(gmpy2.const_pi()))
    for k in range(1, 20):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
    return total


def find_erfinv(x):
    """By a step of Newton's from the float, which doubles its digits."""
    z = gmpy2.mpfr(ieee.erfinv(float(x)))
    bell = 2 / gmpy2.sqrt(gmpy2.const_pi()) * gmpy2.exp(-z * z)
    return z - (gmpy2.erf(z) - x) / bell


def find_ndtri(p):
    """As erfinv."""
    z = gmpy2.mpfr(ieee.ndtri(float(p)))
    bell = gmpy2.exp(-z * z / 2) / gmpy2.sqrt(2 * gmpy2.const_pi())
    return z - (gmpy2.erfc(-z / gmpy2.sqrt(gmpy2.mpfr(2))) / 2 - p) / bell


TRUTHS = {
    "sigmoid": lambda x: 1 / (1 + gmpy2.exp(-x)),
    "erfcx": find_erfcx,
    "erfinv": find_erfinv,
    "ndtri": find_ndtri,
}
FALLING = {
    "erfc": lambda _: True,
    "erfcx": lambda _: True,
    "sech": lambda x: x >= 0,
    "cosh": lambda x: x < 0,
}
WAVES = {"sin", "cos", "tan"}  # which rise and fall


def draw(name, count, rng):
    """Points of the domain: evenly, by their exponents, and around 1."""
    low, high = DOMAINS[name]
    kinds = [
        lambda: rng.uniform(low, min(high, 1e3)),
        lambda: rng.uniform(-2, 2),
        lambda: math.ldexp(rng.uniform(1, 2), rng.randint(-60, 9)) * rng.choice((-1, 1)),
        lambda: math.ldexp(rng.uniform(1, 2), rng.randint(-1074, 1023)) * rng.choice((-1, 1)),
        lambda: 1 + math.ldexp(rng.uniform(-1, 1), -rng.randint(1, 50)),
    ]
    points = []
    while len(points) < count:
        x = rng.choice(kinds)()
        if low < x < high:
            points.append(x)
    return points


def find_error(y, truth):
    """The distance in ulp of the binade in which the truth lies."""
    if not gmpy2.is_finite(truth) or truth == 0:
        return 0.0 if y == truth else math.inf
    if math.isinf(y):
        return 0.0 if abs(truth) >= gmpy2.mpfr(2) ** 1024 * (1 - gmpy2.mpfr(2) ** -54) else math.inf
    exponent = max(gmpy2.get_exp(truth) - 53, -1074)
    return float(abs(gmpy2.mpfr(y) - truth) / gmpy2.mpfr(2) ** exponent)


def count_disorder(name, starts):
    """How many of the steps to a neighbor go the wrong way."""
    wrong = 0
    for x in starts:
        neighbors = [x]
        for _ in range(20):
            neighbors.append(math.nextafter(neighbors[-1], math.inf))
        ys = [getattr(ieee, name)(x) for x in neighbors]
        if name in FALLING and FALLING[name](x):
            ys.reverse()
        wrong += sum(a > b for a, b in pairwise(ys))
    return wrong


def time_batch(f, x):
    """Nanoseconds a number, the fastest of many."""
    best = math.inf
    for _ in range(300):
        start = time.perf_counter()
        f(x)
        best = min(best, time.perf_counter() - start)
    return best / len(x) * 1e9


def time_marginal(name, x):
    """What one more call in a program costs: nine of them less one."""

    def sum_of(count):
        def f(v):
            s = v
            for i in range(count):
                s = s + OPERATIONS[name](v * (1 + i / 100))
            return s

        return jit(vmap(f), backend="llvm")

    return (time_batch(sum_of(9), x) - time_batch(sum_of(1), x)) / 8


def main():
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    heads = "function", "ours, ulp", "C library, ulp", "wrong order", "ours, ns", "NumPy, ns"
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")  # noqa: T201 — a command that prints
    x = np.random.default_rng(0).uniform(0.1, 1, 4096)
    for name in sys.argv[2:] or DOMAINS:
        points = draw(name, count, random.Random(name))
        library = getattr(math, name, None)
        worst = [0.0, 0.0]
        for point in points:
            truth = TRUTHS.get(name, getattr(gmpy2, name, None))(gmpy2.mpfr(point))
            worst[0] = max(worst[0], find_error(getattr(ieee, name)(point), truth))
            if library:
                worst[1] = max(worst[1], find_error(call(library, point), truth))
        wrong = "–" if name in WAVES else count_disorder(name, points[: count // 20])
        fastest = getattr(np, name, None)
        print(  # noqa: T201 — see above
            f"| `{name}` | {worst[0]:.3f} | {f'{worst[1]:.3f}' if library else '–'} | {wrong} "
            f"| {time_marginal(name, x):.2f} "
            f"| {f'{time_batch(fastest, x):.2f}' if fastest else '–'} |",
            flush=True,
        )


def call(function, x):
    """The C library's number, where Python raises one."""
    try:
        return function(x)
    except OverflowError:
        return math.copysign(math.inf, x)


if __name__ == "__main__":
    main()
