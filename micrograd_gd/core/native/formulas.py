"""Which formulas a compiled row was made of, so that code of an older table is not taken for it."""

import re

from micrograd_gd.table import ieee
from micrograd_gd.table.ops import OPERATIONS, Operation


def write_formulas(op: Operation) -> str:
    """All that a row's compiled code depends on: its own formulas, and those of rows it calls."""
    texts: dict[str, str] = {}
    todo = [op]
    while todo:
        row = todo.pop()
        if row.name not in texts and isinstance(row.value, str):
            texts[row.name] = repr((row.operands, row.value, row.partials, row.defaults, row.folds))
            called = re.findall(r"\w+(?=\()", texts[row.name])
            todo += [OPERATIONS[name] for name in called if name not in ieee.__all__]
    return f"{op.method} {op.aliases} {sorted(texts.items())}"
