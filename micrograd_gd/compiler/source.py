"""A program written out as source, in C or in a language whose formulas have the same letters."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from micrograd_gd.compiler.accumulators import Sums
from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.jit import trace
from micrograd_gd.compiler.loop_text import Line, LoopText, join_loop
from micrograd_gd.compiler.loops import lay_out_as_source
from micrograd_gd.compiler.nests import Affine, Array, Nest, Node, find_nodes, is_output
from micrograd_gd.compiler.program import Program
from micrograd_gd.errors import JitError
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.c_text import word
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


def write_body(program: Program, language: Language) -> Iterator[str]:
    """The lines of a function of `x`, which fills `y` and returns -1, or the place of a guard."""
    yield from _Body(program, language).write_program()


class _Body(LoopText):
    """The lines of a function, some of them in loops."""

    def __init__(self, program: Program, language: Language) -> None:
        self._derivatives = program.derivatives
        self._language = language
        super().__init__(lay_out_as_source(program))

    def write_program(self) -> Iterator[str]:
        """The lines."""
        nests, language = self.nests, self._language
        lines = [text for _, text in self.write_parts(nests.parts)]
        if nests.table:
            entries = ", ".join([self.unparse(expression.write_number(x)) for x in nests.table])
            yield language.table.format(size=len(nests.table), entries=entries)
        for array in nests.find_arrays():
            yield language.array.format(name=self._arrays[array], size=array.size)
        yield from lines
        yield "return -1;"

    def may_wait(self, node: Node, user: Node) -> bool:  # noqa: ARG002 — the same for all
        """Whether the user has the result once."""
        statement = user.step.statement
        if is_output(user):
            return not self._derivatives.get(~user.number)
        if isinstance(statement, Guard) or not _is_arithmetic(tree := _take_formula(statement.op)):
            return True
        letters = [x.id for x in ast.walk(tree) if isinstance(x, ast.Name)]
        return len(letters) == len({*letters})

    def unparse(self, tree: ast.AST) -> str:
        """An expression as text, in which -- and Python's names for numbers mean nothing else."""
        text = super().unparse(tree).replace("--", "- -")
        text = re.sub(r"\binf\b", self._language.infinity, text)
        return re.sub(r"\bnan\b", self._language.nan, text)

    def apply(self, node: Node, operands: Sequence[ast.expr]) -> ast.expr:
        """An operation on operands."""
        statement = node.step.statement
        assert isinstance(statement, Instruction)  # noqa: S101 — for the types
        op, tree = statement.op, _take_formula(statement.op)
        if _is_arithmetic(tree):
            return expression.substitute(tree, dict(zip(op.operands, operands, strict=True)))
        return ast.Call(ast.Name(f"value_{word(op)}"), [*operands], [])

    def write_assignment(self, node: Node, text: str) -> str:
        """The statement in which an expression is assigned to the result of a node."""
        if node in self.used and node.scope == len(node.nests):
            return f"{self._language.constant} {text};"
        sums = self.accumulators.by_part.get(node, ())
        is_first = any(x.size == 1 and not x.start and node.accumulator for x in sums)
        return f"{self._language.variable} {text};" if is_first else f"{text};"

    def write_start(self, sums: Sums) -> Iterator[Line]:
        """The statements that declare accumulators, and start them."""
        start = f" = {self.write(sums.start, sums.nests)}" if sums.start else ""
        if sums.size == 1:
            if start or isinstance(sums.first, Nest):
                yield Line(0, f"{self._language.variable} {sums.name}{start};")
            return
        yield Line(0, self._language.array.format(name=sums.name, size=sums.size))
        if start:
            i = self.name_counter(len(sums.nests))
            loop = f"for ({self._language.counter} {i} = 0; {i} < {sums.size}; {i}++)"
            yield Line(0, f"{loop} {sums.name}[{i}]{start};")

    def write_loop(self, nest: Nest) -> Iterator[Line]:
        """A loop; before it, the variables for what its runs hand on to each other."""
        depth, variable = len(nest.outer), self._language.variable
        for node in find_nodes([nest]):
            is_declared = node.scope == depth < len(node.nests)
            if node in nest.carried:
                start = self.unparse(self.read(nest.carried[node].start, nest.outer))
                name = self.write(nest.carried[node])
                is_new = is_declared or not node.is_updated
                if is_new or name != start:
                    yield from self.settle({name})
                    yield Line(0, f"{variable + ' ' if is_new else ''}{name} = {start};")
                is_declared &= not node.is_updated
            if is_declared:
                yield Line(0, f"{variable} {self.name(node)} = 0.0;")
        yield from self.settle_before(nest)
        i = self.name_counter(depth)
        head = f"for ({self._language.counter} {i} = 0; {i} < {nest.repeats}; {i}++)"
        body = [text for _, text in self.write_parts(nest.body)]
        for node, carried in nest.carried.items():
            if not node.is_updated:
                body.append(f"{self.write(carried)} = {self.name(node)};")
        yield from (Line(0, text) for text in join_loop(head, body, " {", "}"))
        for node, store in nest.stores:
            yield Line(0, f"{self.write(store)} = {self.name(node)};")

    def write_guard(self, node: Node, left: str, right: str) -> str:
        """The statement that checks a guard."""
        guard = node.step.statement
        assert isinstance(guard, Guard)  # noqa: S101 — for the types
        condition = f"{left} {guard.relation} {right}"
        wrong = f"!({condition})" if guard.holds else condition
        place = Affine(node.number, tuple([nest.guards for nest in node.nests]))
        return f"if ({wrong}) return {self.write_place(place)};"

    def write_output(self, node: Node) -> Iterator[Line]:
        """The statement that gives out a number."""
        j, text = ~node.number, self.unparse(self.read(node.operands[0], node.nests))
        place = Affine(j, tuple([-by for by in node.step.strides[0]]))
        if j in self._derivatives:
            if self._derivatives[j]:
                yield Line(0, f"if ({text} != {text}) return {self.nests.guards};")
            text = f"{text} + 0.0"
        yield Line(0, f"y[{self.write_place(place)}] = {text};")

    def write_given(self, number: Affine, nests: Sequence[Nest]) -> str:  # noqa: ARG002 — by number
        """A number of an argument."""
        return f"x[{self.write_place(number)}]"

    def write_element(self, array: Array, places: Sequence[Affine]) -> str:
        """The place of an entry of an array."""
        return self.write_place(array.locate(places))


def _take_formula(op: Operation) -> ast.expr:
    """The formula of an operation, whose numbers are all floats."""
    tree = op.tree(op.value)
    for x in ast.walk(tree):
        if isinstance(x, ast.Constant) and isinstance(x.value, int):
            x.value = float(x.value)
    return tree
