"""Write everything that is generated and kept: `python docs/generate.py`.

The page of operations, the stubs, and the figures of the tutorial; then the pictures of the pages,
which their own code draws.
"""  # noqa: INP001 — a script, no package

from collections.abc import Callable
from pathlib import Path

import figures
import generate_operations
import generate_stubs
import pictures

from micrograd_gd.core.native.generate.docs import STUB, write_stub

DOCS = Path(__file__).parent
FILES: dict[Path, Callable[[], str]] = {
    DOCS / "reference" / "operations.md": generate_operations.page,
    generate_stubs.PACKAGE / "engine.pyi": generate_stubs.engine,
    generate_stubs.PACKAGE / "functional.pyi": generate_stubs.functional,
    STUB: write_stub,
    **{DOCS / "tutorial" / f"{name}.svg": draw for name, draw in figures.FIGURES.items()},
}

if __name__ == "__main__":
    for path, text in FILES.items():
        path.write_text(text(), encoding="utf-8")
    pictures.draw()
