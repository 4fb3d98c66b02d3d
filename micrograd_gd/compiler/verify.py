"""Which programs are legal."""

from collections.abc import Iterable
from typing import Any

from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.schedule import is_kind
from micrograd_gd.errors import JitError


def verify(program: Program) -> Program:
    """The program itself, if it is legal.

    Every operand is a float or was computed before. Every result is new. An operation has as many
    operands as it takes. There are as many outputs as the result has leaves. Numbers of different
    batches do not meet, none leaves its batch, and no guard depends on one.

    Raises JitError, which shows the statement that is at fault.
    """
    known = set(range(program.size))
    has_batches = program.has_batches
    for statement in program.statements:
        _check_known(statement.operands, known, statement)
        if isinstance(statement, Guard):
            if any(map(program.find_lanes, statement.operands)):
                raise JitError(f"{statement} depends on numbers that differ from sample to sample")
            continue
        statement.op.complete(statement.operands, {})
        if statement.result in known:
            raise JitError(f"{statement} computes what was computed before")
        known.add(statement.result)
        if has_batches:
            _check_lanes(statement, program.varying)
    _check_known([x for x in program.outputs if x is not None], known, "the result")
    _check_known([each.number for each in program.batch_outputs], known, "the result")
    _check_outputs(program)
    if len(program.outputs) != program.structure.size:
        raise JitError(f"{program.structure!r} cannot hold {len(program.outputs)} outputs")
    return program


def _check_known(operands: Iterable[Any], known: set[int], user: object) -> None:
    for x in operands:
        if type(x) is not float and x not in known:
            raise JitError(f"{user} uses {x!r}, which was not computed before it")


def _check_lanes(instruction: Instruction, varying: dict[int, int]) -> None:
    """In one instruction, only numbers of one batch meet."""
    lanes = {varying[x] for x in instruction.operands if type(x) is int and x in varying}
    if is_kind(instruction, "shift"):
        is_legal = True
    elif isinstance(instruction.op, Lanes):
        may_vary = instruction.op.kind in {"sum", "largest", "pick", "spread"}
        is_legal = lanes <= ({instruction.op.lanes} if may_vary else set())
    else:
        is_legal = len(lanes) <= 1
    if not is_legal:
        raise JitError(
            f"{instruction} mixes samples of different batches, or of one with what all of them "
            f"share"
        )


def _check_outputs(program: Program) -> None:
    columns = program.output_layout.find_columns()
    lanes = [*map(program.find_lanes, program.outputs)]
    if any(n and not (i in columns and n == -columns[i].axis) for i, n in enumerate(lanes)):
        raise JitError("a number of a sample leaves the function that is mapped over the batch")
    if any(
        program.find_lanes(each.number) not in {0, each.lanes} for each in program.batch_outputs
    ):
        raise JitError("a batch among the results is not of its size")
