"""Linear maps that were made earlier, `pull_back` and `push_forward`, under every transform.

The truth is linear algebra: the map's matrix M, from its values at the unit vectors, or written
down by hand. Of f(c) = |M c|² the gradient is 2 MᵀM c, and the Hessian 2 MᵀM.
"""

import math

import numpy as np
import pytest

from micrograd_gd import (
    MLP,
    Value,
    custom_vjp,
    detect_anomaly,
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    linearize,
    no_grad,
    value_and_grad,
    vjp,
    vmap,
)
from micrograd_gd.core.choice import native_part
from micrograd_gd.errors import GraphError, JitError
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.testing.smoothness import is_smooth

X = [1.25, -0.5]
A, B = X
JACOBIAN = np.array([[B + math.cos(A), A], [B * math.exp(A * B), A * math.exp(A * B)], [0, 1]])
HESSIAN = np.array([[6 * A * B, 3 * A**2], [3 * A**2, -math.sin(B)]])  # of `energy`
BACKENDS = ["python", "llvm", *(["tape"] if native_part("Tape") else [])]


def f(x):
    a, b = x
    return [a * b + a.sin(), (a * b).exp(), b]


def energy(x):
    a, b = x
    return a**3 * b + b.sin()


@custom_vjp
def twice_the_product(a, b):
    return 2 * a * b


twice_the_product.defvjp(
    lambda a, b: (2 * a * b, (a, b)), lambda ab, g: (2 * ab[1] * g, 2 * ab[0] * g)
)

MODEL = MLP(2, [3, 2], activation="tanh", seed=1)


def maps():
    """Name, map from list to list, and its matrix; None for what the values at unit vectors say."""
    pull_back = vjp(f, X)[1]
    push_forward = linearize(f, X)[1]
    model_back, model_forward = vjp(MODEL, X)[1], linearize(MODEL, X)[1]
    custom = vjp(lambda x: [twice_the_product(*x)], X)[1]
    again = vjp(pull_back, [1.0, 2.0, 3.0])[1]
    along = linearize(grad(energy), X)[1]
    return [
        ("pull_back", lambda c: pull_back(c)[0], JACOBIAN.T),
        ("push_forward", push_forward, JACOBIAN),
        ("jvp", lambda t: jvp(f, (X,), (t,))[1], JACOBIAN),
        ("hvp", lambda t: hvp(energy, X, t), HESSIAN),
        ("linearize(grad)", along, HESSIAN),
        ("pull_back of pull_back", lambda t: again((t,))[0], JACOBIAN),
        ("custom_vjp", lambda c: custom(c)[0], np.array([[2 * B], [2 * A]])),
        ("a model's pull_back", lambda c: model_back(c)[0], None),
        ("a model's push_forward", model_forward, None),
    ]


MAPS = {name: (L, M) for name, L, M in maps()}


def square(L):
    return lambda c: sum(y * y for y in L(c))


def by_backward(L):
    def gradient(c):
        values = [*map(Value, c)]
        square(L)(values).backward()
        return [x.grad for x in values]

    return gradient


def directions(f):
    return lambda c: [float(jvp(f, (c,), (e,))[1]) for e in np.eye(len(c)).tolist()]


GRADIENTS = {
    "grad": lambda L: grad(square(L)),
    "value_and_grad": lambda L: lambda c: value_and_grad(square(L))(c)[1],
    "jvp": lambda L: directions(square(L)),
    "jacobian": lambda L: jacobian(square(L), mode="forward"),
    "vjp": lambda L: lambda c: vjp(square(L), c)[1](1.0)[0],
    "linearize": lambda L: (
        lambda c: [linearize(square(L), c)[1](e) for e in np.eye(len(c)).tolist()]
    ),
    "backward": by_backward,
    "detect_anomaly": lambda L: detect_anomaly()(grad(square(L))),
    "vmap": lambda L: lambda c: columns(vmap(grad(square(L)))(columns([c, c])))[1],
}


def columns(rows):
    """A batch: an array for each number of the argument. And back."""
    return [*np.array(rows).T]


HESSIANS = {
    "hessian": lambda L: hessian(square(L)),
    "reverse over reverse": lambda L: jacobian(grad(square(L)), mode="reverse"),
    "hvp": lambda L: lambda c: [hvp(square(L), c, e) for e in np.eye(len(c)).tolist()],
}


def of_closed_functions(names):
    return [name for name in names if "model" not in name]


def matrix_and_point(name):
    L, M = MAPS[name]
    count = {"push_forward": 2, "jvp": 2, "hvp": 2, "linearize(grad)": 2, "custom_vjp": 1}.get(name)
    count = count or (2 if "model" in name or "of" in name else 3)
    units = np.array([L(e) for e in np.eye(count).tolist()]).T
    if M is not None:
        np.testing.assert_allclose(units, M, rtol=1e-14, atol=1e-15)
    return L, units, [0.75, -1.5, 2.0][:count]


@pytest.mark.parametrize("outer", GRADIENTS)
@pytest.mark.parametrize("name", MAPS)
def test_every_gradient_goes_through_every_map(name, outer):
    L, M, c = matrix_and_point(name)
    got = np.array(GRADIENTS[outer](L)(c), dtype=float)
    np.testing.assert_allclose(got, 2 * M.T @ M @ c, rtol=1e-13)


@pytest.mark.parametrize("outer", HESSIANS)
@pytest.mark.parametrize("name", MAPS)
def test_every_second_derivative_goes_through_every_map(name, outer):
    L, M, c = matrix_and_point(name)
    np.testing.assert_allclose(HESSIANS[outer](L)(c), 2 * M.T @ M, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", MAPS)
def test_maps_are_compiled(name, backend):
    L, _, c = matrix_and_point(name)
    compiled = jit(L, backend=backend)
    assert compiled(c) == L(c)
    twice = [2 * x for x in c]
    assert compiled(twice) == L(twice)
    batch = jit(vmap(L), backend=backend)(columns([c, twice]))
    np.testing.assert_array_equal(columns(batch), [L(c), L(twice)])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", of_closed_functions(MAPS))
def test_derivatives_of_maps_are_compiled(name, backend):
    L, M, c = matrix_and_point(name)
    truth = 2 * M.T @ M
    slopes = jit(grad(square(L)), backend=backend)(c)
    assert slopes == grad(square(L))(c)
    np.testing.assert_allclose(slopes, truth @ c, rtol=1e-13)
    np.testing.assert_allclose(jit(hessian(square(L)), backend=backend)(c), truth, rtol=1e-13)
    batch = jit(vmap(grad(square(L))), backend=backend)(columns([c, c]))
    np.testing.assert_allclose(columns(batch), [truth @ c] * 2, rtol=1e-13)


@pytest.mark.parametrize(
    "name", [name for name, row in OPERATIONS.items() if not row.properties & {"flat", "internal"}]
)
def test_maps_of_every_row(name):
    """A map that is linear in c has at every c the slope that it has as a number."""
    row = OPERATIONS[name]
    count = {"total": 3, "dot": 3}.get(name, len(row.operands))
    x = next(
        point[:count]
        for point in ([0.5, 0.25, 0.75], [1.5, 0.25, 0.75], [2.5, 0.75, 3.5])
        if is_smooth(row, tuple(point[:count]), range(count))
    )
    pull_back, push_forward = vjp(row, *x)[1], linearize(row, *x)[1]
    for i, slope in enumerate(pull_back(1.0)):

        def along(c, i=i):
            return push_forward(*[c if j == i else 0.0 for j in range(count)])

        def back(c, i=i):
            return pull_back(c)[i]

        for L in (along, back):
            assert grad(square_once(L))(3.0) == pytest.approx(6 * slope, rel=1e-15)
            assert jvp(square_once(L), 3.0, 1.0)[1] == pytest.approx(6 * slope, rel=1e-15)
            assert jit(L)(3.0) == L(3.0) == pytest.approx(3 * slope, rel=1e-15)


def square_once(L):
    return lambda c: L(c) * c


def test_a_map_given_values_gives_values_of_their_graph():
    c = Value(2.0)
    y = vjp(lambda x: x**2, 3.0)[1](c)[0]
    (y * c).backward()
    assert (y.data, c.grad) == (12.0, 24.0)
    assert type(vjp(lambda x: x**2, 3.0)[1](2.0)[0]) is float
    with no_grad():
        assert type(vjp(lambda x: x**2, 3.0)[1](c)[0]) is float


def test_what_the_function_closes_over_is_differentiated_by():
    w = Value(2.0)
    pull_back = vjp(lambda x: w * x**2, 3.0)[1]
    assert grad(lambda: pull_back(5.0)[0], wrt=[w])() == [30.0]
    w.data = 7.0
    assert pull_back(5.0) == (60.0,)  # of the pass that ran
    assert jit(pull_back)(5.0) == (60.0,)
    with pytest.raises(GraphError, match="data was changed"):
        grad(lambda: pull_back(5.0)[0], wrt=[w])()


def test_a_batch_inside_of_a_compiled_function_takes_a_map_from_outside_of_it():
    def of(x, cs):
        pull_back, push_forward = vjp(energy, x)[1], linearize(grad(energy), x)[1]
        return vmap(grad(lambda c: pull_back(c)[0][0] * push_forward([c, 0.0])[0]))(cs)

    cs = np.array([0.5, 1.0, -2.0])
    truth = 2 * cs * 3 * A**2 * B * 6 * A * B
    for form in (of, *(jit(of, backend=backend) for backend in BACKENDS)):
        np.testing.assert_allclose(form(X, cs), truth, rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_program_cannot_follow_is_refused(backend):
    w = Value(2.0)
    pull_back = vjp(lambda x: w * x**2, 3.0)[1]
    with pytest.raises(JitError, match="call vjp or linearize inside"):
        jit(grad(lambda c: pull_back(c)[0]), backend=backend)(1.0)

    kept = []

    def keeps(x):
        y, pull_back = vjp(lambda x: x**2, x)
        kept.append(pull_back)
        return y

    jit(keeps, backend=backend)(3.0)
    for call in (kept[0], jit(kept[0], backend=backend)):
        with pytest.raises(JitError, match="return what it gives"):
            call(1.0)
