"""A program as modules of LLVM's language: functions of straight-line code, called in turn.

`run(x, y, v)` reads the inputs from the buffers at `x` and writes the outputs to those at `y`. It
returns -1, or the place of the guard that fails. At `v` is the memory in which numbers wait.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from micrograd_gd.compiler.backends.llvm import calls, loops
from micrograd_gd.compiler.backends.llvm.expression import FAST_MATH
from micrograd_gd.compiler.backends.llvm.kinds import LANES, SCALAR
from micrograd_gd.compiler.backends.llvm.lines import DATA, cut
from micrograd_gd.compiler.backends.llvm.memory import TOGETHER, Memory, Part
from micrograd_gd.compiler.backends.llvm.scalars import ScalarWriter
from micrograd_gd.compiler.backends.llvm.templates import Templates
from micrograd_gd.compiler.instructions import Guard, Instruction, Statement, take_term
from micrograd_gd.compiler.lanes import operation
from micrograd_gd.compiler.program import BatchOutput, Program
from micrograd_gd.compiler.schedule import Schedule, Stage, is_kind, schedule
from micrograd_gd.table.ops import Operation

_COPY = Operation("copy", ("x",), "x", ("1",), "x itself.")


class ModuleWriter:
    """The text of a program, in functions of about `longest` lines at most."""

    def __init__(self, program: Program, longest: int, longest_in_lanes: int) -> None:
        self._templates = Templates(FAST_MATH if program.fast_math else "")
        program, order = _plan(program)
        self._program = program
        self._parts: list[Part] = []
        self.weight = 0  # lines, roughly
        numbers = count(program.free_number)
        for i, stage in enumerate(order.stages):
            kind, most = (LANES, longest_in_lanes) if stage.lanes else (SCALAR, longest)
            pairs = [
                (each, self._templates.find(each, kind))
                for each in _unfold(stage.statements, numbers)
            ]
            weights = [template.weight for _, template in pairs]
            self.weight += sum(weights)
            weighed = zip(pairs, weights, strict=True)
            self._parts += [Part(i, stage.lanes, part) for part in cut(weighed, most)]
        self._memory = Memory(program, order, self._parts)
        self.kept = self._memory.kept  # numbers for each sample of the open lengths
        behind = 8 * (TOGETHER - 1) * sum(self.kept)
        self.scratch = self._memory.size + behind + calls.ALIGNING * program.has_batches  # numbers

    def write(self, most: int) -> Iterator[str]:
        """The modules, each with at most so many functions; the last one calls all functions."""
        writer = ScalarWriter(self._program, self._memory)
        if len(self._parts) == 1:
            yield self._write_module([writer.write_function("run", self._parts[0])])
            return
        for start in range(0, len(self._parts), most):
            cut = enumerate(self._parts[start : start + most], start)
            yield self._write_module([
                loops.write_function(i, part, self._program, self._memory)
                if part.lanes
                else writer.write_function(f"part{i}", part)
                for i, part in cut
            ])  # fmt: skip
        yield "\n".join(calls.write_run(self._parts, self._program, self._memory))

    def _write_module(self, defined: list[str]) -> str:
        declared = loops.DECLARED if self._program.has_batches else ()
        return "\n".join([*declared, *self._templates.write_functions(), *defined, DATA])


def _plan(program: Program) -> tuple[Program, Schedule]:
    """The program and its stages. The last stage runs once, and gives out sums and inputs.

    A pack that is an output needs a statement that writes it: a copy. So does what all samples
    share: it is spread.
    """
    if not program.has_batches:
        return program, Schedule([Stage(0, tuple(program.statements))], {})
    packs = {each.result for each in program.instructions if is_kind(each, "pack")}
    statements, batches, outputs = (
        [*program.statements],
        [*program.batch_outputs],
        [*program.outputs],
    )
    for i, span in program.output_layout.find_columns().items():
        batches.append(BatchOutput(outputs[i], i, span.size, -span.axis))
        outputs[i] = None
    for i, each in enumerate(batches):
        is_pack = isinstance(each.number, int) and each.number in packs
        is_computed = not is_pack and each.number not in program.columns
        if not (is_computed and program.find_lanes(each.number)):
            op = _COPY if is_pack else operation("spread", each.lanes)
            statements.append(Instruction(program.free_number + i, op, (each.number,)))
            batches[i] = each._replace(number=program.free_number + i)
    program = replace(
        program,
        statements=tuple(statements),
        outputs=tuple(outputs),
        batch_outputs=tuple(batches),
    )
    order = schedule(program)
    return program, order._replace(stages=[*order.stages, Stage(0, ())])


def _unfold(statements: Sequence[Statement], numbers: Iterator[int]) -> Iterator[Statement]:
    """The statements; an operation that folds becomes one instruction for each of its terms."""
    for each in statements:
        if isinstance(each, Guard) or not each.op.folds:
            yield each
            continue
        sum_so_far, terms = each.operands[0], each.op.terms(each.operands)
        op = take_term(each.op)
        if not terms:
            yield Instruction(each.result, _COPY, each.operands)
        for i, term in enumerate(terms, 1):
            result = each.result if i == len(terms) else next(numbers)
            yield Instruction(result, op, (sum_so_far, *term))
            sum_so_far = result
