"""A graph that is too large to look at, folded into the boxes that pictures have."""

import math
from typing import Any

from micrograd_gd.engine import Value
from micrograd_gd.pages.graph.groups import MOST, Group, Groups
from micrograd_gd.text import escape, plain
from micrograd_gd.viz.graphs import boxes
from micrograd_gd.viz.graphs.markup import count

LABEL = 60  # characters


def fold(root: Value) -> dict[str, Any]:
    """Boxes with what they say, the boxes before them that they use, and the one they are in.

    A page cannot compute such a graph, so its numbers are those of the moment.
    """
    groups = Groups(root)
    names = boxes.Names(groups.numbering, {})
    shown = sorted(groups.ends, key=groups.ends.__getitem__)
    order = {box: place for place, box in enumerate(shown)}
    parents = {groups.numbering.nodes[i]: group for i, group in groups.shown.items()}
    told = []
    for box in shown:
        if isinstance(box, Group):
            parent, text = box.parent, _describe_group(box, groups)
        else:
            gradient = groups.gradients.get(box, 0.0)
            parent, text = parents[box], _describe_node(box, names, gradient)
        uses = [[order[x], times] for x, times in groups.uses.get(box, {}).items()]
        within = {} if parent is None else {"within": order[parent]}
        told.append({**text, **within, "uses": uses})
    operations = sum(map(bool, groups.numbering.used))
    leaves = len(groups.numbering.nodes) - operations
    return {
        "boxes": told,
        "size": f"{count(operations, 'operation')} and {count(leaves, 'leaf')}",
        "leftOut": f", {count(groups.left_out, 'box')} further from the result left out"
        if groups.left_out
        else "",
        "most": MOST,
    }


def _describe_node(node: Value, names: boxes.Names, gradient: float) -> dict[str, Any]:
    formula = boxes.formula(node, names)
    if node.op and node.op.folds:
        formula = [f"{node.op.name}({count(len(node.operands), 'operand')})"]
    return {
        "name": escape(names(node)),
        "head": plain(" ".join([names(node), *["="] * bool(formula), *formula[:1]]), LABEL),
        "data": f"{node.data:.6g}",
        "grad": f"{gradient:.6g}",
        "about": node.op.doc if node.op else "A leaf.",
        "isLeaf": node.op is None,
    }


def _describe_group(group: Group, groups: Groups) -> dict[str, Any]:
    sizes = ((group.operations, "operation"), (group.leaves, "leaf"))
    about = f"{' and '.join(count(size, word) for size, word in sizes if size)} in one box."
    data = f"{group.operations:,} ops" if group.operations else ""
    if group.part is not None:
        title = plain(groups.scopes.name(group.part), LABEL)
    elif group.last is not None and group.last.op is not None:
        title = f"{group.operations:,} × {group.last.op.name}"
        data = f"last {group.last.data:.4g}"
    else:
        title = count(group.leaves, "leaf")
    norm = f"norm {math.sqrt(group.square):.4g}"
    if group.leaves:
        about += f" The gradient of its leaves, taken as one vector, has the {norm}."
    elif group.part is None:
        about += f" The gradient of its results, taken as one vector, has the {norm}."
    else:
        norm = ""
    if group not in groups.opening:
        why = f"more than {MOST}" if group.size > MOST else "for which the page has no room"
        about += f" It does not open: {group.size:,} boxes would come out, {why}."
    return {
        "name": title,
        "head": title,
        "data": data,
        "grad": norm,
        "about": about,
        "isLeaf": not group.operations,
        "isPart": group.part is not None,
        "isStack": True,
        **({"isOpen": group.is_open} if group in groups.opening else {}),
    }
