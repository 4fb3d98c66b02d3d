"""`play`: a page of a formula, of a table to learn from, or the whole lesson, in the browser."""

import contextlib
import os
import webbrowser
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Annotated

import typer

from micrograd_gd.cli.experiment import LOSS_TASKS, Experiment, Settings
from micrograd_gd.cli.messages import say
from micrograd_gd.cli.options import (
    DATA,
    DEFAULT,
    Activation,
    BatchSize,
    Decimal,
    Drop,
    Encoding,
    Features,
    Hidden,
    Missing,
    Seed,
    Sep,
    Target,
    Task,
    TestFraction,
    check,
    columns,
    list_given,
    read_table,
    widths,
)
from micrograd_gd.cli.place import Force, default_file, require_new
from micrograd_gd.cli.point import At, Numbers, compute, point
from micrograd_gd.cli.run import say_changes
from micrograd_gd.data.csv_files import STANDARD_INPUT
from micrograd_gd.data.decisions import Reading, Table
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.parse import parse
from micrograd_gd.pages import Page, live
from micrograd_gd.pages.lesson import write_lesson
from micrograd_gd.pages.network import thin

STARTS = (2, -3, 0.5, 1, -1.5)  # of names that are given no number, as on the page
OF_FORMULAS = ("formula", "numbers", "at")
OF_ALL = ("data", "page", "force")


def play(
    context: typer.Context,
    formula: Annotated[
        str | None,
        typer.Argument(
            help="Such as 'tanh(w*x + b)'.",
            show_default="the lesson",
        ),
    ] = None,
    numbers: Numbers = None,
    at: At = None,
    data: Annotated[
        str | None,
        typer.Option(
            help=f"A table that a network learns while you watch, such as --data houses.csv "
            f"--target price: {DATA} The options for it are those of train.",
            show_default=False,
        ),
    ] = None,
    target: Target = None,
    features: Features = None,
    drop: Drop = None,
    missing: Missing = "fill",
    sep: Sep = None,
    decimal: Decimal = "auto",
    encoding: Encoding = None,
    hidden: Hidden = None,
    activation: Activation = DEFAULT.activation,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", "--lr", help="What a step takes of the gradient.")
    ] = DEFAULT.learning_rate,
    batch_size: BatchSize = DEFAULT.batch_size,
    test_fraction: TestFraction = DEFAULT.test_fraction,
    task: Task = "auto",
    loss: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(LOSS_TASKS)}.",
            show_default="binary_cross_entropy for two classes, cross_entropy, or mse",
        ),
    ] = None,
    seed: Seed = DEFAULT.seed,
    page: Annotated[
        Path | None,
        typer.Option(
            help="Write the page there, and open no browser.",
            show_default="play.html, or play-2.html where that is taken",
        ),
    ] = None,
    force: Force = False,  # noqa: FBT002 — a flag
) -> None:
    """Step through a formula, forward and backward, in the browser.

    With --data a network learns your table; with neither, it is the lesson.
    """
    require_new(page, "--page", force=force)
    _check_kind(list_given(context), formula)
    if data is not None:
        reading = Reading(
            target, columns(features), columns(drop), missing, sep, decimal, encoding, task
        )
        settings = Settings(
            hidden=widths(hidden),
            activation=activation,
            learning_rate=learning_rate,
            batch_size=batch_size,
            test_fraction=test_fraction,
            loss=loss,
            seed=seed,
        )
        made = _show_network(data, read_table(data, reading, loss), check(settings))
    elif formula is not None:
        made = live(_root(formula, [*(at or ()), *(numbers or ())]))
    else:
        made = write_lesson()
    path = page or default_file("play.html", force=force)
    made.save(path)
    is_open = page is None and _open(path)
    say(f"wrote {path}" + ("" if is_open or page else "; open it in a browser"))


def _check_kind(given: list[str], formula: str | None) -> None:
    """Raise ArgumentError for what is given beside a table or without one and belongs elsewhere."""
    if "data" in given:
        for name in OF_FORMULAS:
            if name in given:
                what = "--at" if name == "at" else f"the {name.rstrip('s')}"
                raise ArgumentError(f"{what} beside --data; expected one of the two")
        return
    if formula is not None and os.path.isfile(formula):  # noqa: PTH113 — it may be no path at all
        raise ArgumentError(f"{formula} is a file; to learn from it: play --data {formula}")
    for name in given:
        if name not in (*OF_FORMULAS, *OF_ALL):
            option = f"--{name.replace('_', '-')}"
            raise ArgumentError(f"{option} without --data; expected the table: --data FILE")


def _show_network(data: str, table: Table, settings: Settings) -> Page:
    """A network that is yet to learn a table, or some of its rows."""
    rows = thin(table.dataset, settings.seed)
    if len(rows) < len(table.dataset):
        kept = "" if rows.class_names is None else ", of each class its share"
        some = f"{len(rows):,} of {len(table.dataset):,}, by --seed {settings.seed} at random"
        note = f"{some}{kept}: more would slow the page"
        table = replace(table, dataset=rows, notes=[*table.notes, ("rows", note)])
    say_changes(table)
    if settings.loss is None and len(rows.class_names or ()) == 2:  # with a border to look at
        settings = replace(settings, loss="binary_cross_entropy")
    experiment = Experiment(rows, settings)
    train, test = experiment.train, experiment.test
    also = " and the target" if rows.class_names is None else ""
    return live(
        experiment.predictor.network,
        data=experiment.samples(train),
        validation=test and experiment.samples(test),
        loss=experiment.loss,
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size if settings.batch_size < len(train) else None,
        names=rows,
        name="your data" if data == STANDARD_INPUT else Path(data).name,
        remarks=[
            *table.notes,
            ("scale", f"mean 0 and deviation 1 in each input{also}"),
            *(("warning", text) for text in table.warnings),
        ],
    )


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
