"""A descent as it happened: each of its steps, and how it ended."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from micrograd_gd.table.numbers import shorten
from micrograd_gd.transforms import trees

Status = Literal["converged", "max_steps", "diverged", "oscillating", "stalled", "unbounded"]


@dataclass(frozen=True)
class Step:
    """A place on the way of a descent, and the slope there.

    `parameters` and `gradient` have the structure of the start. `step_length` is the distance
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

    `function` takes the `parameters` of a step as its one argument. `trajectory` begins with
    the start. `status` is one of

    - `converged`: the ground is level, or the value no longer changes;
    - `max_steps`: on its way, and out of steps;
    - `oscillating`: it jumps over the minimum and back, and gets no lower;
    - `unbounded`: the value fell without end, ever faster, so that no minimum lies this way;
    - `diverged`: a number is no longer finite, or the value ended above where it began;
    - `stalled`: there is a slope, but the step against it is too small to change a number.

    `message` says the same in plain words, with the remedy.
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
        """The lowest point that was met."""
        return min(self.trajectory, key=lambda step: step.value).parameters

    @property
    def overshooting(self) -> float:
        """The share of the steps, 0 to 1, that went too far: the slope behind them points back."""
        back = turns(self.trajectory)
        return sum(back) / len(back) if back else 0.0

    def __repr__(self) -> str:
        steps = count_steps(len(self.trajectory) - 1)
        place = shorten(self.parameters)
        return f"Descent({self.status} after {steps}, value {self.value:g} at {place})"

    def __str__(self) -> str:
        return f"{self!r}\n  {self.message}"


def turns(trajectory: Sequence[Step]) -> list[bool]:
    """For every step, whether the slope at its end points back to its beginning."""
    slopes = [_direction(step) for step in trajectory]
    return [math.fsum(map(float.__mul__, *two)) < 0 for two in pairwise(slopes)]


def _direction(step: Step) -> list[float]:
    """The gradient, scaled so that products neither overflow nor vanish."""
    leaves, _ = trees.flatten(step.gradient)
    norm = step.gradient_norm
    return [x / norm for x in leaves] if 0 < norm < math.inf else [0.0] * len(leaves)


def count_steps(steps: int) -> str:
    """How many steps, in words.

    >>> count_steps(1), count_steps(2)
    ('1 step', '2 steps')
    """
    return f"{steps} step{'s' * (steps != 1)}"
