"""How many wrong gradients of the zoo each checker finds, and how many right ones it refuses.

    python tests/benchmarks/zoo.py

Every checker is asked as its documentation asks it, with its default tolerances, in double
precision. Where the fault is a number that the function itself takes out of the graph, ours is
given the function alone, and the others its values and the gradient that is left. Those that only
estimate a derivative refuse a claim that is farther from the estimate than ten times its own
estimate of its error, plus 1e-9 of the derivative. A checker that raises something else than its
refusal has not judged; that counts as a refusal, and is told. Checkers that are not installed are
left out.
"""

import importlib.metadata
import importlib.util
import math
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "references"))

import numpy as np
from zoo import HARD, WRONG

from micrograd_gd import check_gradients
from micrograd_gd.errors import GradientError


def by_replay(case, point):
    claim = None if case.is_own else case.claim
    return _raises(GradientError, check_gradients, case.on_values(), *point, gradient=claim)


def by_differences(case, point):
    return _raises(GradientError, check_gradients, case.on_floats(), *point, gradient=case.claim)


def _raises(error, call, *args, **options):
    try:
        call(*args, **options)
    except error:
        return True
    return False


def _values(case, x):
    """The results as an array, at an array of numbers; nan where there are none."""
    try:
        return np.atleast_1d(np.array(case.on_floats()(*map(float, x)), dtype=float))
    except (ArithmeticError, ValueError, TypeError):  # or a complex number
        return np.full(len(case.claim(*case.points[0])), math.nan)


def _table(case, x):
    return np.array(case.claim(*map(float, x)))


def by_torch(case, point):
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.tensor(_values(case, x.detach()))

        @staticmethod
        def backward(ctx, g):
            return g @ torch.tensor(_table(case, ctx.saved_tensors[0]))

    x = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    return not torch.autograd.gradcheck(Function.apply, (x,), raise_exception=False)


def by_jax(case, point):
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def f(x):
        shape = jax.ShapeDtypeStruct(_values(case, point).shape, np.float64)
        return jax.pure_callback(lambda x: _values(case, x), shape, x)

    def forward(x):
        return f(x), x

    def backward(x, g):
        shape = jax.ShapeDtypeStruct(_table(case, point).shape, np.float64)
        return (g @ jax.pure_callback(lambda x: _table(case, x), shape, x),)

    f.defvjp(forward, backward)
    x = jax.numpy.array(point)
    return _raises(AssertionError, check_grads, f, (x,), order=1, modes=["rev"])


def by_autograd(case, point):
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    @primitive
    def f(x):
        return _values(case, x)

    defvjp(f, lambda y, x: lambda g: g @ _table(case, x))
    return _raises(AssertionError, check_grads(f, modes=["rev"], order=1), np.array(point))


def by_scipy(case, point):
    from scipy.differentiate import derivative

    def estimate(f, x):
        found = derivative(np.vectorize(f, otypes=[float]), x)
        return found.df, found.error

    return _is_far_from_estimates(case, point, estimate)


def by_numdifftools(case, point):
    import numdifftools

    def estimate(f, x):
        found = numdifftools.Derivative(np.vectorize(f, otypes=[float]), full_output=True)(x)
        return found[0].item(), found[1].item()

    return _is_far_from_estimates(case, point, estimate)


def _is_far_from_estimates(case, point, estimate):
    table = _table(case, point)
    for i, row in enumerate(table):
        for j, claim in enumerate(row):

            def along(x, i=i, j=j):
                return _values(case, [*point[:j], np.asarray(x).item(), *point[j + 1 :]])[i]

            df, error = estimate(along, point[j])
            if not abs(claim - df) <= 10 * error + 1e-9 * abs(df):
                return True
    return False


CHECKERS = {
    "micrograd_gd, replay": (None, by_replay),
    "micrograd_gd, differences": (None, by_differences),
    "torch.autograd.gradcheck": ("torch", by_torch),
    "jax.test_util.check_grads": ("jax", by_jax),
    "autograd.test_util.check_grads": ("autograd", by_autograd),
    "scipy.differentiate.derivative": ("scipy", by_scipy),
    "numdifftools.Derivative": ("numdifftools", by_numdifftools),
}


def judge(checker, case):
    """Whether the checker refuses the case at one of its points, and whether it broke down."""
    refused = broke = False
    for point in case.points:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                refused |= checker(case, point)
            except Exception as error:  # noqa: BLE001 — whatever a checker says of a hard case
                if "--verbose" in sys.argv:
                    print(f"    {case.name} at {point}: {type(error).__name__}: {error}"[:150])  # noqa: T201 — a command that prints
                refused = broke = True
    return refused, broke


def main():
    wrong, right = f"of {len(WRONG)} wrong, found", f"of {len(HARD)} right, refused"
    print(f"| checker | {wrong} | {right} | broke down |\n|---|---|---|---|")  # noqa: T201 — a command that prints
    for name, (package, checker) in CHECKERS.items():
        if package and importlib.util.find_spec(package) is None:
            print(f"| {name} | not installed | | |")  # noqa: T201 — a command that prints
            continue
        found, refused = ([judge(checker, c) for c in cases] for cases in (WRONG, HARD))
        version = f" {importlib.metadata.version(package)}" if package else ""
        broke = sum(b for _, b in found + refused)
        counts = [sum(r for r, _ in each) for each in (found, refused)]
        print(f"| {name}{version} | {counts[0]} | {counts[1]} | {broke} |", flush=True)  # noqa: T201 — a command that prints
        if "--verbose" in sys.argv:
            print("    missed:", [c.name for c, r in zip(WRONG, found, strict=True) if not r[0]])  # noqa: T201 — a command that prints
            print("    refused:", [c.name for c, r in zip(HARD, refused, strict=True) if r[0]])  # noqa: T201 — a command that prints


if __name__ == "__main__":
    main()
