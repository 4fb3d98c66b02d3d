"""A recorded graph, computed again in high precision: what its derivatives should be.

The replay knows the graph's operations and the table's values, and nothing of partials and sweeps.
It finds the slopes of each operation itself, on both sides of the operands, and multiplies and adds
them along the graph. At a kink the two sides differ, and every number between them is a derivative.
So derivatives are intervals here, mostly of one point.

The effect of rounding on a derivative is measured: the replay runs again with every number
disturbed by a few units in its last place, as rounding does, and the derivatives move. Once it runs
with the rounding errors that the floats have.
"""

import ast
import math
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, product
from typing import Any

from mpmath import mp, mpf

from micrograd_gd.caches import cached_property
from micrograd_gd.engine import Value
from micrograd_gd.table.ops import Operation
from micrograd_gd.testing.intervals import ONE, UNDEFINED, ZERO, Interval
from micrograd_gd.testing.precise import evaluate, find_ignored, jumps, slopes, tame
from micrograd_gd.testing.rounding import SMALLEST, Noise, Rounding

DIGITS = 90
MANY_DIGITS = 800  # more than the smallest float has places
SAMPLES = 6  # disturbed replays
MANY = 1000  # nodes
SAFETY = 4  # rounding may move a derivative so many times as far as in any sample


class Replay:
    """The graph of `outputs`, to be computed from any numbers in place of `inputs`."""

    def __init__(self, outputs: Sequence[Any], inputs: Sequence[Value]) -> None:
        self.outputs, self.inputs = outputs, inputs
        self.nodes = [*_below(outputs)]

    @classmethod
    def of_operation(cls, node: Value) -> "Replay":
        """One operation of a graph by itself, on the numbers that it had there."""
        if node.op is None:
            return cls([node], [node])
        alone = [Value(x.data) if isinstance(x, Value) else x for x in node.operands]
        return cls([Value.record(node.op, *alone)], [x for x in alone if isinstance(x, Value)])

    def at(self, point: Sequence[Any] | None = None, noise: Noise | None = None) -> "Evaluation":
        """One computation, with the inputs at `point`, or where they were; disturbed by `noise`."""
        return Evaluation(
            self, [mpf(x.data) for x in self.inputs] if point is None else point, noise
        )

    @cached_property
    def exact(self) -> set[Value]:
        """The nodes that are computed without rounding at the point.

        They are not disturbed at points nearby either: a difference between a disturbed point and
        one that is not would be all noise.
        """
        run = self.at()
        return {node for node in self.nodes if run.values[node] == node.data}

    def derivatives(self, order: int, noise: Noise | None = None) -> list[list[Interval]]:
        """For each output, its derivatives by all combinations of inputs, in lexical order.

        First derivatives are intervals; higher ones are differences of their middles.
        """
        point = [mpf(x.data) for x in self.inputs]
        if order == 1:
            run = self.at(point, noise)
            return [run.gradient(y) for y in self.outputs]
        if not all(map(mp.isfinite, point)):
            count = math.comb(len(point) + order - 1, order)
            return [[UNDEFINED] * count for _ in self.outputs]
        # Differences along a tiny input have tiny steps, which need so many more digits.
        smallest = min((mp.log10(abs(x)) for x in point if x), default=mpf(0))
        with mp.extradps(order * max(0, int(-smallest))):
            higher = _Higher(self, order, noise)
            combinations = [*combinations_with_replacement(range(len(point)), order)]
            return [
                [higher.derivative(i, places, point) for places in combinations]
                for i in range(len(self.outputs))
            ]

    def errors(self, order: int, derivatives: list[list[Interval]]) -> list[list[Any]]:
        """How far rounding may move each of the derivatives."""
        farthest = [[mpf(0)] * len(row) for row in derivatives]
        samples = SAMPLES if len(self.nodes) < MANY else SAMPLES // 3  # of many, the sums vary less
        noises = [Noise(seed, self.exact) for seed in range(samples)]
        for noise in (*noises, Rounding(self.nodes)):
            disturbed = self.derivatives(order, noise)
            for row, moved, plain in zip(farthest, disturbed, derivatives, strict=True):
                row[:] = map(max, row, map(_distance, moved, plain))
        return [[SAFETY * move + 2 * SMALLEST for move in row] for row in farthest]


class _Higher:
    """Differences of gradients, of differences of gradients, and so on."""

    def __init__(self, replay: Replay, order: int, noise: Noise | None) -> None:
        self.replay, self.noise = replay, noise
        # The error of a difference is the square of its step, and a gradient is right to 2/5 of
        # the digits.
        self.step = mpf(10) ** (-mp.dps // (3 * order))
        self.is_exact = mp.dps >= MANY_DIGITS
        self.gradients: dict[tuple[Any, ...], list[list[Interval]]] = {}

    def gradient(self, point: list[Any]) -> list[list[Interval]]:
        if tuple(point) not in self.gradients:
            run = self.replay.at(point, self.noise)
            self.gradients[tuple(point)] = [run.gradient(y) for y in self.replay.outputs]
        return self.gradients[tuple(point)]

    def derivative(self, i: int, places: Sequence[int], point: list[Any]) -> Interval:
        """The derivative of output `i` by the inputs at those places."""
        *before, last = places
        if not before:
            return self.gradient(point)[i][last]
        step = self.step * (min(abs(point[last]), 1) or 1)
        near = self._difference(i, before, last, point, step)
        if self.is_exact:  # one step of extrapolation: what is left is its fourth power
            near += (near - self._difference(i, before, last, point, 2 * step)) / 3
        return Interval(near, near)

    def _difference(
        self, i: int, before: Sequence[int], last: int, point: list[Any], step: Any
    ) -> Any:
        above, below = [*point], [*point]
        above[last] += step
        below[last] -= step
        rise = self.derivative(i, before, above).middle - self.derivative(i, before, below).middle
        return rise / (2 * step)


def _distance(moved: Interval, plain: Interval) -> Any:
    """How far one interval sticks out of the other."""
    out = max(plain.low - moved.low, moved.high - plain.high, mpf(0))
    return mp.inf if mp.isnan(moved.low) or mp.isnan(moved.high) else out


def _below(outputs: Sequence[Any]) -> Iterator[Value]:
    """Every node that the outputs were computed from, operands first."""
    seen = set()
    for y in outputs:
        for node in y.nodes() if isinstance(y, Value) else ():
            if node not in seen:
                seen.add(node)
                yield node


class Evaluation:
    """One computation of all the graph's numbers."""

    def __init__(self, replay: Replay, point: Sequence[Any], noise: Noise | None) -> None:
        self.nodes, self.inputs, self.noise = replay.nodes, replay.inputs, noise
        self.outputs = replay.outputs
        self.values: dict[Value, Any] = dict(zip(replay.inputs, point, strict=True))
        self._edges: dict[Value, list[tuple[Value, Interval]]] = {}
        for node in self.nodes:
            if node.op is None:
                self.values.setdefault(node, mpf(node.data))
            else:
                y = evaluate(node.op, self.operands(node))
                if noise is not None:
                    y = noise.on(y, node)
                self.values[node] = y

    def operands(self, node: Value) -> list[Any]:
        """The operands' numbers here."""
        return [self.values[x] if isinstance(x, Value) else mpf(x) for x in node.operands]

    def edges(self, node: Value, op: Operation) -> list[tuple[Value, Interval]]:
        """The operands that are values, each with the slope along it.

        Those that a choice leaves aside are not among them, and none beside a power of 0.
        """
        if node not in self._edges:
            numbers = self.operands(node)
            is_constant = op.is_constant(node.operands)
            ignored = {*range(len(numbers))} if is_constant else find_ignored(op, numbers)
            if self.noise is not None:
                # Plain numbers are exact. A 0 stays 0: a condition changes beside it.
                numbers = [
                    self.noise.on(x, (node, j)) if x and isinstance(operand, Value) else x
                    for j, (x, operand) in enumerate(zip(numbers, node.operands, strict=True))
                ]
            numbers = [tame(x) if j in ignored else x for j, x in enumerate(numbers)]
            self._edges[node] = [
                (operand, self._slope(node, op, numbers, j))
                for j, operand in enumerate(node.operands)
                if isinstance(operand, Value) and j not in ignored
            ]
        return self._edges[node]

    def _slope(self, node: Value, op: Operation, numbers: list[Any], j: int) -> Interval:
        below, above = slopes(op, numbers, j)
        if below is above and not mp.isnan(below):  # no more than one side was looked at
            slope = self.noise.on(below, (node, j)) if self.noise is not None else below
            return Interval(slope, slope)
        sides = [slope for slope in (below, above) if not mp.isnan(slope)]
        if not sides:
            return UNDEFINED
        if self.noise is not None:
            sides = [self.noise.on(slope, (node, j, k)) for k, slope in enumerate(sides)]
        both = Interval(min(sides), max(sides))
        return Interval(both.middle, both.middle) if both.is_point else both

    def gradient(self, y: Any) -> list[Interval]:
        """The derivatives of an output by all inputs."""
        found: dict[Value, Interval] = {y: ONE} if isinstance(y, Value) else {}
        for node in reversed(self.nodes):
            if node in found and node.op is not None:
                for j, (operand, slope) in enumerate(self.edges(node, node.op)):
                    step = found[node] * slope
                    if self.noise is not None:  # a product may underflow
                        lost = self.noise.below_floats((y, node, j))
                        step = step + Interval(lost, lost)
                    found[operand] = found[operand] + step if operand in found else step
        return [found.get(x, ZERO) for x in self.inputs]

    @cached_property
    def reached(self) -> set[Value]:
        """The nodes that the outputs depend on here: not those on a side that was not taken."""
        found = {y for y in self.outputs if isinstance(y, Value)}
        for node in reversed(self.nodes):
            if node in found and node.op is not None:
                found.update(operand for operand, _ in self.edges(node, node.op))
        return found

    def slopes_along(self, direction: Sequence[Any]) -> list[Interval]:
        """The slopes of all outputs where the inputs move together.

        At a tie, the operands' own slopes do not tell them: of `maximum(x, x)` it is 1.
        """
        moves = {x: Interval(mpf(d), mpf(d)) for x, d in zip(self.inputs, direction, strict=True)}
        for node in self.nodes:
            if node.op is None or node in moves:
                continue
            edges = [(moves[x], slope) for x, slope in self.edges(node, node.op) if x in moves]
            if edges:
                total = sum((move * slope for move, slope in edges), ZERO)
                if total.is_finite and not all(slope.is_point for _, slope in edges):
                    total = self._sides(node, node.op, moves, total)
                moves[node] = total
        return [moves.get(y, ZERO) for y in self.outputs]

    def _sides(
        self, node: Value, op: Operation, moves: dict[Value, Interval], otherwise: Interval
    ) -> Interval:
        """The slopes of one operation on both sides, all operands moved; `otherwise` at a jump.

        Those that are a choice themselves may have moved as little or as much as they may.
        """
        h = mpf(10) ** (-mp.dps // 3)
        numbers = self.operands(node)
        ends = [{*moves[x]} if x in moves else {0} for x in node.operands]
        y = evaluate(op, numbers)
        sides = []
        for step, steps in product((h, -h), product(*ends)):
            moved = [x + step * move for x, move in zip(numbers, steps, strict=True)]
            sides.append((evaluate(op, moved) - y) / step)
        found = Interval(min(sides), max(sides))
        slack = (1 + abs(otherwise.low) + abs(otherwise.high)) / mp.sqrt(h)
        return found if max(map(abs, sides)) < slack else otherwise

    def kinks(self) -> Iterator[Value]:
        """The nodes whose slopes differ on the two sides of an operand."""
        for node in self.nodes:
            if node.op is not None and node in self.reached:
                slopes = [slope for _, slope in self.edges(node, node.op)]
                if any(not slope.is_point and slope.is_finite for slope in slopes):
                    yield node

    def steps(self) -> Iterator[Value]:
        """The nodes that change right here, such as floor at a whole number, or a choice."""
        for node in self.nodes:
            if node.op is not None and node in self.reached:
                numbers = self.operands(node)
                places = [j for j, x in enumerate(node.operands) if isinstance(x, Value)]
                if any(any(jumps(node.op, numbers, j)) for j in places) or any(
                    _is_at(kink, node.op, node.operands) for kink in node.op.kinks
                ):
                    yield node


def _is_at(kink: str, op: Operation, operands: Sequence[Any]) -> bool:
    """Whether an expression is 0 here, as it is at a kink, and depends on values."""
    letters = {part.id for part in ast.walk(op.tree(kink)) if isinstance(part, ast.Name)}
    named = zip(op.operands, operands, strict=True)
    if not any(letter in letters and isinstance(x, Value) for letter, x in named):
        return False
    return op.on_floats(kink)(*(getattr(x, "data", x) for x in operands)) == 0
