"""Exercises of the chapter on backpropagation by hand."""

from math import tanh
from random import Random

from micrograd_gd.exercises.checking import add


def _draw_two(random: Random) -> tuple[float, float]:
    return random.uniform(1.0, 3.0), random.uniform(-3.0, -1.0)


def _draw_three(random: Random) -> tuple[float, float, float]:
    return random.uniform(0.5, 1.5), random.uniform(-1.5, -0.5), random.uniform(0.2, 0.6)


add(
    "two paths",
    "slope(a, b): the derivative of y = a * b + a**2 by a.",
    lambda a, b: b + 2 * a,
    {
        "Two paths lead from a to y. You took the one through a * b alone: add the other.": (
            lambda a, b: b
        ),
        "Two paths lead from a to y. You took the one through a**2 alone: add the other.": (
            lambda a, b: 2 * a
        ),
        "The derivative of a**2 is 2 * a: the exponent is a factor that is missing.": (
            lambda a, b: b + a
        ),
        "The paths come together by a sum; you multiplied them.": lambda a, b: b * 2 * a,
        "That is the derivative by b.": lambda a, b: a,
        "Minus comes from nowhere here: both paths add.": lambda a, b: b - 2 * a,
    },
    _draw_two,
)

add(
    "neuron",
    "slope(x, w, b): the derivative of y = tanh(x * w + b) by w.",
    lambda x, w, b: x * (1 - tanh(x * w + b) ** 2),
    {
        "That is the slope of tanh. The path goes on to w through x * w: multiply by its slope.": (
            lambda x, w, b: 1 - tanh(x * w + b) ** 2
        ),
        "That is the derivative by x: the slope of x * w by w is x.": (
            lambda x, w, b: w * (1 - tanh(x * w + b) ** 2)
        ),
        "The slope of tanh is 1 - y**2: the square is missing.": (
            lambda x, w, b: x * (1 - tanh(x * w + b))
        ),
        "The slope of tanh is 1 - y**2, with a minus.": (
            lambda x, w, b: x * (1 + tanh(x * w + b) ** 2)
        ),
        "The slope of tanh is taken at x * w + b, not at w.": lambda x, w, b: (
            x * (1 - tanh(w) ** 2)
        ),
        "The bias is missing: the slope of tanh is taken at x * w + b.": (
            lambda x, w, b: x * (1 - tanh(x * w) ** 2)
        ),
    },
    _draw_three,
)

add(
    "quotient",
    "slopes(a, b): both derivatives of y = a / b, as a pair: by a, and by b.",
    lambda a, b: (1 / b, -a / b**2),
    {
        "The second one has the wrong sign: a larger b makes a / b smaller.": (
            lambda a, b: (1 / b, a / b**2)
        ),
        "The second one is -a / b**2: a is missing.": lambda a, b: (1 / b, -1 / b**2),
        "The second one is -a / b**2: the square is missing.": lambda a, b: (1 / b, -a / b),
        "The first one is 1 / b: by a, the numerator is a factor and goes.": (
            lambda a, b: (a / b, -a / b**2)
        ),
        "They are in the wrong order: first by a, then by b.": lambda a, b: (-a / b**2, 1 / b),
    },
    _draw_two,
)
