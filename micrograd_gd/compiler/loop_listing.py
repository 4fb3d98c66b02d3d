"""A program in loops as text: Python, as far as it goes.

A result that other loops use is also an entry of an array, `a5` for that of `v5`.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from operator import mul, sub

from micrograd_gd.compiler.instructions import Guard, Statement
from micrograd_gd.compiler.lanes import Lanes
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
    write_affine,
)
from micrograd_gd.compiler.references import Nests
from micrograd_gd.table import expression
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.text import escape

MOST_ENTRIES = 6  # of a table of constants

_INDEXES = re.compile(r"(?<=\[)[\d, ]+(?=\])")  # the numbers in the name of an input


def name_length(axis: int) -> str:
    """The name of an open length."""
    return f"n{axis + 1}" if axis else "n"


def write_loop_over_samples(lanes: int) -> str:
    """The line of a loop over the samples of a batch with an open length."""
    return f"for i in range({name_length(-1 - lanes)}):"


def write_line(statement: Statement, result: str, operands: Sequence[str]) -> str:
    """The line of a statement."""
    if isinstance(statement, Guard):
        left, right = operands
        return f"guard {'' if statement.holds else 'not '}{left} {statement.relation} {right}"
    operands = [*operands]
    if isinstance(statement.op, Lanes) and statement.op.kind == "pack":
        operands[1:-1] = ["…"]  # the first lane and the last tell enough
    op, given = statement.op, [*map(ast.Name, operands)]
    if OPERATIONS.get(op.name, op).folds and not op.folds:  # one term of it
        letters = dict(zip(op.operands, given, strict=True))
        return f"{result} = {ast.unparse(expression.substitute(op.tree(op.value), letters))}"
    return f"{result} = {ast.unparse(op.write_call(given))}"


class LoopListing:
    """The lines of a program in loops."""

    def __init__(
        self,
        nests: Nests,
        names: dict[int, str],
        labels: dict[int, str],
        lanes: dict[int, int],
    ) -> None:
        self._lanes = lanes
        self._nests = nests
        self._names = names  # of the inputs
        self._numbers = {name: number for number, name in names.items()}
        self._labels = labels
        self._counters = "jkl" if min(lanes.values(), default=0) < 0 else "ijk"
        self._arrays: dict[Array, str] = {}
        for node, array in nests.arrays.items():
            self._arrays[array] = f"a{node.number}"
        if nests.scattered:
            self._arrays[nests.scattered] = "a"
        self._used = {*self._find_used(nests.parts)}

    def write(self) -> Iterator[str]:
        """All lines."""
        if table := self._nests.table:
            first = [repr(x) for x in table[:MOST_ENTRIES]]
            more = ["…", repr(table[-1])] if len(table) > MOST_ENTRIES else []
            yield f"c = {', '.join([*first, *more])}"
        parts = self._nests.parts
        count = next((i for i, part in enumerate(parts) if _gives_out(part)), len(parts))
        yield from self._write_parts(parts[:count])
        yield f"return {', '.join(map(self._write_output, parts[count:]))}"

    def _find_used(self, parts: Sequence[Part]) -> Iterator[Node]:
        """The nodes whose results are used as they are, and not only as entries of arrays."""
        for part in parts:
            if isinstance(part, Node):
                yield from (each.node for each in part.operands if isinstance(each, Direct))
                continue
            for carried in part.carried.values():
                yield carried.node
                if isinstance(carried.start, Direct):
                    yield carried.start.node
            yield from (node for node, _ in part.stores)
            yield from self._find_used(part.body)

    def _find_loop(self, part: Part) -> int:
        """The samples over which a loop is, around all of a part; 0 for none."""
        if isinstance(part, Nest):
            found = {self._find_loop(each) for each in part.body}
            return found.pop() if len(found) == 1 else 0
        if isinstance(part.step.statement, Guard) or is_output(part):
            return 0
        return min(self._lanes.get(part.number, 0), 0)

    def _write_parts(self, parts: Sequence[Part], *, in_samples: bool = False) -> Iterator[str]:
        before = 0
        for part in parts:
            lanes = 0 if in_samples else self._find_loop(part)
            if lanes and lanes != before:
                yield write_loop_over_samples(lanes)
            for line in self._write_part(part, in_samples=in_samples or lanes != 0):
                yield f"    {line}" if lanes else line
            before = lanes

    def _write_part(self, part: Part, *, in_samples: bool) -> Iterator[str]:
        if isinstance(part, Node):
            yield from self._write_node(part, part.step.statement)
            return
        for carried in part.carried.values():
            name, start = self._write(carried), self._write(carried.start, part.outer)
            if name != start:
                yield f"{name} = {start}"
        yield f"for {self._name_counter(len(part.outer))} in range({part.repeats}):"
        for line in self._write_parts(part.body, in_samples=in_samples):
            yield f"    {line}"
        for node, carried in part.carried.items():
            if not node.is_updated:
                yield f"    {self._write(carried)} = {self._name(node)}"
        for node, store in part.stores:
            yield f"{self._write(store)} = {self._name(node)}"

    def _write_node(self, node: Node, statement: Statement) -> Iterator[str]:
        results = [self._write(store) for store in node.stores]
        if not results or node in self._used:
            results = [self._name(node), *results]
        operands = [self._write(each, node.nests) for each in node.operands]
        yield write_line(statement, " = ".join(results), operands)

    def _write_output(self, part: Part) -> str:
        if isinstance(part, Node):
            return self._write(part.operands[0], part.nests) + self._labels[part.number]
        inner = [*map(self._write_output, part.body)]
        text = inner[0] if len(inner) == 1 else f"({', '.join(inner)})"
        return f"*({text} for {self._name_counter(len(part.outer))} in range({part.repeats}))"

    def _write(self, reference: Reference, nests: Sequence[Nest] = ()) -> str:
        """An operand inside of these loops."""
        match reference:
            case Constant(x):
                return repr(x)
            case Entry(place):
                return f"c[{self._write_place(place)}]"
            case Given(number):
                return self._write_given(number, nests)
            case Direct(node):
                return self._name(node)
            case Carried(node, nest):
                i = self._name_counter(len(nest.outer))
                return self._name(node) if node.is_updated else f"{i}_{self._name(node)}"
            case Element(array, places):
                indexes = map(self._write_place, array.find_indexes(places))
                return f"{self._arrays[array]}[{', '.join(indexes)}]"

    def _name(self, node: Node) -> str:
        label = self._labels.get(node.number)
        return escape(label) if label else f"v{node.number}"

    def _name_counter(self, depth: int) -> str:
        return self._counters[depth] if depth < len(self._counters) else f"i{depth}"

    def _write_place(self, place: Affine) -> str:
        return write_affine(place, self._name_counter)

    def _write_given(self, number: Affine, nests: Sequence[Nest]) -> str:
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
            return _write_indexes(first, map(self._write_place, places))
        array, _, indexes = first.rpartition("[")
        origin = self._numbers.get(f"{array}[{re.sub('[0-9]+', '0', indexes)}", -1)
        if self._names[last].rpartition("[")[0] != array or origin < 0:
            return f"inputs[{self._write_place(number)}]"
        return f"{array}.flat[{self._write_place(number._replace(start=number.start - origin))}]"

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
