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

from micrograd_gd.compiler.boundaries import find_boundary
from micrograd_gd.compiler.instructions import Guard, Operand, Records, Statement
from micrograd_gd.compiler.repeats import Repeats
from micrograd_gd.compiler.rolled import Item, Loop, Rolled, Step
from micrograd_gd.compiler.rows import Alike, Kinds, Repeated, Row, read_records

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
    kinds = Kinds(labels or {}, areas)
    row = Row()
    if isinstance(statements, Records):
        read_records(statements, kinds, row)
    else:
        for statement in statements:
            row.append(*kinds.take_apart(statement))
    i = 0
    while i < len(_SEARCHES):  # short bodies first: then longer ones have their loops already
        found = _Search(row, kinds, *_SEARCHES[i]).find_loops()
        i = 0 if len(found.kinds) < SHORTER * len(row.kinds) else i + 1
        row = found
    return _Builder(kinds).build(row)


class _Search:
    """A search for loops in a row, whose kinds are characters of a text."""

    def __init__(self, row: Row, kinds: Kinds, low: int, high: int, width: int) -> None:
        self._row = row
        self._kinds = kinds
        self._text = "".join(map(chr, row.kinds))
        self._low = low
        self._high = high
        self._width = width
        self._compared = 0
        self._repeats = Repeats(row.kinds, low, high) if width < FEWEST_BY_TEXT else None

    def find_loops(self) -> Row:
        """The row in which loops are one item each."""
        found, i, done = Row(), self._find_place(0), 0
        while i >= 0:
            start, loop, constants = self._find_loop(i)
            if loop is not None:
                found.extend(self._row, done, start)
                numbers = self._row.take_numbers(start, start + len(loop.body))
                found.append(self._kinds.find_loop(loop), numbers, constants)
                i = done = start + loop.repeats * len(loop.body)
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

    def _find_loop(self, i: int) -> tuple[int, Repeated | None, list[int]]:
        """The loop that begins here or within a run from here, its place and constants."""
        for length, strides in self._find_bodies(i):
            count = self._count_runs(i, length, strides)
            runs = self._take_runs(i, length, count)
            if count < FEWEST_OF_TABLE:
                while runs[-1] != runs[0]:
                    runs.pop()
            if (count := len(runs)) >= FEWEST and count * length >= FEWEST_STATEMENTS:
                start, row = self._find_start(i, length, count), self._row
                body = tuple(row.kinds[start : start + length])
                loop = Repeated(count, body, row.find_strides(start, length))
                return start, loop, self._kinds.join(self._take_runs(start, length, count))
        return i, None, []

    def _take_runs(self, i: int, length: int, count: int) -> list[list[int]]:
        """The constants of each run."""
        row = self._row
        return [row.take_constants(i + j * length, i + (j + 1) * length) for j in range(count)]

    def _find_start(self, i: int, length: int, count: int) -> int:
        """The place in the first run from which on as many runs hand on least to each other."""
        row, end, last = self._row, i + count * length, 0
        while last < length - 1 and self._goes_on(end + last, length):
            last += 1
        if not last:
            return i
        made = [self._find_result(j) for j in range(i, i + 3 * length)]
        for j in reversed(range(len(made) - 1)):
            made[j] = made[j + 1] if made[j] < 0 else made[j]
        used = [row.take_numbers(j, j + 1) for j in range(i + length, i + 2 * length)]
        return i + find_boundary(made[: 2 * length + 1], used, last)

    def _goes_on(self, i: int, length: int) -> bool:
        """Whether an item is what it would be in one more run."""
        row = self._row
        if i >= len(row.kinds) or row.kinds[i] != row.kinds[i - length]:
            return False
        a, b, c = (row.take_numbers(j, j + 1) for j in (i - 2 * length, i - length, i))
        same = row.take_constants(i, i + 1) == row.take_constants(i - length, i - length + 1)
        return same and [*map(sub, b, a)] == [*map(sub, c, b)]

    def _find_result(self, i: int) -> int:
        """The first result of an item; -1 if it has none."""
        _, offset = self._kinds.results[self._row.kinds[i]]
        return self._row.numbers[self._row.starts[i] + offset] if offset >= 0 else -1

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

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._table: list[float] = []
        self._places: dict[tuple[int, tuple[int, ...]], tuple[int, tuple[int, ...]]] = {}

    def build(self, row: Row) -> Rolled:
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
        if isinstance(found, Alike):
            return self._build_step(found, counts, numbers, constants)
        moving = ((x, (*moves, by)) for by, (x, moves) in zip(found.strides, numbers))  # noqa: B905 — as many as there are
        inner = (*counts, found.repeats)
        return Loop(
            found.repeats,
            tuple([self._build(each, inner, moving, constants) for each in found.body]),
        )

    def _build_step(
        self,
        kind: Alike,
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
