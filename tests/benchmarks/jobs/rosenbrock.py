"""Rosenbrock's function of 1,000 variables with its gradient, an array in and an array out."""

from functools import partial

import numpy as np
from job import Job, bound, by_gcc
from timing import MILLI
from transforms import rosenbrock

from micrograd_gd import jit, value_and_grad
from micrograd_gd.compiler.specialization import BACKENDS

X = np.random.default_rng(0).uniform(-2, 2, 1000)
AT_ONCE = "tape" if "tape" in BACKENDS else "python"  # what runs from the first call on

rosenbrock_1000 = Job("Rosenbrock, 1,000 variables, value and gradient", MILLI)
JOBS = [rosenbrock_1000]


@rosenbrock_1000.by("micrograd_gd, jit, from the first call on")
def ours(_):
    return partial(jit(value_and_grad(rosenbrock), backend=AT_ONCE), X)


@rosenbrock_1000.by("micrograd_gd, jit, once hot", warm=10.0)
def ours_hot(_):
    return partial(jit(value_and_grad(rosenbrock)), X)


@rosenbrock_1000.by("casadi, buffers bound before", "casadi")
def casadi_bound(casadi):
    return bound(casadi_function(casadi, {}), X)


@rosenbrock_1000.by("casadi, gcc -O1", "casadi", program="gcc", slow=True)
def casadi_compiled(casadi):
    return bound(casadi_function(casadi, by_gcc("-O1")), X)


def casadi_function(casadi, options):
    x = casadi.SX.sym("x", len(X))
    y = rosenbrock(casadi.vertsplit(x))
    return casadi.Function("f", [x], [y, casadi.gradient(y, x)], options)


@rosenbrock_1000.by("jax.jit, vectorized by hand", "jax")
def jax_vectorized(jax):
    run, x = jax.jit(jax.value_and_grad(vectorized)), jax.numpy.array(X)
    return lambda: jax.block_until_ready(run(x))


@rosenbrock_1000.by("torch, eager, vectorized by hand", "torch")
def torch_eager(torch):
    x = torch.tensor(X, requires_grad=True)

    def step():
        y = vectorized(x)
        return y.detach(), torch.autograd.grad(y, x)[0]

    return step


@rosenbrock_1000.by("autograd, vectorized by hand", "autograd")
def autograd(package):
    return partial(package.value_and_grad(vectorized), X)


def vectorized(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
