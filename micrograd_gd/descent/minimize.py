"""Gradient descent on any differentiable function, of one number or of any structure of numbers.

Start at any point, calculate the slope, take a small step in the opposite direction, repeat:
x ← x - learning_rate · ∇f(x), until the ground is level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from micrograd_gd.core.blocks import detect_anomaly
from micrograd_gd.errors import ArgumentError, NonFiniteError
from micrograd_gd.names import accept_lr
from micrograd_gd.table.numbers import number, shorten
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.derivatives import stop_gradient, value_and_grad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_gd.optim import Schedule

Status = Literal["converged", "max_steps", "diverged", "oscillating", "stalled"]


@dataclass(frozen=True)
class Step:
    """Where a descent stood, and the ground there.

    ``parameters`` and ``gradient`` have the structure of the start. ``step_length`` is the distance
    from the point before, 0 at the start.
    """

    parameters: Any
    value: float
    gradient: Any
    gradient_norm: float
    step_length: float


@dataclass(frozen=True, repr=False)
class Descent:
    """A descent that has ended: each of its steps, and how it ended.

    ``function`` takes the ``parameters`` of a step as its one argument. ``trajectory`` begins with
    the start. ``status`` is one of

    - ``converged``: the ground is level, or the value no longer changes;
    - ``max_steps``: on its way, and out of steps;
    - ``oscillating``: it jumps over the minimum and back, and gets no lower;
    - ``diverged``: a number is no longer finite, or the value ended above where it began;
    - ``stalled``: there is a slope, but the step against it is too small to change a number.

    ``message`` says the same in plain words, with the remedy.
    """

    function: Callable[[Any], Any]
    trajectory: tuple[Step, ...]
    status: Status
    message: str

    @property
    def parameters(self) -> Any:
        """Where it ended: the last point at which the function was finite."""
        return self.trajectory[-1].parameters

    @property
    def value(self) -> float:
        """The function's value where it ended."""
        return self.trajectory[-1].value

    @property
    def minimizer(self) -> Any:
        """The lowest point that was met; where the descent converged, it ended there."""
        return min(self.trajectory, key=lambda step: step.value).parameters

    @property
    def overshooting(self) -> float:
        """The share of the steps, 0 to 1, that went too far: the slope behind them points back."""
        turned = _turns(self.trajectory)
        return sum(turned) / len(turned) if turned else 0.0

    def __repr__(self) -> str:
        steps = counted(len(self.trajectory) - 1)
        place = shorten(self.parameters)
        return f"Descent({self.status} after {steps}, value {self.value:g} at {place})"


@accept_lr
def minimize(
    f: Callable[..., Any],
    start: Any = None,
    *,
    learning_rate: float | Schedule = 0.1,
    max_steps: int = 1000,
    tolerance: float | None = 1e-6,
    value_tolerance: float | None = None,
    bounds: tuple[Any, Any] | None = None,
    seed: int | None = 0,
    callback: Callable[[Step], Any] | None = None,
) -> Descent:
    """Walk from ``start`` against the slope of ``f`` until the ground is level.

    ``start`` is a number, or a list, dict or array of numbers, nested as you like; a tuple is one
    entry for each argument of ``f``. Without a start, one is drawn between the two ``bounds``,
    which have its structure; ``seed`` decides it, None makes it new each time; an ``Objective``
    has a start of its own. ``learning_rate`` is a number or a schedule. The descent stops where the
    norm of the gradient is at most ``tolerance``, where a step changes the value by at most
    ``value_tolerance`` and does not just jump across, and after ``max_steps``; None switches one of
    the first two off. ``callback`` sees every step.

    A number that is not finite ends it as well: the message names the first operation that went
    wrong. ``ArgumentError`` for settings out of range; what ``grad`` raises for a function that
    returns no number.

    >>> minimize(lambda w: (w - 3) ** 2 + 1, start=0.0)
    Descent(converged after 70 steps, value 1 at 2.9999995063486327)
    >>> descent = minimize(lambda a, b: (a - b) ** 2 + a**2, bounds=((-1, -1), (1, 1)), seed=0)
    >>> descent.status, len(descent.parameters)
    ('converged', 2)
    """
    settings = _Settings(learning_rate, max_steps, tolerance, value_tolerance)
    if bounds is None and start is None:
        start = getattr(f, "start", None)
    start = _start(start, bounds, seed)
    function = _of_one_argument(f, start)
    trajectory: list[Step] = []
    end = _walk(function, start, settings, trajectory, callback or (lambda _: None))
    return Descent(function, tuple(trajectory), *end)


@dataclass(frozen=True)
class _Settings:
    learning_rate: Any  # as they came, until they are checked
    max_steps: Any
    tolerance: Any
    value_tolerance: Any

    def __post_init__(self) -> None:
        if not (isinstance(self.max_steps, Integral) and int(self.max_steps) >= 1):
            given = shorten(self.max_steps)
            raise ArgumentError(f"max_steps is {given}; expected a whole number, at least 1")
        if not callable(self.learning_rate):
            check_rate("learning_rate", self.learning_rate)
        for name in ("tolerance", "value_tolerance"):
            given = getattr(self, name)
            if given is not None and not number(given, name) >= 0:
                raise ArgumentError(f"{name} is {given}; expected a number, at least 0, or None")

    def rate(self, step: int) -> float:
        if not callable(self.learning_rate):
            return float(self.learning_rate)
        rate = number(self.learning_rate(step), "the learning rate of the schedule")
        if not 0 <= rate < math.inf:
            expected = "expected a finite number, not below 0"
            raise ArgumentError(f"the schedule gives the rate {rate} at step {step}; {expected}")
        return rate


def check_rate(name: str, rate: Any) -> float:
    """A learning rate as a float; ``ArgumentError`` unless it is finite and above 0.

    >>> check_rate("learning_rate", 1)
    1.0
    """
    given = number(rate, name)
    if not 0 < given < math.inf:
        raise ArgumentError(f"{name} is {given}; expected a finite number above 0")
    return given


def counted(steps: int) -> str:
    """A number of steps in words.

    >>> counted(1), counted(2)
    ('1 step', '2 steps')
    """
    return f"{steps} step{'s' * (steps != 1)}"


def _start(start: Any, bounds: Any, seed: int | None) -> Any:
    """The start as floats, in its structure; drawn between the bounds where there is none."""
    if bounds is None:
        if start is None:
            raise ArgumentError(
                "no place to start from; expected a start, or bounds, such as (-1, 1) for a number "
                "and ([-1, -1], [1, 1]) for a list of two, to draw a random one between"
            )
        leaves, structure = trees.flatten(stop_gradient(start), "start")
        if not all(map(math.isfinite, leaves)):
            raise ArgumentError(f"start is {shorten(start)}; expected finite numbers")
        return trees.unflatten(structure, leaves)
    if start is not None:
        raise ArgumentError("both a start and bounds; bounds are for a random start: leave one out")
    if not (isinstance(bounds, (tuple, list)) and len(bounds) == 2):
        raise ArgumentError(f"bounds is {shorten(bounds)}; expected a pair: lowest, highest")
    lows, structure = trees.flatten(bounds[0], "the lower bound")
    highs = trees.matched(bounds[1], structure, "the upper bound")
    for low, high in zip(lows, highs, strict=True):
        if not -math.inf < low <= high < math.inf:
            raise ArgumentError(
                f"a start between {low} and {high}; expected two finite numbers, the lower one "
                f"first: bounds are one structure of lowest numbers, then one of highest"
            )
    random = Random(seed)  # noqa: S311 — a start, no secret
    drawn = [low + (high - low) * random.random() for low, high in zip(lows, highs, strict=True)]
    return trees.unflatten(structure, drawn)


def _of_one_argument(f: Callable[..., Any], start: Any) -> Callable[[Any], Any]:
    return (lambda arguments: f(*arguments)) if type(start) is tuple else f


def _walk(
    function: Callable[[Any], Any],
    start: Any,
    settings: _Settings,
    trajectory: list[Step],
    callback: Callable[[Step], Any],
) -> tuple[Status, str]:
    """Fill the trajectory; how it ended."""
    with_slope = value_and_grad(function)
    point, structure = trees.flatten(start)
    length = 0.0
    for count in range(int(settings.max_steps) + 1):
        value, gradient = with_slope(trees.unflatten(structure, point))
        slopes, _ = trees.flatten(gradient)
        norm = math.hypot(*slopes)
        step = Step(trees.unflatten(structure, point), value, gradient, norm, length)
        is_finite = math.isfinite(value) and all(map(math.isfinite, slopes))
        if math.isfinite(value) or not trajectory:
            trajectory.append(step)
        if not is_finite:
            return "diverged", _what_broke(with_slope, step, count)
        callback(step)
        level = _level(trajectory, settings)
        if level:
            return "converged", level
        if count == settings.max_steps:
            break
        rate = settings.rate(count)
        following = [x - rate * slope for x, slope in zip(point, slopes, strict=True)]
        if not all(map(math.isfinite, following)):
            return "diverged", f"step {count + 1} would lead to a parameter that is not finite"
        if following == point and not callable(settings.learning_rate):
            return _stuck(trajectory, rate)
        length = math.dist(following, point)
        point = following
    return _out_of_steps(trajectory)


def _level(trajectory: Sequence[Step], settings: _Settings) -> str:
    """Why this is the end, if the ground is level here."""
    last, count = trajectory[-1], len(trajectory) - 1
    tolerance, change = settings.tolerance, settings.value_tolerance
    if tolerance is not None and last.gradient_norm <= tolerance:
        if count == 0 and last.gradient_norm == 0:
            return (
                "no step was taken: the gradient is 0 at the start, which is a minimum or another "
                "level place, or the function does not depend on its parameters by way of values"
            )
        return (
            f"the ground is level after {counted(count)}: the gradient's norm is "
            f"{last.gradient_norm:.3g}, the tolerance {tolerance:g}"
        )
    if (
        change is not None
        and _went_on(trajectory)
        and abs(last.value - trajectory[-2].value) <= change
    ):
        return f"step {count} changed the value by no more than {change:g}, to {last.value:g}"
    return ""


def _went_on(trajectory: Sequence[Step]) -> bool:
    """Whether the last step went somewhere: not nowhere, nor across to a slope as steep."""
    if len(trajectory) < 2 or trajectory[-1].step_length == 0:
        return False
    before, last = trajectory[-2:]
    return not any(_turns([before, last])) or last.gradient_norm < 0.99 * before.gradient_norm


def _stuck(trajectory: Sequence[Step], rate: float) -> tuple[Status, str]:
    """What to call it where a step is lost in the rounding of the parameters."""
    count, norm = len(trajectory) - 1, trajectory[-1].gradient_norm
    if norm <= 1e-6 * max(step.gradient_norm for step in trajectory):
        return "converged", f"level to the last digit of the parameters after {counted(count)}"
    return "stalled", (
        f"the learning rate {rate:g} is too small: against a gradient of norm {norm:.3g}, "
        f"step {count + 1} changes no number any more; try a larger one"
    )


def _what_broke(with_slope: Callable[[Any], Any], step: Step, count: int) -> str:
    """What is not finite, and the first operation that made it so out of finite numbers."""
    try:
        with detect_anomaly():
            with_slope(step.parameters)
        cause = "it came as an argument or a constant"
    except NonFiniteError as error:
        cause = str(error)
    what = f"the gradient is {step.gradient_norm}"
    if not math.isfinite(step.value):
        what = f"the value is {step.value}"
    where = f"at step {count}" if count else "at the start"
    if step.value == -math.inf and count:
        return f"{what} {where}: it fell without end, so there may be no minimum; {cause}"
    remedy = "; a smaller learning rate may stay where it is finite" if count else ""
    return f"{what} {where}: {cause}{remedy}"


def _out_of_steps(trajectory: Sequence[Step]) -> tuple[Status, str]:
    """What to call a descent that used all its steps."""
    values = [step.value for step in trajectory]
    count, half = len(trajectory) - 1, len(trajectory) // 2
    went = f"from {values[0]:.6g} to {values[-1]:.6g} in {counted(count)}"
    turned = _turns(trajectory)
    if count > 2 and all(turned[half:]) and _is_level(values[:half], values[half:]):
        return "oscillating", (
            f"every step jumps over the minimum and the next one back, and after {counted(count)} "
            f"the value is {values[-1]:.6g}, no lower than before: try a smaller learning rate"
        )
    if values[-1] > values[0]:
        return "diverged", f"the value grew {went}: try a smaller learning rate"
    if values[-1] == values[0] == min(values) and not any(turned):
        return (
            "stalled",
            f"{counted(count)} changed no value: try a larger learning rate",
        )
    if sum(turned) > count / 2:
        hint = "it overshoots, so a smaller learning rate may be faster"
    else:
        hint = "it still goes downhill: try more steps, or a larger learning rate"
    return "max_steps", f"the value went {went}, and the ground is not level; {hint}"


def _is_level(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether the second values go neither lower nor higher than the first, but for rounding."""
    slack = 1e-9 * max(map(abs, first))
    return min(second) >= min(first) - slack and max(second) <= max(first) + slack


def _turns(trajectory: Sequence[Step]) -> list[bool]:
    """For every step, whether the slope where it ended points back to where it came from."""
    slopes = [_directions(step) for step in trajectory]
    return [math.fsum(map(float.__mul__, *two)) < 0 for two in pairwise(slopes)]


def _directions(step: Step) -> list[float]:
    """The gradient, scaled so that products neither overflow nor vanish."""
    leaves, _ = trees.flatten(step.gradient)
    norm = step.gradient_norm
    return [x / norm for x in leaves] if 0 < norm < math.inf else [0.0] * len(leaves)
