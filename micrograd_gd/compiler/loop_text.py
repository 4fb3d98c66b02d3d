"""Nests as text, in any language: what is used once is written where it is used."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from micrograd_gd.compiler.accumulators import Sums
from micrograd_gd.compiler.instructions import Guard
from micrograd_gd.compiler.loops import Reading
from micrograd_gd.compiler.nests import (
    ADD,
    Accumulator,
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
    find_stores,
    is_output,
    write_affine,
)
from micrograd_gd.table import expression

WIDTH = 80  # characters of an expression that others may be written into


class Line(NamedTuple):
    """A line, and over how many samples it is, if it is in a batch."""

    lanes: int
    text: str


class _Waiting(NamedTuple):
    """An expression for a result that is yet to be used, and the names that it reads."""

    tree: ast.expr
    names: set[str]


class LoopText:
    """The lines of nests. A language says how operations, statements and loops are written."""

    def __init__(self, reading: Reading, counters: str = "ijk") -> None:
        self.nests = nests = reading.nests
        self.accumulators = reading.accumulators
        self._counters = counters
        self._arrays: dict[Array, str] = {
            array: f"a{node.number}" for node, array in nests.arrays.items()
        }
        if nests.scattered:
            self._arrays[nests.scattered] = "a"
        self._waiting: dict[Node, _Waiting] = {}
        self.used: dict[Node, bool] = {}  # as they are, and whether that is once and may wait
        for node, may_wait in self._find_uses(nests.parts):
            self.used[node] = may_wait and node not in self.used and not node.stores

    # What a language has of its own

    def may_wait(self, node: Node, user: Node) -> bool:  # noqa: ARG002 — a language may forbid it
        """Whether the result may be written where this user has it."""
        return True

    def apply(self, node: Node, operands: Sequence[ast.expr]) -> ast.expr:
        """The operation of a node on operands."""
        raise NotImplementedError

    def write_assignment(self, node: Node, text: str) -> str:
        """The statement in which an expression is assigned to the result of a node."""
        raise NotImplementedError

    def write_guard(self, node: Node, left: str, right: str) -> str:
        """The statement that checks a guard."""
        raise NotImplementedError

    def write_output(self, node: Node) -> Iterator[Line]:
        """The statement that gives out a number."""
        raise NotImplementedError

    def write_loop(self, nest: Nest) -> Iterator[Line]:
        """A loop."""
        raise NotImplementedError

    def write_start(self, sums: Sums) -> Iterator[Line]:
        """The statements that start accumulators."""
        raise NotImplementedError

    def name(self, node: Node) -> str:
        """The name of a result."""
        return self.write(node.accumulator) if node.accumulator else f"v{node.number}"

    def write_given(self, number: Affine, nests: Sequence[Nest]) -> str:
        """A number that is known before the program runs."""
        raise NotImplementedError

    def write_element(self, array: Array, places: Sequence[Affine]) -> str:
        """An entry of an array."""
        raise NotImplementedError

    def find_lanes(self, node: Node) -> int:  # noqa: ARG002 — none, without batches
        """The samples over which the statement of a node runs."""
        return 0

    def unparse(self, tree: ast.AST) -> str:
        """An expression as text."""
        return ast.unparse(tree)

    # What all have in common

    def _find_uses(self, parts: Iterable[Part]) -> Iterator[tuple[Node, bool]]:
        """What is used as it is, each time, and whether it may be written there."""
        for part in parts:
            if isinstance(part, Nest):
                for node, carried in part.carried.items():
                    yield node, False
                    if isinstance(carried.start, Direct):
                        start = carried.start.node
                        yield start, start.nests == part.outer and self.may_wait(start, node)
                yield from ((node, False) for node, _ in part.stores)
                yield from self._find_uses(part.body)
            else:
                for each in part.operands[_is_doubled(part) :]:
                    if isinstance(each, Direct):
                        is_beside = each.node.nests == part.nests
                        yield each.node, is_beside and self.may_wait(each.node, part)

    def write_parts(self, parts: Iterable[Part]) -> Iterator[Line]:
        """The lines of some parts."""
        for part in parts:
            for sums in self.accumulators.by_part.get(part, ()):
                yield from self.settle({sums.name})
                yield from self.write_start(sums)
            if isinstance(part, Nest):
                yield from self.write_loop(part)
            elif is_output(part):
                yield from self.write_output(part)
            else:
                yield from self._write_node(part)

    def _write_node(self, node: Node) -> Iterator[Line]:
        yield from self._shorten(node)
        doubled = _is_doubled(node)
        operands = [self.read(each, node.nests) for each in node.operands[doubled:]]
        if isinstance(node.step.statement, Guard):
            left, right = map(self.unparse, operands)
            yield Line(0, self.write_guard(node, left, right))
            return
        if doubled:  # what is added to itself
            tree: ast.expr = ast.BinOp(ast.Constant(2.0), ast.Mult(), operands[0])
        else:
            tree = self.apply(node, operands)
        if self.used.get(node):
            names = {x.id.partition("[")[0] for x in ast.walk(tree) if isinstance(x, ast.Name)}
            self._waiting[node] = _Waiting(tree, names)
        else:
            yield from self._write_result(node, tree)

    def _write_result(self, node: Node, tree: ast.expr) -> Iterator[Line]:
        names = {
            self.name(node).partition("[")[0],
            *[self._arrays[each.array] for each in node.stores],
        }
        yield from self.settle(names)
        targets = [self.write(store) for store in node.stores]
        if node in self.used or not targets:
            targets.insert(0, self.name(node))
        text = f"{' = '.join(targets)} = {self.unparse(tree)}"
        if isinstance(tree, ast.BinOp) and [self.unparse(tree.left)] == targets:
            text = self.unparse(ast.AugAssign(ast.Name(targets[0]), tree.op, tree.right))
        yield Line(self.find_lanes(node), self.write_assignment(node, text))

    def _shorten(self, node: Node) -> Iterator[Line]:
        """Write operands that wait on lines of their own, the longest first, until it is short."""
        waiting = [x.node for x in node.operands if isinstance(x, Direct)]
        lengths = {x: self._measure(x) for x in waiting if x in self._waiting}
        names = [self.write(x, node.nests) for x in node.operands]
        length = sum(map(len, names)) + sum(lengths.values())
        for longest in sorted(lengths, key=lambda x: -lengths[x]):
            if length <= WIDTH:
                return
            length -= lengths[longest]
            if longest in self._waiting:  # and not written yet, before one that it reads
                yield from self._write_result(longest, self._waiting.pop(longest).tree)

    def _measure(self, node: Node) -> int:
        """The characters of what waits beyond those of its name."""
        return len(self.unparse(self._waiting[node].tree)) - len(self.name(node))

    def settle(self, names: set[str]) -> Iterator[Line]:
        """Write what waits and reads one of these names, which are to change."""
        for node, waiting in [*self._waiting.items()]:
            if names & waiting.names:
                del self._waiting[node]
                yield from self._write_result(node, waiting.tree)

    def settle_before(self, nest: Nest) -> Iterator[Line]:
        """Write what waits and reads what a loop changes."""
        nodes = [*find_nodes([nest])]
        stores = [*find_stores([nest])]
        names = {self.name(node).partition("[")[0] for node in nodes}
        yield from self.settle(names | {self._arrays[each.array] for each in stores})

    def read(self, reference: Reference, nests: Sequence[Nest]) -> ast.expr:
        """An operand inside of these loops."""
        if isinstance(reference, Constant):
            return expression.write_number(reference.x)
        if isinstance(reference, Direct) and reference.node in self._waiting:
            return self._waiting.pop(reference.node).tree
        return ast.Name(self.write(reference, nests))

    def write(self, reference: Reference, nests: Sequence[Nest] = ()) -> str:
        """The name of an operand inside of these loops."""
        match reference:
            case Given(number):
                return self.write_given(number, nests)
            case Carried(node, nest) if not node.is_updated:
                return f"{self.name_counter(len(nest.outer))}_{self.name(node)}"
            case Direct(node) | Carried(node):
                return self.name(node)
            case Entry(place):
                array, index = "c", self.write_place(place)
            case Element(results, places):
                array, index = self._arrays[results], self.write_element(results, places)
            case Accumulator(numbers):
                sums, place = self.accumulators.find(numbers)
                array, index = sums.name, self.write_place(place) if sums.size > 1 else ""
            case _:
                return self.unparse(self.read(reference, nests))
        return f"{array}[{index}]" if index else array

    def name_counter(self, depth: int) -> str:
        """The name of a loop's counter."""
        return self._counters[depth] if depth < len(self._counters) else f"i{depth}"

    def write_place(self, place: Affine) -> str:
        """A sum of counters."""
        return write_affine(place, self.name_counter)


def join_loop(head: str, body: Sequence[str], start: str = "", end: str = "") -> Sequence[str]:
    """The lines of a loop: one, if it has one short statement that declares and repeats nothing."""
    is_short = len(body) == 1 and len(head) + len(body[0]) < WIDTH + len("    ")
    if is_short and not body[0].startswith(("for ", "const ", "double ", "let ")):
        return [f"{head} {body[0]}"]
    return [f"{head}{start}", *[f"    {each}" for each in body], *([end] if end else [])]


def _is_doubled(node: Node) -> bool:
    """Whether it adds a number to itself."""
    if getattr(node.step.statement, "op", None) is not ADD:
        return False
    a, b = node.operands
    return a == b and not isinstance(a, Constant)  # 0.0 is equal to -0.0
