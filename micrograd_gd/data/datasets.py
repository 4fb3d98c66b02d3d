"""Data sets as plain lists: generated or read from CSV, split and scaled for training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Integral, Real
from random import Random
from typing import TYPE_CHECKING, Any

from micrograd_gd.data.csv_files import problem, read_table
from micrograd_gd.errors import ArgumentError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from os import PathLike


@dataclass(frozen=True, repr=False)
class Dataset:
    """Rows of numbers and one target for each of them.

    ``inputs`` is one list of features a row. ``targets`` are classes, which are positions in
    ``class_names``, or plain numbers where ``class_names`` is None. ``len`` counts the rows;
    iterating gives ``inputs`` and ``targets``, so that a data set unpacks into the two.
    ``ShapeError`` if the lengths differ, ``ArgumentError`` for no rows or an unknown class.

    >>> data = Dataset([[1.0], [2.0]], [0, 1], ("height",), "kind", ("small", "large"))
    >>> data
    Dataset(2 rows, features: height; target kind: 1 small, 1 large)
    >>> inputs, targets = data
    """

    inputs: list[list[float]]
    targets: list[int] | list[float]
    feature_names: tuple[str, ...]
    target_name: str = "target"
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets):
            counts = f"{len(self.inputs)} input rows and {len(self.targets)} targets"
            raise ShapeError(f"a data set with {counts}; expected one target for each row")
        if not self.inputs:
            raise ArgumentError("a data set without rows; expected at least one")
        _check_widths(self.inputs, len(self.feature_names))
        if self.class_names is not None:
            known = range(len(self.class_names))
            for row, target in enumerate(self.targets):
                if target not in known:
                    message = f"the target of row {row} is {target}; expected a class"
                    raise ArgumentError(f"{message} from 0 to {len(known) - 1}")

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.inputs, self.targets))

    def __repr__(self) -> str:
        if self.class_names is None:
            target = f"{min(self.targets)} to {max(self.targets)}"
        else:
            counts = map(self.targets.count, range(len(self.class_names)))
            target = _listed([f"{n} {c}" for n, c in zip(counts, self.class_names, strict=True)])
        rows = "1 row" if len(self) == 1 else f"{len(self)} rows"
        features = _listed(self.feature_names)
        return f"Dataset({rows}, features: {features}; target {self.target_name}: {target})"


def moons(n: int = 100, noise: float = 0.1, seed: int | None = None) -> Dataset:
    """Two interleaving half circles of radius 1.

    ``n`` points in shuffled order, evenly spaced and shared evenly between the classes;
    ``noise`` is the standard deviation of what is added to each coordinate. The same ``seed``
    gives the same points; None gives new ones. ``ArgumentError`` for n < 1 or noise < 0.

    >>> moons(100, seed=0)
    Dataset(100 rows, features: x1, x2; target class: 50 upper, 50 lower)
    """

    def point(label: int, position: float) -> list[float]:
        x, y = math.cos(math.pi * position), math.sin(math.pi * position)
        return [1 - x, 0.5 - y] if label else [x, y]

    return _scatter(n, ("upper", "lower"), point, noise, seed)


def circles(
    n: int = 100, noise: float = 0.05, factor: float = 0.5, seed: int | None = None
) -> Dataset:
    """A circle of radius 1 around a circle of radius ``factor``.

    ``n``, ``noise`` and ``seed`` are those of ``moons``. ``ArgumentError`` for n < 1,
    noise < 0, or a factor outside of 0 < factor < 1.

    >>> circles(100, seed=0)
    Dataset(100 rows, features: x1, x2; target class: 50 outer, 50 inner)
    """
    _check_fraction("factor", factor)

    def point(label: int, position: float) -> list[float]:
        radius, angle = (factor if label else 1.0), 2 * math.pi * position
        return [radius * math.cos(angle), radius * math.sin(angle)]

    return _scatter(n, ("outer", "inner"), point, noise, seed)


def blobs(
    n: int = 100,
    centers: int | Sequence[Sequence[float]] = 3,
    noise: float = 1.0,
    seed: int | None = None,
) -> Dataset:
    """Normally distributed clouds, one class around each center.

    ``centers`` are coordinates in any dimension, or how many to spread evenly over the circle of
    radius 5. ``n``, ``noise`` and ``seed`` are those of ``moons``. ``ArgumentError`` for n < 1,
    noise < 0 or no centers, ``ShapeError`` if the centers differ in dimension.

    >>> blobs(9, centers=[[0.0], [10.0]], seed=0)
    Dataset(9 rows, features: x1; target class: 5 blob 0, 4 blob 1)
    """
    if isinstance(centers, int):
        _check_count("centers", centers)
        angles = [2 * math.pi * index / centers for index in range(centers)]
        places: Sequence[Sequence[float]] = [[5 * math.cos(a), 5 * math.sin(a)] for a in angles]
    else:
        _check_numbers("centers", centers)
        places = centers
    names = tuple(f"blob {index}" for index in range(len(places)))
    return _scatter(n, names, lambda label, _: places[label], noise, seed)


def spiral(n: int = 100, classes: int = 2, noise: float = 0.02, seed: int | None = None) -> Dataset:
    """Interleaved arms that make three quarters of a turn from the origin to radius 1.

    ``classes`` is the number of arms; ``n``, ``noise`` and ``seed`` are those of ``moons``.
    ``ArgumentError`` for n < 1, classes < 1 or noise < 0.

    >>> spiral(99, classes=3, seed=0)
    Dataset(99 rows, features: x1, x2; target class: 33 arm 0, 33 arm 1, 33 arm 2)
    """
    _check_count("classes", classes)

    def point(label: int, position: float) -> list[float]:
        angle = 2 * math.pi * (label / classes + 0.75 * position)
        return [position * math.cos(angle), position * math.sin(angle)]

    return _scatter(n, tuple(f"arm {index}" for index in range(classes)), point, noise, seed)


def iris() -> Dataset:
    """Fisher's 150 iris flowers: four measures in cm, three species.

    The values are those of scikit-learn, which follow Fisher's paper (1936) in the two rows where
    the copy of the UCI repository does not.

    >>> iris().class_names
    ('setosa', 'versicolor', 'virginica')
    """
    from importlib import resources  # noqa: PLC0415 - slow to import, and only this needs it

    with resources.as_file(resources.files("micrograd_gd.data") / "iris.csv") as path:
        return read_csv(path)


def read_csv(
    path: str | PathLike[str], target: str | None = None, *, classes: bool | None = None
) -> Dataset:
    r"""Read a UTF-8, comma-separated file with a header row into a data set.

    ``target`` names the column to predict, the last one by default; all others are numeric
    features. A target column of numbers is read as numbers, one of text as classes in sorted
    order, and a mixture is an error. ``classes=True`` reads every target as a class, numbers in
    order of size and named by value (1 and 1.0 are one class); ``classes=False`` demands numbers.
    Blank lines and the spaces around cells are skipped. ``DataError`` names file, line and column.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "pets.csv"
    ...     _ = path.write_text("weight,height,kind\n4,30,cat\n20,60,dog")
    ...     read_csv(path)
    Dataset(2 rows, features: weight, height; target kind: 1 cat, 1 dog)
    """
    table = read_table(path)
    if len(table.names) == 1:
        expected = "expected a feature and the target: separate columns by commas"
        message = f"the single column {table.names[0]!r}; {expected}"
        raise problem(table.path, message, table.header_line)
    target_name = table.names[-1] if target is None else target
    features = [name for name in table.names if name != target_name]
    targets: list[int] | list[float]
    class_names = None
    if classes is None:
        classes = not table.is_numeric(target_name)
    if classes:
        targets, class_names = table.class_column(target_name)
    else:
        targets = [target for (target,) in table.number_columns([target_name])]
    inputs = table.number_columns(features)
    return Dataset(inputs, targets, tuple(features), target_name, class_names)


def read_features(path: str | PathLike[str], feature_names: Sequence[str]) -> list[list[float]]:
    r"""Read the named columns of a CSV file, in the order of the names, as rows to predict from.

    Other columns, such as the target, are ignored. Format and errors are those of ``read_csv``;
    ``ArgumentError`` if ``feature_names`` is empty or a single string.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "pets.csv"
    ...     _ = path.write_text("weight,height,kind\n4,30,cat\n20,60,dog")
    ...     read_features(path, ["height", "weight"])
    [[30.0, 4.0], [60.0, 20.0]]
    """
    if isinstance(feature_names, str) or not feature_names:
        raise ArgumentError(f"feature_names is {feature_names!r}; expected a list of column names")
    return read_table(path).number_columns(list(feature_names))


def train_test_split(
    dataset: Dataset, test_fraction: float = 0.25, seed: int | None = 0
) -> tuple[Dataset, Dataset]:
    """Split the rows at random into a part to train on and a part to test on.

    Classes keep their shares: each gives the test part its fraction, rounded. One of two rows or
    more is in both parts, one of a single row in the training part. The same ``seed`` gives the
    same split; None gives a new one. ``ArgumentError`` for a fraction outside of
    0 < fraction < 1 or if a part comes out empty.

    >>> train, test = train_test_split(iris(), test_fraction=0.2)
    >>> len(train), len(test), test.targets.count(0)
    (120, 30, 10)
    """
    _check_fraction("test_fraction", test_fraction)
    order = list(range(len(dataset)))
    _generator(seed).shuffle(order)
    has_classes = dataset.class_names is not None
    groups: dict[float, list[int]] = {}
    for row in order:
        groups.setdefault(dataset.targets[row] if has_classes else 0, []).append(row)
    test: set[int] = set()
    for rows in groups.values():
        count = round(test_fraction * len(rows))
        if has_classes:
            count = min(max(count, 1), len(rows) - 1)
        test.update(rows[:count])
    if not 0 < len(test) < len(order):
        empty = f"the {'training' if test else 'test'} part of {len(order)} rows empty"
        expected = "expected a fraction and rows enough to give each part at least one"
        raise ArgumentError(f"test_fraction {test_fraction} leaves {empty}; {expected}")
    train = _select(dataset, [row for row in order if row not in test])
    return train, _select(dataset, [row for row in order if row in test])


@dataclass(frozen=True)
class Scaling:
    """A shift and a scale for each column: (x - mean) / scale.

    One entry of ``mean`` and ``scale`` a column. ``ShapeError`` if their lengths differ or rows
    have another width; ``ArgumentError`` if a scale is not a positive number.

    >>> scaling = Scaling(mean=(10.0,), scale=(2.0,))
    >>> scaling([[12.0], [7.0]])
    [[1.0], [-1.5]]
    >>> scaling.invert([[1.0], [-1.5]])
    [[12.0], [7.0]]
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.scale):
            counts = f"{len(self.mean)} means and {len(self.scale)} scales"
            raise ShapeError(f"a scaling with {counts}; expected one of each for each column")
        for scale in self.scale:
            if not 0 < scale < math.inf:
                raise ArgumentError(f"a scale is {scale}; expected a positive, finite number")

    def apply(self, inputs: Sequence[Sequence[float]]) -> list[list[float]]:
        """Rows in the units of the data, scaled: new lists, the given ones stay as they are."""
        return [[(x - mean) / scale for x, mean, scale in row] for row in self._columns(inputs)]

    __call__ = apply

    def invert(self, inputs: Sequence[Sequence[float]]) -> list[list[float]]:
        """Scaled rows, back in the units of the data."""
        return [[x * scale + mean for x, mean, scale in row] for row in self._columns(inputs)]

    def _columns(self, inputs: Sequence[Sequence[float]]) -> Iterator[Any]:
        _check_widths(inputs, len(self.mean))
        return (zip(row, self.mean, self.scale, strict=True) for row in inputs)


def standardize(inputs: Sequence[Sequence[float]]) -> Scaling:
    """The scaling that gives each column of these rows mean 0 and standard deviation 1.

    Fit it on the training rows and apply it to both parts. A constant column keeps scale 1.
    ``ArgumentError`` for no rows or a number that is not finite, ``ShapeError`` for ragged rows.

    >>> scaling = standardize([[1.0, 5.0], [3.0, 5.0]])
    >>> scaling
    Scaling(mean=(2.0, 5.0), scale=(1.0, 1.0))
    >>> scaling([[4.0, 5.0]])
    [[2.0, 0.0]]
    """
    _check_numbers("inputs", inputs)
    moments = [_mean_and_deviation(column) for column in zip(*inputs, strict=True)]
    return Scaling(tuple(mean for mean, _ in moments), tuple(scale for _, scale in moments))


def _scatter(
    n: int,
    class_names: tuple[str, ...],
    point: Callable[[int, float], Sequence[float]],
    noise: float,
    seed: int | None,
) -> Dataset:
    """Noisy points ``point(label, position)`` at evenly spaced positions in (0, 1)."""
    _check_count("n", n)
    if not (_is_finite(noise) and noise >= 0):
        raise ArgumentError(f"noise is {noise!r}; expected a finite number, at least 0")
    generator = _generator(seed)
    rows = []
    for label in range(len(class_names)):
        count = len(range(label, n, len(class_names)))
        for step in range(count):
            place = point(label, (step + 0.5) / count)
            rows.append(([generator.gauss(x, noise) for x in place], label))
    generator.shuffle(rows)
    inputs, targets = [row for row, _ in rows], [label for _, label in rows]
    features = tuple(f"x{index}" for index in range(1, len(inputs[0]) + 1))
    return Dataset(inputs, targets, features, "class", class_names)


def _generator(seed: object) -> Random:
    if not (seed is None or isinstance(seed, Integral)):
        raise ArgumentError(f"seed is {seed!r}; expected a whole number or None")
    return Random(None if seed is None else int(seed))  # noqa: S311 - samples, no secrets


def _check_count(name: str, value: object) -> None:
    if not (isinstance(value, Integral) and int(value) >= 1):
        raise ArgumentError(f"{name} is {value!r}; expected a whole number, at least 1")


def _check_fraction(name: str, value: object) -> None:
    if not (isinstance(value, Real) and 0 < float(value) < 1):
        raise ArgumentError(f"{name} is {value!r}; expected a number between 0 and 1")


def _check_widths(rows: Any, width: int) -> None:
    for index, row in enumerate(rows):
        if not hasattr(row, "__len__"):
            raise ShapeError(f"row {index} is {row!r}; expected a list, with a number per column")
        if len(row) != width:
            raise ShapeError(f"row {index} has {len(row)} columns; expected {width}")


def _check_numbers(name: str, rows: Any) -> None:
    if not hasattr(rows, "__len__") or len(rows) == 0:
        raise ArgumentError(f"{name} is {rows!r}; expected at least one row of numbers")
    _check_widths(rows, len(rows[0]) if hasattr(rows[0], "__len__") else 1)
    for index, row in enumerate(rows):
        for x in row:
            if not _is_finite(x):
                raise ArgumentError(f"row {index} of {name} holds {x!r}; expected finite numbers")


def _is_finite(x: object) -> bool:
    return isinstance(x, Real) and math.isfinite(x)


def _mean_and_deviation(column: Sequence[float]) -> tuple[float, float]:
    low, high = float(min(column)), float(max(column))
    if low == high:
        return low, 1.0  # a rounded mean would turn a constant into noise
    if high - low == math.inf:
        raise ArgumentError(f"a column spans {low} to {high}; expected a span that is a float")
    n = len(column)
    shrink = 2.0 ** -n.bit_length()  # exact, and the sum cannot overflow
    mean = math.fsum(x * shrink for x in column) / (n * shrink)
    largest = max(high - mean, mean - low)
    ratio = math.hypot(*((x - mean) / largest for x in column)) / math.sqrt(n)
    return mean, ratio * largest or 1.0  # the product of subnormal numbers may round to 0


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words if len(words) <= 6 else [*words[:3], f"... ({len(words)} in all)"])


def _select(dataset: Dataset, rows: Sequence[int]) -> Dataset:
    inputs = [list(dataset.inputs[row]) for row in rows]
    return replace(dataset, inputs=inputs, targets=[dataset.targets[row] for row in rows])
