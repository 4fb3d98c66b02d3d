"""Curves through measurements: parameters, errors, and what follows from them."""

import math
import warnings
from fractions import Fraction

import nist
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_gd import curve_fit, functional
from micrograd_gd.errors import ArgumentError, DivergedError, NotANumberError, ShapeError

NUMBERS = st.integers(-8, 8)


def line(x, a, b):
    return a + b * x


def digits(found, certified):
    """How many agree."""
    certified = float(certified)
    return math.inf if found == certified else -math.log10(abs(found / certified - 1))


@pytest.mark.parametrize("name", nist.NAMES)
def test_what_nist_certifies(name, cases):
    """Values and errors of its 27 problems, from both starts.

    It gives 11 digits; the data of Lanczos1 have an error of 1e-14, of which floats know few.
    """
    problem = nist.read(cases / "nist", name)
    curve, y = nist.as_functions(problem)
    for start in (problem["start1"], problem["start2"]):
        fit = curve_fit(curve, problem["data"], y, start)
        assert min(map(digits, fit.parameters, problem["certified"])) > 9.9
        expected = 3 if name == "Lanczos1" else 9.9
        assert min(map(digits, fit.errors, problem["certified_sd"])) > expected
        assert fit.degrees_of_freedom == len(y) - len(start)


def fit_exactly(xs, ys, sigmas):
    """The straight line and its covariance without a residual's scale, in fractions."""
    w = [1 / Fraction(s) ** 2 for s in sigmas]
    s0, s1, s2 = (sum(w * x**k for w, x in zip(w, xs, strict=True)) for k in range(3))
    t0, t1 = (sum(w * y * x**k for w, x, y in zip(w, xs, ys, strict=True)) for k in range(2))
    d = s0 * s2 - s1 * s1
    a, b = (s2 * t0 - s1 * t1) / d, (s0 * t1 - s1 * t0) / d
    total = sum(w * (y - a - b * x) ** 2 for w, x, y in zip(w, xs, ys, strict=True))
    return (a, b), ((s2 / d, -s1 / d), (-s1 / d, s0 / d)), total


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(1, 4)), min_size=3, max_size=12), st.booleans()
)
def test_a_straight_line_is_what_fractions_say(points, has_sigma):
    xs, ys, sigmas = zip(*points, strict=True)
    assume(len({*xs}) > 1)
    sigmas = sigmas if has_sigma else [1] * len(xs)
    (a, b), covariance, total = fit_exactly(xs, ys, sigmas)
    assume(total > Fraction(1, 1000))
    fit = curve_fit(line, xs, ys, [0.0, 0.0], sigma=[*sigmas] if has_sigma else None)
    assert fit.parameters == pytest.approx([float(a), float(b)], rel=1e-12, abs=1e-13)
    scale = 1 if has_sigma else total / (len(xs) - 2)
    expected = np.array([[float(each * scale) for each in row] for row in covariance])
    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(fit.errors, np.sqrt(np.diag(expected)), rtol=1e-11)
    at_three = expected[0, 0] + 6 * expected[0, 1] + 9 * expected[1, 1]
    value, error = fit.error_of(lambda a, b: line(3.0, a, b))
    assert (value, error) == pytest.approx((float(a + 3 * b), math.sqrt(at_three)), rel=1e-9)
    assert fit.residual_sum == pytest.approx(float(total), rel=1e-11)
    assert fit.correlations[0][1] == pytest.approx(
        expected[0, 1] / math.sqrt(expected[0, 0] * expected[1, 1]), rel=1e-10, abs=1e-13
    )


def test_one_sigma_serves_all_measurements():
    xs, ys = [0.0, 1.0, 2.0, 3.0], [0.1, 1.2, 1.9, 3.2]
    assert curve_fit(line, xs, ys, [0.0, 0.0], 0.5) == curve_fit(
        line, xs, ys, [0.0, 0.0], [0.5] * 4
    )


@pytest.mark.parametrize("form", [tuple, np.array])
def test_the_result_has_the_form_of_the_start(form):
    xs, ys = [0.0, 1.0, 2.0], [1.0, 3.1, 4.9]
    fit, known = (curve_fit(line, xs, ys, start) for start in (form([0.0, 0.0]), [0.0, 0.0]))
    assert type(fit.parameters) is type(fit.errors) is type(form([0.0]))
    assert [*fit.parameters] == known.parameters
    assert fit.error_of(lambda a, b: a - b) == known.error_of(lambda a, b: a - b)
    one = curve_fit(lambda x, a: a * x, xs, ys, 1.0)
    assert isinstance(one.parameters, float)


def test_parameters_by_name_and_rows_of_numbers():
    def plane(x, slope, offset):
        return slope[0] * x[0] + slope[1] * x[1] + offset

    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 2.0]])
    fit = curve_fit(plane, rows, [1.0, 3.0, 4.0, 9.0], {"slope": [0.0, 0.0], "offset": 0.0})
    assert fit.parameters["slope"] == pytest.approx([2.0, 3.0], rel=1e-14)
    assert fit.parameters["offset"] == pytest.approx(1.0, rel=1e-14)
    assert fit.error_of(lambda slope, offset: slope[1] - offset)[0] == pytest.approx(2.0)
    printed = str(curve_fit(lambda x, a: a * x, [1.0, 2.0], [2.0, 4.2], {"a": 1.0}))
    first, last = printed.splitlines()
    assert first.strip() == "a  2.08 ± 0.04"
    assert last == "sum of squared residuals 0.008, 1 degrees of freedom"


def test_a_curve_with_branches_on_x():
    def bent(x, a, b):
        return a * x if x < 1.0 else a + b * (x - 1.0)

    xs = [0.0, 0.5, 1.0, 1.5, 2.0]
    fit = curve_fit(bent, xs, [bent(x, 2.0, -3.0) for x in xs], [1.0, 1.0])
    assert fit.parameters == pytest.approx([2.0, -3.0], rel=1e-13)


def test_within_bounds():
    xs, ys = [0.0, 1.0, 2.0], [1.0, 2.9, 5.2]
    inside = curve_fit(line, xs, ys, [0.0, 0.0], bounds=([-9.0, -9.0], [9.0, math.inf]))
    free = curve_fit(line, xs, ys, [0.0, 0.0])
    assert inside.parameters == pytest.approx(free.parameters, rel=1e-12)
    assert inside.errors == pytest.approx(free.errors, rel=1e-12)
    held = curve_fit(line, xs, ys, [0.5, 0.0], bounds=([0.0, -9.0], [0.5, 9.0]))
    assert held.parameters == pytest.approx([0.5, 2.36], rel=1e-9)  # Σ x (y - 0.5) / Σ x²
    assert math.isnan(held.errors[0])
    assert held.degrees_of_freedom == 2
    alone = curve_fit(lambda x, b: 0.5 + b * x, xs, ys, [0.0])
    assert held.errors[1] == pytest.approx(alone.errors[0], rel=1e-6)
    assert held.error_of(lambda a, b: a + b)[1] == pytest.approx(alone.errors[0], rel=1e-6)


def test_what_the_measurements_do_not_determine_is_said():
    with pytest.warns(UserWarning, match="do not determine the parameters"):
        fit = curve_fit(lambda x, a, b: (a + b) * x, [1.0, 2.0, 3.0], [1.0, 2.1, 2.9], [0.0, 0.0])
    assert fit.errors == [math.inf, math.inf]
    assert sum(fit.parameters) == pytest.approx((1.0 + 4.2 + 8.7) / 14)
    exact = curve_fit(line, [0.0, 1.0], [1.0, 3.0], [0.0, 0.0])  # as many as there are parameters
    assert exact.errors == [math.inf, math.inf]
    assert exact.degrees_of_freedom == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y": [1.0]}, ShapeError, "x has 3 entries and y 1"),
        ({"x": [1.0], "y": [1.0]}, ShapeError, "1 measurements do not determine 2 parameters"),
        ({"y": [1.0, math.nan, 2.0]}, ArgumentError, "y has an entry that is no finite number"),
        ({"sigma": [1.0, 0.0, 1.0]}, ArgumentError, "sigma"),
        ({"sigma": -1.0}, ArgumentError, "sigma"),
        ({"sigma": [1.0, 2.0]}, ShapeError, "sigma"),
        ({"x": ["a", "b", "c"]}, NotANumberError, "x"),
        ({"f": lambda x, a, b: functional.log(a) + b}, ArgumentError, r"for x\[0\] = 0.0; start"),
        ({"f": 3.0}, ArgumentError, "expected a function"),
        ({"bounds": ([1.0, 1.0], [2.0, 2.0])}, ArgumentError, "with the start between them"),
        ({"bounds": ([0.0], [2.0])}, ShapeError, "a bound"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, error, message):
    given = {"f": line, "x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 5.0], "start": [0.0, 0.0]}
    with warnings.catch_warnings(), pytest.raises(error, match=message):
        warnings.simplefilter("error")
        curve_fit(**(given | change))


def test_a_search_that_runs_away_does_not_pass_for_a_fit():
    with pytest.raises(DivergedError, match="still falls"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("micrograd_gd.descent.curve_fit.MOST_CALLS", 2)
        curve_fit(lambda x, a: functional.exp(-a * x), [1.0, 2.0], [0.5, 0.2], [30.0])
