"""`ops`: the table of operations, or one row in full."""

import sys
from typing import Annotated

import typer

from micrograd_gd.cli import printing
from micrograd_gd.cli.messages import PROGRAM, measure_width, say
from micrograd_gd.table.ops import OPERATIONS, operation


def ops(
    name: Annotated[
        str | None,
        typer.Argument(
            help="One operation, to see all about it.", autocompletion=lambda: [*OPERATIONS]
        ),
    ] = None,
) -> None:
    """List the operations: their derivatives and what they are."""
    if name is not None:
        say(*printing.describe_operation(operation(name)))
        return
    width = measure_width(sys.stdout)
    for line in printing.list_operations():
        say(printing.shorten(line, width) if width else line)
    say("", f"{len(OPERATIONS)} operations; {PROGRAM} ops NAME shows one in full.")
