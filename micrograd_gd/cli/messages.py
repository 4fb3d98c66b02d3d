"""What the command line says: every line goes through here, and all of it can be seen."""

import os
import re
import sys
from textwrap import TextWrapper
from typing import TextIO

import typer

from micrograd_gd.text import escape

PROGRAM = "micrograd-gd"
NARROW = 24  # columns; text is not folded into less

_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
_COMMAND = re.compile(rf"{PROGRAM} [^;:]*")


def describe_error(error: Exception) -> str:
    """An error in one line, with its file first."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def say(*lines: str) -> None:
    """Print lines, whatever the names in them are made of."""
    width = measure_width(sys.stdout)
    for line in lines:
        for part in fold(escape(line), width):
            typer.echo(part)


def warn(message: str) -> None:
    """Say what the user should know, and go on."""
    complain(f"warning: {message}", 0)


def complain(message: str, status: int) -> int:
    """Say what went wrong, and return the status to exit with."""
    for part in fold(f"{PROGRAM}: {escape(message)}", measure_width(sys.stderr)):
        typer.echo(part, err=True)
    return status


def measure_width(stream: TextIO) -> int | None:
    """The columns of the terminal that shows a stream; None where a file or a pipe takes it."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return None


def fold(line: str, width: int | None) -> list[str]:
    """A line as several of that width, the further ones below its last column.

    A command to type stays in one piece.

    >>> fold("data  150 rows, and a target of 3 classes", 32)
    ['data  150 rows, and a target of', '      3 classes']
    """
    if width is None or len(line) <= width:
        return [line]
    column = max([0, *(gap.end() for gap in _GAP.finditer(line))])
    wrapper = TextWrapper(
        width,
        subsequent_indent=" " * (column if width - column >= NARROW else 4),
        break_long_words=False,
        break_on_hyphens=False,
    )
    command = _COMMAND.sub(lambda found: found[0].replace(" ", "\0"), line)
    return [part.replace("\0", " ") for part in wrapper.wrap(command)]
