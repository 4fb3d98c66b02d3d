"""The gradient checker: what is right passes, what is wrong is named with its operation."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from micrograd_gd import MLP, Value, check_gradients, custom_vjp, functional, grad
from micrograd_gd.errors import ArgumentError, GradientError, ShapeError
from micrograd_gd.functional import (
    cbrt,
    clip,
    cos,
    exp,
    floor,
    fmod,
    less,
    log,
    maximum,
    minimum,
    relu,
    sin,
    sqrt,
    tanh,
    total,
    where,
)
from micrograd_gd.table import ieee
from micrograd_gd.table.ops import Operation
from micrograd_gd.testing import continuations
from micrograd_gd.testing.check import examine
from micrograd_gd.testing.differences import slope
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.testing.subject import Subject

floats = st.floats(-3, 3)


def verdicts(report):
    return {comparison.verdict for comparison in report.comparisons}


@given(floats, floats)
@example(0.75, -2.0)  # the product is exact here, and at no point nearby
@settings(max_examples=settings().max_examples // 3)  # each takes long
def test_what_is_right_passes_to_third_order(x, y):
    report = check_gradients(lambda x, y: tanh(x * y) + exp(y) * sin(x), x, y, order=3)
    assert verdicts(report) == {"right"}
    assert len(report.comparisons) == 2 * (2 + 3 + 4)


def test_models_and_structures_are_checked_with_names():
    model = MLP(2, [3, 2], activation="tanh", seed=0)
    report = check_gradients(model, [0.3, -0.7], order=2)
    assert verdicts(report) == {"right"}
    assert [c.name for c in report.comparisons[:2]] == ["result[0] by x[0]", "result[0] by x[1]"]
    report = check_gradients(lambda p, a: p["w"] * a[0, 1], {"w": 2.0}, np.ones((1, 2)))
    assert [c.name for c in report.comparisons[:3]] == ["p['w']", "a[0, 0]", "a[0, 1]"]


def plant(name, operands, value, partial):
    """An operation that is in no table, with a rule that may be wrong."""
    return Operation(name, (operands,), value, (partial,), "Planted.")


wrong_rule = plant("wrong_rule", "x", "tanh(x)", "1.001 * sech(x) ** 2")
wrong_branch = plant("wrong_branch", "x", "x if x > 0 else 0.1 * x", "1")
detached = plant("detached", "x", lambda x: x * x, lambda x, y: 2 * getattr(x, "data", x))


def test_the_operation_at_fault_is_named_with_its_operands():
    with pytest.raises(GradientError) as error:
        check_gradients(lambda x, y: sin(wrong_rule(x * y)) + y, 0.5, 0.25)
    told = str(error.value)
    assert told.startswith("4 derivatives are wrong")
    assert "wrong_rule(0.125)" in told
    assert "f = sin(wrong_rule(x * y)) + y" in told
    assert "at x = 0.5, y = 0.25" in told


def test_a_wrong_branch_is_found_where_it_is_taken():
    assert verdicts(check_gradients(wrong_branch, 1.0)) == {"right"}
    with pytest.raises(GradientError, match=r"wrong_branch\(-1.0\)"):
        check_gradients(wrong_branch, -1.0)


def test_rounding_does_not_take_the_branch_that_was_not_taken():
    f = lambda x: where(x > 0, x, 0.01 * x)  # noqa: E731 — a function in one line
    report = check_gradients(f, -1.0)
    assert max(comparison.error for comparison in report.comparisons) < 1e-15
    with pytest.raises(GradientError):
        check_gradients(f, -1.0, gradient=lambda x: 1.0)


@pytest.mark.parametrize("f", [functional.erf, functional.erfc, functional.digamma])
def test_far_out_a_check_takes_no_longer(f):
    assert "wrong" not in verdicts(check_gradients(f, -1e150))


BAD_SIDES = {
    "sqrt": lambda x: sqrt(x - 2.0),
    "log": lambda x: log(x - 2.0),
    "quotient": lambda x: 1.0 / (x - 0.5),
    "arcsine": lambda x: (x + 2.0).asin(),
    "overflow": lambda x: (2000.0 * x).exp(),
    "root": lambda x: cbrt(x - 0.5),
    "chain": lambda x: sqrt(x - 2.0) * log(x - 0.5) + x,
    "kink": lambda x: abs(x - 0.5),
    "cancelled": lambda x: ((x + 1e20) - 1e20) * x,
}
CHOICES = {
    "first": lambda x, good, bad: where(less(x, 1.0), good, bad),
    "second": lambda x, good, bad: where(less(1.0, x), bad, good),
    "nested": lambda x, good, bad: where(less(x, 1.0), where(less(2.0, x), bad, good), bad),
    "inside": lambda x, good, bad: sin(where(less(x, 1.0), good, bad)) * x,
}


@pytest.mark.parametrize("choose", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("bad", BAD_SIDES.values(), ids=BAD_SIDES)
def test_a_side_that_is_not_taken_is_not_looked_at(bad, choose):
    """Not its nan, nor an infinite slope, a kink, or its rounding: wrong stays wrong."""
    f = lambda x: choose(x, x * x, bad(x))  # noqa: E731 — a function in one line
    assert verdicts(check_gradients(f, 0.5, order=2)) == {"right"}
    truth = math.sin(0.25) + 0.5 * math.cos(0.25) if choose is CHOICES["inside"] else 1.0
    assert verdicts(check_gradients(f, 0.5, gradient=lambda _: truth)) == {"right"}
    with pytest.raises(AssertionError, match="wrong"):
        check_gradients(f, 0.5, gradient=lambda _: truth * 1.001)


BESIDE_INFINITY = {
    "maximum": maximum,
    "maximum of negative ones": lambda x, low: -maximum(low, -x),
    "minimum": lambda x, low: minimum(-low, x),
    "clip": lambda x, low: clip(x, low, -low),
    "clip of negative ones": lambda x, low: -clip(-x, low, 1.0),
    "mod": lambda x, low: x % -low,
    "fmod": fmod,
}


@pytest.mark.parametrize("choose", BESIDE_INFINITY.values(), ids=BESIDE_INFINITY)
def test_an_infinite_side_that_is_not_taken_is_not_looked_at(choose):
    f = lambda x: choose(x * x, log(x - 0.5))  # noqa: E731 — a function in one line
    assert verdicts(check_gradients(f, 0.5)) == {"right"}
    with pytest.raises(AssertionError, match="wrong"):
        check_gradients(f, 0.5, gradient=lambda _: 1.001)


def test_no_second_derivative_is_expected_where_a_choice_changes():
    # Both choices are 0 and flat there, but bent differently.
    report = check_gradients(lambda x: where(x, x, 0.0) * x, 0.0, order=2)
    assert verdicts(report) == {"right"}
    assert any("higher derivatives were not checked" in note for note in report.notes)


def test_an_operand_that_numbers_a_family_is_not_disturbed():
    report = check_gradients(lambda x: functional.polygamma(2.0, x), 0.7, order=2)
    assert max(c.error / abs(c.got) for c in report.comparisons) < 1e-13


def test_a_wrong_second_derivative_is_found_at_second_order():
    assert verdicts(check_gradients(detached, 1.5)) == {"right"}
    with pytest.raises(GradientError, match=r"rule is detached\(1\.5\)"):
        check_gradients(lambda x: detached(x) * 2, 1.5, order=2)


def test_the_message_tells_expected_got_bound_and_ratio():
    with pytest.raises(GradientError) as error:
        check_gradients(wrong_rule, 0.0)
    table = str(error.value).splitlines()
    assert table[1].split("  ")[0] == "derivative by"
    cells = table[2].split()
    assert cells[:4] == ["x", "reverse", "1.0", "1.001"]
    assert float(cells[4]) < 1e-14
    assert float(cells[5]) > 1e10


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (relu, 0.0),
        (abs, 0.0),
        (lambda x: maximum(x, 2.0), 2.0),
        (lambda x: relu(x) - relu(-x), 0.0),  # x, written with two kinks
        (lambda x: functional.hypot(x, 0.0), 0.0),
    ],
)
def test_at_a_kink_any_slope_between_both_sides_is_right(f, x):
    report = check_gradients(f, x, order=2)
    assert verdicts(report) == {"kink"}
    assert any("kink at" in note for note in report.notes)


def test_a_slope_outside_of_both_sides_is_wrong_at_a_kink():
    with pytest.raises(GradientError, match=r"0\.0 to 1\.0"):
        check_gradients(relu, 0.0, gradient=lambda x: 1.5)


@pytest.mark.parametrize(
    ("f", "x", "loser"),
    [
        (lambda x: (1 - cos(x)) / x**2, 1e-6, "sub"),
        (lambda x: log(1 + exp(x)), -40.0, "log"),
        (lambda b: -b + sqrt(b * b - 4.0), 1e8, "add"),
    ],
)
def test_cancellation_is_no_mistake_but_is_told(f, x, loser):
    report = check_gradients(f, x)
    assert verdicts(report) <= {"right", "unknown"}
    assert any(note.startswith(loser) and "loses" in note for note in report.notes)


def test_the_oracle_tells_what_every_operation_loses():
    report = check_gradients(lambda x: (1 - cos(x)) / x, 1e-8, oracle="mpmath")
    lost = {c.operation.partition("(")[0]: c.lost for c in report.conditions}
    assert lost["cos"] == 0
    assert min(lost["sub"], lost["div"]) > 15
    assert "digits lost" in str(report)


def test_what_has_no_derivative_is_unknown_and_says_why():
    report = check_gradients(lambda x: log(1 + exp(x)), 800.0)
    assert verdicts(report) == {"unknown"}
    assert "exp(800.0) is beyond all floats" in str(report)
    assert verdicts(check_gradients(log, -1.0)) == {"unknown"}


def test_an_infinite_slope_is_right_where_it_is_infinite():
    assert verdicts(check_gradients(sqrt, 0.0)) == {"right"}
    with pytest.raises(GradientError):
        check_gradients(sqrt, 0.0, gradient=lambda x: 0.0)


def test_steps_and_branches_have_the_slopes_beside_them():
    assert verdicts(check_gradients(lambda x: floor(x) * x, 2.0)) == {"right"}
    assert verdicts(check_gradients(lambda x: where(x > 1, x, log(x)), 2.0)) == {"right"}


def test_given_gradients_are_checked_in_the_structure_of_the_argument():
    f = lambda p: p["a"] ** 2 * p["b"]  # noqa: E731 — a function in one line
    point = {"a": 3.0, "b": 2.0}
    report = check_gradients(
        f, point, gradient=lambda p: {"a": 2 * p["a"] * p["b"], "b": p["a"] ** 2}
    )
    assert verdicts(report) == {"right"}
    with pytest.raises(GradientError, match="what is wrong is the gradient given"):
        check_gradients(f, point, gradient=lambda p: {"a": p["a"] * p["b"], "b": p["a"] ** 2})
    with pytest.raises(ShapeError, match="expected 2: the derivatives of 1 results by 2 arguments"):
        check_gradients(f, point, gradient=lambda p: [1.0])


def test_a_gradient_that_remembers_is_refused():
    calls = []

    def accumulate(x):
        calls.append(2 * x)
        return sum(calls)

    with pytest.raises(GradientError, match=r"returned \[\[1\.0\]\], and \[\[2\.0\]\] when it"):
        check_gradients(lambda x: x * x, 0.5, gradient=accumulate)


@pytest.mark.parametrize("x", [0.0, 5e-324, 2.2250738585e-313, -1e-310])
def test_differences_are_taken_beside_the_smallest_of_floats(x):
    estimate = slope(lambda x: 3.0 * x, x)
    assert abs(estimate.low - 3.0) <= estimate.error < 1e-6


def test_functions_that_record_nothing_are_checked_by_differences():
    assert verdicts(check_gradients(math.sin, 0.3, gradient=math.cos)) == {"right"}
    with pytest.raises(GradientError):
        check_gradients(math.sin, 0.3, gradient=lambda x: math.cos(x) * (1 + 1e-8))
    report = check_gradients(
        lambda x: np.array([x[0] * x[1], math.exp(x[1])]),
        np.array([2.0, 0.5]),
        gradient=lambda x: np.array([[x[1], x[0]], [0.0, math.exp(x[1])]]),
    )
    assert (report.source, verdicts(report)) == ("differences", {"right"})
    assert verdicts(check_gradients(abs, 0.0, gradient=lambda x: 0.5)) <= {"kink"}


def test_a_rule_written_by_hand_is_checked_by_differences():
    def by_hand(factor):
        @custom_vjp
        def square(x):
            return x * x

        square.defvjp(lambda x: (square(x), x), lambda x, g: (factor * x * g,))
        return square

    report = check_gradients(by_hand(2.0), 1.5)
    assert (report.source, verdicts(report)) == ("differences", {"right"})
    with pytest.raises(GradientError):
        check_gradients(by_hand(2.001), 1.5)


@given(st.floats(-6, 1), st.floats(0.1, 3), st.floats(-2, 2), st.sampled_from([1, 2, 3]))
@settings(max_examples=settings().max_examples // 2)
def test_a_right_rule_of_a_squared_residual_is_not_refused(exponent, slope, x, power):
    """The residual is what is left of two larger numbers: its slope has their rounding."""
    target = slope * x + 1.0 - 10.0**exponent

    def by_hand(factor):
        @custom_vjp
        def loss(w, b):
            return (w * x + b - target) ** 2 / power

        def pull(residual, g):
            return factor * 2 * residual * x * g / power, 2 * residual * g / power

        loss.defvjp(lambda w, b: (loss(w, b), w * x + b - target), pull)
        return loss

    check_gradients(by_hand(1.0), slope, 1.0)
    check_gradients(by_hand(1.0), slope, 1.0, gradient=grad(by_hand(1.0), (0, 1)))
    if abs(x) > 0.1 and exponent > -3:
        with pytest.raises(GradientError):
            check_gradients(by_hand(1.01), slope, 1.0)


def test_numbers_that_were_taken_out_of_the_graph_are_noticed():
    with pytest.raises(GradientError, match=r"numbers were taken out(?s:.*)Compute with values"):
        check_gradients(lambda x: x * getattr(x, "data", x), 2.0)
    assert not check_gradients(lambda x: x * x, 2.0).notes


def test_a_function_of_more_than_its_arguments_is_refused():
    count = iter(range(10))
    with pytest.raises(ArgumentError, match="without a memory"):
        check_gradients(lambda x: x * next(count), 2.0)


def test_where_no_digit_is_left_nothing_is_right_or_wrong():
    def chaos(x):
        for _ in range(80):
            x = 3.9 * x * (1 - x)
        return x

    report = check_gradients(chaos, 0.1234, gradient=lambda x: 0.0)
    assert verdicts(report) == {"unknown"}
    assert verdicts(check_gradients(math.sqrt, 0.0, gradient=lambda x: 5.0)) == {"unknown"}


def _loop(step, count=9):
    """A loop that converges: of its last steps, rounding leaves no digit."""

    def f(x):
        y = x
        for _ in range(count):
            y = step(y, x)
        return y

    return f


CONVERGED = [
    (_loop(lambda y, x: y - (y * y - x) / (2 * y)), 2.0),
    (_loop(lambda y, x: (y + x / y) / 2), 2.0),
    (_loop(lambda y, x: y - (y**3 - x) / (3 * y * y)), 5.0),
    (_loop(lambda y, x: y * (2 - x * y)), 0.6),
    (_loop(lambda y, x: y - (exp(y) - x) * exp(-y)), 2.0),
    (_loop(lambda y, x: y - (y * exp(y) - x) / (exp(y) * (1 + y))), 1.5),
    (_loop(lambda y, x: cos(y) * 0.2 + x, 30), 0.3),
    (lambda x: x * x + 0 * (sin(x) ** 2 + cos(x) ** 2 - 1), 0.7),
    (lambda x: x * x + [x, exp(log(x)) - x][0], 0.7),
    (lambda x: where(x > 0, x * x, log(exp(x)) - x), 0.7),
]


def is_found(f, *point, claim):
    return bool(examine(Subject(f, point), gradient=lambda *_: claim).wrong)


@pytest.mark.parametrize(("f", "x"), CONVERGED)
def test_a_cancellation_that_does_not_reach_a_derivative_excuses_none(f, x):
    right = grad(f)(x)
    assert verdicts(check_gradients(f, x)) == {"right"}
    for factor in (1.0001, -1.0, 30.0):
        assert is_found(f, x, claim=factor * right)


@given(expressions(max_operations=4), st.floats(0.5, 2))
@settings(max_examples=settings().max_examples // 5)  # each takes long
def test_what_cancels_beside_an_expression_excuses_no_wrong_gradient(f, y):
    """A converged root, which is added, has its own slope and its own bound."""
    root = CONVERGED[0][0]
    slopes = grad(f, range(len(f.inputs)))(*f.inputs)
    assume(all(abs(slope) < 1e6 for slope in slopes))
    claim = (*slopes, 1.01 * 0.5 / math.sqrt(y))
    assert is_found(lambda *xs: f(*xs[:-1]) + root(xs[-1]), *f.inputs, y, claim=claim)


@pytest.mark.parametrize("x", [25.0, 36.0])
def test_derivatives_below_what_usual_digits_show_are_right(x):
    assert verdicts(check_gradients(functional.gelu, x, order=2)) == {"right"}


def test_gradients_that_are_no_numbers_are_wrong():
    for claim in (math.nan, math.inf):
        with pytest.raises(GradientError):
            check_gradients(math.sin, 0.3, gradient=lambda x, claim=claim: claim)


def test_dictionaries_of_gradients_may_have_another_order():
    report = check_gradients(
        lambda p: p["a"] ** 2 * p["b"],
        {"a": 2.0, "b": 5.0},
        gradient=lambda p: {"b": p["a"] ** 2, "a": 2 * p["a"] * p["b"]},
    )
    assert verdicts(report) == {"right"}


def test_the_formula_of_the_wrong_result_is_shown():
    with pytest.raises(GradientError, match=r"f = x \* x"):
        check_gradients(lambda x: [x * 2, x * x], 2.0, gradient=lambda x: [2.0, 5.0])


def test_higher_derivatives_of_python_code_are_not_checked_and_it_is_said():
    by_hand = custom_vjp(lambda x: x * x)
    by_hand.defvjp(lambda x: (x * x, x), lambda x, g: (2 * x * g,))
    report = check_gradients(lambda x: by_hand(x).exp(), 0.5, order=2)
    assert any("higher derivatives were not checked" in note for note in report.notes)


def test_a_graph_that_was_dropped_is_noticed():
    with pytest.raises(GradientError, match=r"numbers were taken out of the graph"):
        check_gradients(lambda x: x.data**2 if isinstance(x, Value) else x**2, 1.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_gradients(sin, 1.0, order=0), "order is 0"),
        (lambda: check_gradients(sin, 1.0, modes=("up",)), r"modes is \('up',\)"),
        (lambda: check_gradients(sin, 1.0, oracle="sympy"), "oracle is 'sympy'"),
        (lambda: check_gradients(sin, 1.0, order=2, gradient=cos), "is of order 1"),
        (lambda: check_gradients(math.sin, 1.0), "give what claims to be its gradient"),
        (lambda: check_gradients(total, []), "no number among the arguments"),
        (lambda: check_gradients(lambda _: None, 1.0), "f returns None"),
        (lambda: check_gradients(print, 1.0, gradient=0.0), "f returns None"),
    ],
)
def test_mistakes_of_the_caller_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_long_sums_are_checked():
    report = check_gradients(lambda x: total(xi * xi for xi in x), [0.1 * i for i in range(30)])
    assert verdicts(report) == {"right"}
    assert "… and 40 more" in str(report)


slopes_in_closed_form = [
    (math.exp, math.exp, 0.0),
    (lambda x: math.sin(1e4 * x), lambda x: 1e4 * math.cos(1e4 * x), 0.3),
    (math.log, lambda x: 1 / x, 1e-200),
    (lambda x: (1 - math.cos(x)) / x**2, lambda x: -x / 12, 1e-4),
    (lambda x: 1e300 * math.sin(x), lambda x: 1e300 * math.cos(x), 1.0),
    (lambda x: abs(x - 1e-9), lambda x: -1.0, 0.0),
    (lambda x: math.log(1 + math.exp(x)), lambda x: 1 / (1 + math.exp(-x)), -30.0),
    (lambda x: (x - 1e8) ** 2, lambda x: 2.0, 1e8 + 1),
    # Noise that steps of a power of 2 do not see, for they are rounded in the same way each time:
    (lambda x: math.exp(300 * x), lambda x: 300 * math.exp(300 * x), 1.0),
    (lambda x: 1 / (x * x - (1 - 1e-9)), lambda x: -2 * x / (1e-9) ** 2, 1.0),
]


def test_differences_see_the_stairs_of_rounding_between_smooth_treads():
    estimate = slope(lambda x: (1 - math.cos(x)) / (x * x), 1e-6)
    assert abs(estimate.low + 1e-6 / 12) <= estimate.error


@pytest.mark.parametrize(("f", "derivative", "x"), slopes_in_closed_form)
def test_differences_know_their_error(f, derivative, x):
    estimate = slope(f, x)
    assert abs(estimate.low - derivative(x)) <= estimate.error
    assert estimate.error <= 0.1 * abs(derivative(x))


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x: x / x, 1e-300),  # whose second partials are beyond all floats
        (lambda x: x ** floor(x), 2.0),  # a step just here
        (lambda x: functional.fmod(functional.selu(x), 0.38), 1e16),  # no digit is left
        (lambda x: functional.atan2(x % x, x % x), 1.5),  # the origin of atan2
        (functional.mish, -745.0),  # below the normal floats
        (lambda x: functional.square(functional.square(x)), 0.0),  # flat to the third order
        (lambda x: x**6, 0.0),
    ],
)
def test_hard_points_are_no_false_alarms(f, point):
    assert not check_gradients(f, point, order=2).wrong


def test_terms_that_cancel_leave_their_rounding_in_second_derivatives():
    """∂²/∂x∂y of log(xy) is 0, and its terms are not."""
    for x in (2.9667531549111033, 1.1, 0.7):
        report = check_gradients(lambda x, y: functional.log2(x * y), x, 0.262381903037074, order=2)
        assert verdicts(report) == {"right"}


def test_a_function_that_has_no_precise_counterpart_is_named_with_its_file(monkeypatch):
    monkeypatch.setattr(ieee, "__all__", [*ieee.__all__, "zeta"])
    with pytest.raises(NotImplementedError, match=r"has zeta, and testing/continuations\.py"):
        continuations.check_functions()
