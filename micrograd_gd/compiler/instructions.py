"""The steps of a program: instructions and guards, one by one or in a flat form.

The native core finds an optimised program in a trace in its flat form. `code` holds 32-bit
integers, one record after the other:

    op, result, count, operand …       op is the operation's number in the core, at least 1
    -(1 + 2·relation + holds), a, b    a guard; relation counts < <= == != > >= from 0

An operand from 0 on is the number of an input or an earlier result; ~i is constant i. `constants`
are 64-bit floats, and `outputs` are operands.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, overload

from micrograd_gd.table.ops import Operation
from micrograd_gd.table.relations import RELATIONS

Operand = int | float  # the number of an earlier result, or a constant


class Instruction(NamedTuple):
    """One operation: `result = op(*operands)`."""

    result: int
    op: Operation
    operands: tuple[Operand, ...]


class Guard(NamedTuple):
    """What held where the function took a branch; where it does not, the program is another one."""

    left: Operand
    relation: str
    right: Operand
    holds: bool

    @property
    def operands(self) -> tuple[Operand, Operand]:
        """What is compared."""
        return self.left, self.right


Step = Instruction | Guard


class FlatSteps(Sequence[Step]):
    """Steps in their flat form, which become tuples when somebody asks for one."""

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
        self.guards = guards
        self.ops = ops  # by their numbers in the core

    def read(self, operands: bytes) -> tuple[Operand, ...]:
        """Operands as those of an instruction."""
        constants = array("d", self.constants)
        return tuple([x if x >= 0 else constants[~x] for x in array("i", operands)])

    @cached_property
    def as_tuple(self) -> tuple[Step, ...]:
        """All steps."""
        return tuple(self._steps())

    def _steps(self) -> Iterator[Step]:
        code, constants = array("i", self.code), array("d", self.constants)
        at = 0
        while at < len(code):
            head, result, count = code[at : at + 3]
            if head > 0:
                end = at + 3 + count
                operands = [x if x >= 0 else constants[~x] for x in code[at + 3 : end]]
                yield Instruction(result, self.ops[head], tuple(operands))
            else:
                end = at + 3
                relation, holds = divmod(-head - 1, 2)
                left, right = [x if x >= 0 else constants[~x] for x in code[at + 1 : end]]
                yield Guard(left, RELATIONS[relation].sign, right, holds=bool(holds))
            at = end

    def __reduce__(self) -> Any:
        """As a tuple: the numbers of operations are those of this build of the core."""
        return tuple, (self.as_tuple,)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> Step: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, place: int | slice) -> Any:
        return self.as_tuple[place]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.as_tuple)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.as_tuple == tuple(other)

    def __hash__(self) -> int:
        return hash(self.as_tuple)
