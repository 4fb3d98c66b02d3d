"""Where the operands of statements in loops come from."""

import math
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from operator import mul

from micrograd_gd.compiler.instructions import Guard, Operand
from micrograd_gd.compiler.lanes import Lanes, is_reduction
from micrograd_gd.compiler.nests import (
    FIRST_ACCUMULATOR,
    OUTPUT,
    Accumulator,
    Affine,
    Array,
    Carried,
    Constant,
    Direct,
    Element,
    Entry,
    Given,
    Nest,
    Node,
    Part,
    Reference,
    find_nodes,
)
from micrograd_gd.compiler.rolled import Item, Loop, Rolled
from micrograd_gd.compiler.stages import LAST, Stage

FURTHEST = 64  # places of an array before and behind those of its loop
MOST_BESIDE = 2**10  # nodes whose results lie there

IN_LANES = 64  # nodes in no loop that run together in lanes

MOST_SCATTERED = 2**14  # results that are looked up one by one
MOST_NUMBERS = 2**20  # of an array that has any of them


class UnresolvedError(Exception):
    """An operand is now from here, now from there."""


class Nests:
    """The parts of a rolled program, and the arrays that they need.

    With `stages`, by results, what is in one loop may run in several of them, each of which has a
    loop of its own. Raises UnresolvedError for what no loop can do.
    """

    def __init__(
        self, rolled: Rolled, size: int, stages: Mapping[int, Stage] | None = None
    ) -> None:
        self._size = self._next = size
        self._has_stages = bool(stages)
        self.guards = 0
        self.arrays: dict[Node, Array] = {}
        self.scattered: Array | None = None  # has any results, by number
        self._scattered: set[Node] = set()
        self._beside: dict[Node, set[tuple[int | None, ...]]] = {}  # what arrays have of others
        self.nodes: list[Node] = []  # all statements, those in loops once
        self.parts, self._firsts = self._place(rolled.items, ())
        self._end = self._next
        self.table = rolled.table
        if stages:
            self._find_regions(stages)
        for node in self.nodes:
            operands = node.step.statement.operands
            strides = node.step.strides[len(node.step.strides) - len(operands) :]
            node.operands = [
                self._find(x, moves, node.nests, node)
                for x, moves in zip(operands, strides, strict=True)
            ]
        self._find_updated()
        for node, array in self.arrays.items():
            self._store_last(node, array)

    def _find_regions(self, stages: Mapping[int, Stage]) -> None:
        """Give a region to each node: a stage that runs once, a loop in lanes, or a few nodes."""
        region, room = 0, 0
        for part in self.parts:
            if room == 0 or isinstance(part, Nest):
                region, room = region + 1, IN_LANES
            room = room - 1 if isinstance(part, Node) else 0
            for node in find_nodes([part]):
                statement = node.step.statement
                node.stage = LAST if isinstance(statement, Guard) else stages[statement.result]
                node.region = node.stage, region if node.stage.lanes else 0

    def find_arrays(self) -> list[Array]:
        """All arrays."""
        return [*self.arrays.values(), *([self.scattered] if self.scattered else [])]

    def _store_last(self, node: Node, array: Array) -> None:
        """Have the node store its result after loops of which the last run counts."""
        depth = len(node.nests)
        while depth and array.is_last[depth - 1]:
            depth -= 1
        if depth < len(node.nests):
            (own,) = [store for store in node.stores if store.array is array]
            node.stores.remove(own)
            places = tuple([Affine(x.start, x.factors[:depth]) for x in own.places])
            node.nests[depth].stores.append((node, Element(array, places)))
            node.scope = min(node.scope, depth)

    def _find_updated(self) -> None:
        """Note which nodes are read after they were computed again."""
        order = {node: i for i, node in enumerate(self.nodes)}

        def note(reference: Reference, place: int, nests: Sequence[Nest]) -> None:
            if isinstance(reference, Carried):
                node, nest = reference.node, reference.nest
                is_again = _count_shared(nests, node.nests) > len(nest.around)
                node.is_updated &= place <= order[node] and not is_again

        begun = set()
        for node in self.nodes:
            for nest in node.nests:
                if nest not in begun:
                    begun.add(nest)
                    for carried in nest.carried.values():
                        note(carried.start, order[node], nest.outer)
                        if (
                            isinstance(carried.start, Carried)
                            and carried.start.node in nest.carried
                        ):
                            carried.start.node.is_updated &= carried.start.node is carried.node
            for each in node.operands:
                note(each, order[node], node.nests)

    def _place(
        self, items: Iterable[Item], around: tuple[Nest, ...]
    ) -> tuple[list[Part], list[int]]:
        """The parts for items, and the number of the first result of each."""
        parts: list[Part] = []
        firsts = []
        for item in items:
            firsts.append(self._next)
            if isinstance(item, Loop):
                parts.append(self._place_loop(item, around))
            elif isinstance(item.statement, Guard):
                parts.append(Node(item, around, self.guards, len(around)))
                self.guards += 1
            elif item.statement.op is OUTPUT or item.statement.result >= FIRST_ACCUMULATOR:
                parts.append(Node(item, around, item.statement.result, len(around)))
            else:
                parts.append(Node(item, around, self._next, len(around)))
                self._next += 1
            if isinstance(parts[-1], Node):
                self.nodes.append(parts[-1])
        return parts, firsts

    def _place_loop(self, loop: Loop, around: tuple[Nest, ...]) -> Nest:
        first, guard = self._next, self.guards
        nest = Nest(loop.repeats, 0, 0, around)
        nest.body, nest.firsts = self._place(loop.body, nest.around)
        nest.size, nest.guards = self._next - first, self.guards - guard
        self._next = first + loop.repeats * nest.size
        self.guards = guard + loop.repeats * nest.guards
        return nest

    def _find(  # noqa: PLR0911 — a line for each kind of reference
        self, x: Operand, moves: Sequence[int], nests: tuple[Nest, ...], user: Node
    ) -> Reference:
        """What an operand of the node is that moves so in these loops."""
        if isinstance(x, float):
            return Constant(x)
        if x < self._size:
            return Given(Affine(x, tuple(moves))) if x >= 0 else Entry(_negate(x, moves))
        if x >= FIRST_ACCUMULATOR:
            return Accumulator(Affine(x, tuple(moves)))
        node, places = self._follow(x, moves)
        if node is None:
            return self._scatter(x, moves, nests)
        if node.region == user.region and not (self._has_stages and find_reduction(user)):
            shared = _count_shared(node.nests, nests)
            if _is_last(places, node.nests, nests, shared, 0):
                node.scope = min(node.scope, shared)
                return Direct(node)
            for depth in range(shared, 0, -1):
                if _is_last(places, node.nests, nests, depth, -1):
                    return self._carry(node, nests[depth - 1], x, moves)
        try:
            return Element(self._keep(node, places, nests), places)
        except UnresolvedError:
            return self._scatter(x, moves, nests)

    def _carry(self, node: Node, nest: Nest, x: int, moves: Sequence[int]) -> Carried:
        """What a run of the loop hands on to the next."""
        if node not in nest.carried:
            depth = len(nest.outer)
            nest.carried[node] = Carried(node, nest, self._find(x, moves[:depth], nest.outer, node))
            node.scope = min(node.scope, depth)
        return nest.carried[node]

    def _follow(self, x: int, moves: Sequence[int]) -> tuple[Node | None, tuple[Affine, ...]]:
        """The node that a number is from in runs after the first; and in which runs of its loops.

        None where it is from several.
        """
        inner = x + sum(moves)
        node, places = self._locate(inner)
        if node is None:
            return None, ()
        factors = []
        for by in moves:
            other, further = self._locate(inner + by)
            if other is not node:
                return None, ()
            factors.append([b - a for a, b in zip(places, further, strict=True)])
        return node, tuple(
            [
                Affine(place - sum(each), each)
                for place, each in zip(
                    places,
                    zip(*factors, strict=True) if factors else [()] * len(places),
                    strict=True,
                )
            ]
        )

    def _locate(self, number: int) -> tuple[Node | None, tuple[int, ...]]:
        """The node with this result, and the runs of the loops around it; None for an input."""
        parts, firsts = self.parts, self._firsts
        places: list[int] = []
        if not self._size <= number < self._end:
            return None, ()
        while True:
            i = bisect(firsts, number) - 1
            part = parts[i]
            if isinstance(part, Node):
                return part, tuple(places)
            place, rest = divmod(number - firsts[i], part.size)
            places.append(place)
            number, parts, firsts = firsts[i] + rest, part.body, part.firsts

    def _keep(self, node: Node, places: tuple[Affine, ...], nests: tuple[Nest, ...]) -> Array:
        """The array of a node, with room for all that is asked for.

        Raises UnresolvedError where it cannot have that.
        """
        runs = [nest.repeats for nest in node.nests]
        array = self.arrays.get(node) or _make_array(runs)
        ranges = [_find_range(place, nests) for place in places]
        outside = []  # the places beyond those of its loops, in each dimension; None for all within
        for n, (low, high) in zip(runs, ranges, strict=True):
            if max(-low, high - n + 1) > FURTHEST:
                raise UnresolvedError
            outside.append([None, *range(low, 0), *range(n, high + 1)])
        if math.prod(map(len, outside)) > MOST_BESIDE:
            raise UnresolvedError
        _, *corners = product(*outside)
        known = self._beside.get(node, set())
        beside = [self._find_beside(node, each) for each in corners if each not in known]
        self._beside[node] = known | {*corners}
        if node not in self.arrays:
            self.arrays[node] = array
            node.stores.append(Element(array, _stay(len(runs))))
        for other, where in beside:
            other.stores.append(Element(array, where))
        for i, (low, high) in enumerate(ranges):
            array.before[i] = max(array.before[i], -low)
            array.behind[i] = max(array.behind[i], high - runs[i] + 1)
            array.is_last[i] &= places[i] == Affine(runs[i] - 1, (0,) * len(nests))
        return array

    def _find_beside(
        self, node: Node, corner: Sequence[int | None]
    ) -> tuple[Node, tuple[Affine, ...]]:
        """What is before the results of a node or behind them, and the places for its own.

        It is at that place in some dimensions, and has the loops of the others.
        """
        pairs = [*zip(corner, node.nests, strict=True)]
        other, places = self._locate(
            node.number + sum([place * nest.size for place, nest in pairs if place is not None])
        )
        kept = [nest for place, nest in pairs if place is None]
        if other is None or any(places) or len(other.nests) != len(kept):
            raise UnresolvedError
        first = next(i for i, place in enumerate(corner) if place is not None)
        rest = zip(other.nests[first:], kept[first:], strict=True)
        same = all(a.repeats == b.repeats and a.size == b.size for a, b in rest)
        is_beside = other.nests[:first] == node.nests[:first] and same
        if not is_beside or other.stage.lanes != node.stage.lanes:
            raise UnresolvedError
        own = iter(_stay(len(kept)))
        fixed = (0,) * len(kept)
        return other, tuple([next(own) if x is None else Affine(x, fixed) for x in corner])

    def _scatter(self, x: int, moves: Sequence[int], nests: tuple[Nest, ...]) -> Reference:
        """An entry of an array in which results lie by their numbers."""
        runs = [nest.repeats if by else 1 for nest, by in zip(nests, moves, strict=True)]
        if math.prod(runs) > MOST_SCATTERED or self._end - self._size > MOST_NUMBERS:
            raise UnresolvedError
        if self.scattered is None:
            self.scattered = _make_array([self._end - self._size])
            self.scattered.is_last = [False]
        for times in product(*map(range, runs)):
            node, _ = self._locate(x + sum(map(mul, moves, times)))
            if node is None or node.stage.lanes:
                raise UnresolvedError
            if node not in self._scattered:
                self._scattered.add(node)
                where = Affine(node.number - self._size, tuple([nest.size for nest in node.nests]))
                node.stores.append(Element(self.scattered, (where,)))
        return Element(self.scattered, (Affine(x - self._size, tuple(moves)),))


def find_reduction(node: Node) -> Lanes | None:
    """The operation, if it takes its terms in another stage than that in which it is complete."""
    op = getattr(node.step.statement, "op", None)
    return op if isinstance(op, Lanes) and is_reduction(op) else None


def _make_array(runs: Sequence[int]) -> Array:
    none = [0] * len(runs)
    return Array([*runs], [*none], [*none], [True] * len(runs))


def _negate(x: int, moves: Sequence[int]) -> Affine:
    """A number below 0 as a place in the table."""
    return Affine(~x, tuple([-by for by in moves]))


def _find_range(place: Affine, nests: Sequence[Nest]) -> tuple[int, int]:
    """The least and the greatest place in all runs of these loops."""
    ends = [f * (nest.repeats - 1) for f, nest in zip(place.factors, nests, strict=True)]
    return place.start + sum(min(x, 0) for x in ends), place.start + sum(max(x, 0) for x in ends)


def _stay(dimensions: int) -> tuple[Affine, ...]:
    """The runs of loops as they are."""
    return tuple([
        Affine(0, tuple([int(i == j) for j in range(dimensions)])) for i in range(dimensions)
    ])  # fmt: skip


def _count_shared(some: Sequence[Nest], others: Sequence[Nest]) -> int:
    """How many loops are around both."""
    pairs = zip(some, others, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a is not b), min(len(some), len(others)))


def _is_last(
    places: Sequence[Affine],
    theirs: Sequence[Nest],
    ours: Sequence[Nest],
    shared: int,
    back: int,
) -> bool:
    """Whether it is from the same run of shared loops, and from the last of all others.

    Of the innermost loop that is shared, it is from so many runs further on.
    """
    for i, (place, nest) in enumerate(zip(places, theirs, strict=True)):
        own = tuple([int(i == j) for j in range(len(ours))])
        is_inner = i == shared - 1
        expected = Affine(back if is_inner else 0, own)
        if i >= shared:
            expected = Affine(nest.repeats - 1, (0,) * len(ours))
        if place != expected:
            return False
    return True
