"""`live`: the page for a thing, by the kind of thing that it is."""

import os

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.pages.frame import Page, write_page
from micrograd_gd.pages.graph import show_graph
from micrograd_gd.table.numbers import shorten
from micrograd_gd.viz import graph

_LEAD = """
<h1>Backpropagation, step by step</h1>
<p class="lead">Forward, numbers flow from the leaves to the result. Backward, gradients
flow from the result to the leaves. {}</p>
"""
_DRAG = "Drag a leaf, and everything follows."
_FOLDED = "A box stands for many operations."


def live(value: Value, path: str | os.PathLike[str] | None = None) -> Page:
    """A page that goes through the graph of a value, number by number, forward and backward.

    Each step says what is computed: the chain rule at an edge, with its numbers. Leaves can be
    dragged, and other formulas typed. With `path`, the page is written there.

    A graph of more than 300 nodes is folded, as pictures are: its boxes are gone through, with the
    numbers of the moment.

    Raises ArgumentError for anything but a value, and for an operation that is no row of the table;
    TranslationError for one in Python code.

    >>> live(Value(2.0, label="a") * 3)  # doctest: +ELLIPSIS
    Page(... characters of HTML; save(path) writes it)
    """
    if not hasattr(value, "record"):
        raise ArgumentError(
            f"live was given {shorten(value)}; expected a Value, whose graph is shown"
        )
    part = show_graph(value)
    lead = _FOLDED if "boxes" in part.data else _DRAG
    page = write_page(
        "Backpropagation, step by step",
        [_LEAD.format(lead), part],
        lambda: graph(value, partials=True).svg(),
    )
    if path is not None:
        page.save(path)
    return page
