"""Exercises of the first chapter."""

from collections.abc import Callable
from random import Random
from typing import Any

from micrograd_gd.exercises.checking import add


def _draw_step(random: Random) -> tuple[float, float, float]:
    return random.uniform(2, 4), random.uniform(-3, -1), random.uniform(0.05, 0.3)


Cost = Callable[[Any], Any]


def _draw_cost(random: Random) -> tuple[Cost, float]:
    lowest, bend = random.uniform(-2, 2), random.uniform(1, 3)
    return lambda w: bend * (w - lowest) ** 2 + 1, lowest + random.uniform(1, 2)


def _slope(J: Cost, w: float, h: float = 1e-6) -> Any:
    return (J(w + h) - J(w - h)) / (2 * h)


add(
    "slope",
    "slope(J, w): the slope at w of any function J of one number.",
    _slope,
    {
        "The sign is wrong: J at the right minus J at the left.": lambda J, w: -_slope(J, w),
        "From w - h to w + h it is 2 * h: divide by that.": lambda J, w: 2 * _slope(J, w),
        "From w to w + h it is h, and not 2 * h: divide by that.": lambda J, w: _slope(J, w) / 2,
        "That is how high J is, not how steep.": lambda J, w: J(w),
        "A step of 1 is too far: J bends on the way. Take a small one.": (
            lambda J, w: J(w + 1) - J(w)
        ),
    },
    _draw_cost,
)

add(
    "step",
    "step(w, slope, learning_rate): the weight after one step of gradient descent.",
    lambda w, slope, learning_rate: w - learning_rate * slope,
    {
        "That goes uphill: the slope points where the cost grows, so subtract it.": (
            lambda w, slope, learning_rate: w + learning_rate * slope
        ),
        "The learning rate is missing: it scales the slope to a step.": (
            lambda w, slope, learning_rate: w - slope
        ),
        "The slope is missing: a step is the learning rate times the slope.": (
            lambda w, slope, learning_rate: w - learning_rate
        ),
        "That is how far the step goes. It starts from w.": (
            lambda w, slope, learning_rate: -learning_rate * slope
        ),
        "The step is subtracted from w; you subtracted a part of w.": (
            lambda w, slope, learning_rate: w * (1 - learning_rate * slope)
        ),
    },
    _draw_step,
)

add(
    "minimum",
    "A number: the w at which J(w) = 2 * w**2 - 8 * w + 3 is lowest.",
    2.0,
    {
        "The slope is 4 * w - 8. It is 0 at 8 / 4, which is not negative.": -2.0,
        "The slope of 2 * w**2 is 4 * w: the exponent is a factor that is missing.": 4.0,
        "That is how low J is there. The question is at which w.": -5.0,
        "That is the slope at 0. Look for the w at which the slope is 0.": -8.0,
        "At 0 the slope is -8, so J falls on to the right.": 0.0,
    },
)
