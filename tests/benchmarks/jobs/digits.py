"""The gradient of a classifier of digits over the whole data set: 1,797 pictures of 8 by 8."""

import sys
from functools import partial

import numpy as np
from job import Job
from jobs.network import backward, batch_scores, forward, parameters, scores
from timing import MILLI

from micrograd_gd import jit, value_and_grad, vmap
from micrograd_gd.functional import dot, logsumexp, mean, relu

SIZES = (64, 32, 10)

digits = Job("DIGITS: value and gradient over 1,797 samples", MILLI)
JOBS = [digits]


def load():
    """The pictures with numbers up to 1, and the classes."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        sys.exit("Left out, for want of data: digits; pip install scikit-learn")
    pictures, classes = load_digits(return_X_y=True)
    return pictures / 16, classes


PICTURES, CLASSES = load()
TARGETS = np.eye(10)[CLASSES]


def sample_loss(params, picture, target):
    output = scores(params, picture, relu)
    return logsumexp(output) - dot(target, output)


def loss(params, pictures, targets):
    return mean(vmap(sample_loss, in_axes=(None, 0, 0))(params, pictures, targets))


@digits.by("micrograd_gd, jit of vmap, the scalar code", warm=10.0)
def ours(_):
    return partial(jit(value_and_grad(loss)), parameters(SIZES), PICTURES, TARGETS)


@digits.by("NumPy, gradient by hand", "numpy")
def numpy_by_hand(_):
    params = parameters(SIZES)

    def step():
        output, kept = forward(params, PICTURES)
        output -= output.max(axis=1, keepdims=True)
        exps = np.exp(output)
        sums = exps.sum(axis=1, keepdims=True)
        value = (np.log(sums[:, 0]) - output[np.arange(len(output)), CLASSES]).mean()
        return value, backward(params, kept, (exps / sums - TARGETS) / len(output))

    return step


@digits.by("jax.jit, vectorized by hand", "jax")
def jax_vectorized(jax):
    def loss(params, pictures, classes):
        logs = jax.nn.log_softmax(batch_scores(params, pictures, jax.nn.relu))
        return -jax.numpy.take_along_axis(logs, classes[:, None], axis=1).mean()

    run = jax.jit(jax.value_and_grad(loss))
    given = jax.device_put((parameters(SIZES), PICTURES, CLASSES))
    return lambda: jax.block_until_ready(run(*given))


@digits.by("torch, eager, vectorized by hand", "torch")
def torch_eager(torch):
    params = [tuple(map(torch.tensor, layer)) for layer in parameters(SIZES)]
    every = [p.requires_grad_() for layer in params for p in layer]
    pictures, classes = torch.tensor(PICTURES), torch.tensor(CLASSES)

    def step():
        output = batch_scores(params, pictures, torch.relu)
        value = torch.nn.functional.cross_entropy(output, classes)
        return value.detach(), torch.autograd.grad(value, every)

    return step


@digits.by("autograd, vectorized by hand", "autograd")
def autograd(package):
    np = package.numpy

    def loss(params):
        output = batch_scores(params, PICTURES, lambda x: np.maximum(x, 0))
        largest = output.max(axis=1, keepdims=True)
        sums = np.log(np.exp(output - largest).sum(axis=1)) + largest[:, 0]
        return (sums - (TARGETS * output).sum(axis=1)).mean()

    return partial(package.value_and_grad(loss), parameters(SIZES))
