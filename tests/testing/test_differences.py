"""Differences of values: what they know, and that they say when they know too little."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from micrograd_gd import check_gradients
from micrograd_gd.testing.check import examine
from micrograd_gd.testing.differences import Estimate, slope
from micrograd_gd.testing.judge import judge_by_estimate
from micrograd_gd.testing.report import Comparison
from micrograd_gd.testing.subject import Subject


def log_determinant(a):
    return float(np.linalg.slogdet(a)[1])


@given(st.integers(0, 10**6), st.integers(2, 4), st.floats(0.1, 1))
@example(3, 4, 0.1)  # two of its entries are beside a pole
@settings(max_examples=15)
def test_log_determinants_are_known_well_enough_to_find_1_percent(seed, n, ridge):
    root = np.random.default_rng(seed).normal(size=(n, n))
    matrix = root @ root.T + ridge * np.eye(n)
    right = np.linalg.inv(matrix).T
    found = examine(Subject(log_determinant, [matrix]), gradient=lambda _: right).comparisons
    assert {each.verdict for each in found} == {"right"}
    assert all(each.error < 1e-3 * abs(each.got) for each in found)
    largest = np.unravel_index(abs(right).argmax(), right.shape)
    claim = right.copy()
    claim[largest] *= 1.01
    assert examine(Subject(log_determinant, [matrix]), gradient=lambda _: claim).wrong


@given(st.sampled_from([math.log, math.sqrt, lambda x: 1 / x, math.lgamma]), st.floats(-4, 1))
def test_a_pole_nearby_is_no_noise(f, exponent):
    x = 10.0**exponent
    assert slope(f, x).error <= 1e-6 * (abs(slope(f, x).low) + abs(f(x) / x))


@pytest.mark.parametrize("relative", [1e-12, 1e-6, 9e-4, 0.0011, 0.05, 0.9, 2.0])
@pytest.mark.parametrize("size", [1e-200, 1e-3, 3.0, 1e200])
def test_a_bound_above_a_thousandth_of_the_slope_is_no_knowledge(relative, size):
    estimate = Estimate(size, size, relative * size)
    near, far = (
        judge_by_estimate(Comparison("x", "given", got), estimate, 0.0).verdict
        for got in (size * (1 + relative / 2), size * (1 + 2 * relative))
    )
    assert near == ("right" if relative < 1e-3 else "unknown")
    assert far == ("wrong" if relative < 1 else "unknown")


def test_a_slope_of_0_is_known_where_it_is_claimed():
    assert not check_gradients(lambda x: math.exp(0 * x) + 0.0, 0.3, gradient=lambda x: 0.0).wrong
    report = examine(Subject(lambda x: float(x) ** 0, [0.3]), gradient=lambda x: 1e-3)
    assert report.wrong
