"""The command line: train on a CSV file, predict, draw, explain, play, look up.

Exit status: 0 done, 1 the training diverged, 2 the input is wrong, 130 interrupted. Answers go to
standard output; progress, warnings and errors, one line each, to standard error. Each command is
a module of its own.
"""

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from micrograd_gd._version import __version__
from micrograd_gd.cli import demo, descend, explain, find_lr, graph, ops, play, predict, train
from micrograd_gd.cli.messages import PROGRAM, complain, describe_error
from micrograd_gd.errors import MicrogradError

INTERRUPTED = "interrupted; nothing more was written", 130

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Scalar autodiff and gradient descent: train on a CSV file, predict, look things up.",
)
for command in (
    train.train,
    predict.predict,
    find_lr.find_lr,
    descend.descend,
    graph.graph,
    explain.explain,
    play.play,
    ops.ops,
    demo.demo,
):
    app.command()(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit; every expected mistake becomes one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what its encoding lacks is shown all the same
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app(arguments, prog_name=PROGRAM, standalone_mode=False) or 0
        if status == INTERRUPTED[1]:  # what typer makes of Ctrl-C, without a word
            complain(*INTERRUPTED)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of standard output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except (KeyboardInterrupt, typer.Abort):
        status = complain(*INTERRUPTED)
    except (MicrogradError, OSError) as error:
        status = complain(describe_error(error), 2)
    except Exception as error:
        # Usage errors of click, which some versions of typer bring along under another name.
        if not hasattr(error, "format_message"):
            raise
        status = complain(f"{error.format_message().rstrip('.')}. See {PROGRAM} --help.", 2)
    sys.exit(status)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 — typer calls it
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # noqa: FBT002 — a flag, and its callback acts on it
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say which version."),
    ] = False,
) -> None:
    """Take the options that all commands share."""
