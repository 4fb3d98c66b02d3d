"""Functions of ours inside of other libraries, whose own checkers look at the derivatives."""

import numpy as np
import pytest

from micrograd_gd import MLP, jit, to_jax, to_torch
from micrograd_gd.bridges import from_torch_state, to_pytensor, to_torch_state
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.functional import exp, tanh


def number(w, x):
    return tanh(w[0] * x) * exp(w[1])


def several(w, x):
    return w * x, (w * w).sum()


W, X = [0.3, 0.4], 1.5


@pytest.mark.parametrize("f", [number, several, jit(number)])
def test_autograd_finds_first_and_second_derivatives(f):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    args = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (W, X)]
    assert torch.autograd.gradcheck(to_torch(f), args)
    assert torch.autograd.gradgradcheck(to_torch(f), args)


def test_a_result_has_the_type_of_the_first_tensor():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    w = torch.tensor(W, requires_grad=True)
    y = to_torch(number)(w, X)
    y.backward()
    assert y.dtype == w.grad.dtype == torch.float32
    assert y.item() == pytest.approx(number(np.array(W), X), rel=1e-6)


@pytest.mark.parametrize("f", [number, several])
def test_jax_finds_first_and_second_derivatives(f):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    w = jax.numpy.array(W)
    check_grads(jax.jit(to_jax(f)), (w, X), order=2, modes=["rev"])
    mapped = jax.vmap(to_jax(f), (None, 0))(w, jax.numpy.array([X, 2.0]))
    for found, expected in zip(
        jax.tree.leaves(mapped), jax.tree.leaves(f(np.array(W), X)), strict=True
    ):
        np.testing.assert_allclose(found[0], expected)


def test_pytensor_finds_first_and_second_derivatives():
    pytensor = pytest.importorskip("pytensor", reason="PyTensor is not installed")
    w, x = pytensor.tensor.dvector(), pytensor.tensor.dscalar()
    y = to_pytensor(number)(w, x)
    first = pytensor.grad(y, [w, x])
    outputs = [y, *first, pytensor.grad(first[1], x)]
    values = pytensor.function([w, x], outputs, mode="FAST_COMPILE")(np.array(W), X)
    t, e = np.tanh(W[0] * X), np.exp(W[1])
    slope = (1 - t * t) * e
    expected = [t * e, [X * slope, t * e], W[0] * slope, -2 * W[0] ** 2 * t * slope]
    for found, due in zip(values, expected, strict=True):
        np.testing.assert_allclose(found, due, rtol=1e-12)


def test_weights_go_to_pytorch_and_come_back():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layers = [torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)]
    net, model = torch.nn.Sequential(*layers).double(), MLP(2, [3, 1], "tanh", seed=0)
    point = [0.5, -2.0]
    net.load_state_dict(to_torch_state(model))
    assert net(torch.tensor(point, dtype=torch.float64)).item() == pytest.approx(model(point).data)
    other = MLP(2, [3, 1], "tanh", seed=1)
    other.load_state_dict(from_torch_state(net.state_dict()))
    assert other.state_dict() == model.state_dict()
    assert [*to_torch_state(model, ["a", "b"])] == ["a.weight", "a.bias", "b.weight", "b.bias"]
    with pytest.raises(ShapeError, match="1 names for 2 layers"):
        to_torch_state(model, ["a"])


def test_layers_of_another_kind_are_refused():
    for state in ({"0.weight": [1.0], "0.bias": [1.0]}, {"0.running_mean": [1.0]}, {}):
        with pytest.raises(ArgumentError, match="expected weight and bias of linear layers"):
            from_torch_state(state)
    assert from_torch_state({"weight": [[2.0]]})["layers.0.neurons.0.b"] == 0.0
