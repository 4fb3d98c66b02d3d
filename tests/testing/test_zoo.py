"""The checker finds every wrong gradient of the zoo, and takes no right one for wrong."""

import pytest
from zoo import HARD, WRONG

from micrograd_gd import check_gradients, functional, jacobian
from micrograd_gd.errors import GradientError

# Where one number is what is left of two that are nearly equal, and is divided by another such,
# rounding itself draws a smooth curve of another slope. No difference of values can tell.
NOT_BY_DIFFERENCES = {("(x² - y²) / (x - y)", (1.0, 1 + 1e-7))}


def is_refused(f, point, claim=None):
    try:
        check_gradients(f, *point, gradient=claim)
    except GradientError:
        return True
    return False


def name_fault(cases):
    return [pytest.param(case, id=case.name) for case in cases]


def points(cases):
    return [pytest.param(c, p, id=f"{c.name} at {p}") for c in cases for p in c.points]


def test_the_zoo_is_large():
    assert len(WRONG) >= 45
    assert len(HARD) >= 24


@pytest.mark.parametrize("case", name_fault(WRONG))
def test_what_is_wrong_is_found_by_replay(case):
    assert any(is_refused(case.on_values(), point, case.claim) for point in case.points)


@pytest.mark.parametrize(("case", "point"), points([case for case in WRONG if case.is_own]))
def test_what_the_engine_returns_is_found_where_the_function_loses_numbers(case, point):
    """The claim is what its sweep returns."""
    rows = jacobian(lambda *xs: [case.f(functional, *xs)], range(len(point)))(*point)
    assert [*rows[0]] == pytest.approx(case.claim(*point)[0], rel=1e-12)
    assert is_refused(case.on_values(), point)


@pytest.mark.parametrize("case", name_fault(WRONG))
def test_what_is_wrong_is_found_by_differences(case):
    assert any(is_refused(case.on_floats(), point, case.claim) for point in case.points)


@pytest.mark.parametrize(("case", "point"), points(HARD))
def test_what_is_right_is_not_refused(case, point):
    assert not is_refused(case.on_values(), point)
    assert not is_refused(case.on_values(), point, case.claim)


@pytest.mark.parametrize(("case", "point"), points(HARD))
def test_what_is_right_is_not_refused_by_differences(case, point):
    is_known = (case.name, point) in NOT_BY_DIFFERENCES
    assert is_refused(case.on_floats(), point, case.claim) == is_known


@pytest.mark.parametrize(("case", "point"), points([case for case in WRONG if not case.is_own]))
def test_the_engine_is_right_where_the_claim_is_wrong(case, point):
    assert not is_refused(case.on_values(), point)
