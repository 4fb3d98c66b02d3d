"""Passes: a program into a shorter one that gives the same bits.

Each is one idea. None of them reorders arithmetic, and what they compute ahead is computed by the
functions that the program would call.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from micrograd_gd.compiler.instructions import FlatSteps, Guard, Instruction, Operand, Step
from micrograd_gd.compiler.program import Program, verify
from micrograd_gd.compiler.trace import Traced
from micrograd_gd.compiler.vmap import Lanes
from micrograd_gd.core.choice import native_part
from micrograd_gd.table.ops import Operation, operation

Pass = Callable[[Program], Program]

_of_trace_in_c = native_part("optimized")


def of_trace(traced: Traced) -> Program:
    """The program of a trace after all passes; where the native core is, in one go and flat."""
    found = None
    if _of_trace_in_c and not traced.has_lanes:
        found = _of_trace_in_c(traced.inputs, traced.events, traced.outputs, traits)
    if found is None:
        return optimized(traced.program())
    captured, labels, *flat = found
    steps = FlatSteps(*flat)
    outputs = steps.read(steps.outputs)
    return Program(traced.arguments, captured, steps, outputs, traced.structure, labels)


def optimized(program: Program) -> Program:
    """The program after all passes, its form checked after each.

    >>> from micrograd_gd import trace
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

    return substituted(program, constant)


class Traits(NamedTuple):
    """What the passes know of an operation."""

    is_text: bool  # a formula: it computes the same from the same numbers
    is_copy: bool  # it gives back its first operand
    right: float | None  # the number as operand 2 that leaves operand 1 as it is, whatever that is
    left: float | None  # likewise as operand 1
    squared: Operation | None  # what it is where operand 2 is 2.0


# The neutral elements. Of the two zeros, -0 is neutral in a sum, +0 in a difference.
_NEUTRAL: dict[Any, tuple[float | None, float | None]] = {
    "a + b": (-0.0, -0.0), "a - b": (0.0, None), "a * b": (1.0, 1.0), "a / b": (1.0, None),
    "a ** b": (1.0, None),
}  # fmt: skip


def traits(op: Operation) -> Traits:
    """Those of an operation, which follow from its formula."""
    is_text = isinstance(op.value, str)
    binary = op.value if op.operands == ("a", "b") else ""
    squared = operation("square") if binary == "a ** b" else None
    return Traits(is_text, op.value == op.operands[0], *_NEUTRAL.get(binary, (None, None)), squared)


def shorten(program: Program) -> Program:
    """Leave out what gives back its operand: a copy, or one with a neutral element."""

    def same(step: Instruction) -> Operand | None:
        known = traits(step.op)
        if known.is_copy:
            return step.operands[0]
        if known.right is not None and _is(step.operands[1], known.right):
            return step.operands[0]
        if known.left is not None and _is(step.operands[0], known.left):
            return step.operands[1]
        return None

    return substituted(program, same)


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
    return substituted(replace(program, steps=steps, outputs=tuple(outputs), rows=rows), same)


def _lanes_of(step: Instruction) -> int:
    assert isinstance(step.op, Lanes)  # noqa: S101 — for the types
    return step.op.lanes


def _is_lanes(step: Instruction, kind: str) -> bool:
    return isinstance(step.op, Lanes) and step.op.kind == kind


def square(program: Program) -> Program:
    """Take a power of 2 for what it is: one multiplication."""
    return replace(program, steps=tuple(map(_squared, program.steps)))


def _squared(step: Step) -> Step:
    squared = None if isinstance(step, Guard) else traits(step.op).squared
    if isinstance(step, Guard) or squared is None or not _is(step.operands[1], 2.0):
        return step
    return Instruction(step.result, squared, step.operands[:1])


def share(program: Program) -> Program:
    """Compute once what is computed in the same way again."""
    first: dict[Any, int] = {}

    def earlier(step: Instruction) -> Operand | None:
        if not isinstance(step.op.value, str) and not isinstance(step.op, Lanes):
            return None  # a Python function may not do the same again
        found = first.setdefault((step.op, _keys(step.operands)), step.result)
        return None if found == step.result else found

    return substituted(program, earlier)


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


def substituted(program: Program, simpler: Callable[[Instruction], Operand | None]) -> Program:
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
