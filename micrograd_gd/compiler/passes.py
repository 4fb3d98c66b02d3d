"""The optimizer: from the program that a trace wrote down to a shorter one with the same bits.

The scan forward simplifies one instruction after the other, and the scan back leaves out what
nothing depends on. No arithmetic is reordered, and what is computed ahead is computed by the
functions that the program would call. `core/native/passes/` does the same in C where no samples
of a batch are told apart.
"""

import ast
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_gd.compiler.choices import CHOOSING, Choices
from micrograd_gd.compiler.instructions import (
    EncodedStatements,
    Guard,
    Instruction,
    Operand,
    Statement,
)
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.layout import Layout
from micrograd_gd.compiler.neighbors import compute_in_place
from micrograd_gd.compiler.program import Program, find_numbers, find_result_lanes
from micrograd_gd.compiler.schedule import is_kind
from micrograd_gd.compiler.verify import verify
from micrograd_gd.compiler.writing import make_program, write_program
from micrograd_gd.core.choice import native_part
from micrograd_gd.table.ops import Operation, operation

if TYPE_CHECKING:
    from micrograd_gd.compiler.trace import Trace

Rule = Callable[[Instruction], Operand | None]  # the operand that a result equals, if it knows one

_optimize_in_c = native_part("optimize")


def optimize_trace(traced: "Trace") -> Program:
    """The optimized program of a trace: by the native core in one go, if that is there."""
    found = None
    is_for_c = traced.lengths and not traced.held.cuts  # which tells no neighbors apart
    if _optimize_in_c and (is_for_c or not traced.batches.any):
        found = _optimize_in_c(
            traced.all_inputs,
            traced.events,
            traced.leave_zeros(traced.outputs),
            describe,
            traced.lengths,
            Layout([structure for _, structure in traced.all_arguments]).lanes,
            Layout([traced.structure]).lanes,
            _make_shortening(),
        )
    if found is None:
        return optimize(write_program(traced))
    captured, labels, *encoded = found
    statements = EncodedStatements(*encoded)
    outputs = statements.decode_operands(statements.outputs)
    return make_program(traced, captured, statements, outputs, labels)


def _make_shortening() -> Callable[[int, Operation, tuple[Operand, ...]], Any]:
    """What shortens choices, with an operation and its operands for an instruction."""
    choices = Choices()

    def shorten(result: int, op: Operation, operands: tuple[Operand, ...]) -> Any:
        found = choices.shorten(Instruction(result, op, operands))
        return found[1:] if isinstance(found, Instruction) else found

    return shorten


def optimize(program: Program, rule: Rule | None = None) -> Program:
    """The program after both scans; `rule` simplifies further.

    Raises JitError for a program that is not of the legal form.

    >>> from micrograd_gd import trace
    >>> print(trace(lambda x: (x * 1.0).exp() * x.exp(), 0.5))
    program(x)
        v2 = exp(x)
        v4 = v2 * v2
        return v4
    """
    if program.has_batches and not program.lengths:  # whose lanes were picked, and leave as a whole
        program = scan_back(program)
    if program.cuts:
        program = compute_in_place(program)
    return scan_back(scan_forward(verify(program), rule))


class Traits(NamedTuple):
    """What the optimizer knows of an operation."""

    is_text: bool  # a formula: it computes the same from the same numbers
    is_copy: bool  # it gives back its first operand
    right: float | None  # the number as operand 2 that leaves operand 1 as it is, whatever that is
    left: float | None  # likewise as operand 1
    fixing_right: float | None  # the number as operand 2 that makes the result the same for all
    fixing_left: float | None  # likewise as operand 1
    squared: Operation | None  # what it is where operand 2 is 2.0
    border: str  # its kind if it is at the border of a batch
    lanes: int  # of that batch
    chooses: bool  # whether `Choices` may make it shorter


def describe(op: Operation) -> Traits:
    """The traits of an operation, which follow from its row."""
    is_text = isinstance(op.value, str)
    left, right = op.neutral
    fixing = dict(op.fixing if is_text and len(op.operands) == 2 else [])
    is_copy, squared = op.value == op.operands[0], _find_squared(op)
    border, lanes = (op.kind, op.lanes) if isinstance(op, Lanes) else ("", 0)
    fixed = fixing.get(1), fixing.get(0)
    return Traits(is_text, is_copy, right, left, *fixed, squared, border, lanes, op in CHOOSING)


def _find_squared(op: Operation) -> Operation | None:
    """The operation of operand 1 that this one is where operand 2 is 2.0."""
    for letter, x, text in op.identities:
        match op.tree(text):
            case ast.Call(ast.Name(name), [ast.Name(first)]) if (first, letter) == op.operands:
                return operation(name) if x == 2.0 else None
    return None


_MULTIPLY = operation("mul")


def scan_forward(program: Program, rule: Rule | None = None) -> Program:
    """Simplify each instruction in turn; later ones use what has become of the earlier ones."""
    scan = _Scan(program, rule)
    for statement in program.statements:
        if isinstance(statement, Guard):
            scan.scan_guard(statement)
        else:
            scan.scan_instruction(statement)
    numbers = scan.resolve([each.number for each in program.batch_outputs])
    batches = zip(program.batch_outputs, numbers, strict=True)
    return replace(
        program,
        statements=tuple(scan.statements),
        outputs=scan.resolve(program.outputs),
        batch_outputs=tuple([each._replace(number=number) for each, number in batches]),
    )


class _Scan:
    """What the scan forward has found so far."""

    def __init__(self, program: Program, rule: Rule | None) -> None:
        self._find_length = program.find_length
        self.statements: list[Statement] = []  # those that are left
        self.after: dict[int, Operand] = {}  # the operand that a number has become
        self.lanes = {
            x: -span.axis for x, span in program.columns.items()
        }  # of the varying numbers
        self._rule = rule
        self._choices = Choices() if program.has_batches else None
        self._traits: dict[Operation, Traits] = {}
        self._results: dict[Any, int] = {}  # by what is computed
        self._checks: set[Any] = set()
        self._packs: dict[Operand, tuple[Operand, ...]] = {}  # the numbers in their lanes

    def resolve(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """The operands that these have become."""
        after = self.after
        return tuple([after.get(x, x) if type(x) is int else x for x in operands])

    def scan_instruction(self, instruction: Instruction) -> None:
        """Keep the instruction, or note the operand that stands for its result."""
        result, op, operands = instruction
        instruction = Instruction(result, op, self.resolve(operands))
        if isinstance(op, Lanes):
            instruction = self._multiply_if_uniform(instruction, op)
        elif self._choices:
            shorter = self._choices.shorten(instruction)
            if not isinstance(shorter, Instruction):
                self.after[result] = shorter
                return
            instruction = shorter
        traits = self._find_traits(instruction.op)
        operand = self._find_operand(instruction, traits)
        if operand is None:
            if traits.squared and _equals(instruction.operands[1], 2.0):
                instruction = Instruction(result, traits.squared, instruction.operands[:1])
            operand = self._share(instruction)
        if operand is None:
            self._keep(instruction)
        else:
            self.after[result] = operand

    def _multiply_if_uniform(self, instruction: Instruction, op: Lanes) -> Instruction:
        """A sum over a batch is a product where all samples have the same number."""
        result, _, operands = instruction
        if op.kind == "sum" and not self._is_varying(operands[0]):
            count = float(op.lanes) if op.lanes > 0 else self._find_length(op.lanes)
            return Instruction(result, _MULTIPLY, (*operands, count))
        return instruction

    def _find_operand(self, instruction: Instruction, traits: Traits) -> Operand | None:
        """The operand that the result equals, if there is one."""
        operands = instruction.operands
        if _is_fixed(traits, operands):
            operands = tuple([x if type(x) is float else 0.0 for x in operands])
        if traits.is_text and all([type(x) is float for x in operands]):  # noqa: C419 — faster
            y: float = instruction.op(*operands)
            return y
        if traits.is_copy:
            return operands[0]
        if traits.right is not None and _equals(operands[1], traits.right):
            return operands[0]
        if traits.left is not None and _equals(operands[0], traits.left):
            return operands[1]
        if is_kind(instruction, "pick") or is_kind(instruction, "largest"):
            return self._find_lane(*operands)
        return self._rule(instruction) if self._rule else None

    def _find_lane(self, x: Operand, *lane: Operand) -> Operand | None:
        """One lane of x, or the largest: x itself where all samples have the same number."""
        if lane and type(x) is int and x in self._packs:
            return self._packs[x][int(lane[0])]
        return None if self._is_varying(x) else x

    def _is_varying(self, x: Operand) -> bool:
        return type(x) is int and x in self.lanes

    def _share(self, instruction: Instruction) -> Operand | None:
        """The earlier result that is computed in the same way, if there is one."""
        result, op, operands = instruction
        if not isinstance(op.value, str) and not isinstance(op, Lanes):
            return None  # a Python function may not do the same again
        first = self._results.setdefault((op, *_make_keys(operands)), result)
        return None if first == result else first

    def _keep(self, instruction: Instruction) -> None:
        self.statements.append(instruction)
        lanes = find_result_lanes(instruction, self.lanes)
        if lanes:
            self.lanes[instruction.result] = lanes
        if is_kind(instruction, "pack"):
            self._packs[instruction.result] = instruction.operands

    def scan_guard(self, guard: Guard) -> None:
        """Keep the guard, unless constants decide it or one before it checks the same."""
        left, right = self.resolve(guard.operands)
        key = (guard.relation, *_make_keys((left, right)))
        is_decided = type(left) is float and type(right) is float
        if not is_decided and key not in self._checks:
            self._checks.add(key)
            self.statements.append(Guard(left, guard.relation, right, guard.holds))

    def _find_traits(self, op: Operation) -> Traits:
        if op not in self._traits:
            self._traits[op] = describe(op)
        return self._traits[op]


def scan_back(program: Program) -> Program:
    """Leave out what nothing depends on."""
    given = [*program.outputs, *(each.number for each in program.batch_outputs)]
    needed = {*find_numbers(given)}
    statements: list[Statement] = []
    for statement in reversed(program.statements):
        if isinstance(statement, Guard) or statement.result in needed:
            needed.update(find_numbers(statement.operands))
            statements.append(statement)
    return replace(program, statements=tuple(reversed(statements)))


def _is_fixed(traits: Traits, operands: Sequence[Operand]) -> bool:
    """Whether a constant among the operands makes the result the same for all others."""
    right, left = traits.fixing_right, traits.fixing_left
    is_right = right is not None and _equals(operands[1], right)
    return is_right or (left is not None and _equals(operands[0], left))


def _equals(x: Operand, constant: float) -> bool:
    """Whether the operand is that constant; 0.0 and -0.0 are two."""
    return type(x) is float and x == constant and math.copysign(1, x) == math.copysign(1, constant)


def _make_keys(operands: Sequence[Operand]) -> list[Any]:
    """Operands as keys that are equal only if they are the same: 0, 0.0 and -0.0 are three."""
    return [x if type(x) is int else repr(x) for x in operands]
