"""`play`: a page to step through, of a formula or the whole lesson, opened in the browser."""

import contextlib
import webbrowser
from itertools import cycle
from pathlib import Path
from typing import Annotated

import typer

from micrograd_gd.cli.messages import say
from micrograd_gd.cli.place import Force, default_file, require_new
from micrograd_gd.cli.point import At, compute, point
from micrograd_gd.engine import Value
from micrograd_gd.notation.parse import parse
from micrograd_gd.pages import live
from micrograd_gd.pages.lesson import write_lesson

STARTS = (2, -3, 0.5, 1, -1.5)  # of names that are given no number, as on the page


def play(
    formula: Annotated[
        str | None,
        typer.Argument(
            help="Such as 'tanh(w*x + b)', after -- if it begins with a minus.",
            show_default="the lesson",
        ),
    ] = None,
    numbers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=NUMBER]...", help="As --at.", show_default=False),
    ] = None,
    at: At = None,
    page: Annotated[
        Path | None,
        typer.Option(
            help="Write the page there, and open no browser.",
            show_default="play.html, or play-2.html where that is taken",
        ),
    ] = None,
    force: Force = False,  # noqa: FBT002 — a flag
) -> None:
    """Step through a formula, forward and backward, in the browser; without one, the lesson."""
    require_new(page, "--page", force=force)
    points = [*(at or ()), *(numbers or ())]
    made = write_lesson() if formula is None else live(_root(formula, points))
    path = page or default_file("play.html", force=force)
    made.save(path)
    is_open = page is None and _open(path)
    say(f"wrote {path}" + ("" if is_open or page else "; open it in a browser"))


def _root(formula: str, at: list[str]) -> Value:
    function = parse(formula)
    given = point(at, function.names)
    starts = [f"{name}={x}" for name, x in zip(function.names, cycle(STARTS), strict=False)]
    missing = [start for start in starts if start.partition("=")[0] not in given]
    root, _ = compute(formula, [*at, *missing])
    return root


def _open(path: Path) -> bool:
    """Whether a browser shows the page in a window of its own; one in the terminal is left out."""
    with contextlib.suppress(webbrowser.Error, OSError):
        browser = webbrowser.get()
        has_window = type(browser) is not webbrowser.GenericBrowser
        return has_window and browser.open(path.absolute().as_uri())
    return False
