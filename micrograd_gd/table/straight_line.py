"""Functions of doubles as straight lines: steps without branches, to be written in any language.

A function over any number type is called with a `Number`, and what it does is recorded. It may look
at the bits of a double, 64 of them as a whole number, and choose between two results; both are
computed. So it runs on one number and, as it stands, on many side by side.
"""

import math
import operator
import struct
from collections.abc import Callable
from functools import cache
from typing import Any, Self

DOUBLE, BITS, TEST = "double", "bits", "test"  # the kinds of what a step gives


class Term:
    """A step and its result: what it does, and its operands, of which some are constants."""

    kind: str

    def __init__(self, steps: list["Term"], name: str, *operands: "Term | float") -> None:
        self.steps = steps  # all so far
        self.name = name
        self.operands = operands
        self.place = len(steps)
        steps.append(self)


class Test(Term):
    """Whether something holds."""

    kind = TEST


class Bits(Term):
    """64 bits, a whole number that wraps around and has no sign."""

    kind = BITS

    def __add__(self, other: "Bits | int") -> "Bits":
        return Bits(self.steps, "add bits", self, other)

    def __rsub__(self, other: int) -> "Bits":
        return Bits(self.steps, "sub bits", other, self)

    def __and__(self, other: "Bits | int") -> "Bits":
        return Bits(self.steps, "and", self, other)

    def __or__(self, other: "Bits | int") -> "Bits":
        return Bits(self.steps, "or", self, other)

    def __lshift__(self, count: int) -> "Bits":
        return Bits(self.steps, "shift left", self, count)

    def __rshift__(self, count: int) -> "Bits":
        return Bits(self.steps, "shift right", self, count)


class Number(Term):
    """A double."""

    kind = DOUBLE

    def _apply(self, name: str, *operands: "Number | float") -> Self:
        return type(self)(self.steps, name, *operands)

    def __add__(self, other: "Number | float") -> Self:
        return self._apply("add", self, other)

    def __radd__(self, other: float) -> Self:
        return self._apply("add", other, self)

    def __sub__(self, other: "Number | float") -> Self:
        return self._apply("sub", self, other)

    def __rsub__(self, other: float) -> Self:
        return self._apply("sub", other, self)

    def __mul__(self, other: "Number | float") -> Self:
        return self._apply("mul", self, other)

    def __rmul__(self, other: float) -> Self:
        return self._apply("mul", other, self)

    def __truediv__(self, other: "Number | float") -> Self:
        return self._apply("div", self, other)

    def __rtruediv__(self, other: float) -> Self:
        return self._apply("div", other, self)

    def __neg__(self) -> Self:
        return self._apply("neg", self)

    def __abs__(self) -> "Number":
        return number(self.bits & ((1 << 63) - 1))

    def __lt__(self, other: "Number | float") -> Test:
        return Test(self.steps, "less", self, other)

    def __gt__(self, other: "Number | float") -> Test:
        return Test(self.steps, "less", other, self)

    def __eq__(self, other: object) -> Any:
        assert isinstance(other, (Number, float))  # noqa: S101 — for the types
        return Test(self.steps, "equal", self, other)

    __hash__ = Term.__hash__

    @property
    def bits(self) -> Bits:
        """Its bits: sign, 11 of the exponent, 52 of the fraction."""
        return Bits(self.steps, "bits", self)


def number(bits: Bits) -> Number:
    """The double that has these bits."""
    return Number(bits.steps, "number", bits)


def sqrt(x: Number) -> Number:
    """The square root, which every machine rounds once."""
    return Number(x.steps, "root", x)


def choose(test: Test, a: "Number | float", b: "Number | float") -> Number:
    """`a` where the test holds, else `b`."""
    return Number(test.steps, "choose", test, a, b)


def choose_bits(test: Test, a: "Bits | int", b: "Bits | int") -> Bits:
    """The same of whole numbers."""
    return Bits(test.steps, "choose", test, a, b)


def bits_of(x: float) -> int:
    """The bits of a constant."""
    return int(struct.unpack("<Q", struct.pack("<d", x))[0])


def record(function: Callable[..., Number], arity: int) -> list[Term]:
    """The steps of a function of so many numbers: its parameters first, its result last."""
    steps: list[Term] = []
    needed: set[Term] = {Number(steps, "parameter") for _ in range(arity)}
    function(*steps)
    needed.add(steps[-1])
    for step in reversed(steps):
        if step in needed:
            needed.update([x for x in step.operands if isinstance(x, Term)])
    steps = [step for step in steps if step in needed]
    for place, step in enumerate(steps):
        step.place = place
    return steps


def run(function: Callable[[Number], Number]) -> Callable[[float], float]:
    """The function of a float, step by step: it takes a hundred microseconds, and no compiler."""

    @cache
    def find_steps() -> list[Term]:
        return record(function, 1)[1:]

    def compute(x: float) -> float:
        results: list[Any] = [x]
        for step in find_steps():
            operands = [results[y.place] if isinstance(y, Term) else y for y in step.operands]
            results.append(_STEPS[step.name](*operands))
        return results[-1]  # type: ignore[no-any-return]  # a float, at the end

    return compute


def _divide(a: float, b: float) -> float:
    return a / b if b else math.copysign(math.inf, a) * math.copysign(1, b) if a else math.nan


_ALL = 2**64
_STEPS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": _divide,
    "neg": operator.neg,
    "root": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "less": operator.lt,
    "equal": operator.eq,
    "choose": lambda test, a, b: a if test else b,
    "bits": bits_of,
    "number": lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0],
    "and": lambda a, b: a & b % _ALL,
    "or": operator.or_,
    "add bits": lambda a, b: (a + b) % _ALL,
    "sub bits": lambda a, b: (a - b) % _ALL,
    "shift left": lambda a, b: (a << b) % _ALL,
    "shift right": operator.rshift,
}
