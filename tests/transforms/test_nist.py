"""27 regression problems of NIST: the residual sum of squares, its derivatives, the way down."""

import math
from itertools import pairwise

import nist
import pytest

from micrograd_gd import critical_learning_rate, grad, hessian, minimize


@pytest.fixture(params=nist.NAMES)
def problem(request, cases):
    return nist.read(cases / "nist", request.param)


def residuals(problem):
    """The objective of a problem, the sum of (response - model(x; b))²; and the responses."""
    curve, responses = nist.as_functions(problem)

    def total(b):
        pairs = zip(problem["data"], responses, strict=True)
        return sum([(known - curve(row, *b)) ** 2 for row, known in pairs])

    return total, math.hypot(*responses)


@pytest.mark.parametrize("place", ["at_start1", "at_start2", "at_certified_float"])
def test_value_gradient_and_hessian(problem, place):
    """To 1e-14, of the second order 1e-13, of the size of the terms that are added up.

    A residual is known to an ulp of the response; what that does to the others is in the bounds.
    """
    total, size = residuals(problem)
    known = problem[place]
    value = float(known["rss"])
    assert abs(total(known["b"]) - value) <= 1e-14 * (value + size * math.sqrt(value))
    second = [[*map(float, row)] for row in known["hess"]]
    scales = [*map(float, known["grad_scale_sum_abs_terms"])]
    for j, (got, truth) in enumerate(zip(grad(total)(known["b"]), known["grad"], strict=True)):
        bound = 1e-14 * (scales[j] + size * math.sqrt(abs(second[j][j])))
        assert abs(got - float(truth)) <= bound
    scales = [[*map(float, row)] for row in known["hess_scale_sum_abs_terms"]]
    for i, row in enumerate(hessian(total)(known["b"])):
        for j, got in enumerate(row):
            assert abs(got - second[i][j]) <= 1e-13 * scales[i][j]


def test_below_the_critical_rate_every_step_goes_downhill(problem):
    """From the second start, at a rate that is below critical all along the step.

    The curvature changes on the way, so where the step would lead it is looked at too.
    """
    total, _ = residuals(problem)
    place, values = problem["start2"], []
    for _ in range(1 if len(problem["data"]) > 100 else 4):
        rate = 0.95 * critical_learning_rate(total, place)
        while True:
            step = minimize(total, place, learning_rate=rate, max_steps=1, tolerance=None)
            end = step.trajectory[-1].parameters
            middle = [(a + b) / 2 for a, b in zip(place, end, strict=True)]
            lowest = min(critical_learning_rate(total, x) for x in (middle, end))
            if rate < lowest:
                break
            rate = 0.95 * min(lowest, rate)
        values += [each.value for each in step.trajectory]
        place = end
    assert all(after < before for before, after in pairwise(values[::2] + values[-1:]))
