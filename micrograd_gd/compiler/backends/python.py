"""The backend `python`: a program as one generated Python function of floats.

Each instruction is a line with its row's own expression, over the same float functions that the
engines call, so that the bits are the same.
"""

import ast
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Step
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.program import Program, crossing, numbers_in, parts
from micrograd_gd.table.numbers import number
from micrograd_gd.table.operation import ON_FLOATS, Operation
from micrograd_gd.transforms import trees

# Steps of one function; more become several, since Python's compiler takes 2 kB a step at work.
LONGEST = 2_000

Run = Callable[..., Any]  # of the inputs: the result, or the place of the guard that fails (an int)


class Code:
    """A compiled program that is called as a kernel of the native core is.

    Called with the arguments as the user gave them, it returns the result, the place of the guard
    that fails, or NotImplemented, where `flat` is to be called with their numbers. `patience`
    counts the calls down to one for which the answer is NotImplemented, since the code is worth
    being replaced; a negative number counts nothing.
    """

    def __init__(self, run: Run, program: Program) -> None:
        self.run = run
        self.patience = -1
        kinds = {structure.kind for _, structure in program.arguments}
        self._types = (float,) * len(program.arguments) if kinds <= {None} else None

    def __call__(self, *args: Any) -> Any:
        """The result for these arguments, if each of them is a float."""
        if tuple(map(type, args)) != self._types:
            return NotImplemented
        if self.patience >= 0:
            self.patience -= self.patience > 0
            if self.patience == 0:
                return NotImplemented
        return self.run(*args)

    def flat(self, leaves: Sequence[float]) -> Any:
        """The result for the numbers of the arguments, from left to right."""
        self.patience -= self.patience > 0
        return self.run(*leaves)


def compiled(program: Program) -> Code:
    """The program as a Python function."""
    return Code(function(program), program)


def function(program: Program) -> Run:
    """The program as a function of the numbers of its arguments."""
    names: dict[str, Any] = {"unflatten": trees.unflatten}
    names |= {f"c{i}": leaf for i, leaf in enumerate(program.captured)}
    first = program.input_count
    parameters = ", ".join(f"v{i}" for i in range(first))
    lines = [f"v{first + i} = c{i}.data" for i in range(len(program.captured))]
    if len(program.steps) <= LONGEST:
        lines += _body(program, names)
    else:
        lines += _body_in_parts(program, names)
    return _defined("run", parameters, lines, names)


def _defined(name: str, parameters: str, lines: Sequence[str], names: dict[str, Any]) -> Run:
    source = "\n    ".join([f"def {name}({parameters}):", *lines])
    code = compile(source, "<compiled program>", "exec")
    scope = {"inf": math.inf, "nan": math.nan} | ON_FLOATS | names
    exec(code, scope)  # noqa: S102 — made of the table's own checked expressions
    defined: Run = scope[name]
    return defined


def _body(program: Program, names: dict[str, Any]) -> Iterator[str]:
    """The lines that compute the result from the numbers `v0`, `v1` and so on.

    What they refer to besides float functions is added to `names`.
    """
    yield from _Lines(names, program.varying).of(program.steps)
    yield _result(program, names)


def _body_in_parts(program: Program, names: dict[str, Any]) -> Iterator[str]:
    """The lines that call functions of `LONGEST` steps; slots hold what several of them use."""
    cut = [*parts(program, LONGEST), ()]  # the last one, which returns, is the caller
    slots = crossing(program, cut)
    writer = _Lines(names, program.varying)
    yield f"x = ({''.join(f'v{i}, ' for i in range(program.size))})"
    yield f"v = [0.0] * {len(slots)}"
    for i, part in enumerate(cut[:-1]):
        made = {step.result for step in part if isinstance(step, Instruction)}
        used = {x for step in part for x in step.operands if isinstance(x, int)}
        loads = [
            f"v{n} = x[{n}]" if n < program.size else f"v{n} = v[{slots[n]}]"
            for n in sorted(used - made)
        ]
        stores = [f"v[{slots[n]}] = v{n}" for n in sorted(made & slots.keys())]
        lines = [*loads, *writer.of(part), *stores, "return -1"]
        names[f"part{i}"] = _defined(f"part{i}", "x, v", lines, names)
        yield f"failed = part{i}(x, v)"
        yield "if failed >= 0: return failed"
    given = [*program.outputs, *(row.of for row in program.rows)]
    returned = {n for n in given if isinstance(n, int) and n >= program.size}
    yield from (f"v{n} = v[{slots[n]}]" for n in sorted(returned))
    yield _result(program, names)


def _result(program: Program, names: dict[str, Any]) -> str:
    return f"return {_tree(program.structure, iter(result_texts(program)), names)}"


def result_texts(program: Program) -> list[str]:
    """An expression for each number of the result."""
    texts = ["" if x is None else _text(x) for x in program.outputs]
    for row in program.rows:
        for i, place in enumerate(row.places):
            texts[place] = f"v{row.of}[{i}]"
    return texts


class _Lines:
    """Steps as lines of Python, and the guards among them counted.

    A varying number is a list of one number a lane.
    """

    def __init__(self, names: dict[str, Any], varying: dict[int, int]) -> None:
        self.names = names
        self.varying = varying
        self.templates: dict[Operation, str] = {}
        self.guards = 0

    def of(self, steps: Sequence[Step]) -> Iterator[str]:
        """The lines of these steps, which follow those before."""
        for step in steps:
            operands = [_text(x) for x in step.operands]
            if isinstance(step, Guard):
                left, right = operands
                negated = "not " if step.holds else ""
                yield f"if {negated}{left} {step.relation} {right}: return {self.guards}"
                self.guards += 1
                continue
            if isinstance(step.op, Lanes):
                yield _border(step, step.op, operands, self.names)
                continue
            if step.op not in self.templates:
                self.templates[step.op] = _template(step.op, self.names)
            lines = [*_instruction(step, self.templates[step.op], operands)]
            lanes = self.varying.get(step.result)
            if not lanes:
                yield from lines
                continue
            yield f"v{step.result} = [0.0] * {lanes}"
            yield f"for i in range({lanes}):"
            for x in {step.result, *numbers_in(step.operands)} & self.varying.keys():
                lines = [_by_lane(line, x) for line in lines]  # in each lane its own number
            yield from (f"    {line}" for line in lines)


def _instruction(step: Instruction, template: str, operands: Sequence[str]) -> Iterator[str]:
    result = f"v{step.result}"
    if not step.op.folds:
        yield f"{result} = {template.format(*operands)}"
        return
    yield f"{result} = {operands[0]}"
    for term in step.op.terms(operands):
        yield f"{result} = {template.format(result, *term)}"


def _border(step: Instruction, op: Lanes, operands: list[str], names: dict[str, Any]) -> str:
    """The line for an operation at the border of a batch."""
    names["sum_of_lanes"] = sum_of_lanes
    forms = {
        "pack": f"[{', '.join(operands)}]",
        "place": "[{} if i == {} else 0.0 for i in range({})]",
        "pick": "{}[int({})]",
        "sum": "sum_of_lanes({})",
    }
    return f"v{step.result} = {forms[op.kind].format(*operands, op.lanes)}"


def sum_of_lanes(numbers: Sequence[float]) -> float:
    """The sum over a batch, in an order that depends on its size alone.

    Eight sums are kept, to which the numbers are added in turn; they are added in pairs in the end.
    Every backend does the same, so that all give the same bits.
    """
    p = [-0.0] * 8
    for i, x in enumerate(numbers):
        p[i % 8] += x
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]))


def _by_lane(line: str, number: int) -> str:
    return re.sub(rf"\bv{number}\b", f"v{number}[i]", line)


def _template(op: Operation, names: dict[str, Any]) -> str:
    """The value of an operation, with `{0}`, `{1}` … for its operands."""
    places = [f"{{{i}}}" for i in range(len(op.operands))]
    if not isinstance(op.value, str):
        name = f"f{len(names)}"
        names[name] = _checked(op)
        return f"{name}({', '.join(places)})"
    tree = op.float_tree(op.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in op.operands:
            node.id = places[op.operands.index(node.id)]
    return ast.unparse(tree)


def _checked(op: Operation) -> Callable[..., float]:
    computed: Any = op.value

    def value(*operands: float) -> float:
        return number(computed(*operands), f"what {op!r} returned")

    return value


def _text(x: Operand) -> str:
    if isinstance(x, int):
        return f"v{x}"
    return repr(x) if math.copysign(1, x) > 0 else f"({x!r})"


def structured(
    structure: trees.Structure, texts: Sequence[str], names: dict[str, Any]
) -> Callable[[Any], Any]:
    """A function that evaluates expressions of its argument `y`, and returns them as one tree."""
    source = _tree(structure, iter(texts), names)
    names["unflatten"] = trees.unflatten
    tree: Callable[[Any], Any] = eval(f"lambda y: {source}", names)  # noqa: S307 — made here
    return tree


def _tree(structure: trees.Structure, leaves: Iterator[str], names: dict[str, Any]) -> str:
    """An expression for the result in its structure."""
    if structure.kind is None:
        return next(leaves)
    if structure.kind in {list, tuple, dict}:
        parts = [_tree(below, leaves, names) for below in structure.below]
        if structure.kind is list:
            return f"[{', '.join(parts)}]"
        if structure.kind is tuple:
            return f"({''.join(f'{part}, ' for part in parts)})"
        items = (
            f"{_named(key, names)}: {part}" for key, part in zip(structure.keys, parts, strict=True)
        )
        return f"{{{', '.join(items)}}}"
    name = f"s{len(names)}"
    names[name] = structure
    inside = ", ".join(next(leaves) for _ in range(structure.size))
    return f"unflatten({name}, [{inside}])"


def _named(key: Any, names: dict[str, Any]) -> str:
    """A dict's key as it is written, or a name for it."""
    if type(key) in {str, int, bool}:
        return repr(key)
    name = f"k{len(names)}"
    names[name] = key
    return name
