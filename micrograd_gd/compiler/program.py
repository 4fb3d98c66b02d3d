"""A program: what a function computes, as a list of statements.

It has static single assignment form: each instruction applies one operation and gives its result a
number of its own. Below these numbers are those of the inputs, and of the values that the function
closes over.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from micrograd_gd.caches import cached_property
from micrograd_gd.compiler.instructions import (
    EncodedStatements,
    Guard,
    Instruction,
    Operand,
    Statement,
)
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.layout import Layout, Span
from micrograd_gd.engine import Value
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.trees import Structure


class Cut(NamedTuple):
    """An open length that is another one but for so many rows; that other one is no such."""

    lanes: int
    of: int
    by: int


class BatchOutput(NamedTuple):
    """Outputs that are all lanes of a number, evenly spaced from `start` on.

    A uniform number is the same in each.
    """

    number: Any
    start: int
    stride: int
    lanes: int

    @property
    def places(self) -> range:
        """Where they are among the outputs."""
        return range(self.start, self.start + self.lanes * self.stride, self.stride)


@dataclass(frozen=True)
class Program:
    """The inputs, the statements in order, and the outputs.

    >>> from micrograd_gd import trace
    >>> print(trace(lambda a, b: a * b if a < b else -a, 2.0, 3.0))
    program(a, b)
        guard a < b
        v2 = a * b
        return v2
    """

    arguments: tuple[tuple[str, Structure], ...]  # their leaves are the numbers 0, 1, …
    captured: tuple[Value, ...]  # the numbers that follow; their data are read at every call
    statements: Sequence[Statement]
    outputs: tuple[Operand | None, ...]  # None where a batch output stands
    structure: Structure  # of the result
    labels: dict[int, str]  # names that the user gave
    batch_outputs: tuple[BatchOutput, ...] = ()
    lengths: tuple[int, ...] = ()  # that are open, as they were while tracing
    cuts: tuple[Cut, ...] = ()  # which of them depend on each other
    held: tuple[Any, ...] = ()  # arrays that the function closes over: the last of the arguments
    # Outputs in which 0.0 stands for -0.0, and whether nan there calls for a more careful program.
    derivatives: dict[int, bool] = field(default_factory=dict)
    is_careful: bool = False  # whether no derivative is 0 that may as well be none
    # How comparisons end on each way that samples of each batch take, and whether the last guard
    # says that there are no others.
    ways: tuple[tuple[tuple[bool, ...], ...], ...] = ()
    guards_ways: bool = False
    fast_math: bool = False  # whether machine code may round less often than is written

    def __getstate__(self) -> dict[str, Any]:
        return {
            each.name: getattr(self, each.name) for each in fields(self)
        }  # what is derived is not

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the arguments' leaves."""
        pairs = self.arguments
        return tuple([each for name, below in pairs for each in trees.names(below, name)])

    @cached_property
    def input_count(self) -> int:
        """How many leaves the arguments have."""
        return sum(structure.size for _, structure in self.arguments)

    @cached_property
    def size(self) -> int:
        """How many numbers are known before the first statement."""
        return self.input_count + len(self.captured) + len(self.lengths)

    @cached_property
    def free_number(self) -> int:
        """The least number that is above all those of inputs and results."""
        return max([self.size, *(each.result + 1 for each in self.instructions)])

    @cached_property
    def input_layout(self) -> Layout:
        """Where a run finds the arguments' numbers and the captured ones."""
        return Layout([structure for _, structure in self.arguments], self.size - self.input_count)

    @cached_property
    def columns(self) -> dict[int, Span]:
        """The inputs that are columns of whole arrays, and where a row of these is."""
        return self.input_layout.find_columns() if self.lengths else {}

    @cached_property
    def fixed_lengths(self) -> dict[int, int]:
        """The open lengths that are those of held arrays, by their lanes."""
        held = self.arguments[len(self.arguments) - len(self.held) :]
        pairs = zip(held, self.held, strict=True)
        return {structure.shape[0]: len(x) for (_, structure), x in pairs}

    def fits(self, lengths: Sequence[int]) -> bool:
        """Whether the arguments' open lengths are as those of held arrays and cuts call for."""
        if not self.lengths:
            return True
        known = {-1 - axis: n for axis, n in enumerate(lengths)}
        if any(n != known.setdefault(lanes, n) for lanes, n in self.fixed_lengths.items()):
            return False
        wanted = {cut.lanes: known[cut.of] - cut.by for cut in self.cuts}
        return all(0 < n == known.get(lanes, n) for lanes, n in wanted.items())

    def find_surplus(self, lanes: int, other: int) -> int:
        """How many more lanes the other batch has, of two that were cut from one."""
        by = {cut.lanes: cut.by for cut in self.cuts}
        return by.get(lanes, 0) - by.get(other, 0)

    def find_length(self, lanes: int) -> int:
        """The input that is the open length of a batch."""
        return self.input_count + len(self.captured) - 1 - lanes

    @cached_property
    def output_layout(self) -> Layout:
        """Where a run leaves the results."""
        return Layout([self.structure])

    @cached_property
    def guard_of_derivatives(self) -> int:
        """The place of a guard behind all others, that no derivative is nan; -1 for none."""
        return len(self.guards) if any(self.derivatives.values()) else -1

    def needs_care(self, place: int) -> bool:
        """Whether the program that is to run where this guard failed has to be a careful one.

        Where derivatives are compared with themselves, one is nan.
        """
        if self.is_careful or place >= len(guards := self.guards):
            return self.is_careful or place == len(guards)
        return guards[place].left == guards[place].right

    @property
    def guard_of_lengths(self) -> int:
        """The place of one more: that lengths fit each other and those of held arrays."""
        return len(self.guards) + 1

    @property
    def branches(self) -> bool:
        """Whether samples of a batch take several ways."""
        return any(self.ways)

    def is_new_way(self, place: int) -> bool:
        """Whether this guard fails because a sample takes a way that the program does not have."""
        return self.guards_ways and place == len(self.guards) - 1

    def tell_missing(self) -> "Program":
        """A pair instead of the result: this, and which samples take ways that are not there."""
        guard = self.guards[-1]
        (total,) = (each for each in self.instructions if each.result == guard.left)
        missing = total.operands[0]
        lanes = self.find_lanes(missing)
        start = len(self.outputs)
        outputs = (missing,) if lanes < 0 else (None,) * lanes
        batch = () if lanes < 0 else (BatchOutput(missing, start, 1, lanes),)
        below = (self.structure, trees.array_structure((lanes,)))
        return replace(
            self,
            statements=tuple([each for each in self.statements if each is not guard]),
            outputs=(*self.outputs, *outputs),
            batch_outputs=(*self.batch_outputs, *batch),
            structure=Structure(tuple, below=below, size=start + len(outputs)),
            guards_ways=False,
        )

    @cached_property
    def has_batches(self) -> bool:
        """Whether some of it is computed for each sample of a batch."""
        if self.lengths:
            return True
        if isinstance(self.statements, EncodedStatements):  # C leaves all other batches to Python
            return False
        is_border = (isinstance(each.op, Lanes) for each in self.instructions)
        return bool(self.batch_outputs) or any(is_border)

    @cached_property
    def varying(self) -> dict[int, int]:
        """The varying results, which have one number a sample, with the number of samples."""
        lanes = {x: -span.axis for x, span in self.columns.items()}
        for instruction in self.instructions:
            if count := find_result_lanes(instruction, lanes):
                lanes[instruction.result] = count
        return lanes

    def find_lanes(self, x: Operand | None) -> int:
        """How many lanes a varying operand has; 0 for all others."""
        return self.varying.get(x, 0) if isinstance(x, int) else 0

    def count_lanes(self, lanes: int) -> int:
        """How many these are; where their number is open, how many they were while tracing."""
        return self.lengths[-1 - lanes] if lanes < 0 else lanes

    @property
    def instructions(self) -> Iterator[Instruction]:
        """The statements that compute."""
        return (each for each in self.statements if isinstance(each, Instruction))

    @cached_property
    def guards(self) -> list[Guard]:
        """The statements that check, in order."""
        if isinstance(self.statements, EncodedStatements) and not self.statements.guards:
            return []
        return [each for each in self.statements if isinstance(each, Guard)]

    def __str__(self) -> str:
        from micrograd_gd.compiler.listing import write_program  # noqa: PLC0415 — which knows this

        return write_program(self)


def find_result_lanes(instruction: Instruction, varying: dict[int, int]) -> int:
    """How many lanes the result has, given those of the operands; 0 for one that is uniform."""
    if isinstance(instruction.op, Lanes):
        return instruction.op.gives
    for x in instruction.operands:
        if type(x) is int and x in varying:
            return varying[x]
    return 0


def find_numbers(operands: Iterable[Operand | None]) -> list[int]:
    """The operands that are no constants: 2 is the number of a result, 2.0 is the constant two."""
    return [x for x in operands if isinstance(x, int)]
