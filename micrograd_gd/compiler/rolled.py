"""Statements with their loops, whose numbers move by constant strides each time."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Union

from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Statement


class Step(NamedTuple):
    """A statement of the program or of a loop, as it is the first time.

    `strides` are for its result, if it has one, and each operand: what the number moves by in each
    of the loops around it, the outermost first. A number below 0 is a constant of a table.
    """

    statement: Statement
    strides: tuple[tuple[int, ...], ...]


class Loop(NamedTuple):
    """Items that are run so many times."""

    repeats: int
    body: tuple["Item", ...]


Item = Union[Step, Loop]  # noqa: UP007 — one of them is a name that is yet to come


class Rolled(NamedTuple):
    """Statements with their loops. Number -1 is the first constant of the table."""

    items: tuple[Item, ...]
    table: tuple[float, ...]

    def unroll(self) -> Iterator[Statement]:
        """The statements that were rolled."""
        for step, times in walk(self.items):
            yield self._take(step, times)

    def unroll_short(self, fewest: int) -> "Rolled":
        """The same without loops of fewer runs."""
        return self._replace(items=tuple(self._unroll_short(self.items, fewest, 0)))

    def _unroll_short(self, items: Iterable[Item], fewest: int, depth: int) -> Iterator[Item]:
        for item in items:
            if isinstance(item, Step):
                yield item
                continue
            body = [*self._unroll_short(item.body, fewest, depth + 1)]
            if item.repeats >= fewest:
                yield Loop(item.repeats, tuple(body))
                continue
            for i in range(item.repeats):
                yield from (self._fix(each, depth, i) for each in body)

    def _fix(self, item: Item, depth: int, i: int) -> Item:
        """The item in run i of the loop at this depth."""
        if isinstance(item, Loop):
            return Loop(item.repeats, tuple([self._fix(each, depth, i) for each in item.body]))
        times = tuple([i if j == depth else 0 for j in range(len(item.strides[0]))])
        left = tuple([(*each[:depth], *each[depth + 1 :]) for each in item.strides])
        return Step(self._take(item, times, left), left)

    def _take(
        self, step: Step, times: tuple[int, ...], left: Sequence[Sequence[int]] = ()
    ) -> Statement:
        """The statement as it is when the loops around it have run so many times.

        Constants of the table stay where they are as long as what is left moves them.
        """
        moves = [sum(map(int.__mul__, times, strides)) for strides in step.strides]
        statement = step.statement
        count = len(statement.operands)
        by_more = [any(each) for each in left[-count:]] if left else [False] * count
        operands = tuple([
            x if isinstance(x, float) else self._move(x + by, is_moved)
            for x, by, is_moved in zip(statement.operands, moves[-count:], by_more, strict=True)
        ])  # fmt: skip
        if isinstance(statement, Guard):
            return Guard(operands[0], statement.relation, operands[1], statement.holds)
        return statement._replace(result=statement.result + moves[0], operands=operands)

    def _move(self, x: int, is_moved: bool) -> Operand:  # noqa: FBT001 — of this class alone
        return x if x >= 0 or is_moved else self.table[~x]


def walk(items: Iterable[Item], *times: int) -> Iterator[tuple[Step, tuple[int, ...]]]:
    """Each step, every time that it runs."""
    for item in items:
        if isinstance(item, Step):
            yield item, times
        else:
            for i in range(item.repeats):
                yield from walk(item.body, *times, i)


def size(items: Iterable[Item]) -> int:
    """How many steps and loops these are, with those in loops."""
    return sum([1 + (size(item.body) if isinstance(item, Loop) else 0) for item in items])


def take_as_items(statements: Iterable[Statement]) -> Rolled:
    """Statements without their loops."""
    return Rolled(
        tuple(
            [
                Step(each, ((),) * (len(each.operands) + isinstance(each, Instruction)))
                for each in statements
            ]
        ),
        (),
    )
