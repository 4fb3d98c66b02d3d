"""Loops found again in straight-line statements, which came from loops.

Statements are alike if they do the same with numbers and constants at the same places. A run of k
statements is a loop if those behind it are alike, one by one, run after run, and their numbers move
by the same strides from each run to the next. Constants may differ: then a table has them. Loops
are alike if their bodies, counts and strides are; so what is found is searched again for loops of
loops (Ketterlin and Clauss, *Prediction and trace compression of data access addresses through
nested loop recognition*, 2008).
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, product
from operator import mul, sub
from typing import Any, NamedTuple

from micrograd_gd.compiler.instructions import Guard, Operand, Records, Statement
from micrograd_gd.compiler.repeats import Repeats
from micrograd_gd.compiler.rolled import Item, Loop, Rolled, Step

FEWEST = 3  # runs of a loop: any two have strides
FEWEST_STATEMENTS = 6  # that a loop replaces
FEWEST_OF_TABLE = 8  # constants; fewer are no data, but coefficients of a formula

LONGEST = 4096  # items of a body
SHORTER = 0.9  # than before a row has to be to be searched from the beginning: so time is linear

CREDIT = 4  # items that may be compared for each item of a row

# Bodies of `low` to `high` items are searched by so many of their first ones.
FEWEST_BY_TEXT = 16  # first items, by which other bodies are found one by one
_SEARCHES = ((1, 8, 1), (8, 32, 8), (32, 128, 16), (128, 512, 32), (512, LONGEST, 64))


def roll(
    statements: Iterable[Statement] | Records,
    labels: Mapping[int, str] | None = None,
    areas: Sequence[Hashable] = (),
) -> Rolled:
    """The statements with their loops, in linear time.

    Statements whose results have other labels are not alike, nor are those whose operands come from
    other areas of the inputs. `areas` has that of each.

    >>> from micrograd_gd import trace
    >>> program = trace(lambda x: sum(a * b for a, b in zip(x, x[1:])), [0.5] * 9)
    >>> *first, loop = roll(program.statements).items
    >>> len(first), loop.repeats, [step.strides for step in loop.body]
    (2, 7, [((2,), (1,), (1,)), ((2,), (2,), (2,))])
    """
    kinds = _Kinds(labels or {}, areas)
    row = _Row()
    if isinstance(statements, Records):
        _read_records(statements, kinds, row)
    else:
        for statement in statements:
            row.append(*kinds.take_apart(statement))
    i = 0
    while i < len(_SEARCHES):  # short bodies first: then longer ones have their loops already
        found = _Search(row, kinds, *_SEARCHES[i]).find_loops()
        i = 0 if len(found.kinds) < SHORTER * len(row.kinds) else i + 1
        row = found
    return _Builder(kinds).build(row)


class _Alike(NamedTuple):
    """What is left of a statement without its numbers and constants."""

    statement: Statement
    is_number: tuple[bool, ...]  # of each operand


class _Repeated(NamedTuple):
    """What is left of a loop."""

    repeats: int
    body: tuple[int, ...]  # kinds
    strides: tuple[int, ...]


_RESULT, _CONSTANT = -1, -2  # operands that come from no area of the inputs


class _Kinds:
    """All kinds of items, and all constants.

    A constant is a float, or else a tuple of those that an item has each time. One item alone is
    for all times.
    """

    def __init__(self, labels: Mapping[int, str], areas: Sequence[Hashable]) -> None:
        self.labels = labels
        self.areas = areas
        self.known: list[_Alike | _Repeated] = []
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
            key = (statement.op, sources)
            if statement.result in self.labels:
                key = (*key, self.labels[statement.result])
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = len(self.known)
            self.known.append(_Alike(statement, tuple([x != _CONSTANT for x in sources])))
        return kind, numbers, constants

    def find_source(self, x: Any) -> Hashable:
        """Where a number comes from: an area of the inputs, or the results."""
        return self.areas[x] if x < len(self.areas) else _RESULT

    def find_loop(self, loop: _Repeated) -> int:
        """The kind of a loop."""
        kind = self._kinds.setdefault(loop, len(self.known))
        if kind == len(self.known):
            self.known.append(loop)
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


class _Row:
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

    def extend(self, row: "_Row", start: int, end: int) -> None:
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


def _read_records(records: Records, kinds: _Kinds, row: _Row) -> None:
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


class _Search:
    """A search for loops in a row, whose kinds are characters of a text."""

    def __init__(self, row: _Row, kinds: _Kinds, low: int, high: int, width: int) -> None:
        self._row = row
        self._kinds = kinds
        self._text = "".join(map(chr, row.kinds))
        self._low = low
        self._high = high
        self._width = width
        self._compared = 0
        self._repeats = Repeats(row.kinds, low, high) if width < FEWEST_BY_TEXT else None

    def find_loops(self) -> _Row:
        """The row in which loops are one item each."""
        found, i, done = _Row(), self._find_place(0), 0
        while i >= 0:
            loop, numbers, constants = self._find_loop(i)
            if loop is not None:
                found.extend(self._row, done, i)
                found.append(self._kinds.find_loop(loop), numbers, constants)
                i = done = i + loop.repeats * len(loop.body)
            else:
                i += 1
            i = self._find_place(i)
        if not done:
            return self._row
        found.extend(self._row, done, len(self._text))
        return found

    def _find_place(self, i: int) -> int:
        """The next place from which on a body may be repeated; -1 for none."""
        text, low, high, width = self._text, self._low, self._high, self._width
        if self._repeats:
            return self._repeats.find(i)
        for at in range(i, len(text) - FEWEST * low + 1):
            if text.find(text[at : at + width], at + low, at + high + width - 1) >= 0:
                return at
        return -1

    def _find_loop(self, i: int) -> tuple[_Repeated | None, list[int], list[int]]:
        """The loop that begins here, its numbers and constants."""
        row = self._row
        for length, strides in self._find_bodies(i):
            count = self._count_runs(i, length, strides)
            runs = [row.take_constants(i + j * length, i + (j + 1) * length) for j in range(count)]
            if count < FEWEST_OF_TABLE:
                while runs[-1] != runs[0]:
                    runs.pop()
            if len(runs) >= FEWEST and len(runs) * length >= FEWEST_STATEMENTS:
                loop = _Repeated(len(runs), tuple(row.kinds[i : i + length]), strides)
                return loop, row.take_numbers(i, i + length), self._kinds.join(runs)
        return None, [], []

    def _count_runs(self, i: int, length: int, strides: tuple[int, ...]) -> int:
        """How often a body is repeated."""
        text, row = self._text, self._row
        body, at = text[i : i + length], i + length
        while text.startswith(body, at) and row.find_strides(at - length, length) == strides:
            at += length
        return (at - i) // length

    def _find_bodies(self, i: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The lengths of what is repeated twice from here on, shortest first, and the strides."""
        text, row, width = self._text, self._row, self._width
        last = i + min(self._high - 1, (len(text) - i) // FEWEST)  # where the second run begins
        at = text.find(text[i : i + width], i + self._low, last + width)
        while at >= 0 and self._compared < CREDIT * (i + LONGEST):
            length = at - i
            if self._may_move(i, length) and text.startswith(text[i:at] * 2, at):
                self._compared += length
                strides = row.find_strides(i, length)
                if strides == row.find_strides(at, length):
                    yield length, strides
            at = text.find(text[i : i + width], at + 1, last + width)

    def _may_move(self, i: int, length: int) -> bool:
        """Whether the first item has the same strides twice."""
        if self._text[i + 2 * length] != self._text[i]:
            return False
        self._compared += 1
        starts, numbers = self._row.starts, self._row.numbers
        a, b, c = starts[i], starts[i + length], starts[i + 2 * length]
        size = starts[i + 1] - a
        first, second, third = (numbers[x : x + size] for x in (a, b, c))
        return [*map(sub, third, second)] == [*map(sub, second, first)]


class _Builder:
    """The items of a row as those of a rolled program."""

    def __init__(self, kinds: _Kinds) -> None:
        self._kinds = kinds
        self._table: list[float] = []
        self._places: dict[tuple[int, tuple[int, ...]], tuple[int, tuple[int, ...]]] = {}

    def build(self, row: _Row) -> Rolled:
        """The program."""
        numbers: Iterator[_Moving] = ((x, ()) for x in row.numbers)
        constants = iter(row.constants)
        items = [self._build(kind, (), numbers, constants) for kind in row.kinds]
        return Rolled(tuple(items), tuple(self._table))

    def _build(
        self,
        kind: int,
        counts: tuple[int, ...],
        numbers: Iterator["_Moving"],
        constants: Iterator[int],
    ) -> Item:
        """The next item, inside of loops with these counts."""
        found = self._kinds.known[kind]
        if isinstance(found, _Alike):
            return self._build_step(found, counts, numbers, constants)
        moving = ((x, (*moves, by)) for by, (x, moves) in zip(found.strides, numbers))  # noqa: B905 — as many as there are
        inner = (*counts, found.repeats)
        return Loop(
            found.repeats,
            tuple([self._build(each, inner, moving, constants) for each in found.body]),
        )

    def _build_step(
        self,
        kind: _Alike,
        counts: tuple[int, ...],
        numbers: Iterator["_Moving"],
        constants: Iterator[int],
    ) -> Step:
        statement = kind.statement
        results = [] if isinstance(statement, Guard) else [next(numbers)]
        given = [
            next(numbers) if is_number else self._find_place(next(constants), counts)
            for is_number in kind.is_number
        ]
        operands, strides = zip(*given, strict=True) if given else ((), ())
        if isinstance(statement, Guard):
            left, right = operands
            return Step(statement._replace(left=left, right=right), strides)
        (result, moves), *_ = results
        return Step(statement._replace(result=result, operands=operands), (moves, *strides))

    def _find_place(
        self, constant: int, counts: tuple[int, ...]
    ) -> tuple[Operand, tuple[int, ...]]:
        """A constant with no strides, or its place in the table with them."""
        x = self._kinds.constants[constant]
        if isinstance(x, float):
            return x, (0,) * len(counts)
        key = constant, counts
        if key not in self._places:
            used = [count if self._differs({constant}, i) else 1 for i, count in enumerate(counts)]
            sizes = [*accumulate(reversed(used), mul, initial=1)][-2::-1]
            place = ~len(self._table)
            strides = tuple([-size if n > 1 else 0 for size, n in zip(sizes, used, strict=True)])
            for times in product(*map(range, used)):
                self._table.append(self._kinds.read_constant(constant, times))
            self._places[key] = place, strides
        return self._places[key]

    def _differs(self, constants: set[int], depth: int) -> bool:
        """Whether some of the constants differ from time to time of the loop at this depth."""
        found = [
            x for x in map(self._kinds.constants.__getitem__, constants) if isinstance(x, tuple)
        ]
        if not depth:
            return any(len(x) > 1 for x in found)
        return bool(found) and self._differs({each for x in found for each in x}, depth - 1)


_Moving = tuple[int, tuple[int, ...]]  # a number, and its strides in the loops around it
