"""The command line: train on a CSV file, predict, draw, explain, play, look up.

Exit status: 0 done, 1 the training diverged, 2 the input is wrong, 130 interrupted. Answers go to
standard output; progress, warnings and errors, one line each, to standard error. Each command is
a module of its own.
"""

import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, NoReturn

import typer

from micrograd_gd._version import __version__
from micrograd_gd.cli import demo, descend, explain, find_lr, graph, ops, play, predict, train
from micrograd_gd.cli.messages import PROGRAM, complain, describe_error
from micrograd_gd.errors import MicrogradError

FORMULAS = {"descend", "graph", "explain", "play"}  # commands that take one
INTERRUPTED = "interrupted; nothing more was written", 130

_MINUS = re.compile(r"-(?!-|o|[hV]$).")

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Scalar autodiff and gradient descent: train on a CSV file, predict, look things up.",
)

# Each command, with what its help shows as examples.
COMMANDS: dict[Callable[..., None], tuple[str, ...]] = {
    train.train: (
        "train iris",
        "train houses.csv --target price --drop id,note",
        "train houses.csv --hidden 16,8 --activation tanh --early-stopping 20",
        "train --resume run --epochs 400",
    ),
    predict.predict: (
        "predict run/model.json new.csv --keep id",
        "predict run/model.json - --probabilities --out answers.csv < new.csv",
    ),
    find_lr.find_lr: ("find-lr iris", "find-lr houses.csv --target price --out rates.svg"),
    descend.descend: (
        "descend 'x**2 - 4*x' --learning-rate 0.1",
        "descend 'x**2 + 3*y**2' --start x=4,y=1 --page by-hand.html",
    ),
    graph.graph: (
        "graph 'tanh(w*x + b)' --at w=1,x=2,b=-1",
        "graph run/model.json --out page.html",
    ),
    explain.explain: (
        "explain 'a*b + a' a=2 b=3",
        "explain -x**2 --at x=3 --latex",
    ),
    play.play: (
        "play",
        "play 'tanh(w*x + b)' w=1 x=2 b=-1",
        "play --data houses.csv --target price",
    ),
    ops.ops: ("ops", "ops tanh"),
    demo.demo: ("demo", "demo --seed 1 --out moons"),
}
for command, examples in COMMANDS.items():
    lines = "\n".join(f"  {PROGRAM} {example}" for example in examples)
    app.command(epilog=f"\b\nExamples:\n{lines}")(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit; every expected mistake becomes one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what its encoding lacks is shown all the same
            stream.reconfigure(errors="backslashreplace")
    try:
        given = [*(sys.argv[1:] if arguments is None else arguments)]
        status = app(shield_minus(given), prog_name=PROGRAM, standalone_mode=False) or 0
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
        ctx = getattr(error, "ctx", None)
        command = ctx.command_path if ctx else PROGRAM
        status = complain(f"{error.format_message().rstrip('.')} (see {command} --help)", 2)
    sys.exit(status)


def shield_minus(arguments: list[str]) -> list[str]:
    """The arguments, with a space before a formula such as -x**2, or it would be an option."""
    has_formula = FORMULAS & {*arguments[:1]} and not any(x.startswith("--data") for x in arguments)
    if not has_formula:
        return arguments
    return [f" {given}" if _MINUS.match(given) else given for given in arguments]


def _show_version(wanted: bool) -> None:  # noqa: FBT001 — typer calls it
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # noqa: FBT002 — a flag, and its callback acts on it
        bool,
        typer.Option(
            "--version", "-V", callback=_show_version, is_eager=True, help="Say which version."
        ),
    ] = False,
) -> None:
    """Take the options that all commands share."""
