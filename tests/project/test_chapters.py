"""The chapters of the tutorial as notebooks; `docs/run_notebooks.py` runs them."""

import re

import pytest
from book import notebooks
from test_docs import blocks, name

REPOSITORY = "https://example.org/micrograd_gd"


@pytest.mark.parametrize("chapter", notebooks.CHAPTERS, ids=name)
def test_a_chapter_is_a_notebook_with_its_code_and_what_that_prints(chapter, tmp_path):
    notebook = notebooks.convert(chapter, REPOSITORY)
    notebooks.save(notebook, tmp_path / "chapter.ipynb")  # which refuses what is no notebook
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = blocks(chapter)
    for cell, block in zip(code, [b for b in found if b.language in {"python", "sh"}], strict=True):
        shell = "%%sh\n" * (block.language == "sh")
        assert cell.source == f"{shell}{block.text}".rstrip("\n")
    shown = [output.text for cell in code for output in cell.outputs]
    assert shown == [block.text for block in found if block.language == "text"]
    assert "```text" not in text
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert all(re.match(r"https?://|attachment:|#", link) for link in links)
    assert all(cell.id for cell in notebook.cells)
