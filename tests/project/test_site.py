"""The site: built without warnings, and read without network."""

import re
from pathlib import Path

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
