"""Exercises of the chapter on the derivative in three ways."""

from math import cos, sin
from random import Random

from micrograd_gd.exercises.checking import add


def _draw_tangents(random: Random) -> tuple[float, float, float, float]:
    x, y, dx, dy = (random.uniform(1, 3) for _ in range(4))
    return x, y, dx, dy


add(
    "tangent",
    "tangent(x, y, dx, dy): how fast x * y**2 changes where x changes at the rate dx\n"
    "and y at the rate dy.",
    lambda x, y, dx, dy: dx * y**2 + 2 * x * y * dy,
    {
        "y moves, too: its path is missing.": lambda x, y, dx, dy: dx * y**2,
        "x moves, too: its path is missing.": lambda x, y, dx, dy: 2 * x * y * dy,
        "The slope of y**2 is 2 * y: the exponent is a factor that is missing.": (
            lambda x, y, dx, dy: dx * y**2 + x * y * dy
        ),
        "The rate of a product is a sum of two, and not the product of the rates.": (
            lambda x, y, dx, dy: dx * 2 * y * dy
        ),
        "That is the sum of the slopes. Each is multiplied by the rate of its number.": (
            lambda x, y, dx, dy: y**2 + 2 * x * y
        ),
        "The second path has a plus: both push the same way.": (
            lambda x, y, dx, dy: dx * y**2 - 2 * x * y * dy
        ),
    },
    _draw_tangents,
)

add(
    "second derivative",
    "bend(x): the second derivative of sin(x**2).",
    lambda x: 2 * cos(x**2) - 4 * x**2 * sin(x**2),
    {
        "That is the first derivative. Take the derivative of it.": lambda x: 2 * x * cos(x**2),
        "The first derivative is 2 * x * cos(x**2), a product. Its first factor changes, too.": (
            lambda x: -4 * x**2 * sin(x**2)
        ),
        "The first derivative is 2 * x * cos(x**2), a product. Its second factor changes, too.": (
            lambda x: 2 * cos(x**2)
        ),
        "The slope of cos is -sin: the sign is wrong.": (
            lambda x: 2 * cos(x**2) + 4 * x**2 * sin(x**2)
        ),
        "The slope of x**2 is missing where cos(x**2) changes: the chain rule once more.": (
            lambda x: 2 * cos(x**2) - 2 * x * sin(x**2)
        ),
        "That is the second derivative of sin, at x**2. On the way lies x**2, too.": (
            lambda x: -sin(x**2)
        ),
    },
    lambda random: (random.uniform(0.5, 2),),
)

add(
    "sweeps",
    "sweeps(inputs, results): how many sweeps the whole Jacobian takes, forward or\n"
    "backward, whichever takes fewer.",
    min,
    {
        "That is forward alone. Backward takes one for each result.": (
            lambda inputs, results: inputs
        ),
        "That is backward alone. Forward takes one for each input.": (
            lambda inputs, results: results
        ),
        "That is the dearer way.": max,
        "That is how many derivatives there are. One sweep finds many of them.": (
            lambda inputs, results: inputs * results
        ),
        "One way is enough: forward or backward, not both.": (
            lambda inputs, results: inputs + results
        ),
        "One sweep is enough only for a single input or a single result.": lambda *_: 1,
    },
    lambda random: (random.randrange(2, 50), random.randrange(2, 50)),
)
