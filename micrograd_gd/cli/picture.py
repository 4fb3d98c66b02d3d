"""`--out picture.svg`: a result, drawn into a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from micrograd_gd.cli.messages import say
from micrograd_gd.cli.place import require_new
from micrograd_gd.errors import ArgumentError
from micrograd_gd.viz.formats import format_of

Picture = Annotated[
    Path | None, typer.Option("--out", "-o", help="Picture to draw: .svg, .png or .pdf.")
]


def require_picture(path: Path | None, *, force: bool) -> None:
    """Raise an error where no picture can be written: before the work, and not after it."""
    require_new(path, force=force)
    if path is not None:
        format_of(path)
        if not path.absolute().parent.is_dir():
            expected = "expected a folder that is there: make it, or choose another --out"
            raise ArgumentError(f"{path}: No such file or directory; {expected}")


def draw(path: Path, plot: Callable[..., Any], thing: Any) -> None:
    """Draw the thing by one of the functions of `viz`, and say so."""
    plot(thing, path)
    say(f"wrote {path}")
