"""The lesson: what backpropagation is, in text and in graphs that the text speaks of."""

import re
from importlib import resources
from typing import Any

from micrograd_gd.data import moons
from micrograd_gd.engine import Value
from micrograd_gd.nn import MLP
from micrograd_gd.notation.parse import parse
from micrograd_gd.pages.descent import show_descent
from micrograd_gd.pages.frame import Page, Part, write_page
from micrograd_gd.pages.graph import show_graph
from micrograd_gd.pages.network import show_network

EXAMPLE = """\
c = a + b + (a + b + 1)
d = a*b + b**3
e = c + 1 + c - a
f = d + d*2 + relu(b + a)
g = f + 3*f + relu(b - a)
h = (e - g)**2
h/2 + 10/h"""


def write_lesson() -> Page:
    """The page of the lesson.

    >>> write_lesson()  # doctest: +ELLIPSIS
    Page(... characters of HTML; save(path) writes it)
    """
    line = {"x": 2.0, "w": -3.0, "b": 1.0}
    parts = {
        "forward": _show("x*w + b", line, hidden=["form", "panel", "ask"]),
        "nudge": _show("x*w + b", line, hidden=["form", "panel", "ask"], start="end"),
        "chain": _show(
            "tanh(x*w + b)", {"x": 2.0, "w": -0.3, "b": 1.0}, hidden=["form", "panel", "ask"]
        ),
        "paths": _show(
            "a*b + b**3", {"a": 2.0, "b": -3.0}, hidden=["form", "ask"], start="end", selected="b"
        ),
        "ask": _show(
            "(a + b) * (b + 1)", {"a": 2.0, "b": 1.0}, hidden=["form", "leaves"], start="ask"
        ),
        "example": _show(EXAMPLE, {"a": -4.0, "b": 2.0}, start="end", selected="a"),
        "any": _show("log(1 + exp(-y*(w*x + b)))", {"y": 1.0, **line}),
        "downhill": show_descent(parse("x**4 - 3*x**3 + 2"), {"x": 3.2}, learning_rate=0.02),
        "network": show_network(
            MLP(2, [8, 8, 1], "tanh", seed=1),
            moons(200, seed=0),
            moons(100, seed=1),
            learning_rate=0.3,
            name="moons",
        ),
    }
    text = (resources.files(__name__) / "lesson.html").read_text(encoding="utf-8")
    pieces = re.split(r"<!-- part: (\w+) -->", text)
    shown = [parts[piece] if i % 2 else piece for i, piece in enumerate(pieces)]
    return write_page("Why is the gradient what it is?", shown)


def _show(formula: str, numbers: dict[str, float], **options: Any) -> Part:
    leaves = {name: Value(number, name) for name, number in numbers.items()}
    return show_graph(parse(formula)(**leaves), formula=formula, **options)
