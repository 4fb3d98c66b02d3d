"""What writes C when the package is built: the table, numbers, docstrings."""

from pathlib import Path

from micrograd_gd.core.native.generate.docs import write_docs
from micrograd_gd.core.native.generate.library import check_library
from micrograd_gd.core.native.generate.methods import write_methods
from micrograd_gd.core.native.generate.numbers import write_numbers
from micrograd_gd.core.native.generate.rules import write_rules
from micrograd_gd.core.native.generate.tape import write_tape_rows
from micrograd_gd.table.elementary_c import write_header
from micrograd_gd.table.ops import OPERATIONS


def generate(folder: str, value: type) -> None:
    """Write all C files that are not fresh into the folder; `value` is the Python engine's class.

    Raises NotImplementedError where C does not have what the table or the Python engine asks for.
    """
    check_library()
    rows = [row for row in OPERATIONS.values() if isinstance(row.value, str)]
    slopes = [row.slope(i) for row in rows for i, _ in enumerate(row.operands)]
    computed = [*rows, *(slope for slope in slopes if slope)]
    files = {
        "elementary.h": write_header(),
        "numbers.h": write_numbers(computed),
        "rules.c": write_rules(computed),
        "row_methods.c": write_methods(rows),
        "tape_rows.h": write_tape_rows(computed),
        "docs.h": write_docs(value),
    }
    for name, text in files.items():
        head = "/* Generated from the package's Python by core/native/generate/. */\n\n"
        path = Path(folder) / name
        if not path.exists() or path.read_text(encoding="utf-8") != head + text:
            path.write_text(head + text, encoding="utf-8")
