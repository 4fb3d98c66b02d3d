"""A guard holds where the comparison held that it was made from, by whatever kind of number."""

import math
import operator
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from compiled import AVAILABLE
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_gd import Value, jit, trace, vmap
from micrograd_gd.compiler.specialization import BACKENDS
from micrograd_gd.functional import total

RELATIONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
SWAPPED = dict(zip(RELATIONS, [*RELATIONS[2:4], *RELATIONS[:2], *RELATIONS[4:]], strict=True))
SMALL = st.integers(-3, 3)
RARE = {
    "decimal": st.decimals(allow_nan=False, allow_infinity=False) | st.just(Decimal("inf")),
    "decimals": st.decimals(-2, 2, places=3),
    "fraction": st.fractions(-3, 3),
    "thirds": st.builds(Fraction, st.integers(-9, 9), st.just(3)),
    "int": st.integers(),
    "large": st.builds(lambda n, k: n + k, st.integers(52, 1100).map(lambda k: 2**k), SMALL),
    "negative": st.builds(lambda n, k: -n + k, st.integers(52, 1100).map(lambda k: 2**k), SMALL),
    "float32": st.floats(width=32).map(np.float32),
    "tenths": st.integers(-30, 30).map(lambda k: np.float32(k / 10)),
    "float16": st.floats(width=16).map(np.float16),
    "int64": st.integers(-(2**63), 2**63 - 1).map(np.int64),
    "longdouble": st.floats(-2, 2).map(lambda x: np.longdouble(x) + np.longdouble(1e-18)),
    "array": st.floats(width=32, allow_nan=False).map(lambda x: np.array(x, np.float32)),
}


def compare_exactly(relation, x, y):
    """How two numbers compare as fractions; infinities and nan compare as floats do."""
    if isinstance(y, (np.ndarray, np.float32, np.float16, np.int64)):
        y = y.item()
    if isinstance(y, float) and not math.isfinite(y):
        return relation(x, y)
    if isinstance(y, Decimal) and y.is_infinite():
        return relation(x, float(y))
    return relation(Fraction(x), Fraction(*y.as_integer_ratio()))


@settings(max_examples=15)
@given(data=st.data())
@pytest.mark.parametrize("reflected", [False, True])
@pytest.mark.parametrize("kind", RARE)
def test_guards_by_numbers_that_are_no_floats_are_exact(kind, reflected, data):
    """Just beside the number, on both sides, and at the float next to it."""
    limit = data.draw(RARE[kind])
    relation = data.draw(st.sampled_from(RELATIONS))

    def f(x):
        holds = relation(limit, x) if reflected else relation(x, limit)
        return x * 0 + 1 if holds else x * 0 + 2

    try:
        nearest = float(limit)
    except OverflowError:
        nearest = sys.float_info.max if limit > 0 else -sys.float_info.max
    near = [nearest, math.nextafter(nearest, -math.inf), math.nextafter(nearest, math.inf)]
    near = [x for x in near if math.isfinite(x)] + [
        data.draw(st.floats(allow_nan=False, allow_infinity=False))
    ]
    points = data.draw(st.permutations(near))
    runs = {name: jit(f, backend=name) for name in AVAILABLE[:2]}  # machine code takes a while
    for x in points:
        a, b = (limit, x) if reflected else (x, limit)
        swapped = SWAPPED[relation] if reflected else relation
        expected = 1.0 if compare_exactly(swapped, x, limit) else 2.0
        assert f(Value(x)).data == expected, (a, b)
        for name, run in runs.items():
            assert run(x) == expected, (name, a, b)


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("rows", [3, 100])
def test_the_first_guard_that_fails_is_named_whenever_it_is_computed(backend, rows):
    """One on a sum over the samples, one on an argument, and one on a sum of sums."""

    def f(a, xs):
        y = total(vmap(lambda x: x * a)(xs))
        b = y * 2 if y > 0 else y
        b = b + 1 if a < 2 else b
        center = total(vmap(lambda x: x - y)(xs))
        return b if center < 1e9 else center

    program = trace(f, 1.0, np.ones(rows))
    assert len(program.guards) == 3
    run = BACKENDS[backend](program).run
    cases = [(1.0, 1, -1), (-1.0, 1, 0), (3.0, 1, 1), (3.0, -1, 0), (1e-3, 1e12, 2)]
    for a, sign, place in cases:
        xs = sign * np.ones(rows)
        result = run([a, xs] if program.lengths else [a, *xs])
        assert (result if isinstance(result, int) else -1) == place
