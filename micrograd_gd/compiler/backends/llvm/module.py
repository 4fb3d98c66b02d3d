"""A program in LLVM's language: functions of straight-line code, called one after another.

`run(x, y, v)` reads the inputs from the buffers at x, writes the outputs to those at y and returns
-1, or the place of the guard that fails. At v is the memory in which numbers wait.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import count

from micrograd_gd.compiler.backends.llvm import lanes
from micrograd_gd.compiler.backends.llvm.expression import FAST_MATH, LANES, SCALAR, text
from micrograd_gd.compiler.backends.llvm.memory import Memory, Part
from micrograd_gd.compiler.backends.llvm.templates import Template, Templates
from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Step
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.schedule import Schedule, Stage, is_kind, schedule
from micrograd_gd.table.ops import Operation
from micrograd_gd.table.relations import BY_SIGN

_COPY = Operation("copy", ("x",), "x", ("1",), "x itself.")


class Module:
    """A program's text, in functions of at most `longest` lines or so."""

    def __init__(self, program: Program, longest: int, longest_in_lanes: int) -> None:
        self._templates = Templates(FAST_MATH if program.fast_math else "")
        program, order = _scheduled(program)
        self._program = program
        self._parts: list[Part] = []
        self.weight = 0  # lines, roughly
        numbers = count(1 + max([program.size, *(step.result for step in program.instructions)]))
        for i, stage in enumerate(order.stages):
            kind, most = (LANES, longest_in_lanes) if stage.lanes else (SCALAR, longest)
            weighed = [
                (step, self._templates.of(step, kind)) for step in _unfolded(stage.steps, numbers)
            ]
            self.weight += sum(template.weight for _, template in weighed)
            self._parts += [Part(i, stage.lanes, part) for part in _cut(weighed, most)]
        self._memory = Memory(program, order, self._parts)
        self.slots = self._memory.size + lanes.ALIGNING * program.has_batches

    def texts(self, most: int) -> Iterator[str]:
        """The modules that it consists of, each with at most so many functions."""
        writer = _Writer(self._program, self._memory)
        if len(self._parts) == 1:
            yield self._module([writer.once("run", self._parts[0])])
            return
        for start in range(0, len(self._parts), most):
            cut = enumerate(self._parts[start : start + most], start)
            yield self._module([
                lanes.function(i, part, self._program, self._memory)
                if part.lanes
                else writer.once(f"part{i}", part)
                for i, part in cut
            ])  # fmt: skip
        yield "\n".join(lanes.calls(self._parts, self._memory))

    def _module(self, defined: list[str]) -> str:
        declared = lanes.DECLARED if self._program.has_batches else ()
        data = ("!0 = !{}", '!1 = !{!"branch_weights", i32 1, i32 1000}', "")
        return "\n".join([*declared, *self._templates.functions(), *defined, *data])


def _scheduled(program: Program) -> tuple[Program, Schedule]:
    """The stages, the last of which runs once: it gives out what no step of one does."""
    if not program.has_batches:
        return program, Schedule([Stage(0, tuple(program.steps))], {})
    packs = {step.result for step in program.instructions if is_kind(step, "pack")}
    following = 1 + max([program.size, *(step.result for step in program.instructions)])
    copies = {row.of: following + i for i, row in enumerate(program.rows) if row.of in packs}
    steps = [Instruction(new, _COPY, (old,)) for old, new in copies.items()]
    rows = tuple([row._replace(of=copies.get(row.of, row.of)) for row in program.rows])
    program = replace(program, steps=(*program.steps, *steps), rows=rows)
    order = schedule(program)
    return program, order._replace(stages=[*order.stages, Stage(0, ())])


class _Writer:
    """The functions that run once, in order."""

    def __init__(self, program: Program, memory: Memory) -> None:
        self._program = program
        self._memory = memory
        self._guards = 0
        outputs = program.output_layout
        sums = {x for found in memory.sums.values() for x in found}
        self._places: dict[int, list[tuple[int, int]]] = {}  # of results among the outputs
        self._copied: list[tuple[Operand, tuple[int, int]]] = []  # inputs and constants
        self._sums: list[tuple[int, tuple[int, int]]] = []
        for i, x in enumerate(program.outputs):
            if isinstance(x, int) and x in sums:
                self._sums.append((x, outputs.place(i)))
            elif isinstance(x, int) and x >= program.size:
                self._places.setdefault(x, []).append(outputs.place(i))
            elif x is not None:
                self._copied.append((x, outputs.place(i)))
        self._packs = lanes.packs(program)

    def once(self, name: str, part: Part) -> str:
        """A function of these steps."""
        here = _Function(self._program, self._memory)
        lines, names = here.lines, here.names
        for x, place in self._copied:
            here.output(here.operand(x), *place)
        self._copied.clear()
        if not part.steps:
            here.copy_sums(self._sums)
        slots = self._memory.uniform
        for step, template in part.steps:
            if isinstance(step, Instruction) and is_kind(step, "pack"):
                self._pack(step, here)
                continue
            if isinstance(step, Instruction) and is_kind(step, "pick"):
                y = names[step.result] = self._pick(step, here)
            else:
                operands = [
                    names.get(x) or here.operand(x) if isinstance(x, int) else text(x)
                    for x in step.operands
                ]
                if isinstance(step, Guard):
                    lines += self._guard(step, operands)
                    continue
                lines.append(template.lines.format(*operands, r=step.result))
                y = names[step.result] = template.result.format(*operands, r=step.result)
            if step.result in slots:
                here.store(y, "%v", slots[step.result])
            for place in self._places.get(step.result, ()):
                here.output(y, *place)
        head = f"define i32 @{name}(ptr %x, ptr %y, ptr noalias %v) nounwind {{"
        return "\n".join([head, *lines, "ret i32 -1", "}"])

    def _pack(self, step: Instruction, here: "_Function") -> None:
        """Numbers put into the row of a varying one, unless they are read where they are."""
        if step.result in self._memory.rows:
            for i, x in enumerate(step.operands):
                here.store(here.operand(x), "%v", self._memory.rows[step.result] + i)

    def _pick(self, step: Instruction, here: "_Function") -> str:
        x, lane = map(int, step.operands)
        if x in self._packs:
            return here.operand(self._packs[x][lane])
        return here.load("%v", self._memory.rows[x] + lane)

    def _guard(self, guard: Guard, operands: Sequence[str]) -> Iterator[str]:
        g, (left, right) = self._guards, operands
        self._guards += 1
        ways = (f"on{g}", f"off{g}") if guard.holds else (f"off{g}", f"on{g}")
        yield f"%g{g} = fcmp {BY_SIGN[guard.relation].predicate} double {left}, {right}"
        yield f"br i1 %g{g}, label %{ways[0]}, label %{ways[1]}"
        yield f"off{g}:"
        yield f"ret i32 {g}"
        yield f"on{g}:"


class _Function:
    """The lines of a function, and what the numbers are called in it."""

    def __init__(self, program: Program, memory: Memory) -> None:
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self._inputs = program.size
        self._places = program.input_layout
        self._slots = memory.uniform
        self._buffers: dict[str, str] = {}

    def operand(self, x: Operand) -> str:
        """A number that is made elsewhere."""
        if isinstance(x, float):
            return text(x)
        if x not in self.names:
            if x < self._inputs:
                buffer, offset = self._places.place(x)
                self.names[x] = self.load(self._buffer("%x", buffer), offset, lanes.UNCHANGED)
            else:
                self.names[x] = self.load("%v", self._slots[x], lanes.UNCHANGED)
        return self.names[x]

    def load(self, array: str, offset: int, how: str = "") -> str:
        """Read a number."""
        return self._line("v", f"load double, ptr {self._at(array, offset)}{how}")

    def store(self, y: str, array: str, offset: int) -> None:
        """Write a number."""
        self.lines.append(f"store double {y}, ptr {self._at(array, offset)}")

    def output(self, y: str, buffer: int, offset: int) -> None:
        """Give a number out."""
        self.store(y, self._buffer("%y", buffer), offset)

    def copy_sums(self, sums: Sequence[tuple[int, tuple[int, int]]]) -> None:
        """Give sums out, those side by side together."""
        runs: list[list[int]] = []  # from, buffer, offset, how many
        for x, (buffer, offset) in sums:
            start = self._slots[x]
            if runs and runs[-1][:3] == [start - runs[-1][3], buffer, offset - runs[-1][3]]:
                runs[-1][3] += 1
            else:
                runs.append([start, buffer, offset, 1])
        for start, buffer, offset, size in runs:
            to, of = self._at(self._buffer("%y", buffer), offset), self._at("%v", start)
            self.lines.append(
                f"call void @llvm.memcpy.p0.p0.i64(ptr align 8 {to}, ptr align 8 {of}, "
                f"i64 {8 * size}, i1 false)"
            )

    def _buffer(self, table: str, i: int) -> str:
        key = f"{table}{i}"
        if key not in self._buffers:
            pointer = self._line("p", f"getelementptr ptr, ptr {table}, i64 {i}") if i else table
            self._buffers[key] = self._line("b", f"load ptr, ptr {pointer}{lanes.UNCHANGED}")
        return self._buffers[key]

    def _at(self, array: str, offset: int) -> str:
        """The pointer to a number."""
        if not offset:
            return array
        return self._line("p", f"getelementptr inbounds double, ptr {array}, i64 {offset}")

    def _line(self, letter: str, what: str) -> str:
        name = f"%{letter}{len(self.lines)}"
        self.lines.append(f"{name} = {what}")
        return name


@cache
def _step_of(op: Operation) -> Operation:
    """One step of an operation that folds."""
    return replace(op, folds=False)


def _unfolded(steps: Sequence[Step], numbers: Iterator[int]) -> Iterator[Step]:
    """The steps, those of any length written out."""
    for step in steps:
        if isinstance(step, Guard) or not step.op.folds:
            yield step
            continue
        sum_so_far, terms = step.operands[0], step.op.terms(step.operands)
        op = _step_of(step.op)
        if not terms:
            yield Instruction(step.result, _COPY, step.operands)
        for i, term in enumerate(terms, 1):
            result = step.result if i == len(terms) else next(numbers)
            yield Instruction(result, op, (sum_so_far, *term))
            sum_so_far = result


def _cut(
    steps: Sequence[tuple[Step, Template]], longest: int
) -> Iterator[list[tuple[Step, Template]]]:
    """The steps in parts of at most so many lines; one part where there are no steps."""
    part: list[tuple[Step, Template]] = []
    weight = 0
    for step in steps:
        if part and weight + step[1].weight > longest:
            yield part
            part, weight = [], 0
        part.append(step)
        weight += step[1].weight
    yield part
