"""Sparse derivatives are the dense ones without their zeros, in few sweeps."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import Value, grad, hessian, jacobian
from micrograd_gd.core import sweep
from micrograd_gd.functional import exp, sin, where
from micrograd_gd.transforms import sparsity
from micrograd_gd.transforms.derivatives import SparseMatrix


@st.composite
def patterns(draw):
    width = draw(st.integers(1, 8))
    row = st.sets(st.integers(0, width - 1)).map(sorted)
    dense = st.just([*range(width)])
    return draw(st.lists(row | dense, max_size=8)), width


modes = st.sampled_from([None, "forward", "reverse"])


@given(patterns(), modes)
def test_a_plan_finds_every_entry_of_any_matrix_once(case, mode):
    rows, width = case
    matrix = np.zeros((len(rows), width))
    for i, row in enumerate(rows):
        for j in row:
            matrix[i, j] = 1 + i * width + j
    found = {}
    for each in sparsity.plan(rows, width, mode):
        assert mode in {None, each.mode}
        starts = np.isin(range(width if each.mode == "forward" else len(rows)), each.starts)
        product = matrix @ starts if each.mode == "forward" else starts @ matrix
        for i, j in each.entries:
            assert (i, j) not in found
            found[i, j] = product[i if each.mode == "forward" else j]
    assert found == {(i, j): matrix[i, j] for i, row in enumerate(rows) for j in row}


@given(patterns(), modes)
def test_the_pattern_is_read_off_the_graph_and_the_entries_are_right(case, mode):
    rows, width = case
    point = [0.5 + 0.25 * j for j in range(width)]

    def f(x):
        shared = [sin(xj) * 3 for xj in x]
        return [sum((exp(x[j]) * shared[j] for j in row), 0.0) for row in rows]

    matrix = jacobian(f, sparse=True, mode=mode)(point)
    expected = {(i, j) for i, row in enumerate(rows) for j in row}
    assert [*zip(*matrix.entries[1], strict=True)] == sorted(expected)
    assert dense(matrix) == pytest.approx(np.array(jacobian(f)(point)).reshape(matrix.shape))


def dense(matrix: SparseMatrix):
    values, places = matrix.entries
    table = np.zeros(matrix.shape)
    table[places] = values
    return table


def rosenbrock(x):
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def arrow(x):
    """Each number meets the first one only."""
    return sum(x[0] * xi**2 for xi in x[1:])


def squares_of_sum(x):
    return sum(x) ** 2


@pytest.fixture
def sweeps(monkeypatch):
    """How many sweeps were made."""
    counts = {"pull_back": 0, "push_forward": 0}
    for name in counts:
        original = getattr(sweep, name)

        def count_calls(*args, name=name, original=original, **kwargs):
            counts[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(sweep, name, count_calls)
    return counts


@pytest.mark.parametrize("n", [10, 100, 2_000])
def test_the_sweeps_for_rosenbrock_do_not_grow_with_its_dimension(sweeps, n):
    """Its Hessian has three diagonals: three tangent sweeps over the gradient's one."""
    x = [0.3 + 0.1 * (i % 7) for i in range(n)]
    matrix = hessian(rosenbrock, sparse=True)(x)
    assert sweeps == {"pull_back": 1, "push_forward": 3}
    values, (rows, columns) = matrix.entries
    assert len(values) == 3 * n - 2
    entries = dict(zip(zip(rows, columns, strict=True), values, strict=True))
    for i in range(n):
        inner, last = i < n - 1, i > 0
        diagonal = (1200 * x[i] ** 2 - 400 * x[i + 1] + 2 if inner else 0) + 200 * last
        assert entries[i, i] == pytest.approx(diagonal, rel=1e-12)
        if inner:
            assert entries[i, i + 1] == entries[i + 1, i] == pytest.approx(-400 * x[i], rel=1e-12)


def test_one_dense_row_costs_one_sweep(sweeps):
    x = [1 + 0.1 * i for i in range(40)]
    matrix = hessian(arrow, sparse=True)(x)
    assert sweeps == {"pull_back": 2, "push_forward": 2}
    assert dense(matrix) == pytest.approx(np.array(hessian(arrow)(x)))


def test_a_dense_matrix_takes_what_it_takes(sweeps):
    matrix = hessian(squares_of_sum, sparse=True)([1.0] * 40)
    assert sum(sweeps.values()) == 1 + 40
    assert dense(matrix) == pytest.approx(np.full((40, 40), 2.0))


def test_scipy_takes_it_as_it_is():
    scipy_sparse = pytest.importorskip("scipy.sparse")
    x = np.linspace(-1, 1, 6)
    array = scipy_sparse.coo_array(*hessian(rosenbrock, sparse=True)(x))
    assert array.toarray() == pytest.approx(hessian(rosenbrock)(x))


def test_rows_and_columns_are_numbered_from_left_to_right_through_any_structure():
    def f(p):
        return {"a": p["u"][1], "b": [p["v"] * p["u"][0], 7.0]}

    matrix = jacobian(f, sparse=True)({"u": (2.0, 3.0), "v": 5.0})
    assert matrix == SparseMatrix(([1.0, 5.0, 2.0], ([0, 1, 1], [1, 0, 2])), (3, 3))


def test_a_branch_that_was_not_taken_is_no_entry():
    matrix = jacobian(lambda x: [where(x[0] > 0, x[1], x[2])], sparse=True)([1.0, 2.0, 3.0])
    assert matrix.entries == ([1.0], ([0], [1]))


def test_sparse_entries_stay_differentiable():
    def trace_of_hessian(x):
        values, places = hessian(rosenbrock, sparse=True)(x).entries
        return sum(v for v, i, j in zip(values, *places, strict=True) if i == j)

    x = [0.5, -0.25, 1.5]
    # the trace is Σ 1200 xᵢ² - 400 xᵢ₊₁ + constants
    assert grad(trace_of_hessian)(x) == pytest.approx([1200.0, -1000.0, -400.0])
    assert isinstance(
        jacobian(lambda x: [x[0]], sparse=True)([Value(1.0)]).entries[0][0], Value | float
    )


def test_a_long_sum_needs_memory_for_its_numbers_only():
    """Each partial sum depends on all numbers before it: the sets are dropped after their use."""
    n = 3000
    matrix = jacobian(lambda x: [sum(x)], sparse=True)([1.0] * n)
    assert matrix.entries == ([1.0] * n, ([0] * n, [*range(n)]))
