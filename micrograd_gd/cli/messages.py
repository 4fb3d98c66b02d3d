"""What the command line says on standard error, in one line each."""

import typer

PROGRAM = "micrograd-gd"


def describe_error(error: Exception) -> str:
    """An error in one line, with its file first."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def warn(message: str) -> None:
    """Say what the user should know, and go on."""
    typer.echo(f"{PROGRAM}: warning: {message}", err=True)


def complain(message: str, status: int) -> int:
    """Say what went wrong, and return the status to exit with."""
    typer.echo(f"{PROGRAM}: {message}", err=True)
    return status
