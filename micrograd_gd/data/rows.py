"""What rows of numbers, and shares of them, must be."""

import math
from numbers import Real
from typing import Any

from micrograd_gd.errors import ArgumentError, ShapeError


def require_fraction(name: str, value: object) -> None:
    """Raise ArgumentError unless the value is a number between 0 and 1."""
    if not (isinstance(value, Real) and 0 < float(value) < 1):
        raise ArgumentError(f"{name} is {value!r}; expected a number between 0 and 1")


def check_widths(rows: Any, width: int) -> None:
    """Raise ShapeError unless every row has that many columns."""
    for index, row in enumerate(rows):
        if not hasattr(row, "__len__"):
            raise ShapeError(f"row {index} is {row!r}; expected a list, with a number per column")
        if len(row) != width:
            raise ShapeError(f"row {index} has {len(row)} columns; expected {width}")


def check_rows(name: str, rows: Any) -> None:
    """Raise ArgumentError or ShapeError unless the rows are finite numbers in even columns."""
    if not hasattr(rows, "__len__") or len(rows) == 0:
        raise ArgumentError(f"{name} is {rows!r}; expected at least one row of numbers")
    check_widths(rows, len(rows[0]) if hasattr(rows[0], "__len__") else 1)
    for index, row in enumerate(rows):
        for x in row:
            if not _is_finite(x):
                raise ArgumentError(f"row {index} of {name} holds {x!r}; expected finite numbers")


def _is_finite(x: object) -> bool:
    return isinstance(x, Real) and math.isfinite(x)
