"""A program: what a function computes, as a list of single steps.

Static single assignment: every instruction applies one operation and gives its result a number that
is used for nothing else. Below the instructions' numbers stand those of the inputs, and of the
values that the function closes over.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from micrograd_gd.compiler.instructions import FlatSteps, Guard, Instruction, Operand, Step
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.layout import Layout
from micrograd_gd.engine import Value
from micrograd_gd.errors import JitError
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.trees import Structure


class Row(NamedTuple):
    """All lanes of a varying number among the results: evenly from `start` on."""

    of: Any  # the number
    start: int
    stride: int
    lanes: int

    @property
    def places(self) -> range:
        """Where they are among the results."""
        return range(self.start, self.start + self.lanes * self.stride, self.stride)


@dataclass(frozen=True)
class Program:
    """The inputs, the steps in order, and what of it all is the result.

    >>> from micrograd_gd import trace
    >>> print(trace(lambda a, b: a * b if a < b else -a, 2.0, 3.0))
    program(a, b)
        guard a < b
        v2 = a * b
        return v2
    """

    arguments: tuple[tuple[str, Structure], ...]  # the leaves of all are called 0, 1, …
    captured: tuple[Value, ...]  # whose data are read at every call; the numbers that follow
    steps: Sequence[Step]
    outputs: tuple[Operand | None, ...]  # None where a row has the result
    structure: Structure  # of the result
    labels: dict[int, str]  # names that the user gave
    rows: tuple[Row, ...] = ()  # results that are whole batches
    fast_math: bool = False  # whether machine code may round less often than is written

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the arguments' leaves."""
        pairs = self.arguments
        return tuple([each for name, below in pairs for each in trees.names(below, name)])

    @cached_property
    def input_count(self) -> int:
        """How many leaves the arguments have."""
        return sum(structure.size for _, structure in self.arguments)

    @cached_property
    def size(self) -> int:
        """How many numbers a run begins with."""
        return self.input_count + len(self.captured)

    @cached_property
    def input_layout(self) -> Layout:
        """Where a run finds the arguments' numbers and the captured ones."""
        return Layout([structure for _, structure in self.arguments], len(self.captured))

    @cached_property
    def output_layout(self) -> Layout:
        """Where a run leaves the results."""
        return Layout([self.structure])

    @cached_property
    def has_batches(self) -> bool:
        """Whether some of it is computed for each sample of a batch."""
        if isinstance(self.steps, FlatSteps):  # the passes in C leave batches to those in Python
            return False
        return any(isinstance(step.op, Lanes) for step in self.instructions)

    @cached_property
    def varying(self) -> dict[int, int]:
        """The varying results, one number a sample of a batch, with the number of samples."""
        lanes: dict[int, int] = {}
        for step in self.instructions:
            if count := count_lanes(step, lanes):
                lanes[step.result] = count
        return lanes

    def lanes(self, x: Operand | None) -> int:
        """How many lanes a varying operand has; 0 for all others."""
        return self.varying.get(x, 0) if isinstance(x, int) else 0

    @property
    def instructions(self) -> Iterator[Instruction]:
        """The steps that compute."""
        return (step for step in self.steps if isinstance(step, Instruction))

    @property
    def guards(self) -> list[Guard]:
        """The steps that check, in order."""
        return [step for step in self.steps if isinstance(step, Guard)]

    def names(self) -> dict[int, str]:
        """What each result is called when the program is printed, each name once."""
        first = len(self.inputs)
        names = dict(enumerate(self.inputs))
        names |= {first + i: f"c{i}" for i in range(len(self.captured))}
        names |= {step.result: f"v{step.result}" for step in self.instructions}
        taken = {*names.values()}
        for result, label in self.labels.items():
            if result in names and label not in taken:
                taken.add(label)
                names[result] = label
        return names

    def __str__(self) -> str:
        names = self.names()
        lines = [f"program({', '.join(self._parameters())})"]
        lines += [f"    {names[i]} = captured" for i in range(self.input_count, self.size)]
        lines += [f"    {written(step, names)}" for step in self.steps]
        lines.append(f"    return {', '.join(self._returned(names))}")
        return "\n".join(lines)

    def _parameters(self) -> Iterator[str]:
        """The names of the inputs; an array, where there are batches, as a whole."""
        for name, structure in self.arguments:
            for each, piece in trees.pieces(structure, name):
                if piece.shape and self.has_batches:
                    yield f"{each}[{', '.join(map(str, piece.shape))}]"
                else:
                    yield from trees.names(piece, each)

    def _returned(self, names: dict[int, str]) -> Iterator[str]:
        rows = {row.start: row for row in self.rows}
        for place, x in enumerate(self.outputs):
            if x is not None:
                yield _operand(x, names)
            elif place in rows:
                yield f"{names[rows[place].of]}[:]"


def written(step: Step, names: dict[int, str]) -> str:
    """A step as its line reads."""
    operands = [_operand(x, names) for x in step.operands]
    if isinstance(step, Guard):
        left, right = operands
        return f"guard {'' if step.holds else 'not '}{left} {step.relation} {right}"
    if isinstance(step.op, Lanes) and step.op.kind == "pack":  # the first lane and the last
        operands[1:-1] = ["…"]
    return f"{names[step.result]} = {ast.unparse(step.op.write_call([*map(ast.Name, operands)]))}"


def _operand(x: Operand, names: dict[int, str]) -> str:
    return repr(x) if isinstance(x, float) else names[x]


def count_lanes(step: Instruction, varying: dict[int, int]) -> int:
    """The lanes of the result, those of its operands being known; 0 for one that is uniform."""
    if isinstance(step.op, Lanes):
        return step.op.gives
    for x in step.operands:
        if type(x) is int and x in varying:
            return varying[x]
    return 0


def numbers_in(operands: Iterable[Operand | None]) -> list[int]:
    """The operands that are no constants: 2 is a number of the program, 2.0 is two."""
    return [x for x in operands if isinstance(x, int)]


def verify(program: Program) -> Program:
    """The program itself, if it is of the legal form.

    Every operand is a float or was computed before; every result is new; the number of operands is
    one that the operation takes; there are as many outputs as the structure has leaves.

    Raises JitError, which shows the step.
    """
    known = set(range(program.size))
    has_batches = program.has_batches
    for step in program.steps:
        _check_known(step.operands, known, step)
        if isinstance(step, Guard):
            continue
        step.op.complete(step.operands, {})
        if step.result in known:
            raise JitError(f"{step} computes what was computed before")
        known.add(step.result)
        if has_batches:
            _check_lanes(step, program.varying)
    _check_known([x for x in program.outputs if x is not None], known, "the result")
    _check_known([row.of for row in program.rows], known, "the result")
    _check_rows(program)
    if len(program.outputs) != program.structure.size:
        raise JitError(f"{program.structure!r} cannot hold {len(program.outputs)} outputs")
    return program


def _check_known(operands: Iterable[Any], known: set[int], user: object) -> None:
    for x in operands:
        if type(x) is not float and x not in known:
            raise JitError(f"{user} uses {x!r}, which was not computed before it")


def _check_lanes(step: Instruction, varying: dict[int, int]) -> None:
    """Numbers of one batch only meet in an instruction, and those of a batch only where due."""
    lanes = {varying[x] for x in step.operands if type(x) is int and x in varying}
    if isinstance(step.op, Lanes):
        may_vary = step.op.kind in {"sum", "pick", "spread"}
        legal = lanes <= ({step.op.lanes} if may_vary else set())
    else:
        legal = len(lanes) <= 1
    if not legal:
        raise JitError(
            f"{step} mixes samples of different batches, or of one with what all of them share"
        )


def _check_rows(program: Program) -> None:
    if any(map(program.lanes, program.outputs)):
        raise JitError("a number of a sample leaves the function that is mapped over the batch")
    # What all samples turn out to share, `passes.settle` takes out of the rows.
    if any(program.lanes(row.of) not in {0, row.lanes} for row in program.rows):
        raise JitError("a row of results is not of its batch")


def parts(program: Program, longest: int) -> list[Sequence[Step]]:
    """The steps cut into parts of at most so many; one part where there are no steps."""
    starts = range(0, len(program.steps), longest)
    return [program.steps[start : start + longest] for start in starts] or [()]


def crossing(program: Program, cut: list[Sequence[Step]]) -> dict[int, int]:
    """The results that another part than their own uses, each with a slot to wait in."""
    home: dict[Operand, int] = {}
    slots: dict[int, int] = {}
    used = [[x for step in part for x in step.operands] for part in cut]
    used[-1] += [x for x in program.outputs if x is not None] + [row.of for row in program.rows]
    for i, part in enumerate(cut):
        for x in used[i]:
            if isinstance(x, int) and home.get(x, i) != i:
                slots.setdefault(x, len(slots))
        home |= {step.result: i for step in part if isinstance(step, Instruction)}
    return slots
