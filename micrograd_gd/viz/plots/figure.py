"""Axes to draw on, and how they look: quiet, the same on every run, readable in gray."""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any

from micrograd_gd.errors import DrawingError
from micrograd_gd.files import write_file
from micrograd_gd.text import escape
from micrograd_gd.viz.formats import format_of

Path = str | PathLike[str]

LARGEST = 1e100  # larger numbers are left out: matplotlib cannot scale its axes to them
BLUE, ORANGE, GREEN = "#2f6fab", "#d9822b", "#3f9159"
INK, GRAY, PALE, GRID = "#1f2933", "#8593a3", "#b6c0cb", "#dde3ea"
_STYLE: dict[Any, Any] = {  # keys as matplotlib has them
    "svg.hashsalt": "micrograd_gd",  # the same curves, the same bytes
    "svg.fonttype": "none",          # text stays text, in the reader's own font
    "font.family": "sans-serif",
    "text.usetex": False,            # or a name with an underscore is an error
    "axes.titlesize": "medium",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9aa5b1",
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
}  # fmt: skip

# Metadata that keeps the date out of the file.
_UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


@contextmanager
def axes(
    path: Path | None = None,
    ax: Any = None,
    *,
    size: tuple[float, float] = (6.4, 4.2),
    rows: int = 1,
    columns: int = 1,
) -> Iterator[list[Any]]:
    """The given axes, or all axes of a new figure, row by row. `size` is in inches.

    Where a path is given, the figure is written to it when the block ends. Of matplotlib's state
    nothing is changed, but that pyplot has a new figure where there is no path.
    """
    kind = "" if path is None else format_of(path)
    with _matplotlib() as mpl:
        if ax is not None:
            yield [ax]
            if path is not None:
                _write(path, kind, ax.figure)
            return
        with _new_figure(size, is_file=path is not None) as figure, _style(mpl.rcParams):
            grid = figure.subplots(rows, columns, sharex=columns == 1, squeeze=False)
            yield list(grid.flat)
            if path is not None:
                _write(path, kind, figure)


@contextmanager
def _new_figure(size: tuple[float, float], *, is_file: bool) -> Iterator[Any]:
    """A figure of pyplot, which shows it and keeps it; or for a file, a figure of no window."""
    if is_file:
        from matplotlib.figure import Figure  # noqa: PLC0415 — slow to import, as matplotlib is

        yield Figure(figsize=size, layout="constrained")
        return
    from matplotlib import pyplot as plt  # noqa: PLC0415 — slow to import, as matplotlib is

    figure = plt.figure(figsize=size, layout="constrained")
    try:
        yield figure
    except BaseException:
        plt.close(figure)  # else it would be shown, half drawn
        raise


@contextmanager
def _style(settings: Any) -> Iterator[None]:
    """Draw in our style, and put back what it changed.

    `matplotlib.rc_context` puts back everything, also what the import of pyplot has set meanwhile:
    that figures are shown.
    """
    before = {name: settings[name] for name in _STYLE}
    settings.update(_STYLE)
    try:
        yield
    finally:
        settings.update(before)


def _write(path: Path, kind: str, figure: Any) -> None:
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=150, metadata=_UNDATED.get(kind))
    write_file(path, content.getvalue())


def write(text: Any) -> str:
    r"""Text from elsewhere as matplotlib shows it as it is: a dollar begins no formula.

    >>> print(write("$x$"))
    \$x\$
    """
    return escape(text).replace("$", r"\$")


def spread(numbers: Sequence[float], count: int, margin: float) -> list[float]:
    """Points at equal distances over the range of some numbers, with a margin on both sides.

    >>> spread([3.0, 1.0], count=4, margin=0.25)
    [0.5, 1.5, 2.5, 3.5]
    """
    low, high = min(numbers), max(numbers)
    beyond = margin * (high - low) or 0.5 * abs(low) or 1.0
    low, high = low - beyond, high + beyond
    return [low + (high - low) * i / (count - 1) for i in range(count)]


def tidy(ax: Any) -> None:
    """Put a grid behind what is drawn, and remove the frame on the top and the right."""
    ax.grid(color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def use_log_scale(axis: Any) -> None:
    """Make an axis logarithmic, with plain numbers: powers of 10 are formulas, and slow to draw."""
    from matplotlib.ticker import LogFormatter  # noqa: PLC0415 — slow to import, as matplotlib is

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain())


@contextmanager
def _matplotlib() -> Iterator[Any]:
    """The package, without its remarks on what it does on a first run, such as finding fonts."""
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
