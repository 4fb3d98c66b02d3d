"""What the command line says on standard error, a line each."""

import typer

PROGRAM = "micrograd-gd"


def describe_error(error: Exception) -> str:
    """An error in one line; one from the system with its file first, as all others have it."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def warn(message: str) -> None:
    """Say what the user should know, and go on."""
    typer.echo(f"{PROGRAM}: warning: {message}", err=True)


def complain(message: str, status: int) -> int:
    """Say what went wrong; the status to exit with comes back."""
    typer.echo(f"{PROGRAM}: {message}", err=True)
    return status
