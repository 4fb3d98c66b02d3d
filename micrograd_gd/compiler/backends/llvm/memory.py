"""Where numbers wait for the functions that a program is cut into, all of it in one array.

Uniform numbers have a place each, sums of a batch eight more to be added up in, and varying numbers
that other stages use a row. What else passes from function to function, within a stage, lives in a
tile: a few blocks of eight lanes, which all functions of the stage treat before the next few.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from micrograd_gd.compiler.backends.llvm.templates import Template
from micrograd_gd.compiler.instructions import Instruction, Step
from micrograd_gd.compiler.program import Program, numbers_in
from micrograd_gd.compiler.schedule import Schedule, is_kind, strided

# Bytes of a tile: they stay in a core's second cache beside the sums.
TILE = 256 * 1024
MOST_BLOCKS = 16  # in a tile; more gain nothing


class Part(NamedTuple):
    """A function: steps that run once, where `lanes` is 0, or in blocks of lanes."""

    stage: int
    lanes: int
    steps: list[tuple[Step, Template]]

    @property
    def instructions(self) -> Iterable[Instruction]:
        """The steps that compute."""
        return (step for step, _ in self.steps if isinstance(step, Instruction))


class Memory:
    """The place of each number, counted in numbers from the beginning."""

    def __init__(self, program: Program, schedule: Schedule, parts: Sequence[Part]) -> None:
        self.uniform, self.size = _reused(
            [
                [
                    step.result
                    for step in part.instructions
                    if not (part.lanes or is_kind(step, "pack"))
                ]
                for part in parts
            ],
            [[x for step, _ in part.steps for x in numbers_in(step.operands)] for part in parts],
        )
        self.sums: dict[int, list[int]] = {}  # of each stage
        self.totals: dict[int, int] = {}  # where they are added up: eight numbers each
        place = {x: i for i, x in enumerate(program.outputs) if isinstance(x, int)}
        for part in parts:
            found = [step.result for step in part.instructions if is_kind(step, "sum")]
            self.sums.setdefault(part.stage, []).extend(found)
        for found in self.sums.values():
            found.sort(key=lambda x: place.get(x, -1))
            self.uniform |= {x: self._room(1) for x in found}
            self.totals |= {x: self._room(8) for x in found}
        self.rows = {x: self._room(-(-lanes // 8) * 8) for x, lanes in schedule.kept.items()}
        self.slots: dict[tuple[int, int], int] = {}  # of a stage's number: a slot of its tile
        self.gathers: dict[tuple[int, int], int] = {}  # which part fills the slot of an input
        self.widths: dict[int, int] = {}  # of a block there, for each stage
        packs = {
            step.result: step
            for step in program.instructions
            if is_kind(step, "pack") and step.result not in self.rows
        }
        for stage in {part.stage for part in parts if part.lanes}:
            members = {i: part for i, part in enumerate(parts) if part.stage == stage}
            self._tile(program, stage, members, packs)
        self.tile = self._room(
            max([8 * width * self.blocks(stage) for stage, width in self.widths.items()], default=0)
        )

    def blocks(self, stage: int) -> int:
        """How many blocks a tile of the stage has."""
        return max(1, min(MOST_BLOCKS, TILE // (64 * max(self.widths[stage], 1))))

    def _room(self, size: int) -> int:
        """The place of so many numbers, in lines of memory of their own if they fill lines."""
        place = -(-self.size // 8) * 8 if size and size % 8 == 0 else self.size
        self.size = place + size
        return place

    def _tile(
        self, program: Program, stage: int, parts: dict[int, Part], packs: dict[int, Instruction]
    ) -> None:
        used = []
        made = []
        for i, part in parts.items():
            operands = [x for step in part.instructions for x in numbers_in(step.operands)]
            here = [s.result for s in part.instructions if not is_kind(s, "sum")]
            for x in dict.fromkeys(operands):
                if x in packs and (stage, x) not in self.gathers:
                    self.gathers[stage, x] = i
                    if not is_contiguous(packs[x], program):
                        here.append(x)
            used.append(operands)
            made.append([x for x in here if x not in self.rows])
        slots, self.widths[stage] = _reused(made, used)
        self.slots |= {(stage, x): slot for x, slot in slots.items()}


def is_contiguous(pack: Instruction, program: Program) -> bool:
    """Whether its numbers lie side by side in an array."""
    places = strided(pack, program)
    return places is not None and places.step == 1


def _reused(
    made: Sequence[Iterable[int]], used: Sequence[Iterable[int]]
) -> tuple[dict[int, int], int]:
    """A slot for each number that a later part uses, free again after the last; how many."""
    last = {x: i for i, operands in enumerate(used) for x in operands}
    slot: dict[int, int] = {}
    ends: list[list[int]] = [[] for _ in made]
    free: list[int] = []
    slots = 0
    for i, results in enumerate(made):
        for x in results:
            if last.get(x, i) > i:
                if not free:
                    free.append(slots)
                    slots += 1
                slot[x] = free.pop()
                ends[last[x]].append(slot[x])
        free += reversed(ends[i])
    return slot, slots
