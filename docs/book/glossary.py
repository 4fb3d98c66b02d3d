"""The first use of a word of the glossary leads there, in chapters and guides."""

import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PAGE = "reference/glossary"
OTHERWISE = {
    "losses": "loss",
    "batches": "batch",
    "cost": "loss",
    "non-linearity": "activation",
    "perceptron": "neuron",
}
NOT_HERE = (
    nodes.title,
    nodes.reference,
    addnodes.pending_xref,  # a link to another page, which is resolved later
    nodes.literal,
    nodes.literal_block,
    nodes.math,
)


def read_words(page: Path) -> dict[str, str]:
    """The word of the glossary for each word and its plural, all in small letters."""
    words = re.findall(r"^## (.+)$", page.read_text("utf-8").lower(), flags=re.MULTILINE)
    return {form: word for word in words for form in (word, f"{word}s")} | OTHERWISE


def link_words(app: Sphinx, document: nodes.document) -> None:
    """Lead the first use of each word on a page to the glossary."""
    if app.env.docname.partition("/")[0] not in {"tutorial", "guide"}:
        return
    words = read_words(Path(app.srcdir, f"{PAGE}.md"))
    pattern = re.compile(
        rf"\b(?:{'|'.join(sorted(words, key=len, reverse=True))})\b", re.IGNORECASE
    )
    known: set[str] = set()

    def split(text: str) -> Iterator[nodes.Node]:
        end = 0
        for found in pattern.finditer(text):
            name = words[found[0].lower()]
            if name not in known:
                known.add(name)
                yield nodes.Text(text[end : found.start()])
                url = f"../{PAGE}.html#{name.replace(' ', '-')}"
                yield nodes.reference("", found[0], refuri=url, classes=["word"])
                end = found.end()
        yield nodes.Text(text[end:])

    for text in [*document.findall(nodes.Text)]:
        parent, inside = text.parent, text.parent
        while inside and not isinstance(inside, NOT_HERE):
            inside = inside.parent
        if inside is None:
            parent[parent.index(text) : parent.index(text) + 1] = [*split(text)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every page when it is read."""
    app.connect("doctree-read", link_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
