"""Differences of values: what they know, and that they say when they know too little."""

import math
import sys
import types

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from micrograd_gd import check_gradients
from micrograd_gd.errors import ArgumentError, GradientError
from micrograd_gd.testing import subject
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


@given(st.floats(0.5, 4).filter(lambda p: p % 1), st.floats(-323, 0))
@example(1.5, -300.0)
def test_a_right_slope_is_not_refused_where_values_underflow(power, exponent):
    """Below 0 these powers have no value, so that only tiny steps show both sides."""
    f, slope = lambda x: float(x) ** power, lambda x: power * x ** (power - 1)
    assert not check_gradients(f, 10.0**exponent, gradient=slope).wrong


def test_a_slope_of_0_is_known_where_it_is_claimed():
    assert not check_gradients(lambda x: math.exp(0 * x) + 0.0, 0.3, gradient=lambda x: 0.0).wrong
    report = examine(Subject(lambda x: float(x) ** 0, [0.3]), gradient=lambda x: 1e-3)
    assert report.wrong


class Network:
    """A smooth function of n numbers, its gradient, and how often it was called."""

    def __init__(self, seed, n, calls=0):
        self.weights = np.random.default_rng(seed).normal(size=(n, n)) / np.sqrt(n)
        self.point = np.random.default_rng(seed + 1).uniform(-2, 2, n)
        self.calls = calls

    def __call__(self, x):
        self.calls += 1
        return float(np.tanh(self.weights @ x).sum() + np.exp(x / 2).sum())

    def gradient(self, x):
        return (1 - np.tanh(self.weights @ x) ** 2) @ self.weights + np.exp(x / 2) / 2


seeds = st.integers(0, 10**6)


@given(st.builds(Network, seeds, st.integers(1, 40)), st.data())
@settings(max_examples=20)
def test_a_smooth_function_is_asked_at_most_20_times_for_each_number(f, data):
    n = len(f.point)
    report = check_gradients(f, f.point, gradient=f.gradient)
    assert {each.verdict for each in report.comparisons} == {"right"}
    assert f.calls <= 20 * n
    wrong = f.gradient(f.point)
    wrong[data.draw(st.integers(0, n - 1))] += 1e-8
    assert examine(Subject(f, [f.point]), gradient=wrong).wrong


class Waves(Network):
    """A sum of sines, of which some are flat at the point, and many turn within a first step."""

    def __init__(self, seed, frequency):
        super().__init__(seed, 40)
        self.frequency = frequency

    def __call__(self, x):
        self.calls += 1
        return float(np.sin(self.frequency * x).sum())

    def gradient(self, x):
        return self.frequency * np.cos(self.frequency * x)


@given(st.builds(Waves, seeds, st.sampled_from([3.0, 30.0])), st.data())
@settings(max_examples=8)
def test_a_sum_of_sines_is_asked_hardly_more_often(f, data):
    report = check_gradients(f, f.point, gradient=f.gradient)
    assert {each.verdict for each in report.comparisons} == {"right"}
    assert f.calls <= 21 * len(f.point)
    wrong = f.gradient(f.point)
    wrong[data.draw(st.integers(0, 39))] += 1e-8 * f.frequency
    assert examine(Subject(f, [f.point]), gradient=wrong).wrong


@given(st.builds(Network, seeds, st.integers(10, 40)), st.data())
@settings(max_examples=20)
def test_directions_cost_the_same_for_any_number_of_numbers(f, data):
    n = len(f.point)
    report = check_gradients(f, f.point, gradient=f.gradient, directions=3)
    assert [each.name for each in report.comparisons] == [f"direction {k}" for k in (1, 2, 3)]
    assert f.calls <= 3 * 30
    assert f"not by each of {n} numbers" in str(report)
    wrong, place = f.gradient(f.point), data.draw(st.integers(0, n - 1))
    wrong[place] += 1e-4
    with pytest.raises(GradientError, match=rf"x\[{place}\] +given"):
        check_gradients(f, f.point, gradient=wrong, directions=3)


def test_directions_tell_where_a_graph_changes_and_in_rules_that_are_code():
    f = lambda x: x[0] * getattr(x[1], "data", x[1])  # noqa: E731 — a function in one line
    with pytest.raises(GradientError, match=r"x\[1\]"):
        check_gradients(f, [2.0, 3.0], directions=2)
    with pytest.raises(ArgumentError, match="directions is 0"):
        check_gradients(f, [2.0, 3.0], directions=0)
    assert check_gradients(lambda x: x**3, 2.0, directions=1).source == "differences"


def test_a_gradient_may_be_given_as_what_it_is():
    f, x = lambda x: float(np.sin(x).sum()), np.array([0.5, -2.0])
    check_gradients(f, x, gradient=np.cos(x))
    check_gradients(f, x, gradient=[*np.cos(x)])
    check_gradients(lambda x: x**3, 2.0, gradient=12)
    with pytest.raises(GradientError, match=r"x\[0\] +given"):
        check_gradients(f, x, gradient=np.cos(x) * 1.000001)


def test_a_jacobian_may_be_a_tree_of_arrays():
    """As JAX has it: the results along the first axis of each array."""
    f = lambda p: np.tanh(p["w"]) @ p["x"] + p["b"]  # noqa: E731 — a function in one line
    w, x = np.array([[0.5, -1.0, 2.0], [0.1, 0.2, 0.3]]), np.array([1.0, 2.0, -0.5])
    by_w = np.zeros((2, 2, 3))
    by_w[[0, 1], [0, 1]] = x * (1 - np.tanh(w) ** 2)
    claim = {"w": by_w, "x": np.tanh(w), "b": np.ones(2)}
    point = {"w": w, "x": x, "b": 0.5}
    check_gradients(f, point, gradient=claim)
    check_gradients(f, point, gradient=dict(sorted(claim.items())))
    check_gradients(lambda *xs: f(dict(zip("wxb", xs, strict=True))), *point.values(),
                    gradient=tuple(claim.values()))  # fmt: skip
    rows = [{name: each[i] for name, each in claim.items()} for i in range(2)]
    check_gradients(f, point, gradient=rows)
    check_gradients(lambda x: [x[0] * x[1], x[0]], [2.0, 3.0], gradient=np.array([[3, 2], [1, 0]]))
    check_gradients(lambda x: [x[0] * x[1], x[0]], [2.0, 3.0],
                    gradient=[np.array([3, 2]), np.array([1, 0])])  # fmt: skip


def test_few_digits_are_noted():
    f = lambda x: np.float32(np.sin(x).sum())  # noqa: E731 — a function in one line
    report = check_gradients(f, np.ones(2), gradient=lambda x: np.cos(x).astype(np.float32))
    assert [note.partition(",")[0] for note in report.notes] == [
        "f returns float32",
        "gradient returns float32",
    ]
    assert not check_gradients(np.sin, 0.5, gradient=np.cos).notes


def test_tensors_of_torch_come_as_such():
    torch = pytest.importorskip("torch", reason="PyTorch is not among the packages for tests")
    f = lambda x: torch.sin(x).sum() * x[0]  # noqa: E731 — a function in one line
    for dtype in (torch.float32, torch.float64):
        check_gradients(f, torch.ones(2, dtype=dtype), gradient=torch.func.grad(f))
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    f(x).backward()
    check_gradients(f, x, gradient=x.grad)
    with pytest.raises(GradientError, match=r"x\[1\]"):
        check_gradients(f, x, gradient=x.grad * torch.tensor([1, 1.001]))


class Tensor:
    """An array of a package of its own, which only that package computes with."""

    __module__ = "tensors.core"

    def __init__(self, numbers):
        self.numbers = np.asarray(numbers, float)
        self.ndim, self.shape, self.dtype = self.numbers.ndim, self.numbers.shape, "float64"

    def detach(self):
        detached = Tensor(self.numbers)
        detached.is_detached = True
        return detached

    def __array__(self, dtype=None, copy=None):
        assert self.is_detached  # as a tensor of PyTorch that requires a gradient
        return self.numbers

    is_detached = False


def test_a_function_is_given_arrays_of_the_package_of_the_point(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensors", types.ModuleType("tensors"))
    monkeypatch.setitem(subject.FROM_NUMPY, "tensors", lambda _, array: Tensor(array))

    def f(x):
        return float((x.numbers**2).sum())  # an AttributeError for an array of NumPy

    check_gradients(f, Tensor([1.0, 2.0]), gradient=lambda x: 2 * x.numbers)
    check_gradients(lambda p: f(p["x"][0]), {"x": [Tensor([1.0, 2.0])]},
                    gradient={"x": [np.array([2.0, 4.0])]})  # fmt: skip
    with pytest.raises(GradientError, match=r"x\[1\]"):
        check_gradients(f, Tensor([1.0, 2.0]), gradient=np.array([2.0, 4.1]))


def test_arrays_of_jax_come_as_such():
    jax = pytest.importorskip("jax", reason="JAX is not among the packages for tests")
    f = lambda p: jax.numpy.sin(p["x"]).sum() * p["b"]  # noqa: E731 — a function in one line
    point = {"x": jax.numpy.ones(2), "b": 3.0}
    with pytest.raises(ArgumentError, match="jax_enable_x64"):
        check_gradients(f, point, gradient=jax.grad(f))
    jax.config.update("jax_enable_x64", True)
    try:
        check_gradients(f, point, gradient=jax.grad(f))
    finally:
        jax.config.update("jax_enable_x64", False)
