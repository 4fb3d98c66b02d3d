"""A program written out as source, in C or in a language whose formulas have the same letters."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.jit import trace
from micrograd_gd.compiler.program import Program
from micrograd_gd.errors import JitError
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.c_text import word
from micrograd_gd.table.ops import OPERATIONS, Operation


class Language(NamedTuple):
    """What differs between the languages."""

    constant: str  # what declares a number that stays
    variable: str  # and one that is added to
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
    names = ", ".join(program.inputs).encode("ascii", "backslashreplace").decode()
    return names.replace("*/", "* /").replace("</", "< /")


def find_rows(program: Program) -> list[Operation]:
    """The rows that the program computes, each before those that its formula calls."""
    rows: dict[str, Operation] = {}
    for statement in program.statements:
        if isinstance(statement, Instruction):
            _add(statement.op, rows)
    return [*rows.values()]


def _add(row: Operation, rows: dict[str, Operation]) -> None:
    if row.name not in rows:
        rows[row.name] = row
        for called in expression.calls(row.tree(row.value)):
            if called not in ieee.__all__:
                _add(OPERATIONS[called], rows)


def write_body(program: Program, language: Language) -> Iterator[str]:
    """The lines of a function of `x`, which fills `y` and returns -1, or the place of a guard."""
    read = {x for statement in program.statements for x in statement.operands} | {*program.outputs}
    first, guards, write = program.input_count, 0, language.write_number
    for i in range(program.size):
        if i in read:
            start = f"x[{i}]" if i < first else write(program.captured[i - first].data)
            yield f"{language.constant} v{i} = {start};"
    for statement in program.statements:
        operands = [f"v{x}" if isinstance(x, int) else write(x) for x in statement.operands]
        if isinstance(statement, Guard):
            condition = f"{operands[0]} {statement.relation} {operands[1]}"
            wrong = f"!({condition})" if statement.holds else condition
            yield f"if ({wrong}) return {guards};"
            guards += 1
        else:
            yield from _write_instruction(statement, operands, language)
    for j, y in enumerate(program.outputs):
        assert y is not None, "no rows of batches"  # noqa: S101 — for the types
        text = f"v{y}" if isinstance(y, int) else write(y)
        if j in program.derivatives:
            if program.derivatives[j]:
                yield f"if ({text} != {text}) return {guards};"
            text = f"{text} + 0.0"
        yield f"y[{j}] = {text};"
    yield "return -1;"


def _write_instruction(
    statement: Instruction, operands: list[str], language: Language
) -> Iterator[str]:
    call, result = f"value_{word(statement.op)}", f"v{statement.result}"
    if not statement.op.folds:
        yield f"{language.constant} {result} = {call}({', '.join(operands)});"
        return
    yield f"{language.variable} {result} = {operands[0]};"
    for term in statement.op.terms(operands):
        yield f"{result} = {call}({', '.join([result, *term])});"
