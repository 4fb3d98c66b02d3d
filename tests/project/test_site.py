"""The site: built without warnings, read without network, with every name of the face in it."""

import re
import zlib
from inspect import isclass, isfunction, ismodule
from pathlib import Path
from pkgutil import resolve_name

import micrograd_gd
from micrograd_gd.table.ops import OPERATIONS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_site_is_built_without_warnings_and_read_without_network(tmp_path, python):
    """One test, since a build is dear."""
    python("-m", "sphinx", "-W", "-q", "-d", "trees", "-b", "html", DOCS, "html", cwd=tmp_path)
    pages = {path: path.read_text("utf-8") for path in (tmp_path / "html").rglob("*.html")}
    for path, page in pages.items():
        loaded = re.findall(r'<(?:script|img|iframe|link)[^>]* (?:src|href)="(\w+:[^"]*)"', page)
        assert not loaded, f"{path} loads {loaded}"
        assert "_downloads/" not in page, f"{path} offers as a download what is to be read"
    operations = pages[tmp_path / "html" / "reference" / "operations.html"]
    assert "<msqrt>" in operations
    assert r"\sqrt" not in operations
    size = sum(path.stat().st_size for path in (tmp_path / "html").rglob("*"))
    assert size < 10_000_000
    assert read_inventory(tmp_path / "html" / "objects.inv") == offered() | returned()


def read_inventory(path):
    """The names that the site explains, members of classes and second names left out."""
    lines = zlib.decompress(path.read_bytes().split(b"\n", 4)[4]).decode().splitlines()
    found = [line.split()[:4] for line in lines]
    classes = {name for name, kind, *_ in found if kind == "py:class"}
    return {
        name.removeprefix("micrograd_gd.")
        for name, kind, _, place in found
        if kind.startswith("py:")
        and name.rpartition(".")[0] not in classes
        and place.partition("#")[2] in {"$", "module-$", name.rpartition(".")[2]}
    }


def offered():
    """The names of the face, and those of its modules that are not also in the face."""
    names = {*micrograd_gd.__all__} - {"__version__"}
    modules = {name for name in names if ismodule(getattr(micrograd_gd, name))}
    within = {
        f"{m}.{name}" for m in modules for name in {*getattr(micrograd_gd, m).__all__} - names
    }
    return names | within


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
