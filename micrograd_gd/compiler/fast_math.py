"""`fast_math`: rules that hold for real numbers, and for floats nearly so.

They disregard nan, infinities and the sign of zero, and may change a last bit.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Statement
from micrograd_gd.compiler.passes import optimize
from micrograd_gd.compiler.program import Program
from micrograd_gd.table.ops import operation

_ADD, _SUB, _MUL, _DIV, _POW = map(operation, ("add", "sub", "mul", "div", "pow"))
_SQUARE, _SQRT, _RECIPROCAL = map(operation, ("square", "sqrt", "reciprocal"))


def relax(program: Program) -> Program:
    """The program made shorter by these rules; its machine code may also fuse operations.

    >>> from micrograd_gd import trace
    >>> print(relax(trace(lambda x, y: x / 4 + (y - y) * x + 0.0 * y + x**3, 1.0, 2.0)))
    program(x, y)
        v2 = x * 0.25
        v10 = square(x)
        v8 = v10 * x
        v9 = v2 + v8
        return v9
    """
    numbers = count(program.free_number)
    statements = tuple([new for each in program.statements for new in _cheapen(each, numbers)])
    return optimize(replace(program, statements=statements, fast_math=True), _simplify)


def _simplify(instruction: Instruction) -> Operand | None:
    """The operand that the result equals, if there is one."""
    op, operands = instruction.op, instruction.operands
    a, b, *_ = (*operands, math.nan, math.nan)
    is_same = isinstance(a, int) and isinstance(b, int) and a == b
    if op is _ADD and _is_zero(a):
        return b
    if op in {_ADD, _SUB} and _is_zero(b):
        return a
    if op is _MUL and (_is_zero(a) or _is_zero(b)):
        return 0.0
    if (op is _DIV and _is_zero(a)) or (op is _SUB and is_same):
        return 0.0
    return 1.0 if op is _DIV and is_same else None


def _is_zero(x: Operand) -> bool:
    return isinstance(x, float) and x == 0


def _cheapen(statement: Statement, numbers: Iterator[int]) -> Iterator[Statement]:
    """Multiplications in place of divisions by constants and of small powers."""
    if isinstance(statement, Guard) or statement.op not in {_DIV, _POW}:
        yield statement
        return
    result, op, (a, b) = statement
    if not isinstance(b, float):
        yield statement
    elif op is _DIV:
        has_inverse = b != 0 and math.isfinite(1 / b)
        yield Instruction(result, _MUL, (a, 1 / b)) if has_inverse else statement
    elif b == 0.5:
        yield Instruction(result, _SQRT, (a,))
    elif b == -1:
        yield Instruction(result, _RECIPROCAL, (a,))
    elif b in {3, 4}:
        squared = next(numbers)
        yield Instruction(squared, _SQUARE, (a,))
        yield Instruction(result, _MUL, (squared, a if b == 3 else squared))
    else:
        yield statement
