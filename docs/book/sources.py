"""Links to files outside of the documentation: on the site they lead to the repository."""

from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference
from sphinx.application import Sphinx


def link_sources(app: Sphinx, document: nodes.document) -> None:
    """Lead what would be offered as a download to where it can be read."""
    for link in [*document.findall(download_reference)]:
        file = Path(app.srcdir, app.env.docname).parent / link["reftarget"]
        path = file.resolve().relative_to(Path(app.srcdir).parent)
        view = "tree" if file.is_dir() else "blob"
        url = f"{app.config.html_theme_options['source_repository']}/{view}/main/{path}"
        link.replace_self(nodes.reference("", "", *link.children, refuri=url))


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every page when it is read, before files to download are collected."""
    app.connect("doctree-read", link_sources, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
