"""Exercises of the chapter on fitting a curve."""

from collections.abc import Sequence
from math import log, sqrt
from random import Random
from statistics import fmean, pstdev, stdev, variance

from micrograd_gd.exercises.checking import add

Row = Sequence[float]


def _draw_values(random: Random) -> tuple[Row]:
    return ([random.uniform(4, 6) for _ in range(random.randrange(4, 9))],)


add(
    "error of the mean",
    "error(values): the standard error of the mean of these measurements.",
    lambda values: stdev(values) / sqrt(len(values)),
    {
        "That is how far a single value scatters. The mean of n scatters less, by √n.": stdev,
        "Divide by the root of the number of values, not by the number.": (
            lambda values: stdev(values) / len(values)
        ),
        "The deviation is the root of the variance; you divided the variance.": (
            lambda values: variance(values) / sqrt(len(values))
        ),
        "That is the square of it.": lambda values: variance(values) / len(values),
        "The mean itself was found from the values: divide their squares by n - 1, not by n.": (
            lambda values: pstdev(values) / sqrt(len(values))
        ),
        "More values make the error smaller: divide by the root of their number.": (
            lambda values: stdev(values) * sqrt(len(values))
        ),
    },
    _draw_values,
)


def _draw_rate(random: Random) -> tuple[float, float]:
    return random.uniform(0.2, 0.6), random.uniform(0.01, 0.05)


add(
    "half-life",
    "error(rate, rate_error): the error of the half-life log(2) / rate, to the first\n"
    "order: the size of its slope by the rate, times the error of the rate.",
    lambda rate, error: log(2) / rate**2 * error,
    {
        "Put the error through the slope of log(2) / rate, not into the formula itself.": (
            lambda rate, error: log(2) / error
        ),
        "An error is a size: the slope is negative, its size is not.": (
            lambda rate, error: -log(2) / rate**2 * error
        ),
        "The slope of 1 / rate is -1 / rate**2: the square is missing.": (
            lambda rate, error: log(2) / rate * error
        ),
        "The factor log(2) is missing.": lambda rate, error: error / rate**2,
        "That is the slope. It is multiplied by the error of the rate.": (
            lambda rate, error: log(2) / rate**2
        ),
        "That is the error of the rate: the half-life has its own.": lambda rate, error: error,
    },
    _draw_rate,
)


def _draw_measured(random: Random) -> tuple[Row, Row]:
    return [random.uniform(4, 6) for _ in range(4)], [random.uniform(0.1, 1) for _ in range(4)]


def _average(values: Row, weights: Row) -> float:
    return sum(w * x for w, x in zip(weights, values, strict=True)) / sum(weights)


add(
    "weighted mean",
    "mean(values, errors): the number m at which the sum of\n"
    "((m - value) / error)**2 is lowest; both are lists.",
    lambda values, errors: _average(values, [1 / e**2 for e in errors]),
    {
        "The errors say how much each value counts, and you left them out.": (
            lambda values, errors: fmean(values)
        ),
        "The error is squared in the sum, so the weight of a value is 1 / error**2.": (
            lambda values, errors: _average(values, [1 / e for e in errors])
        ),
        "The other way around: a value with a large error counts less.": (
            lambda values, errors: _average(values, [e**2 for e in errors])
        ),
        "Weights of 1 / error**2, so that a value with a large error counts less.": _average,
        "Divide by the sum of the weights.": (
            lambda values, errors: sum(x / e**2 for x, e in zip(values, errors, strict=True))
        ),
        "Divide by the sum of the weights, not by the number of values.": (
            lambda values, errors: fmean([x / e**2 for x, e in zip(values, errors, strict=True)])
        ),
    },
    _draw_measured,
)
