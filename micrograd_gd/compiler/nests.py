"""A program in loops: nested parts, and the operands of each statement.

A result is used where it is computed, in the same run of a loop or after its last; or in the next
run, for which it is *carried*; or elsewhere, and then an array keeps those of all runs.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from micrograd_gd.compiler.instructions import Instruction
from micrograd_gd.compiler.rolled import Step
from micrograd_gd.compiler.stages import ONCE, Stage
from micrograd_gd.table.ops import OPERATIONS, Operation


@dataclass(eq=False)
class Nest:
    """A loop, and where it is."""

    repeats: int
    size: int  # results of a run
    guards: int  # of a run
    outer: tuple["Nest", ...]
    body: list["Part"] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)  # what the results of a part begin at
    carried: dict["Node", "Carried"] = field(default_factory=dict)
    stores: list[tuple["Node", "Element"]] = field(default_factory=list)  # after the last run

    @property
    def around(self) -> tuple["Nest", ...]:
        """The loops around what is in it."""
        return (*self.outer, self)


@dataclass(eq=False)
class Node:
    """A statement, and the loops around it."""

    step: Step
    nests: tuple[Nest, ...]
    number: int  # of its result, or which guard it is, in the first runs
    scope: int  # how many of the loops are around all that uses the result as it is
    operands: list["Reference"] = field(default_factory=list)
    stores: list["Element"] = field(default_factory=list)
    is_updated: bool = True  # whether nobody wants the result of the run before after this one
    stage: Stage = ONCE  # in which it runs; of a reduction, that in which it is complete
    region: Hashable = None  # what runs with it, so that results need no array

    @property
    def accumulator(self) -> "Accumulator | None":
        """What the result is added to, if it is."""
        if self.number < FIRST_ACCUMULATOR:
            return None
        return Accumulator(Affine(self.number, self.step.strides[0]))


Part = Node | Nest


@dataclass(eq=False)
class Array:
    """What keeps results of all runs, and some before and behind these."""

    runs: list[int]  # of each loop
    before: list[int]
    behind: list[int]
    is_last: list[bool]  # whether of that loop only the result of the last run is asked for

    @property
    def size(self) -> int:
        """How many results there is room for."""
        return math.prod(self._sizes)

    @property
    def _sizes(self) -> list[int]:
        each = zip(self.before, self.runs, self.behind, self.is_last, strict=True)
        return [1 if is_last else low + runs + high for low, runs, high, is_last in each]

    def find_indexes(self, places: Sequence["Affine"]) -> list["Affine"]:
        """Where an entry is, along each loop that counts."""
        each = zip(places, self.before, self.is_last, strict=True)
        return [
            Affine(place.start + before, place.factors) for place, before, last in each if not last
        ]

    def locate(self, places: Sequence["Affine"]) -> "Affine":
        """Where an entry is if all of them lie side by side."""
        start, factors = 0, [0] * (len(places[0].factors) if places else 0)
        sizes = [size for size, last in zip(self._sizes, self.is_last, strict=True) if not last]
        for place, size in zip(self.find_indexes(places), sizes, strict=True):
            start = start * size + place.start
            factors = [a * size + b for a, b in zip(factors, place.factors, strict=True)]
        return Affine(start, tuple(factors))


class Affine(NamedTuple):
    """`start` and the sum of the loops' counters, each times its factor."""

    start: int
    factors: tuple[int, ...]


class Constant(NamedTuple):
    """The same number each time."""

    x: float


class Entry(NamedTuple):
    """An entry of the table of constants."""

    place: Affine


class Given(NamedTuple):
    """A number that is known before the program runs."""

    number: Affine


class Direct(NamedTuple):
    """What was computed in the same run, or in the last one of a loop before."""

    node: Node


@dataclass(eq=False)
class Carried:
    """What was computed in the run before, of the loop that has it; in the first one, `start`."""

    node: Node
    nest: Nest
    start: "Reference"


class Element(NamedTuple):
    """An entry of an array, along each of its dimensions."""

    array: Array
    places: tuple[Affine, ...]


class Accumulator(NamedTuple):
    """A number that is added to; which one of all."""

    number: Affine


Reference = Constant | Entry | Given | Direct | Carried | Element | Accumulator


def find_nodes(parts: Iterable[Part]) -> Iterator[Node]:
    """All nodes in these parts."""
    for part in parts:
        if isinstance(part, Nest):
            yield from find_nodes(part.body)
        else:
            yield part


def find_references(parts: Iterable[Part]) -> Iterator[Reference]:
    """All operands, and what loops begin with."""
    for part in parts:
        if isinstance(part, Nest):
            yield from (each.start for each in part.carried.values())
            yield from find_references(part.body)
        else:
            yield from part.operands


def find_stores(parts: Iterable[Part]) -> Iterator[Element]:
    """All that is stored, by statements and by loops."""
    for part in parts:
        if isinstance(part, Nest):
            yield from (store for _, store in part.stores)
            yield from find_stores(part.body)
        else:
            yield from part.stores


# What gives out its operand: the result is -1 for the first output of the program.
OUTPUT = Operation("output", ("x",), "x", ("1",), "x, given out.")

ADD = OPERATIONS["add"]

START = Operation("start", ("x",), "x", ("1",), "x, to which more is added.")

FIRST_ACCUMULATOR = 2**40  # above the numbers of all results


def is_output(node: Node) -> bool:
    """Whether the node gives out what it has."""
    statement = node.step.statement
    return isinstance(statement, Instruction) and statement.op is OUTPUT


def write_affine(place: Affine, name: Callable[[int], str]) -> str:
    """A sum of counters."""
    terms = [
        (factor, name(i)) for i, factor in enumerate(place.factors) if factor
    ]  # fmt: skip
    terms.sort(key=lambda term: term[0] < 0)
    text = ""
    for factor, counter in terms:
        size = f"{abs(factor)} * {counter}" if abs(factor) != 1 else counter
        text += f"{' - ' if factor < 0 else ' + ' if text else ''}{size}"
    if not text:
        return str(place.start)
    if text.startswith(" - "):
        return f"{place.start}{text}"
    sign = "-" if place.start < 0 else "+"
    return f"{text} {sign} {abs(place.start)}" if place.start else text
