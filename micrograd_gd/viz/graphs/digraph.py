"""A `graphviz.Digraph` that a notebook shows with whichever Graphviz there is, or as its text."""

from typing import Any

import graphviz

from micrograd_gd.viz.graphs.render import mime_bundle


class Digraph(graphviz.Digraph):  # type: ignore[misc]  # graphviz ships no types
    """A `graphviz.Digraph` that a notebook shows without the program `dot` as well."""

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, str]:
        return mime_bundle(self.source, self.source)
