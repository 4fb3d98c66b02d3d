"""Numbers that a batch has from other lanes: what they are computed by is computed where they go.

A trace may shift whatever is varying. Here `shift` is pushed down to the columns of the inputs,
where it is a read at another place. So no lane waits for others, and nothing is kept for them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from micrograd_gd.compiler import lanes
from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Statement
from micrograd_gd.compiler.lanes import Lanes, is_reduction
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.schedule import is_kind, schedule
from micrograd_gd.table.ops import Operation, operation

Move = tuple[int, int]  # so many lanes further, in a batch of so many

_WHERE, _LESS, _ADD, _SUB = map(operation, ("where", "less", "add", "sub"))


def compute_in_place(program: Program) -> Program:
    """The program in which nothing but columns of the inputs is shifted."""
    mover = _Mover(program)
    for each in program.statements:
        mover.move(each)
    program = replace(
        program,
        statements=tuple(mover.statements),
        outputs=mover.rename(program.outputs),
    )
    loops = [  # one after the other, and sums behind what they add
        sorted(stage.statements, key=lambda each: is_reduction(getattr(each, "op", None)))
        for stage in schedule(program).stages
    ]
    return replace(program, statements=tuple([each for loop in loops for each in loop]))


def _find_moves(program: Program) -> dict[Operand, dict[Move, None]]:
    """For which other lanes each varying number is needed."""
    moves: dict[Operand, dict[Move, None]] = defaultdict(dict)
    for each in reversed(program.statements):
        if isinstance(each, Instruction) and program.find_lanes(each.result):
            asked = moves[each.result]
            if own := _find_move(each):
                asked = dict.fromkeys([own, *[(own[0] + by, there) for by, there in asked]])
            for x in each.operands:
                if program.find_lanes(x):
                    moves[x] |= asked
    return moves


def _find_move(statement: Statement) -> Move | None:
    """What an instruction moves, if that is what it does."""
    if not is_kind(statement, "shift"):
        return None
    return int(statement.operands[1]), statement.op.lanes  # type: ignore[union-attr]  # an instruction


class _Mover:
    """The statements so far, and what is computed for other lanes."""

    def __init__(self, program: Program) -> None:
        self.statements: list[Statement] = []
        self._program = program
        self._moves = _find_moves(program)
        self._moved: dict[tuple[Operand, Move], Operand] = {}
        self._after: dict[int, Operand] = {}  # what has become of what was shifted
        self._numbers = count(program.free_number)
        self._known: dict[Any, int] = {}  # instructions that are there once

    def rename(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """The operands that these have become."""
        return tuple([self._after.get(x, x) if type(x) is int else x for x in operands])

    def move(self, statement: Statement) -> None:
        """Append the statement, and what its result is in other lanes."""
        if isinstance(statement, Guard):
            left, right = self.rename(statement.operands)
            self.statements.append(Guard(left, statement.relation, right, statement.holds))
        elif own := _find_move(statement):
            x, (by, there) = statement.operands[0], own
            shifted = self._shift(x, own, own)  # which may be the same in all lanes
            self._after[statement.result] = self._emit(lanes.operation("spread", there), shifted)
            for more, further in self._moves[statement.result]:
                shifted = self._shift(x, own, (by + more, further))
                self._moved[statement.result, (more, further)] = shifted
        else:
            self.statements.append(statement._replace(operands=self.rename(statement.operands)))
            for move in self._moves[statement.result]:
                self._moved[statement.result, move] = self._compute(statement, move)

    def _compute(self, instruction: Instruction, move: Move) -> Operand:
        """The result of an instruction in other lanes."""
        if is_kind(instruction, "index"):
            return self._emit(_ADD, self._index(move[1]), float(move[0]))
        operands = [self._find(x, move) for x in instruction.operands]
        if isinstance(instruction.op, Lanes):  # it is spread
            return operands[0]
        return self._emit(instruction.op, *operands)

    def _find(self, x: Operand, move: Move) -> Operand:
        """What x is in other lanes; whatever it may be where these are not there."""
        if (there := self._program.find_lanes(x)) == 0:
            return x
        if move == (0, there):
            return self.rename([x])[0]  # type: ignore[no-any-return]  # an operand
        if x not in self._program.columns:
            return self._moved[x, move]
        return self._emit_once(lanes.operation("shift", move[1]), x, float(move[0]))

    def _shift(self, x: Operand, own: Move, move: Move) -> Operand:
        """The same with -0.0 where a shift to lanes of its own has it, and these are moved on."""
        y, other = self._find(x, move), self._program.find_lanes(x)
        if own[0] < 0:
            is_before = self._is_below(-float(move[0]), move[1])
            y = self._emit(_WHERE, is_before, -0.0, y)
        if own[0] > self._program.find_surplus(own[1], other):
            end = self._emit_once(_SUB, self._program.find_length(other), float(move[0]))
            y = self._emit(_WHERE, self._is_below(end, move[1]), y, -0.0)
        return y

    def _is_below(self, end: Operand, there: int) -> int:
        return self._emit_once(_LESS, self._index(there), end)

    def _index(self, there: int) -> int:
        return self._emit_once(lanes.operation("index", there), 0.0)

    def _emit(self, op: Operation, *operands: Operand) -> int:
        result = next(self._numbers)
        self.statements.append(Instruction(result, op, operands))
        return result

    def _emit_once(self, op: Operation, *operands: Operand) -> int:
        key = op, *map(repr, operands)  # where 2 and 2.0 are two
        if key not in self._known:
            self._known[key] = self._emit(op, *operands)
        return self._known[key]
