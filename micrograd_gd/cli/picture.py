"""`--out picture.svg`: a result, drawn into a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from micrograd_gd.cli.messages import say

Picture = Annotated[
    Path | None, typer.Option("--out", "-o", help="Picture to draw: .svg, .png or .pdf.")
]


def draw(path: Path, plot: Callable[..., Any], thing: Any) -> None:
    """Draw the thing by one of the functions of `viz`, and say so."""
    plot(thing, path)
    say(f"wrote {path}")
