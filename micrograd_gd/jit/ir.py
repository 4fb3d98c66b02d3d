"""A program in LLVM's language: functions of straight-line code, called one after another.

`run(x, y, v)` reads the inputs from the buffers at x, writes the outputs to those at y and returns
-1, or the place of the guard that fails. Numbers that another function needs wait in slots at v.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from micrograd_gd.errors import JitError
from micrograd_gd.jit.formula import Formula, Term, text
from micrograd_gd.jit.layout import Layout
from micrograd_gd.jit.program import Program
from micrograd_gd.jit.steps import Guard, Instruction, Operand, Step
from micrograd_gd.operation import Operation

LONGEST_IN_PLACE = 12  # lines of an operation; beyond, it is a function that is called

_RELATION = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}


class Module:
    """A program's text, in functions of at most `longest` lines or so."""

    def __init__(self, program: Program, longest: int) -> None:
        self._program = program
        self._templates = _Templates()
        weighed = [(step, self._templates.of(step)) for step in _unfolded(program)]
        self.weight = sum(template.weight for _, template in weighed)  # lines, roughly
        self._parts = [*_cut(weighed, longest)]
        self._slot, self.slots = _slots([[step for step, _ in part] for part in self._parts])

    def texts(self, most: int) -> Iterator[str]:
        """The modules that it consists of, each with at most so many functions."""
        writer = _Writer(self._program, self._slot)
        if len(self._parts) == 1:
            yield self._module([writer.part("run", self._parts[0])])
            return
        for start in range(0, len(self._parts), most):
            cut = enumerate(self._parts[start : start + most], start)
            yield self._module([writer.part(f"part{i}", part) for i, part in cut])
        yield "\n".join(_calls(len(self._parts)))

    def _module(self, defined: list[str]) -> str:
        return "\n".join([*self._templates.functions(), *defined, "!0 = !{}", ""])


def _calls(parts: int) -> Iterator[str]:
    """The function that calls all parts."""
    yield from (f"declare i32 @part{i}(ptr, ptr, ptr)" for i in range(parts))
    yield "define i32 @run(ptr %x, ptr %y, ptr %v) nounwind {"
    for i in range(parts):
        yield f"%r{i} = call i32 @part{i}(ptr %x, ptr %y, ptr %v)"
        yield f"%ok{i} = icmp slt i32 %r{i}, 0"
        yield f"br i1 %ok{i}, label %next{i}, label %failed{i}"
        yield f"failed{i}:"
        yield f"ret i32 %r{i}"
        yield f"next{i}:"
    yield from ("ret i32 -1", "}")


class _Template(NamedTuple):
    """The lines of an operation: `{0}`, `{1}` … are its operands, `{r}` the result's number."""

    lines: str
    result: str
    weight: int


_GUARD = _Template("", "", 2)
_Part = list[tuple[Step, _Template]]


class _Templates:
    """How each operation is written; those that branch, for each of their constants anew."""

    def __init__(self) -> None:
        self._known: dict[object, _Template] = {}
        self._called: dict[str, str] = {}  # functions of elsewhere, as they are declared
        self._defined: list[str] = []  # long operations

    def functions(self) -> list[str]:
        """The functions that the templates call."""
        return [*self._called.values(), *self._defined]

    def of(self, step: Step) -> _Template:
        """The template for the operation and its constants."""
        if isinstance(step, Guard):
            return _GUARD
        key: object = step.op
        if _branches(step.op):
            constants = [x if isinstance(x, float) else None for x in step.operands]
            key = (step.op, *map(repr, constants))  # which tells -0.0 from 0.0
        if key not in self._known:
            known = constants if key is not step.op else [None] * len(step.operands)
            self._known[key] = self._template(step.op, known)
        return self._known[key]

    def _template(self, op: Operation, constants: Sequence[float | None]) -> _Template:
        tree = op.tree(op.value)
        formula = Formula("t{r}.", self._called)
        letters: dict[str, Term] = {
            letter: f"{{{i}}}" if x is None else x
            for i, (letter, x) in enumerate(zip(op.operands, constants, strict=True))
        }
        result = formula.number(tree, letters)
        weight = len(formula.lines)
        if weight <= LONGEST_IN_PLACE:
            return _Template("\n".join(formula.lines), text(result), weight)
        name = f"op{len(self._defined)}"
        parameters = [x for x in letters.values() if isinstance(x, str)]
        self._defined.append(self._function(name, op, constants))
        operands = ", ".join(f"double {x}" for x in parameters)
        return _Template(f"%t{{r}} = call double @{name}({operands})", "%t{r}", 5)

    def _function(self, name: str, op: Operation, constants: Sequence[float | None]) -> str:
        formula = Formula("t", self._called)
        letters: dict[str, Term] = {
            letter: f"%{letter}" if x is None else x
            for letter, x in zip(op.operands, constants, strict=True)
        }
        y = formula.number(op.tree(op.value), letters)
        parameters = ", ".join(f"double {x}" for x in letters.values() if isinstance(x, str))
        head = f"define internal double @{name}({parameters}) {{"
        return "\n".join([head, *formula.lines, f"ret double {text(y)}", "}"])


class _Writer:
    """The parts of one program, in order."""

    def __init__(self, program: Program, slot: dict[int, int]) -> None:
        self._program = program
        self._slot = slot
        self._inputs = program.input_layout
        self._guards = 0
        outputs = program.output_layout
        self._places: dict[int, list[tuple[int, int]]] = {}  # of results among the outputs
        self._other_outputs: list[tuple[Operand, tuple[int, int]]] = []  # inputs and constants
        for i, x in enumerate(program.outputs):
            if isinstance(x, int) and x >= program.size:
                self._places.setdefault(x, []).append(outputs.place(i))
            elif x is not None:
                self._other_outputs.append((x, outputs.place(i)))

    def part(self, name: str, part: _Part) -> str:
        """A function of these steps; the first also gives out what is no result."""
        here = _Function(self._program.size, self._inputs, self._slot)
        lines, names = here.lines, here.names
        for x, place in self._other_outputs:
            here.output(here.operand(x), *place)
        self._other_outputs.clear()
        for step, template in part:
            operands = [
                names.get(x) or here.operand(x) if isinstance(x, int) else text(x)
                for x in step.operands
            ]
            if isinstance(step, Guard):
                lines += self._guard(step, operands)
                continue
            result = step.result
            lines.append(template.lines.format(*operands, r=result))
            y = names[result] = template.result.format(*operands, r=result)
            if result in self._slot:
                here.store(y, "%v", self._slot[result])
            for place in self._places.get(result, ()):
                here.output(y, *place)
        head = f"define i32 @{name}(ptr %x, ptr %y, ptr noalias %v) nounwind {{"
        return "\n".join([head, *lines, "ret i32 -1", "}"])

    def _guard(self, guard: Guard, operands: Sequence[str]) -> Iterator[str]:
        g, (left, right) = self._guards, operands
        self._guards += 1
        ways = (f"on{g}", f"off{g}") if guard.holds else (f"off{g}", f"on{g}")
        yield f"%g{g} = fcmp {_RELATION[guard.relation]} double {left}, {right}"
        yield f"br i1 %g{g}, label %{ways[0]}, label %{ways[1]}"
        yield f"off{g}:"
        yield f"ret i32 {g}"
        yield f"on{g}:"


class _Function:
    """The lines of a function, and what the numbers are called in it."""

    def __init__(self, inputs: int, places: Layout, slot: dict[int, int]) -> None:
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self._inputs = inputs
        self._places = places
        self._slot = slot
        self._buffers: dict[str, str] = {}

    def operand(self, x: Operand) -> str:
        """A number that is made elsewhere."""
        if isinstance(x, float):
            return text(x)
        if x not in self.names:
            if x < self._inputs:
                buffer, offset = self._places.place(x)
                pointer, constant = self._at(self._buffer("%x", buffer), offset), _UNCHANGED
            else:
                pointer, constant = self._at("%v", self._slot[x]), ""
            self.names[x] = self._line("v", f"load double, ptr {pointer}{constant}")
        return self.names[x]

    def output(self, y: str, buffer: int, offset: int) -> None:
        """Give a number out."""
        self.store(y, self._buffer("%y", buffer), offset)

    def store(self, y: str, array: str, offset: int) -> None:
        """Write a number."""
        self.lines.append(f"store double {y}, ptr {self._at(array, offset)}")

    def _buffer(self, table: str, i: int) -> str:
        key = f"{table}{i}"
        if key not in self._buffers:
            pointer = self._line("p", f"getelementptr ptr, ptr {table}, i64 {i}") if i else table
            self._buffers[key] = self._line("b", f"load ptr, ptr {pointer}{_UNCHANGED}")
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


_UNCHANGED = ", !invariant.load !0"  # nobody writes there while the program runs


@cache
def _branches(op: Operation) -> bool:
    """Whether constants decide what of the formula is computed."""
    if not isinstance(op.value, str):
        raise JitError(
            f"{op.name} was added as Python code, which backend 'llvm' cannot run; "
            f"backend 'python' can"
        )
    return any(isinstance(node, (ast.IfExp, ast.Pow)) for node in ast.walk(op.tree(op.value)))


_COPY = Operation("copy", ("x",), "x", ("1",), "x itself.")


@cache
def _step_of(op: Operation) -> Operation:
    """One step of an operation that folds."""
    return replace(op, folds=False)


def _unfolded(program: Program) -> Iterator[Step]:
    """The steps, those of any length written out."""
    following = max([program.size, *(step.result + 1 for step in program.instructions)])
    for step in program.steps:
        if isinstance(step, Guard) or not step.op.folds:
            yield step
            continue
        sum_so_far, *rest = step.operands
        count = len(rest) // (len(step.op.operands) - 1)
        op = _step_of(step.op)
        if not count:
            yield Instruction(step.result, _COPY, step.operands)
        for i in range(count):
            result = step.result if i == count - 1 else following
            yield Instruction(result, op, (sum_so_far, *rest[i::count]))
            sum_so_far = result
            following += 1


def _cut(steps: _Part, longest: int) -> Iterator[_Part]:
    """The steps in parts of at most so many lines; one part where there are no steps."""
    part: _Part = []
    weight = 0
    for step in steps:
        if part and weight + step[1].weight > longest:
            yield part
            part, weight = [], 0
        part.append(step)
        weight += step[1].weight
    yield part


def _slots(parts: Sequence[Sequence[Step]]) -> tuple[dict[int, int], int]:
    """The slot of each result that a later part uses, free again after the last; how many."""
    last: dict[int, int] = {}
    for i, part in enumerate(parts):
        last |= {x: i for step in part for x in step.operands if isinstance(x, int)}
    slot: dict[int, int] = {}
    ends: list[list[int]] = [[] for _ in parts]
    free: list[int] = []
    slots = 0
    for i, part in enumerate(parts):
        for step in part:
            if isinstance(step, Instruction) and last.get(step.result, i) > i:
                if free:
                    slot[step.result] = free.pop()
                else:
                    slot[step.result] = slots
                    slots += 1
                ends[last[step.result]].append(slot[step.result])
        free += reversed(ends[i])
    return slot, slots
