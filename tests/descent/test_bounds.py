"""Maps into a range: within it for every number, exact in their slopes, and with a way back."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_gd import (
    between,
    derivative,
    free,
    jit,
    minimize,
    positive,
    scipy_objective,
    value_and_grad,
    vmap,
)
from micrograd_gd.errors import ArgumentError, NotANumberError

LIMITS = st.floats(-1e6, 1e6)
LOWS, HIGHS = LIMITS | st.just(-math.inf), LIMITS | st.just(math.inf)
BOUNDS = st.tuples(LOWS, HIGHS).filter(lambda b: b[0] < b[1])
ANYWHERE = st.floats(-60, 60) | st.floats(allow_nan=False, allow_infinity=False)


@given(BOUNDS, ANYWHERE, ANYWHERE)
def test_every_number_is_mapped_within_the_bounds_and_in_order(bounds, w, v):
    low, high = bounds
    assert low <= between(min(w, v), low, high) <= between(max(w, v), low, high) <= high


def exact(w, low, high):
    """The map by its definition, in many digits."""
    if high == math.inf:
        return w if low == -math.inf else low + mpmath.log1p(mpmath.exp(w))
    if low == -math.inf:
        return high - mpmath.log1p(mpmath.exp(-w))
    return low + (high - mpmath.mpf(low)) / (1 + mpmath.exp(-w))


@given(BOUNDS, st.floats(-60, 60))
def test_values_and_slopes_are_exact(bounds, w):
    with mpmath.workdps(60):
        values = [float(y) for y in mpmath.diffs(lambda v: exact(v, *bounds), mpmath.mpf(w), 2)]
    found = [derivative(lambda v: between(v, *bounds), n)(w) for n in range(3)]
    size = max(abs(each) for each in (w, *bounds) if math.isfinite(each))
    assert found[0] == pytest.approx(values[0], rel=1e-15, abs=4 * math.ulp(size))
    assert found[1:] == pytest.approx(values[1:], rel=1e-13, abs=1e-40)


@given(BOUNDS, st.floats(-1e6, 1e6))
def test_free_is_the_way_back(bounds, x):
    low, high = bounds
    assume(low < x < high)
    room, size = min(x - low, high - x, 1e300), max(abs(b) for b in (x, *bounds) if b - b == 0)
    assert between(free(x, *bounds), *bounds) == pytest.approx(
        x, rel=0, abs=1e-12 * room + 4 * math.ulp(size)
    )


def test_positive_is_the_map_above_0_on_every_structure():
    tree = {"a": [free(2.0)], "b": free(np.array([0.5, 1e-300]))}
    back = positive(tree)
    assert back["a"] == [2.0]
    np.testing.assert_allclose(back["b"], [0.5, 1e-300], rtol=1e-12)
    assert positive(3.0) == between(3.0, 0, math.inf)


def test_programs_for_batches_give_the_same_bits():
    w = np.array([-800.0, -3.0, -0.0, 0.0, 2.0, 50.0])
    for f in (positive, lambda w: between(w, -1, 3), lambda w: between(w, -math.inf, 3)):
        values, slopes = jit(vmap(value_and_grad(f)))(w)
        assert [*zip(values, slopes, strict=True)] == [value_and_grad(f)(x) for x in w.tolist()]


def test_a_descent_stays_within_and_arrives():
    descent = minimize(
        lambda w: (between(w, 0, 1) - 0.9) ** 2, start=free(0.1, 0, 1), learning_rate=1.0
    )
    assert all(0 < between(step.parameters, 0, 1) < 1 for step in descent.trajectory)
    assert between(descent.parameters, 0, 1) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "SLSQP", "trust-constr"])
def test_scipy_searches_within_its_own_bounds(method):
    """Rosenbrock's minimum with the first number kept from 1 lies at (0.8, 0.64)."""
    search = pytest.importorskip("scipy.optimize", reason="SciPy is not here").minimize
    f = scipy_objective(lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2)
    second = {"hess": f.hess} if method == "trust-constr" else {}
    bounds = [(0, 0.8), (0, None)]
    found = search(f.fun, [0.1, 0.2], jac=f.jac, method=method, bounds=bounds, **second)
    assert found.x == pytest.approx([0.8, 0.64], abs=1e-4)


def test_what_is_no_range_or_not_within_it_is_refused():
    for low, high in [(1, 1), (2, 1), (math.nan, 1), (-1e308, 1e308), (math.inf, math.inf)]:
        with pytest.raises(ArgumentError, match=r"bounds from .*; expected low below high"):
            between(0.0, low, high)
    for x in (0.0, 1.0, 1.5, math.nan, -math.inf):
        with pytest.raises(ArgumentError, match="expected a finite number between 0 and 1"):
            free(x, 0, 1)
    with pytest.raises(NotANumberError, match="low"):
        between(0.0, "0", 1)
