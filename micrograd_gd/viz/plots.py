"""Curves of a training, drawn by matplotlib."""

from __future__ import annotations

import io
import logging
import math
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_gd.errors import ArgumentError, DrawingError
from micrograd_gd.files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from os import PathLike

_TALLEST = 1e100  # a diverging loss is drawn as far as matplotlib can scale its axis
_COLOURS = ("#2f6fab", "#d9822b")  # as measured in training, and beside it
_INK, _GRID = "#1f2933", "#dde3ea"
_STYLE: dict[Any, Any] = {  # keys as matplotlib has them
    "svg.hashsalt": "micrograd_gd",  # the same curves, the same bytes
    "svg.fonttype": "none",          # text stays text, in the reader's own font
    "font.family": "sans-serif",
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": "#9aa5b1",
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
}  # fmt: skip


def plot_loss(history: Iterable[Mapping[str, float]], path: str | PathLike[str]) -> None:
    """Draw the loss over the epochs, and below it the accuracy where there is one.

    ``history`` is a ``History`` or any rows with ``epoch``, ``loss`` and, if they like,
    ``accuracy``; a column called ``validation_…`` is drawn beside its own. The suffix of ``path``
    says svg, png or pdf. The same history gives the same bytes. ``ArgumentError`` for no rows,
    ``DrawingError`` for another suffix and where matplotlib is not installed.

    >>> plot_loss([], "loss.svg")
    Traceback (most recent call last):
    micrograd_gd.errors.ArgumentError: a history without rows; expected at least one epoch to draw
    """
    rows = list(history)
    if not rows:
        raise ArgumentError("a history without rows; expected at least one epoch to draw")
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _UNDATED:
        expected = f"expected one of {', '.join('.' + known for known in _UNDATED)}"
        raise DrawingError(f"{path}: the suffix {path.suffix!r}; {expected}: rename the file")
    with _quiet():
        content = _picture(rows, kind)
    write_file(path, content)


def _picture(rows: list[Mapping[str, float]], kind: str) -> bytes:
    try:
        import matplotlib as mpl  # noqa: PLC0415 — an extra: only this function needs it
        from matplotlib.figure import Figure  # noqa: PLC0415 — the same
    except ImportError:
        raise DrawingError(
            "no matplotlib here to draw the curves with: run pip install 'micrograd_gd[viz]', "
            "or pip install matplotlib"
        ) from None
    content = io.BytesIO()
    with mpl.rc_context(_STYLE):
        panels = [name for name in ("loss", "accuracy") if name in rows[0]]
        figure = Figure(figsize=(6.4, 2.4 + 1.8 * len(panels)), layout="constrained")
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axis, name in zip(axes, panels, strict=True):
            _draw(axis, rows, name)
        axes[-1].set_xlabel("epoch")
        figure.savefig(content, format=kind, dpi=150, metadata=_UNDATED[kind])
    return content.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep away what matplotlib logs on its first run on a machine, such as remarks on fonts."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


# What keeps the day of drawing out of the file.
_UNDATED: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "png": {},
    "pdf": {"CreationDate": None},
}


def _draw(axis: Any, rows: list[Mapping[str, float]], name: str) -> None:
    epochs = [row["epoch"] for row in rows]
    columns = [c for c in (name, f"validation_{name}") if c in rows[0]]
    for column, colour in zip(columns, _COLOURS, strict=False):
        figures = [row[column] if abs(row[column]) < _TALLEST else math.nan for row in rows]
        label = "training" if column == name else "validation"
        # One point is no line, so it gets a mark.
        axis.plot(epochs, figures, color=colour, label=label, marker="o" * (len(rows) == 1))
    if name == "loss" and all(row[column] > 0 for row in rows for column in columns):
        axis.set_yscale("log")
    if name == "accuracy":
        axis.set_ylim(-0.03, 1.03)
        axis.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    axis.set_ylabel(name)
    axis.grid(color=_GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    if len(columns) > 1:
        axis.legend(frameon=False)
