"""A `graphviz.Digraph` that a notebook shows with whichever Graphviz there is, or as its text."""

from typing import Any

import graphviz

from micrograd_gd.viz.graphs.render import bundle


class Digraph(graphviz.Digraph):  # type: ignore[misc]  # graphviz ships no types
    """What `graphviz.Digraph` is, but for the program `dot`, which a notebook need not have."""

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, str]:
        return bundle(self.source, self.source)
