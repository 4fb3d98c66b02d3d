"""Where the accumulators of a program in loops are: single numbers and arrays."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from micrograd_gd.compiler.chains import Chain
from micrograd_gd.compiler.nests import (
    Accumulator,
    Affine,
    Constant,
    Given,
    Nest,
    Node,
    Part,
    Reference,
)
from micrograd_gd.compiler.references import Nests


@dataclass(eq=False)
class Sums:
    """An array of accumulators, or a single one, which each run of the loops around has anew."""

    name: str
    nests: Sequence[Nest]
    first: Part  # that uses them
    places: dict[int, int]  # of the accumulators, in the first runs of these loops
    start: Reference | None = None  # what all of them start at; None where statements say it

    @property
    def size(self) -> int:
        """How many there is room for."""
        return max(self.places.values()) + 1

    def locate(self, numbers: Affine) -> Affine:
        """The places of some accumulators."""
        start, depth = self.places[numbers.start], len(self.nests)
        inner = [f and self.places[numbers.start + f] - start for f in numbers.factors[depth:]]
        return Affine(start, (*[0] * depth, *inner))


class _Use(NamedTuple):
    """The accumulators that an operand or the result of a node is, in all runs of its loops."""

    order: int
    node: Node
    numbers: Affine

    def list_inner(self, depth: int, first: Affine | None = None) -> list[int]:
        """Those in the first runs of so many loops, or others that move as these do."""
        start, factors = first or self.numbers
        loops = zip(self.numbers.factors, factors, self.node.nests, strict=True)
        return _expand(start, [(by, nest.repeats) for f, by, nest in [*loops][depth:] if f])


class Accumulators:
    """All accumulators. `refused` are chains whose sums have no place, as they start unlike."""

    def __init__(self, nests: Nests, size: int, chains: Mapping[int, Chain]) -> None:
        self.by_part: dict[Part, list[Sums]] = {}  # that is the first to use them
        self.refused: set[Chain] = set()
        self.arrays: dict[int, tuple[str, int]] = {}  # of additions, by their places; one each run
        self._size = size
        self._chains = chains
        self._sums: dict[int, Sums] = {}
        uses = [
            _Use(i, node, each.number)
            for i, node in enumerate(nests.nodes)
            for each in (*node.operands, node.accumulator)
            if isinstance(each, Accumulator)
        ]
        for i, group in enumerate(_join(uses), 1):
            self._place(f"s{i}", sorted(group, key=lambda use: use.order))

    def find(self, numbers: Affine) -> tuple[Sums, Affine]:
        """Where some accumulators are, and their places there."""
        sums = self._sums[numbers.start]
        return sums, sums.locate(numbers)

    def _place(self, name: str, uses: Sequence[_Use]) -> None:
        """Find a place for the accumulators of some uses, within as many loops as can be."""
        nests = uses[0].node.nests
        depth, inner = _find_depth(uses)
        adding = [each for each in uses if each.node.accumulator == Accumulator(each.numbers)]
        part = nests[depth] if depth < len(nests) else uses[0].node
        sums = Sums(name, nests[:depth], part, {x: i for i, x in enumerate(sorted(inner))})
        for use in uses:
            self._sums[use.numbers.start] = sums
            expected = [sums.places[x] for x in use.list_inner(depth)]
            if use.list_inner(depth, sums.locate(use.numbers)) != expected:
                sums.places = {x: x - min(inner) for x in inner}
        every = {x for each in uses for x in each.list_inner(0)}
        self._find_start(sums, uses[0], every)
        if len(inner) > 1 and len(_find_depth(adding)[1]) == 1:
            self.refused |= {self._chains[x] for x in every}  # copied, each is a single one
        elif len(inner) > 1:
            factors, counts = uses[0].numbers.factors, [each.repeats for each in sums.nests]
            runs = _expand(0, zip(factors, counts, strict=False))
            pairs = [(self._chains[x + by].places, by) for by in runs for x in inner]
            self.arrays |= {place: (name, by) for places, by in pairs for place in places}
        self.by_part.setdefault(part, []).append(sums)

    def _find_start(self, sums: Sums, use: _Use, every: Iterable[int]) -> None:
        """What the sums start at. What starts unlike is refused."""
        terms = {x: self._chains[x].starts_with_term for x in every}
        starts = {x: -0.0 if terms[x] else self._chains[x].start for x in every}
        numbers = {x: start for x, start in starts.items() if type(start) is int}
        kinds = {*map(repr, starts.values())}
        if len(numbers) == len(starts) and min(numbers.values()) >= self._size:
            return
        if len(kinds) == 1 and not numbers:
            sums.start = Constant(float(kinds.pop()))
        elif sums.size == 1 and len(numbers) == len(starts):
            first, factors = use.numbers.start, use.numbers.factors[: len(sums.nests)]
            by = [numbers[first + f] - numbers[first] for f in factors]
            counts = [nest.repeats for nest in sums.nests]
            runs = _expand(first, zip(factors, counts, strict=True))
            expected = _expand(numbers[first], zip(by, counts, strict=True))
            if [numbers[x] for x in runs] == expected:
                sums.start = Given(Affine(numbers[first], tuple(by)))
        if sums.start is None:
            self.refused |= {self._chains[x] for x in every}


def _find_depth(uses: Sequence[_Use]) -> tuple[int, set[int]]:
    """Of how many loops each run has its own accumulators, and those of the first runs."""
    nests = uses[0].node.nests
    every = {x for each in uses for x in each.list_inner(0)}
    depth = min(_count_shared(uses[0], each) for each in uses)
    while True:
        inner = {x for each in uses for x in each.list_inner(depth)}
        if len(every) == len(inner) * math.prod([x.repeats for x in nests[:depth]]):
            return depth, inner
        depth -= 1


def _join(uses: Iterable[_Use]) -> list[list[_Use]]:
    """The uses in groups that have accumulators in common, each in order."""
    groups: dict[int, list[_Use]] = {}
    for use in uses:
        numbers = use.list_inner(0)
        found = {id(groups[x]): groups[x] for x in numbers if x in groups}
        group = max(found.values(), key=len, default=[])
        for other in found.values():
            if other is not group:
                group += other
                groups |= {x: group for each in other for x in each.list_inner(0)}
        group.append(use)
        groups |= dict.fromkeys(numbers, group)
    return [*{id(group): group for group in groups.values()}.values()]


def _expand(start: int, loops: Iterable[tuple[int, int]]) -> list[int]:
    """All numbers that one takes in loops, each of which moves it by so much so often."""
    found = [start]
    for by, repeats in loops:
        found = [x + by * i for x in found for i in range(repeats)]
    return found


def _count_shared(a: _Use, b: _Use) -> int:
    """How many loops are around both, and move them alike."""
    pairs = zip(a.node.nests, b.node.nests, a.numbers.factors, b.numbers.factors, strict=False)
    return len([*takewhile(lambda x: x[0] is x[1] and x[2] == x[3], pairs)])
