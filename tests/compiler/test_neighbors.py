"""Rows of whole arrays computed with their neighbors: one program for any number of rows."""

from functools import reduce
from typing import NamedTuple

import numpy as np
import pytest
from compiled import AVAILABLE, bits
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_gd import grad, jit, jvp, trace, value_and_grad, vmap
from micrograd_gd.functional import (
    dot,
    exp,
    less,
    logsumexp,
    maximum,
    mean,
    sqrt,
    tanh,
    total,
    where,
)
from micrograd_gd.transforms.trees import flatten

RNG = np.random.default_rng(0)


def rosenbrock(x):
    """As SciPy writes it."""
    return sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


def curvature(f):
    return lambda x, y: jvp(grad(f), (x, y), (2.0 * x, y + 1.0))


ON_ARRAYS = [
    lambda a, b: a * b,
    lambda a, b: (a - b) ** 2,
    lambda a, b: a / (b * b + 1.0),
    lambda a, b: 2 * a - b,
]
ON_NUMBERS = [
    *ON_ARRAYS,
    lambda a, b: tanh(a) - b,
    lambda a, b: where(less(a, b), a * b, exp(-a)),
    lambda a, b: maximum(a, 0.2) * sqrt(abs(b)),
]


class Stencil(NamedTuple):
    """Neighbors that are combined, and then those of the result once more."""

    firsts: list[int]  # of slices that leave out as many rows
    cut: int
    columns: int
    combine: object
    again: int
    of_pair: object
    gather: object

    def __call__(self, x, y):
        parts = [x[first : first - self.cut or None] for first in self.firsts]
        if self.columns or self.combine not in ON_ARRAYS:
            of_row = (lambda row: row[0] * row[1]) if self.columns else lambda row: row
            rows = vmap(lambda *each: reduce(self.combine, map(of_row, each), 0.5))(*parts)
        else:
            rows = reduce(self.combine, parts, 0.5)
        if self.again:
            rows = self.of_pair(rows[self.again :], rows[: -self.again])
        else:
            rows = self.of_pair(rows, y)
        return self.gather(-rows) + abs(rows)[0] * rows[-1]


stencils = st.integers(0, 3).flatmap(
    lambda cut: st.builds(
        Stencil,
        st.lists(st.integers(0, cut), min_size=1, max_size=3),
        st.just(cut),
        st.sampled_from([0, 2]),
        st.sampled_from(ON_NUMBERS),
        st.sampled_from([0, 0, 1, 2]),
        st.sampled_from(ON_ARRAYS),
        st.sampled_from([total, sum, mean, logsumexp, max]),
    )
)


@given(stencils, st.booleans())
@settings(max_examples=settings().max_examples // 4)
def test_stencils_have_the_numbers_of_rows_one_by_one(stencil, is_second):
    f = curvature(stencil) if is_second else value_and_grad(stencil, (0, 1))
    backends = AVAILABLE[:2] if is_second else AVAILABLE  # machine code takes a while
    compiled = [jit(f, backend=backend) for backend in backends]
    for n in (70, 89):
        x = RNG.normal(size=(n, stencil.columns) if stencil.columns else n)
        y = RNG.normal(size=n - stencil.cut)
        found = [each(x, y) for each in compiled]
        wanted, structure = flatten(f(x, y))
        assert flatten(found[0])[1] == structure
        assert flatten(found[0])[0] == pytest.approx(wanted, rel=1e-10, abs=1e-12)
        assert all(bits(each) == bits(found[0]) for each in found)
    assert [len(program.lengths) > 0 for program in compiled[0].variants] == [True]


@pytest.mark.parametrize("backend", AVAILABLE)
def test_one_program_serves_any_number_of_variables(backend):
    f = value_and_grad(rosenbrock)
    compiled = jit(f, backend=backend)
    for n in (100, 64, 65, 300):
        x = RNG.normal(size=n)
        (value, slopes), (wanted, others) = compiled(x), f(x)
        assert value == pytest.approx(wanted, rel=1e-13)
        assert slopes == pytest.approx(others, rel=1e-13)
    (program,) = compiled.variants
    assert program.lengths == (100, 99)
    assert len(program.statements) < 40
    for n in (63, 1):
        assert bits(compiled(x[:n])) == bits(f(x[:n])), "few rows are taken one by one"


def test_rows_that_are_far_apart():
    x = RNG.normal(size=100)
    for by in range(20, 35):  # numbers that results have, too
        f = grad(lambda x, by=by: total(x[by:] * x[:-by]))
        assert jit(f, backend="python")(x) == pytest.approx(f(x), rel=1e-13)


@pytest.mark.parametrize("backend", AVAILABLE)
def test_what_no_neighbor_uses_has_no_derivative_however_steep_it_is(backend):
    f = value_and_grad(lambda x: total(vmap(sqrt)(x)[1:-2] * 2.0))
    x = np.arange(70.0)
    x[-2:] = 0.0
    assert flatten(jit(f, backend=backend)(x))[0] == pytest.approx(flatten(f(x))[0], rel=1e-14)


@pytest.mark.parametrize("backend", AVAILABLE)
def test_arrays_beside_slices_are_as_long_as_these(backend):
    def slope(x, times):
        return total(vmap(lambda a, b, t: (b - a) / t)(x[:-1], x[1:], times))

    closed, times = RNG.normal(size=99), RNG.random(99) + 1.0
    compiled = jit(value_and_grad(slope, (0, 1)), backend=backend)
    holding = jit(lambda x: total((x[1:] - x[:-1]) * closed), backend=backend)
    for n in (100, 80):
        x = RNG.normal(size=n)
        found, wanted = (g(x, times[: n - 1]) for g in (compiled, value_and_grad(slope, (0, 1))))
        assert flatten(found)[0] == pytest.approx(flatten(wanted)[0], rel=1e-12)
        with pytest.raises(ValueError, match="argument 2 has 98 samples"):
            compiled(x, times[:98])
    assert [program.lengths for program in compiled.variants] == [(100, 99)]
    x = RNG.normal(size=100)
    assert holding(x) == pytest.approx(sum((x[1:] - x[:-1]) * closed), rel=1e-12)
    for _ in range(2):
        with pytest.raises(ValueError, match="could not be broadcast"):
            holding(x[:-1])
    assert [program.lengths for program in holding.variants] == [(100, 99)]


@pytest.mark.parametrize("backend", AVAILABLE)
def test_columns_and_rows_at_the_ends(backend):
    def length(path):
        steps = path[1:] - path[:-1]
        squares = steps[:, 0] ** 2 + steps[:, 1] ** 2 * path[1:, 2]
        products = vmap(lambda row: row[0] * row[1])(path[:, 1:])
        return total(squares) + dot(path[0], path[-1]) - path[0, 1] * steps[-1, 0] + products[0]

    f = value_and_grad(length)
    compiled = jit(f, backend=backend)
    for n in (100, 64):
        path = RNG.normal(size=(n, 3))
        assert flatten(compiled(path))[0] == pytest.approx(flatten(f(path))[0], rel=1e-12)
    (program,) = compiled.variants
    assert program.lengths == (100, 99)
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 1 with size 3"):
        jit(lambda path: total(path[:, 3]), backend=backend)(path)


@pytest.mark.parametrize("backend", AVAILABLE)
def test_functions_of_numpy(backend):
    def f(x):
        ones = np.ones(len(x) - 1)
        angles = np.float64(2.0) * np.sin(x[1:]) - np.hypot(x[:-1], 1.0) / np.square(x[1:] + 3)
        return np.sum(np.exp(-np.abs(angles)) + np.subtract(ones, x[1:]) * (ones - x[:-1]))

    step, x = value_and_grad(f), RNG.normal(size=70)
    compiled = jit(step, backend=backend)
    assert flatten(compiled(x))[0] == pytest.approx(flatten(step(x))[0], rel=1e-12)
    assert [program.lengths for program in compiled.variants] == [(70, 69)]


PLACES = {
    "from behind": lambda x: total(x[-3:] * 2.0) + x[-40:-20][0],
    "up to a place": lambda x: total(x[:60]) * mean(x[60:]) + sum(x[10:999]),
    "windows": lambda x: total(total(x[i : i + 10]) ** 2 for i in range(0, 60, 5)),
}


@pytest.mark.parametrize("name", PLACES)
def test_slices_at_places_are_for_one_length(name):
    f = value_and_grad(PLACES[name])
    compiled = jit(f, backend=AVAILABLE[:2][-1])
    for n in (100, 70, 100):
        x = RNG.normal(size=n)
        assert flatten(compiled(x))[0] == pytest.approx(flatten(f(x))[0], rel=1e-12)
    assert [program.lengths[0] for program in compiled.variants] == [100, 70]


ROWS_NEEDED = {
    "none": lambda x: total(x[70:]) + x[1],
    "none at all": lambda x: total(x[:0]) + total(x[5:-66]) + x[2],
    "one that is no end": lambda x: x[0] * x[1],
    "by a flag": lambda x: total(x[:, None][:, True][:, 0]) if x[False].size else x[2],
    "every other one": lambda x: total(x[::2]),
    "many lengths": lambda x: sum(total(x[i:]) for i in range(6)),
    "within a batch": lambda x: total(vmap(lambda a: a * x[1:][0])(x[:-1])),
}


@pytest.mark.parametrize("name", ROWS_NEEDED)
def test_other_slices_take_arrays_apart(name):
    x = RNG.normal(size=70)
    compiled = jit(ROWS_NEEDED[name])
    for _ in range(2):
        found, wanted = flatten(compiled(x))[0], flatten(ROWS_NEEDED[name](x))[0]
        assert found == pytest.approx(wanted, rel=1e-12)
    assert [program.lengths for program in compiled.variants] == [()]


def test_all_rows_are_the_array_itself():
    program = trace(lambda x: total(x[:]) + total(x[0:None:1]), RNG.normal(size=70))
    assert len(program.lengths) == 1


def test_how_it_is_printed():
    f = vmap(lambda a, b: b[0] - a[1])
    program = trace(lambda x: total(f(x[:-2], x[2:])), RNG.normal(size=(100, 2)))
    assert str(program).splitlines() == [
        "program(x[n, 2])",
        "    n2 = n - 2",
        "    guard n >= 64.0",
        "    for i in range(n2):",
        "        v13 = x[i, 1]",
        "        v15 = x[i + 2, 0]",
        "        v8 = v15 - v13",
        "    v9 = sum(v8)",
        "    v10 = 0.0 + v9",
        "    return v10",
    ]
    f = vmap(lambda a, b: sum(x * y for x, y in zip(a, b, strict=True)))
    program = trace(lambda x: total(f(x[:-2], x[2:])), RNG.normal(size=(100, 64)))
    assert "for j in range(64): a130[j] = x[i + 2, j]" in str(program)

    def smooth(x):
        windows = [x[i : i - 30 or None] for i in range(31)]
        return total(reduce(lambda a, b: 0.9 * a + b, windows))

    assert "= x[i + c[j]]" in str(trace(smooth, RNG.normal(size=100)))
