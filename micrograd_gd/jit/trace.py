"""From a function to a program: it is called on values, and what they do is written down.

The engines report every node and every comparison while a trace is under way (`modes.Trace`). What
a program could not repeat, such as taking a number out of the graph, is refused then and there.
"""

import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from micrograd_gd import modes, trees
from micrograd_gd.engine import Value
from micrograd_gd.errors import JitError, NotANumberError
from micrograd_gd.jit.program import Guard, Instruction, Operand, Program, Step
from micrograd_gd.operation import Operation, number

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
        self._inputs = inputs
        self._arguments = arguments
        self._events: list[Value | _Decision] = []  # in the order in which they happened
        self._decided: set[tuple[Any, ...]] = set()
        try:
            with modes.tracing(self):
                result = call()
        except NotANumberError as error:
            raise JitError(f"{name} cannot be compiled: {error}; at {_line(error)}") from error
        try:
            self._outputs, self._structure = trees.flatten(result, "the result")
        except NotANumberError as error:
            raise JitError(f"{name} cannot be compiled: {error}") from error

    def result(self) -> Any:
        """What the call returned, as plain numbers."""
        numbers = [y.data if isinstance(y, Value) else y for y in self._outputs]
        return trees.unflatten(self._structure, numbers)

    def program(self) -> Program:
        """The program, as it was written down."""
        numbers: dict[Value, int] = {x: i for i, x in enumerate(self._inputs)}
        made = {event for event in self._events if isinstance(event, Value)}
        used = [
            (event.operands if isinstance(event, Value) else (event.left, event.right))
            for event in self._events
        ]
        captured = {
            x: None
            for operands in (*used, self._outputs)
            for x in operands
            if isinstance(x, Value) and x not in made and x not in numbers
        }
        for node in (*captured, *(e for e in self._events if isinstance(e, Value))):
            numbers[node] = len(numbers)

        def numbered(operands: Sequence[Any]) -> tuple[Operand, ...]:
            return tuple([numbers[x] if isinstance(x, Value) else x for x in operands])

        steps: list[Step] = []
        for event, operands in zip(self._events, used, strict=True):
            if isinstance(event, Value):
                steps.append(Instruction(numbers[event], _operation(event), numbered(operands)))
            else:
                left, right = numbered(operands)
                steps.append(Guard(left, event.relation, right, holds=event.holds))
        return Program(
            arguments=self._arguments,
            captured=tuple(captured),
            steps=tuple(steps),
            outputs=numbered(self._outputs),
            structure=self._structure,
            labels={i: x.label for x, i in numbers.items() if x.label},
        )

    # What the engines report.

    def recorded(self, node: Any, *, keeps: bool) -> None:
        """Keep the node, which holds its operation and its operands."""
        if not keeps:
            self.touched(node, "no_grad()")
        self._events.append(node)

    def compared(self, node: Any, relation: str, other: Any, answer: Any) -> None:
        """Keep how the comparison ended, unless no other number could have changed that."""
        if isinstance(other, Value):
            key: tuple[Any, ...] = (id(node), relation, id(other))
        elif isinstance(answer, bool) and (other is None or isinstance(other, str)):
            return
        else:
            other = number(other, "what a value is compared with")
            key = (id(node), relation, "number", other)
        if key not in self._decided:
            self._decided.add(key)
            self._events.append(_Decision(node, relation, other, bool(answer), key))

    def touched(self, node: Any, what: str) -> None:
        """Refuse what a program could not repeat."""
        label = getattr(node, "label", "")
        of = f" of {label!r}" if label else ""
        raise JitError(
            f"{self.name} cannot be compiled: it uses {what}{of}, and a program would keep today's "
            f"number, at {modes.line_of_the_user()}; compute with values, and take gradients by "
            f"value_and_grad"
        )

    def constant(self, node: Any) -> Any:
        """The same number as a node that no derivative flows through."""
        return Value.record(_CONSTANT, node)

    def partial(self, node: Any, i: int, *, last: bool) -> Any:
        """The partial for operand i, written out where that takes no branch.

        Where it does, the last sweep takes the formula as one instruction with all its branches.
        What is to be differentiated again stays written out, and each branch taken is a guard.
        """
        slope = node.op.slope(i) if last else None
        if slope is not None and not isinstance(slope.value, str):
            return Value.record(slope, *node.operands, node)  # Python code, which wants floats
        before = len(self._events)
        partial = node.op.partial(i, node.operands, node)
        if slope is None or not any(isinstance(e, _Decision) for e in self._events[before:]):
            return partial
        for event in self._events[before:]:
            if isinstance(event, _Decision):
                self._decided.remove(event.key)
        del self._events[before:]
        return Value.record(slope, *node.operands, node)


class _Decision(NamedTuple):
    """A comparison, how it ended, and what tells it from others."""

    left: Any
    relation: str
    right: Any
    holds: bool
    key: tuple[Any, ...]


def _operation(node: Value) -> Operation:
    assert node.op is not None, "what was recorded has an operation"  # noqa: S101 — for the types
    return node.op


def _line(error: BaseException) -> str:
    """The user's line that led to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith((modes.PACKAGE, "<"))]
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}" if theirs else "a line of the package"
