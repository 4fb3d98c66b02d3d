"""The site: read without warnings, and with every name of the face in it."""

import re
from inspect import isclass, isfunction, ismodule
from pathlib import Path
from pkgutil import resolve_name

import micrograd_gd
from micrograd_gd.table.ops import OPERATIONS

DOCS = Path(__file__).parents[2] / "docs"
READ = """
import sys
from docutils import nodes
from sphinx.application import Sphinx

docs, out = sys.argv[1:]
app = Sphinx(docs, docs, out, out, "dummy", status=None, exception_on_warning=True)
app.build()
for link in app.env.get_doctree("tutorial/1-gradient-descent").findall(nodes.reference):
    if "word" in link["classes"]:
        print("word", "-", link["refuri"])
for name, entry in app.env.domains.python_domain.objects.items():
    print(name, entry.objtype, entry.aliased)
"""


def test_the_reference_has_every_name_of_the_face_once_and_no_other(tmp_path, python):
    """The pages are read as for a build, where a warning is an error, as a second entry is."""
    lines = [line.split() for line in python("-c", READ, DOCS, tmp_path).stdout.splitlines()]
    linked = [place.rpartition("#")[2] for kind, _, place in lines if kind == "word"]
    assert {"gradient", "learning-rate", "chain-rule"} <= {*linked}
    assert len(linked) == len({*linked})
    classes = {name for name, kind, _ in lines if kind == "class"}
    explained = {
        name.removeprefix("micrograd_gd.")
        for name, _, second in lines
        if second == "False" and name.rpartition(".")[0] not in classes
    }
    assert explained == offered() | returned()


def offered():
    """The names of the face, and those of its modules that are not also in the face."""
    names = {*micrograd_gd.__all__} - {"__version__"}
    modules = {name: getattr(micrograd_gd, name) for name in names}
    modules = {name: module for name, module in modules.items() if ismodule(module)}
    return names.union(
        *({f"{m}.{name}" for name in {*modules[m].__all__} - names} for m in modules)
    )


def returned():
    """The classes that a page of the reference names below *What they return*."""
    pages = (DOCS / "reference" / "api").glob("*.md")
    text = "".join(page.read_text("utf-8") for page in pages)
    blocks = re.findall(r"^```{names}\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    return {name for block in blocks for name in block.split()}


def test_every_function_of_the_reference_shows_an_example():
    """But operations, whose examples are on their page."""
    for name in offered() - {f"functional.{name}" for name in OPERATIONS}:
        thing = resolve_name(f"micrograd_gd.{name}")
        if isfunction(thing) or (isclass(thing) and "." not in name):
            assert ">>>" in thing.__doc__, name
