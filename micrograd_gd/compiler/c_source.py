"""A program written out as C, for small devices and for programs in other languages."""

import math
import re
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.jit import trace
from micrograd_gd.compiler.program import Program
from micrograd_gd.errors import ArgumentError, JitError
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.c_text import c_expression
from micrograd_gd.table.numbers import shorten
from micrograd_gd.table.ops import OPERATIONS, Operation


def to_c(f: Callable[..., Any], *args: Any, name: str = "compute") -> str:
    """C99 source of `int compute(const double *x, double *y)`, which needs the C library alone.

    `x` holds the numbers of the arguments, and `y` gets those of the result, both from left to
    right. What `f` closes over becomes a constant. The function returns -1; or, where the numbers
    in `x` take another branch than those in `args`, the place of that branch, and `y` is not
    complete then.

    Raises JitError for what cannot be traced, TranslationError for an operation in Python code, and
    ArgumentError for a `name` that is none in C.

    >>> print(to_c(lambda a, b: a * b + 1, 2.0, 3.0).rpartition("/*")[2])  # doctest: +ELLIPSIS
     x: a, b */
    int compute(const double *x, double *y)
    {
        const double v0 = x[0];
        const double v1 = x[1];
        const double v2 = value_mul(v0, v1);
        const double v3 = value_add(v2, 1.0);
        y[0] = v3;
        return -1;
    }
    <BLANKLINE>
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ArgumentError(f"name is {shorten(name)}; expected the name of a C function")
    program = trace(f, *args)
    if program.has_batches:
        raise JitError("source is written for one sample: leave out vmap, and loop over the batch")
    functions: dict[str, str] = {}
    lines = [*_write_body(program, functions)]
    inputs = ", ".join(program.inputs).encode("ascii", "backslashreplace").decode()
    header = resources.files("micrograd_gd.core.native") / "ieee.h"
    library = header.read_text(encoding="utf-8")
    return "\n".join(
        [
            library,
            *[text.partition("{")[0].rstrip() + ";" for text in functions.values()],
            *functions.values(),
            f"/* x: {inputs.replace('*/', '* /')} */",
            f"int {name}(const double *x, double *y)",
            "{",
            *[f"    {line}" for line in lines],
            "}\n",
        ]
    )


def _write_body(program: Program, functions: dict[str, str]) -> Iterator[str]:
    read = {x for statement in program.statements for x in statement.operands} | {*program.outputs}
    first, guards = program.input_count, 0
    if not any(isinstance(x, int) and x < first for x in read):
        yield "(void)x;"
    for i in range(program.size):
        if i in read:
            start = f"x[{i}]" if i < first else _write_number(program.captured[i - first].data)
            yield f"const double v{i} = {start};"
    for statement in program.statements:
        operands = [f"v{x}" if isinstance(x, int) else _write_number(x) for x in statement.operands]
        if isinstance(statement, Guard):
            condition = f"{operands[0]} {statement.relation} {operands[1]}"
            wrong = f"!({condition})" if statement.holds else condition
            yield f"if ({wrong}) return {guards};"
            guards += 1
        else:
            yield from _write_instruction(statement, operands, functions)
    for j, y in enumerate(program.outputs):
        assert y is not None, "no rows of batches"  # noqa: S101 — for the types
        yield f"y[{j}] = {f'v{y}' if isinstance(y, int) else _write_number(y)};"
    yield "return -1;"


def _write_instruction(
    statement: Instruction, operands: list[str], functions: dict[str, str]
) -> Iterator[str]:
    _define(statement.op, functions)
    call, result = _name_function(statement.op), f"v{statement.result}"
    if not statement.op.folds:
        yield f"const double {result} = {call}({', '.join(operands)});"
        return
    yield f"double {result} = {operands[0]};"
    for term in statement.op.terms(operands):
        yield f"{result} = {call}({', '.join([result, *term])});"


def _define(op: Operation, functions: dict[str, str]) -> None:
    """The function that computes the operation, and those that it calls."""
    if op.name in functions:
        return
    tree = op.tree(op.value)
    text = c_expression(tree)
    parameters = ", ".join([f"double _{x}" for x in op.operands])
    unused = [x for x in op.operands if not re.search(rf"\b_{x}\b", text)]
    casts = "".join([f"    (void)_{x};\n" for x in unused])
    head = f"static inline double {_name_function(op)}({parameters})"
    functions[op.name] = f"{head}\n{{\n{casts}    return {text};\n}}\n"
    for called in expression.calls(tree):
        if called not in ieee.__all__:
            _define(OPERATIONS[called], functions)


def _name_function(op: Operation) -> str:
    """A row's name is a word; that of a slope, such as dabs/dx, is none."""
    return f"value_{op.name}" if op.name.isidentifier() else f"slope_{op.name.replace('/', '_')}"


def _write_number(x: float) -> str:
    if math.isnan(x):
        return "NAN"
    text = "INFINITY" if math.isinf(x) else repr(abs(x))
    return text if math.copysign(1, x) > 0 else f"(-{text})"
