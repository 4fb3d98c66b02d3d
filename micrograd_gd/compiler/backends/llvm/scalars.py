"""The functions of a program that compute one number after another.

They read the inputs from buffers, write outputs to others, and leave numbers for each other in
memory.
"""

from collections.abc import Iterator, Sequence

from micrograd_gd.compiler.backends.llvm.copies import Copies
from micrograd_gd.compiler.backends.llvm.kinds import write_term
from micrograd_gd.compiler.backends.llvm.lines import UNCHANGED, Lines
from micrograd_gd.compiler.backends.llvm.memory import Memory, Part
from micrograd_gd.compiler.instructions import Guard, Instruction, Operand
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.schedule import find_packs, is_kind
from micrograd_gd.table.relations import BY_SIGN


class ScalarWriter:
    """Writes these functions, in the order in which they are called."""

    def __init__(self, program: Program, memory: Memory) -> None:
        self._program = program
        self._memory = memory
        self._guards = 0
        outputs = program.output_layout
        sums = {x for found in memory.sums.values() for x in found}
        self._places: dict[int, list[tuple[int, int]]] = {}  # of results among the outputs
        self._copies = Copies(program)
        self._has_begun = False
        self._sums: list[tuple[int, tuple[int, int]]] = []
        for i, x in enumerate(program.outputs):
            if isinstance(x, int) and x in sums:
                self._sums.append((x, outputs.locate(i)))
            elif isinstance(x, int) and x >= program.size:
                self._places.setdefault(x, []).append(outputs.locate(i))
            elif x is not None:
                self._copies.add(x, *outputs.locate(i))
        self._packs = find_packs(program)

    def write_function(self, name: str, part: Part) -> str:
        """A function of these statements, and what it needs."""
        here = _Function(self._program, self._memory)
        lines, names = here.lines, here.names
        if is_first := not self._has_begun:
            self._has_begun = True
            lines += self._copies.write_calls(here.load_buffer)
        if not part.statements:
            here.copy_sums(self._sums)
        slots = self._memory.uniform
        for statement, template in part.statements:
            if isinstance(statement, Instruction) and is_kind(statement, "pack"):
                self._write_pack(statement, here)
                continue
            if isinstance(statement, Instruction) and is_kind(statement, "pick"):
                y = names[statement.result] = self._write_pick(statement, here)
            else:
                operands = [
                    names.get(x) or here.load_operand(x) if isinstance(x, int) else write_term(x)
                    for x in statement.operands
                ]
                if isinstance(statement, Guard):
                    lines += self._write_guard(statement, operands)
                    continue
                lines.append(template.lines.format(*operands, r=statement.result))
                y = names[statement.result] = template.result.format(*operands, r=statement.result)
            if statement.result in slots:
                here.store(y, "%v", slots[statement.result])
            for place in self._places.get(statement.result, ()):
                here.store_output(y, *place)
        head = f"define i32 @{name}(ptr %x, ptr %y, ptr noalias %v) nounwind {{"
        definitions = self._copies.write_definitions() if is_first else ()
        return "\n".join([*definitions, head, *here.entry, *lines, "ret i32 -1", "}"])

    def _write_pack(self, pack: Instruction, here: "_Function") -> None:
        """Put numbers into the row of a varying one, unless they are read where they are."""
        if pack.result in self._memory.rows:
            for lane, x in enumerate(pack.operands):
                here.store(here.load_operand(x), "%v", self._memory.rows[pack.result] + lane)

    def _write_pick(self, pick: Instruction, here: "_Function") -> str:
        x, lane = map(int, pick.operands)
        if x in self._packs:
            return here.load_operand(self._packs[x][lane])
        return here.load("%v", self._memory.rows[x] + lane)

    def _write_guard(self, guard: Guard, operands: Sequence[str]) -> Iterator[str]:
        g, (left, right) = self._guards, operands
        self._guards += 1
        ways = (f"on{g}", f"off{g}") if guard.holds else (f"off{g}", f"on{g}")
        yield f"%g{g} = fcmp {BY_SIGN[guard.relation].predicate} double {left}, {right}"
        yield f"br i1 %g{g}, label %{ways[0]}, label %{ways[1]}"
        yield f"off{g}:"
        yield f"ret i32 {g}"
        yield f"on{g}:"


class _Function(Lines):
    """The lines of a function, and what the numbers are called in it."""

    def __init__(self, program: Program, memory: Memory) -> None:
        super().__init__()
        self.names: dict[int, str] = {}
        self._inputs = program.size
        self._places = program.input_layout
        self._slots = memory.uniform

    def load_operand(self, x: Operand) -> str:
        """A number that is computed elsewhere."""
        if isinstance(x, float):
            return write_term(x)
        if x not in self.names:
            if x < self._inputs:
                buffer, offset = self._places.locate(x)
                self.names[x] = self.load(self.load_buffer("%x", buffer), offset, UNCHANGED)
            else:
                self.names[x] = self.load("%v", self._slots[x], UNCHANGED)
        return self.names[x]

    def load(self, array: str, offset: int, how: str = "") -> str:
        """Read a number."""
        return self.emit("v", f"load double, ptr {self.offset(array, offset)}{how}")

    def store(self, y: str, array: str, offset: int) -> None:
        """Write a number."""
        self.lines.append(f"store double {y}, ptr {self.offset(array, offset)}")

    def store_output(self, y: str, buffer: int, offset: int) -> None:
        """Write an output."""
        self.store(y, self.load_buffer("%y", buffer), offset)

    def copy_sums(self, sums: Sequence[tuple[int, tuple[int, int]]]) -> None:
        """Write sums that are outputs, those side by side together."""
        runs: list[list[int]] = []  # from, buffer, offset, how many
        for x, (buffer, offset) in sums:
            start = self._slots[x]
            if runs and runs[-1][:3] == [start - runs[-1][3], buffer, offset - runs[-1][3]]:
                runs[-1][3] += 1
            else:
                runs.append([start, buffer, offset, 1])
        for start, buffer, offset, size in runs:
            target = self.offset(self.load_buffer("%y", buffer), offset)
            pointers = f"ptr align 8 {target}, ptr align 8 {self.offset('%v', start)}"
            self.lines.append(
                f"call void @llvm.memcpy.p0.p0.i64({pointers}, i64 {8 * size}, i1 false)"
            )
