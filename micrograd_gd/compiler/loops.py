"""A program in loops: its statements are numbered one by one, rolled, and find their operands."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from micrograd_gd.compiler.accumulators import Accumulators
from micrograd_gd.compiler.chains import Chain, Gathered, Queue, find_chains, hoist
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
from micrograd_gd.compiler.rolled import Rolled, size, take_as_items
from micrograd_gd.compiler.stages import Staging, fuse

SAMPLE = 2**14  # statements, for each of which a search that finds nothing takes up to 60 µs
LONGEST = 8  # operands of an operation that folds, as text


def lay_out(program: Program, fewest: int = 0) -> Nests:
    """The parts of a program without batches, in loops of so many runs where that can be."""
    captured = range(program.input_count, program.size)
    return _arrange(_Numbering(program, captured, _label_outputs(program)), fewest)


def lay_out_in_lanes(program: Program, fewest: int = 0) -> Nests:
    """The parts of a program with batches, in loops.

    Raises UnresolvedError where that cannot be.
    """
    program, staging = fuse(program), Staging(program)
    captured, labels = range(program.input_count, program.size), _label_outputs(program)
    statements = _Numbering(program, captured, labels).take_statements()
    rolled = _roll(program, staging.label(statements, labels), labels)
    return Nests(rolled.unroll_short(fewest), program.size, staging.found)


def _label_outputs(program: Program) -> dict[int, str]:
    given_out = program.output_layout
    return {
        ~j: f"{program.derivatives.get(j)} {_find_area(given_out, j)}"
        for j in range(len(program.outputs))
    }


def has_loops(program: Program) -> bool:
    """Whether loops have most statements; of a long program, most of those in its middle."""
    statements = program.statements
    start = (len(statements) - SAMPLE) // 2
    if start < SAMPLE:
        return True
    if isinstance(statements, EncodedStatements):
        records = statements.records
        sample: Any = records._replace(each=islice(records.each, start, start + SAMPLE))
    else:
        sample = statements[start : start + SAMPLE]
    return 2 * size(roll(sample).items) < SAMPLE


class Reading(NamedTuple):
    """A program to be read: sums that grow in loops are accumulators."""

    nests: Nests
    accumulators: Accumulators
    labels: dict[int, str]  # of results
    lanes: dict[int, int]  # of varying ones


def lay_out_as_text(program: Program, outputs: Sequence[Operand], kinds: Sequence[str]) -> Reading:
    """The same of any program, to be read, with outputs of different kinds."""
    labels = {~j: kind for j, kind in enumerate(kinds)}
    captured = range(program.input_count, program.size)
    return _arrange_to_read(_Numbering(program, captured, labels, outputs, program.labels, LONGEST))


def lay_out_as_source(program: Program) -> Reading:
    """The same of a program without batches, with the numbers of today that it closes over."""
    captured = [x.data for x in program.captured]
    return _arrange_to_read(_Numbering(program, captured, _label_outputs(program)))


def _arrange_to_read(numbering: "_Numbering") -> Reading:
    """The statements in loops; first to see what is added again and again, and what is complete."""
    size, labels = numbering.program.size, numbering.labels
    statements = hoist([*numbering.take_statements()])
    chains = find_chains(statements, labels)
    gathered, rolled = _gather(numbering, statements, chains)
    arrays = Accumulators(_find_nests(rolled, size), size, gathered.chains).arrays
    if arrays and not numbering.program.guards:  # these stay in order, and all else with them
        statements = Queue(statements, chains, arrays).list_all()
        chains = find_chains(statements, labels)
        gathered, rolled = _gather(numbering, statements, chains)
    repeated = gathered.find_repeated(rolled.items)
    while True:
        gathered, rolled = _gather(numbering, statements, repeated)
        nests = _find_nests(rolled, size)
        accumulators = Accumulators(nests, size, gathered.chains)
        if not accumulators.refused:
            lanes = gathered.rename(numbering.lanes)
            return Reading(nests, accumulators, gathered.rename(labels), lanes)
        refused = accumulators.refused
        repeated -= refused
        repeated |= {x._replace(is_copied=True) for x in refused if not x.is_copied}


def _gather(
    numbering: "_Numbering", statements: Sequence[Statement], chains: Iterable[Chain]
) -> tuple[Gathered, Rolled]:
    gathered = Gathered(statements, chains, numbering.program.size)
    labels = gathered.rename(numbering.labels)
    return gathered, _roll(numbering.program, gathered.statements, labels)


def _arrange(numbering: "_Numbering", fewest: int) -> Nests:
    program = numbering.program
    rolled = _roll(program, numbering.number(), numbering.labels)
    return _find_nests(rolled.unroll_short(fewest), program.size)


def _roll(
    program: Program, statements: Iterable[Statement] | Records, labels: Mapping[int, str]
) -> Rolled:
    return roll(
        statements, labels, [_find_area(program.input_layout, x) for x in range(program.size)]
    )


def _find_nests(rolled: Rolled, size: int) -> Nests:
    try:
        return Nests(rolled, size)
    except UnresolvedError:
        return Nests(take_as_items(rolled.unroll()), size)


def _find_area(layout: Layout, number: int) -> tuple[int, int]:
    """What numbers have in common that lie as they are counted."""
    buffer, offset = layout.locate(number)
    return buffer, number - offset


class _Numbering:
    """The statements, with results that are numbered one by one; and the outputs.

    An operation that folds more than `longest` operands becomes one instruction for each term. Of
    results with names, these are among the labels once they are numbered.
    """

    def __init__(
        self,
        program: Program,
        captured: Sequence[Operand],
        labels: dict[int, str],
        outputs: Sequence[Operand] | None = None,
        named: Mapping[int, str] | None = None,
        longest: int = 0,
    ) -> None:
        self.program = program
        self.labels = labels
        self._outputs = outputs
        self._named = named or {}
        self._longest = longest
        self._after: dict[Any, Any] = dict(enumerate(captured, program.input_count))
        self.lanes: dict[int, int] = {}  # of varying numbers

    def number(self) -> Iterable[Statement] | Records:
        """One after the other, encoded if they are."""
        statements = self.program.statements
        if isinstance(statements, EncodedStatements) and not self.program.has_batches:
            return self._take_records(statements)
        return self.take_statements()

    def _finish(self, result: int, number: Any) -> None:
        self._after[result] = number
        if result in self._named:
            self.labels[number] = self._named[result]

    def _find_lanes(self, result: int, numbers: Iterable[int]) -> None:
        if lanes := self.program.find_lanes(result):
            self.lanes |= dict.fromkeys(numbers, lanes)

    def take_statements(self) -> Iterator[Statement]:
        """One after the other."""
        number = self.program.size
        has_lanes = self._longest and self.program.has_batches  # which text alone asks for
        for each in self.program.statements:
            before, operands = number, self._rename(each.operands)
            if isinstance(each, Guard):
                yield Guard(operands[0], each.relation, operands[1], each.holds)
            elif each.op.folds and len(operands) > self._longest:
                y = operands[0]
                for term in each.op.terms(operands):
                    yield Instruction(number, take_term(each.op), (y, *term))
                    y, number = number, number + 1
                self._finish(each.result, y)
            else:
                self._finish(each.result, number)
                yield Instruction(number, each.op, operands)
                number += 1
            if has_lanes and isinstance(each, Instruction):
                self._find_lanes(each.result, range(before, number))
        outputs: Any = self.program.outputs if self._outputs is None else self._outputs
        yield from (Instruction(~j, OUTPUT, (x,)) for j, x in enumerate(self._rename(outputs)))

    def _rename(self, operands: Iterable[Operand]) -> tuple[Any, ...]:
        after = self._after
        return tuple([x if isinstance(x, float) else after.get(x, x) for x in operands])

    def _take_records(self, statements: EncodedStatements) -> Records:
        """The same without decoding them."""
        each, constants, ops = statements.records
        constants, ops = [*constants], {**ops}
        for x, operand in self._after.items():
            if isinstance(operand, float):
                self._after[x] = ~len(constants)
                constants.append(operand)
        output = max(ops, default=0) + 1
        ops |= {output: OUTPUT}
        heads = {head: output + 1 + i for i, head in enumerate([x for x in ops if ops[x].folds])}
        ops |= {new: take_term(ops[head]) for head, new in heads.items()}

        def write() -> Iterator[Record]:
            number, find, finish = self.program.size, self._after.get, self._finish
            for head, result, encoded in each:
                operands: list[Any] = [find(x, x) for x in encoded]
                if head in heads and len(operands) > self._longest:
                    y, *_ = operands
                    for term in ops[head].terms(operands):
                        yield heads[head], number, [y, *term]
                        y, number = number, number + 1
                    finish(result, y)
                elif head > 0:
                    finish(result, number)
                    yield head, number, operands
                    number += 1
                else:
                    yield head, -1, operands
            for j, x in enumerate(array("i", statements.outputs)):
                yield output, ~j, [find(x, x)]

        return Records(write(), constants, ops)
