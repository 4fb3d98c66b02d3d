"""What the native `Value` seldom needs: copies, notebooks, operations that are not compiled in.

The counterpart of the same parts of `engine.py`, which says why they are as they are.
"""

import re
from collections.abc import Callable
from typing import Any

from micrograd_gd.core import copies
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
    kind.__copy__ = copies.copy
    kind.__deepcopy__ = copies.deepcopy
    kind.__reduce__ = copies.reduce
    kind._restored = staticmethod(restore)  # noqa: SLF001 — the name that `copies` knows

    def take_in(op: Operation) -> None:
        if not adopt(op, op.name, formulas(op)):
            _define_methods(kind, op)

    subscribe(take_in)


# Operations that are not compiled in: those that a user added.


def _define_methods(kind: Any, op: Operation) -> None:
    def method(*operands: Any, **named: Any) -> Any:
        return kind.record(op, *op.complete(operands, named))

    def operator(a: Any, b: Any) -> Any:
        return NotImplemented if _is_array(b) else kind.record(op, a, b)

    def reflected(b: Any, a: Any) -> Any:
        return NotImplemented if _is_array(a) else kind.record(op, a, b)

    _define(kind, op, method, [op.name, *op.aliases])
    if op.method:
        is_binary = len(op.operands) == 2 and not op.folds and not op.defaults
        _define(kind, op, operator if is_binary else method, [f"__{op.method}__"])
        if is_binary:
            _define(kind, op, reflected, [f"__r{op.method}__"])


def _define(kind: Any, op: Operation, method: Callable[..., Any], names: list[str]) -> None:
    method.__name__, method.__doc__ = op.name, op.doc
    for name in names:
        setattr(kind, name, method)


def _is_array(x: Any) -> bool:
    return type(x) is not int and hasattr(x, "__array__") and hasattr(x, "__len__")
