"""Where samples take different branches, a derivative in a batch has the bits of one alone.

A node gets its adjoint from the nodes that use it, in an order that the graph decides. Sweeps go
through the whole graph, taken or not, so that this order is the same for all samples.
"""

import random

import numpy as np
import pytest
from compiled import AVAILABLE, bits

from micrograd_gd import grad, jit, jvp, stop_gradient, vmap
from micrograd_gd.functional import clip, less, maximum, relu, where

XS = np.array([0.7, -0.7, 0.0, -0.0, 1.3, -2.1, 0.3, 3.7, -0.1])


def program(seed):
    """A function of one number with sums, products and choices."""

    def f(x):
        numbers = random.Random(seed)
        known = [x, x * 0.7]
        for _ in range(8):
            a, b, c = numbers.choices(known, k=3)
            chosen = where(less(c, numbers.choice([-0.5, 0.0, 0.5])), a, b)
            choices = [chosen, maximum(a, b), relu(c), clip(a, -0.5, c)]
            known.append(numbers.choice([a + b, a * b, a - b, *choices]))
        return where(less(x, 0.0), known[-1], known[-2]) * known[-3]

    return f


@pytest.mark.parametrize("backend", AVAILABLE)
def test_derivatives_in_a_batch_have_the_bits_of_single_ones(backend):
    for seed in range(5 if backend == "llvm" else 25):  # machine code takes a while
        f = program(seed)
        for transform in (grad(f), lambda x, f=f: jvp(f, x, 1.0)[1]):
            eager = [transform(float(x)) for x in XS]
            alone = jit(transform, backend=backend)
            assert bits([alone(float(x)) for x in XS]) == bits(eager)
            assert bits(jit(vmap(transform), backend=backend)(XS)) == bits(eager)


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
