"""Passes: a program into a shorter one that gives the same bits.

Each is one idea. None of them reorders arithmetic, and what they compute ahead is computed by the
functions that the program would call.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from micrograd_gd.jit.batch import Lanes
from micrograd_gd.jit.program import Guard, Instruction, Operand, Program, Step, verify
from micrograd_gd.ops import operation

Pass = Callable[[Program], Program]


def optimized(program: Program) -> Program:
    """The program after all passes, its form checked after each.

    >>> from micrograd_gd.jit import trace
    >>> print(trace(lambda x: (x * 1.0).exp() * x.exp(), 0.5))
    program(x)
        v2 = exp(x)
        v4 = v2 * v2
        return v4
    """
    verify(program)
    for each in (*OF_BATCHES, *PASSES) if program.has_batches else PASSES:
        program = verify(each(program))
    return program


def fold(program: Program) -> Program:
    """Compute what depends on constants alone."""

    def constant(step: Instruction) -> Operand | None:
        if isinstance(step.op.value, str) and all(isinstance(x, float) for x in step.operands):
            y: float = step.op(*step.operands)
            return y
        return None

    return _substituted(program, constant)


# What leaves the other operand as it is, whatever that is: (formula, place of the operand that
# stays): the neutral element. Of the two zeros, -0 is neutral in a sum, +0 in a difference.
_NEUTRAL = {
    ("a + b", 0): -0.0, ("a + b", 1): -0.0, ("a - b", 0): 0.0,
    ("a * b", 0): 1.0, ("a * b", 1): 1.0, ("a / b", 0): 1.0, ("a ** b", 0): 1.0,
}  # fmt: skip


def shorten(program: Program) -> Program:
    """Leave out what gives back its operand: a copy, or one with a neutral element."""

    def same(step: Instruction) -> Operand | None:
        formula = step.op.value
        if formula == step.op.operands[0]:
            return step.operands[0]
        for place, x in enumerate(step.operands[:2]):
            neutral = _NEUTRAL.get((formula, place)) if isinstance(formula, str) else None
            if neutral is not None and _is(step.operands[1 - place], neutral):
                return x
        return None

    return _substituted(program, same)


def _is(x: Operand, constant: float) -> bool:
    return (
        isinstance(x, float) and x == constant and math.copysign(1, x) == math.copysign(1, constant)
    )


_TIMES = operation("mul")


def settle(program: Program) -> Program:
    """Leave out sums, picks and rows of a batch in which all samples have the same number."""

    def times(step: Step) -> Step:
        if isinstance(step, Guard) or not _is_lanes(step, "sum") or program.lanes(step.operands[0]):
            return step
        return step._replace(op=_TIMES, operands=(*step.operands, float(_lanes_of(step))))

    packs = {step.result: step for step in program.instructions if _is_lanes(step, "pack")}

    def same(step: Instruction) -> Operand | None:
        if not _is_lanes(step, "pick"):
            return None
        x, lane = step.operands
        pack = packs.get(x) if isinstance(x, int) else None
        return pack.operands[int(lane)] if pack else None if program.lanes(x) else x

    outputs = [*program.outputs]
    for row in program.rows:
        if not program.lanes(row.of):
            for place in row.places:
                outputs[place] = row.of
    rows = tuple([row for row in program.rows if program.lanes(row.of)])
    steps = tuple(times(step) for step in program.steps)
    return _substituted(replace(program, steps=steps, outputs=tuple(outputs), rows=rows), same)


def _lanes_of(step: Instruction) -> int:
    assert isinstance(step.op, Lanes)  # noqa: S101 — for the types
    return step.op.lanes


def _is_lanes(step: Instruction, kind: str) -> bool:
    return isinstance(step.op, Lanes) and step.op.kind == kind


def square(program: Program) -> Program:
    """Take a power of 2 for what it is: one multiplication."""
    return replace(program, steps=tuple(map(_squared, program.steps)))


def _squared(step: Step) -> Step:
    if isinstance(step, Guard) or step.op.value != "a ** b" or not _is(step.operands[1], 2.0):
        return step
    return Instruction(step.result, operation("square"), step.operands[:1])


def share(program: Program) -> Program:
    """Compute once what is computed in the same way again."""
    first: dict[Any, int] = {}

    def earlier(step: Instruction) -> Operand | None:
        if not isinstance(step.op.value, str) and not isinstance(step.op, Lanes):
            return None  # a Python function may not do the same again
        found = first.setdefault((step.op, _keys(step.operands)), step.result)
        return None if found == step.result else found

    return _substituted(program, earlier)


def check_once(program: Program) -> Program:
    """Leave out a guard that stood before, and one that constants decide."""
    seen = set()
    steps: list[Step] = []
    for step in program.steps:
        if isinstance(step, Guard):
            key = (step.relation, _keys(step.operands))
            if key in seen or all(isinstance(x, float) for x in step.operands):
                continue
            seen.add(key)
        steps.append(step)
    return replace(program, steps=tuple(steps))


def drop(program: Program) -> Program:
    """Leave out what nothing depends on."""
    needed = {x for x in program.outputs if isinstance(x, int)} | {row.of for row in program.rows}
    steps: list[Step] = []
    for step in reversed(program.steps):
        if isinstance(step, Guard) or step.result in needed:
            needed.update(x for x in step.operands if isinstance(x, int))
            steps.append(step)
    return replace(program, steps=tuple(reversed(steps)))


PASSES: tuple[Pass, ...] = (fold, shorten, square, share, check_once, drop)
OF_BATCHES: tuple[Pass, ...] = (drop, shorten, settle)  # before all others


def _substituted(program: Program, simpler: Callable[[Instruction], Operand | None]) -> Program:
    """The program with operands in place of those instructions that `simpler` knows one for."""
    known: dict[Operand, Operand] = {}

    def current(operands: Sequence[Any]) -> tuple[Any, ...]:
        return tuple([known.get(x, x) if isinstance(x, int) else x for x in operands])

    steps: list[Step] = []
    for step in program.steps:
        if isinstance(step, Guard):
            left, right = current(step.operands)
            steps.append(Guard(left, step.relation, right, step.holds))
            continue
        after = Instruction(step.result, step.op, current(step.operands))
        operand = simpler(after)
        if operand is None:
            steps.append(after)
        else:
            known[step.result] = operand
    rows = tuple([row._replace(of=known.get(row.of, row.of)) for row in program.rows])
    return replace(program, steps=tuple(steps), outputs=current(program.outputs), rows=rows)


def _keys(operands: Sequence[Operand]) -> tuple[Any, ...]:
    """Operands so that two are equal only if they are the same: 0, 0.0 and -0.0 are not."""
    return tuple([x if isinstance(x, int) else repr(x) for x in operands])
