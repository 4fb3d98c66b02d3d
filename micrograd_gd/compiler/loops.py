"""A program in loops: its statements are numbered one by one, rolled, and find their operands."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from micrograd_gd.compiler.instructions import (
    EncodedStatements,
    Guard,
    Instruction,
    Operand,
    Record,
    Records,
    Statement,
    take_term,
)
from micrograd_gd.compiler.layout import Layout
from micrograd_gd.compiler.nests import OUTPUT
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.references import Nests, UnresolvedError
from micrograd_gd.compiler.roll import roll
from micrograd_gd.compiler.rolled import take_as_items


def lay_out(program: Program, captured: Sequence[Operand], fewest: int = 0) -> Nests:
    """The parts of a program without batches, in loops where that can be.

    `captured` are the operands for what the function closes over. Loops of fewer runs are written
    out.
    """
    inputs, given_out = program.input_layout, program.output_layout
    areas = [_find_area(inputs, x) for x in range(program.size)]
    kinds = {
        ~j: f"{program.derivatives.get(j)} {_find_area(given_out, j)}"
        for j in range(len(program.outputs))
    }
    rolled = roll(_number_in_order(program, captured), kinds, areas)
    try:
        return Nests(rolled.unroll_short(fewest), program.size)
    except UnresolvedError:
        return Nests(take_as_items(rolled.unroll()), program.size)


def _find_area(layout: Layout, number: int) -> tuple[int, int]:
    """What numbers have in common that lie as they are counted."""
    buffer, offset = layout.locate(number)
    return buffer, number - offset


def _number_in_order(
    program: Program, captured: Sequence[Operand]
) -> Iterable[Statement] | Records:
    """The statements, with results that are numbered one by one; and the outputs.

    An operation that folds becomes one instruction for each of its terms.
    """
    after: dict[Any, Any] = dict(enumerate(captured, program.input_count))
    if isinstance(program.statements, EncodedStatements):
        return _number_records(program, program.statements, after)
    return _number_statements(program, after)


def _number_statements(program: Program, after: dict[Any, Any]) -> Iterator[Statement]:
    number = program.size

    def rename(operands: Iterable[Operand | None]) -> tuple[Any, ...]:
        return tuple([x if isinstance(x, float) else after.get(x, x) for x in operands])

    for each in program.statements:
        operands = rename(each.operands)
        if isinstance(each, Guard):
            yield Guard(operands[0], each.relation, operands[1], each.holds)
        elif each.op.folds:
            y = operands[0]
            for term in each.op.terms(operands):
                yield Instruction(number, take_term(each.op), (y, *term))
                y, number = number, number + 1
            after[each.result] = y
        else:
            yield Instruction(number, each.op, operands)
            after[each.result], number = number, number + 1
    yield from (Instruction(~j, OUTPUT, (x,)) for j, x in enumerate(rename(program.outputs)))


def _number_records(
    program: Program, statements: EncodedStatements, after: dict[Any, Any]
) -> Records:
    """The same without decoding them."""
    each, constants, ops = statements.records
    constants, ops = [*constants], {**ops}
    for x, operand in after.items():
        if isinstance(operand, float):
            after[x] = ~len(constants)
            constants.append(operand)
    output = max(ops, default=0) + 1
    ops |= {output: OUTPUT}
    heads = {head: output + 1 + i for i, head in enumerate([x for x in ops if ops[x].folds])}
    ops |= {new: take_term(ops[head]) for head, new in heads.items()}

    def write() -> Iterator[Record]:
        number, find = program.size, after.get
        for head, result, encoded in each:
            operands: list[Any] = [find(x, x) for x in encoded]
            if head in heads:
                y, *_ = operands
                for term in ops[head].terms(operands):
                    yield heads[head], number, [y, *term]
                    y, number = number, number + 1
                after[result] = y
                continue
            if head > 0:
                after[result] = number
                yield head, number, operands
                number += 1
            else:
                yield head, -1, operands
        for j, x in enumerate(array("i", statements.outputs)):
            yield output, ~j, [find(x, x)]

    return Records(write(), constants, ops)
