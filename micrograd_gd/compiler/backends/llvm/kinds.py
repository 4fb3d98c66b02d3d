"""Numbers in LLVM's language: one, or one in each of eight lanes."""

from typing import NamedTuple

from micrograd_gd.table.straight_line import bits_of

Term = str | float  # the name of what a line gives, or a constant


class Kind(NamedTuple):
    """What a line computes with: one number, or one in each of eight lanes."""

    number: str
    bit: str
    suffix: str
    word: str  # of the bits

    def write_term(self, x: Term) -> str:
        """A term as an operand: a constant by its bits."""
        if isinstance(x, str):
            return x
        bits = f"0x{bits_of(x):016X}"
        return bits if self is SCALAR else f"splat (double {bits})"

    def write_word(self, x: int) -> str:
        """A constant word of bits."""
        return str(x) if self is SCALAR else f"splat (i64 {x})"


SCALAR = Kind("double", "i1", "f64", "i64")
LANES = Kind("<8 x double>", "<8 x i1>", "v8f64", "<8 x i64>")


def write_term(x: Term) -> str:
    """A term as an operand of a line with single numbers."""
    return SCALAR.write_term(x)
