"""Outputs that a program does not compute: inputs and constants, which a loop copies by tables.

A line for each would make one long function, and LLVM's time grows with the square of its length.
"""

from collections.abc import Callable, Iterator, Sequence

from micrograd_gd.compiler.backends.llvm.kinds import write_term
from micrograd_gd.compiler.backends.llvm.lines import write_counting
from micrograd_gd.compiler.instructions import Operand
from micrograd_gd.compiler.program import Program


class Copies:
    """These outputs, and where they come from."""

    def __init__(self, program: Program) -> None:
        self._inputs = program.input_layout
        self._constants: dict[str, int] = {}  # as they are written, with their places
        self._places: dict[tuple[int, int], list[tuple[int, int]]] = {}  # by buffers, from and to

    def add(self, x: Operand, buffer: int, offset: int) -> None:
        """Have an input or a constant copied to this place."""
        if isinstance(x, float):
            source, place = -1, self._constants.setdefault(write_term(x), len(self._constants))
        else:
            source, place = self._inputs.locate(x)
        self._places.setdefault((source, buffer), []).append((place, offset))

    def write_calls(self, load_buffer: Callable[[str, int], str]) -> Iterator[str]:
        """The lines that copy."""
        for i, ((source, buffer), places) in enumerate(self._places.items()):
            start = "@constants" if source < 0 else load_buffer("%x", source)
            end = load_buffer("%y", buffer)
            yield f"call void @copy(ptr {start}, ptr {end}, ptr @places{i}, i64 {len(places)})"

    def write_definitions(self) -> Iterator[str]:
        """What these lines call, and the tables."""
        if not self._places:
            return
        yield _define("constants", [f"double {x}" for x in self._constants])
        for i, places in enumerate(self._places.values()):
            yield _define(f"places{i}", [f"i64 {x}" for pair in places for x in pair])
        yield _COPY


def _define(name: str, numbers: Sequence[str]) -> str:
    kind = numbers[0].partition(" ")[0] if numbers else "i64"
    return f"@{name} = private constant [{len(numbers)} x {kind}] [{', '.join(numbers)}]"


_COPY = write_counting(
    "copy(ptr %x, ptr %y, ptr %places, i64 %n)",
    (
        "%p = getelementptr [2 x i64], ptr %places, i64 %i",
        "%q = getelementptr i64, ptr %p, i64 1",
        "%from = load i64, ptr %p",
        "%to = load i64, ptr %q",
        "%a = getelementptr double, ptr %x, i64 %from",
        "%b = getelementptr double, ptr %y, i64 %to",
        "%number = load double, ptr %a",
        "store double %number, ptr %b",
    ),
)
