"""`live`: the page for a thing, by the kind of thing that it is."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from micrograd_gd.descent.minimize import minimize
from micrograd_gd.descent.trajectory import Descent
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.nn import Module
from micrograd_gd.notation.parse import Expression
from micrograd_gd.pages.descent import show_descent
from micrograd_gd.pages.descent.formula import read_descent, read_function
from micrograd_gd.pages.frame import Page, write_page
from micrograd_gd.pages.graph import show_graph
from micrograd_gd.pages.network import show_network
from micrograd_gd.pages.report import write_report
from micrograd_gd.table.numbers import shorten
from micrograd_gd.training.history import History
from micrograd_gd.viz import architecture, graph, plot_descent

_LEAD = """
<h1>Backpropagation, step by step</h1>
<p class="lead">Forward, numbers flow from the leaves to the result. Backward, gradients
flow from the result to the leaves. {}</p>
"""
_DRAG = "Drag a leaf, and everything follows."
_DESCENT = """
<h1>Gradient descent, by hand</h1>
<p class="lead">Each step goes against the slope, by rate × slope. Drag the start, choose a rate,
and step.</p>
"""
_NETWORK = """
<h1>A network that learns while you watch</h1>
<p class="lead">Plain gradient descent, step after step, on the data that you see. Change
anything while it runs; what keeps it from learning is said below.</p>
"""
_FOLDED = "Boxes with a plus open."


def live(
    thing: Value | Descent | Module | History | Callable[..., Any],
    path: str | os.PathLike[str] | None = None,
    *,
    start: Any = None,
    data: Any = None,
    validation: Any = None,
    **settings: Any,
) -> Page:
    """A page that shows a thing move; with `path`, it is written there.

    For a value: its graph, number by number, forward and backward. Each step says what is
    computed: the chain rule at an edge, with its numbers. Leaves can be dragged, and other formulas
    typed. A graph of more than 300 nodes is folded, as pictures are: its boxes are gone through,
    with the numbers of the moment.

    For a function of one number or two, a formula that `parse` has read, or a `Descent`: gradient
    descent on the curve or the landscape, with a verdict on the learning rate. `start` and the
    settings `learning_rate`, `max_steps`, `tolerance` are those of `minimize`. The function is
    written down as a formula, so it may not branch on its numbers.

    For an `MLP`: how it learns `data`, a `Dataset` or inputs and targets, measured on `validation`.
    The settings are those of `fit`: `loss`, `learning_rate`, `batch_size`; for a `Dataset` of
    classes, the loss that suits them is taken.

    For a `History` that `fit` returned: the report of that training, with the network to go on from
    where it ended. A `Dataset` as `data` has the names of features and classes.

    Raises ArgumentError for anything else, for an operation that is no row of the table, and for
    data that do not fit the model; TranslationError for an operation in Python code;
    JitError for a function that cannot be traced.

    >>> live(Value(2.0, label="a") * 3)  # doctest: +ELLIPSIS
    Page(... characters of HTML; save(path) writes it)
    >>> live(lambda x: (x - 3) ** 2, start=0.0, learning_rate=0.9)  # doctest: +ELLIPSIS
    Page(... characters of HTML; save(path) writes it)
    """
    if isinstance(thing, Value):
        page = _write_graph(thing)
    elif isinstance(thing, History):
        page = write_report(thing, data)
    elif isinstance(thing, Module):
        page = _write_network(thing, data, validation, settings)
    elif isinstance(thing, Descent):
        function, begin, rate = read_descent(thing)
        page = _write_descent(function, begin, {"learning_rate": rate, **settings})
    elif callable(thing):
        page = _write_descent(*read_function(thing, start), settings)
    else:
        raise ArgumentError(
            f"live was given {shorten(thing)}; expected a Value, whose graph is shown, "
            f"a function or a Descent, to descend on, or a model with its data, or a History"
        )
    if path is not None:
        page.save(path)
    return page


def _write_network(model: Module, data: Any, validation: Any, settings: dict[str, Any]) -> Page:
    if data is None:
        raise ArgumentError(f"live was given {model!r} alone; expected its data, too: data=...")
    part = show_network(model, data, validation, **settings)
    title = "A network that learns while you watch"
    return write_page(title, [_NETWORK, part], lambda: architecture(model).svg())


def _write_descent(
    function: Expression, start: Mapping[str, float], settings: dict[str, Any]
) -> Page:
    part = show_descent(function, start, **settings)

    def draw() -> str:
        descent = minimize(lambda at: function(**at), {**start}, **{"max_steps": 100, **settings})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "descent.svg"
            plot_descent(descent, path)
            return path.read_text(encoding="utf-8")

    return write_page("Gradient descent, by hand", [_DESCENT, part], draw)


def _write_graph(value: Value) -> Page:
    part = show_graph(value)
    lead = _FOLDED if "boxes" in part.data else _DRAG
    return write_page(
        "Backpropagation, step by step",
        [_LEAD.format(lead), part],
        lambda: graph(value, partials=True).svg(),
    )
