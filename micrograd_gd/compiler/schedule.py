"""The order in which a program with batches runs: some statements once, some for every sample.

Uniform statements form stages that run once. Varying ones form stages that are loops over the lanes
of a batch. A sum over a batch is complete when its loop ends, so what depends on it belongs to a
later stage. There are as few stages as that allows, and in each the statements keep their order.
Guards keep it across stages too, since it tells which of them fails first.
"""

from typing import NamedTuple

from micrograd_gd.compiler.instructions import Guard, Instruction, Statement
from micrograd_gd.compiler.lanes import Lanes, is_reduction
from micrograd_gd.compiler.program import Program, find_numbers


class Stage(NamedTuple):
    """Statements that run once, where `lanes` is 0, or else in each of so many lanes.

    Negative lanes are an open number of them.
    """

    lanes: int
    statements: tuple[Statement, ...]


class Schedule(NamedTuple):
    """The stages in order, and the varying numbers that outlive their stage.

    A `sum` stands in the loop over what it adds up; `pack` and `pick` stand in uniform stages.
    `kept` has the numbers that another stage uses, with their lanes, but no `pack` that
    `find_inputs` finds evenly in an array: it is read there.
    """

    stages: list[Stage]
    kept: dict[int, int]


def schedule(program: Program) -> Schedule:
    """The stages of a program."""
    first: dict[int, int] = {}  # the level whose loops can use a result
    of_loops: dict[int, int] = {}  # the level of varying results; uniform statements use them later
    stages: dict[tuple[int, int], list[Statement]] = {}
    guarded = 0  # the level of the guard before
    for statement in program.statements:
        lanes = find_loop(statement, program)
        operands = find_numbers(statement.operands)
        uses = [first.get(x, 0) + (not lanes and x in of_loops) for x in operands]
        level = max(uses, default=0)
        if isinstance(statement, Guard):
            level = guarded = max(level, guarded)
        stages.setdefault((level, lanes), []).append(statement)
        if isinstance(statement, Instruction):
            first[statement.result] = level + is_reduction(statement.op)
            if lanes and statement.result in program.varying:
                of_loops[statement.result] = level
    kept = {
        x: program.varying[x]
        for (level, lanes), statements in stages.items()
        for statement in statements
        for x in find_numbers(statement.operands)
        if x in of_loops and not (lanes and of_loops[x] == level)
    }
    kept |= {
        each.result: program.varying[each.result]
        for each in program.instructions
        if is_kind(each, "pack") and find_inputs(each, program) is None
    }
    order = sorted(stages, key=lambda key: (key[0], key[1] != 0, key[1]))  # once, then in loops
    return Schedule([Stage(key[1], tuple(stages[key])) for key in order], kept)


def find_loop(statement: Statement, program: Program) -> int:
    """The lanes of the loop in which a statement runs; 0 outside of loops."""
    if isinstance(statement, Guard) or is_kind(statement, "pack") or is_kind(statement, "pick"):
        return 0
    if is_reduction(statement.op):
        return program.find_lanes(statement.operands[0])
    return program.find_lanes(statement.result)


def is_kind(statement: Statement, kind: str) -> bool:
    """Whether a statement is this operation at the border of a batch."""
    return (
        isinstance(statement, Instruction)
        and isinstance(statement.op, Lanes)
        and statement.op.kind == kind
    )


def find_inputs(pack: Instruction, program: Program) -> range | None:
    """The inputs that a `pack` consists of, if they lie evenly in one array."""
    first, *rest = pack.operands
    if not isinstance(first, int):
        return None
    second = rest[0] if rest else first + 1
    stride = second - first if isinstance(second, int) else 0
    last = first + stride * len(rest)
    if not stride or not 0 <= min(first, last) <= max(first, last) < program.input_count:
        return None
    places = range(first, last + stride, stride)
    buffer, other = (program.input_layout.locate(x)[0] for x in (first, last))
    return places if pack.operands == (*places,) and 0 != buffer == other else None


def find_packs(program: Program) -> dict[int, range]:
    """The packs whose numbers lie evenly in one array of the inputs, and where."""
    return {
        each.result: inputs
        for each in program.instructions
        if is_kind(each, "pack") and (inputs := find_inputs(each, program))
    }
