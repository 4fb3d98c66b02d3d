"""Data sets that are drawn: moons, circles, blobs and spirals of noisy points."""

import math
from collections.abc import Callable, Sequence
from random import Random

from micrograd_gd.data.datasets import Dataset
from micrograd_gd.data.rows import check_rows, require_fraction
from micrograd_gd.table.numbers import generator, require_count, require_finite


def moons(n: int = 100, noise: float = 0.1, seed: int | Random | None = None) -> Dataset:
    """Two interleaving half circles of radius 1.

    `n` points in shuffled order, evenly spaced and shared evenly between the classes; `noise` is
    the standard deviation of what is added to each coordinate. The same `seed` gives the same
    points; None takes Python's own generator, the module `random`.

    Raises ArgumentError for n < 1 or noise < 0.

    >>> moons(100, seed=0)
    Dataset(100 rows, features: x1, x2; target class: 50 upper, 50 lower)
    """

    def point(label: int, position: float) -> list[float]:
        x, y = math.cos(math.pi * position), math.sin(math.pi * position)
        return [1 - x, 0.5 - y] if label else [x, y]

    return _scatter(n, ("upper", "lower"), point, noise, seed)


def circles(
    n: int = 100, noise: float = 0.05, factor: float = 0.5, seed: int | Random | None = None
) -> Dataset:
    """A circle of radius 1 around a circle of radius `factor`.

    `n`, `noise` and `seed` are those of `moons`.

    Raises ArgumentError for n < 1, noise < 0, or a factor outside of 0 < factor < 1.

    >>> circles(100, seed=0)
    Dataset(100 rows, features: x1, x2; target class: 50 outer, 50 inner)
    """
    require_fraction("factor", factor)

    def point(label: int, position: float) -> list[float]:
        radius, angle = (factor if label else 1.0), 2 * math.pi * position
        return [radius * math.cos(angle), radius * math.sin(angle)]

    return _scatter(n, ("outer", "inner"), point, noise, seed)


def blobs(
    n: int = 100,
    centers: int | Sequence[Sequence[float]] = 3,
    noise: float = 1.0,
    seed: int | Random | None = None,
) -> Dataset:
    """Normally distributed clouds, one class around each center.

    `centers` are coordinates in any dimension, or how many to spread evenly over the circle of
    radius 5. `n`, `noise` and `seed` are those of `moons`.

    Raises ArgumentError for n < 1, noise < 0 or no centers, ShapeError if the centers differ in
    dimension.

    >>> blobs(9, centers=[[0.0], [10.0]], seed=0)
    Dataset(9 rows, features: x1; target class: 5 blob 0, 4 blob 1)
    """
    if isinstance(centers, int):
        require_count("centers", centers)
        angles = [2 * math.pi * index / centers for index in range(centers)]
        places: Sequence[Sequence[float]] = [[5 * math.cos(a), 5 * math.sin(a)] for a in angles]
    else:
        check_rows("centers", centers)
        places = centers
    names = tuple(f"blob {index}" for index in range(len(places)))
    return _scatter(n, names, lambda label, _: places[label], noise, seed)


def spiral(
    n: int = 100, classes: int = 2, noise: float = 0.02, seed: int | Random | None = None
) -> Dataset:
    """Interleaved arms that make three quarters of a turn from the origin to radius 1.

    `classes` is the number of arms; `n`, `noise` and `seed` are those of `moons`.

    Raises ArgumentError for n < 1, classes < 1 or noise < 0.

    >>> spiral(99, classes=3, seed=0)
    Dataset(99 rows, features: x1, x2; target class: 33 arm 0, 33 arm 1, 33 arm 2)
    """
    require_count("classes", classes)

    def point(label: int, position: float) -> list[float]:
        angle = 2 * math.pi * (label / classes + 0.75 * position)
        return [position * math.cos(angle), position * math.sin(angle)]

    return _scatter(n, tuple(f"arm {index}" for index in range(classes)), point, noise, seed)


def _scatter(
    n: int,
    class_names: tuple[str, ...],
    point: Callable[[int, float], Sequence[float]],
    noise: float,
    seed: int | Random | None,
) -> Dataset:
    """Noisy points `point(label, position)` at evenly spaced positions in (0, 1)."""
    require_count("n", n)
    noise = require_finite("noise", noise, least=0)
    random = generator(seed)
    rows = []
    for label in range(len(class_names)):
        count = len(range(label, n, len(class_names)))
        for step in range(count):
            place = point(label, (step + 0.5) / count)
            rows.append(([random.gauss(x, noise) for x in place], label))
    random.shuffle(rows)
    inputs, targets = [row for row, _ in rows], [label for _, label in rows]
    features = tuple(f"x{index}" for index in range(1, len(inputs[0]) + 1))
    return Dataset(inputs, targets, features, "class", class_names)
