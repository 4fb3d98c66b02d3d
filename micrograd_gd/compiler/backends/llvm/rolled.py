"""A program without batches whose code has loops: functions that run its parts in turn.

Numbers that other functions or other loops use wait in memory, those of a loop in an array.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import mul
from typing import Any

from micrograd_gd.compiler.backends.llvm.calls import write_plain_run
from micrograd_gd.compiler.backends.llvm.expression import FAST_MATH
from micrograd_gd.compiler.backends.llvm.kinds import SCALAR, write_term
from micrograd_gd.compiler.backends.llvm.lines import DATA, UNCHANGED, Lines, cut
from micrograd_gd.compiler.backends.llvm.templates import Template, Templates
from micrograd_gd.compiler.instructions import Guard, Instruction, Statement
from micrograd_gd.compiler.nests import (
    Affine,
    Array,
    Carried,
    Constant,
    Direct,
    Element,
    Entry,
    Given,
    Nest,
    Node,
    Part,
    Reference,
    find_nodes,
    find_references,
    is_output,
)
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.references import Nests, UnresolvedError
from micrograd_gd.table.relations import BY_SIGN

OVERHEAD = 6  # lines of a loop, beside its body

# Lines of a loop that is written out, and of several runs of one that is longer.
SHORT, TOGETHER = 128, 64


class RolledWriter:
    """The text of a program in loops, in functions of about `longest` lines at most."""

    def __init__(self, program: Program, nests: Nests, longest: int) -> None:
        self.kept: list[int] = []
        self.templates = Templates(FAST_MATH if program.fast_math else "")
        self.program = program
        self.nests = nests
        self.places: dict[Array, int] = {}  # of arrays in memory
        self.slots: dict[Node, int] = {}  # of numbers that other functions use
        self.scratch = 0  # numbers
        self._plan(longest)

    def _plan(self, longest: int) -> None:
        """Cut the program into functions, and find a place for what waits."""
        self.weight = sum(map(self.weigh, self.nests.parts))
        self._groups = [*self._cut(self.nests.parts, longest)]
        self._give_places(self.nests.find_arrays())
        self._give_slots(self._groups)

    def _give_places(self, arrays: Iterable[Array]) -> None:
        for array in arrays:
            self.places[array] = self.scratch
            self.scratch += array.size

    def _give_slots(self, groups: Iterable[Sequence[Part]]) -> None:
        for group in groups:
            here = {*find_nodes(group)}
            for reference in find_references(group):
                if isinstance(reference, Direct):
                    node = reference.node
                    if node not in here and node not in self.slots:
                        self.slots[node] = self.scratch
                        self.scratch += 1

    def write(self, most: int) -> Iterator[str]:
        """The modules, each with at most so many functions; the last one calls all functions."""
        names = [f"part{i}" for i in range(len(self._groups))]
        for start in range(0, len(names), most):
            parts = zip(
                names[start : start + most], self._groups[start : start + most], strict=True
            )
            defined = [Function(self).write(*part) for part in parts]
            yield "\n".join(
                [*self.write_table(), *self.templates.write_functions(), *defined, DATA]
            )
        yield "\n".join(write_plain_run(names))

    def write_table(self) -> Iterator[str]:
        """The constants that loops read."""
        if table := self.nests.table:
            entries = ", ".join([f"double {write_term(x)}" for x in table])
            yield f"@table = private constant [{len(table)} x double] [{entries}]"

    def count_together(self, nest: Nest) -> int:
        """How many runs of a loop are written out, one after the other."""
        weight = self._weigh_run(nest)
        return nest.repeats if weight * nest.repeats <= SHORT else max(1, TOGETHER // weight)

    def weigh(self, part: Part) -> int:
        """How many lines it takes, roughly."""
        if isinstance(part, Nest):
            together = self.count_together(part)
            runs = together if together == part.repeats else together + part.repeats % together
            return OVERHEAD + len(part.carried) + runs * self._weigh_run(part)
        if is_output(part):
            return 2
        return self.templates.find(part.step.statement, SCALAR).weight + len(part.stores)

    def _weigh_run(self, nest: Nest) -> int:
        return sum(map(self.weigh, nest.body))

    def _cut(self, parts: Sequence[Part], longest: int) -> Iterator[list[Part]]:
        """The parts in groups of at most so many lines, or one part."""
        return cut(zip(parts, map(self.weigh, parts), strict=True), longest)


class Function(Lines):
    """The lines of one function."""

    kind = SCALAR
    _shifts: Sequence[int] = ()  # further runs, of a copy that is written beside others

    def __init__(self, writer: RolledWriter) -> None:
        super().__init__()
        self._writer = writer
        self._program = writer.program
        self._names: dict[Node | Carried, str] = {}
        self._sums: list[dict[object, str]] = [{}]  # of counters, in each of the loops
        self._counters: list[tuple[str, int]] = []  # of the loops around, and how many more

    def write(self, name: str, parts: Sequence[Part]) -> str:
        """The function that runs these parts."""
        self._write_parts(parts)
        head = f"define i32 @{name}(ptr %x, ptr noalias %y, ptr noalias %v) nounwind {{"
        return "\n".join([head, *self.entry, *self.lines, "ret i32 -1", "}"])

    def _write_parts(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if isinstance(part, Nest):
                self._write_loop(part)
                if not part.outer:
                    for node in find_nodes([part]):
                        self._keep_for_others(node)
            else:
                self._write_node(part, part.step.statement)

    def _each_copy(self) -> Iterator[dict[Any, str]]:
        """The names of each copy of what is written; there is one here."""
        yield self._names

    def _write_loop(self, nest: Nest) -> None:
        """A loop, several runs of it at once; all of them where they are short."""
        for names in self._each_copy():
            for carried in nest.carried.values():
                names[carried] = self._read(carried.start)
        together = self._count_together(nest)
        rounds = nest.repeats // together if together < nest.repeats else 0
        if rounds:
            self._write_rounds(nest, rounds, together)
        for i in range(rounds * together, nest.repeats):
            self._write_run(nest, "", i)
        for names in self._each_copy():
            for node, store in nest.stores:
                self._store(names[node], store)

    def _count_together(self, nest: Nest) -> int:
        return self._writer.count_together(nest)

    def _write_rounds(self, nest: Nest, rounds: int, together: int, step: int = 0) -> None:
        """The loop itself, which has more than one round; `step` runs of it are copies."""
        n = len(self.lines)
        carried = [(names, each) for names in self._each_copy() for each in nest.carried.values()]
        starts = [names[each] for names, each in carried]
        self.lines += [f"br label %pre{n}", f"pre{n}:", f"br label %loop{n}", f"loop{n}:"]
        self.lines.append(f"%i{n} = phi i64 [ 0, %pre{n} ], [ %next{n}, %latch{n} ]")
        place = len(self.lines)
        for i, (names, each) in enumerate(carried):
            names[each] = f"%before{n}.{i}"
            self.lines.append("")  # until it is known what comes from the round before
        for i in range(together):
            self._write_run(nest, f"%i{n}", i)
        self.lines += [f"br label %latch{n}", f"latch{n}:"]
        self.lines.append(f"%next{n} = add nuw nsw i64 %i{n}, {step or together}")
        for i, ((names, each), start) in enumerate(zip(carried, starts, strict=True)):
            ways = f"[ {start}, %pre{n} ], [ {names[each]}, %latch{n} ]"
            self.lines[place + i] = f"%before{n}.{i} = phi {self.kind.number} {ways}"
        self.lines.append(f"%more{n} = icmp ult i64 %next{n}, {rounds * (step or together)}")
        self.lines.append(f"br i1 %more{n}, label %loop{n}, label %done{n}")
        self.lines.append(f"done{n}:")

    def _write_run(self, nest: Nest, counter: str, further: int) -> None:
        """One run of a loop: so many behind the one that is counted."""
        self._counters.append((counter, further))
        self._sums.append({})
        self._write_parts(nest.body)
        self._sums.pop()
        self._counters.pop()
        for names in self._each_copy():
            now = [names[node] for node in nest.carried]
            names.update(zip(nest.carried.values(), now, strict=True))

    def _write_node(self, node: Node, statement: Statement) -> None:
        for names in self._each_copy():
            operands = self._read_operands(node)
            if isinstance(statement, Guard):
                self._write_guard(node, statement, operands)
            elif is_output(node):
                self._write_output(node, operands[0])
            else:
                names[node] = self._compute(node, statement, operands)
                for store in node.stores:
                    self._store(names[node], store)
                if not node.nests:
                    self._keep_for_others(node)

    def _read_operands(self, node: Node) -> list[str]:
        return [*map(self._read, node.operands)]

    def _write_output(self, node: Node, y: str) -> None:
        buffer, place = self._find_output(node)
        self._write_number(y, self._point(self.load_buffer("%y", buffer), place))

    def _find_output(self, node: Node) -> tuple[int, Affine]:
        """The buffer of an output, and its place there."""
        buffer, offset = self._program.output_layout.locate(~node.number)
        return buffer, Affine(offset, tuple([-by for by in node.step.strides[0]]))

    def _compute(self, node: Node, statement: Instruction, operands: Sequence[str]) -> str:  # noqa: ARG002 — of those that inherit
        """What the result is called."""
        return self._apply(self._writer.templates.find(statement, self.kind), operands)

    def _apply(self, template: Template, operands: Sequence[str]) -> str:
        letter = f"n{len(self.lines)}"
        self.lines.append(template.lines.format(*operands, r=letter))
        return template.result.format(*operands, r=letter)

    def _write_guard(self, node: Node, guard: Guard, operands: Sequence[str]) -> None:
        n, (left, right) = len(self.lines), operands
        ways = (f"on{n}", f"off{n}") if guard.holds else (f"off{n}", f"on{n}")
        relation = BY_SIGN[guard.relation].predicate
        self.lines.append(f"%g{n} = fcmp {relation} double {left}, {right}")
        self.lines.append(f"br i1 %g{n}, label %{ways[0]}, label %{ways[1]}")
        self.lines.append(f"off{n}:")
        self._sums.append({})  # what is added up here is not known where the guard holds
        place = Affine(node.number, tuple([nest.guards for nest in node.nests]))
        start, by = self._add_up(place)
        whole = self.emit("w", f"add i64 {by or 0}, {start}")
        self.lines.append(f"ret i32 {self.emit('w', f'trunc i64 {whole} to i32')}")
        self._sums.pop()
        self.lines.append(f"on{n}:")

    def _read(self, reference: Reference) -> str:
        """An operand."""
        match reference:
            case Constant(x):
                return write_term(x)
            case Entry(place):
                return self._load_at("@table", place)
            case Given(number):
                buffer, offset = self._program.input_layout.locate(number.start)
                array = self.load_buffer("%x", buffer)
                return self._load_at(array, number._replace(start=offset), UNCHANGED)
            case Direct(node):
                return self._names.get(node) or self._load_number(node)
            case Carried():
                return self._names[reference]
            case Element(array, _):
                return self._load_at("%v", self._find_place(reference, array))
            case _:
                raise UnresolvedError  # accumulators are in what is to be read

    def _load_number(self, node: Node) -> str:
        """A number that another function left in memory."""
        n = len(self.entry)
        offset = self._writer.slots[node]
        self.entry.append(f"%p.e{n} = getelementptr inbounds double, ptr %v, i64 {offset}")
        self.entry.append(f"%e{n} = load double, ptr %p.e{n}")
        self._names[node] = f"%e{n}"
        return f"%e{n}"

    def _keep_for_others(self, node: Node) -> None:
        if node in self._writer.slots:
            self._write_number(self._names[node], self.offset("%v", self._writer.slots[node]))

    def _find_place(self, element: Element, array: Array) -> Affine:
        place = array.locate(element.places)
        return place._replace(start=place.start + self._writer.places[array])

    def _store(self, y: str, element: Element) -> None:
        self._write_number(y, self._point("%v", self._find_place(element, element.array)))

    def _write_number(self, y: str, pointer: str) -> None:
        self.lines.append(f"store double {y}, ptr {pointer}")

    def _load_at(self, array: str, place: Affine, how: str = "") -> str:
        return self.emit("v", f"load double, ptr {self._point(array, place)}{how}")

    def _point(self, array: str, place: Affine) -> str:
        """The pointer to a number of an array."""
        offset, by = self._add_up(place)
        start = self.offset(array, offset)
        if not by:
            return start
        return self.emit("p", f"getelementptr inbounds double, ptr {start}, i64 {by}")

    def _add_up(self, place: Affine) -> tuple[int, str]:
        """A place as a number and a sum of the loops' counters; that is empty for none."""
        pairs = [*zip(place.factors, self._counters, strict=False)]
        start = place.start + sum([factor * further for factor, (_, further) in pairs])
        start += sum(map(mul, place.factors, self._shifts))
        terms = tuple([(factor, counter) for factor, (counter, _) in pairs if factor and counter])
        if terms not in self._sums[-1]:
            text = ""
            for factor, counter in terms:
                by = self.emit("w", f"mul nsw i64 {counter}, {factor}") if factor != 1 else counter
                text = self.emit("w", f"add nsw i64 {text}, {by}") if text else by
            self._sums[-1][terms] = text
        return start, self._sums[-1][terms]
