"""What `fast_math` gives up: last bits, and nan where real numbers would cancel."""

import math

import numpy as np
import pytest
from compiled import backends, bits, needs_llvmlite

from micrograd_gd import jit, trace, value_and_grad, vmap


@backends
def test_fast_math_is_right_but_for_the_last_bits(backend):
    def f(x):
        a, b = x
        return (a / 3 + b**3 - a**4 + a**0.5 * b**-1 + (a - a) * b + a * 0.0 + b / b) ** 2

    fast = jit(value_and_grad(f), backend=backend, fast_math=True)
    for point in ([1.5, 2.0], [0.3, -1.7], [20.0, 0.01]):
        value, slopes = value_and_grad(f)(point)
        for _ in range(2):
            got, got_slopes = fast(point)
            assert got == pytest.approx(value, rel=1e-12)
            assert got_slopes == pytest.approx(slopes, rel=1e-12)
    names = {step.op.name for program in fast.variants for step in program.instructions}
    assert len(fast.variants[0].statements) < len(trace(value_and_grad(f), [1.5, 2.0]).statements)
    assert "sqrt" in names


def test_fast_math_may_do_what_is_wrong_for_nan():
    f = lambda x, y: x * 0 + (y - y)  # noqa: E731
    assert jit(f, fast_math=True).__call__(1.0, 2.0) == 0.0
    fast, exact = jit(f, fast_math=True), jit(f)
    assert bits([g(1.0, 1.0) for g in (fast, exact)]) == bits([0.0, 0.0])
    assert bits([g(math.nan, math.inf) for g in (fast, exact)]) == bits([0.0, math.nan])


@needs_llvmlite
def test_fast_math_fuses_products_into_sums_and_only_then():
    from micrograd_gd.compiler.backends.llvm import LONGEST, LONGEST_IN_LANES
    from micrograd_gd.compiler.backends.llvm.module import ModuleWriter
    from micrograd_gd.compiler.fast_math import relax

    program = trace(lambda a, b: a * b + 1, 1.0, 2.0)
    for each, flags in ((program, 0), (relax(program), 2)):
        text = "".join(ModuleWriter(each, LONGEST, LONGEST_IN_LANES).write(1))
        assert text.count("contract") == flags


def test_fast_math_in_a_batch_that_comes_to_nothing():
    mapped = jit(vmap(lambda x: [x * 0, x + 1]), fast_math=True, backend="python")
    for _ in range(2):
        zeros, ones = mapped(np.zeros(3))
        assert (zeros.tolist(), ones.tolist()) == ([0.0] * 3, [1.0] * 3)
