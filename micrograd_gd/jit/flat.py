"""The backend `tape`: a program as flat arrays of numbers, which the native core runs at once.

`jit.steps` says what is in them.
"""

import sys
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

from micrograd_gd.choice import native_part
from micrograd_gd.errors import JitError
from micrograd_gd.jit.program import Program
from micrograd_gd.jit.python import Code
from micrograd_gd.jit.steps import RELATIONS, FlatSteps, Guard, Operand
from micrograd_gd.ops import Operation
from micrograd_gd.trees import Structure

_KINDS = {None: 0, list: 1, tuple: 2, dict: 3}
_ARRAY, _OTHER = 4, 5

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
    if program.has_batches:
        raise JitError("backend 'tape' runs no batches; backend 'python' does")
    if isinstance(program.steps, FlatSteps):
        for op in program.steps.ops.values():
            _number(op)
        return Flat(program.steps.code, program.steps.constants, program.steps.outputs)
    code, constants = array("i"), _Constants()
    numbers: dict[Operation, int] = {}
    for step in program.steps:
        if isinstance(step, Guard):
            relation = RELATIONS.index(step.relation)
            code.append(-(1 + 2 * relation + step.holds))
        else:
            number = numbers.get(step.op) or numbers.setdefault(step.op, _number(step.op))
            code.extend((number, step.result, len(step.operands)))
        code.extend([x if type(x) is int else constants.place(x) for x in step.operands])
    outputs = [
        x if type(x) is int else constants.place(x) for x in program.outputs if x is not None
    ]
    return Flat(code.tobytes(), constants.pool.tobytes(), array("i", outputs).tobytes())


class _Constants:
    """The constants so far, those with the same bits once."""

    def __init__(self) -> None:
        self.pool = array("d")
        self.places: dict[str, int] = {}

    def place(self, x: Operand) -> int:
        """The constant as an operand."""
        key = repr(x)  # which tells the zeros apart
        if key not in self.places:
            self.places[key] = ~len(self.pool)
            self.pool.append(x)
        return self.places[key]


def _number(op: Operation) -> int:
    number: int = native_part("number_of")(op)
    if not number:
        raise JitError(
            f"{op.name} is not compiled into the native engine, so backend 'tape' cannot run it; "
            f"backend 'python' can"
        )
    return number


def plan(structure: Structure) -> list[Part]:
    """What a kernel knows of a structure: each part, a container before what is in it.

    A part is (kind, size, what), which is a dict's keys, an array's shape, or what makes the rest.
    """
    return [*_parts(structure)]


def _parts(structure: Structure) -> Iterator[Part]:
    if structure.kind in _KINDS:
        yield _KINDS[structure.kind], len(structure.below), structure.keys
    elif structure.is_container:
        yield _OTHER, len(structure.below), structure.filled
    else:
        yield _ARRAY, structure.size, structure.shape
    for below in structure.below:
        yield from _parts(below)
