"""A step of gradient descent as in micrograd's demo: 100 points, a network of 337 parameters.

Value and gradient of a max-margin loss with a penalty on the parameters, which are then updated.
"""

from functools import partial

import numpy as np
from job import Job, bound, by_gcc, flat
from jobs.network import backward, batch_scores, forward, parameters, scores
from timing import MILLI

from micrograd_gd import data, jit, value_and_grad, vmap
from micrograd_gd.functional import mean, relu, tanh, total
from micrograd_gd.transforms.trees import flatten, leaves, unflatten

SIZES = (2, 16, 16, 1)
RATE, PENALTY = 0.01, 1e-4

inputs, classes = data.moons(100, noise=0.1, seed=0)
POINTS, LABELS = np.array(inputs), 2.0 * np.array(classes) - 1

# The parameters after a step are compared: what they differ by is the gradient times the rate.
moons = Job("MOONS: a step of gradient descent, 100 points", MILLI, tolerance=1e-9 * RATE)
by_tanh = Job("MOONS with tanh in place of relu, value and gradient", MILLI)
JOBS = [moons, by_tanh]


def sample_loss(params, point, label, relu=relu, activation=None):
    return relu(1 - label * scores(params, point, activation or relu)[0])


def loss(params, points, labels):
    each = vmap(sample_loss, in_axes=(None, 0, 0))(params, points, labels)
    return mean(each) + PENALTY * total(p * p for p in leaves(params))


def written_out(params):
    each = [sample_loss(params, *sample) for sample in zip(inputs, LABELS.tolist(), strict=True)]
    return mean(each) + PENALTY * total(p * p for p in leaves(params))


@moons.by("micrograd_gd, jit of vmap, arrays", warm=2.0)
def ours(_):
    return descent_on_arrays(jit(value_and_grad(loss)), POINTS, LABELS)


@moons.by("micrograd_gd, jit of vmap, nested lists", warm=2.0)
def ours_on_lists(_):
    run = jit(value_and_grad(loss))
    params = [(weights.tolist(), biases.tolist()) for weights, biases in parameters(SIZES)]

    def step():
        nonlocal params
        value, gradient = run(params, POINTS, LABELS)
        params = descended(params, gradient)
        return value, params

    return step


@moons.by("micrograd_gd, jit of vmap, with the update", warm=2.0)
def ours_with_the_update(_):
    return with_the_update(parameters(SIZES))


@moons.by("micrograd_gd, the same, nested lists", warm=2.0)
def ours_with_the_update_on_lists(_):
    return with_the_update([(w.tolist(), b.tolist()) for w, b in parameters(SIZES)])


def with_the_update(params):
    @jit
    def run(params, points, labels):
        value, gradient = value_and_grad(loss)(params, points, labels)
        return value, descended(params, gradient)

    def step():
        nonlocal params
        value, params = run(params, POINTS, LABELS)
        return value, params

    return step


@moons.by("micrograd_gd, jit of all points written out", warm=15.0)
def ours_written_out(_):
    return descent_on_arrays(jit(value_and_grad(written_out)))


@moons.by("micrograd_gd, not compiled, arrays")
def ours_eager(_):
    return descent_on_arrays(value_and_grad(written_out))


def descent_on_arrays(value_and_gradient, *samples):
    params = parameters(SIZES)

    def step():
        value, gradient = value_and_gradient(params, *samples)
        for layer, slopes in zip(params, gradient, strict=True):
            for p, g in zip(layer, slopes, strict=True):
                p -= RATE * g  # noqa: PLW2901 — the array itself is changed
        return value, params

    return step


def descended(params, gradient):
    """New parameters, nested in the same way."""
    if isinstance(params, list | tuple):
        return type(params)(map(descended, params, gradient))
    return params - RATE * gradient


@moons.by("NumPy, gradient by hand", "numpy")
def numpy_by_hand(_):
    def value_and_gradient(params):
        output, kept = forward(params, POINTS)
        margins = 1 - LABELS * output[:, 0]
        slopes = -LABELS * (margins > 0) / len(LABELS)
        value = np.maximum(margins, 0).mean()
        value += PENALTY * sum((p * p).sum() for layer in params for p in layer)
        return value, [
            (dw + 2 * PENALTY * w, db + 2 * PENALTY * b)
            for (w, b), (dw, db) in zip(
                params, backward(params, kept, slopes[:, None]), strict=True
            )
        ]

    return descent_on_arrays(value_and_gradient)


@moons.by("jax.jit, vectorized by hand", "jax")
def jax_vectorized(jax):
    def loss(params, points, labels):
        margins = 1 - labels * batch_scores(params, points, jax.nn.relu)[:, 0]
        squares = sum((p * p).sum() for p in jax.tree.leaves(params))
        return jax.nn.relu(margins).mean() + PENALTY * squares

    return jax_descent(jax, loss)


@moons.by("jax.jit of vmap, the scalar code", "jax", slow=True)
def jax_scalar(jax):
    def loss(params, points, labels):
        one = partial(sample_loss, relu=jax.nn.relu)
        each = jax.vmap(one, in_axes=(None, 0, 0))(params, points, labels)
        return each.mean() + PENALTY * sum((p * p).sum() for p in jax.tree.leaves(params))

    return jax_descent(jax, loss)


def jax_descent(jax, loss):
    @jax.jit
    def run(params, points, labels):
        value, gradient = jax.value_and_grad(loss)(params, points, labels)
        return value, descended(params, gradient)

    params, points, labels = jax.device_put((parameters(SIZES), POINTS, LABELS))

    def step():
        nonlocal params
        value, params = jax.block_until_ready(run(params, points, labels))
        return value, params

    return step


@by_tanh.by("micrograd_gd, jit of vmap", warm=2.0)
def ours_by_tanh(_):
    def loss(params, points, labels):
        of_sample = partial(sample_loss, activation=tanh)
        each = vmap(of_sample, in_axes=(None, 0, 0))(params, points, labels)
        return mean(each) + PENALTY * total(p * p for p in leaves(params))

    return partial(jit(value_and_grad(loss)), parameters(SIZES), POINTS, LABELS)


@by_tanh.by("jax.jit, vectorized by hand", "jax")
def jax_by_tanh(jax):
    def loss(params, points, labels):
        margins = 1 - labels * batch_scores(params, points, jax.numpy.tanh)[:, 0]
        squares = sum((p * p).sum() for p in jax.tree.leaves(params))
        return jax.nn.relu(margins).mean() + PENALTY * squares

    run = jax.jit(jax.value_and_grad(loss))
    given = jax.device_put((parameters(SIZES), POINTS, LABELS))
    return lambda: jax.block_until_ready(run(*given))


@moons.by("torch, eager, vectorized by hand", "torch")
def torch_eager(torch):
    params = [tuple(map(torch.tensor, layer)) for layer in parameters(SIZES)]
    every = [p.requires_grad_() for layer in params for p in layer]
    points, labels = torch.tensor(POINTS), torch.tensor(LABELS)

    def step():
        margins = 1 - labels * batch_scores(params, points, torch.relu)[:, 0]
        value = torch.relu(margins).mean() + PENALTY * sum((p * p).sum() for p in every)
        gradient = torch.autograd.grad(value, every)
        with torch.no_grad():
            for p, g in zip(every, gradient, strict=True):
                p.sub_(g, alpha=RATE)
        return value.detach(), [p.detach() for p in every]

    return step


@moons.by("micrograd, eager", "micrograd")
def micrograd_eager(_):
    import compare
    from micrograd.engine import Value
    from micrograd.nn import MLP

    model = MLP(SIZES[0], list(SIZES[1:]))
    for layer, (weights, biases) in zip(model.layers, parameters(SIZES), strict=True):
        for neuron, row, bias in zip(layer.neurons, weights, biases, strict=True):
            for p, number in zip(neuron.parameters(), (*row, bias), strict=True):
                p.data = float(number)

    def step():
        value = compare.moons_by_hand(Value, model)
        return value.data, [
            ([[w.data for w in n.w] for n in layer.neurons], [n.b.data for n in layer.neurons])
            for layer in model.layers
        ]

    return step


@moons.by("casadi, a sample mapped", "casadi")
def casadi_mapped(casadi):
    return casadi_descent(casadi, casadi_by_sample(casadi))


@moons.by("casadi, a sample mapped, gcc -O3", "casadi", program="gcc")
def casadi_compiled(casadi):
    return casadi_descent(casadi, casadi_by_sample(casadi), by_gcc("-O3"))


@moons.by("casadi, all points written out", "casadi")
def casadi_written_out(casadi):
    p, params = casadi_parameters(casadi)
    one = partial(sample_loss, relu=lambda x: casadi.fmax(x, 0))
    each = [one(params, *sample) for sample in zip(inputs, LABELS.tolist(), strict=True)]
    value = sum(each) / len(each) + PENALTY * casadi.sumsqr(p)
    return casadi_descent(casadi, casadi.Function("f", [p], [value, casadi.gradient(value, p)]))


def casadi_by_sample(casadi):
    p, params = casadi_parameters(casadi)
    point, label = casadi.SX.sym("point", 2), casadi.SX.sym("label")
    value = sample_loss(params, casadi.vertsplit(point), label, relu=lambda x: casadi.fmax(x, 0))
    one = casadi.Function("one", [p, point, label], [value, casadi.gradient(value, p)])
    summed = one.map("summed", "serial", len(LABELS), [0], [0, 1])

    def value_and_gradient(p):
        value, gradient = (x / len(LABELS) for x in summed(p, POINTS.T, LABELS[None]))
        return value + PENALTY * casadi.sumsqr(p), gradient + 2 * PENALTY * p

    return value_and_gradient


def casadi_parameters(casadi):
    """All parameters as one vector of symbols, and nested for the scalar code."""
    nested = [(weights.tolist(), biases.tolist()) for weights, biases in parameters(SIZES)]
    structure = flatten(nested)[1]
    p = casadi.SX.sym("p", structure.size)
    return p, unflatten(structure, casadi.vertsplit(p))


def casadi_descent(casadi, value_and_gradient, options=None):
    p = casadi.MX.sym("p", casadi_parameters(casadi)[0].numel())
    value, gradient = value_and_gradient(p)
    run = casadi.Function("step", [p], [value, p - RATE * gradient], options or {})
    params = np.fromiter(flat(parameters(SIZES)), float)
    call = bound(run, params)

    def step():
        value, descended = call()
        params[:] = descended
        return value, params

    return step
