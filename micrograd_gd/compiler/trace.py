"""From a function to a program: it is called on values, and what they do is written down.

The engines report every node and every comparison while a trace is under way (`blocks.Trace`). What
a program could not repeat, such as taking a number out of the graph, is refused then and there.
"""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from micrograd_gd.compiler import branches
from micrograd_gd.compiler import vmap as batch
from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Step
from micrograd_gd.compiler.program import Program, Row
from micrograd_gd.core import blocks
from micrograd_gd.engine import Value
from micrograd_gd.errors import JitError, NotANumberError
from micrograd_gd.table.numbers import number
from micrograd_gd.table.ops import Operation, operation
from micrograd_gd.transforms import trees

_WHERE = operation("where")
_CONSTANT = Operation("constant", ("x",), "x", ("None",), "x, taken as a constant.")


class Traced:
    """One call of a function on `inputs`, written down as it happens.

    Raises JitError for what a program could not repeat, and for a result that is no number.
    """

    def __init__(
        self,
        name: str,
        inputs: Sequence[Value],
        arguments: tuple[tuple[str, trees.Structure], ...],
        call: Callable[[], Any],
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.arguments = arguments
        self.events: list[Any] = []  # nodes and decisions, in the order in which they came
        self._decided: set[tuple[Any, ...]] = set()
        self._refuses_branches = False  # while a formula is tried without one
        self.lanes = 0  # of the batch whose sample is being traced
        self.has_lanes = False  # whether there was a batch
        self._lanes_of: dict[Value, int] = {}  # of the events so far that are varying
        self._looked = 0  # at so many events
        self._masks: dict[Value, Any] = {}  # of derivatives that only some samples have
        try:
            with blocks.tracing(self):
                result = call()
        except NotANumberError as error:
            raise JitError(f"{name} cannot be compiled: {error}; at {_line(error)}") from error
        try:
            self.outputs, self.structure = trees.flatten(result, "the result")
        except NotANumberError as error:
            raise JitError(f"{name} cannot be compiled: {error}") from error

    def result(self) -> Any:
        """What the call returned, as plain numbers; of a batch, lane 0 alone was computed."""
        numbers = [y.data if isinstance(y, Value) else y for y in self.outputs]
        return trees.unflatten(self.structure, numbers)

    def program(self) -> Program:
        """The program, as it was written down."""
        numbers: dict[Value, int] = {x: i for i, x in enumerate(self.inputs)}
        made = {event for event in self.events if isinstance(event, Value)}
        outputs, rows = _rows(self.outputs)
        used = [
            (event.operands if isinstance(event, Value) else (event.left, event.right))
            for event in self.events
        ]
        captured = {
            x: None
            for operands in (*used, outputs, [row.of for row in rows])
            for x in operands
            if isinstance(x, Value) and x not in made and x not in numbers
        }
        for node in (*captured, *(e for e in self.events if isinstance(e, Value))):
            numbers[node] = len(numbers)

        def numbered(operands: Sequence[Any]) -> tuple[Operand, ...]:
            return tuple([numbers[x] if isinstance(x, Value) else x for x in operands])

        steps: list[Step] = []
        for event, operands in zip(self.events, used, strict=True):
            if isinstance(event, Value):
                steps.append(Instruction(numbers[event], _operation(event), numbered(operands)))
            else:
                left, right = numbered(operands)
                steps.append(Guard(left, event.relation, right, holds=event.holds))
        return Program(
            arguments=self.arguments,
            captured=tuple(captured),
            steps=tuple(steps),
            outputs=numbered(outputs),
            rows=tuple([row._replace(of=numbers[row.of]) for row in rows]),
            structure=self.structure,
            labels={i: x.label for x, i in numbers.items() if x.label},
        )

    # What the engines report.

    def compared(self, node: Any, relation: str, other: Any, answer: Any) -> None:
        """Keep how the comparison ended, unless no other number could have changed that."""
        if self._refuses_branches:
            raise _BranchError
        if self.lanes_of(node) or self.lanes_of(other):
            self._refuse_branch()
        if isinstance(other, Value):
            key: tuple[Any, ...] = (id(node), relation, id(other))
        elif isinstance(answer, bool) and (other is None or isinstance(other, str)):
            return
        else:
            other = number(other, "what a value is compared with")
            key = (id(node), relation, "number", other)
        if key not in self._decided:
            self._decided.add(key)
            self.events.append(_Decision(node, relation, other, bool(answer)))

    def touched(self, node: Any, what: str) -> None:
        """Refuse what a program could not repeat."""
        label = getattr(node, "label", "")
        of = f" of {label!r}" if label else ""
        raise JitError(
            f"{self.name} cannot be compiled: it uses {what}{of}, and a program would keep today's "
            f"number, at {blocks.line_of_the_user()}; compute with values, and take gradients by "
            f"value_and_grad"
        )

    def constant(self, node: Any) -> Any:
        """The same number as a node that no derivative flows through."""
        return Value.record(_CONSTANT, node)

    def partial(self, node: Any, i: int, *, last: bool) -> Any:
        """The partial for operand i, written out where that takes no branch.

        Where it does, the last sweep takes the formula as one instruction with all its branches.
        What is to be differentiated again stays written out, and each branch taken is a guard; or
        a choice for each sample of a batch.
        """
        slope: Operation | None = node.op.slope(i) if last else None
        if slope is not None and not isinstance(slope.value, str):
            return Value.record(slope, *node.operands, node)  # Python code, which wants floats
        if slope is None and self.lanes_of(node) and (chosen := branches.partial(node.op, i)):
            return chosen(*node.operands, node)
        before, self._refuses_branches = len(self.events), slope is not None
        try:
            return node.op.partial(i, node.operands, node)
        except _BranchError:
            assert slope is not None, "only then branches are refused"  # noqa: S101 — for the types
        finally:
            self._refuses_branches = False
        del self.events[before:]
        self._looked = min(self._looked, before)
        return Value.record(slope, *node.operands, node)

    # Batches.

    @contextmanager
    def batch(self, lanes: int) -> Iterator[None]:
        """While one sample is traced that stands for so many."""
        self.lanes, self.has_lanes = lanes, True
        try:
            yield
        finally:
            self.lanes = 0

    def lanes_of(self, x: Any) -> int:
        """How many lanes a varying number has; 0 for all others."""
        if not self.has_lanes:
            return 0
        for event in self.events[self._looked :]:
            if isinstance(event, Value):
                op = event.op
                if isinstance(op, batch.Lanes):
                    lanes = op.gives
                else:
                    known = self._lanes_of
                    lanes = max([known.get(y, 0) for y in event.operands if isinstance(y, Value)])
                if lanes:
                    self._lanes_of[event] = lanes
        self._looked = len(self.events)
        return self._lanes_of.get(x, 0) if isinstance(x, Value) else 0

    def total(self, xs: Sequence[Any]) -> Any:
        """The sum of a whole batch as one node, if that is what the numbers are, or None."""
        varying = batch.whole(xs) if self.has_lanes else None
        return None if varying is None else batch.record("sum", len(xs), varying)

    def fresh(self, x: Any) -> Any:
        """A node of its own with the same number, for derivatives along it alone.

        Within a batch it is varying: each sample has a derivative of its own.
        """
        return batch.record("spread", self.lanes, x) if self.lanes else x * 1.0

    def flows(self, node: Any, i: int) -> bool:
        """Whether a derivative reaches operand i for other samples, if for these numbers none.

        Where all numbers are the same for the batch, that is a branch, which may be a guard.
        """
        flows = self._flows(node, i)
        if flows is None:
            self.partial(node, i, last=False)
        return isinstance(flows, Value)

    def pulled(self, node: Any, i: int, g: Any, step: Any) -> Any:
        """What of the adjoint's step reaches operand i, where that enters or leaves a batch."""
        lanes = self.lanes_of(node)
        match node.op:
            case batch.Lanes(kind="pick", lanes=n):
                return batch.record("place", n, step, node.operands[1])
            case batch.Lanes(kind="place"):
                return self._picked(step, node.operands[1], lanes)
            case batch.Lanes(kind="pack"):
                return self._picked(step, float(i), lanes)
        step = self._where_there(node, i, g, step)
        if lanes and not self.lanes_of(node.operands[i]):
            return self._summed(step, lanes)
        return step

    def _where_there(self, node: Any, i: int, derivative: Any, step: Any) -> Any:
        """The step in those samples that have one, -0.0 in others, whose partial may be infinite.

        `where` has a derivative by one operand only, another one in each sample. On its further
        way, a mask tells which samples a derivative is there for: those where it is not 0.
        """
        mask = self._masks.get(derivative) if isinstance(derivative, Value) else None
        here = self._flows(node, i)
        if isinstance(here, Value):
            mask = here if mask is None else _WHERE(here, mask, 0.0)
        elif mask is None or step is derivative:
            return step
        step = _WHERE(mask, step, -0.0)
        self._masks[step] = mask
        return step

    def _flows(self, node: Any, i: int) -> Any:
        """In which samples a derivative reaches operand i, 1 or 0; None where numbers do not say.

        A plain number stands for all samples alike, which then is so for all numbers to come.
        """
        flows = branches.flows(node.op, i) if self.lanes_of(node) else None
        return None if flows is None else flows(*node.operands, node)

    def joined(self, a: Any, b: Any) -> Any:
        """The sum of two steps that reach the same operand."""
        step = a + b
        if self._masks and a in self._masks and b in self._masks:
            mask, other = self._masks[a], self._masks[b]
            self._masks[step] = mask if mask is other else _WHERE(mask, 1.0, other)
        return step

    def pushed(self, node: Any, i: int, dx: Any, step: Any) -> Any:
        """What of the tangent's step from operand i reaches the node, likewise."""
        match node.op:
            case batch.Lanes(kind="sum", lanes=n):
                return self._summed(step, n)
            case batch.Lanes(kind="pick", lanes=n):
                return self._picked(step, node.operands[1], n)
            case batch.Lanes(kind="place", lanes=n):
                return batch.record("place", n, step, node.operands[1])
            case batch.Lanes(kind="pack", lanes=n):
                return batch.record("place", n, step, float(i))
        return self._where_there(node, i, dx, step)

    def _summed(self, step: Any, lanes: int) -> Any:
        return batch.record("sum", lanes, step) if self.lanes_of(step) else step * float(lanes)

    def _picked(self, step: Any, i: float, lanes: int) -> Any:
        return batch.record("pick", lanes, step, i) if self.lanes_of(step) else step

    def _refuse_branch(self) -> None:
        raise JitError(
            f"{self.name} cannot be compiled: a branch depends on a number that each sample of the "
            f"batch has another of, at {blocks.line_of_the_user()}; functional.where with a test, "
            f"such as less(a, b), and maximum, clip and relu choose without a branch"
        )


def _rows(outputs: Sequence[Any]) -> tuple[list[Any], list[Row]]:
    """The outputs, with None where a row stands for them: all lanes of a varying number, evenly."""
    places: dict[Value, list[int]] = {}
    for place, y in enumerate(outputs):
        if batch.is_kind(y, "pick") and y.operands[1] == len(places.setdefault(y.operands[0], [])):
            places[y.operands[0]].append(place)
    left, rows = [*outputs], []
    for varying, found in places.items():
        if not found or len(found) < outputs[found[0]].op.lanes:
            continue
        stride = found[1] - found[0] if len(found) > 1 else 1
        if found == [*range(found[0], found[0] + len(found) * stride, stride)]:
            rows.append(Row(varying, found[0], stride, len(found)))
            for place in found:
                left[place] = None
    return left, rows


class _Decision(NamedTuple):
    """A comparison, and how it ended."""

    left: Any
    relation: str
    right: Any
    holds: bool


class _BranchError(Exception):
    """A formula that is to be written out asks how numbers compare."""


def _operation(node: Value) -> Operation:
    assert node.op is not None, "what was recorded has an operation"  # noqa: S101 — for the types
    return node.op


def _line(error: BaseException) -> str:
    """The user's line that led to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith((blocks.PACKAGE, "<"))]
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}" if theirs else "a line of the package"
