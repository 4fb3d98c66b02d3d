"""A program without batches whose code has loops: functions that run its parts in turn.

Numbers that other functions or other loops use wait in memory, those of a loop in an array.
"""

from collections.abc import Iterator, Sequence

from micrograd_gd.compiler.backends.llvm.expression import FAST_MATH
from micrograd_gd.compiler.backends.llvm.kinds import SCALAR, write_term
from micrograd_gd.compiler.backends.llvm.lines import Lines
from micrograd_gd.compiler.backends.llvm.memory import UNCHANGED
from micrograd_gd.compiler.backends.llvm.templates import Templates
from micrograd_gd.compiler.instructions import Guard, Statement
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
    is_output,
)
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.references import Nests
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
        self.weight = sum(map(self._weigh, nests.parts))
        self._groups = [*self._cut(nests.parts, longest)]
        self.places: dict[Array, int] = {}  # of arrays in memory
        self.scratch = 0
        for array in nests.find_arrays():
            self.places[array] = self.scratch
            self.scratch += array.size
        self.slots: dict[Node, int] = {}  # of numbers that other functions use
        for group in self._groups:
            here = {*_find_nodes(group)}
            for reference in _find_references(group):
                if isinstance(reference, Direct) and reference.node not in here:
                    self.slots.setdefault(reference.node, self.scratch + len(self.slots))
        self.scratch += len(self.slots)

    def write(self, most: int) -> Iterator[str]:
        """The modules, each with at most so many functions; the last one calls all functions."""
        names = [f"part{i}" for i in range(len(self._groups))]
        for start in range(0, len(names), most):
            parts = zip(
                names[start : start + most], self._groups[start : start + most], strict=True
            )
            defined = [_Function(self).write(*part) for part in parts]
            yield "\n".join(
                [*self._write_table(), *self.templates.write_functions(), *defined, _DATA]
            )
        yield "\n".join(_write_run(names))

    def _write_table(self) -> Iterator[str]:
        if table := self.nests.table:
            entries = ", ".join([f"double {write_term(x)}" for x in table])
            yield f"@table = private constant [{len(table)} x double] [{entries}]"

    def count_together(self, nest: Nest) -> int:
        """How many runs of a loop are written out, one after the other."""
        weight = self._weigh_run(nest)
        return nest.repeats if weight * nest.repeats <= SHORT else max(1, TOGETHER // weight)

    def _weigh(self, part: Part) -> int:
        if isinstance(part, Nest):
            together = self.count_together(part)
            runs = together if together == part.repeats else together + part.repeats % together
            return OVERHEAD + len(part.carried) + runs * self._weigh_run(part)
        if is_output(part):
            return 2
        return self.templates.find(part.step.statement, SCALAR).weight + len(part.stores)

    def _weigh_run(self, nest: Nest) -> int:
        return sum(map(self._weigh, nest.body))

    def _cut(self, parts: Sequence[Part], longest: int) -> Iterator[list[Part]]:
        """The parts in groups of at most so many lines, or one part."""
        group: list[Part] = []
        weight = 0
        for part in parts:
            more = self._weigh(part)
            if group and weight + more > longest:
                yield group
                group, weight = [], 0
            group.append(part)
            weight += more
        yield group


_DATA = '!0 = !{}\n!1 = !{!"branch_weights", i32 1, i32 1000}\n'


def _write_run(names: Sequence[str]) -> Iterator[str]:
    """The lines of the function that calls the others."""
    yield from (f"declare i32 @{name}(ptr, ptr, ptr)" for name in names)
    yield "define i32 @run(ptr %x, ptr %y, ptr %v) nounwind {"
    for name in names:
        yield f"%{name} = call i32 @{name}(ptr %x, ptr %y, ptr %v)"
        yield f"%{name}.ok = icmp slt i32 %{name}, 0"
        yield f"br i1 %{name}.ok, label %{name}.next, label %{name}.failed"
        yield f"{name}.failed:"
        yield f"ret i32 %{name}"
        yield f"{name}.next:"
    yield from ("ret i32 -1", "}", "")


def _find_nodes(parts: Sequence[Part]) -> Iterator[Node]:
    for part in parts:
        if isinstance(part, Nest):
            yield from part.find_nodes()
        else:
            yield part


def _find_references(parts: Sequence[Part]) -> Iterator[Reference]:
    """All operands, and what loops begin with."""
    for part in parts:
        if isinstance(part, Nest):
            yield from (each.start for each in part.carried.values())
            yield from _find_references(part.body)
        else:
            yield from part.operands


class _Function(Lines):
    """The lines of one function."""

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
                    for node in part.find_nodes():
                        self._keep_for_others(node)
            else:
                self._write_node(part, part.step.statement)

    def _write_loop(self, nest: Nest) -> None:
        """A loop, several runs of it at once; all of them where they are short."""
        for carried in nest.carried.values():
            self._names[carried] = self._read(carried.start)
        together = self._writer.count_together(nest)
        rounds = nest.repeats // together if together < nest.repeats else 0
        if rounds:
            self._write_rounds(nest, rounds, together)
        for i in range(rounds * together, nest.repeats):
            self._write_run(nest, "", i)
        for node, store in nest.stores:
            self._store(self._names[node], store)

    def _write_rounds(self, nest: Nest, rounds: int, together: int) -> None:
        """The loop itself, which has more than one round."""
        n = len(self.lines)
        starts = [self._names[each] for each in nest.carried.values()]
        self.lines += [f"br label %pre{n}", f"pre{n}:", f"br label %loop{n}", f"loop{n}:"]
        self.lines.append(f"%i{n} = phi i64 [ 0, %pre{n} ], [ %next{n}, %latch{n} ]")
        place = len(self.lines)
        for i, carried in enumerate(nest.carried.values()):
            self._names[carried] = f"%before{n}.{i}"
            self.lines.append("")  # until it is known what comes from the round before
        for i in range(together):
            self._write_run(nest, f"%i{n}", i)
        self.lines += [f"br label %latch{n}", f"latch{n}:"]
        self.lines.append(f"%next{n} = add nuw nsw i64 %i{n}, {together}")
        for i, (carried, start) in enumerate(zip(nest.carried.values(), starts, strict=True)):
            ways = f"[ {start}, %pre{n} ], [ {self._names[carried]}, %latch{n} ]"
            self.lines[place + i] = f"%before{n}.{i} = phi double {ways}"
        self.lines.append(f"%more{n} = icmp ult i64 %next{n}, {rounds * together}")
        self.lines.append(f"br i1 %more{n}, label %loop{n}, label %done{n}")
        self.lines.append(f"done{n}:")

    def _write_run(self, nest: Nest, counter: str, further: int) -> None:
        """One run of a loop: so many behind the one that is counted."""
        self._counters.append((counter, further))
        self._sums.append({})
        self._write_parts(nest.body)
        self._sums.pop()
        self._counters.pop()
        now = [self._names[node] for node in nest.carried]
        for carried, y in zip(nest.carried.values(), now, strict=True):
            self._names[carried] = y

    def _write_node(self, node: Node, statement: Statement) -> None:
        operands = [*map(self._read, node.operands)]
        if isinstance(statement, Guard):
            self._write_guard(node, statement, operands)
        elif is_output(node):
            buffer, offset = self._program.output_layout.locate(~node.number)
            place = Affine(offset, tuple([-by for by in node.step.strides[0]]))
            self._write_number(operands[0], self._point(self.load_buffer("%y", buffer), place))
        else:
            template = self._writer.templates.find(statement, SCALAR)
            letter = f"n{len(self.lines)}"
            self.lines.append(template.lines.format(*operands, r=letter))
            self._names[node] = template.result.format(*operands, r=letter)
            for store in node.stores:
                self._store(self._names[node], store)
            if not node.nests:
                self._keep_for_others(node)

    def _write_guard(self, node: Node, guard: Guard, operands: Sequence[str]) -> None:
        n, (left, right) = len(self.lines), operands
        ways = (f"on{n}", f"off{n}") if guard.holds else (f"off{n}", f"on{n}")
        relation = BY_SIGN[guard.relation].predicate
        self.lines.append(f"%g{n} = fcmp {relation} double {left}, {right}")
        self.lines.append(f"br i1 %g{n}, label %{ways[0]}, label %{ways[1]}")
        self.lines.append(f"off{n}:")
        place = Affine(node.number, tuple([nest.guards for nest in node.nests]))
        start, by = self._add_up(place)
        whole = self.emit("w", f"add i64 {by or 0}, {start}")
        self.lines.append(f"ret i32 {self.emit('w', f'trunc i64 {whole} to i32')}")
        self.lines.append(f"on{n}:")

    def _read(self, reference: Reference) -> str:
        """An operand."""
        match reference:
            case Constant(x):
                return write_term(x)
            case Entry(place):
                return self._load(self._point("@table", place))
            case Given(number):
                buffer, offset = self._program.input_layout.locate(number.start)
                array = self.load_buffer("%x", buffer)
                return self._load(self._point(array, number._replace(start=offset)), UNCHANGED)
            case Direct(node):
                return self._names.get(node) or self._load_number(node)
            case Carried():
                return self._names[reference]
            case Element(array, _):
                return self._load(self._point("%v", self._find_place(reference, array)))

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

    def _load(self, pointer: str, how: str = "") -> str:
        return self.emit("v", f"load double, ptr {pointer}{how}")

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
        terms = tuple([(factor, counter) for factor, (counter, _) in pairs if factor and counter])
        if terms not in self._sums[-1]:
            text = ""
            for factor, counter in terms:
                by = self.emit("w", f"mul nsw i64 {counter}, {factor}") if factor != 1 else counter
                text = self.emit("w", f"add nsw i64 {text}, {by}") if text else by
            self._sums[-1][terms] = text
        return start, self._sums[-1][terms]
