"""The backend `python`: a program as one generated Python function of floats.

Each instruction is a line with its row's own expression, over the same float functions that the
engines call, so that the bits are the same.
"""

import ast
import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from micrograd_gd.compiler.backends.kernel import Kernel
from micrograd_gd.compiler.backends.results import define, define_run
from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Statement
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.program import Program, find_numbers
from micrograd_gd.table.numbers import number
from micrograd_gd.table.operation import ON_FLOATS, Operation

# Statements of one function. Longer programs become several, since Python's compiler needs 2 kB a
# statement while it works.
LONGEST = 2_000


def compile_program(program: Program) -> Kernel:
    """The program as a Python function."""
    return Kernel(build_function(program), program)


def build_function(program: Program) -> Callable[..., Any]:
    """A function of the arguments' numbers that gives the result, or a failed guard's place."""
    names: dict[str, Any] = {f"c{i}": leaf for i, leaf in enumerate(program.captured)}
    first = program.input_count
    parameters = ", ".join(_write_parameters(program))
    lines = [f"v{first + i} = c{i}.data" for i in range(len(program.captured))]
    if program.lengths:
        lines += _write_columns(program)
    if len(program.statements) <= LONGEST or program.lengths:
        lines += _Lines(names, program.varying).write(program.statements)
    else:
        lines += _write_parts(program, names)
    return define_run(program, parameters, lines, _write_outputs(program), ON_FLOATS | names)


def _write_parameters(program: Program) -> Iterator[str]:
    """The inputs, with a whole array in place of its columns."""
    for i in range(program.input_count):
        if i not in program.columns:
            yield f"v{i}"
        elif not program.input_layout.locate(i)[1]:
            yield f"a{i}"


def _write_columns(program: Program) -> Iterator[str]:
    """Lines that take whole arrays apart: their lengths, and a list for each column."""
    for i, span in program.columns.items():
        column = program.input_layout.locate(i)[1]
        array = f"a{i - column}"
        if not column:
            yield f"n{span.axis} = len({array})"
            yield f"v{program.find_length(-span.axis)} = float(n{span.axis})"
        yield f"v{i} = {array}.reshape(n{span.axis}, -1)[:, {column}].tolist()"
    for cut in program.cuts:
        yield f"{_write_length(cut.lanes)} = {_write_length(cut.of)} - {cut.by}"
        yield f"v{program.find_length(cut.lanes)} = float({_write_length(cut.lanes)})"


def _write_parts(program: Program, names: dict[str, Any]) -> Iterator[str]:
    """Lines that call functions of `LONGEST` statements; slots hold what they leave for others."""
    every, first = program.statements, program.size
    parts = [every[start : start + LONGEST] for start in range(0, len(every), LONGEST)]
    results = [{each.result for each in part if isinstance(each, Instruction)} for part in parts]
    loaded = [
        _find_operands(part) - computed for part, computed in zip(parts, results, strict=True)
    ]
    returned = find_numbers([*program.outputs, *[each.number for each in program.batch_outputs]])
    waiting = {n for numbers in (*loaded, returned) for n in numbers if n >= first}
    slots = {n: slot for slot, n in enumerate(sorted(waiting))}
    lines = _Lines(names, program.varying)
    yield f"x = ({''.join(f'v{i}, ' for i in range(first))})"
    yield f"v = [0.0] * {len(slots)}"
    for i, part in enumerate(parts):
        loads = [
            f"v{n} = x[{n}]" if n < first else f"v{n} = v[{slots[n]}]" for n in sorted(loaded[i])
        ]
        stores = [f"v[{slots[n]}] = v{n}" for n in sorted(results[i] & waiting)]
        body = [*loads, *lines.write(part), *stores, "return -1"]
        names[f"part{i}"] = define(f"part{i}", "x, v", body, ON_FLOATS | names)
        yield f"failed = part{i}(x, v)"
        yield "if failed >= 0: return failed"
    yield from (f"v{n} = v[{slots[n]}]" for n in dict.fromkeys(returned) if n >= first)


def _find_operands(statements: Sequence[Statement]) -> set[int]:
    return {x for each in statements for x in each.operands if type(x) is int}


def _write_outputs(program: Program) -> list[str]:
    """An expression for each number of the result."""
    texts = ["" if x is None else _write_operand(x) for x in program.outputs]
    if program.lengths:
        for i, span in program.output_layout.find_columns().items():
            if not program.find_lanes(program.outputs[i]):
                texts[i] = f"[{texts[i]}] * {_write_length(-span.axis)}"
    for each in program.batch_outputs:
        for lane, place in enumerate(each.places):
            texts[place] = _write_operand(each.number)
            if program.find_lanes(each.number):
                texts[place] += f"[{lane}]"
    return texts


class _Lines:
    """Statements as lines of Python; the guards among them are counted.

    A varying number is a list with one number a lane. What the lines refer to besides the functions
    of floats is added to `names`.
    """

    def __init__(self, names: dict[str, Any], varying: dict[int, int]) -> None:
        self._names = names
        self._varying = varying
        self._templates: dict[Operation, str] = {}
        self._guards = 0

    def write(self, statements: Sequence[Statement]) -> Iterator[str]:
        """The lines of these statements, which follow those before."""
        for each in statements:
            operands = [_write_operand(x) for x in each.operands]
            if isinstance(each, Guard):
                left, right = operands
                negated = "not " if each.holds else ""
                yield f"if {negated}{left} {each.relation} {right}: return {self._guards}"
                self._guards += 1
            elif isinstance(each.op, Lanes):
                self._names |= _OF_LANES
                yield _write_border(each, each.op, operands)
            else:
                yield from self._write_instruction(each, operands)

    def _write_instruction(self, instruction: Instruction, operands: list[str]) -> Iterator[str]:
        result, op, _ = instruction
        if op not in self._templates:
            self._templates[op] = _make_template(op, self._names)
        lines = [*_fill_template(self._templates[op], instruction, operands)]
        lanes = self._varying.get(result)
        if not lanes:
            yield from lines
            return
        count = _write_length(lanes)
        yield f"v{result} = [0.0] * {count}"
        yield f"for i in range({count}):"
        for x in {result, *find_numbers(instruction.operands)} & self._varying.keys():
            lines = [re.sub(rf"\bv{x}\b", f"v{x}[i]", line) for line in lines]
        yield from (f"    {line}" for line in lines)


def _fill_template(
    template: str, instruction: Instruction, operands: Sequence[str]
) -> Iterator[str]:
    result, op = f"v{instruction.result}", instruction.op
    if not op.folds:
        yield f"{result} = {template.format(*operands)}"
        return
    yield f"{result} = {operands[0]}"
    for term in op.terms(operands):
        yield f"{result} = {template.format(result, *term)}"


def _write_border(instruction: Instruction, op: Lanes, operands: list[str]) -> str:
    """The line for an operation at the border of a batch."""
    forms = {
        "pack": f"[{', '.join(operands)}]",
        "place": "[{} if i == {} else -0.0 for i in range({})]",
        "pick": "{}[int({})]",
        "sum": "sum_lanes({})",
        "largest": "find_largest({})",
        "index": "[*map(float, range({1}))]",
        "shift": "shift_lanes({}, {}, {})",
    }
    count = _write_length(op.lanes)
    return f"v{instruction.result} = {forms[op.kind].format(*operands, count)}"


def _write_length(lanes: int) -> str:
    """The number of lanes; a name where it is open."""
    return f"n{-lanes}" if lanes < 0 else str(lanes)


def sum_lanes(numbers: Sequence[float]) -> float:
    """The sum over a batch, in an order that depends on its size alone.

    The numbers are added to eight sums in turn, and these are added in pairs in the end. Every
    backend does the same, so that all give the same bits.
    """
    p = [-0.0] * 8
    for i, x in enumerate(numbers):
        p[i % 8] += x
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]))


def shift_lanes(numbers: Sequence[float], by: float, count: int) -> list[float]:
    """So many numbers of a batch from one of its lanes on, 0.0 where there is none."""
    start, n = int(by), len(numbers)
    return [numbers[i] if 0 <= i < n else 0.0 for i in range(start, start + count)]


def find_largest(numbers: Sequence[float]) -> float:
    """The largest number of a batch, found in the same order; nan if one is nan."""
    p = [-math.inf] * 8
    for i, x in enumerate(numbers):
        p[i % 8] = _larger(p[i % 8], x)
    p = [*map(_larger, p[:4], p[4:])]
    return _larger(_larger(p[0], p[2]), _larger(p[1], p[3]))


_OF_LANES = {f.__name__: f for f in (sum_lanes, shift_lanes, find_largest)}


def _larger(a: float, b: float) -> float:
    return a if a > b or a != a else b


def _make_template(op: Operation, names: dict[str, Any]) -> str:
    """The value of an operation, with `{0}`, `{1}` and so on for its operands."""
    if isinstance(op.value, str):
        return _write_formula(op)
    name = f"f{len(names)}"
    names[name] = _check_results(op)
    return f"{name}({', '.join([f'{{{i}}}' for i in range(len(op.operands))])})"


@cache
def _write_formula(op: Operation) -> str:
    """The same for one that is no Python code."""
    places = {name: f"{{{i}}}" for i, name in enumerate(op.operands)}
    tree = op.float_tree(op.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = places.get(node.id, node.id)
    return ast.unparse(tree)


def _check_results(op: Operation) -> Callable[..., float]:
    """The Python code of an operation, whose results must be numbers."""
    compute: Any = op.value

    def value(*operands: float) -> float:
        return number(compute(*operands), f"what {op!r} returned")

    return value


def _write_operand(x: Operand) -> str:
    if isinstance(x, int):
        return f"v{x}"
    return repr(x) if math.copysign(1, x) > 0 else f"({x!r})"
