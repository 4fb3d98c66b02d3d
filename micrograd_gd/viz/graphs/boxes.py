"""What the box of a node says: its name, its operation, its number and its gradient, in lines."""

import ast
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from micrograd_gd.engine import Value
from micrograd_gd.nn import Module
from micrograd_gd.table import expression
from micrograd_gd.table.ops import Operation
from micrograd_gd.text import plain
from micrograd_gd.viz.graphs.numbering import Numbering

_TERMS = 8  # of a long sum


class Names:
    """The names of the nodes of a graph: the label of each, or else its number.

    A label of several nodes is followed by the number; a parameter gets its name in the model
    instead. A number that is also the label of some node gets a second v.
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
        """A node's name inside a frame, without the name of the frame before it."""
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
    """The digits that fit into a picture; a zero has no sign."""
    return f"{x + 0.0:.4g}"


def gradient(node: Value) -> float:
    """A node's gradient as a float; after `backward(create_graph=True)` it is a value."""
    return float(getattr(node.grad, "data", node.grad))


def gradient_text(node: Value, root: Value, write: Callable[[float], str]) -> str:
    """The gradient, or – where no backward pass has set it.

    Before a backward pass every gradient is 0, and the pass sets the root's, usually to 1. So while
    the root's is 0, a gradient of 0 was not computed.
    """
    if gradient(node) == 0 and gradient(root) == 0:
        return "–"
    return write(gradient(node))


def formula(node: Value, names: Names, frame: str = "") -> list[str]:
    """The operation as a person would write it, in short lines."""
    op = node.op
    if op is None:
        return []
    operands = [_operand(x, names, frame) for x in node.operands]
    if op.folds:
        return _write_steps(op, operands)
    return [ast.unparse(op.write_call([*map(ast.Name, operands)]))]


def _operand(operand: Any, names: Names, frame: str) -> str:
    """An operand in a formula: its name, or the plain number that it is."""
    if isinstance(operand, Value):
        return names(operand, frame)
    number = f"{operand:.6g}"
    return f"({number})" if number.startswith("-") else number


def _write_steps(op: Operation, operands: list[str]) -> list[str]:
    """The chain of steps that a row of any number of operands stands for, one step a line."""
    lines, terms = [operands[0]], op.terms(operands)
    for term in terms[:_TERMS]:
        names = dict(zip(op.operands, map(ast.Name, ("", *term)), strict=True))
        tree = expression.substitute(op.tree(op.value), names)
        lines.append(ast.unparse(tree).strip())
    if len(terms) > _TERMS:
        lines.append(f"… {len(terms) - _TERMS} more")
    return lines
