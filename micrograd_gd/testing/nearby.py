"""What a function does near a point: whether its graph stays, and the slopes of its values."""

from collections.abc import Callable
from functools import cache
from itertools import combinations_with_replacement
from random import Random
from typing import NamedTuple

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.testing import differences
from micrograd_gd.testing.differences import Estimate
from micrograd_gd.testing.replay import Replay
from micrograd_gd.testing.subject import Subject
from micrograd_gd.transforms.recording import Recording

NEAR = 1e-4  # the relative distance at which a graph is recorded again


class Slope(NamedTuple):
    """A slope that differences show, and one that is large beside the value."""

    estimate: Estimate
    steep: float


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
        except (ArithmeticError, ValueError):  # f ends here
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
        for i in range(len(subject.derivatives(0)))
    ]


def _slope(line: Callable[[float], list[list[float]]], i: int, k: int, x: float) -> Slope:
    estimate = differences.slope(lambda x: line(x)[i][k], x)
    return Slope(estimate, abs(line(x)[i][k]) / (abs(x) or 1.0))


def _line(subject: Subject, order: int, j: int) -> Callable[[float], list[list[float]]]:
    """The derivatives of that order as functions of number j alone."""
    before, after = subject.numbers[:j], subject.numbers[j + 1 :]
    return cache(lambda x: subject.derivatives(order, numbers=[*before, x, *after]))
