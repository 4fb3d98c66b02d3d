"""A model as its architecture: the neurons of a network and their weights, or a list of parts."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from micrograd_gd.errors import ArgumentError
from micrograd_gd.nn import MLP, Layer, Module, Neuron, activation_name
from micrograd_gd.table.numbers import shorten
from micrograd_gd.text import plain
from micrograd_gd.viz.graphs.drawing import Graph
from micrograd_gd.viz.graphs.markup import (
    BUNDLE,
    FONT,
    INNER,
    LEAF,
    count,
    escape,
    escape_tooltip,
    table,
    tint,
)
from micrograd_gd.viz.graphs.scopes import module_at, path_of_a_parameter

if TYPE_CHECKING:
    from graphviz import Digraph

_WIDEST = 8  # how many neurons of a layer are drawn, unless there is only one more
_MOST = 40  # how many parts of another module
_LONGEST = 64  # characters of the text of a part
_CIRCLE = {
    "shape": "circle",
    "style": "filled",
    "fixedsize": "true",
    "width": "0.36",
    **INNER,
    **FONT,
    "fontsize": "9",
}
_WORDS = {"shape": "plaintext", "style": "", "fixedsize": "false", "fontsize": "11"}


def architecture(model: Module) -> Graph:
    """Draw what a model is made of.

    A network is drawn as the neurons of its layers and the weights between them: blue above 0,
    orange below, broader for larger ones. Another module is drawn as the parts that hold its
    parameters. Of many neurons or parts, only the first are drawn, and the others counted.

    Raises ArgumentError for anything but a module.

    >>> print(architecture(MLP(2, [3, 1], seed=0)))
    MLP(2 -> 3 relu -> 1 linear, 13 parameters)
    inputs  2
    layers.0  3 relu
    layers.1  1 linear
    """
    from micrograd_gd.viz.graphs.digraph import Digraph  # noqa: PLC0415 — graphviz is slow to import

    if not isinstance(model, Module):
        raise ArgumentError(f"model is {shorten(model)}; expected a Module, such as an MLP")
    graph = Digraph(graph_attr={"rankdir": "LR", "bgcolor": "white", "pad": "0.2"})
    layers = _layers(model)
    lines = _draw_layers(graph, layers) if layers else _draw_parts(graph, model)
    return Graph(graph, "\n".join([repr(model), *lines]))


def _layers(model: Module) -> dict[str, Sequence[Neuron]]:
    """The neurons of a network's layers by name, in the order of computation."""
    if isinstance(model, MLP):
        return {f"layers.{i}": layer.neurons for i, layer in enumerate(model.layers)}
    if isinstance(model, Layer):
        return {"neurons": model.neurons}
    return {"": [model]} if isinstance(model, Neuron) else {}


def _draw_layers(graph: "Digraph", layers: dict[str, Sequence[Neuron]]) -> list[str]:
    graph.attr(ranksep="1.1", nodesep="0.06", splines="line")
    graph.attr("node", **_CIRCLE)
    graph.attr("edge", arrowhead="none")
    inputs = len(next(iter(layers.values()))[0].w)
    below = _draw_column(graph, "inputs", f"{inputs}", [f"x{i}" for i in range(inputs)], **LEAF)
    lines = [f"inputs  {inputs}"]
    for name, neurons in layers.items():
        kind = f"{len(neurons)} {plain(activation_name(neurons[0].activation))}"
        column = _draw_column(graph, name, kind, [f"{i}" for i in range(len(neurons))])
        lines.append("  ".join(filter(None, [name, kind])))
        weights = [abs(w.data) for neuron in neurons for w in neuron.w]
        largest = max(filter(math.isfinite, weights), default=0.0)
        for i, here in column.items():
            for j, there in below.items():
                weight = neurons[i].w[j].data
                graph.edge(
                    there,
                    here,
                    color=tint(weight, largest, palest=0.25, deepest=1) or "#b6c0cb",
                    penwidth=f"{0.5 + 1.7 * min(abs(weight) / (largest or 1), 1):.2f}",
                    edgetooltip=f"weight {j} of neuron {i}: {weight!r}",
                )
        below = column
    return lines


def _draw_column(
    graph: "Digraph", name: str, kind: str, units: Sequence[str], **look: str
) -> dict[int, str]:
    """Draw circles below a title, from top to bottom; returns their names."""
    size = len(units) if len(units) <= _WIDEST + 1 else _WIDEST
    ids = {i: f"{name}_{i}" for i in range(size)}
    title = f"<b>{escape(name)}</b><br/>{escape(kind)}" if name else escape(kind)
    with graph.subgraph(graph_attr={"rank": "same"}) as column:
        column.node(f"{name}_title", label=f"<{title}>", **_WORDS)
        for i, unit in ids.items():
            column.node(unit, label=units[i], tooltip=f"{name} {i}", **look)
        chain = [f"{name}_title", *ids.values()]
        if size < len(units):
            chain.append(f"{name}_more")
            more = f"<⋮<br/>{len(units) - size:,} more>"
            column.node(chain[-1], label=more, **_WORDS)
        _keep_in_order(column, chain)
    return ids


def _keep_in_order(graph: "Digraph", names: Sequence[str]) -> None:
    for above, below in pairwise(names):
        graph.edge(above, below, style="invis")


def _draw_parts(graph: "Digraph", model: Module) -> list[str]:
    """Draw a box for each of the innermost parts that hold parameters."""
    counts = Counter(tuple(path_of_a_parameter(name)) for name, _ in model.named_parameters())
    graph.attr(rankdir="TB", ranksep="0.15")
    graph.attr("node", shape="box", style="rounded,filled", height="0", **FONT, **BUNDLE)
    lines = []
    for number, (path, size) in enumerate(islice(counts.items(), _MOST), 1):
        name = plain(".".join(path)) if path else plain(type(model).__name__)
        module = module_at({"": model}, path) if path else None
        what = plain(repr(module), _LONGEST) if module else count(size, "parameter")
        lines.append(f"{name}  {what}")
        rows = [f"<b>{escape(name)}</b>", escape(what)]
        label = table(f"<tr><td>{row}</td></tr>" for row in rows)
        graph.node(f"p{number}", label=f"<{label}>", tooltip=escape_tooltip(name))
    if len(counts) > _MOST:
        lines.append(f"{len(counts) - _MOST:,} more parts")
        graph.node(f"p{len(lines)}", label=f"<{lines[-1]}>", **_WORDS)
    _keep_in_order(graph, [f"p{number}" for number in range(1, len(lines) + 1)])
    return lines
