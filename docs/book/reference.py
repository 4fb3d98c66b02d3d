"""The reference of names: what a page asks for in a block `names` is shown from the docstrings.

Docstrings are Markdown and doctests. Sphinx shows reStructuredText, so they are translated.
"""

import re
from inspect import getdoc, isclass, ismodule, signature
from pkgutil import resolve_name
from typing import Any

from sphinx.application import Sphinx

import micrograd_gd
from micrograd_gd import functional
from micrograd_gd.names import Absent
from micrograd_gd.table.ops import OPERATIONS

FACE = micrograd_gd.__name__


def read_wings() -> dict[str, list[str]]:
    """The names of each wing, as the package's own help groups them."""
    index = (getdoc(micrograd_gd) or "").partition("All names")[2].partition("\n\n")[2]
    wings: dict[str, list[str]] = {}
    for line in index.splitlines():
        wing = line[:15].strip() or [*wings][-1]
        wings.setdefault(wing, []).extend(line[15:].split())
    return wings


WINGS = read_wings()
MODULES = [name for name in micrograd_gd.__all__ if ismodule(getattr(micrograd_gd, name))]


def list_names(page: str) -> list[str]:
    """The names that belong to a wing or to a module; each stands in one of them."""
    if page in WINGS:
        return [name for name in WINGS[page] if name not in MODULES]
    elsewhere = {*micrograd_gd.__all__, *(OPERATIONS if page == "functional" else ())}
    names = getattr(micrograd_gd, page).__all__
    return [f"{page}.{name}" for name in names if name not in elsewhere]


# What a word in a docstring is linked to; operations have a page of their own.
TARGETS = {
    name.rpartition(".")[2]: name for page in (*WINGS, *MODULES) for name in list_names(page)
}
TARGETS |= {name: f"functional.{name}" for name in functional.__all__ if name in OPERATIONS}


def write(page: str, others: str) -> str:
    """The entries of a wing or a module, or of other names, for Sphinx to fill."""
    lines = [".. automodule:: micrograd_gd." + page, ""] if page in MODULES else []
    for name in list_names(page) if page else others.split():
        thing = resolve_name(f"{FACE}.{name}")
        if isclass(thing):
            lines += [f".. autoclass:: {FACE}.{name}", "   :members:", ""]
        elif callable(thing):
            lines += [f".. autofunction:: {FACE}.{name}", ""]
        else:
            words = ", ".join(f"``{word}``" for word in thing)
            head = f".. py:data:: {name.partition('.')[2]}"
            lines += [head, "", f"   The names to ask for: {words}.", ""]
    return "```{eval-rst}\n" + "\n".join(lines) + "```"


def fill_page(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put the entries where a page asks for them."""
    block = r"^```{names} ?(\w*)\n(.*?)^```$"
    flags = re.MULTILINE | re.DOTALL
    source[0] = re.sub(block, lambda asked: write(*asked.groups()), source[0], flags=flags)


def translate(_app: Sphinx, kind: str, name: str, thing: Any, _: Any, lines: list[str]) -> None:
    """Rewrite a docstring: names become links, and signs of reStructuredText mean nothing."""
    owner = thing if kind == "class" else resolve_name(name.rpartition(".")[0] or name)
    own = {*dir(owner)} if isclass(owner) else {thing.__name__.rpartition(".")[2]}
    if callable(thing):
        own |= {*signature(thing).parameters}

    def link(word: str) -> str:
        known = word in TARGETS and word not in own
        return f":py:obj:`~{FACE}.{TARGETS[word]}`" if known else f"``{word}``"

    is_example = False
    for i, line in enumerate(lines):
        is_example = line.startswith(">>>") or (is_example and line != "")
        if not is_example:
            parts = line.split("`")
            parts[1::2] = map(link, parts[1::2])
            for j, text in enumerate(parts[::2]):
                plain = re.sub(r"[*|_\\]", r"\\\g<0>", text)
                parts[2 * j] = re.sub(r"\b[A-Z]\w+Error\b", lambda word: link(word[0]), plain)
            lines[i] = "".join(parts)


def skip(_app: Sphinx, _kind: str, name: str, thing: Any, *_: Any) -> bool | None:
    """Leave out methods that are rows of the table, and names that only say what to use."""
    rows = OPERATIONS.values()
    is_row = any(name in (row.name, *row.aliases) for row in rows)
    return True if is_row or isinstance(thing, Absent) else None


def note_operations(app: Sphinx, _page: Any) -> None:
    """Lead the name of each operation to its entry on the page of operations."""
    if app.env.docname == "reference/operations":
        for name in OPERATIONS.keys() & TARGETS:
            app.env.domains.python_domain.note_object(f"{FACE}.{TARGETS[name]}", "function", name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every page, and at every docstring."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("source-read", fill_page)
    app.connect("autodoc-process-docstring", translate)
    app.connect("autodoc-skip-member", skip)
    app.connect("doctree-read", note_operations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
