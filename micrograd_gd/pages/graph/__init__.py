"""A graph to step through, forward and backward: what Python gathers for it."""

import linecache
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from micrograd_gd.core import anomaly
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.formula import formula as write_formula
from micrograd_gd.notation.formula import leaf_names
from micrograd_gd.pages.frame import Part
from micrograd_gd.pages.graph.folded import fold
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.text import escape, plain

LARGEST = 300  # nodes that a reader can look at, and step through one by one
LABEL = 60  # characters
FORMULA, LINES = 500, 8  # of a formula that a reader can change


def show_graph(
    root: Value,
    *,
    formula: str | None = None,
    start: Literal["start", "end", "ask"] = "start",
    selected: str = "",
    hidden: Sequence[str] = (),
) -> Part:
    """The graph of a value, as a part of a page.

    It begins at the start, at the end, or by asking; with the node of the label `selected`; and
    without what stands in `hidden`, names of `data-part` in `part.html`.

    A graph of more than 300 nodes is folded.

    Raises ArgumentError for an operation that is no row of the table; TranslationError for one in
    Python code.
    """
    nodes = root.nodes()
    if len(nodes) > LARGEST:
        told = {
            "start": start,
            "selected": "",
            "hidden": ["form", "leaves", "ask"],
            "inView": LARGEST,
        }
        return Part("graph", {**fold(root), **told})
    places = {node: place for place, node in enumerate(nodes)}
    names = {leaf: name for name, leaf in leaf_names(root).items()}
    if formula is None:
        text = write_formula(root, max_length=FORMULA)
        formula = text if len(text.splitlines()) <= LINES and text[0] != "#" else ""
    return Part(
        "graph",
        {
            "nodes": [_describe(node, places, names) for node in nodes],
            "formula": formula,
            "start": start,
            "selected": plain(selected, LABEL),
            "hidden": [*hidden],
        },
    )


def _describe(node: Value, places: dict[Value, int], names: dict[Value, str]) -> dict[str, Any]:
    """A node as the page builds it again: its row, with places of operands and numbers as text."""
    label = plain(node.label, LABEL)
    if node.op is None:
        return {"number": _write_number(node.data), "label": label, "name": names[node]}
    if OPERATIONS.get(node.op.name) is not node.op:
        raise ArgumentError(f"{node.op!r} is no row of the table; a page shows rows alone")
    for text in (node.op.value, *node.op.partials):
        node.op.tree(text)  # or it says that it is Python code
    operands = [places[x] if x in places else _write_number(x) for x in node.operands]
    told = {"row": node.op.name, "operands": operands, "label": label}
    if node in anomaly.lines:
        told["source"] = _read_line(anomaly.lines[node])
    return told


def _read_line(place: str) -> tuple[str, str]:
    """A line of the user's code, and where it stands."""
    file, _, number = place.rpartition(", line ")
    text = linecache.getline(file, int(number)).strip()
    return plain(text, 200), escape(f"{Path(file).name}, line {number}")


def _write_number(x: float) -> str:
    return repr(float(x)).replace("inf", "Infinity").replace("nan", "NaN")
