"""What the box of a node says: its name, its operation, its number and its gradient, in lines."""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING, Any

from micrograd_gd.engine import Value
from micrograd_gd.table import expression
from micrograd_gd.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from micrograd_gd.nn import Module
    from micrograd_gd.table.ops import Operation
    from micrograd_gd.viz.graphs.numbering import Numbering

_TERMS = 8  # how many terms of a long sum are written out


class Names:
    """What the nodes of a graph are called: each by its label, or else by its number.

    A label that several have is followed by the number, or gives way to the name that the model has
    for a parameter. A number that is somebody's label gets a second v.
    """

    def __init__(self, numbering: Numbering, models: Mapping[str, Module]) -> None:
        self.numbering = numbering
        labels = [node.label for node in numbering.nodes]
        self.labels = Counter([str(label) for label in labels if label != ""])
        self.parameters = {
            parameter: f"{prefix}.{own_name}" if prefix else own_name
            for prefix, model in models.items()
            for own_name, parameter in model.named_parameters()
        }

    def __call__(self, node: Value, frame: str = "") -> str:
        """A name as it is read in a frame: one that begins with the frame's goes on from there."""
        label, number = str(node.label), self.numbering.number(node)
        ending = ""
        if self.labels[label] > 1:
            ending = "" if node in self.parameters else f"#{number[1:]}"
            label = self.parameters.get(node, label)
        if frame and label.startswith(f"{frame}."):
            label = label[len(frame) + 1 :]
        while not label and number in self.labels:
            number = f"v{number}"
        return plain(label) + ending or number


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


def formula(node: Value, names: Names, frame: str = "") -> list[str]:
    """The operation as a person would write it, in lines of which none is very long."""
    op = node.op
    if op is None:
        return []
    operands = [_operand(x, names, frame) for x in node.operands]
    if op.folds:
        return _written_out(op, operands)
    if op.infix and len(operands) == 2:
        return [f"{operands[0]} {op.infix} {operands[1]}"]
    if op.infix:
        return [f"{op.infix}{operands[0]}"]
    return [f"{op.name}({', '.join(operands)})"]


def _operand(operand: Any, names: Names, frame: str) -> str:
    """How a formula calls an operand: by its name, or as the plain number that it is."""
    if isinstance(operand, Value):
        return names(operand, frame)
    number = f"{operand:.6g}"
    return f"({number})" if number.startswith("-") else number


def _written_out(op: Operation, operands: list[str]) -> list[str]:
    """The chain of steps that a row of any number of operands stands for, one step a line."""
    lines, terms = [operands[0]], op.terms(operands)
    for position, term in enumerate(terms):
        if position == _TERMS:
            lines.append(f"… {len(terms) - _TERMS} more")
            break
        names = dict(zip(op.operands, ("", *term), strict=True))
        tree = _Renamed(names).visit(expression.parse(str(op.value), op.operands))
        lines.append(ast.unparse(tree).strip())
    return lines


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id))
