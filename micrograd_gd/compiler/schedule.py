"""In which order the steps of a program with batches run: some once, some for every sample.

A stage of uniform steps runs once; a stage of varying steps is a loop over the lanes of a batch. A
sum over a batch is complete when its loop is, so that what depends on it belongs to a later stage.
As few stages as that allows are made, and in each all steps keep their order.
"""

from typing import NamedTuple

from micrograd_gd.compiler.instructions import Guard, Instruction, Step
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.program import Program, numbers_in


class Stage(NamedTuple):
    """Steps that run once, where `lanes` is 0, or in each of so many lanes."""

    lanes: int
    steps: tuple[Step, ...]


class Schedule(NamedTuple):
    """The stages in order, and the varying numbers that must be remembered for all lanes.

    A `sum` stands in the loop over what it adds up; `pack` and `pick` stand in uniform stages. Kept
    are those numbers that another stage than their own uses, with their lanes; but not a `pack` for
    which `strided` finds where its numbers lie, which is read there.
    """

    stages: list[Stage]
    kept: dict[int, int]


def schedule(program: Program) -> Schedule:
    """The stages of a program."""
    first: dict[int, int] = {}  # the level whose loops can use a result
    of_loops: dict[int, int] = {}  # varying results, with that level: uniform steps use them after
    stages: dict[tuple[int, int], list[Step]] = {}
    for step in program.steps:
        lanes = _loop(step, program)
        operands = numbers_in(step.operands)
        uses = [first.get(x, 0) + (not lanes and x in of_loops) for x in operands]
        level = max(uses, default=0)
        stages.setdefault((level, lanes), []).append(step)
        if isinstance(step, Instruction):
            first[step.result] = level + is_kind(step, "sum")
            if lanes and step.result in program.varying:
                of_loops[step.result] = level
    kept = {
        x: program.varying[x]
        for (level, lanes), steps in stages.items()
        for step in steps
        for x in numbers_in(step.operands)
        if x in of_loops and not (lanes and of_loops[x] == level)
    }
    kept |= {
        step.result: program.varying[step.result]
        for step in program.instructions
        if is_kind(step, "pack") and strided(step, program) is None
    }
    return Schedule([Stage(key[1], tuple(stages[key])) for key in sorted(stages)], kept)


def _loop(step: Step, program: Program) -> int:
    """The lanes of the loop in which a step runs; 0 outside of loops."""
    if isinstance(step, Guard) or is_kind(step, "pack") or is_kind(step, "pick"):
        return 0
    if is_kind(step, "sum"):
        return program.lanes(step.operands[0])
    return program.lanes(step.result)


def is_kind(step: Step, kind: str) -> bool:
    """Whether a step is such an operation at the border of a batch."""
    return isinstance(step, Instruction) and isinstance(step.op, Lanes) and step.op.kind == kind


def strided(step: Instruction, program: Program) -> range | None:
    """The inputs that a `pack` consists of, if they lie evenly in one array."""
    first, *rest = step.operands
    if not isinstance(first, int):
        return None
    second = rest[0] if rest else first + 1
    stride = second - first if isinstance(second, int) else 0
    last = first + stride * len(rest)
    if not stride or not 0 <= min(first, last) <= max(first, last) < program.input_count:
        return None
    places = range(first, last + stride, stride)
    buffer, other = (program.input_layout.place(x)[0] for x in (first, last))
    return places if step.operands == (*places,) and 0 != buffer == other else None
