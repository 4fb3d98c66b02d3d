"""What the box of a node says: its name, its operation, its number and its gradient, in lines."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from micrograd_gd import expression
from micrograd_gd.engine import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_gd.operation import Operation
    from micrograd_gd.viz.numbering import Numbering

_TERMS = 8  # how many terms of a long sum are written out
_LONGEST = 32  # how many characters of a label


def name(node: Value, numbering: Numbering, frame: str = "") -> str:
    """What a node is called: by its label, or else by its number in recording order.

    A label that begins with the name of the frame that it is read in goes on from there.
    """
    label = str(node.label)
    if frame and label.startswith(f"{frame}."):
        label = label[len(frame) + 1 :]
    return plain(label) or numbering.number(node)


def plain(text: Any, longest: int = _LONGEST) -> str:
    """Text as one short line in which every character can be seen."""
    text = str(text)
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def short(x: float) -> str:
    """The digits that fit a picture, and no sign for a zero."""
    return f"{x + 0.0:.4g}"


def gradient(node: Value) -> float:
    """A node's gradient as a number, which it is not after `backward(create_graph=True)`."""
    return float(getattr(node.grad, "data", node.grad))


def written_gradient(node: Value, root: Value, write: Callable[[float], str]) -> str:
    """The gradient, or – where no backward pass has set it.

    Before a backward pass every gradient is 0. The pass seeds its root, with 1 as a rule: so while
    the root's is 0, a gradient of 0 was not computed, and any other is left from another pass.
    """
    if gradient(node) == 0 and gradient(root) == 0:
        return "–"
    return write(gradient(node))


def formula(node: Value, numbering: Numbering, frame: str = "") -> list[str]:
    """The operation as a person would write it, in lines of which none is very long."""
    op = node.op
    if op is None:
        return []
    operands = [_operand(x, numbering, frame) for x in node.operands]
    if op.folds:
        return _written_out(op, operands)
    if op.infix and len(operands) == 2:
        return [f"{operands[0]} {op.infix} {operands[1]}"]
    if op.infix:
        return [f"{op.infix}{operands[0]}"]
    return [f"{op.name}({', '.join(operands)})"]


def _operand(operand: Any, numbering: Numbering, frame: str) -> str:
    """How a formula calls an operand: by its name, or as the plain number that it is."""
    if isinstance(operand, Value):
        return name(operand, numbering, frame)
    number = f"{operand:.6g}"
    return f"({number})" if number.startswith("-") else number


def _written_out(op: Operation, operands: list[str]) -> list[str]:
    """The chain of steps that a row of any number of operands stands for, one step a line."""
    start, *others = operands
    groups = len(op.operands) - 1
    count = len(others) // groups
    steps = zip(*[others[i * count : (i + 1) * count] for i in range(groups)], strict=True)
    lines = [start]
    for position, step in enumerate(steps):
        if position == _TERMS:
            lines.append(f"… {count - _TERMS} more")
            break
        names = dict(zip(op.operands, ("", *step), strict=True))
        tree = _Renamed(names).visit(expression.parse(str(op.value), op.operands))
        lines.append(ast.unparse(tree).strip())
    return lines


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id))
