"""Schedules: a learning rate as a function of the step's number, which counts from 0."""

import math
from collections.abc import Callable

from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.numbers import number, require_count, require_positive

Schedule = Callable[[int], float]


def rate_at(learning_rate: float | Schedule, step: int) -> float:
    """The learning rate at a step, from a number or a schedule.

    Raises ArgumentError where the schedule gives a number that is no rate.
    """
    if not callable(learning_rate):
        return learning_rate
    rate = number(learning_rate(step), "the learning rate of the schedule")
    if not 0 <= rate < math.inf:
        raise ArgumentError(
            f"the schedule gives the learning rate {rate} at step {step}; "
            f"expected a finite number, not below 0"
        )
    return rate


def constant(rate: float) -> Schedule:
    """The same rate at every step.

    >>> constant(0.5)(1000)
    0.5
    """
    rate = require_positive("rate", rate)
    return lambda _step: rate


def exponential_decay(rate: float, factor: float) -> Schedule:
    """Rate · factor ** step.

    Raises ArgumentError for a factor outside (0, 1].

    >>> exponential_decay(1.0, 0.5)(3)
    0.125
    """
    return step_decay(rate, factor, every=1)


def step_decay(rate: float, factor: float, every: int) -> Schedule:
    """The rate, multiplied by the factor after every so many steps.

    Raises ArgumentError for a factor outside (0, 1].

    >>> [step_decay(1.0, 0.5, every=2)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    rate, factor = require_positive("rate", rate), require_positive("factor", factor)
    every = require_count("every", every)
    if factor > 1:
        raise ArgumentError(f"factor is {factor}; expected a number above 0, at most 1")
    return lambda step: rate * factor ** (step // every)


def cosine(rate: float, steps: int, final: float = 0.0) -> Schedule:
    """From the rate down to `final` along half a cosine, in so many steps; then `final`.

    Loshchilov and Hutter, 2017, eq. 5.

    >>> [cosine(1.0, steps=2)(step) for step in range(4)]
    [1.0, 0.5, 0.0, 0.0]
    """
    rate, steps = require_positive("rate", rate), require_count("steps", steps)
    final = number(final, "final")
    if not 0 <= final <= rate:
        raise ArgumentError(f"final is {final}; expected a number from 0 to the rate, {rate}")

    def at(step: int) -> float:
        done = min(step / steps, 1.0)
        return final + (rate - final) * 0.5 * (1.0 + math.cos(math.pi * done))

    return at


def warmup(steps: int, then: float | Schedule) -> Schedule:
    """Up in so many equal steps to where the schedule `then`, or the number, begins.

    >>> [warmup(2, then=1.0)(step) for step in range(4)]
    [0.5, 1.0, 1.0, 1.0]
    """
    steps = require_count("steps", steps)
    schedule = then if callable(then) else constant(then)

    def at(step: int) -> float:
        return schedule(0) * ((step + 1) / steps) if step < steps else schedule(step - steps)

    return at
