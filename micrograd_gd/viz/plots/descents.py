"""Descents over the function that they go down: a curve, a map with contours, several in a row.

A `descent` is what `minimize` returns, or anything with a `function` of its parameters, a
`trajectory` of steps that have `parameters` and a `value`, a `status` and a `message`.
"""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from micrograd_gd.core.blocks import no_grad
from micrograd_gd.core.sweep import adjoints
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.numbers import number, shorten
from micrograd_gd.text import plain
from micrograd_gd.transforms.trees import flatten, unflatten
from micrograd_gd.viz.plots.figure import (
    BLUE,
    GRAY,
    GREEN,
    INK,
    LARGEST,
    ORANGE,
    PALE,
    Path,
    axes,
    spread,
    tidy,
    use_log_scale,
    write,
)

_CURVE = 200  # points of a curve
_MAP = 60  # points of a map, each way
_REACH = 8  # how far beyond the path another valley is looked for, in lengths of the path
_TANGENTS = 3  # steps whose slope is drawn
_CLIMB = 50  # how far up steps are shown, in heights of the descent


def plot_descent(descent: Any, path: Path | None = None, ax: Any = None) -> Any:
    """Plot the path of a descent over the function that it goes down. Returns the axes.

    With one parameter, that is the function's curve, the steps, and tangents at the first of them;
    with two, contour lines and the path across them; with more, the value after each step. Steps
    outside of the picture are counted.

    Raises ArgumentError for anything but a descent, DrawingError where matplotlib is not installed.

    >>> from types import SimpleNamespace as Record
    >>> trajectory = [Record(parameters=x, value=x * x) for x in (2.0, 1.0, 0.5)]
    >>> descent = Record(
    ...     function=lambda x: x**2, trajectory=trajectory, status="max_steps", message="on its way"
    ... )
    >>> ax = plot_descent(descent)
    >>> ax.get_title(loc="left"), [text.get_text() for text in ax.get_legend().get_texts()]
    ('max_steps: on its way', ['slope', 'steps', 'start', 'end'])
    """
    with axes(path, ax) as (panel,):
        _draw(panel, _Ground(descent))
        title = f"{descent.status}: {descent.message}" if descent.message else descent.status
        panel.set_title("\n".join(map(write, textwrap.wrap(title, 72, max_lines=3))), loc="left")
        if panel.get_legend_handles_labels()[0]:
            panel.legend(edgecolor="none", framealpha=0.9)
    return panel


def plot_sweep(verdicts: Iterable[Any], path: Path | None = None) -> list[Any]:
    """Plot the descents with several learning rates side by side. Returns their axes.

    Each of the `verdicts` has a `rate`, a `verdict` in one word, and its `descent`, as
    `sweep_learning_rates` returns them.

    Raises ArgumentError where there are none, DrawingError where matplotlib is not installed.

    >>> from micrograd_gd import sweep_learning_rates
    >>> len(plot_sweep(sweep_learning_rates(lambda w: w * w, 1.0, [0.01, 0.1])))
    2
    """
    verdicts = list(verdicts)
    if not verdicts:
        raise ArgumentError("no verdicts; expected at least one to draw")
    rows = math.ceil(len(verdicts) / 4)
    columns = math.ceil(len(verdicts) / rows)
    with axes(path, size=(3.2 * columns, 2.9 * rows), rows=rows, columns=columns) as grid:
        for ax, verdict in zip(grid, verdicts, strict=False):
            _draw(ax, _Ground(verdict.descent))
            ax.set_title(f"{verdict.rate:g}: {verdict.verdict}")
        for ax in grid[len(verdicts) :]:
            ax.remove()
    return grid[: len(verdicts)]


class _Ground:
    """The function that a descent goes down, and the part of its path that can be drawn."""

    def __init__(self, descent: Any) -> None:
        if not hasattr(descent, "trajectory"):
            raise ArgumentError(f"descent is {shorten(descent)}; expected what minimize returns")
        if not descent.trajectory:
            raise ArgumentError("a descent without steps; expected at least its start")
        self.function = descent.function
        first = descent.trajectory[0].parameters
        self.structure = flatten(first)[1]
        points = [[_number(x) for x in flatten(s.parameters)[0]] for s in descent.trajectory]
        values = [_number(step.value) for step in descent.trajectory]
        count = _visible(points, values)
        self.points, self.values = points[:count], values[:count]
        self.hidden = len(points) - count
        keys = [*first] if isinstance(first, dict) else []
        is_flat = len(keys) == self.structure.size
        self.names = [write(plain(k)) for k in keys] if is_flat else ["parameter 1", "parameter 2"]

    def value(self, *point: float) -> float:
        """The height of a point; nan where the function has none."""
        try:
            with no_grad():
                height = _number(self._call([Value(x) for x in point]))
        except (ArithmeticError, ValueError):
            return math.nan
        return height if abs(height) < LARGEST else math.nan

    def slope(self, x: float) -> float:
        """The derivative of a function of one parameter."""
        place = Value(x)
        result = self._call([place])
        return adjoints(result).get(place, 0.0) if isinstance(result, Value) else 0.0

    def spread(self, axis: int, count: int) -> list[float]:
        """Points at equal distances along an axis, over the path and a margin on both sides."""
        return spread([point[axis] for point in self.points], count, 0.25)

    def places(self) -> list[float]:
        """Places for a curve: over the path and, if it is not far, the next valley on each side."""
        near = [point[0] for point in self.points]
        wide = spread(near, 4 * _CURVE, _REACH)
        heights, top = [self.value(x) for x in wide], max(self.values)
        valleys = [
            wide[i]
            for i in range(1, len(wide) - 1)
            if heights[i - 1] > heights[i] <= heights[i + 1] and heights[i] < top
        ]
        left = [x for x in valleys if x < min(near)][-1:]
        right = [x for x in valleys if x > max(near)][:1]
        return spread([*left, *near, *right], _CURVE, 0.25)

    def _call(self, leaves: Sequence[Value]) -> Any:
        return self.function(unflatten(self.structure, leaves))


def _visible(points: Sequence[Sequence[float]], values: Sequence[float]) -> int:
    """How many steps come before the first that is too far away to be drawn with the others."""
    count = 0
    for point, value in zip(points, values, strict=True):
        if not all(abs(x) < LARGEST for x in (*point, value)):
            break
        count += 1
    lowest = min(values[:count], default=0.0)
    change = max((abs(value - values[0]) for value in values[:2] if count > 1), default=0.0)
    reach = _CLIMB * max(change, values[0] - lowest) if count else 0.0
    for i in range(2, count):
        if values[i] > lowest + reach:
            return i
    return count


def _draw(ax: Any, ground: _Ground) -> None:
    count = ground.structure.size
    if not ground.points:
        ax.set_xlabel("step")
    elif count == 1:
        _draw_curve(ax, ground)
    elif count == 2:
        _draw_map(ax, ground)
    else:
        _draw_values(ax, ground)
    if ground.hidden:
        what = "more step" if ground.points else "step"
        outside = f"{ground.hidden:,} {what}{'s' * (ground.hidden > 1)} outside"
        ax.set_xlabel(f"{ax.get_xlabel()} ({outside})")
    tidy(ax)


def _draw_curve(ax: Any, ground: _Ground) -> None:
    places = ground.places()
    heights = [ground.value(x) for x in places]
    ax.plot(places, heights, color=GRAY, zorder=1)
    steps = [(point[0], value) for point, value in zip(ground.points, ground.values, strict=True)]
    reach = 0.08 * (places[-1] - places[0])
    for i, (x, y) in enumerate(steps[:_TANGENTS]):
        slope, label = ground.slope(x), "" if i else "slope"
        ends = [x - reach, x + reach]
        heights = [y + slope * (end - x) for end in ends]
        ax.plot(ends, heights, color=BLUE, linewidth=2.2, zorder=2, label=label)
    _draw_path(ax, ground, steps)
    ax.set_xlabel(ground.names[0].removesuffix(" 1"))
    ax.set_ylabel("value")


def _draw_map(ax: Any, ground: _Ground) -> None:
    across, up = ground.spread(0, _MAP), ground.spread(1, _MAP)
    heights = [[ground.value(x, y) for x in across] for y in up]
    levels = _levels([height for row in heights for height in row if not math.isnan(height)])
    if levels:
        ax.contour(across, up, heights, levels, colors=PALE, linewidths=0.9, zorder=1)
    _draw_path(ax, ground, [(x, y) for x, y in ground.points])
    ax.set_xlabel(ground.names[0])
    ax.set_ylabel(ground.names[1])


def _levels(heights: list[float]) -> list[float]:
    """Heights for contour lines that lie closer where the ground is flatter."""
    heights.sort()
    chosen = {heights[len(heights) * i // 16] for i in range(1, 16)} if heights else set()
    return sorted(level for level in chosen if heights[0] < level < heights[-1])


def _draw_values(ax: Any, ground: _Ground) -> None:
    _draw_path(ax, ground, [(float(i), value) for i, value in enumerate(ground.values)])
    if min(ground.values) > 0:
        use_log_scale(ax.yaxis)
    ax.set_xlabel("step")
    ax.set_ylabel("value")


def _draw_path(ax: Any, ground: _Ground, points: Sequence[tuple[float, float]]) -> None:
    xs, ys = zip(*points, strict=True)
    end = "last one drawn" if ground.hidden else "end"
    ax.plot(xs, ys, color=ORANGE, marker="o", markersize=3.5, linewidth=1.1, label="steps")
    ax.plot(xs[0], ys[0], "s", color=INK, markersize=7, label="start")
    ax.plot(xs[-1], ys[-1], "*", color=GREEN, markersize=12, label=end)


def _number(x: Any) -> float:
    return x.data if isinstance(x, Value) else number(x, "value")
