"""Text for people to read, also where it comes from elsewhere: visible, on a line, and in tables.

Names and labels come from files and from programs that others wrote. Whatever shows them, on a
terminal, in a picture or in source code, takes them from here.
"""

from collections.abc import Sequence
from typing import Any

LONGEST = 32  # characters of a label


def escape(text: Any) -> str:
    r"""Text as one line in which every character can be seen, others as Python writes them.

    >>> print(escape("a\n\x1b[2Jb"))
    a\n\x1b[2Jb
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)


def escape_lines(text: str) -> str:
    r"""Text of several lines, each of which is escaped.

    >>> print(escape_lines("a\n\tb"))
    a
    \tb
    """
    return "\n".join(map(escape, text.split("\n")))


def plain(text: Any, longest: int = LONGEST) -> str:
    """Text as one short line, escaped.

    >>> plain("abcdef", longest=4)
    'abc…'
    """
    text = str(text)
    return escape(text if len(text) <= longest else f"{text[: longest - 1]}…")


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
