"""The graph that a value was computed by, as text and as a picture."""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.nn import Module
from micrograd_gd.table.numbers import require_count, shorten
from micrograd_gd.viz.graphs.dot import draw
from micrograd_gd.viz.graphs.folding import Folding
from micrograd_gd.viz.graphs.numbering import Numbering
from micrograd_gd.viz.graphs.render import mime_bundle, render, render_source
from micrograd_gd.viz.graphs.scopes import models_by_name, places

if TYPE_CHECKING:
    from graphviz import Digraph

DIRECTIONS = ("LR", "TB", "RL", "BT")


class Graph:
    """A picture made of boxes and arrows, which a notebook shows by itself.

    `digraph` is the `graphviz.Digraph` to work on; `str()` lists the boxes line by line.

    >>> print(graph(Value(2.0, label="x") * 3.0))
    x  data 2  grad –
    v2 = x * 3  data 6  grad –
    """

    def __init__(self, digraph: "Digraph", text: str) -> None:
        self.digraph, self._text = digraph, text

    @property
    def dot(self) -> str:
        """The DOT text. The same graph gives the same bytes, on every run."""
        return str(self.digraph.source)

    def svg(self) -> str:
        """The picture as SVG text.

        Raises DrawingError where Graphviz is not installed, as do all of these.
        """
        return render_source(self.dot, "svg").decode()

    def png(self) -> bytes:
        """The picture as PNG."""
        return render_source(self.dot, "png")

    def pdf(self) -> bytes:
        """The picture as PDF."""
        return render_source(self.dot, "pdf")

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture to a file, as the suffix says: svg, png, pdf; or dot, gv, the text.

        Raises DrawingError for another suffix, OSError where the file cannot be written.
        """
        render(self.digraph, path)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<Graph of {len(self._text.splitlines())} lines: print it, or save it>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return mime_bundle(self.dot, self._text)


def graph(
    root: Value,
    *,
    model: Module | Iterable[Module] | Mapping[str, Module] | None = None,
    direction: str = "LR",
    depth: int | None = None,
    expand: str | Iterable[str] = (),
    max_nodes: int = 250,
    partials: bool = False,
) -> Graph:
    """Draw the graph that `root` was computed by.

    A box shows a node's label, or else its number in recording order (v1, v2, …); the operation,
    with plain numbers written into it; the data; and the gradient: blue above 0, orange below,
    deeper for a larger one, and – as long as no backward pass has run. An arrow is dashed where no
    derivative flows; `partials` writes the local partial beside each arrow. A leaf that is used
    more than once is violet. An SVG shows more under the pointer.

    A frame holds what was recorded in a `scope("name")`, and what belongs to a part of `model`,
    which is one or several modules; without it, parts come from labels such as
    `layers.0.neurons.3.b`. A graph too large to read is folded: to neurons or to layers, and runs
    of one operation to one box. `depth` says how many levels to open, `expand` names further parts
    to open. Of more than `max_nodes` boxes, those nearest to `root` are drawn. The picture says
    what it leaves out. `direction` is LR, TB, RL or BT.

    Raises ArgumentError where an argument is none of these.

    >>> a = Value(2.0, label="a")
    >>> print(graph(a * a + 1.0))
    a  data 2  grad –
    v2 = a * a  data 4  grad –
    v3 = v2 + 1  data 5  grad –
    """
    _check_root(root)
    if direction not in DIRECTIONS:
        expected = f"expected one of {', '.join(DIRECTIONS)}"
        raise ArgumentError(f"direction is {direction!r}; {expected}")
    require_count("max_nodes", max_nodes)
    require_count("depth", 0 if depth is None else depth, least=0)
    if not isinstance(expand, Iterable):
        raise ArgumentError(f"expand is {shorten(expand)}; expected names of parts")
    models = models_by_name(model)
    numbering = Numbering(root)
    folding = Folding(numbering, *places(numbering, models))
    folding.fold(depth, [expand] if isinstance(expand, str) else [*expand])
    return Graph(
        *draw(folding, models, direction=direction, max_nodes=max_nodes, partials=partials)
    )


def draw_dot(
    root: Value,
    format: str = "svg",  # noqa: A002 — micrograd's name
    rankdir: str = "LR",
    max_nodes: int = 250,
) -> "Digraph":
    """Draw the same graph as a `graphviz.Digraph`, under the names of micrograd's notebook.

    `rankdir` is the direction. `format` is what the digraph's own `render` writes, which needs the
    program `dot`; `graph(root).save(path)` does not.

    >>> a = Value(2.0, label="a")
    >>> print(draw_dot(a * a + 1.0).source.count("->"))
    3
    """
    digraph = graph(root, direction=rankdir, max_nodes=max_nodes).digraph
    digraph.format = format
    return digraph


def _check_root(root: Any) -> None:
    if not isinstance(root, Value):
        hint = "; architecture(model) draws a model" if isinstance(root, Module) else ""
        raise ArgumentError(f"root is {shorten(root)}; expected a Value{hint}")
