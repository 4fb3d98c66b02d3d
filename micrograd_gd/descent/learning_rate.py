"""How to choose a learning rate: start with something small and slowly increase it.

A small one takes a long time to converge. A very large one overshoots the minimum, overshoots again
in the opposite direction, and can eventually diverge. The curvature says where exactly that begins.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice, product, repeat
from random import Random
from statistics import median
from typing import Any, Literal

from micrograd_gd.compiler.jit import CompiledFunction
from micrograd_gd.descent.curvature import largest_curvature
from micrograd_gd.descent.minimize import descend, find_slope, minimize, on_one, read_start
from micrograd_gd.descent.objective import Objective, find_start
from micrograd_gd.descent.trajectory import Descent, Step, count_steps
from micrograd_gd.errors import ArgumentError, MicrogradError
from micrograd_gd.scale import run_all
from micrograd_gd.schedules import Schedule
from micrograd_gd.table.numbers import generator, require_positive, shorten
from micrograd_gd.transforms import trees

WINDOW = 5  # losses; a spike of up to two of them does not move their median
TRIAL = 100  # steps with a rate before it is suggested
BATCHES = 8  # of which the curvature is looked at
PRODUCTS = 20  # with the Hessian: they find its largest eigenvalue to a few per cent


@dataclass(frozen=True, repr=False)
class LearningRateCurve:
    """What `find_learning_rate` saw: the loss after a step with each of the rising rates.

    `suggestion` is the rate to take, and `reason` says what it is. `has_risen` is whether the
    loss rose in the end: where it did not, the rise says nothing about the rates.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float
    reason: str = ""
    has_risen: bool = True

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
    batch_size: int | None = None,
    seed: int | Random | None = None,
) -> LearningRateCurve:
    """Descend once, with a rate that begins small and is slowly increased, and watch the loss.

    At first nothing seems to happen, then the loss falls, then the steps are too large and it
    explodes, which ends the test (Smith, 2017). Each rate is `factor` times the one before. The
    suggestion is a tenth of the last rate before the loss, its spikes smoothed away, rose for good;
    at most half the critical rate, at the start and at the lowest place that was met; and tried:
    a hundred steps with it go down. `f` and `start` are those of `minimize`; an `Objective` has a
    start of its own. With a `batch_size`, steps follow batches of an `Objective`'s samples, as in
    `fit`, in an order that `seed` decides; the losses are those of all samples.

    Raises ArgumentError for rates out of order, for batches of what is no `Objective`, and where
    no rate lowers the loss.

    >>> curve = find_learning_rate(lambda w: (w - 3) ** 2 + 1, start=0.0)
    >>> curve
    LearningRateCurve(167 rates from 1e-06 to 7.43337, suggestion 0.5)
    >>> curve.reason
    'half the smallest critical rate that was met'
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
    ground = _Ground(f, find_start(f, start), batch_size, generator(seed))
    watch = _Watch(ground)
    with suppress(_ExplodedError):
        ground.descend(lambda step: smallest * factor**step, steps, watch)
    if not watch.losses:
        raise ArgumentError("the loss or its slope is not finite at the start; try another start")
    losses = watch.losses[1:]
    rates = [smallest * factor**i for i in range(len(losses))]
    rate, has_risen = _last_before_rise(watch.losses, rates)
    reason = "a tenth of the last rate before the rise"
    if not has_risen:
        reason = "a tenth of the largest rate, because no rise of the loss was seen"
    bound = ground.critical(watch.lowest) / 2
    if rate / 10 > bound:
        reason = "half the smallest critical rate that was met"
    rate = min(rate / 10, bound)
    for _ in range(10):
        if ground.goes_down(rate, watch.losses[0]):
            return LearningRateCurve(tuple(rates), tuple(losses), rate, reason, has_risen)
        rate, reason = rate / 4, f"with which {TRIAL} steps go down; with larger ones they do not"
    raise ArgumentError(
        f"{TRIAL} steps do not lower the loss, not even with the rate {4 * rate:.3g}; expected a "
        f"function that falls along its slope: check its gradient, or try another start"
    )


class _Ground:
    """What the descents go down: the function, or one batch of its samples after the other."""

    def __init__(self, f: Any, start: Any, batch_size: int | None, order: Random) -> None:
        if batch_size is not None and not isinstance(f, Objective):
            expected = "expected an Objective, which has samples to draw batches from"
            raise ArgumentError(f"batch_size beside {shorten(f)}; {expected}")
        self._f, self.start, self._size, self._order = f, start, batch_size, order

    def descend(
        self, rate: float | Schedule, steps: int, callback: Callable[[Step], Any] | None = None
    ) -> Descent:
        """Descend from the start, with every step on the next batch if there are any."""
        size = self._size
        batches = repeat(self._f) if size is None else self._f.batches(size, self._order)
        return minimize(
            lambda *x: next(batches)(*x),  # noqa: PLW0108 — the next at each call
            self.start,
            learning_rate=rate,
            max_steps=steps,
            tolerance=None,
            callback=callback,
        )

    def loss(self, step: Step) -> float:
        """The value at a step, of all samples."""
        if self._size is None:
            return step.value
        (value,), _ = trees.flatten_numbers(self._f(step.parameters))
        return value

    def goes_down(self, rate: float, first: float) -> bool:
        """Whether steps with this rate end lower than they begin, and all along are finite."""
        descent = self.descend(rate, TRIAL)
        last = descent.trajectory[-WINDOW:]
        is_cut = len(descent.trajectory) <= TRIAL and descent.status == "diverged"
        return not is_cut and median(map(self.loss, last)) < first

    def critical(self, lowest: Any) -> float:
        """The smallest critical rate at the start and at another place, of all and of batches."""
        functions = [self._f]
        if self._size is not None:
            functions += islice(self._f.batches(self._size, self._order), BATCHES)
        rates = [math.inf]
        for f, place in product(functions, (self.start, lowest)):
            with suppress(MicrogradError):  # no second derivative, or none that is finite
                rates.append(_critical(f, place, PRODUCTS))
        return min(rates)


class _ExplodedError(Exception):
    """The loss has risen by more than it had fallen before."""


class _Watch:
    """Keep the losses, and end the descent where they explode; a spike is no explosion."""

    def __init__(self, ground: _Ground) -> None:
        self.losses: list[float] = []
        self.lowest: Any = ground.start
        self._ground = ground

    def __call__(self, step: Step) -> None:
        loss = self._ground.loss(step)
        if not math.isfinite(loss):
            raise _ExplodedError
        if loss < min(self.losses, default=math.inf):
            self.lowest = step.parameters
        self.losses.append(loss)
        recent, first = median(self.losses[-WINDOW:]), self.losses[0]
        if len(self.losses) > WINDOW and recent > first + (first - min(self.losses)):
            raise _ExplodedError


def _last_before_rise(losses: Sequence[float], rates: Sequence[float]) -> tuple[float, bool]:
    """The last rate with the smoothed loss still down, within 10 % of its fall; if it then rose.

    Beyond 2 / curvature, errors begin to grow. That shows only after some steps, in which the rate
    rises a few times over; hence the tenth that is suggested.
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
    return rates[max(last - 1, 0)], last < len(smooth) - 1


VerdictWord = Literal["slow", "converges", "overshoots", "diverges", "unbounded"]


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a learning rate does, and the descent that showed it.

    - `slow`: the right way, but the steps were used up on it;
    - `converges`: gets there, so that the ground is level, or its height within 1 % of the lowest
      that any descent of the sweep met, and no longer changing;
    - `overshoots`: most steps land on the other side of the minimum, and still it gets lower;
    - `diverges`: ends no lower than it began;
    - `unbounded`: falls without end, so that no minimum lies this way.
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

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))


def sweep_learning_rates(
    f: Callable[..., Any],
    start: Any = None,
    rates: Iterable[float] = (0.001, 0.01, 0.1, 1.0),
    *,
    max_steps: int = 100,
    tolerance: float = 1e-6,
    executor: Any = None,
) -> Sweep:
    """A descent from the same start with each of the rates, and a verdict on each.

    `f`, `start`, `max_steps` and `tolerance` are those of `minimize`, `executor` is that of
    `micrograd_gd.scale.over`: the descents run on its workers.

    Raises ArgumentError without rates, and for one that is not above 0.

    >>> def f(w):
    ...     return (w - 3) ** 2
    >>> print(sweep_learning_rates(f, 0.0, [0.01, 0.1, 0.9, 1.1], max_steps=40))
    0.01 slow: 1.78784 after 40 steps
    0.1 converges: 1.59016e-07 after 40 steps
    0.9 overshoots: 1.59016e-07 after 40 steps
    1.1 diverges: 1.94421e+07 after 40 steps
    """
    start = read_start(f, find_start(f, start))
    rates = [require_positive("rate", rate) for rate in rates]
    if not rates:
        raise ArgumentError("no rates to sweep; expected at least one")
    slope = find_slope(f, start)
    if executor is not None and isinstance(slope, CompiledFunction):
        slope(start)  # so that its program travels to the workers
    work = partial(_descend, slope, start, max_steps, tolerance)
    ends = run_all(work, [((), rate) for rate in rates], executor)
    function = on_one(f, start)
    descents = [(Descent(function, *end), overshooting) for end, overshooting in ends]
    lowest = min(step.value for descent, _ in descents for step in descent.trajectory)
    return Sweep(
        Verdict(rate, _judge(descent, overshooting, lowest), descent)
        for rate, (descent, overshooting) in zip(rates, descents, strict=True)
    )


def _descend(slope: Any, start: Any, max_steps: int, tolerance: float, rate: float) -> Any:
    """How it went, and the share of its steps that overshot: what comes back from a worker."""
    end = descend(slope, start, rate, max_steps, tolerance)
    return end, Descent(slope, *end).overshooting


def _judge(descent: Descent, overshooting: float, lowest: float) -> VerdictWord:
    first, last = descent.trajectory[0].value, descent.value
    if descent.status == "unbounded":
        return "unbounded"
    if descent.status == "diverged" or (descent.status == "oscillating" and last >= first):
        return "diverges"
    if overshooting > 0.5 or descent.status == "oscillating":
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
    return _critical(f, find_start(f, at), 300)


def _critical(f: Callable[..., Any], at: Any, products: int) -> float:
    several = type(at) is tuple
    function, place = ((lambda x: f(*x)), [*at]) if several else (f, at)
    curvature = largest_curvature(function, place, products=products)
    return 2 / curvature if curvature > 0 else math.inf
