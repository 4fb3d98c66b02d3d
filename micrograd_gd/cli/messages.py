"""What the command line says: every line goes through here, and all of it can be seen."""

import typer

from micrograd_gd.text import escape

PROGRAM = "micrograd-gd"


def describe_error(error: Exception) -> str:
    """An error in one line, with its file first."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def say(*lines: str) -> None:
    """Print lines, whatever the names in them are made of."""
    for line in lines:
        typer.echo(escape(line))


def warn(message: str) -> None:
    """Say what the user should know, and go on."""
    complain(f"warning: {message}", 0)


def complain(message: str, status: int) -> int:
    """Say what went wrong, and return the status to exit with."""
    typer.echo(f"{PROGRAM}: {escape(message)}", err=True)
    return status
