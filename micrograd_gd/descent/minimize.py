"""Gradient descent on any differentiable function, of one number or of any structure of numbers.

Start at any point, calculate the slope, take a small step in the opposite direction, repeat:
x ← x - learning_rate · ∇f(x), until the ground is level.
"""

import math
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from micrograd_gd.compiler.jit import CompiledFunction, jit
from micrograd_gd.descent.ending import (
    explain_fall,
    explain_level,
    judge_break,
    judge_last,
    judge_stuck,
)
from micrograd_gd.descent.trajectory import Descent, Status, Step
from micrograd_gd.errors import ArgumentError
from micrograd_gd.schedules import Schedule, rate_at
from micrograd_gd.table.numbers import generator, number, require_count, require_positive, shorten
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.derivatives import value_and_grad


def minimize(
    f: Callable[..., Any],
    start: Any = None,
    *,
    learning_rate: float | Schedule = 0.1,
    max_steps: int = 1000,
    tolerance: float | None = 1e-6,
    value_tolerance: float | None = None,
    bounds: tuple[Any, Any] | None = None,
    seed: int | Random | None = None,
    callback: Callable[[Step], Any] | None = None,
) -> Descent:
    """Walk from `start` against the slope of `f` until the ground is level.

    `start` is a number, or a list, dict or array of numbers, nested as you like; a tuple is one
    entry for each argument of `f`. An `Objective` has a start of its own. Where `f` is compiled, so
    is its slope. With `bounds` in place
    of a start, one is drawn between the two, which have its structure, by a generator of that
    `seed`; None takes Python's own, the module `random`. `learning_rate` is a number or a schedule.

    The descent stops where the norm of the gradient is at most `tolerance`, where a step changes
    the value by at most `value_tolerance` and does not just jump across, and after `max_steps`;
    None switches one of the first two off. `callback` sees every step.

    A number that is not finite also ends the descent: the message names the first operation that
    went wrong.

    Raises ArgumentError for settings out of range, and what `grad` raises for a function that
    returns no number.

    >>> minimize(lambda w: (w - 3) ** 2 + 1, start=0.0)
    Descent(converged after 70 steps, value 1 at 2.9999995063486327)
    >>> descent = minimize(lambda a, b: (a - b) ** 2 + a**2, bounds=((-1, -1), (1, 1)), seed=0)
    >>> descent.status, len(descent.parameters)
    ('converged', 2)
    """
    if bounds is None:
        start = read_start(f, start)
    elif start is None:
        start = _draw_start(bounds, generator(seed))
    else:
        raise ArgumentError("both a start and bounds; bounds are for a random start: leave one out")
    function, slope = on_one(f, start), find_slope(f, start)
    end = descend(slope, start, learning_rate, max_steps, tolerance, value_tolerance, callback)
    return Descent(function, *end)


def on_one(f: Callable[..., Any], start: Any) -> Callable[[Any], Any]:
    """F as a function of one argument; a tuple is several."""
    return partial(_spread, f) if type(start) is tuple else f


def _spread(f: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return f(*arguments)


def find_slope(f: Callable[..., Any], start: Any) -> Callable[[Any], Any]:
    """The value and the slope of f at a place, by programs where f is compiled."""
    if isinstance(f, CompiledFunction):
        return jit(value_and_grad(on_one(f.f, start)))
    return value_and_grad(on_one(f, start))


def descend(
    with_slope: Callable[[Any], Any],
    start: Any,
    learning_rate: float | Schedule,
    max_steps: int,
    tolerance: float | None,
    value_tolerance: float | None = None,
    callback: Callable[[Step], Any] | None = None,
) -> tuple[tuple[Step, ...], Status, str]:
    """The steps of a descent, and how it ended."""
    if not callable(learning_rate):
        learning_rate = require_positive("learning_rate", learning_rate)
    max_steps = require_count("max_steps", max_steps)
    for name, given in (("tolerance", tolerance), ("value_tolerance", value_tolerance)):
        if given is not None and not number(given, name) >= 0:
            raise ArgumentError(f"{name} is {given}; expected a number, at least 0, or None")
    trajectory: list[Step] = []

    def after_step() -> str:
        if callback is not None:
            callback(trajectory[-1])
        return explain_level(trajectory, tolerance, value_tolerance)

    status, message = _walk(with_slope, start, learning_rate, max_steps, trajectory, after_step)
    return tuple(trajectory), status, message


def read_start(f: Callable[..., Any], start: Any) -> Any:
    """The start as floats, in its structure; that of the function itself where none is given."""
    start = getattr(f, "start", None) if start is None else start
    if start is None:
        raise ArgumentError(
            "no place to start from; expected a start, or bounds, such as (-1, 1) for a number "
            "and ([-1, -1], [1, 1]) for a list of two, to draw a random one between"
        )
    leaves, structure = trees.flatten_numbers(start, "start")
    if not all(map(math.isfinite, leaves)):
        raise ArgumentError(f"start is {shorten(start)}; expected finite numbers")
    return trees.unflatten(structure, leaves)


def _draw_start(bounds: Any, random: Random) -> Any:
    """A start between the bounds, in their structure."""
    if not (isinstance(bounds, (tuple, list)) and len(bounds) == 2):
        raise ArgumentError(f"bounds is {shorten(bounds)}; expected a pair: lowest, highest")
    lows, structure = trees.flatten(bounds[0], "the lower bound")
    highs = trees.match(bounds[1], structure, "the upper bound")
    for low, high in zip(lows, highs, strict=True):
        if not -math.inf < low <= high < math.inf:
            raise ArgumentError(
                f"a start between {low} and {high}; expected two finite numbers, the lower one "
                f"first: bounds are one structure of lowest numbers, then one of highest"
            )
    numbers = [low + (high - low) * random.random() for low, high in zip(lows, highs, strict=True)]
    return trees.unflatten(structure, numbers)


def _walk(
    with_slope: Callable[[Any], Any],
    start: Any,
    learning_rate: float | Schedule,
    max_steps: int,
    trajectory: list[Step],
    after_step: Callable[[], str],
) -> tuple[Status, str]:
    """Fill the trajectory, and say how it ended; `after_step` gives a reason to, if any."""
    point, structure = trees.flatten(start)
    length = 0.0
    for count in range(max_steps + 1):
        value, gradient = with_slope(trees.unflatten(structure, point))
        slopes, _ = trees.flatten(gradient)
        norm = math.hypot(*slopes)
        step = Step(trees.unflatten(structure, point), value, gradient, norm, length)
        is_finite = math.isfinite(value) and all(map(math.isfinite, slopes))
        if math.isfinite(value) or not trajectory:
            trajectory.append(step)
        if not is_finite:
            return judge_break(with_slope, step, count, trajectory)
        if reason := after_step():
            return "converged", reason
        if count == max_steps:
            break
        rate = rate_at(learning_rate, count)
        following = [x - rate * slope for x, slope in zip(point, slopes, strict=True)]
        if not all(map(math.isfinite, following)):
            if fall := explain_fall(trajectory):
                return "unbounded", fall
            return "diverged", f"step {count + 1} would lead to a parameter that is not finite"
        if following == point and not callable(learning_rate):
            return judge_stuck(trajectory, rate)
        length = math.dist(following, point)
        point = following
    return judge_last(trajectory)
