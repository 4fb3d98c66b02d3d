"""The pictures of the pages, which `python docs/generate.py` draws.

A page makes its pictures itself: its code is run, and what it saves is put where the page shows it.
"""  # noqa: INP001 — a script, no package

import io
import os
import re
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path

import matplotlib as mpl

DOCS = Path(__file__).parent
ROOT = DOCS.parent

# The pages, and where the pictures that they save are shown.
PAGES = {
    DOCS / "reference" / "pictures.md": "docs/reference/pictures/{}",
}


# How plots are written, so that the same code gives the same text.
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "micrograd_gd"}


def places(page: Path, folder: Path) -> dict[Path, Path]:
    """From each picture that the page's code saved in a folder to where the page shows it."""
    return {path: ROOT / PAGES[page].format(path.name) for path in sorted(folder.glob("*.svg"))}


def run(page: Path, folder: Path, until: re.Pattern[str] = re.compile("")) -> None:
    """Run the code of a page in a folder, up to the last block in which `until` is found."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    while not until.search(blocks[-1]):
        blocks.pop()
    names: dict[str, object] = {"__name__": "__main__"}
    with chdir(folder), redirect_stdout(io.StringIO()), mpl.rc_context(STYLE):
        for block in blocks:
            exec(block, names)  # noqa: S102 — the page's own code


def draw() -> None:
    """Draw all pictures, where the pages show them."""
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # keeps the day out of the files
    for each in PAGES:
        with tempfile.TemporaryDirectory() as temporary:
            run(each, Path(temporary))
            for saved, where in places(each, Path(temporary)).items():
                where.write_bytes(saved.read_bytes())
