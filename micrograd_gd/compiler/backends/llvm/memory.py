"""Where numbers wait for the functions that a program is cut into, all of it in one array.

A uniform number has one place. A sum over a batch has eight more, in which it is added up. A
varying number that another stage uses has a row with all its lanes. What else passes from function
to function, within a stage, lies in a tile: a few blocks of eight lanes, which all functions of the
stage treat before the next few.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from micrograd_gd.compiler.backends.llvm.templates import Template
from micrograd_gd.compiler.instructions import Instruction, Statement
from micrograd_gd.compiler.lanes import is_reduction
from micrograd_gd.compiler.program import Program, find_numbers
from micrograd_gd.compiler.schedule import Schedule, find_packs, is_kind

# Bytes of a tile: they stay in a core's second cache beside the sums.
TILE = 256 * 1024
MOST_BLOCKS = 16  # in a tile; more gain nothing

# Blocks that a short loop treats beside each other, so that it does not wait for long operations:
# prices of options with their slopes take 8 % less, and the expression of the README 10 %.
TOGETHER = 2


class Part(NamedTuple):
    """A function: statements that run once, where `lanes` is 0, or in blocks of lanes."""

    stage: int
    lanes: int
    statements: list[tuple[Statement, Template]]

    @property
    def instructions(self) -> Iterable[Instruction]:
        """The statements that compute."""
        return (each for each, _ in self.statements if isinstance(each, Instruction))


class Memory:
    """The place of each number, counted in numbers from the beginning."""

    def __init__(self, program: Program, schedule: Schedule, parts: Sequence[Part]) -> None:
        computed = [
            [x.result for x in part.instructions if not (part.lanes or is_kind(x, "pack"))]
            for part in parts
        ]
        used = [
            [x for statement, _ in part.statements for x in find_numbers(statement.operands)]
            for part in parts
        ]
        self.uniform, self.size = _assign_slots(computed, used)
        self.sums: dict[int, list[int]] = {}  # of each stage
        self.largest: set[int] = set()  # those that are no sums
        self.totals: dict[int, int] = {}  # where they are added up: eight numbers each
        place = {x: i for i, x in enumerate(program.outputs) if isinstance(x, int)}
        for part in parts:
            found = [each.result for each in part.instructions if is_reduction(each.op)]
            self.largest |= {each.result for each in part.instructions if is_kind(each, "largest")}
            self.sums.setdefault(part.stage, []).extend(found)
        for found in self.sums.values():
            found.sort(key=lambda x: place.get(x, -1))
            self.uniform |= {x: self._reserve(1) for x in found}
            self.totals |= {x: self._reserve(8) for x in found}
        self.rows = {
            x: self._reserve(8 * round_up(-(-lanes // 8)))
            for x, lanes in schedule.kept.items()
            if lanes > 0
        }
        self.base = min(self.rows.values(), default=0)
        self.kept = [0] * len(program.lengths)  # for each sample of an open length, behind all else
        for x, lanes in schedule.kept.items():
            if lanes < 0:
                self.rows[x] = 8 * self.kept[-1 - lanes]  # in a block
                self.kept[-1 - lanes] += 1
        self.slots: dict[tuple[int, int], int] = {}  # of a stage's number: a slot of its tile
        self.gathers: dict[tuple[int, int], int] = {}  # which part fills the slot of an input
        self.widths: dict[int, int] = {}  # of a block there, for each stage
        self.inputs = {  # which are read where they are: buffer, offset, stride
            x: (*program.input_layout.locate(places[0]), places.step)
            for x, places in find_packs(program).items()
        } | {x: (*program.input_layout.locate(x), y.size) for x, y in program.columns.items()}
        for stage in {part.stage for part in parts if part.lanes}:
            members = {i: part for i, part in enumerate(parts) if part.stage == stage}
            self._lay_out_tile(stage, members)
        sizes = [8 * width * self.count_blocks(stage) for stage, width in self.widths.items()]
        self.tile = self._reserve(max(sizes, default=0))
        self.size = -(-self.size // 8) * 8 if any(self.kept) else self.size

    def count_blocks(self, stage: int) -> int:
        """How many blocks a tile of the stage has."""
        return round_up(min(MOST_BLOCKS, TILE // (64 * max(self.widths[stage], 1)) or 1))

    def _reserve(self, size: int) -> int:
        """The place of so many numbers, in lines of memory of their own if they fill lines."""
        place = -(-self.size // 8) * 8 if size and size % 8 == 0 else self.size
        self.size = place + size
        return place

    def _lay_out_tile(self, stage: int, parts: dict[int, Part]) -> None:
        """Give a slot to each number that passes from one function of the stage to another."""
        used, computed = [], []
        for i, part in parts.items():
            operands = [
                x
                for each in part.instructions
                if not is_kind(each, "shift")  # which reads for itself
                for x in find_numbers(each.operands)
            ]
            here = [each.result for each in part.instructions if not is_reduction(each.op)]
            for x in dict.fromkeys(operands):
                if x in self.inputs and (stage, x) not in self.gathers:
                    self.gathers[stage, x] = i
                    if self.inputs[x][2] != 1:
                        here.append(x)
            used.append(operands)
            computed.append([x for x in here if x not in self.rows])
        slots, self.widths[stage] = _assign_slots(computed, used)
        self.slots |= {(stage, x): slot for x, slot in slots.items()}


def round_up(blocks: int) -> int:
    """A whole number of those that are treated beside each other."""
    return -(-blocks // TOGETHER) * TOGETHER


def _assign_slots(
    computed: Sequence[Iterable[int]], used: Sequence[Iterable[int]]
) -> tuple[dict[int, int], int]:
    """A slot for each number that a later part uses, free again after the last, and their count."""
    last = {x: i for i, operands in enumerate(used) for x in operands}
    slot: dict[int, int] = {}
    ends: list[list[int]] = [[] for _ in computed]
    free: list[int] = []
    slots = 0
    for i, results in enumerate(computed):
        for x in results:
            if last.get(x, i) > i:
                if not free:
                    free.append(slots)
                    slots += 1
                slot[x] = free.pop()
                ends[last[x]].append(slot[x])
        free += reversed(ends[i])
    return slot, slots
