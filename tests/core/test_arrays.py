"""NumPy's reductions of arrays of values: its numbers, and derivatives by hand."""

import numpy as np
import pytest

from micrograd_gd import Value, grad, jacobian, jit
from micrograd_gd.core.choice import native_part

X = np.array([[1.0, 4.0, -2.5], [0.5, -1.0, 3.0]])
BACKENDS = ["python", "llvm", *(["tape"] if native_part("Tape") else [])]


def center(x, axis=None):
    return x - x.mean(axis=axis, keepdims=True)


def cases():
    """Name, function, and its gradient, both of a matrix."""
    n = X.size
    yield "std", np.std, lambda x: center(x) / (n * x.std())
    yield "var", np.var, lambda x: 2 * center(x) / n
    yield (
        "std with ddof",
        lambda x: x.std(ddof=1),
        lambda x: center(x) / ((n - 1) * x.std(ddof=1)),
    )
    yield "nanvar", np.nanvar, lambda x: 2 * center(x) / n
    for axis in (0, 1):
        m = X.shape[axis]
        yield (
            f"var along {axis}",
            lambda x, axis=axis: x.var(axis=axis).sum(),
            lambda x, axis=axis, m=m: 2 * center(x, axis) / m,
        )
        yield (
            f"std along {axis}",
            lambda x, axis=axis: np.std(x, axis=axis, keepdims=True).sum(),
            lambda x, axis=axis, m=m: center(x, axis) / (m * x.std(axis=axis, keepdims=True)),
        )
        yield (
            f"norm along {axis}",
            lambda x, axis=axis: np.linalg.norm(x, axis=axis).sum(),
            lambda x, axis=axis: x / np.linalg.norm(x, axis=axis, keepdims=True),
        )
    yield "norm", np.linalg.norm, lambda x: x / np.linalg.norm(x)
    yield "vdot", lambda x: np.vdot(x, x), lambda x: 2 * x
    yield "conj", lambda x: np.sum(x.conj() * x), lambda x: 2 * x
    yield "sum of a mean", lambda x: x.mean(axis=1).sum(), lambda x: np.ones_like(x) / x.shape[1]
    yield "prod", np.prod, lambda x: x.prod() / x


CASES = {name: parts for name, *parts in cases()}


@pytest.mark.parametrize("name", CASES)
def test_numpy_reduces_arrays_of_values(name):
    f, slope = CASES[name]
    values = np.array([[Value(x) for x in row] for row in X])
    y = f(values)
    assert type(y) is Value
    assert y.data == pytest.approx(f(X), rel=1e-15)
    y.backward()
    np.testing.assert_allclose([[x.grad for x in row] for row in values], slope(X), rtol=1e-13)
    np.testing.assert_allclose(grad(f)(X), slope(X), rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
def test_the_compiled_reduction_has_the_same_bits(name, backend):
    f, _ = CASES[name]
    assert jit(f, backend=backend)(X) == f(np.array([[Value(x) for x in row] for row in X])).data
    np.testing.assert_array_equal(jit(grad(f), backend=backend)(X), grad(f)(X))


def test_the_second_derivative_of_a_variance_is_constant():
    n = X.shape[1]
    truth = 2 / n * (np.eye(n) - 1 / n)
    np.testing.assert_allclose(jacobian(grad(np.var))(X[0]), truth, rtol=1e-14, atol=1e-15)


def test_a_value_is_its_own_conjugate():
    x = Value(2.0)
    assert x.conjugate() is x
