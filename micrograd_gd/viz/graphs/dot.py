"""A folded graph as DOT text: a box for each node or bundle, arrows from operands to results.

Everything is written in recording order, so that the same graph gives the same bytes, and in words
that Graphviz understands from version 2.42 on.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from micrograd_gd.engine import Value
from micrograd_gd.nn import Module
from micrograd_gd.text import plain
from micrograd_gd.viz.graphs import boxes
from micrograd_gd.viz.graphs.folding import READABLE, Bundle, Folding, Item
from micrograd_gd.viz.graphs.markup import (
    BUNDLE,
    FONT,
    FRAME,
    INNER,
    LEAF,
    ROOT,
    SHARED,
    count,
    escape,
    escape_tooltip,
    fade,
    table,
    tint,
)
from micrograd_gd.viz.graphs.scopes import OUTSIDE, module_at

if TYPE_CHECKING:
    from graphviz import Digraph

_GRAPH = {
    "bgcolor": "white",
    "nodesep": "0.18",
    "ranksep": "0.45",
    "pad": "0.2",
    "nslimit": "2",
    "nslimit1": "2",
}
# A leaf that is used all along a chain has arrows across the whole picture. Graphviz takes minutes
# to find good places and curves for a few hundred of them: less will do, and straight lines.
_FEW = 16  # arrows from one leaf
_CROWDED = {"splines": "line", "nslimit": "0.2", "nslimit1": "0.2", "mclimit": "0.1"}
_NODE = {"shape": "box", "style": "rounded,filled", "margin": "0.08,0.05", "height": "0", **FONT}
_EDGE = {"color": "#8593a3", "arrowsize": "0.6", "penwidth": "1", **FONT, "fontsize": "9"}
_LONGEST = 64  # characters of the text of a module


def draw(
    folding: Folding,
    models: Mapping[str, Module],
    *,
    direction: str,
    max_nodes: int,
    partials: bool,
) -> tuple["Digraph", str]:
    """Draw a folding as a graph, and as lines of text."""
    from micrograd_gd.viz.graphs.digraph import Digraph  # noqa: PLC0415 — graphviz is slow to import

    graph = Digraph(graph_attr={"rankdir": direction, **_GRAPH}, node_attr=_NODE, edge_attr=_EDGE)
    drawing = _Drawing(folding, models, max_nodes, partials=partials)
    caption = drawing.caption()
    if caption:
        graph.attr(label=caption, labelloc="t", labeljust="l", **FONT)
    if drawing.is_crowded():
        graph.graph_attr.update(_CROWDED)
    drawing.draw_boxes(graph)
    drawing.draw_arrows(graph)
    lines = [drawing.lines[item] for item in drawing.shown]
    return graph, "\n".join([*lines, *[caption] * bool(caption)])


class _Drawing:
    """The boxes nearest to the result, as many as may be shown, and the arrows between them."""

    def __init__(
        self, folding: Folding, models: Mapping[str, Module], max_nodes: int, *, partials: bool
    ) -> None:
        self.folding, self.models, self.max_nodes = folding, models, max_nodes
        self.partials = partials
        self.numbering = folding.numbering
        self.names = boxes.Names(self.numbering, models)
        self.all = [*dict.fromkeys(reversed(folding.items))][::-1]  # bundles where they end
        nearest = folding.nearest(max_nodes)
        self.shown = dict.fromkeys(item for item in self.all if item in nearest)
        self.ids = {bundle: f"b{i}" for i, bundle in enumerate(folding.bundles, 1)}
        gradients = [abs(boxes.gradient(item)) for item in self.shown if isinstance(item, Value)]
        self.steepest = max(filter(math.isfinite, gradients), default=0.0)
        self.lines: dict[Item, str] = {}  # what the boxes say, as plain text

    def caption(self) -> str:
        """What the picture leaves out, if anything."""
        nodes = self.numbering.nodes
        folded = len(self.all) < len(nodes)
        parts = []
        if folded:
            operations = sum(map(bool, self.numbering.used))
            leaves = len(nodes) - operations
            parts.append(
                f"{count(operations, 'operation')} and {count(leaves, 'leaf')} "
                f"in {count(len(self.all), 'box')}"
            )
        if len(self.shown) < len(self.all):
            parts.append(
                f"{len(self.shown):,} of {count(len(self.all), 'box' if folded else 'node')}, "
                f"the nearest to the result (max_nodes={self.max_nodes})"
            )
        return "; ".join(parts)

    def draw_boxes(self, graph: "Digraph") -> None:
        """Draw every box in the frame of its place, and the frames inside one another."""
        scopes = self.folding.scopes
        members: dict[int, list[Item]] = {}
        for item in self.shown:
            members.setdefault(self.folding.frame(item), []).append(item)
        places = set(members)
        for place in range(len(scopes.paths) - 1, 0, -1):  # inner ones before the outer
            if place in places:
                places.add(scopes.parents[place])
        inner: dict[int, list[int]] = {place: [] for place in sorted(places)}
        for place in inner:
            if place != OUTSIDE:
                inner[scopes.parents[place]].append(place)

        def fill(frame: "Digraph", place: int) -> None:
            for item in members.get(place, ()):
                self._draw_box(frame, item)
            for part in inner.get(place, ()):
                with frame.subgraph(name=f"cluster_{part}") as below:
                    below.attr(label=f"<<b>{escape(self._title(part))}</b>>", **FRAME)
                    fill(below, part)

        fill(graph, OUTSIDE)

    def is_crowded(self) -> bool:
        """Whether many arrows come from one leaf."""
        users = Counter(x for x, _, _ in self._arrows() if isinstance(x, Value) and x.op is None)
        return max(users.values(), default=0) > _FEW

    def _arrows(self) -> list[tuple[Item, Item, int]]:
        """The pairs of boxes of which one uses the other, and how often it does."""
        return [
            (operand, item, uses)
            for item in self.shown
            for operand, uses in self.folding.operands(item).items()
            if operand in self.shown
        ]

    def draw_arrows(self, graph: "Digraph") -> None:
        """Draw an arrow for every use of a node, and one for all uses of a bundle together."""
        arrows = self._arrows()
        for operand, item, uses in arrows:
            if isinstance(operand, Value) and isinstance(item, Value):
                self._draw_uses(graph, operand, item)
            else:
                tip = f"used {count(uses, 'time')}"
                is_labelled = uses > 1 and len(arrows) <= READABLE
                more = {"label": f"<&#160;{fade(f'×{uses:,}')}>"} if is_labelled else {}
                graph.edge(self._id(operand), self._id(item), edgetooltip=tip, **more)

    def _draw_uses(self, graph: "Digraph", operand: Value, node: Value) -> None:
        slope = f"d {self.names(node)} / d {self.names(operand)}"
        for other, partial in zip(node.operands, node.partials, strict=True):
            if other is operand:
                known = "–" if partial is None else boxes.short(partial)
                graph.edge(
                    self._id(operand),
                    self._id(node),
                    edgetooltip=escape_tooltip(f"{slope} = {partial!r}"),
                    style="dashed" if partial is None else "solid",
                    **({"label": f"<&#160;{escape(known)}>"} if self.partials else {}),
                )

    def _draw_box(self, graph: "Digraph", item: Item) -> None:
        if isinstance(item, Bundle):
            title, *rows = self._bundle_lines(item)
            whole_title = self.folding.scopes.name(item.part) if item.part else title
            self.lines[item] = "  ".join([plain(whole_title), *rows])
            lines = [f"<b>{escape(title)}</b>", *map(escape, rows)]
            label = f"<{table(f'<tr><td>{line}</td></tr>' for line in lines)}>"
            graph.node(self._id(item), label=label, tooltip=escape_tooltip(title), **BUNDLE)
        else:
            self._draw_node(graph, item)

    def _draw_node(self, graph: "Digraph", node: Value) -> None:
        position = self.numbering.positions[node]
        frame = self.folding.scopes.name(self.folding.frame(node))
        name, root = self.names(node, frame), self.numbering.root
        uses = self.numbering.uses[position]
        title = f"<b>{escape(name)}</b>" if node.label else fade(name)
        rows = []
        formula = self._formula(node, frame)
        if formula:
            rows = [f"{title} {fade('=')} {escape(formula[0])}", *map(escape, formula[1:])]
        elif node.label:
            rows = [title]
        hidden = sum(self.folding.items[j] not in self.shown for j in self.numbering.used[position])
        if hidden:
            rows.append(fade(f"{count(hidden, 'operand')} not drawn"))
        align = "left" if len(formula) > 1 else "center"
        data, grad = boxes.short(node.data), boxes.gradient_text(node, root, boxes.short)
        figures = (
            f"<td>{fade('data')} {data}&#160;</td><td{self._shade(node)}>{fade('grad')} {grad}</td>"
        )
        rows.append(table([f"<tr>{figures}</tr>"]))
        label = table(f'<tr><td align="{align}">{row}</td></tr>' for row in rows)
        every_digit = boxes.gradient_text(node, root, repr)
        tip = f"{name}: data {node.data!r}, grad {every_digit}, used {count(uses, 'time')}"
        kind = LEAF if node.op is None else INNER
        kind = SHARED if node.op is None and uses > 1 else kind
        kind = ROOT if node is root else kind
        graph.node(self._id(node), label=f"<{label}>", tooltip=escape_tooltip(tip), **kind)
        equation = " ".join([self.names(node), *["="] * bool(formula), *self._formula(node)])
        self.lines[node] = f"{equation}  data {data}  grad {grad}"

    def _formula(self, node: Value, frame: str = "") -> list[str]:
        """The operation; of a long sum over what is folded up, only what there is to see."""
        used = self.numbering.used[self.numbering.positions[node]]
        if (
            node.op
            and node.op.folds
            and all(isinstance(self.folding.items[j], Bundle) for j in used)
        ):
            return [f"{node.op.name}({count(len(used), 'value')})"]
        return boxes.formula(node, self.names, frame)

    def _bundle_lines(self, bundle: Bundle) -> list[str]:
        counts = [count(bundle.operations, "operation")] * bool(bundle.operations)
        if bundle.part is not None:
            module = module_at(self.models, self.folding.scopes.paths[bundle.part])
            what = [plain(repr(module), _LONGEST)] * bool(module)
            if not what and bundle.leaves:  # a module tells their number itself
                counts.append(count(bundle.leaves, "parameter"))
            return [self._title(bundle.part), *what, *[", ".join(counts)] * bool(counts)]
        last = bundle.last
        if last is None or last.op is None:
            return [count(bundle.leaves, "leaf")]
        grad = boxes.gradient_text(last, self.numbering.root, boxes.short)
        figures = f"data {boxes.short(last.data)}  grad {grad}"
        return [f"{bundle.operations:,} × {last.op.name}", f"the last: {figures}"]

    def _title(self, part: int) -> str:
        """What a part is called in the frame of the part that it lies in."""
        return plain(self.folding.scopes.paths[part][-1])

    def _shade(self, node: Value) -> str:
        color = tint(boxes.gradient(node), self.steepest, palest=0.12, deepest=0.5)
        return f' bgcolor="{color}"' if color else ""

    def _id(self, item: Item) -> str:
        return self.ids[item] if isinstance(item, Bundle) else self.numbering.number(item)
