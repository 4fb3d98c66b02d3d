"""A program written out as source, in C or in a language whose formulas have the same letters."""

import ast
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.jit import trace
from micrograd_gd.compiler.loops import lay_out
from micrograd_gd.compiler.nests import (
    Affine,
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
    is_output,
    write_affine,
)
from micrograd_gd.compiler.program import Program
from micrograd_gd.errors import JitError
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.c_text import c_expression, word
from micrograd_gd.table.ops import OPERATIONS, Operation
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.trees import Structure

MOST_NAMES = 16  # of the numbers of an argument, all of which are listed


class Language(NamedTuple):
    """What differs between the languages."""

    constant: str  # what declares a number that stays
    variable: str  # and one that changes
    array: str  # an array with room for numbers
    table: str  # and one of numbers that are known
    counter: str  # what declares a counter
    nan: str
    infinity: str

    def write_number(self, x: float) -> str:
        """A number, negative ones in parentheses."""
        if math.isnan(x):
            return self.nan
        text = self.infinity if math.isinf(x) else repr(abs(x))
        return text if math.copysign(1, x) > 0 else f"(-{text})"


def trace_one_sample(f: Callable[..., Any], args: tuple[Any, ...]) -> Program:
    """The program of a call. Raises JitError where it has batches."""
    program = trace(f, *args)
    if program.has_batches:
        raise JitError("source is written for one sample: leave out vmap, and loop over the batch")
    return program


def list_inputs(program: Program) -> str:
    """The names of the inputs, as text that ends no comment and no script."""
    names = ", ".join(map(_list_names, program.arguments))
    text = names.encode("ascii", "backslashreplace").decode()
    return text.replace("*/", "* /").replace("</", "< /")


def _list_names(argument: tuple[str, Structure]) -> str:
    """The names of an argument's numbers, of many the first and the last."""
    names = [*trees.names(argument[1], argument[0])]
    return ", ".join(names if len(names) <= MOST_NAMES else [*names[:2], "...", names[-1]])


def find_rows(program: Program) -> list[Operation]:
    """The rows that the program calls, each before those that its formula calls."""
    rows: dict[str, Operation] = {}
    for op in dict.fromkeys(each.op for each in program.instructions):
        if not _is_arithmetic(op.tree(op.value)):
            _add(op, rows)
    return [*rows.values()]


def _add(row: Operation, rows: dict[str, Operation]) -> None:
    if row.name not in rows:
        rows[row.name] = row
        for called in expression.calls(row.tree(row.value)):
            if called not in ieee.__all__:
                _add(OPERATIONS[called], rows)


def _is_arithmetic(tree: ast.expr) -> bool:
    """Whether a formula has operators alone, and so is written where it is needed."""
    return not any(
        isinstance(x, (ast.Call, ast.IfExp, ast.Pow, ast.Compare)) for x in ast.walk(tree)
    )


def _write_operation(op: Operation, operands: Sequence[str]) -> str:
    """An operation on operands."""
    tree = op.tree(op.value)
    if not _is_arithmetic(tree):
        return f"value_{word(op)}({', '.join(operands)})"
    letters = dict(zip(op.operands, operands, strict=True))
    text = re.sub(r"_([A-Za-z]\w*)", lambda match: letters[match[1]], c_expression(tree))
    return text[1:-1] if isinstance(tree, (ast.BinOp, ast.UnaryOp)) else text


def write_body(program: Program, language: Language) -> Iterator[str]:
    """The lines of a function of `x`, which fills `y` and returns -1, or the place of a guard."""
    yield from _Body(program, language).write()


class _Body:
    """The lines of a function, some of them in loops."""

    def __init__(self, program: Program, language: Language) -> None:
        self._program = program
        self._language = language
        self._layout = lay_out(program, [x.data for x in program.captured])
        self._arrays = {
            id(array): f"a{node.number}" for node, array in self._layout.arrays.items()
        } | {id(self._layout.scattered): "a"}  # fmt: skip

    def write(self) -> Iterator[str]:
        """The lines."""
        layout, language = self._layout, self._language
        lines = [*self._write_parts(layout.parts)]
        if layout.table:
            entries = ", ".join(map(language.write_number, layout.table))
            yield language.table.format(size=len(layout.table), entries=entries)
        for array in layout.find_arrays():
            yield language.array.format(name=self._arrays[id(array)], size=array.size)
        yield from lines
        yield "return -1;"

    def _write_parts(self, parts: Sequence[Part]) -> Iterator[str]:
        for part in parts:
            if isinstance(part, Nest):
                yield from self._write_loop(part)
            elif is_output(part):
                yield from self._write_output(part)
            elif isinstance(part.step.statement, Guard):
                yield from self._write_guard(part, part.step.statement)
            else:
                yield from self._write_node(part, part.step.statement)

    def _write_loop(self, nest: Nest) -> Iterator[str]:
        """A loop; before it, the variables for what its runs hand on to each other."""
        depth, variable = len(nest.outer), self._language.variable
        for node in find_nodes([nest]):
            is_declared = node.scope == depth < len(node.nests)
            if node in nest.carried:
                start = self._write(nest.carried[node].start)
                name = self._write(nest.carried[node])
                is_new = is_declared or not node.is_updated
                if is_new or name != start:
                    yield f"{variable + ' ' if is_new else ''}{name} = {start};"
                is_declared &= not node.is_updated
            if is_declared:
                yield f"{variable} v{node.number} = 0.0;"
        i = _name_counter(depth)
        yield f"for ({self._language.counter} {i} = 0; {i} < {nest.repeats}; {i}++) {{"
        for line in self._write_parts(nest.body):
            yield f"    {line}"
        for node, carried in nest.carried.items():
            if not node.is_updated:
                yield f"    {self._write(carried)} = v{node.number};"
        yield "}"
        for node, store in nest.stores:
            yield f"{self._write(store)} = v{node.number};"

    def _write_node(self, node: Node, statement: Instruction) -> Iterator[str]:
        operands = [*map(self._write, node.operands)]
        text = _write_operation(statement.op, operands)
        stays = node.scope == len(node.nests)
        yield f"{self._language.constant + ' ' if stays else ''}v{node.number} = {text};"
        for store in node.stores:
            yield f"{self._write(store)} = v{node.number};"

    def _write_guard(self, node: Node, guard: Guard) -> Iterator[str]:
        left, right = map(self._write, node.operands)
        condition = f"{left} {guard.relation} {right}"
        wrong = f"!({condition})" if guard.holds else condition
        place = Affine(node.number, tuple([nest.guards for nest in node.nests]))
        yield f"if ({wrong}) return {write_affine(place, _name_counter)};"

    def _write_output(self, node: Node) -> Iterator[str]:
        j, text = ~node.number, self._write(node.operands[0])
        place = Affine(j, tuple([-by for by in node.step.strides[0]]))
        derivatives = self._program.derivatives
        if j in derivatives:
            if derivatives[j]:
                yield f"if ({text} != {text}) return {self._layout.guards};"
            text = f"{text} + 0.0"
        yield f"y[{write_affine(place, _name_counter)}] = {text};"

    def _write(self, reference: Reference) -> str:
        """An operand."""
        match reference:
            case Constant(x):
                return self._language.write_number(x)
            case Entry(place):
                return f"c[{write_affine(place, _name_counter)}]"
            case Given(number):
                return f"x[{write_affine(number, _name_counter)}]"
            case Direct(node):
                return f"v{node.number}"
            case Carried():
                node, i = reference.node, _name_counter(len(reference.nest.outer))
                return f"v{node.number}" if node.is_updated else f"{i}{node.number}"
            case Element(array, places):
                index = write_affine(array.locate(places), _name_counter)
                return f"{self._arrays[id(array)]}[{index}]"


def _name_counter(depth: int) -> str:
    return "ijk"[depth] if depth < len("ijk") else f"i{depth}"
