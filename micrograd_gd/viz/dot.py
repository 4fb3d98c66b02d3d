"""A computation graph as DOT text: one box a node, arrows from operands to results."""

from __future__ import annotations

import ast
import html
from collections import deque
from typing import TYPE_CHECKING, Any

from micrograd_gd import expression
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError

if TYPE_CHECKING:
    from graphviz import Digraph

    from micrograd_gd.operation import Operation

DIRECTIONS = ("LR", "TB", "RL", "BT")
TERMS = 8  # how many terms of a long sum are written out
LABEL = 32  # how many characters of a label

_GRAPH = {
    "bgcolor": "white",
    "nodesep": "0.18",
    "ranksep": "0.45",
    "pad": "0.2",
    "nslimit": "2",  # without these two, a leaf used all along a chain of 250 takes minutes
    "nslimit1": "2",
}
_FONT = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "11", "fontcolor": "#1f2933"}
_NODE = {"shape": "box", "style": "rounded,filled", "margin": "0.08,0.05", "height": "0", **_FONT}
_EDGE = {"color": "#8593a3", "arrowsize": "0.6", "penwidth": "1"}
_LEAF = {"fillcolor": "#fff6dd", "color": "#c99a2e"}
_INNER = {"fillcolor": "#eef4fb", "color": "#6f93b8"}
_ROOT = {"fillcolor": "#e6f6ea", "color": "#3f9159", "penwidth": "1.8"}
_QUIET = "#6b7785"


def draw_dot(root: Value, direction: str = "LR", max_nodes: int = 250) -> Digraph:
    """The graph that ``root`` was computed by, ready for ``render`` and for notebooks.

    A box shows a node's label, or else its number in recording order (v1, v2, …), the operation
    with plain numbers written into it, the data, and the gradient: – before any backward pass. Hold
    the pointer over a box of an SVG to read all digits, over an arrow to read the local partial;
    an arrow is dashed where no derivative flows, as from the branch of ``where`` not taken.
    Of more than ``max_nodes`` nodes, those nearest to ``root`` are drawn, and the picture says so.
    ``direction`` is LR, TB, RL or BT. ``ArgumentError`` for another, and for ``max_nodes`` below 1.

    >>> a = Value(2.0, label="a")
    >>> print(draw_dot(a * a + 1.0).source.count("->"))
    3
    """
    from graphviz import Digraph  # noqa: PLC0415 — slow to import, and only this needs it

    if direction not in DIRECTIONS:
        expected = f"expected one of {', '.join(DIRECTIONS)}"
        raise ArgumentError(f"direction is {direction!r}; {expected}")
    if not (isinstance(max_nodes, int) and max_nodes >= 1):
        raise ArgumentError(f"max_nodes is {max_nodes!r}; expected a whole number, at least 1")
    nodes = root.nodes()
    numbers = {node: f"v{position}" for position, node in enumerate(nodes, 1)}
    shown = _nearest(root, max_nodes)
    graph = Digraph(graph_attr={"rankdir": direction, **_GRAPH}, node_attr=_NODE, edge_attr=_EDGE)
    if len(shown) < len(nodes):
        cut = f"{len(shown):,} of {len(nodes):,} nodes, the nearest to the result"
        graph.attr(label=f"{cut} (max_nodes={max_nodes})", labelloc="t", labeljust="l", **_FONT)
    for node in nodes:
        if node in shown:
            _draw(graph, node, root, numbers, shown)
    return graph


def _nearest(root: Value, count: int) -> set[Value]:
    """The root and the nodes below it, breadth first, up to `count` of them."""
    shown = {root}
    waiting = deque([root])
    while waiting:
        for operand, _ in _edges(waiting.popleft()):
            if len(shown) == count:
                return shown
            if operand not in shown:
                shown.add(operand)
                waiting.append(operand)
    return shown


def _edges(node: Value) -> list[tuple[Value, float | None]]:
    """The operands that are values, as often as they occur, with their partials."""
    pairs = zip(node.operands, node.partials, strict=True)
    return [(operand, partial) for operand, partial in pairs if isinstance(operand, Value)]


def _draw(
    graph: Digraph, node: Value, root: Value, numbers: dict[Value, str], shown: set[Value]
) -> None:
    number = numbers[node]
    edges = _edges(node)
    hidden = sum(operand not in shown for operand, _ in edges)
    colours = _ROOT if node is root else _INNER if edges else _LEAF
    label = _label(node, root, numbers, hidden)
    digits = f"{_name(node, number)}: data {node.data!r}, grad {_grad(node, root, repr)}"
    graph.node(number, label=label, tooltip=_literal(digits), **colours)
    for operand, partial in edges:
        if operand in shown:
            slope = f"d {_name(node, number)} / d {_name(operand, numbers[operand])} = {partial!r}"
            style = "dashed" if partial is None else "solid"
            graph.edge(numbers[operand], number, edgetooltip=_literal(slope), style=style)


def _label(node: Value, root: Value, numbers: dict[Value, str], hidden: int) -> str:
    """The text of a box, in the markup that Graphviz shares with HTML."""
    name = _html(_name(node, numbers[node]))
    title = f"<b>{name}</b>" if node.label else _coloured(name)
    rows, align = [], "center"
    if node.op is not None:
        first, *more = _formula(node.op, [_operand(x, numbers) for x in node.operands])
        rows = [f"{title} {_coloured('=')} {_html(first)}", *map(_html, more)]
        align = "left" if more else "center"
    elif node.label:
        rows = [title]
    if hidden:
        rows.append(_coloured(f"{hidden} operand{'s' * (hidden > 1)} not drawn"))
    figures = f"{_coloured('data')} {_short(node.data)}  {_coloured('grad')} "
    rows.append(figures + _grad(node, root, _short))
    lines = "".join(f'<tr><td align="{align}">{row}</td></tr>' for row in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{lines}</table>>'


def _grad(node: Value, root: Value, written: Any) -> str:
    """The gradient, or – where the backward pass from this root has not been."""
    root_grad, grad = (getattr(v.grad, "data", v.grad) for v in (root, node))
    return "–" if grad == 0 and root_grad == 0 else written(grad)


def _formula(op: Operation, operands: list[str]) -> list[str]:
    """The operation as a person would write it, in lines of which none is very long."""
    if op.folds:
        return _written_out(op, operands)
    if op.infix and len(operands) == 2:
        return [f"{operands[0]} {op.infix} {operands[1]}"]
    if op.infix:
        return [f"{op.infix}{operands[0]}"]
    return [f"{op.name}({', '.join(operands)})"]


def _written_out(op: Operation, operands: list[str]) -> list[str]:
    """The chain of steps that a row of any number of operands stands for, one step a line."""
    start, *others = operands
    groups = len(op.operands) - 1
    count = len(others) // groups
    steps = zip(*[others[i * count : (i + 1) * count] for i in range(groups)], strict=True)
    lines = [start]
    for position, step in enumerate(steps):
        if position == TERMS:
            lines.append(f"… {count - TERMS} more")
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


def _operand(operand: Any, numbers: dict[Value, str]) -> str:
    """How a consumer's text calls an operand: its label, its number, or the plain number it is."""
    if isinstance(operand, Value):
        return _name(operand, numbers[operand])
    number = f"{operand:.6g}"
    return f"({number})" if number.startswith("-") else number


def _name(node: Value, number: str) -> str:
    label = str(node.label)
    if len(label) > LABEL:
        label = f"{label[: LABEL - 1]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in label) or number


def _short(x: float) -> str:
    """The digits that fit a picture, and no sign for a zero."""
    return f"{x + 0.0:.4g}"


def _html(text: str) -> str:
    return html.escape(_literal(text))


def _coloured(text: str) -> str:
    return f'<font color="{_QUIET}">{text}</font>'


def _literal(text: str) -> str:
    """Text that Graphviz shows as it is; a backslash would start a code of its own."""
    return text.replace("\\", "\\\\")
