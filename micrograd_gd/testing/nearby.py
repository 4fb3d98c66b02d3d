"""What a function does near a point: whether its graph stays, and the slopes of its values."""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import combinations_with_replacement
from random import Random
from typing import NamedTuple

from mpmath import mpf

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.testing import differences
from micrograd_gd.testing.differences import NO_VALUE, Estimate
from micrograd_gd.testing.intervals import UNDEFINED, Interval
from micrograd_gd.testing.replay import Replay
from micrograd_gd.testing.subject import Subject
from micrograd_gd.transforms.recording import Recording

NEAR = 1e-4  # the relative distance at which a graph is recorded again


class Slope(NamedTuple):
    """A slope that differences show, and one that is large beside the value."""

    estimate: Estimate
    steep: float

    @property
    def roughly(self) -> float:
        """An error that is surely larger than that of a difference of a single step."""
        return 1e-3 * (abs(self.estimate.low) + abs(self.estimate.high))


def has_one_graph(subject: Subject, recording: Recording) -> bool:
    """Whether f records the same graph, with the same constants, at points nearby.

    Raises ArgumentError where f records another graph at the same point.
    """
    graph = _outline(recording)
    if graph != _outline(subject.record_at(subject.numbers)):
        raise ArgumentError(
            "f computed something else when it was called again with the same arguments: check a "
            "function of its arguments alone, without random numbers and without a memory"
        )
    random = Random(0)  # noqa: S311 — a direction, no secret
    steps = [random.uniform(-1, 1) * NEAR * (abs(x) or 1.0) for x in subject.numbers]
    for side in (1, -1):
        moved = [x + side * step for x, step in zip(subject.numbers, steps, strict=True)]
        try:
            if graph != _outline(subject.record_at(moved)):
                return False
        except NO_VALUE:  # f ends here
            continue
    return True


def _outline(recording: Recording) -> list[str]:
    """The operations of a graph and its constants: all that does not follow from the inputs."""
    inputs = {*recording.inputs}
    nodes = Replay(recording.outputs, recording.inputs).nodes
    lines = [
        f"{node.op!r} {[x for x in node.operands if not isinstance(x, Value)]}"
        if node.op is not None
        else repr(node.data)
        for node in nodes
        if node not in inputs
    ]
    return lines + [repr(y) for y in recording.outputs if not isinstance(y, Value)]


def directions(count: int) -> list[list[float]]:
    """Some directions through all numbers at once, of which the first moves all of them up."""
    random = Random(1)  # noqa: S311 — directions, no secrets
    drawn = [[random.uniform(0.5, 1) for _ in range(count)] for _ in range(3 if count > 1 else 1)]
    signed = [[d * random.choice((-1, 1)) for d in direction] for direction in drawn[1:]]
    return [*drawn[:1], *signed]


def slopes_along(subject: Subject, direction: Sequence[float]) -> list[Interval]:
    """The slopes of all outputs around a kink, the numbers moved together, as far as is seen.

    The lowest and the highest are looked for on either side of each number in turn.
    """
    random = Random(2)  # noqa: S311 — neighbors, no secrets
    sides = [NEAR * random.uniform(0.5, 1) * (abs(x) or 1.0) for x in subject.numbers]
    found = []
    for i in range(subject.out_structure.size):
        ends = []
        for sign in (1, -1):
            best = _slope_beside(subject, sides, direction, i)
            for j in range(len(sides)):
                other = [*sides[:j], -sides[j], *sides[j + 1 :]]
                slope = _slope_beside(subject, other, direction, i)
                if not sign * slope <= sign * best:  # a nan is kept
                    sides, best = other, slope
            ends.append(best)
        is_known = all(map(math.isfinite, ends))
        found.append(Interval(*map(mpf, reversed(ends))) if is_known else UNDEFINED)
    return found


def _slope_beside(
    subject: Subject, sides: Sequence[float], direction: Sequence[float], i: int
) -> float:
    """The slope of output i along the direction, at a point beside the numbers."""
    h = 1e-3 * min(map(abs, sides))
    places = [*zip(subject.numbers, sides, direction, strict=True)]
    try:
        above, below = (
            subject.values([x + side + step * d for x, side, d in places])[i] for step in (h, -h)
        )
    except NO_VALUE:  # f ends here
        return math.nan
    return (above - below) / (2 * h)


def draw_directions(numbers: Sequence[float], count: int) -> list[list[float]]:
    """Directions through all numbers at once, each moved by its own size, up or down."""
    random = Random(3)  # noqa: S311 — directions, no secrets
    return [
        [random.choice((-1, 1)) * random.uniform(0.5, 1) * (abs(x) or 1.0) for x in numbers]
        for _ in range(count)
    ]


def estimates_along(subject: Subject, direction: Sequence[float]) -> list[Estimate]:
    """The slopes of all outputs where the numbers are moved together."""

    @cache
    def line(t: float) -> list[float]:
        moves = zip(subject.numbers, direction, strict=True)
        return subject.values([x + (t - 1) * d for x, d in moves])

    # Seen from 1, as steps are relative to the place.
    outputs = range(subject.out_structure.size)
    return [differences.slope(partial(_entry, line, i), 1.0) for i in outputs]


def _entry(line: Callable[[float], list[float]], i: int, t: float) -> float:
    return line(t)[i]


def slopes(subject: Subject, order: int = 1) -> list[list[Slope]]:
    """The derivatives in the order of a replay, as slopes of those of the order before.

    So the first derivatives are slopes of values, and nothing that the engine differentiates.
    """
    n = len(subject.numbers)
    lower = {c: k for k, c in enumerate(combinations_with_replacement(range(n), order - 1))}
    lines = [_line(subject, order - 1, j) for j in range(n)]
    return [
        [
            _slope(lines[last], i, lower[tuple(before)], subject.numbers[last])
            for *before, last in combinations_with_replacement(range(n), order)
        ]
        for i in range(subject.out_structure.size)
    ]


def _slope(line: Callable[[float], list[list[float]]], i: int, k: int, x: float) -> Slope:
    estimate = differences.slope(lambda x: line(x)[i][k], x)
    return Slope(estimate, abs(line(x)[i][k]) / (abs(x) or 1.0))


def _line(subject: Subject, order: int, j: int) -> Callable[[float], list[list[float]]]:
    """The derivatives of that order as functions of number j alone."""
    before, after = subject.numbers[:j], subject.numbers[j + 1 :]
    return cache(lambda x: subject.derivatives(order, numbers=[*before, x, *after]))
