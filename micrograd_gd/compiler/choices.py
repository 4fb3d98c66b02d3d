"""Choices made shorter: in a batch, derivatives ask which samples they are there for.

A *test* is 1 or 0. All rules hold for whatever numbers, nan and both zeros included.
"""

from micrograd_gd.compiler.instructions import Instruction, Operand
from micrograd_gd.table.ops import operation

_WHERE, _EQUAL, _LESS, _LESS_EQUAL = map(operation, ("where", "equal", "less", "less_equal"))
CHOOSING = {_WHERE, _EQUAL, _LESS, _LESS_EQUAL}


class Choices:
    """Those of a program so far."""

    def __init__(self) -> None:
        self._known: dict[int, Instruction] = {}  # choices and comparisons, by their results
        self._tests: set[int] = set()

    def shorten(self, instruction: Instruction) -> Instruction | Operand:
        """An instruction that computes the same, or the operand that this is."""
        result, op, operands = instruction
        if op is _EQUAL and _is(operands[1], 0.0):
            op, operands = _WHERE, (operands[0], 0.0, 1.0)
        if op is _WHERE:
            found = self._choose(*operands)
            if not isinstance(found, tuple):
                return found
            op, operands = _WHERE, found
        instruction = Instruction(result, op, operands)
        if op in CHOOSING:
            self._known[result] = instruction
            if op is not _WHERE or all(map(self._is_test, operands[1:])):
                self._tests.add(result)
        return instruction

    def _choose(self, test: Operand, a: Operand, b: Operand) -> tuple[Operand, ...] | Operand:
        """The operands of `a if test else b`, or what that is."""
        while (known := self._find(test)) and (inner := _find_inner(known)):
            test, is_same = inner
            a, b = (a, b) if is_same else (b, a)
        if isinstance(test, float):
            return a if test else b
        if (inside := self._find_choice(a)) and inside[0] == test:
            a = inside[1]
        if (inside := self._find_choice(b)) and inside[0] == test:
            b = inside[2]
        if _is(a, b) or (_is(a, 1.0) and _is(b, 0.0) and self._is_test(test)):
            return a if _is(a, b) else test
        inside = self._find_choice(b)
        if inside and _is(inside[2], a) and self._exclude(test, inside[0]):
            return b
        return test, a, b

    def _find(self, x: Operand) -> Instruction | None:
        """The choice or comparison that computes a number."""
        return self._known.get(x) if type(x) is int else None

    def _find_choice(self, x: Operand) -> tuple[Operand, ...] | None:
        known = self._find(x)
        return known.operands if known and known.op is _WHERE else None

    def _is_test(self, x: Operand) -> bool:
        return (type(x) is int and x in self._tests) or _is(x, 0.0) or _is(x, 1.0)

    def _exclude(self, x: Operand, y: Operand) -> bool:
        """Whether never both of them hold: a < b, b < a, a = b."""
        first, second = self._find(x), self._find(y)
        if not (first and second and {first.op, second.op} <= {_LESS, _EQUAL}):
            return False
        (a, b), other = map(repr, first.operands), tuple(map(repr, second.operands))
        is_swapped = first.op is second.op is _LESS and other == (b, a)
        return is_swapped or (first.op is not second.op and other in {(a, b), (b, a)})


def _find_inner(known: Instruction) -> tuple[Operand, bool] | None:
    """What a number depends on that is 0 where that is, or where that is not."""
    x, *rest = [abs(x) if type(x) is float else x for x in known.operands]
    if known.op is not _WHERE:
        return None
    for is_same, numbers in ((True, (1.0, 0.0)), (False, (0.0, 1.0))):
        if all(map(_is, rest, numbers)):
            return x, is_same
    return None


def _is(x: Operand, y: Operand) -> bool:
    """Whether both are one number; 0, 0.0 and -0.0 are three."""
    return x == y and repr(x) == repr(y)
