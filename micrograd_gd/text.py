"""Text for people to read: labels that fit into a line, and tables."""

from collections.abc import Sequence
from typing import Any

LONGEST = 32  # characters of a label


def plain(text: Any, longest: int = LONGEST) -> str:
    r"""Text as one short line in which every character can be seen.

    >>> print(plain("a\nb"))
    a\nb
    """
    text = str(text)
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def tabulate(headings: Sequence[str], rows: Sequence[Sequence[str]], most: int = 0) -> list[str]:
    """Lines of a table, its columns as wide as they need; at most so many rows, 0 for all.

    >>> tabulate(["x", "slope"], [["1.0", "2"], ["10.0", "20"]])
    ['x     slope', '1.0   2', '10.0  20']
    """
    table = [headings, *(rows[:most] if most else rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    left_out = len(rows) + 1 - len(table)
    return [*lines, f"… and {left_out} more"] if left_out else lines
