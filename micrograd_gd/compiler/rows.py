"""Items one after another, in which loops are searched: the kind of each, numbers and constants."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import accumulate
from operator import sub
from typing import Any, NamedTuple

from micrograd_gd.compiler.instructions import Guard, Records, Statement
from micrograd_gd.compiler.nests import FIRST_ACCUMULATOR


class Alike(NamedTuple):
    """What is left of a statement without its numbers and constants."""

    statement: Statement
    is_number: tuple[bool, ...]  # of each operand


class Repeated(NamedTuple):
    """What is left of a loop."""

    repeats: int
    body: tuple[int, ...]  # kinds
    strides: tuple[int, ...]


_RESULT, _CONSTANT = -1, -2  # operands that come from no area of the inputs


class Kinds:
    """All kinds of items, and all constants.

    A constant is a float, or else a tuple of those that an item has each time. One item alone is
    for all times.
    """

    def __init__(self, labels: Mapping[int, str], areas: Sequence[Hashable]) -> None:
        self.labels = labels
        self.areas = areas
        self.known: list[Alike | Repeated] = []
        self.results: list[tuple[int, int]] = []  # how many numbers, which is a result; -1: none
        self.constants: list[float | tuple[int, ...]] = []
        self._kinds: dict[Any, int] = {}
        self._places: dict[Any, int] = {}

    def take_apart(self, statement: Statement) -> tuple[int, list[int], list[int]]:
        """The kind of a statement, its numbers and its constants."""
        operands = statement.operands
        numbers = [x for x in operands if type(x) is int]
        constants = [self.find_constant(x) for x in operands if type(x) is float]
        sources = tuple([_CONSTANT if type(x) is float else self.find_source(x) for x in operands])
        if isinstance(statement, Guard):
            key: Any = (statement.relation, statement.holds, sources)
        else:
            numbers = [statement.result, *numbers]
            key = (statement.op, sources, statement.result >= FIRST_ACCUMULATOR)
            if statement.result in self.labels:
                key = (*key, self.labels[statement.result])
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = len(self.known)
            self.known.append(Alike(statement, tuple([x != _CONSTANT for x in sources])))
            has_own = 0 <= getattr(statement, "result", -1) < FIRST_ACCUMULATOR
            self.results.append((len(numbers), 0 if has_own else -1))
        return kind, numbers, constants

    def find_source(self, x: Any) -> Hashable:
        """Where a number comes from: an area of the inputs, or the results."""
        return self.areas[x] if x < len(self.areas) else _RESULT

    def find_loop(self, loop: Repeated) -> int:
        """The kind of a loop."""
        kind = self._kinds.setdefault(loop, len(self.known))
        if kind == len(self.known):
            self.known.append(loop)
            ends = [0, *accumulate(self.results[each][0] for each in loop.body)]
            first = (
                end + self.results[each][1]
                for end, each in zip(ends, loop.body, strict=False)
                if self.results[each][1] >= 0
            )
            self.results.append((ends[-1], next(first, -1)))
        return kind

    def find_constant(self, x: float | tuple[int, ...]) -> int:
        """The place of a constant among all."""
        key = repr(x) if type(x) is float else x  # which tells the zeros apart
        place = self._places.setdefault(key, len(self.constants))
        if place == len(self.constants):
            self.constants.append(x)
        return place

    def read_constant(self, constant: int, times: Sequence[int]) -> float:
        """The constant when the loops around it have run so many times."""
        x = self.constants[constant]
        for i in times:
            if isinstance(x, float):
                return x
            x = self.constants[x[i if len(x) > 1 else 0]]
        assert isinstance(x, float)  # noqa: S101 — for the types
        return x

    def join(self, runs: list[list[int]]) -> list[int]:
        """The constants of a loop, given those of its runs."""
        return [self._join(column) for column in zip(*runs, strict=True)]

    def _join(self, column: tuple[int, ...]) -> int:
        first = column[0]
        if column.count(first) != len(column):
            return self.find_constant(column)
        is_float = isinstance(self.constants[first], float)
        return first if is_float else self.find_constant((first,))


class Row:
    """Items one after another: the kind, the numbers and the constants of each."""

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.numbers: list[int] = []
        self.starts = [0]  # of the numbers of each item
        self.constants: list[int] = []
        self.constant_starts = [0]

    def append(self, kind: int, numbers: Sequence[int], constants: Sequence[int]) -> None:
        """Append an item."""
        self.kinds.append(kind)
        self.numbers += numbers
        self.starts.append(len(self.numbers))
        self.constants += constants
        self.constant_starts.append(len(self.constants))

    def extend(self, row: "Row", start: int, end: int) -> None:
        """Append some items of another row."""
        _extend(self.numbers, self.starts, row.numbers, row.starts[start : end + 1])
        where = row.constant_starts[start : end + 1]
        _extend(self.constants, self.constant_starts, row.constants, where)
        self.kinds += row.kinds[start:end]

    def take_numbers(self, start: int, end: int) -> list[int]:
        """The numbers of some items."""
        return self.numbers[self.starts[start] : self.starts[end]]

    def take_constants(self, start: int, end: int) -> list[int]:
        """The constants of some items."""
        return self.constants[self.constant_starts[start] : self.constant_starts[end]]

    def find_strides(self, start: int, length: int) -> tuple[int, ...]:
        """What the numbers of so many items are moved by in as many that follow."""
        middle = start + length
        after = self.take_numbers(middle, middle + length)
        return tuple(map(sub, after, self.take_numbers(start, middle)))


def read_records(records: Records, kinds: Kinds, row: Row) -> None:
    """Append statements; what is alike is decoded once."""
    places = [kinds.find_constant(x) for x in records.constants]
    known: dict[tuple[Hashable, ...], int] = {}
    labels, areas, given = kinds.labels, kinds.areas, len(kinds.areas)
    numbers, constants = row.numbers, row.constants
    for head, result, operands in records.each:
        sources = [
            _CONSTANT if x < 0 else areas[x] if x < given else _RESULT for x in operands
        ]  # fmt: skip
        kind = known.get((head, *sources))
        if kind is None or result in labels:
            kind, _, _ = kinds.take_apart(records.decode(head, result, operands))
            if result not in labels:
                known[head, *sources] = kind
        row.kinds.append(kind)
        if head > 0:
            numbers.append(result)
        if _CONSTANT in sources:
            numbers += [x for x in operands if x >= 0]
            constants += [places[~x] for x in operands if x < 0]
        else:
            numbers += operands
        row.starts.append(len(numbers))
        row.constant_starts.append(len(constants))


def _extend(to: list[int], starts: list[int], numbers: list[int], where: list[int]) -> None:
    by = len(to) - where[0]
    to += numbers[where[0] : where[-1]]
    starts += [x + by for x in where[1:]]
