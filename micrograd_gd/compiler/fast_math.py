"""Passes of `fast_math`: what is equal in real numbers, and in floats nearly so.

They take no care of nan, of infinities and of the sign of zero, and may change a last bit.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Step
from micrograd_gd.compiler.passes import optimize
from micrograd_gd.compiler.program import Program
from micrograd_gd.table.ops import operation

_PLUS, _MINUS, _TIMES, _OVER, _POWER = map(operation, ("add", "sub", "mul", "div", "pow"))
_SQUARE, _ROOT, _RECIPROCAL = map(operation, ("square", "sqrt", "reciprocal"))


def loosened(program: Program) -> Program:
    """The program made shorter where real numbers are the same; its machine code may fuse, too.

    >>> from micrograd_gd import trace
    >>> print(loosened(trace(lambda x, y: x / 4 + (y - y) * x + 0.0 * y + x**3, 1.0, 2.0)))
    program(x, y)
        v2 = x * 0.25
        v10 = square(x)
        v8 = v10 * x
        v9 = v2 + v8
        return v9
    """
    numbers = count(1 + max([program.size, *(step.result for step in program.instructions)]))
    steps = tuple([new for step in program.steps for new in _cheaper(step, numbers)])
    return optimize(replace(program, steps=steps, fast_math=True), _known)


def _known(step: Instruction) -> Operand | None:
    """What the result is without computing it."""
    a, b, *_ = (*step.operands, math.nan, math.nan)
    same = isinstance(a, int) and isinstance(b, int) and a == b
    known: Operand | None = None
    if step.op is _PLUS and _is_zero(a):
        known = b
    elif step.op in {_PLUS, _MINUS} and _is_zero(b):
        known = a
    elif (step.op in {_TIMES, _OVER} and _is_zero(a)) or (step.op is _TIMES and _is_zero(b)):
        known = 0.0
    elif step.op in {_MINUS, _OVER} and same:
        known = 0.0 if step.op is _MINUS else 1.0
    return known


def _is_zero(x: Operand) -> bool:
    return isinstance(x, float) and x == 0


def _cheaper(step: Step, numbers: Iterator[int]) -> Iterator[Step]:
    """Multiplications in place of divisions by constants and of small powers."""
    if isinstance(step, Guard) or step.op not in {_OVER, _POWER}:
        yield step
        return
    a, b = step.operands
    if step.op is _OVER:
        if isinstance(b, float) and b and math.isfinite(1 / b):
            step = step._replace(op=_TIMES, operands=(a, 1 / b))
    elif b in {0.5, -1.0} and isinstance(b, float):
        step = step._replace(op=_ROOT if b > 0 else _RECIPROCAL, operands=(a,))
    elif b in {3.0, 4.0} and isinstance(b, float):
        squared = next(numbers)
        yield Instruction(squared, _SQUARE, (a,))
        step = step._replace(op=_TIMES, operands=(squared, a if b == 3 else squared))
    yield step
