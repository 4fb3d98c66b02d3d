"""`--out picture.svg`: what was found, drawn into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

Picture = Annotated[
    Path | None, typer.Option("--out", "-o", help="Picture to draw: .svg, .png or .pdf.")
]


def draw(path: Path, plot: Callable[..., Any], thing: Any) -> None:
    """Draw the thing by one of the functions of ``viz``, and say so."""
    plot(thing, path)
    typer.echo(f"wrote {path}")
