"""Statements with their loops, whose numbers move by constant strides each time."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Union

from micrograd_gd.compiler.instructions import Guard, Instruction, Statement


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

    def _take(self, step: Step, times: tuple[int, ...]) -> Statement:
        """The statement as it is when the loops around it have run so many times."""
        moves = [sum(map(int.__mul__, times, strides)) for strides in step.strides]
        statement = step.statement
        operands = tuple([
            x if isinstance(x, float) else x + by if x + by >= 0 else self.table[~(x + by)]
            for x, by in zip(statement.operands, moves[-len(statement.operands) :], strict=True)
        ])  # fmt: skip
        if isinstance(statement, Guard):
            left, right = operands
            return statement._replace(left=left, right=right)
        return statement._replace(result=statement.result + moves[0], operands=operands)


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
