"""Curves of a training: figures over its epochs, losses over learning rates."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.viz.plots.figure import (
    BLUE,
    GREEN,
    INK,
    LARGEST,
    ORANGE,
    Path,
    axes,
    tidy,
    use_log_scale,
    write,
)


def plot_history(
    history: Iterable[Mapping[str, float]],
    path: Path | None = None,
    ax: Any = None,
    *,
    column: str | None = None,
) -> Any:
    """Plot the loss over the epochs, and below it the accuracy where there is one.

    `history` is a `History`, or any rows with an `epoch` and columns such as `loss` and `accuracy`.
    A `column` is drawn alone; on given axes, that is the loss unless you name another. A column
    called `validation_…` is drawn dashed beside its own. A positive loss has a logarithmic scale.
    The suffix of `path` says svg, png or pdf; the same history gives the same bytes. Returns the
    axes of the first column.

    Raises ArgumentError where there are no rows, or no such column; DrawingError for another
    suffix, and where matplotlib is not installed; OSError where the file cannot be written.

    >>> ax = plot_history([{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 0.5}])
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()
    ('epoch', 'loss', 'log')
    """
    rows = _check_rows(history)
    known = dict.fromkeys(name for row in rows for name in row)
    columns = [column or "loss"]
    if column is None and ax is None:
        columns = [name for name in ("loss", "accuracy") if name in known] or columns
    if columns[0] not in known:
        expected = f"expected one of {', '.join(known)}"
        raise ArgumentError(f"no column {columns[0]!r} in the history; {expected}")
    size = (6.4, 2.4 + 1.8 * len(columns))
    with axes(path, ax, size=size, rows=len(columns)) as panels:
        for panel, name in zip(panels, columns, strict=True):
            _draw(panel, rows, name)
        panels[-1].set_xlabel("epoch")
    return panels[0]


def plot_learning_rates(curve: Any, path: Path | None = None, ax: Any = None) -> Any:
    """Plot the loss after a step of each rate, and the rate that is suggested. Returns the axes.

    `curve` has `rates`, `losses` and a `suggestion`, as `find_learning_rate` returns it.

    Raises ArgumentError where there is nothing to draw, DrawingError where matplotlib is not
    installed.

    >>> from types import SimpleNamespace
    >>> curve = SimpleNamespace(rates=[0.01, 0.1, 1.0], losses=[3.0, 1.0, 9.0], suggestion=0.05)
    >>> plot_learning_rates(curve).get_xscale()
    'log'
    """
    rates, losses = [*curve.rates], _drawable(curve.losses)
    if not rates:
        raise ArgumentError("a curve without rates; expected at least one to draw")
    middle = math.sqrt(rates[0] * rates[-1])
    with axes(path, ax) as (panel,):
        panel.plot(rates, losses, color=BLUE, marker="o" if len(rates) == 1 else None)
        if 0 < curve.suggestion < LARGEST:
            _mark(panel, curve.suggestion, is_right=curve.suggestion > middle)
        use_log_scale(panel.xaxis)
        if all(loss > 0 for loss in losses if not math.isnan(loss)):
            use_log_scale(panel.yaxis)
        panel.set_xlabel("learning rate")
        panel.set_ylabel("loss")
        tidy(panel)
    return panel


def _mark(ax: Any, rate: float, *, is_right: bool) -> None:
    """Draw a line at a rate, with its number on the side where there is room."""
    ax.axvline(rate, color=GREEN, linestyle="--")
    ax.annotate(
        f" suggested: {rate:.3g} ",
        (rate, 0.97),
        xycoords=("data", "axes fraction"),
        verticalalignment="top",
        horizontalalignment="right" if is_right else "left",
        color=INK,
    )


def _check_rows(history: Iterable[Mapping[str, float]]) -> list[Mapping[str, float]]:
    rows = list(history)
    if not rows:
        raise ArgumentError("a history without rows; expected at least one epoch to draw")
    for i, row in enumerate(rows):
        if not (isinstance(row, Mapping) and "epoch" in row):
            raise ArgumentError(f"row {i} is {shorten(row)}; expected a dict with an epoch")
    return rows


def _draw(ax: Any, rows: list[Mapping[str, float]], name: str) -> None:
    epochs = [row["epoch"] for row in rows]
    columns = [c for c in (name, f"validation_{name}") if any(c in row for row in rows)]
    looks = (("training", BLUE, "-"), ("validation", ORANGE, "--"))
    figures = {column: _drawable(row.get(column, math.nan) for row in rows) for column in columns}
    for column, (label, color, line) in zip(columns, looks, strict=False):
        # One point is no line, so it gets a mark.
        mark = "o" if len(rows) == 1 else None
        ax.plot(epochs, figures[column], color=color, linestyle=line, label=label, marker=mark)
    numbers = [x for column in columns for x in figures[column] if not math.isnan(x)]
    if name == "accuracy":
        ax.set_ylim(-0.03, 1.03)
        ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    elif numbers and min(numbers) > 0:
        use_log_scale(ax.yaxis)
    ax.set_ylabel(write(name))
    tidy(ax)
    if len(columns) > 1:
        ax.legend(frameon=False)


def _drawable(numbers: Iterable[float]) -> list[float]:
    """The numbers that can be drawn, and nan for the others, which leaves a gap."""
    return [x if abs(x) < LARGEST else math.nan for x in numbers]
