"""`--out picture.svg`: what was found, drawn into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from micrograd_gd.viz.figure import file

Picture = Annotated[
    Path | None, typer.Option("--out", "-o", help="Picture to draw: .svg, .png or .pdf.")
]


def draw(path: Path, thing: Any) -> None:
    """Draw what has a ``plot``, and say so."""
    with file(path, (6.4, 4.2)) as figure:
        thing.plot(figure.subplots())
    typer.echo(f"wrote {path}")
