"""Draw the pictures of the pages anew: `python docs/pictures.py`.

A page makes its pictures itself: its code is run, and what it saves is put where the page shows it.
"""  # noqa: INP001 — a script, no package

import io
import os
import re
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).parent.parent

# The pages, and where the pictures that they save are shown.
PAGES = {
    ROOT / "README.md": "docs/readme-{}",
    ROOT / "docs" / "reference" / "pictures.md": "docs/reference/pictures/{}",
}


def drawn(page: Path, folder: Path) -> dict[Path, Path]:
    """Run the code of a page in a folder: from each picture it saves to where that is shown."""
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # keeps the day out of the files
    import matplotlib as mpl  # noqa: PLC0415 — after the line above

    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {"__name__": "__main__"}
    style = {"svg.fonttype": "none", "svg.hashsalt": "micrograd_gd"}
    with chdir(folder), redirect_stdout(io.StringIO()), mpl.rc_context(style):
        for block in blocks:
            exec(block, names)  # noqa: S102 — the page's own code
    return {path: ROOT / PAGES[page].format(path.name) for path in sorted(folder.glob("*.svg"))}


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for each in PAGES:
        with tempfile.TemporaryDirectory() as temporary:
            for saved, where in drawn(each, Path(temporary)).items():
                where.write_bytes(saved.read_bytes())
