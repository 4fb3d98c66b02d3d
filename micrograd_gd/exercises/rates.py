"""Exercises of the chapter on the learning rate."""

from random import Random

from micrograd_gd.exercises.checking import add


def _draw_curve(random: Random) -> tuple[float, float]:
    return random.uniform(2, 5), random.uniform(0.05, 0.3)


add(
    "critical rate",
    "A number: the critical learning rate of J(w) = 4 * w**2 + w.",
    1 / 4,
    {
        "A rate of 1 / curvature arrives in one step. The critical one is twice as large.": 1 / 8,
        "The curvature is the derivative of the slope 8 * w + 1, which is 8 and not 4.": 1 / 2,
        "That is the curvature. The critical rate is 2 divided by it.": 8.0,
        "That is the curvature divided by 2. It is the other way around.": 4.0,
        "That is 1 divided by the curvature, and halved. The rate is 2 divided by it.": 1 / 16,
    },
)

add(
    "factor",
    "factor(curvature, learning_rate): what a step leaves of the distance to the\n"
    "minimum of J(w) = curvature / 2 * (w - 3)**2, as a factor.",
    lambda curvature, learning_rate: 1 - learning_rate * curvature,
    {
        "That is what the step takes away. What is left is 1 minus that.": (
            lambda curvature, learning_rate: learning_rate * curvature
        ),
        "The step goes against the slope: there is a minus before it.": (
            lambda curvature, learning_rate: 1 + learning_rate * curvature
        ),
        "The slope is curvature * (w - 3): its curvature is missing.": (
            lambda curvature, learning_rate: 1 - learning_rate
        ),
        "The 2 of the square and the 2 below the curvature cancel: there is no 2 left.": (
            lambda curvature, learning_rate: 1 - 2 * learning_rate * curvature
        ),
        "The slope of curvature / 2 * (w - 3)**2 is curvature * (w - 3): the square gives a 2.": (
            lambda curvature, learning_rate: 1 - learning_rate * curvature / 2
        ),
    },
    _draw_curve,
)


def _draw_curvatures(random: Random) -> tuple[float, float]:
    return random.uniform(1, 5), random.uniform(1, 5)


add(
    "two curvatures",
    "critical(a, b): the critical learning rate of J(x, y) = a * x**2 + b * y**2.",
    lambda a, b: 1 / max(a, b),
    {
        "The steepest direction is the one that limits the rate, not the flattest.": (
            lambda a, b: 1 / min(a, b)
        ),
        "You looked at x alone: the steepest direction may be that of y.": lambda a, b: 1 / a,
        "The curvature along x is 2 * a, not a: the square gives a 2.": lambda a, b: 2 / max(a, b),
        "That is half of it, the rate that arrives in one step along the steepest direction.": (
            lambda a, b: 1 / (2 * max(a, b))
        ),
        "The curvatures do not add up: each direction has its own.": lambda a, b: 1 / (a + b),
        "It is the other way around: 2 divided by the curvature.": max,
    },
    _draw_curvatures,
)
