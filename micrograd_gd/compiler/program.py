"""A program: what a function computes, as a list of statements.

It has static single assignment form: each instruction applies one operation and gives its result a
number of its own. Below these numbers are those of the inputs, and of the values that the function
closes over.
"""

import ast
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
from micrograd_gd.text import escape
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.trees import Structure


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
        """The open lengths that are those of held arrays, by their axes."""
        held = self.arguments[len(self.arguments) - len(self.held) :]
        pairs = zip(held, self.held, strict=True)
        return {-1 - structure.shape[0]: len(x) for (_, structure), x in pairs}

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
        """The place of one more: that arrays are as long as the held ones beside them."""
        return len(self.guards) + 1

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
        if isinstance(self.statements, EncodedStatements):  # C leaves batches to Python
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

    def name_results(self) -> dict[int, str]:
        """The name under which each number is printed; all of them differ."""
        first = len(self.inputs)
        names = dict(enumerate(self.inputs))
        names |= {first + i: f"c{i}" for i in range(len(self.captured))}
        names |= {self.find_length(-1 - i): _name_length(i) for i in range(len(self.lengths))}
        names |= {each.result: f"v{each.result}" for each in self.instructions}
        taken = {*names.values()}
        for result, label in zip(self.labels, map(escape, self.labels.values()), strict=True):
            if result in names and label not in taken:
                taken.add(label)
                names[result] = label
        return names

    def __str__(self) -> str:
        names, first = self.name_results(), self.input_count
        count = len(self.arguments) - len(self.held)
        given, held = self.arguments[:count], self.arguments[count:]
        lines = [f"program({', '.join(self._write_parameters(given))})"]
        captured = [names[i] for i in range(first, first + len(self.captured))]
        lines += [f"    {x} = captured" for x in (*self._write_parameters(held), *captured)]
        lines += self._write_statements(names)
        lines.append(f"    return {', '.join(self._write_outputs(names))}")
        return "\n".join(lines)

    def _write_statements(self, names: dict[int, str]) -> Iterator[str]:
        """A line for each; where the length of a batch is open, inside of a loop over the samples.

        A sum over these stands behind the loop.
        """
        before = 0
        for each in self.statements:
            lanes = 0 if isinstance(each, Guard) else min(self.find_lanes(each.result), 0)
            if lanes != before and lanes:
                yield f"    for i in range({_name_length(-1 - lanes)}):"
            yield f"    {'    ' if lanes else ''}{_write_statement(each, names)}"
            before = lanes

    def _write_parameters(self, arguments: Iterable[tuple[str, Structure]]) -> Iterator[str]:
        """The names of the inputs. Where there are batches, an array has one name for all."""
        for name, structure in arguments:
            for each, piece in trees.pieces(structure, name):
                if piece.shape and self.has_batches:
                    yield f"{each}[{', '.join(map(_write_length, piece.shape))}]"
                else:
                    yield from trees.names(piece, each)

    def _write_outputs(self, names: dict[int, str]) -> Iterator[str]:
        batches = {each.start: each for each in self.batch_outputs}
        columns = self.output_layout.find_columns() if self.lengths else {}
        for place, x in enumerate(self.outputs):
            if x is not None:
                yield f"{_write_operand(x, names)}{'[:]' if place in columns else ''}"
            elif place in batches:
                yield f"{_write_operand(batches[place].number, names)}[:]"


def _write_length(n: int) -> str:
    return _name_length(-1 - n) if n < 0 else str(n)


def _name_length(axis: int) -> str:
    return f"n{axis + 1}" if axis else "n"


def _write_statement(statement: Statement, names: dict[int, str]) -> str:
    operands = [_write_operand(x, names) for x in statement.operands]
    if isinstance(statement, Guard):
        left, right = operands
        return f"guard {'' if statement.holds else 'not '}{left} {statement.relation} {right}"
    if isinstance(statement.op, Lanes) and statement.op.kind == "pack":
        operands[1:-1] = ["…"]  # the first lane and the last tell enough
    call = statement.op.write_call([*map(ast.Name, operands)])
    return f"{names[statement.result]} = {ast.unparse(call)}"


def _write_operand(x: Operand, names: dict[int, str]) -> str:
    return repr(x) if isinstance(x, float) else names[x]


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
