"""Pages that live within the text: what a block writes by `live(…, "page.html")` is shown below it.

The page is made by the code of the text itself. A picture that follows the block stands in for it
where scripts are off.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pictures
from docutils import nodes
from sphinx.application import Sphinx

WRITES = re.compile(r'^live\(.*"([\w-]+\.html)"', re.MULTILINE)


def show_pages(app: Sphinx, document: nodes.document) -> None:
    """Put a place for a page below the block that writes it."""
    name = app.env.docname
    for block in [*document.findall(nodes.literal_block)]:
        for file in reversed(WRITES.findall(block.astext())):
            url = f"{'../' * name.count('/')}live/{name}/{file}"
            link = nodes.reference("", f"Open {file} by itself", refuri=url)
            place = nodes.container("", nodes.paragraph("", "", link), classes=["live"])
            after = block.next_node(descend=False, siblings=True)
            if isinstance(after, nodes.paragraph) and isinstance(after[0], nodes.image):
                after.parent.remove(after)
                place.insert(0, after[0])
            block.parent.insert(block.parent.index(block) + 1, place)


def make_pages(app: Sphinx, error: Exception | None) -> None:
    """Run the code of all texts that write such pages: once, on the engine that is fastest."""
    if error or app.builder.name != "html":
        return
    texts = [app.env.doc2path(name) for name in app.env.found_docs]
    texts = [text for text in texts if WRITES.search(Path(text).read_text("utf-8"))]
    command = [sys.executable, "-m", "book.live", app.outdir, *texts]
    environment = {**os.environ, "MICROGRAD_GD_ENGINE": ""}
    subprocess.run(command, cwd=app.srcdir, env=environment, check=True)  # noqa: S603 — this module


def make(text: Path, folder: Path) -> None:
    """Run the code of a text up to the last page that it writes, and keep the pages."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        pictures.run(text, Path(temporary), until=WRITES)
        for page in Path(temporary).glob("*.html"):
            (folder / page.name).write_bytes(page.read_bytes())


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every text, and make the pages in the end."""
    app.connect("doctree-read", show_pages)
    app.connect("build-finished", make_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    out, *texts = map(Path, sys.argv[1:])
    for each in texts:
        make(each, out / "live" / each.relative_to(pictures.DOCS).with_suffix(""))
