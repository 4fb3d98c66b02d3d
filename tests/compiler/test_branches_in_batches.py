"""Where samples take different branches, a derivative in a batch may add in another order.

A node gets its adjoint from the nodes that use it, in an order that the graph decides. Of the graph
a sample alone sees the branches that it takes, a batch sees all of them. So the same steps may be
added in another order, and in nothing else do the two differ: |difference| <= 2·n·u·S for n nodes,
where S is the sum of the same steps without their signs.
"""

import random

import numpy as np
import pytest

from micrograd_gd import Value, grad, jit, jvp, stop_gradient, vmap
from micrograd_gd.core.choice import native_part
from micrograd_gd.functional import less, where

BACKENDS = ["python", "llvm", *(["tape"] if native_part("Tape") else [])]
U = 2.0**-53
XS = np.array([0.7, -0.7, 0.0, -0.0, 1.3, -2.1, 0.3, 3.7, -0.1])


def program(seed):
    """A function of one number with sums, products and choices."""

    def f(x):
        numbers = random.Random(seed)
        known = [x, x * 0.7]
        for _ in range(8):
            a, b, c = numbers.choices(known, k=3)
            choice = where(less(c, numbers.choice([-0.5, 0.0, 0.5])), a, b)
            known.append(numbers.choice([a + b, a * b, a - b, choice]))
        return where(less(x, 0.0), known[-1], known[-2]) * known[-3]

    return f


def slack(f, x):
    """2·n·u·S."""
    leaf = Value(x)
    root = f(leaf)
    order = root.nodes()
    sizes = dict.fromkeys(order, 0.0) | {root: 1.0}
    for node in reversed(order):
        for operand, partial in zip(node.operands, node.partials, strict=True):
            if partial is not None:
                sizes[operand] += sizes[node] * abs(partial)
    return 2 * len(order) * U * sizes.get(leaf, 0.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_derivatives_in_a_batch_differ_by_the_order_of_their_sums_alone(backend):
    others = 0
    for seed in range(25):
        f = program(seed)
        eager = [grad(f)(float(x)) for x in XS]
        batch = jit(vmap(grad(f)), backend=backend)(XS)
        for x, a, b in zip(XS, eager, batch, strict=True):
            assert abs(a - b) <= slack(f, float(x)), f"program {seed} at {x}: {a}, in a batch {b}"
        others += list(batch) != eager
        assert jit(f, backend=backend)(0.7) == f(0.7)
        alone = jit(grad(f), backend=backend)
        assert [alone(float(x)) for x in XS] == eager  # outside of a batch no bit differs
        forward = jit(vmap(lambda x, f=f: jvp(f, x, 1.0)[1]), backend=backend)(XS)
        assert list(forward) == [jvp(f, float(x), 1.0)[1] for x in XS]  # nor in forward mode
    assert others  # the exception is one


def stopping(seed):
    """A function of one number with sums, products, and numbers that no derivative flows to."""

    def f(x):
        numbers = random.Random(seed)
        known = [x, x * 0.7]
        for _ in range(8):
            a, b = numbers.choices(known, k=2)
            stopped = stop_gradient(b)
            known.append(numbers.choice([a + b, a * b, a - b, a * stopped, stopped + a]))
        return known[-1] + known[-2] * known[-3]

    return f


def test_what_no_sample_differentiates_changes_no_order():
    for seed in range(40):
        f = stopping(seed)
        for g in (grad(f), grad(grad(f))):
            eager = [g(float(x)) for x in XS]
            assert list(jit(vmap(g), backend="python")(XS)) == eager, f"program {seed}"
