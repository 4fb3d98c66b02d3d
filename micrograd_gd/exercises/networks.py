"""Exercises of the chapter on networks that do not learn."""

from collections.abc import Callable, Sequence
from random import Random

from micrograd_gd.engine import Value
from micrograd_gd.exercises.checking import add
from micrograd_gd.functional import dot

Cost = Callable[[Value], Value]


def _draw_descent(random: Random) -> tuple[Cost, float, float, int]:
    lowest, curvature = random.uniform(-2, 2), random.uniform(1, 3)
    return lambda w: curvature / 2 * (w - lowest) ** 2, lowest + random.uniform(2, 3), 0.1, 4


def _descend(cost: Cost, start: float, learning_rate: float, steps: int) -> float:
    w = Value(start)
    for _ in range(steps):
        w.grad = 0.0
        cost(w).backward()
        w.data -= learning_rate * w.grad
    return w.data


def _descend_with_the_sum(cost: Cost, start: float, learning_rate: float, steps: int) -> float:
    w = Value(start)
    for _ in range(steps):
        cost(w).backward()
        w.data -= learning_rate * w.grad
    return w.data


def _descend_with_the_first(cost: Cost, start: float, learning_rate: float, steps: int) -> float:
    w = Value(start)
    cost(w).backward()
    for _ in range(steps):
        w.data -= learning_rate * w.grad
    return w.data


add(
    "descend",
    "descend(cost, start, learning_rate, steps): the weight after these steps of gradient\n"
    "descent, as a number. `cost` takes a Value and gives one.",
    _descend,
    {
        "The gradients add up: backward() adds to w.grad. Set that to 0.0 before each one.": (
            _descend_with_the_sum
        ),
        "The gradient is stale: it is that of the start. Call cost and backward() in each step.": (
            _descend_with_the_first
        ),
        "That is uphill: subtract the learning rate times the gradient.": (
            lambda cost, start, learning_rate, steps: _descend(cost, start, -learning_rate, steps)
        ),
        "That is the start: w.data has to change in each step.": (
            lambda cost, start, learning_rate, steps: start
        ),
        "One step is missing.": (
            lambda cost, start, learning_rate, steps: _descend(
                cost, start, learning_rate, steps - 1
            )
        ),
        "One step is too much.": (
            lambda cost, start, learning_rate, steps: _descend(
                cost, start, learning_rate, steps + 1
            )
        ),
    },
    _draw_descent,
)


Point = Sequence[float]


def _draw_points(random: Random) -> tuple[list[float], float, list[list[float]]]:
    weights = [random.uniform(-1, 1), random.uniform(-1, 1)]
    points = [[random.uniform(-1, 1), random.uniform(-1, 1)] for _ in range(4)]
    return weights, random.uniform(-1.2, 0.6), points


add(
    "dead neuron",
    "is_dead(weights, bias, points): whether relu(weights · point + bias) is 0 at\n"
    "all points, so that no gradient passes.",
    lambda weights, bias, points: all(dot(weights, p) + bias <= 0 for p in points),
    {
        "One point at 0 is not enough: the neuron is dead if all are.": (
            lambda weights, bias, points: any(dot(weights, p) + bias <= 0 for p in points)
        ),
        "The bias is missing.": (
            lambda weights, bias, points: all(dot(weights, p) <= 0 for p in points)
        ),
        "That is the reverse: a sum below 0 gives 0.": (
            lambda weights, bias, points: all(dot(weights, p) + bias > 0 for p in points)
        ),
        "You looked at the first point alone.": (
            lambda weights, bias, points: dot(weights, points[0]) + bias <= 0
        ),
        "The weights decide nothing alone: it is their sum with the point that counts.": (
            lambda weights, bias, points: all(w <= 0 for w in weights)
        ),
    },
    _draw_points,
)


def _draw_layers(random: Random) -> tuple[float, float, int]:
    return random.uniform(0.2, 0.25), random.uniform(1, 2), random.randrange(2, 5)


add(
    "vanishing gradient",
    "left(slope, weight, layers): how much of a gradient is left on its way\n"
    "back through these layers of one neuron, each with this slope and weight.",
    lambda slope, weight, layers: (slope * weight) ** layers,
    {
        "The weights are missing: the way back leads through each of them too.": (
            lambda slope, weight, layers: slope**layers
        ),
        "The slopes of the activations are missing.": lambda slope, weight, layers: weight**layers,
        "Slopes along a path multiply; you added them up.": (
            lambda slope, weight, layers: layers * slope * weight
        ),
        "That is what one layer leaves.": lambda slope, weight, layers: slope * weight,
        "One layer is missing.": lambda slope, weight, layers: (slope * weight) ** (layers - 1),
        "Within a layer, too, the slope and the weight multiply.": (
            lambda slope, weight, layers: (slope + weight) ** layers
        ),
    },
    _draw_layers,
)
