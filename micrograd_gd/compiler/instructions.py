"""The statements of a program, one by one or encoded as numbers.

A statement is an instruction, which computes a number, or a guard, which checks how two compare.
The native core gives an optimized program in encoded form. `code` holds 32-bit integers, one record
after the other:

    op, result, count, operand …       op is the operation's number in the core, at least 1
    -(1 + 2·relation + holds), a, b    a guard; relation counts < <= == != > >= from 0

An operand from 0 on is the number of an input or an earlier result; ~i is constant i. `constants`
are 64-bit floats, and `outputs` are operands.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, overload

from micrograd_gd.caches import cached_property
from micrograd_gd.core.choice import native_part
from micrograd_gd.table.ops import Operation
from micrograd_gd.table.relations import RELATIONS

Operand = int | float  # the number of an earlier result, or a constant


class Instruction(NamedTuple):
    """One operation: `result = op(*operands)`."""

    result: int
    op: Operation
    operands: tuple[Operand, ...]


class Guard(NamedTuple):
    """What held where the function took a branch. Where it does not, another program is needed."""

    left: Operand
    relation: str
    right: Operand
    holds: bool

    @property
    def operands(self) -> tuple[Operand, Operand]:
        """What is compared."""
        return self.left, self.right


Statement = Instruction | Guard


@cache
def take_term(op: Operation) -> Operation:
    """The operation that adds one term, of an operation that folds."""
    return replace(op, folds=False)


Record = tuple[int, int, list[int]]  # what it is, its result, -1 for guards, and its operands


class Records(NamedTuple):
    """Encoded statements one by one, their constants, and the operations by their numbers."""

    each: Iterable[Record]
    constants: list[float]
    ops: dict[int, Operation]

    def decode(self, head: int, result: int, operands: Iterable[int]) -> Statement:
        """The statement of a record."""
        decoded = decode_operands(operands, self.constants)
        if head > 0:
            return Instruction(result, self.ops[head], decoded)
        relation, holds = divmod(-head - 1, 2)
        return Guard(decoded[0], RELATIONS[relation].sign, decoded[1], holds=bool(holds))


def decode_operands(operands: Iterable[int], constants: Sequence[float]) -> tuple[Operand, ...]:
    """Encoded operands as those of an instruction."""
    return tuple([x if x >= 0 else constants[~x] for x in operands])


class EncodedStatements(Sequence[Statement]):
    """Encoded statements, which are decoded when one is asked for."""

    def __init__(
        self,
        code: bytes,
        constants: bytes,
        outputs: bytes,
        size: int,
        guards: int,
        ops: dict[int, Operation],
    ) -> None:
        self.code = code
        self.constants = constants
        self.outputs = outputs
        self._size = size
        self.guards = guards  # how many there are
        self.ops = ops  # by their numbers in the core

    def decode_operands(self, operands: bytes) -> tuple[Operand, ...]:
        """Encoded operands as those of an instruction."""
        return decode_operands(array("i", operands), self._floats)

    @cached_property
    def _floats(self) -> list[float]:
        return array("d", self.constants).tolist()

    @cached_property
    def as_tuple(self) -> tuple[Statement, ...]:
        """All statements."""
        records = self.records
        return tuple([records.decode(*each) for each in records.each])

    @property
    def records(self) -> "Records":
        """The same one by one, still encoded."""
        return Records(self._split(), self._floats, self.ops)

    def _split(self) -> Iterator[Record]:
        code, at = array("i", self.code).tolist(), 0
        while at < len(code):
            head = code[at]
            if head > 0:
                end = at + 3 + code[at + 2]
                yield head, code[at + 1], code[at + 3 : end]
            else:
                end = at + 3
                yield head, -1, code[at + 1 : end]
            at = end

    def __reduce__(self) -> Any:
        """As they are, with the numbers of operations in this build of the core."""
        parts = self.code, self.constants, self.outputs, self._size, self.guards, self.ops
        return _read_encoded, parts

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> Statement: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Statement, ...]: ...
    def __getitem__(self, place: int | slice) -> Any:
        return self.as_tuple[place]

    def __iter__(self) -> Iterator[Statement]:
        return iter(self.as_tuple)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.as_tuple == tuple(other)

    def __hash__(self) -> int:
        return hash(self.as_tuple)


def _read_encoded(*parts: Any) -> Sequence[Statement]:
    """The statements of a pickle; as a tuple where operations have other numbers here."""
    statements = EncodedStatements(*parts)
    find_number = native_part("number_of")
    if find_number and all(find_number(op) == i for i, op in statements.ops.items()):
        return statements
    return statements.as_tuple
