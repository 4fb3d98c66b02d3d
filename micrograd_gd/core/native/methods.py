"""What the native `Value` seldom needs: copies, notebooks, operations that are not compiled in.

The counterpart of the same parts of `engine.py`, which says why they are as they are.
"""

import re
from collections.abc import Callable
from typing import Any

from micrograd_gd.core import methods
from micrograd_gd.table import ieee
from micrograd_gd.table.ops import OPERATIONS, Operation, subscribe


def formulas(op: Operation) -> str:
    """All that a row's compiled code depends on, to tell whether the code is of this row."""
    texts: dict[str, str] = {}
    todo = [op]
    while todo:
        row = todo.pop()
        if row.name not in texts and isinstance(row.value, str):
            texts[row.name] = repr((row.operands, row.value, row.partials, row.defaults, row.folds))
            called = re.findall(r"\w+(?=\()", texts[row.name])
            todo += [OPERATIONS[name] for name in called if name not in ieee.__all__]
    return f"{op.method} {op.aliases} {sorted(texts.items())}"


def complete(
    kind: Any, adopt: Callable[[Operation, str, str], bool], restore: Callable[..., Any]
) -> None:
    """Give the native type what is written here."""
    kind.__name__ = "Value"  # C made it with its module, and messages would show that
    kind._restored = staticmethod(restore)  # noqa: SLF001 — the name that `copies` knows

    def take_in(op: Operation) -> None:
        if not adopt(op, op.name, formulas(op)):
            methods.define(kind, op)

    subscribe(take_in)
