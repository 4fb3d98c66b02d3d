"""Functions of sequences: stable, exact in their derivatives, and clear about bad input."""

import math
import statistics

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import Value, functional, grad
from micrograd_gd.errors import ArgumentError, NotANumberError, ShapeError
from micrograd_gd.functional import (
    celu,
    dot,
    log_softmax,
    logsumexp,
    mean,
    softmax,
    softmin,
    std,
    total,
    var,
)
from micrograd_gd.losses import mse

scores = st.lists(st.floats(-1000, 1000), min_size=1, max_size=6)


@given(scores)
def test_softmax_is_a_distribution(xs):
    shares = softmax(xs)
    assert all(share >= 0 for share in shares)
    assert math.fsum(shares) == pytest.approx(1.0, rel=1e-14)


@given(scores)
def test_log_softmax_against_50_digits(xs):
    with mpmath.workdps(50):
        log_of_sum = mpmath.log(sum(mpmath.exp(x) for x in map(mpmath.mpf, xs)))
        truth = [float(x - log_of_sum) for x in xs]
    assert log_softmax(xs) == pytest.approx(truth, rel=1e-13, abs=1e-12)
    assert logsumexp(xs) == pytest.approx(float(log_of_sum), rel=1e-14, abs=1e-13)


@given(scores)
def test_the_gradient_of_logsumexp_is_softmax(xs):
    values = [*map(Value, xs)]
    logsumexp(values).backward()
    assert [v.grad for v in values] == pytest.approx(softmax(xs), rel=1e-12, abs=1e-300)


def test_the_gradient_of_softmax_sums_to_zero():
    values = [Value(1.0), Value(2.0), Value(1000.0)]
    softmax(values)[0].backward()
    assert sum(v.grad for v in values) == pytest.approx(0.0, abs=1e-15)


def test_celu_is_elu_scaled_along_both_axes():
    for alpha in (0.5, 3.0):
        for x in (-1000.0, -0.5, 0.0, 0.5, 1000.0):
            slopes = grad(celu, argnums=(0, 1))(x, alpha)
            assert celu(x, alpha) == pytest.approx(alpha * functional.elu(x / alpha), rel=1e-15)
            t = min(x / alpha, 0.0)
            expected = [math.exp(t), math.expm1(t) - t * math.exp(t)]
            assert slopes == pytest.approx(expected, rel=1e-14, abs=1e-300)


@given(scores)
def test_softmin_is_softmax_the_other_way_round(xs):
    assert softmin(xs) == softmax([-x for x in xs])


def test_logsumexp_at_infinity():
    assert logsumexp([-math.inf, -math.inf]) == -math.inf
    assert logsumexp([math.inf, 1.0]) == math.inf
    assert math.isnan(logsumexp([math.nan, 1.0]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_mean_and_total_add_from_left_to_right(xs):
    s = 0.0
    for x in xs:
        s += x
    assert total(xs) == s
    assert mean(xs) == s / len(xs)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20), st.sampled_from([0, 1]))
def test_the_variance_is_that_of_the_library_and_so_is_its_slope(xs, ddof):
    exactly = statistics.variance if ddof else statistics.pvariance
    size = max(map(abs, xs))
    assert var(xs, ddof) == pytest.approx(exactly(xs), rel=1e-12, abs=1e-28 * size**2 + 1e-300)
    assert std(xs, ddof) ** 2 == pytest.approx(var(xs, ddof), rel=1e-14, abs=1e-300)
    middle, n = statistics.fmean(xs), len(xs)
    slopes = [2 * (x - middle) / (n - ddof) for x in xs]
    assert grad(lambda xs: var(xs, ddof))(xs) == pytest.approx(slopes, rel=1e-12, abs=1e-14 * size)


def test_a_variance_needs_more_numbers_than_ddof():
    with pytest.raises(ArgumentError, match="var with ddof=1 needs more than 1 numbers: got 1"):
        std([3.0], ddof=1)


def test_sequences_of_any_kind_are_taken():
    assert total(x for x in (1, 2, 3)) == 6.0
    assert mean({1, 3}) == 2.0
    assert dot((1, 2), [3, 4]) == 11.0


class Table:
    """A table, which is iterated over by the names of its columns, as one of pandas is."""

    ndim, shape = 2, (2, 2)

    def __len__(self):
        return 2

    def __iter__(self):
        return iter([0, 1])

    def __array__(self, dtype=None, copy=None):
        return np.full((2, 2), 5.0)


@pytest.mark.parametrize("xs", [{0: 5.0, 1: 6.0}, Table(), b"ab", "12", np.array(2.0), 3.0])
@pytest.mark.parametrize(
    "f",
    [total, mean, var, softmax, log_softmax, logsumexp, lambda xs: dot(xs, [1.0, 2.0]),
     lambda xs: dot([1.0, 2.0], xs, bias=Value(1.0))],
)  # fmt: skip
def test_what_is_no_sequence_of_numbers_is_refused(f, xs):
    with pytest.raises((NotANumberError, TypeError), match=r"number|has no len|unsized"):
        f(xs)


def test_a_table_is_its_rows_to_a_loss():
    assert mse(Table(), [[5.0, 6.0], [5.0, 5.0]]) == 0.25


@pytest.mark.parametrize("name", ["mean", "var", "softmax", "softmin", "log_softmax", "logsumexp"])
def test_no_numbers_are_an_error(name):
    with pytest.raises(ArgumentError, match=f"{name} needs at least one number"):
        getattr(functional, name)([])


def test_dot_names_both_lengths():
    with pytest.raises(ShapeError, match="as many weights as inputs: got 2 and 3"):
        dot([1, 2], [1, 2, 3])


def test_the_sum_of_nothing_is_zero():
    assert total([]) == 0.0
    assert dot([], [], bias=2) == 2.0


def test_every_exported_name_exists():
    assert all(callable(getattr(functional, name)) for name in functional.__all__)


def test_numpy_rows_are_taken_and_text_is_turned_away():
    assert softmax(np.array([1.0, 1.0])) == [0.5, 0.5]
    assert logsumexp([Value(0.0), np.float64(-math.inf)]).data == 0.0
    with pytest.raises(NotANumberError, match="a number of logsumexp must be one real number"):
        logsumexp(["a"])
