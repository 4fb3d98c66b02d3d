"""What `detect_anomaly` does: it checks every node and every step backward for nan and inf."""

import math
import os
import sys
from collections.abc import Container, Iterator
from typing import Any

from micrograd_gd.core.notes import Notes
from micrograd_gd.errors import NonFiniteError
from micrograd_gd.text import plain

lines: Notes[str] = Notes()  # of the user's code, of watched nodes


class Watch:
    """Remembers the line that made each node, and raises at the first number that is not finite."""

    def forward(self, node: Any) -> None:
        """Check a node that was just computed."""
        lines[node] = line = find_user_line()
        numbers = [getattr(operand, "data", operand) for operand in node.operands]
        if not math.isfinite(node.data) and all(map(math.isfinite, numbers)):
            raise NonFiniteError(f"{_write_call(node)} is {node.data}, at {line}")

    def backward(self, node: Any, operand: Any, adjoint: float, partial: float) -> None:
        """Check one step of the chain rule, from a node to one of its operands."""
        numbers = [adjoint, *(getattr(each, "data", each) for each in node.operands)]
        if all(map(math.isfinite, numbers)) and not math.isfinite(adjoint * partial):
            line = lines.get(node, "a line outside of this block")
            raise NonFiniteError(
                f"backward through {_write_call(node)} = {node.data}: its gradient {adjoint} times "
                f"its partial {partial} for {_write_operand(operand)} is {adjoint * partial}; "
                f"it was computed at {line}"
            )

    def sum(self, operand: Any, so_far: float, more: float) -> None:
        """Check one addition to the gradient of an operand that is used more than once."""
        if math.isfinite(so_far) and math.isfinite(more) and not math.isfinite(so_far + more):
            raise NonFiniteError(
                f"backward: the gradient of {_write_operand(operand)} overflows, being the sum of "
                f"{so_far} and {more}"
            )


class Watched:
    """An arithmetic under the watch: it computes with another one, and checks every step."""

    in_c = False

    def __init__(self, arithmetic: Any, watch: Watch) -> None:
        self.arithmetic = arithmetic
        self.watch = watch

    def partials(self, node: Any, among: Container[Any] | None = None) -> Iterator[Any]:
        """The partials of the other one; which operand the sweep is at is kept."""
        partials = self.arithmetic.partials(node, among)
        for operand, partial in zip(node.operands, partials, strict=True):
            self.node, self.operand = node, operand
            yield partial

    def times(self, g: Any, partial: Any) -> Any:
        """One step, if it is finite."""
        self.watch.backward(self.node, self.operand, number_of(g), number_of(partial))
        return self.arithmetic.times(g, partial)

    def plus(self, a: Any, b: Any) -> Any:
        """The sum of two steps, if it is finite."""
        self.watch.sum(self.operand, number_of(a), number_of(b))
        return self.arithmetic.plus(a, b)


def _write_call(node: Any) -> str:
    return f"{node.op.name}({', '.join(map(_write_operand, node.operands))})"


def number_of(x: Any) -> float:
    """The number of a value, or the number itself."""
    return float(getattr(x, "data", x))


def _write_operand(operand: Any) -> str:
    number = repr(getattr(operand, "data", operand))
    label = plain(getattr(operand, "label", ""))
    return f"{label} = {number}" if label else number


PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 — pathlib would slow the import


def find_user_line() -> str:
    """The line of the user's code that is running."""
    frame = sys._getframe(1)  # noqa: SLF001 — the documented way to one's callers
    while frame.f_back and frame.f_code.co_filename.startswith((PACKAGE, "<operation table>")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


_ENGINE = (f"{PACKAGE}engine.py", os.path.join(PACKAGE, "core", "protocols.py"))  # noqa: PTH118 — pathlib would slow the import


def reads_itself() -> bool:
    """Whether code of the package, and not the user's, asked the engine that asks this."""
    frame = sys._getframe(2)  # noqa: SLF001 — the documented way to one's callers
    while frame.f_back and frame.f_code.co_filename in _ENGINE:
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(PACKAGE)
