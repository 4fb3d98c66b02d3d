"""How to choose a learning rate: start with something small and slowly increase it.

A small one takes a long time to converge. A very large one overshoots the minimum, overshoots again
in the opposite direction, and can eventually diverge. The curvature says where exactly that begins.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from micrograd_gd.descent.curvature import largest_curvature
from micrograd_gd.descent.minimize import minimize
from micrograd_gd.descent.objective import find_start
from micrograd_gd.descent.trajectory import Descent, count_steps
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.numbers import require_positive

WINDOW = 5  # losses; a spike of up to two of them does not move their median


@dataclass(frozen=True, repr=False)
class LearningRateCurve:
    """What `find_learning_rate` saw: the loss after a step with each of the rising rates.

    `suggestion` is a tenth of the last rate before the loss rose for good.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float

    def __repr__(self) -> str:
        tried = f"{len(self.rates)} rates from {self.rates[0]:g} to {self.rates[-1]:g}"
        return f"LearningRateCurve({tried}, suggestion {self.suggestion:.3g})"


def find_learning_rate(
    f: Callable[..., Any],
    start: Any = None,
    *,
    smallest: float = 1e-6,
    largest: float = 100.0,
    factor: float = 1.1,
) -> LearningRateCurve:
    """Descend once, with a rate that begins small and is slowly increased, and watch the loss.

    At first nothing seems to happen, then the loss falls, then the steps are too large and it
    explodes, which ends the test (Smith, 2017). Each rate is `factor` times the one before. The
    suggestion is a tenth of the last rate before the loss, its spikes smoothed away, rose for good.
    `f` and `start` are those of `minimize`; an `Objective` has a start of its own.

    Raises ArgumentError for rates out of order, and where no rate lowers the loss.

    >>> find_learning_rate(lambda w: (w - 3) ** 2 + 1, start=0.0)
    LearningRateCurve(167 rates from 1e-06 to 7.43337, suggestion 0.558)
    """
    smallest, largest = require_positive("smallest", smallest), require_positive("largest", largest)
    factor = require_positive("factor", factor)
    if not (largest > smallest and factor > 1):
        expected = "expected the largest above the smallest, and a factor above 1"
        raise ArgumentError(f"rates from {smallest} to {largest} by {factor}: {expected}")
    if largest / smallest == math.inf:
        expected = "expected less than 1e308 times as much"
        raise ArgumentError(f"rates from {smallest} to {largest} are too far apart: {expected}")
    steps = math.ceil(math.log(largest / smallest) / math.log(factor))
    watch = _Watch()
    with suppress(_ExplodedError):
        minimize(
            f,
            find_start(f, start),
            learning_rate=lambda step: smallest * factor**step,
            max_steps=steps,
            tolerance=None,
            callback=lambda step: watch(step.value),
        )
    if not watch.losses:
        raise ArgumentError("the loss or its slope is not finite at the start; try another start")
    losses = watch.losses[1:]
    rates = [smallest * factor**i for i in range(len(losses))]
    return LearningRateCurve(tuple(rates), tuple(losses), _suggestion(watch.losses, rates))


class _ExplodedError(Exception):
    """The loss has risen by more than it had fallen before."""


class _Watch:
    """Keep the losses, and end the descent where they explode; a spike is no explosion."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def __call__(self, loss: float) -> None:
        self.losses.append(loss)
        recent, first = median(self.losses[-WINDOW:]), self.losses[0]
        if len(self.losses) > WINDOW and recent > first + (first - min(self.losses)):
            raise _ExplodedError


def _suggestion(losses: Sequence[float], rates: Sequence[float]) -> float:
    """A tenth of the last rate at which the smoothed loss was still down, within 10 % of its fall.

    Beyond 2 / curvature, errors begin to grow. That shows only after some steps, in which the rate
    rises a few times over; hence the tenth.
    """
    half = WINDOW // 2
    smooth = [median(losses[max(0, i - half) : i + half + 1]) for i in range(len(losses))]
    lowest = min(smooth)
    fall = smooth[0] - lowest
    if not (fall > 0 and rates):
        tried = f"from {rates[0]:g} to {rates[-1]:g}" if rates else "at all"
        raise ArgumentError(
            f"no rate {tried} lowered the loss; expected a start that is not level, and a smallest "
            f"rate small enough: try a smaller one, or another start"
        )
    last = max(i for i, loss in enumerate(smooth) if loss <= lowest + 0.1 * fall)
    return rates[max(last - 1, 0)] / 10


VerdictWord = Literal["slow", "converges", "overshoots", "diverges"]


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a learning rate does, and the descent that showed it.

    - `slow`: the right way, but the steps were used up on it;
    - `converges`: gets there, so that the ground is level, or its height within 1 % of the lowest
      that any descent of the sweep met, and no longer changing;
    - `overshoots`: most steps land on the other side of the minimum, and still it gets lower;
    - `diverges`: ends no lower than it began.
    """

    rate: float
    verdict: VerdictWord
    descent: Descent

    def __repr__(self) -> str:
        steps = count_steps(len(self.descent.trajectory) - 1)
        return f"{self.rate:g} {self.verdict}: {self.descent.value:.6g} after {steps}"


class Sweep(tuple[Verdict, ...]):
    """The verdicts of `sweep_learning_rates`, one for each rate, in the order given."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(repr, self))


def sweep_learning_rates(
    f: Callable[..., Any],
    start: Any = None,
    rates: Iterable[float] = (0.001, 0.01, 0.1, 1.0),
    *,
    max_steps: int = 100,
    tolerance: float = 1e-6,
) -> Sweep:
    """A descent from the same start with each of the rates, and a verdict on each.

    `f`, `start`, `max_steps` and `tolerance` are those of `minimize`.

    Raises ArgumentError without rates, and for one that is not above 0.

    >>> def f(w):
    ...     return (w - 3) ** 2
    >>> print(sweep_learning_rates(f, 0.0, [0.01, 0.1, 0.9, 1.1], max_steps=40))
    0.01 slow: 1.78784 after 40 steps
    0.1 converges: 1.59016e-07 after 40 steps
    0.9 overshoots: 1.59016e-07 after 40 steps
    1.1 diverges: 1.94421e+07 after 40 steps
    """
    start = find_start(f, start)
    rates = [require_positive("rate", rate) for rate in rates]
    if not rates:
        raise ArgumentError("no rates to sweep; expected at least one")
    descents = [
        minimize(f, start, learning_rate=rate, max_steps=max_steps, tolerance=tolerance)
        for rate in rates
    ]
    lowest = min(step.value for descent in descents for step in descent.trajectory)
    return Sweep(
        Verdict(rate, _judge(descent, lowest), descent)
        for rate, descent in zip(rates, descents, strict=True)
    )


def _judge(descent: Descent, lowest: float) -> VerdictWord:
    first, last = descent.trajectory[0].value, descent.value
    if descent.status == "diverged" or (descent.status == "oscillating" and last >= first):
        return "diverges"
    if descent.overshooting > 0.5 or descent.status == "oscillating":
        return "overshoots"
    if descent.status == "converged":
        return "converges"
    lately = descent.trajectory[-1 - len(descent.trajectory) // 10].value - last
    is_low = first - last >= 0.99 * (first - lowest)
    return "converges" if is_low and lately < 0.01 * (first - last) else "slow"


def critical_learning_rate(f: Callable[..., Any], at: Any = None) -> float:
    """The rate above which a descent cannot settle at this place: 2 / the largest curvature.

    Along a direction of curvature λ a step turns the distance to the minimum into 1 - rate · λ
    times that, which grows where the rate is above 2 / λ. Infinite where the function bends upward
    in no direction: there the curvature forbids no rate, and there is no minimum either. `at` has
    the structure of `minimize`'s start; an `Objective`, a model's loss on its data, has one.

    Raises NonFiniteError where a derivative is not finite.

    >>> critical_learning_rate(lambda w: (w - 3) ** 2 + 1, 0.0)
    1.0
    >>> round(critical_learning_rate(lambda x: 5 * x[0] ** 2 - 100 * x[1] ** 2, [1.0, 1.0]), 9)
    0.2
    """
    at = find_start(f, at)
    several = type(at) is tuple
    curvature = largest_curvature((lambda x: f(*x)) if several else f, [*at] if several else at)
    return 2 / curvature if curvature > 0 else math.inf
