"""A program written out as source: C for small devices, Python that needs nothing but Python.

What the function closes over becomes a constant: it is the program of today's parameters.
"""

import ast
import inspect
import math
import re
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

from micrograd_gd.compiler.backends import python
from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.jit import trace
from micrograd_gd.compiler.program import Program
from micrograd_gd.errors import JitError
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.c_text import c_expression
from micrograd_gd.table.ops import OPERATIONS, Operation

# C.


def to_c(f: Callable[..., Any], *args: Any, name: str = "compute") -> str:
    """C99 source of `int compute(const double *x, double *y)`, which needs the C library alone.

    `x` holds the numbers of the arguments, `y` gets those of the result, both from left to right.
    It returns -1, or the place of the first branch that the numbers in `x` do not take as those in
    `args` do: then `y` is not complete.

    Raises JitError for what cannot be traced, TranslationError for an operation in Python.

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
    program = _without_batches(trace(f, *args))
    functions: dict[str, str] = {}
    lines = [*_c_body(program, functions)]
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


def _without_batches(program: Program) -> Program:
    if program.has_batches:
        raise JitError("source is written for one sample: leave out vmap, and loop over the batch")
    return program


def _c_body(program: Program, functions: dict[str, str]) -> Iterator[str]:
    read = {x for step in program.steps for x in step.operands} | {*program.outputs}
    first, guards = program.input_count, 0
    if not any(isinstance(x, int) and x < first for x in read):
        yield "(void)x;"
    for i in range(program.size):
        if i in read:
            start = f"x[{i}]" if i < first else _c_number(program.captured[i - first].data)
            yield f"const double v{i} = {start};"
    for step in program.steps:
        operands = [f"v{x}" if isinstance(x, int) else _c_number(x) for x in step.operands]
        if isinstance(step, Guard):
            condition = f"{operands[0]} {step.relation} {operands[1]}"
            wrong = f"!({condition})" if step.holds else condition
            yield f"if ({wrong}) return {guards};"
            guards += 1
        else:
            yield from _c_instruction(step, operands, functions)
    for j, y in enumerate(program.outputs):
        assert y is not None, "no rows of batches"  # noqa: S101 — for the types
        yield f"y[{j}] = {f'v{y}' if isinstance(y, int) else _c_number(y)};"
    yield "return -1;"


def _c_instruction(
    step: Instruction, operands: list[str], functions: dict[str, str]
) -> Iterator[str]:
    _c_function(step.op, functions)
    call, result = _c_name(step.op), f"v{step.result}"
    if not step.op.folds:
        yield f"const double {result} = {call}({', '.join(operands)});"
        return
    yield f"double {result} = {operands[0]};"
    for term in step.op.terms(operands):
        yield f"{result} = {call}({', '.join([result, *term])});"


def _c_function(op: Operation, functions: dict[str, str]) -> None:
    """The function that computes the operation, and those that it calls."""
    if op.name in functions:
        return
    tree = op.tree(op.value)
    text = c_expression(tree)
    unused = [x for x in op.operands if not re.search(rf"\b_{x}\b", text)]
    functions[op.name] = (
        f"static inline double {_c_name(op)}({', '.join(f'double _{x}' for x in op.operands)})\n"
        f"{{\n{''.join(f'    (void)_{x};{chr(10)}' for x in unused)}    return {text};\n}}\n"
    )
    for called in expression.calls(tree):
        if called not in ieee.__all__:
            _c_function(OPERATIONS[called], functions)


def _c_name(op: Operation) -> str:
    """A row's name is a word; that of a slope, such as dabs/dx, is none."""
    return f"value_{op.name}" if op.name.isidentifier() else f"slope_{op.name.replace('/', '_')}"


def _c_number(x: float) -> str:
    if math.isnan(x):
        return "NAN"
    text = "INFINITY" if math.isinf(x) else repr(abs(x))
    return text if math.copysign(1, x) > 0 else f"(-{text})"


# Python.


def to_python(f: Callable[..., Any], *args: Any, name: str = "compute") -> str:
    """Python source of a function of the same arguments that needs no package.

    It raises ValueError where the numbers take another branch than those in `args`.

    Raises JitError for what cannot be traced, for operations in Python code, and for a result in
    arrays or named tuples.

    >>> names = {}
    >>> exec(to_python(lambda p: [p["a"].exp(), 1 / p["b"]], {"a": 1.0, "b": 3.0}), names)
    >>> names["compute"]({"a": 0.0, "b": 0.0})
    [1.0, inf]
    """
    program = _without_batches(trace(f, *args))
    names: dict[str, Any] = {}
    lines = [*python.body(program, names, 'raise ValueError("guard {} fails: another branch")')]
    if names:
        raise JitError(
            "to_python writes operations of the table, and results of numbers, lists, tuples and "
            "dicts with plain keys; this program has Python code or other kinds"
        )
    inputs = [_told_apart(text) for text in program.inputs]
    arguments = dict.fromkeys(re.split(r"\W", text)[0] for text in inputs)
    first = len(inputs)
    loads = [f"v{i} = {text}" for i, text in enumerate(inputs)]
    loads += [f"v{first + i} = {leaf.data!r}" for i, leaf in enumerate(program.captured)]
    function = "\n    ".join([f"def {name}({', '.join(arguments)}):", *loads, *lines])
    return f"{_functions(function)}\n\n\n{function}\n"


def _told_apart(text: str) -> str:
    """An argument's text, its name other than those of functions and of results."""
    name = re.split(r"\W", text)[0]
    taken = name in ieee.__all__ or name in OPERATIONS or re.fullmatch(r"v\d+", name)
    return f"{name}_{text[len(name) :]}" if taken else text


def _functions(source: str) -> str:
    """The float functions that the source calls, and what they need: imports, constants."""
    text = inspect.getsource(ieee)
    tree = ast.parse(text)
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    parts: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            parts[node.name] = ast.get_source_segment(text, node) or ""
        elif isinstance(node, ast.Assign):
            parts[ast.unparse(node.targets[0])] = ast.get_source_segment(text, node) or ""
    for row in OPERATIONS.values():
        if row.name not in ieee.__all__ and isinstance(row.value, str) and not row.folds:
            value = ast.unparse(row.float_tree(row.value))
            parts[row.name] = f"def {row.name}({', '.join(row.operands)}):\n    return {value}"
    needed: set[str] = set()
    todo = {*re.findall(r"\w+", source)} & parts.keys()
    while todo:
        needed |= todo
        below = {word for name in todo for word in re.findall(r"\w+", parts[name])}
        todo = (below & parts.keys()) - needed
    return "\n\n\n".join(
        ["\n".join(map(ast.unparse, imports)), *[parts[name] for name in parts if name in needed]]
    )
