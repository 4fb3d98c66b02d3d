"""Pages in which a reader steps through a graph, forward and backward."""

import base64
import hashlib
import html
import json
import os
import string
from importlib import resources
from typing import Any

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.files import write_file
from micrograd_gd.notation.formula import formula
from micrograd_gd.pages.engine import write_engine
from micrograd_gd.table.numbers import shorten
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.text import escape

LARGEST = 300  # nodes that a reader can look at
FORMULA = 2000  # characters of a formula that a reader can change


class Page:
    """One HTML file that needs no network; a notebook shows it in place."""

    def __init__(self, text: str) -> None:
        self.html = text

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, whole or not at all."""
        write_file(path, self.html.encode())

    def __repr__(self) -> str:
        return f"Page({len(self.html):,} characters of HTML; save(path) writes it)"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts" width="100%" '
            f'height="640" title="Backpropagation, step by step"></iframe>'
        )


def live(value: Value, path: str | os.PathLike[str] | None = None) -> Page:
    """A page that goes through the graph of a value, number by number, forward and backward.

    Each step says what is computed: the chain rule at an edge, with its numbers. Leaves can be
    changed, and other formulas typed. With `path`, the page is written there.

    Raises ArgumentError for anything but a value, for a graph of more than 300 nodes, and for an
    operation that is no row of the table; TranslationError for one in Python code.

    >>> live(Value(2.0, label="a") * 3)  # doctest: +ELLIPSIS
    Page(... characters of HTML; save(path) writes it)
    """
    if not hasattr(value, "record"):
        raise ArgumentError(
            f"live was given {shorten(value)}; expected a Value, whose graph is shown"
        )
    nodes = value.nodes()
    if len(nodes) > LARGEST:
        raise ArgumentError(
            f"the graph has {len(nodes):,} nodes; a page shows at most {LARGEST}: take a part of it"
        )
    places = {node: place for place, node in enumerate(nodes)}
    told = [_describe(node, places) for node in nodes]
    text = formula(value, max_length=FORMULA)
    page = Page(_write_page({"nodes": told, "formula": "" if "\n" in text else text}))
    if path is not None:
        page.save(path)
    return page


def _describe(node: Value, places: dict[Value, int]) -> dict[str, Any]:
    """A node as the page builds it again: its row, with places of operands and numbers as text."""
    label = escape(node.label)
    if node.op is None:
        return {"number": _write_number(node.data), "label": label}
    if OPERATIONS.get(node.op.name) is not node.op:
        raise ArgumentError(f"{node.op!r} is no row of the table; a page shows rows alone")
    for text in (node.op.value, *node.op.partials):
        node.op.tree(text)  # or it says that it is Python code
    operands = [places[x] if x in places else _write_number(x) for x in node.operands]
    return {"row": node.op.name, "operands": operands, "label": label}


def _write_number(x: float) -> str:
    return repr(float(x)).replace("inf", "Infinity").replace("nan", "NaN")


def _write_page(graph: dict[str, Any]) -> str:
    here = resources.files("micrograd_gd.pages")
    page, style, script = [
        (here / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "graph.js")
    ]
    script = f"\n{write_engine()}{script}"
    return string.Template(page).substitute(
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=json.dumps(graph).replace("<", "\\u003c"),
    )


def _hash(text: str) -> str:
    """What a content security policy names the one script, or the one style, that may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
