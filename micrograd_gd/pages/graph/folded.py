"""A graph that is too large to look at, folded into the boxes that pictures have."""

import math
from collections import Counter
from typing import Any

from micrograd_gd.core import sweep
from micrograd_gd.engine import Value
from micrograd_gd.text import escape, plain
from micrograd_gd.viz.graphs import boxes
from micrograd_gd.viz.graphs.folding import Bundle, Folding, Item
from micrograd_gd.viz.graphs.markup import count
from micrograd_gd.viz.graphs.numbering import Numbering
from micrograd_gd.viz.graphs.scopes import places

MOST = 120  # boxes, of more those nearest to the result


def fold(root: Value) -> dict[str, Any]:
    """Boxes with what they say, and the boxes before them that they use.

    A page cannot compute such a graph, so its numbers are those of the moment.
    """
    numbering = Numbering(root)
    folding = Folding(numbering, *places(numbering, {}))
    folding.fold(None, [])
    nearest = folding.nearest(MOST)
    shown = [item for item in dict.fromkeys(reversed(folding.items)) if item in nearest][::-1]
    gradients = sweep.adjoints(root)
    squares = _sum_squares(folding, gradients)
    names = boxes.Names(numbering, {})
    order = {item: place for place, item in enumerate(shown)}
    told = []
    for item in shown:
        uses = {order[x]: times for x, times in folding.operands(item).items() if x in order}
        # A part that is used again, as in a recurrent network, would be before itself.
        before = [[place, times] for place, times in uses.items() if place < order[item]]
        if isinstance(item, Bundle):
            box = _describe_bundle(item, folding, squares[item])
        else:
            box = _describe_node(item, names, gradients.get(item, 0.0))
        told.append({**box, "uses": before})
    operations = sum(map(bool, numbering.used))
    size = (
        f"{count(operations, 'operation')} and {count(len(numbering.nodes) - operations, 'leaf')}"
    )
    left_out = len({*folding.items}) - len(shown)
    more = f", {count(left_out, 'box')} further from the result left out" if left_out else ""
    return {"boxes": told, "size": f"{size} in {count(len(shown), 'box')}{more}"}


def _sum_squares(folding: Folding, gradients: dict[Value, Any]) -> Counter[Item]:
    """For each bundle the sum of the squared gradients of its leaves."""
    squares: Counter[Item] = Counter()
    for node, item in zip(folding.numbering.nodes, folding.items, strict=True):
        if node.op is None and item is not node:
            squares[item] += gradients.get(node, 0.0) ** 2
    return squares


def _describe_node(node: Value, names: boxes.Names, gradient: float) -> dict[str, Any]:
    formula = boxes.formula(node, names)
    if node.op and node.op.folds:
        formula = [f"{node.op.name}({count(len(node.operands), 'operand')})"]
    return {
        "name": escape(names(node)),
        "head": " ".join([names(node), *["="] * bool(formula), *formula[:1]]),
        "data": f"{node.data:.6g}",
        "grad": f"{gradient:.6g}",
        "about": node.op.doc if node.op else "A leaf.",
        "isLeaf": node.op is None,
    }


def _describe_bundle(bundle: Bundle, folding: Folding, square: float) -> dict[str, Any]:
    sizes = ((bundle.operations, "operation"), (bundle.leaves, "leaf"))
    parts = [count(size, word) for size, word in sizes if size]
    if bundle.part is not None:
        title = plain(folding.scopes.name(bundle.part))
    elif bundle.last is not None and bundle.last.op is not None:
        title = f"{bundle.operations:,} × {bundle.last.op.name}"
    else:
        title = count(bundle.leaves, "leaf")
    norm = f"norm {math.sqrt(square):.4g}" if bundle.leaves else ""
    about = f"{' and '.join(parts)} in one box."
    if norm:
        about += f" The gradient of its leaves, taken as one vector, has the {norm}."
    data = f"{bundle.operations:,} ops" if bundle.operations else ""
    if bundle.part is None and bundle.last is not None:
        data = f"last {bundle.last.data:.4g}"
    return {
        "name": title,
        "head": title,
        "data": data,
        "grad": norm,
        "about": about,
        "isLeaf": not bundle.operations,
        "isStack": True,
    }
