from typing import Any

from micrograd_gd.engine import Value as Value
from micrograd_gd.operation import Operation

def adopt(op: Operation, name: str, formulas: str) -> bool: ...
def count_blocks(count: int) -> None: ...
def restore(
    op: Operation | None,
    operands: tuple[Any, ...],
    partials: tuple[float | None, ...],
    data: float,
    grad: float,
    label: Any,
) -> Value: ...
