"""Axes to draw on, and how they look: quiet, the same on every run, readable in grey."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_gd.errors import DrawingError
from micrograd_gd.files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

LARGEST = 1e100  # numbers beyond are left out: matplotlib cannot scale its axes to them
BLUE, ORANGE, GREEN = "#2f6fab", "#d9822b", "#3f9159"
INK, GREY, PALE, GRID = "#1f2933", "#8593a3", "#b6c0cb", "#dde3ea"
_STYLE: dict[Any, Any] = {  # keys as matplotlib has them
    "svg.hashsalt": "micrograd_gd",  # the same curves, the same bytes
    "svg.fonttype": "none",          # text stays text, in the reader's own font
    "font.family": "sans-serif",
    "axes.titlesize": "medium",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9aa5b1",
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
}  # fmt: skip

# What keeps the day of drawing out of the file.
_UNDATED: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "png": {},
    "pdf": {"CreationDate": None},
}


@contextmanager
def axes(ax: Any, size: tuple[float, float] = (6.4, 4.2)) -> Iterator[Any]:
    """The axes that came, or those of a new figure of that many inches."""
    with _matplotlib() as mpl:
        if ax is not None:
            yield ax
            return
        from matplotlib import pyplot as plt  # noqa: PLC0415 — slow to import, as matplotlib is

        with mpl.rc_context(_STYLE):
            yield plt.subplots(figsize=size, layout="constrained")[1]


@contextmanager
def panels(rows: int, columns: int, size: tuple[float, float]) -> Iterator[list[Any]]:
    """The axes of a new figure with several, row by row, each of that many inches."""
    with _matplotlib() as mpl:
        from matplotlib import pyplot as plt  # noqa: PLC0415 — slow to import, as matplotlib is

        whole = (columns * size[0], rows * size[1])
        with mpl.rc_context(_STYLE):
            grid = plt.subplots(rows, columns, figsize=whole, layout="constrained", squeeze=False)[
                1
            ]
            yield list(grid.flat)


@contextmanager
def file(path: str | PathLike[str], size: tuple[float, float]) -> Iterator[Any]:
    """A figure that is written when the block ends, as what the suffix says: svg, png or pdf."""
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _UNDATED:
        expected = f"expected one of {', '.join('.' + known for known in _UNDATED)}"
        raise DrawingError(f"{path}: the suffix {path.suffix!r}; {expected}: rename the file")
    content = io.BytesIO()
    with _matplotlib() as mpl:
        from matplotlib.figure import Figure  # noqa: PLC0415 — slow to import, as matplotlib is

        with mpl.rc_context(_STYLE):
            figure = Figure(figsize=size, layout="constrained")
            yield figure
            figure.savefig(content, format=kind, dpi=150, metadata=_UNDATED[kind])
    write_file(path, content.getvalue())


def tidy(ax: Any) -> None:
    """A grid behind what is drawn, and no frame around it."""
    ax.grid(color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


@contextmanager
def _matplotlib() -> Iterator[Any]:
    """The package, silent about what it does on its first run on a machine, such as fonts."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import matplotlib as mpl  # noqa: PLC0415 — an extra: only drawing needs it
    except ImportError:
        raise DrawingError(
            "no matplotlib here to draw with: run pip install 'micrograd_gd[viz]', "
            "or pip install matplotlib"
        ) from None
    else:
        yield mpl
    finally:
        logger.setLevel(level)
