"""The expression of micrograd's README with its gradient: at two floats, and at many points."""

from functools import partial

import numpy as np
from job import Job, bound
from timing import MICRO, NANO
from transforms import readme

from micrograd_gd import jit, value_and_grad, vmap
from micrograd_gd.functional import relu

POINT = (-4.0, 2.0)
POINTS = np.random.default_rng(0).uniform(-5, 5, (2, 10_000))

JOBS = bare, one, many = (
    Job("a + b: the way in and out of a call with two floats", MICRO),
    Job("README expression with its gradient, a call with two floats", MICRO),
    Job("The same at 10,000 points, each", NANO, count=POINTS.shape[1]),
)


@bare.by("micrograd_gd, jit", warm=1.0)
def our_sum(_):
    return partial(jit(lambda a, b: a + b), *POINT)


@bare.by("jax.jit", "jax")
def jax_sum(jax):
    f = jax.jit(lambda a, b: a + b)
    return lambda: jax.block_until_ready(f(*POINT))


@bare.by("casadi, a call", "casadi")
def casadi_sum(casadi):
    a, b = casadi.SX.sym("a"), casadi.SX.sym("b")
    return partial(casadi.Function("f", [a, b], [a + b]), *POINT)


@one.by("micrograd_gd, jit", warm=1.0)
def ours(_):
    return partial(jit(value_and_grad(partial(readme, relu=relu), (0, 1))), *POINT)


@one.by("micrograd_gd, not compiled")
def ours_eager(_):
    return partial(value_and_grad(readme, (0, 1)), *POINT)


@one.by("jax.jit", "jax")
def jax_jit(jax):
    f = jax.jit(jax.value_and_grad(partial(readme, relu=jax.nn.relu), (0, 1)))
    return lambda: jax.block_until_ready(f(*POINT))


@one.by("casadi, a call", "casadi")
def casadi_call(casadi):
    return partial(casadi_function(casadi), *POINT)


@one.by("casadi, buffers bound before", "casadi")
def casadi_bound(casadi):
    return bound(casadi_function(casadi), *map(np.array, POINT))


@one.by("micrograd", "micrograd")
def micrograd(_):
    from micrograd.engine import Value

    def step():
        a, b = map(Value, POINT)
        y = readme(a, b, Value.relu)
        y.backward()
        return y.data, a.grad, b.grad

    return step


@one.by("torch, eager", "torch")
def torch_eager(torch):
    def step():
        a, b = (torch.tensor(x, requires_grad=True) for x in POINT)
        y = readme(a, b, torch.relu)
        return y.detach(), torch.autograd.grad(y, (a, b))

    return step


@one.by("autograd", "autograd")
def autograd(package):
    return partial(package.value_and_grad(readme, (0, 1)), *POINT)


@many.by("micrograd_gd, jit of vmap", warm=1.0)
def ours_mapped(_):
    return partial(jit(vmap(value_and_grad(partial(readme, relu=relu), (0, 1)))), *POINTS)


@many.by("jax.jit of vmap", "jax")
def jax_mapped(jax):
    f = jax.jit(jax.vmap(jax.value_and_grad(partial(readme, relu=jax.nn.relu), (0, 1))))
    a, b = map(jax.numpy.array, POINTS)
    return lambda: jax.block_until_ready(f(a, b))


@many.by("casadi, mapped, buffers bound before", "casadi")
def casadi_mapped(casadi):
    return bound(casadi_function(casadi).map(POINTS.shape[1]), *POINTS)


@many.by("torch, eager", "torch")
def torch_many(torch):
    a, b = (torch.tensor(x, requires_grad=True) for x in POINTS)

    def step():
        y = readme(a, b, torch.relu)
        return y.detach(), torch.autograd.grad(y.sum(), (a, b))

    return step


def casadi_function(casadi):
    a, b = casadi.SX.sym("a"), casadi.SX.sym("b")
    y = readme(a, b, lambda x: casadi.fmax(x, 0))
    slopes = [casadi.gradient(y, x) for x in (a, b)]
    return casadi.Function("f", [a, b], [y, *slopes])
