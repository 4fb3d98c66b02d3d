"""The backend `tape`: a program encoded as arrays of numbers, which the native core runs at once.

`compiler/instructions.py` says what is in them. With batches the records come stage by stage. Each
stage begins with the number of its lanes, 0 for none. Further records are, by their kind,

    STAGE      lanes, 0                                    a stage begins
    STRIDED    result, 4, buffer, offset, stride, lanes    a varying number, read where it lies
    PACK       result, lanes, operand …
    PICK       result, 2, operand, lane
    PLACE      result, 2, operand, lane
    SUM        result, 1, operand
    LARGEST    result, 1, operand
    INDEX      result, 0
    ROW        0, 4, operand, buffer, offset, stride       all lanes of the operand are outputs

The columns of an array with an open length are read and written in the same way: for `lanes` stands
LANES_OF_AXIS, and the stride is the size of a row. An output that is BY_ROW is one that a record of
the last kind writes.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

from micrograd_gd.compiler.backends.kernel import Kernel
from micrograd_gd.compiler.instructions import (
    EncodedStatements,
    Guard,
    Instruction,
    Operand,
    Statement,
)
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.program import BatchOutput, Program
from micrograd_gd.compiler.schedule import find_inputs, schedule
from micrograd_gd.core.choice import native_part
from micrograd_gd.core.tape_format import BY_ROW, LANES_OF_AXIS, PartKind, RecordKind
from micrograd_gd.errors import JitError
from micrograd_gd.table.ops import Operation
from micrograd_gd.table.relations import BY_SIGN, RELATIONS
from micrograd_gd.transforms.trees import Structure

_KINDS = {
    None: PartKind.NUMBER, list: PartKind.LIST, tuple: PartKind.TUPLE, dict: PartKind.DICT,
}  # fmt: skip


class Encoding(NamedTuple):
    """A program as three arrays."""

    code: bytes
    constants: bytes
    outputs: bytes


def compile_program(program: Program) -> Kernel:
    """The program as a kernel of the native core.

    Raises JitError without that core, and for operations that are Python code.
    """
    tape = native_part("Tape")
    if tape is None:
        raise JitError("backend 'tape' needs the native engine; backend 'python' does not")
    spans = program.input_layout.spans, program.output_layout.spans
    return make_kernel(program, tape(*encode(program), *spans))


def make_kernel(program: Program, code: Any) -> Kernel:
    """What calls native code: a tape, or an (address, what it belongs to, room for its work)."""
    structures = [structure for _, structure in program.arguments]
    arguments = Structure(tuple, below=tuple(structures))
    kernel: Kernel = native_part("Kernel")(
        code,
        [*plan(arguments)],
        [*plan(program.structure)],
        program.captured,
        sys.modules.get("numpy"),
        find_runs(program),
        program.guard_of_derivatives,
        program.held,
        [(-1 - cut.lanes, -1 - cut.of, cut.by) for cut in program.cuts],
    )
    return kernel


def find_runs(program: Program) -> list[tuple[int, int, int, bool]]:
    """The derivatives in the result: (buffer, offset, how many side by side, are they checked)."""
    runs: list[tuple[int, int, int, bool]] = []
    for place, is_checked in program.derivatives.items():
        buffer, offset = program.output_layout.locate(place)
        at, start, count, kind = runs[-1] if runs else (-1, 0, 0, False)
        if (at, start + count, kind) == (buffer, offset, is_checked):
            runs[-1] = at, start, count + 1, kind
        else:
            runs.append((buffer, offset, 1, is_checked))
    return runs


def plan(structure: Structure) -> Iterator[tuple[int, int, Any]]:
    """What a kernel knows of a structure: each part of it, a container before what is in it.

    A part is (kind, size, what). The last is a dict's keys, an array's shape, or what makes another
    container of its parts.
    """
    if structure.kind in _KINDS:
        yield _KINDS[structure.kind], len(structure.below), structure.keys
    elif structure.is_container:
        yield PartKind.OTHER, len(structure.below), structure.fill
    else:
        yield PartKind.ARRAY, structure.size, structure.shape
    if structure.is_flat:
        yield from repeat((_KINDS[None], 0, ()), len(structure.below))
        return
    for below in structure.below:
        yield from plan(below)


def encode(program: Program) -> Encoding:
    """The program as arrays of numbers.

    Raises JitError for operations that are not compiled into the core.
    """
    if isinstance(program.statements, EncodedStatements) and not program.has_batches:
        for op in program.statements.ops.values():
            _find_number(op)
        encoded = program.statements
        return Encoding(encoded.code, encoded.constants, encoded.outputs)
    encoder = _Encoder(program)
    columns = program.output_layout.find_columns() if program.lengths else {}
    outputs = [
        BY_ROW if x is None or i in columns else encoder.encode_operand(x)
        for i, x in enumerate(program.outputs)
    ]
    if program.has_batches:
        encoder.encode_stages(outputs)
    else:
        encoder.encode_statements(program.statements)
    constants = encoder.constants.tobytes()
    return Encoding(encoder.code.tobytes(), constants, array("i", outputs).tobytes())


class _Encoder:
    """The records so far, and the constants, those with the same bits once."""

    def __init__(self, program: Program) -> None:
        self.code = array("i")
        self.constants = array("d")
        self._program = program
        self._places: dict[str, int] = {}
        self._numbers: dict[Operation, int] = {}
        self._columns: dict[int, int] = {}  # the numbers that columns of inputs have here

    def encode_statements(self, statements: Iterable[Statement]) -> None:
        """Append the records of statements, none of them at the border of a batch."""
        for each in statements:
            if isinstance(each, Guard):
                relation = RELATIONS.index(BY_SIGN[each.relation])
                self.code.append(-(1 + 2 * relation + each.holds))
            else:
                number = self._numbers.get(each.op)
                if number is None:
                    number = self._numbers[each.op] = _find_number(each.op)
                self.code.extend((number, each.result, len(each.operands)))
            if self._columns:
                operands = [*map(self.encode_operand, each.operands)]
            else:
                operands = [x if type(x) is int else self.encode_operand(x) for x in each.operands]
            self.code.extend(operands)

    def encode_operand(self, x: Operand) -> int:
        """A number of the program as it is, or a constant by its place."""
        if isinstance(x, int):
            return self._columns.get(x, x)
        key = repr(x)  # which tells the zeros apart
        if key not in self._places:
            self._places[key] = ~len(self.constants)
            self.constants.append(x)
        return self._places[key]

    def encode_stages(self, outputs: list[int]) -> None:
        """Append the records of a program with batches."""
        program = self._program
        varying = [each for each in program.batch_outputs if program.find_lanes(each.number)]
        for shared in {*program.batch_outputs} - {*varying}:
            for place in shared.places:
                outputs[place] = self.encode_operand(shared.number)
        even = [each for each in varying if self._is_even(each)]
        waiting: dict[int | str, list[tuple[int, ...]]] = {}  # lanes, buffer, offset, stride
        for batch in even:
            buffer, offset = program.output_layout.locate(batch.start)
            waiting.setdefault(batch.number, []).append((batch.lanes, buffer, offset, batch.stride))
        self._encode_columns(waiting)
        for stage in schedule(program).stages:
            self._append(RecordKind.STAGE, _encode_lanes(stage.lanes))
            for each in stage.statements:
                if isinstance(each, Instruction) and isinstance(each.op, Lanes):
                    self._encode_border(each, each.op)
                else:
                    self.encode_statements([each])
                if stage.lanes and isinstance(each, Instruction):
                    self._encode_outputs(each.result, waiting.pop(each.result, []))
        for x, rows in waiting.items():  # which no loop computes
            for row in rows:
                self._append(RecordKind.STAGE, _encode_lanes(row[0]))
                self._encode_outputs(float(x) if isinstance(x, str) else x, [row])
        self._encode_picks({*varying} - {*even}, outputs)

    def _encode_columns(self, waiting: dict[int | str, list[tuple[int, ...]]]) -> None:
        """Append records for the columns of the inputs, and have those of the outputs wait."""
        program, number = self._program, self._program.free_number
        used = {x for each in program.statements for x in each.operands} | {*program.outputs}
        for column, span in program.columns.items():
            if column in used:
                buffer, offset = program.input_layout.locate(column)
                self._columns[column] = number = number + 1
                lanes = _encode_lanes(-span.axis)
                self._append(RecordKind.STRIDED, number, buffer, offset, span.size, lanes)
        columns = program.output_layout.find_columns() if program.lengths else {}
        for i, span in columns.items():
            x, place = program.outputs[i], program.output_layout.locate(i)
            assert x is not None  # noqa: S101 — for the types
            key = x if isinstance(x, int) else repr(x)  # which tells the zeros apart
            waiting.setdefault(key, []).append((-span.axis, *place, span.size))

    def _is_even(self, batch: BatchOutput) -> bool:
        """Whether its lanes lie as evenly in memory as among the outputs."""
        layout = self._program.output_layout
        first, last = (layout.locate(batch.places[i]) for i in (0, -1))
        return first[0] == last[0] and last[1] - first[1] == batch.stride * (batch.lanes - 1)

    def _encode_border(self, instruction: Instruction, op: Lanes) -> None:
        """Append the record of an operation at the border of a batch."""
        inputs = find_inputs(instruction, self._program) if op.kind == "pack" else None
        if inputs is not None:
            buffer, offset = self._program.input_layout.locate(inputs.start)
            self._append(
                RecordKind.STRIDED, instruction.result, buffer, offset, inputs.step, op.lanes
            )
            return
        first, *lane = instruction.operands
        if op.kind == "shift":
            assert isinstance(first, int), "columns are shifted"  # noqa: S101 — for the types
            span = self._program.columns[first]
            buffer, offset = self._program.input_layout.locate(first)
            source = buffer, offset, span.size, _encode_lanes(-span.axis)
            self._append(RecordKind.SHIFT, instruction.result, *source, *map(int, lane))
            return
        operands = [self.encode_operand(first), *map(int, lane)]
        if op.kind == "pack":
            operands = [*map(self.encode_operand, instruction.operands)]
        elif op.kind == "index":
            operands = []
        self._append(RecordKind[op.kind.upper()], instruction.result, *operands)

    def _encode_outputs(self, number: Operand, rows: Iterable[tuple[int, ...]]) -> None:
        for _, *place in rows:
            self._append(RecordKind.ROW, 0, self.encode_operand(number), *place)

    def _encode_picks(self, batches: Iterable[BatchOutput], outputs: list[int]) -> None:
        """Append a pick for each lane, and make it the output."""
        number = self._program.free_number
        self._append(RecordKind.STAGE, 0)
        for batch in batches:
            for lane, place in enumerate(batch.places):
                outputs[place] = number + lane
                self._append(RecordKind.PICK, number + lane, batch.number, lane)
            number += batch.lanes

    def _append(self, op: int, result: int, *integers: int) -> None:
        self.code.extend((op, result, len(integers), *integers))


def _encode_lanes(lanes: int) -> int:
    return LANES_OF_AXIS[-1 - lanes] if lanes < 0 else lanes


def _find_number(op: Operation) -> int:
    """The number of an operation in the core."""
    number: int = native_part("number_of")(op)
    if not number:
        raise JitError(
            f"{op.name} is not compiled into the native engine, so backend 'tape' cannot run it; "
            f"backend 'python' can"
        )
    return number
