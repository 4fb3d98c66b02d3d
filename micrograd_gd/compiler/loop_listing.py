"""A program in loops as text: Python, as far as it goes.

A result that other loops use is also an entry of an array, `a5` for that of `v5`.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import mul, sub

from micrograd_gd.compiler.accumulators import Sums
from micrograd_gd.compiler.instructions import Guard, Instruction, Statement
from micrograd_gd.compiler.lanes import Lanes, is_reduction
from micrograd_gd.compiler.loop_text import Line, LoopText, join_loop
from micrograd_gd.compiler.loops import Reading
from micrograd_gd.compiler.nests import (
    START,
    Affine,
    Array,
    Nest,
    Node,
    Part,
    find_nodes,
    is_output,
)
from micrograd_gd.table import expression
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.text import escape

MOST_ENTRIES = 6  # of a table of constants
LONGEST_LINE = 100  # characters

_INDEXES = re.compile(r"(?<=\[)(?:i, )?[\d, ]+(?=\])")  # the numbers in the name of an input


def name_length(axis: int) -> str:
    """The name of an open length."""
    return f"n{axis + 1}" if axis else "n"


def _write_samples(lanes: int) -> str:
    return f"for i in range({name_length(-1 - lanes)})"


def write_line(statement: Statement, result: str, operands: Sequence[ast.expr]) -> str:
    """The line of a statement."""
    if isinstance(statement, Guard):
        left, right = map(ast.unparse, operands)
        return f"guard {'' if statement.holds else 'not '}{left} {statement.relation} {right}"
    return f"{result} = {ast.unparse(apply(statement, operands))}"


def apply(instruction: Instruction, operands: Sequence[ast.expr]) -> ast.expr:
    """An operation on operands, as Python writes it."""
    op = instruction.op
    if isinstance(op, Lanes) and op.kind == "shift":
        return ast.Name(_write_shifted(*map(ast.unparse, operands)))
    if isinstance(op, Lanes) and op.kind == "pack":  # the first lane and the last tell enough
        operands = [operands[0], ast.Name("…"), operands[-1]]
    if OPERATIONS.get(op.name, op).folds and not op.folds:  # one term of it
        letters = dict(zip(op.operands, operands, strict=True))
        return expression.substitute(op.tree(op.value), letters)
    return op.write_call(operands)


def _write_shifted(column: str, by: str) -> str:
    """A column of an array, so many rows further on."""
    array, _, rest = column.rpartition("[i")
    if not array:  # one of several in turn, that have no name together
        return f"shift({column}, {by})"
    sign, by = "-" if by.startswith("-") else "+", by.removeprefix("-").removesuffix(".0")
    return f"{array}[i{rest}" if by == "0" else f"{array}[i {sign} {by}{rest}"


def write_lines(lines: Iterable[Line]) -> Iterator[str]:
    """Lines, of which those of a batch with an open length are in a loop over the samples."""
    before = 0
    for lanes, text in lines:
        if lanes and lanes != before:
            yield f"{_write_samples(lanes)}:"
        yield f"    {text}" if lanes else text
        before = lanes


class LoopListing(LoopText):
    """The lines of a program in loops."""

    def __init__(self, reading: Reading, names: dict[int, str]) -> None:
        self._lanes = {x: n for x, n in reading.lanes.items() if n < 0}
        self._names = names  # of the inputs
        self._numbers = {name: number for number, name in names.items()}
        self._labels = reading.labels
        super().__init__(reading, "jkl" if self._lanes else "ijk")
        taken = {name.partition("[")[0] for name in names.values()}
        for sums in chain.from_iterable(reading.accumulators.by_part.values()):
            sums.name += "_" * (sums.name in taken)

    def write_program(self) -> Iterator[str]:
        """All lines."""
        if table := self.nests.table:
            first = [repr(x) for x in table[:MOST_ENTRIES]]
            more = ["…", repr(table[-1])] if len(table) > MOST_ENTRIES else []
            yield f"c = {', '.join([*first, *more])}"
        parts = self.nests.parts
        count = next((i for i, part in enumerate(parts) if _gives_out(part)), len(parts))
        yield from write_lines(self.write_parts(parts[:count]))
        outputs = [*map(self._write_outputs, parts[count:])]
        line = f"return {', '.join(outputs)}"
        if len(line) <= LONGEST_LINE or len(outputs) < 2:
            yield line
        else:
            rows = [""]
            for each in outputs:
                if len(rows[-1]) + len(each) > LONGEST_LINE - 8:
                    rows.append("")
                rows[-1] += f" {each},"
            yield from ("return (", *[f"   {row}" for row in rows if row], ")")

    def may_wait(self, node: Node, user: Node) -> bool:
        """Whether the result may be written where this user has it."""
        op = getattr(user.step.statement, "op", None)
        is_beside = not isinstance(op, Lanes) and self.find_lanes(node) == self.find_lanes(user)
        return (is_beside or is_output(user) or is_reduction(op)) and (
            node.number not in self._labels
        )

    def find_lanes(self, node: Node) -> int:
        """The samples over which the statement of a node runs; 0 if it runs once."""
        return self._lanes.get(node.number, 0) if not isinstance(node.step.statement, Guard) else 0

    def apply(self, node: Node, operands: Sequence[ast.expr]) -> ast.expr:
        """The operation of a node on operands."""
        statement = node.step.statement
        assert isinstance(statement, Instruction)  # noqa: S101 — for the types
        op = statement.op
        if op is START:
            return operands[0]
        if isinstance(op, Lanes) and is_reduction(op) and not isinstance(operands[0], ast.Name):
            text = f"{self.unparse(operands[0])} {_write_samples(op.lanes)}"
            operands = [ast.Name(text)]
        return apply(statement, operands)

    def write_assignment(self, node: Node, text: str) -> str:  # noqa: ARG002 — the same for all
        """The statement in which an expression is assigned to the result of a node."""
        return text

    def write_guard(self, node: Node, left: str, right: str) -> str:
        """The statement that checks a guard."""
        return write_line(node.step.statement, "", [ast.Name(left), ast.Name(right)])

    def write_start(self, sums: Sums) -> Iterator[Line]:
        """The statement that starts accumulators."""
        if sums.start:
            start = self.write(sums.start, sums.nests)
            text = start if sums.size == 1 else f"[{start}] * {sums.size}"
            yield Line(self._lanes.get(min(sums.places), 0), f"{sums.name} = {text}")

    def write_loop(self, nest: Nest) -> Iterator[Line]:
        """A loop."""
        for node, carried in nest.carried.items():
            name, start = self.write(carried), self.read(carried.start, nest.outer)
            if name != (text := self.unparse(start)):
                yield from self.settle({name})
                yield Line(self.find_lanes(node), f"{name} = {text}")
        yield from self.settle_before(nest)
        lanes = {self.find_lanes(node) for node in find_nodes([nest])}
        around = lanes.pop() if len(lanes) == 1 else 0
        head = f"for {self.name_counter(len(nest.outer))} in range({nest.repeats}):"
        body = self._write_body(nest)
        inner = [line.text for line in body] if around else [*write_lines(body)]
        yield from (Line(around, text) for text in join_loop(head, inner))
        for node, store in nest.stores:
            yield Line(self.find_lanes(node), f"{self.write(store)} = {self.name(node)}")

    def _write_body(self, nest: Nest) -> Iterator[Line]:
        yield from self.write_parts(nest.body)
        for node, carried in nest.carried.items():
            if not node.is_updated:
                yield Line(self.find_lanes(node), f"{self.write(carried)} = {self.name(node)}")

    def _write_outputs(self, part: Part) -> str:
        if isinstance(part, Node):
            text = self.unparse(self.read(part.operands[0], part.nests))
            return text + self._labels[part.number]
        inner = [*map(self._write_outputs, part.body)]
        text = inner[0] if len(inner) == 1 else f"({', '.join(inner)})"
        return f"*({text} for {self.name_counter(len(part.outer))} in range({part.repeats}))"

    def write_element(self, array: Array, places: Sequence[Affine]) -> str:
        """The indexes of an entry of an array."""
        return ", ".join(map(self.write_place, array.find_indexes(places)))

    def name(self, node: Node) -> str:
        """The name of a result: its label, if it has one."""
        label = self._labels.get(node.number)
        return escape(label) if label else super().name(node)

    def write_given(self, number: Affine, nests: Sequence[Nest]) -> str:
        """An input, whose indexes move with the loops."""
        first = self._names[number.start]
        if not any(number.factors):
            return first
        starts = _read_indexes(first)
        ends = [nest.repeats - 1 for nest in nests]
        steps = [self._find_steps(number.start, factor) for factor in number.factors]
        last = number.start + sum(map(mul, number.factors, ends))
        ways = zip(starts, *steps, strict=True) if all(map(len, steps)) else ()
        places = [Affine(start, tuple(by)) for start, *by in ways]
        found = [place.start + sum(map(mul, place.factors, ends)) for place in places]
        if places and self._names[last] == _write_indexes(first, map(str, found)):
            return _write_indexes(first, map(self.write_place, places))
        array, _, indexes = first.rpartition("[")
        origin = self._numbers.get(f"{array}[{re.sub('[0-9]+', '0', indexes)}", -1)
        if self._names[last].rpartition("[")[0] != array or origin < 0:
            return f"inputs[{self.write_place(number)}]"
        return f"{array}.flat[{self.write_place(number._replace(start=number.start - origin))}]"

    def _find_steps(self, number: int, by: int) -> list[int]:
        """What the indexes of an input move by; nothing where it is another one then."""
        first, second = self._names[number], self._names.get(number + by, "")
        if _INDEXES.sub("", first) != _INDEXES.sub("", second):
            return []
        return [*map(sub, _read_indexes(second), _read_indexes(first))]


def _read_indexes(name: str) -> list[int]:
    return [int(x) for text in _INDEXES.findall(name) for x in re.findall(r"\d+", text)]


def _write_indexes(name: str, indexes: Iterable[str]) -> str:
    """The name with other indexes."""
    texts = iter(indexes)
    return _INDEXES.sub(lambda match: re.sub(r"\d+", lambda _: next(texts), match[0]), name)


def _gives_out(part: Part) -> bool:
    return _gives_out(part.body[0]) if isinstance(part, Nest) else is_output(part)
