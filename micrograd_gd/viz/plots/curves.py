"""Curves of a training: figures over its epochs, losses over learning rates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.viz.plots.figure import BLUE, GREEN, INK, LARGEST, ORANGE, axes, file, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    Rows = Sequence[Mapping[str, float]]


def plot_history(
    history: Iterable[Mapping[str, float]], ax: Any = None, *, column: str = "loss"
) -> Any:
    """A figure over the epochs, dashed beside it the same of the validation; returns the axes.

    ``history`` is a ``History`` or any rows with ``epoch``, ``loss`` and, if they like,
    ``accuracy``; a column called ``validation_…`` is drawn beside its own. A loss above 0 has a
    logarithmic scale. ``ArgumentError`` for no rows and for a column that they do not have,
    ``DrawingError`` where matplotlib is not installed.

    >>> ax = plot_history([{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 0.5}])
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()
    ('epoch', 'loss', 'log')
    """
    rows = _rows(history)
    if not any(column in row for row in rows):
        known = ", ".join(dict.fromkeys(name for row in rows for name in row))
        raise ArgumentError(f"no column {column!r} in the history; expected one of {known}")
    with axes(ax) as drawn:
        _draw(drawn, rows, column)
        drawn.set_xlabel("epoch")
    return drawn


def plot_loss(history: Iterable[Mapping[str, float]], path: str | PathLike[str]) -> None:
    """Write the loss over the epochs as a picture, and below it the accuracy where there is one.

    The suffix of ``path`` says svg, png or pdf. The same history gives the same bytes.
    ``ArgumentError`` for no rows, ``DrawingError`` for another suffix and where matplotlib is not
    installed, ``OSError`` if the file cannot be written.

    >>> plot_loss([], "loss.svg")
    Traceback (most recent call last):
    micrograd_gd.errors.ArgumentError: a history without rows; expected at least one epoch to draw
    """
    rows = _rows(history)
    names = [name for name in ("loss", "accuracy") if any(name in row for row in rows)]
    with file(path, (6.4, 2.4 + 1.8 * len(names))) as figure:
        drawn = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
        for ax, name in zip(drawn, names, strict=True):
            _draw(ax, rows, name)
        drawn[-1].set_xlabel("epoch")


def plot_learning_rates(curve: Any, ax: Any = None) -> Any:
    """The loss after a step of each rate, and the rate that is suggested; returns the axes.

    ``curve`` has ``rates``, ``losses`` and a ``suggestion``, as ``find_learning_rate`` returns it.
    ``ArgumentError`` where there is nothing to draw, ``DrawingError`` where matplotlib is not
    installed.

    >>> from types import SimpleNamespace
    >>> curve = SimpleNamespace(rates=[0.01, 0.1, 1.0], losses=[3.0, 1.0, 9.0], suggestion=0.05)
    >>> plot_learning_rates(curve).get_xscale()
    'log'
    """
    rates, losses = [*curve.rates], _finite(curve.losses)
    if not rates:
        raise ArgumentError("a curve without rates; expected at least one to draw")
    middle = math.sqrt(rates[0] * rates[-1])
    with axes(ax) as drawn:
        drawn.plot(rates, losses, color=BLUE, marker="o" if len(rates) == 1 else None)
        if 0 < curve.suggestion < LARGEST:
            _mark(drawn, curve.suggestion, is_right=curve.suggestion > middle)
        drawn.set_xscale("log")
        if all(loss > 0 for loss in losses if not math.isnan(loss)):
            drawn.set_yscale("log")
        drawn.set_xlabel("learning rate")
        drawn.set_ylabel("loss")
        tidy(drawn)
    return drawn


def _mark(ax: Any, rate: float, *, is_right: bool) -> None:
    """A line at a rate, with its number on the side where there is room."""
    ax.axvline(rate, color=GREEN, linestyle="--")
    ax.annotate(
        f" suggested: {rate:.3g} ",
        (rate, 0.97),
        xycoords=("data", "axes fraction"),
        verticalalignment="top",
        horizontalalignment="right" if is_right else "left",
        color=INK,
    )


def _rows(history: Iterable[Mapping[str, float]]) -> Rows:
    rows = list(history)
    if not rows:
        raise ArgumentError("a history without rows; expected at least one epoch to draw")
    for i, row in enumerate(rows):
        if not (isinstance(row, Mapping) and "epoch" in row):
            raise ArgumentError(f"row {i} is {shorten(row)}; expected a dict with an epoch")
    return rows


def _draw(ax: Any, rows: Rows, name: str) -> None:
    epochs = [row["epoch"] for row in rows]
    columns = [c for c in (name, f"validation_{name}") if any(c in row for row in rows)]
    looks = (("training", BLUE, "-"), ("validation", ORANGE, "--"))
    figures = {column: _finite(row.get(column, math.nan) for row in rows) for column in columns}
    for column, (label, colour, line) in zip(columns, looks, strict=False):
        # One point is no line, so it gets a mark.
        mark = "o" if len(rows) == 1 else None
        ax.plot(epochs, figures[column], color=colour, linestyle=line, label=label, marker=mark)
    shown = [x for column in columns for x in figures[column] if not math.isnan(x)]
    if name == "accuracy":
        ax.set_ylim(-0.03, 1.03)
        ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    elif shown and min(shown) > 0:
        ax.set_yscale("log")
    ax.set_ylabel(name)
    tidy(ax)
    if len(columns) > 1:
        ax.legend(frameon=False)


def _finite(numbers: Iterable[float]) -> list[float]:
    """The numbers as far as they can be drawn, others as nan, which leaves a gap."""
    return [x if abs(x) < LARGEST else math.nan for x in numbers]
