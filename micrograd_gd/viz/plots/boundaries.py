"""How a model of two features divides the plane into classes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from micrograd_gd.core.blocks import no_grad
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.table.numbers import number, require_count
from micrograd_gd.viz.plots.figure import INK, LARGEST, Path, axes, spread

_MARKS = "osD^v<>pPX"  # of the classes, so that they differ without colors
_COLORS = ("#d9822b", "#2f6fab", "#3f9159", "#8a63c9", "#6b7785")


def plot_decision_boundary(
    model: Callable[[Any], Any],
    inputs: Sequence[Any],
    targets: Sequence[Any],
    path: Path | None = None,
    ax: Any = None,
    *,
    resolution: int = 60,
) -> Any:
    """Plot how a model of two features divides the plane into classes, and the samples.

    `model` is called with a row of two numbers. It returns one score, whose sign decides between
    two classes (targets 0 and 1, or -1 and 1) and whose sigmoid is the probability; or a score for
    each class (targets 0, 1, …), of which the largest decides and the softmax gives the
    probabilities. The shade of a class deepens with its probability; between two classes, dotted
    lines show 0.1 and 0.9. A sample that is decided wrongly has a ring. `resolution` is the number
    of points each way. Returns the axes.

    Raises ShapeError where rows and targets do not fit, ArgumentError where targets are not
    classes, DrawingError where matplotlib is not installed.

    >>> ax = plot_decision_boundary(lambda x: x[0] - x[1], [[0, 1], [1, 0]], [0, 1], resolution=9)
    >>> ax.get_title(loc="left")
    'accuracy 100.0 % of 2 samples'
    """
    require_count("resolution", resolution, least=2)
    rows = _check_rows(inputs, targets)
    across, up = (spread(feature, resolution, 0.1) for feature in zip(*rows, strict=True))
    with no_grad():
        decisions = [_decide(_probabilities(model(row))) for row in rows]
        ground = [[_probabilities(model([x, y])) for x in across] for y in up]
    count = len(ground[0][0])
    kinds = [_class(target, count) for target in targets]
    with axes(path, ax) as (panel,):
        _draw_ground(panel, across, up, ground)
        for kind in sorted(set(kinds)):
            own = [row for row, each in zip(rows, kinds, strict=True) if each == kind]
            panel.scatter(
                *zip(*own, strict=True),
                s=30,
                color=_COLORS[kind % len(_COLORS)],
                marker=_MARKS[kind % len(_MARKS)],
                edgecolors="white",
                linewidths=0.7,
                label=f"class {kind}",
                zorder=3,
            )
        pairs = zip(rows, decisions, kinds, strict=True)
        wrong = [row for row, decision, kind in pairs if decision != kind]
        if wrong:
            ring = {"s": 90, "facecolors": "none", "edgecolors": INK}
            panel.scatter(*zip(*wrong, strict=True), **ring, label="decided wrongly", zorder=4)
        share = 100 * (1 - len(wrong) / len(rows))
        panel.set_title(f"accuracy {share:.1f} % of {len(rows):,} samples", loc="left")
        panel.set_xlabel("feature 1")
        panel.set_ylabel("feature 2")
        panel.legend(loc="upper right")
    return panel


def _check_rows(inputs: Sequence[Any], targets: Sequence[Any]) -> list[list[float]]:
    if len(inputs) != len(targets) or len(inputs) == 0:
        sizes = f"{len(inputs)} samples and {len(targets)} targets"
        raise ShapeError(f"{sizes}; expected as many of both, at least one")
    rows = [[number(x, f"a feature of sample {i}") for x in row] for i, row in enumerate(inputs)]
    for i, row in enumerate(rows):
        if len(row) != 2:
            raise ShapeError(f"sample {i} has {len(row)} features; only two can be drawn")
        if not all(abs(x) < LARGEST for x in row):
            raise ArgumentError(f"sample {i} lies at {row}; expected finite numbers to draw")
    return rows


def _probabilities(scores: Any) -> list[float]:
    """The probability of every class."""
    scores = scores.tolist() if hasattr(scores, "tolist") else scores
    scores = scores if isinstance(scores, (list, tuple)) else [scores]
    numbers = [x.data if isinstance(x, Value) else number(x, "a score") for x in scores]
    if len(numbers) == 1:
        numbers = [0.0, *numbers]  # the sigmoid is the softmax beside a score of 0
    largest = max(numbers)
    if math.isinf(largest):  # in the limit, the largest scores share the probability equally
        numbers, largest = [0.0 if x == largest else -math.inf for x in numbers], 0.0
    powers = [math.exp(x - largest) for x in numbers]
    whole = sum(powers)
    return [power / whole for power in powers]


def _decide(probabilities: Sequence[float]) -> int | None:
    """The most probable class, or None where a score is nan."""
    largest = max(probabilities)
    return None if math.isnan(sum(probabilities)) else probabilities.index(largest)


def _class(target: Any, count: int) -> int:
    kind = target.data if isinstance(target, Value) else number(target, "a target")
    if kind == -1 and count == 2:
        return 0
    if kind not in range(count):
        raise ArgumentError(f"a target is {target}; expected a class from 0 to {count - 1}")
    return int(kind)


def _draw_ground(
    ax: Any, across: Sequence[float], up: Sequence[float], ground: list[list[list[float]]]
) -> None:
    """Draw the shades of the classes, and the lines between them."""
    extent = (across[0], across[-1], up[0], up[-1])
    picture = [[_shade(each) for each in line] for line in ground]
    ax.imshow(
        picture, extent=extent, origin="lower", aspect="auto", interpolation="bilinear", zorder=0
    )
    count = len(ground[0][0])
    for kind in range(1, count):
        lead = [[_lead(each, kind) for each in line] for line in ground]
        _draw_level(ax, across, up, lead, 0.0, "solid")
    if count == 2:
        second = [[each[1] for each in line] for line in ground]
        for level in (0.1, 0.9):
            _draw_level(ax, across, up, second, level, "dotted")


def _lead(probabilities: Sequence[float], kind: int) -> float:
    """How much more probable a class is than the most probable of the others."""
    return probabilities[kind] - max(p for i, p in enumerate(probabilities) if i != kind)


def _draw_level(
    ax: Any,
    across: Sequence[float],
    up: Sequence[float],
    heights: list[list[float]],
    level: float,
    line: str,
) -> None:
    """Draw the line on which the height is `level`, where there is one."""
    known = [height for row in heights for height in row if not math.isnan(height)]
    if known and min(known) < level < max(known):
        ax.contour(across, up, heights, [level], colors=INK, linestyles=line, linewidths=1)


def _shade(probabilities: Sequence[float]) -> tuple[float, float, float]:
    """The color of the most probable class, deeper the more probable it is."""
    kind = _decide(probabilities)
    if kind is None:
        return 1.0, 1.0, 1.0
    even = 1 / len(probabilities)
    strength = 0.08 + 0.47 * (probabilities[kind] - even) / (1 - even)
    color = _COLORS[kind % len(_COLORS)]
    red, green, blue = (1 + strength * (int(color[i : i + 2], 16) / 255 - 1) for i in (1, 3, 5))
    return red, green, blue
