"""Exercises of the chapter that goes from one neuron to a network."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from random import Random

from micrograd_gd.exercises.checking import add
from micrograd_gd.functional import dot, sigmoid, tanh

Row = Sequence[float]


def _draw_neuron(random: Random) -> tuple[Row, float, Row]:
    weights, inputs = ([random.uniform(-1, 1) for _ in range(3)] for _ in range(2))
    return weights, random.uniform(0.2, 1), inputs


add(
    "neuron's answer",
    "answer(weights, bias, inputs): what a neuron with a sigmoid answers.",
    lambda weights, bias, inputs: sigmoid(dot(weights, inputs) + bias),
    {
        "The bias is missing.": lambda weights, bias, inputs: sigmoid(dot(weights, inputs)),
        "The non-linearity is missing: that is the sum before the sigmoid.": (
            lambda weights, bias, inputs: dot(weights, inputs) + bias
        ),
        "The bias is part of the sum. It is added before the sigmoid.": (
            lambda weights, bias, inputs: sigmoid(dot(weights, inputs)) + bias
        ),
        "The sigmoid is 1 / (1 + exp(-z)): the sign of z is wrong.": (
            lambda weights, bias, inputs: sigmoid(-dot(weights, inputs) - bias)
        ),
        "That is tanh. The sigmoid is 1 / (1 + exp(-z)).": (
            lambda weights, bias, inputs: tanh(dot(weights, inputs) + bias)
        ),
        "One sigmoid for the whole sum, not one for each product.": (
            lambda weights, bias, inputs: (
                sum(sigmoid(w * x) for w, x in zip(weights, inputs, strict=True)) + bias
            )
        ),
    },
    _draw_neuron,
)


def _draw_sizes(random: Random) -> tuple[list[int]]:
    return ([random.randrange(2, 7) for _ in range(random.randrange(3, 5))],)


def _count_weights(sizes: list[int]) -> int:
    return sum(before * after for before, after in pairwise(sizes))


add(
    "parameters",
    "count(sizes): how many parameters a network has. The first size is that of the\n"
    "inputs; the others say how many neurons each layer has.",
    lambda sizes: _count_weights(sizes) + sum(sizes[1:]),
    {
        "The biases are missing: every neuron has one.": _count_weights,
        "The inputs have no bias: they are numbers, not neurons.": (
            lambda sizes: _count_weights(sizes) + sum(sizes)
        ),
        "Every neuron has a bias of its own, not every layer.": (
            lambda sizes: _count_weights(sizes) + len(sizes) - 1
        ),
        "That is how many neurons there are. Most parameters are weights between them.": (
            lambda sizes: sum(sizes[1:])
        ),
        "Between two layers the sizes multiply; the layers add up.": prod,
        "The first layer has weights, too: one from each input to each of its neurons.": (
            lambda sizes: _count_weights(sizes[1:]) + sum(sizes[1:])
        ),
    },
    _draw_sizes,
)


def _draw_score(random: Random) -> tuple[float, float]:
    return random.choice([-1.0, 1.0]), random.uniform(-2.5, 2.5)


add(
    "hinge",
    "slope(label, score): the derivative of the hinge loss max(0, 1 - label * score) by the\n"
    "score; the label is 1 or -1.",
    lambda label, score: -label if label * score < 1 else 0,
    {
        "The sign is wrong: for the label 1, a larger score makes the loss smaller.": (
            lambda label, score: label if label * score < 1 else 0
        ),
        "Beyond a margin of 1 the loss is 0, and so is its slope.": lambda label, score: -label,
        "The label is missing: for the label -1 the slope has the other sign.": (
            lambda label, score: -1 if label * score < 1 else 0
        ),
        "That is the loss, not its slope.": lambda label, score: max(0, 1 - label * score),
        "The margin is 1, not 0: points that are right, but not by 1, have a loss.": (
            lambda label, score: -label if label * score < 0 else 0
        ),
        "That is the derivative by the label.": (
            lambda label, score: -score if label * score < 1 else 0
        ),
    },
    _draw_score,
)
