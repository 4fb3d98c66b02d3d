"""The kinds of picture that can be written, told by the suffix of a path."""

import os
from pathlib import Path

from micrograd_gd.errors import DrawingError

PICTURES = ("svg", "png", "pdf")


def format_of(path: str | os.PathLike[str], formats: tuple[str, ...] = PICTURES) -> str:
    """The format that the suffix of a path names.

    Raises DrawingError for any other suffix.

    >>> format_of("graph.SVG")
    'svg'
    """
    suffix = Path(path).suffix
    kind = suffix.lower().removeprefix(".")
    if kind not in formats:
        expected = ", ".join(f".{known}" for known in formats)
        raise DrawingError(
            f"{Path(path)}: the suffix {suffix!r}; expected one of {expected}: rename the file"
        )
    return kind
