"""Write what is generated from the table and from the C: `python docs/generate.py`."""  # noqa: INP001 — a script, no package

from collections.abc import Callable
from pathlib import Path

import generate_operations
import generate_stubs

from micrograd_gd.core.native.generate.docs import STUB, write_stub

FILES: dict[Path, Callable[[], str]] = {
    Path(__file__).parent / "reference" / "operations.md": generate_operations.page,
    generate_stubs.PACKAGE / "engine.pyi": generate_stubs.engine,
    generate_stubs.PACKAGE / "functional.pyi": generate_stubs.functional,
    STUB: write_stub,
}

if __name__ == "__main__":
    for path, text in FILES.items():
        path.write_text(text(), encoding="utf-8")
