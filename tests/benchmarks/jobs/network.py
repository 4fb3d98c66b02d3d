"""A network of relu layers, as scalar code and as what is written by hand for whole arrays."""

from itertools import pairwise

import numpy as np


def parameters(sizes):
    """A pair of weights and biases for each layer."""
    random = np.random.default_rng(0)
    return [
        (random.uniform(-1, 1, (outputs, inputs)) / inputs**0.5, random.uniform(-1, 1, outputs))
        for inputs, outputs in pairwise(sizes)
    ]


def scores(layers, x, relu):
    """What the network gives for one sample, in plain loops over single numbers."""
    for i, (weights, biases) in enumerate(layers):
        if i > 0:
            x = [relu(each) for each in x]
        x = [
            sum((w * each for w, each in zip(row, x, strict=True)), bias)
            for row, bias in zip(weights, biases, strict=True)
        ]
    return x


def batch_scores(layers, x, relu):
    """What it gives for all samples at once."""
    for i, (weights, biases) in enumerate(layers):
        x = (relu(x) if i > 0 else x) @ weights.T + biases
    return x


def forward(layers, x):
    """The same in NumPy, with the input of each layer for `backward`."""
    inputs = []
    for i, (weights, biases) in enumerate(layers):
        inputs.append(np.maximum(x, 0) if i > 0 else x)
        x = inputs[-1] @ weights.T + biases
    return x, inputs


def backward(layers, inputs, slopes):
    """The gradient by all parameters, given that by the scores."""
    gradient = []
    for (weights, _), x in zip(reversed(layers), reversed(inputs), strict=True):
        gradient.append((slopes.T @ x, slopes.sum(axis=0)))
        slopes = slopes @ weights * (x > 0)
    return gradient[::-1]
