"""A trace as a program, as it was written down: the nodes and decisions, numbered."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from micrograd_gd.compiler import lanes
from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Statement
from micrograd_gd.compiler.program import BatchOutput, Program
from micrograd_gd.engine import Value

if TYPE_CHECKING:
    from micrograd_gd.compiler.trace import Trace


def write_program(traced: "Trace") -> Program:
    """The program: what the values did, numbered."""
    numbers: dict[Value, int] = {x: i for i, x in enumerate(traced.all_inputs)}
    nodes = [event for event in traced.events if isinstance(event, Value)]
    made = {*nodes, *traced.lengths}
    outputs, batches = _find_batches(traced.outputs)
    outputs = traced.leave_zeros(outputs)
    batches = [each._replace(number=traced.leave_zeros([each.number])[0]) for each in batches]
    used = [
        (event.operands if isinstance(event, Value) else (event.left, event.right))
        for event in traced.events
    ]
    captured = {
        x: None
        for operands in (*used, outputs, [each.number for each in batches])
        for x in operands
        if isinstance(x, Value) and x not in made and x not in numbers
    }
    for node in (*captured, *traced.lengths, *nodes):
        numbers[node] = len(numbers)

    def write(operands: Sequence[Any]) -> tuple[Operand, ...]:
        return tuple([numbers[x] if isinstance(x, Value) else x for x in operands])

    statements: list[Statement] = []
    for event, operands in zip(traced.events, used, strict=True):
        if isinstance(event, Value):
            op = event.op
            assert op, "what was recorded has an operation"  # noqa: S101 — for the types
            statements.append(Instruction(numbers[event], op, write(operands)))
        else:
            left, right = write(operands)
            statements.append(Guard(left, event.relation, right, holds=event.holds))
    batches = [x._replace(number=numbers[x.number]) for x in batches]
    labels = {i: x.label for x, i in numbers.items() if x.label}
    return make_program(traced, [*captured], tuple(statements), write(outputs), labels, batches)


def make_program(
    traced: "Trace",
    captured: Sequence[Value],
    statements: Sequence[Statement],
    outputs: tuple[Operand | None, ...],
    labels: dict[int, str],
    batches: Sequence[BatchOutput] = (),
) -> Program:
    """The program with these statements.

    Raises JitError where a captured value stands for an argument of another call.
    """
    traced.refuse_stale(captured)
    return Program(
        arguments=traced.all_arguments,
        captured=tuple(captured),
        statements=statements,
        outputs=outputs,
        structure=traced.structure,
        labels=labels,
        batch_outputs=tuple(batches),
        lengths=tuple(traced.held.counts),
        cuts=traced.held.find_cuts(),
        held=tuple(traced.held.arrays),
        derivatives=traced.derivatives,
        is_careful=traced.is_careful,
        ways=tuple(traced.ways.found),
        guards_ways=bool(traced.ways.missing),
    )


def _find_batches(outputs: Sequence[Any]) -> tuple[list[Any], list[BatchOutput]]:
    """The outputs, with None where they are all lanes of a varying number, evenly spaced.

    A number may be there several times.
    """
    runs: dict[tuple[Value, float], deque[list[int]]] = defaultdict(deque)  # by the lane to come
    for place, y in enumerate(outputs):
        if lanes.is_kind(y, "pick"):
            varying, lane = y.operands
            run = runs[varying, lane].popleft() if runs[varying, lane] else []
            if lane == len(run):
                run.append(place)
                runs[varying, lane + 1].append(run)
    left, batches = [*outputs], []
    complete = [
        (varying, run)
        for (varying, lane), found in runs.items()
        for run in found
        if lane == outputs[run[0]].op.lanes
    ]
    for varying, found in complete:
        stride = found[1] - found[0] if len(found) > 1 else 1
        if found == [*range(found[0], found[0] + len(found) * stride, stride)]:
            batches.append(BatchOutput(varying, found[0], stride, len(found)))
            for place in found:
                left[place] = None
    return left, batches
