"""The backend `tape`: a program as flat arrays of numbers, which the native core runs at once.

`jit.steps` says what is in them. With batches the records come stage by stage, each of which begins
with the number of its lanes, 0 for none; further records are, by their kind,

    STAGE      lanes, 0                                    a stage begins
    STRIDED    result, 4, buffer, offset, stride, lanes    a varying number, read where it lies
    PACK       result, lanes, operand …
    PICK       result, 2, operand, lane
    PLACE      result, 2, operand, lane
    SUM        result, 1, operand
    ROW        0, 4, operand, buffer, offset, stride       all lanes of the operand are results

and an output that is BY_ROW is one that a record of the last kind writes.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from micrograd_gd.compiler.backends.python import Code
from micrograd_gd.compiler.instructions import FlatSteps, Guard, Instruction, Operand, Step
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.program import Program, Row
from micrograd_gd.compiler.schedule import schedule, strided
from micrograd_gd.core.choice import native_part
from micrograd_gd.core.tape_format import BY_ROW, PartKind, RecordKind
from micrograd_gd.errors import JitError
from micrograd_gd.table.ops import Operation
from micrograd_gd.table.relations import BY_SIGN, RELATIONS
from micrograd_gd.transforms.trees import Structure

_KINDS = {
    None: PartKind.NUMBER, list: PartKind.LIST, tuple: PartKind.TUPLE, dict: PartKind.DICT,
}  # fmt: skip

Part = tuple[int, int, Any]


class Flat(NamedTuple):
    """A program as three arrays."""

    code: bytes
    constants: bytes
    outputs: bytes


def compiled(program: Program) -> Code:
    """The program as a kernel of the native core.

    Raises JitError without that core, and for operations that are Python code.
    """
    if native_part("Tape") is None:
        raise JitError("backend 'tape' needs the native engine; backend 'python' does not")
    places = program.input_layout.runs, program.output_layout.runs
    return kernel(program, native_part("Tape")(*flat(program), *places))


def kernel(program: Program, code: Any) -> Code:
    """What calls native code: a tape, or an (address, what it belongs to, room for its work)."""
    structures = [structure for _, structure in program.arguments]
    arguments = Structure(tuple, below=tuple(structures))
    made: Code = native_part("Kernel")(
        code, plan(arguments), plan(program.structure), program.captured, sys.modules.get("numpy")
    )
    return made


def flat(program: Program) -> Flat:
    """The program in its flat form.

    Raises JitError for operations that are not compiled into the core.
    """
    if isinstance(program.steps, FlatSteps):
        for op in program.steps.ops.values():
            _number(op)
        return Flat(program.steps.code, program.steps.constants, program.steps.outputs)
    writer = _Writer()
    outputs = [BY_ROW if x is None else writer.operand(x) for x in program.outputs]
    if program.has_batches:
        _write_stages(program, writer, outputs)
    else:
        writer.steps(program.steps)
    return Flat(writer.code.tobytes(), writer.constants.tobytes(), array("i", outputs).tobytes())


class _Writer:
    """The records so far, and the constants, those with the same bits once."""

    def __init__(self) -> None:
        self.code = array("i")
        self.constants = array("d")
        self._places: dict[str, int] = {}
        self._numbers: dict[Operation, int] = {}

    def steps(self, steps: Iterable[Step]) -> None:
        """Write steps that are the same for all lanes of a batch, or belong to none."""
        for step in steps:
            if isinstance(step, Guard):
                relation = RELATIONS.index(BY_SIGN[step.relation])
                self.code.append(-(1 + 2 * relation + step.holds))
            else:
                number = self._numbers.get(step.op)
                if number is None:
                    number = self._numbers[step.op] = _number(step.op)
                self.code.extend((number, step.result, len(step.operands)))
            self.code.extend([x if type(x) is int else self.operand(x) for x in step.operands])

    def record(self, op: int, result: int, *integers: int) -> None:
        """Write a record of another kind."""
        self.code.extend((op, result, len(integers), *integers))

    def operand(self, x: Operand) -> int:
        """A number of the program, or the place of a constant, as it is written."""
        if isinstance(x, int):
            return x
        key = repr(x)  # which tells the zeros apart
        if key not in self._places:
            self._places[key] = ~len(self.constants)
            self.constants.append(x)
        return self._places[key]


def _number(op: Operation) -> int:
    number: int = native_part("number_of")(op)
    if not number:
        raise JitError(
            f"{op.name} is not compiled into the native engine, so backend 'tape' cannot run it; "
            f"backend 'python' can"
        )
    return number


def _write_stages(program: Program, writer: _Writer, outputs: list[int]) -> None:
    even = [row for row in program.rows if _is_even(row, program)]
    rows = {row.of: [each for each in even if each.of == row.of] for row in even}
    for stage in schedule(program).stages:
        writer.record(RecordKind.STAGE, stage.lanes)
        for step in stage.steps:
            if isinstance(step, Instruction) and isinstance(step.op, Lanes):
                _write_border(program, step, step.op, writer)
            else:
                writer.steps([step])
            if stage.lanes and isinstance(step, Instruction):
                _write_rows(program, rows.pop(step.result, []), writer)
    for left in rows.values():  # of numbers that no loop computes
        writer.record(RecordKind.STAGE, left[0].lanes)
        _write_rows(program, left, writer)
    _write_lane_by_lane(program, {*program.rows} - {*even}, writer, outputs)


def _write_lane_by_lane(
    program: Program, rows: Iterable[Row], writer: _Writer, outputs: list[int]
) -> None:
    number = max([program.size, *(step.result + 1 for step in program.instructions)])
    writer.record(RecordKind.STAGE, 0)
    for row in rows:
        for lane, place in enumerate(row.places):
            outputs[place] = number + lane
            writer.record(RecordKind.PICK, number + lane, row.of, lane)
        number += row.lanes


def _is_even(row: Row, program: Program) -> bool:
    """Whether its lanes lie as evenly in memory as among the results."""
    first, last = (program.output_layout.place(row.places[i]) for i in (0, -1))
    return first[0] == last[0] and last[1] - first[1] == row.stride * (row.lanes - 1)


def _write_border(program: Program, step: Instruction, op: Lanes, writer: _Writer) -> None:
    """Write a step at the border of a batch."""
    places = strided(step, program) if op.kind == "pack" else None
    if places is not None:
        buffer, offset = program.input_layout.place(places.start)
        writer.record(RecordKind.STRIDED, step.result, buffer, offset, places.step, op.lanes)
        return
    first, *lane = step.operands
    operands = [writer.operand(first), *map(int, lane)]
    if op.kind == "pack":
        operands = [*map(writer.operand, step.operands)]
    writer.record(RecordKind[op.kind.upper()], step.result, *operands)


def _write_rows(program: Program, rows: Iterable[Row], writer: _Writer) -> None:
    for row in rows:
        buffer, offset = program.output_layout.place(row.start)
        writer.record(RecordKind.ROW, 0, row.of, buffer, offset, row.stride)


def plan(structure: Structure) -> list[Part]:
    """What a kernel knows of a structure: each part, a container before what is in it.

    A part is (kind, size, what), which is a dict's keys, an array's shape, or what makes the rest.
    """
    return [*_parts(structure)]


def _parts(structure: Structure) -> Iterator[Part]:
    if structure.kind in _KINDS:
        yield _KINDS[structure.kind], len(structure.below), structure.keys
    elif structure.is_container:
        yield PartKind.OTHER, len(structure.below), structure.filled
    else:
        yield PartKind.ARRAY, structure.size, structure.shape
    for below in structure.below:
        yield from _parts(below)
