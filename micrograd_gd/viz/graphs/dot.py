"""A folded graph as DOT text: a box for each node or bundle, arrows from operands to results.

Everything is written in recording order, so that the same graph gives the same bytes, and in words
that Graphviz understands from version 2.42 on.
"""

from __future__ import annotations

import html
import math
from collections import Counter
from typing import TYPE_CHECKING

from micrograd_gd.engine import Value
from micrograd_gd.text import plain
from micrograd_gd.viz.graphs import boxes
from micrograd_gd.viz.graphs.folding import READABLE, Bundle
from micrograd_gd.viz.graphs.scopes import OUTSIDE, module_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphviz import Digraph

    from micrograd_gd.nn import Module
    from micrograd_gd.viz.graphs.folding import Folding, Item

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
FONT = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "11", "fontcolor": "#1f2933"}
_NODE = {"shape": "box", "style": "rounded,filled", "margin": "0.08,0.05", "height": "0", **FONT}
_EDGE = {"color": "#8593a3", "arrowsize": "0.6", "penwidth": "1", **FONT, "fontsize": "9"}
_LEAF = {"fillcolor": "#fff6dd", "color": "#c99a2e"}
_SHARED = {"fillcolor": "#efe6fb", "color": "#8a63c9"}  # leaves that are used more than once
_INNER = {"fillcolor": "#eef4fb", "color": "#6f93b8"}
_ROOT = {"fillcolor": "#e6f6ea", "color": "#3f9159", "penwidth": "1.8"}
BUNDLE = {"fillcolor": "#f3f4f6", "color": "#52606d", "peripheries": "2"}
_FRAME = {"style": "rounded", "color": "#b6c0cb", "bgcolor": "#fafbfc", "labeljust": "l", **FONT}
_QUIET = "#6b7785"
_LONGEST = 64  # how many characters of what a module says of itself
_POSITIVE, _NEGATIVE = (0x2F, 0x6F, 0xAB), (0xD9, 0x5F, 0x2B)


def drawn(
    folding: Folding,
    models: Mapping[str, Module],
    *,
    direction: str,
    max_nodes: int,
    partials: bool,
) -> tuple[Digraph, str]:
    """The graph of a folding, and the same in lines of text."""
    from micrograd_gd.viz.graphs.digraph import Digraph  # noqa: PLC0415 — graphviz is slow to import

    graph = Digraph(graph_attr={"rankdir": direction, **_GRAPH}, node_attr=_NODE, edge_attr=_EDGE)
    writer = _Writer(folding, models, max_nodes, partials=partials)
    caption = writer.caption()
    if caption:
        graph.attr(label=caption, labelloc="t", labeljust="l", **FONT)
    if writer.is_crowded():
        graph.graph_attr.update(_CROWDED)
    writer.boxes(graph)
    writer.arrows(graph)
    lines = [writer.lines[item] for item in writer.shown]
    return graph, "\n".join([*lines, *[caption] * bool(caption)])


class _Writer:
    """Writes the boxes nearest to the result, as many as may be shown."""

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
                f"{_count(operations, 'operation')} and {_count(leaves, 'leaf')} "
                f"in {_count(len(self.all), 'box')}"
            )
        if len(self.shown) < len(self.all):
            parts.append(
                f"{len(self.shown):,} of {_count(len(self.all), 'box' if folded else 'node')}, "
                f"the nearest to the result (max_nodes={self.max_nodes})"
            )
        return "; ".join(parts)

    def boxes(self, graph: Digraph) -> None:
        """Every box in the frame of its place, and the frames in one another."""
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

        def fill(frame: Digraph, place: int) -> None:
            for item in members.get(place, ()):
                self._box(frame, item)
            for part in inner.get(place, ()):
                with frame.subgraph(name=f"cluster_{part}") as below:
                    below.attr(label=f"<<b>{marked(self._title(part))}</b>>", **_FRAME)
                    fill(below, part)

        fill(graph, OUTSIDE)

    def is_crowded(self) -> bool:
        """Whether many arrows come from one leaf."""
        users = Counter(x for x, _, _ in self._arrows() if isinstance(x, Value) and x.op is None)
        return max(users.values(), default=0) > _FEW

    def _arrows(self) -> list[tuple[Item, Item, int]]:
        """What is drawn of the boxes that use one another, and how often."""
        return [
            (operand, item, count)
            for item in self.shown
            for operand, count in self.folding.operands(item).items()
            if operand in self.shown
        ]

    def arrows(self, graph: Digraph) -> None:
        """An arrow for every use of a node, and one for all uses of a bundle, with their number."""
        arrows = self._arrows()
        for operand, item, count in arrows:
            if isinstance(operand, Value) and isinstance(item, Value):
                self._uses(graph, operand, item)
            else:
                tip = f"used {_count(count, 'time')}"
                is_labelled = count > 1 and len(arrows) <= READABLE
                more = {"label": f"<&#160;{coloured(f'×{count:,}')}>"} if is_labelled else {}
                graph.edge(self._id(operand), self._id(item), edgetooltip=tip, **more)

    def _uses(self, graph: Digraph, operand: Value, node: Value) -> None:
        slope = f"d {self.names(node)} / d {self.names(operand)}"
        for other, partial in zip(node.operands, node.partials, strict=True):
            if other is operand:
                known = "–" if partial is None else boxes.short(partial)
                graph.edge(
                    self._id(operand),
                    self._id(node),
                    edgetooltip=shown(f"{slope} = {partial!r}"),
                    style="dashed" if partial is None else "solid",
                    **({"label": f"<&#160;{marked(known)}>"} if self.partials else {}),
                )

    def _box(self, graph: Digraph, item: Item) -> None:
        if isinstance(item, Bundle):
            title, *rows = self._bundle(item)
            whole_title = self.folding.scopes.name(item.part) if item.part else title
            self.lines[item] = "  ".join([plain(whole_title), *rows])
            lines = [f"<b>{marked(title)}</b>", *map(marked, rows)]
            label = f"<{table(f'<tr><td>{line}</td></tr>' for line in lines)}>"
            graph.node(self._id(item), label=label, tooltip=shown(title), **BUNDLE)
        else:
            self._node(graph, item)

    def _node(self, graph: Digraph, node: Value) -> None:
        position = self.numbering.positions[node]
        frame = self.folding.scopes.name(self.folding.frame(node))
        name, root = self.names(node, frame), self.numbering.root
        uses = self.numbering.uses[position]
        title = f"<b>{marked(name)}</b>" if node.label else coloured(name)
        rows = []
        formula = self._formula(node, frame)
        if formula:
            rows = [f"{title} {coloured('=')} {marked(formula[0])}", *map(marked, formula[1:])]
        elif node.label:
            rows = [title]
        hidden = sum(self.folding.items[j] not in self.shown for j in self.numbering.used[position])
        if hidden:
            rows.append(coloured(f"{_count(hidden, 'operand')} not drawn"))
        align = "left" if len(formula) > 1 else "center"
        data, grad = boxes.short(node.data), boxes.written_gradient(node, root, boxes.short)
        figures = (
            f"<td>{coloured('data')} {data}&#160;</td>"
            f"<td{self._shade(node)}>{coloured('grad')} {grad}</td>"
        )
        rows.append(table([f"<tr>{figures}</tr>"]))
        label = table(f'<tr><td align="{align}">{row}</td></tr>' for row in rows)
        every_digit = boxes.written_gradient(node, root, repr)
        tip = f"{name}: data {node.data!r}, grad {every_digit}, used {_count(uses, 'time')}"
        kind = _LEAF if node.op is None else _INNER
        kind = _SHARED if node.op is None and uses > 1 else kind
        kind = _ROOT if node is root else kind
        graph.node(self._id(node), label=f"<{label}>", tooltip=shown(tip), **kind)
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
            return [f"{node.op.name}({_count(len(used), 'value')})"]
        return boxes.formula(node, self.names, frame)

    def _bundle(self, bundle: Bundle) -> list[str]:
        counts = [_count(bundle.operations, "operation")] * bool(bundle.operations)
        if bundle.part is not None:
            module = module_at(self.models, self.folding.scopes.paths[bundle.part])
            what = [plain(repr(module), _LONGEST)] * bool(module)
            if not what and bundle.leaves:  # which the module tells
                counts.append(_count(bundle.leaves, "parameter"))
            return [self._title(bundle.part), *what, *[", ".join(counts)] * bool(counts)]
        last = bundle.last
        if last is None or last.op is None:
            return [_count(bundle.leaves, "leaf")]
        grad = boxes.written_gradient(last, self.numbering.root, boxes.short)
        figures = f"data {boxes.short(last.data)}  grad {grad}"
        return [f"{bundle.operations:,} × {last.op.name}", f"the last: {figures}"]

    def _title(self, part: int) -> str:
        """What a part is called in the frame of the part that it lies in."""
        return plain(self.folding.scopes.paths[part][-1])

    def _shade(self, node: Value) -> str:
        colour = tint(boxes.gradient(node), self.steepest, palest=0.12, deepest=0.5)
        return f' bgcolor="{colour}"' if colour else ""

    def _id(self, item: Item) -> str:
        return self.ids[item] if isinstance(item, Bundle) else self.numbering.number(item)


def tint(x: float, largest: float, palest: float, deepest: float) -> str:
    """Blue for a number above 0, orange for one below, the deeper the larger; none for others."""
    if x == 0 or not (math.isfinite(x) and largest):
        return ""
    strength = palest + (deepest - palest) * math.sqrt(abs(x) / largest)
    colour = _POSITIVE if x > 0 else _NEGATIVE
    mixed = (round(255 + strength * (channel - 255)) for channel in colour)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


_PLURALS = {"leaf": "leaves", "box": "boxes"}


def _count(count: int, what: str) -> str:
    return f"{count:,} {what if count == 1 else _PLURALS.get(what, f'{what}s')}"


def table(rows: Iterable[str]) -> str:
    """Rows in the markup that Graphviz shares with HTML."""
    start = '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
    return f"{start}{''.join(rows)}</table>"


def marked(text: str) -> str:
    """Text that shows itself within markup."""
    return html.escape(text.replace("\\", "\\\\"))


def coloured(text: str) -> str:
    """Text beside what matters."""
    return f'<font color="{_QUIET}">{text}</font>'


def shown(text: str) -> str:
    """Text that shows itself outside of markup."""
    from graphviz import escape  # noqa: PLC0415 — slow to import, and only drawing needs it

    return escape(text)  # type: ignore[no-any-return]  # a string that graphviz leaves alone
