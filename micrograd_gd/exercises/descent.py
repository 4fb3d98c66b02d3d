"""Exercises of the chapter on the learning rate."""

from random import Random

from micrograd_gd.exercises.checking import add


def _draw_step(random: Random) -> tuple[float, float, float]:
    return random.uniform(2, 4), random.uniform(-3, -1), random.uniform(0.05, 0.3)


def _draw_curve(random: Random) -> tuple[float, float]:
    return random.uniform(2, 5), random.uniform(0.05, 0.3)


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
    "factor(curvature, learning_rate): by what a step multiplies the distance to the minimum of\n"
    "J(w) = curvature / 2 * (w - 3)**2.",
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
