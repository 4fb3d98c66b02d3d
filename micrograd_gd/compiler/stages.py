"""The stages of a program with batches, for each of its statements.

Stages of level 0 come first, uniform ones before those that run in lanes. A sum over a batch is
complete on the next level.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from micrograd_gd.compiler import lanes
from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Statement
from micrograd_gd.compiler.lanes import Lanes, is_reduction
from micrograd_gd.compiler.program import Program, find_numbers, find_result_lanes


class Stage(NamedTuple):
    """Statements that run once, where `lanes` is 0, or else in each of so many lanes."""

    level: int
    lanes: int


ONCE = Stage(0, 0)
LAST = Stage(sys.maxsize, 0)  # guards, and outputs that are uniform


def find_terms(op: Lanes, complete: Stage) -> Stage:
    """The stage in which a reduction takes its terms."""
    return Stage(complete.level - 1, op.lanes)


def may_have_loops(program: Program) -> bool:
    """Whether no batch has a fixed length, and nothing in one is about a single sample."""
    if not program.has_batches:
        return True
    borders = {each.op for each in program.instructions if isinstance(each.op, Lanes)}
    is_open = all(op.lanes < 0 and op.kind in {"sum", "largest", "spread"} for op in borders)
    return is_open and not program.batch_outputs


def fuse(program: Program) -> Program:
    """The program whose reductions compute their terms, where nothing else uses these."""
    uses = Counter(x for each in program.statements for x in find_numbers(each.operands))
    uses.update(find_numbers(program.outputs))
    reduced = {each.operands[0] for each in program.instructions if is_reduction(each.op)}
    terms: dict[Operand, Instruction] = {}
    statements: list[Statement] = []
    for each in program.statements:
        if isinstance(each, Guard):
            statements.append(each)
        elif each.result in reduced and uses[each.result] == 1 and not _is_border(each):
            terms[each.result] = each
        elif isinstance(each.op, Lanes) and (term := terms.get(each.operands[0])):
            op = lanes.operation(each.op.kind, each.op.lanes, term.op)
            statements.append(Instruction(each.result, op, term.operands))
        else:
            statements.append(each)
    return replace(program, statements=tuple(statements))


def _is_border(instruction: Instruction) -> bool:
    return isinstance(instruction.op, Lanes) or instruction.op.folds


class Staging:
    """The stages of statements, one after the other, and those of the outputs."""

    def __init__(self, program: Program) -> None:
        self._varying = {x: -span.axis for x, span in program.columns.items()}
        self._given_out = program.output_layout.find_columns()
        self._level: dict[int, int] = {}  # from which on a result is there
        self.found: dict[int, Stage] = {}  # by results

    def label(self, statements: Iterable[Statement], labels: dict[int, str]) -> Iterator[Statement]:
        """The statements, whose results get their stages as labels."""
        for each in statements:
            if isinstance(each, Instruction):
                stage, text = _note(*self._find(each))
                self.found[each.result] = stage
                labels[each.result] = text + labels.get(each.result, "")
            yield each

    def _find(self, instruction: Instruction) -> tuple[int, int]:
        """The level and the lanes."""
        find, level = self._level.get, 0
        for x in instruction.operands:
            if type(x) is int and (own := find(x, 0)) > level:
                level = own
        if instruction.result < 0:
            span = self._given_out.get(~instruction.result)
            return (level, -span.axis) if span else LAST
        count = find_result_lanes(instruction, self._varying)
        if is_reduction(instruction.op):
            level += 1
        elif count:
            self._varying[instruction.result] = count
        self._level[instruction.result] = level
        return level, count


@cache
def _note(level: int, lanes: int) -> tuple[Stage, str]:
    """The one stage of its kind, and its label."""
    stage = Stage(level, lanes)
    return stage, f"{stage} "
