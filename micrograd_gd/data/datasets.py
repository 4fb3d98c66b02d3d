"""Data sets as plain lists: rows, targets and their names, read from CSV files and split."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from random import Random
from typing import Any

from micrograd_gd.data.csv_files import problem, read_csv_file
from micrograd_gd.data.recipe import Recipe
from micrograd_gd.data.rows import check_widths, require_fraction
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.table.numbers import generator
from micrograd_gd.text import escape


@dataclass(frozen=True, repr=False)
class Dataset:
    """Rows of numbers and one target for each of them.

    `inputs` has one list of features per row. `targets` are classes, which are positions in
    `class_names`, or plain numbers where `class_names` is None. `recipe` says how the rows were
    made from the columns of a file, if that took more than to read numbers. `len` counts the rows;
    iterating gives `inputs` and `targets`, so that a data set unpacks into the two.

    Raises ShapeError if the lengths differ, ArgumentError for no rows or an unknown class.

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
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets):
            counts = f"{len(self.inputs)} input rows and {len(self.targets)} targets"
            raise ShapeError(f"a data set with {counts}; expected one target for each row")
        if not self.inputs:
            raise ArgumentError("a data set without rows; expected at least one")
        check_widths(self.inputs, len(self.feature_names))
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
            target = f"{min(self.targets):.6g} to {max(self.targets):.6g}"
        else:
            counts = map(self.targets.count, range(len(self.class_names)))
            target = _enumerate(
                [f"{n} {escape(c)}" for n, c in zip(counts, self.class_names, strict=True)]
            )
        rows = "1 row" if len(self) == 1 else f"{len(self)} rows"
        features = _enumerate([escape(name) for name in self.feature_names])
        return f"Dataset({rows}, features: {features}; target {escape(self.target_name)}: {target})"


def iris() -> Dataset:
    """Fisher's 150 iris flowers: four measures in cm, three species.

    The values are those of scikit-learn, which follow Fisher's paper (1936) in the two rows where
    the copy of the UCI repository does not.

    >>> iris().class_names
    ('setosa', 'versicolor', 'virginica')
    """
    with iris_file() as path:
        return read_csv(path)


def iris_file() -> AbstractContextManager[Path]:
    """The CSV file of `iris`, as long as the block lasts."""
    from importlib import resources  # noqa: PLC0415 - slow to import, and only this needs it

    return resources.as_file(resources.files("micrograd_gd.data") / "iris.csv")


def read_csv(
    path: str | PathLike[str], target: str | None = None, *, classes: bool | None = None
) -> Dataset:
    r"""Read a table of text with a header row, or a Parquet or Arrow file, into a data set.

    Separators of comma, semicolon, tab and bar are recognized, as are gzip and UTF-16.

    `target` names the column to predict, the last one by default; all others are numeric features.
    A target column of numbers is read as numbers, one of text as classes in sorted order, and a
    mixture is an error. `classes=True` reads every target as a class, numbers in order of size and
    named by value (1 and 1.0 are one class); `classes=False` demands numbers. Blank lines and the
    spaces around cells are skipped.

    Raises DataError, which names file, line and column.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "pets.csv"
    ...     _ = path.write_text("weight,height,kind\n4,30,cat\n20,60,dog")
    ...     read_csv(path)
    Dataset(2 rows, features: weight, height; target kind: 1 cat, 1 dog)
    """
    file = read_csv_file(path)
    file.require_names()
    if len(file.names) == 1:
        expected = "expected a feature and the target: separate columns by commas"
        message = f"the single column {file.names[0]!r}; {expected}"
        raise problem(file.path, message, file.header_line)
    target_name = file.names[-1] if target is None else target
    features = [name for name in file.names if name != target_name]
    targets: list[int] | list[float]
    class_names = None
    if classes is None:
        classes = not file.is_numeric(target_name)
    if classes:
        targets, class_names = file.class_column(target_name)
    else:
        targets = [target for (target,) in file.number_columns([target_name])]
    inputs = file.number_columns(features)
    return Dataset(inputs, targets, tuple(features), target_name, class_names)


def read_features(path: str | PathLike[str], feature_names: Sequence[str]) -> list[list[float]]:
    r"""Read the named columns of a CSV file, in the order of the names, as rows to predict from.

    Other columns, such as the target, are ignored. Format and errors are those of `read_csv`.

    Raises ArgumentError if `feature_names` is empty or a single string.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "pets.csv"
    ...     _ = path.write_text("weight,height,kind\n4,30,cat\n20,60,dog")
    ...     read_features(path, ["height", "weight"])
    [[30.0, 4.0], [60.0, 20.0]]
    """
    if isinstance(feature_names, str) or not feature_names:
        raise ArgumentError(f"feature_names is {feature_names!r}; expected a list of column names")
    file = read_csv_file(path)
    file.require_names()
    return file.number_columns(list(feature_names))


def train_test_split(
    dataset: Dataset, test_fraction: float = 0.25, seed: int | Random | None = None
) -> tuple[Dataset, Dataset]:
    """Split the rows at random into a part to train on and a part to test on.

    Classes keep their shares: each gives the test part its fraction, rounded. A class of two rows
    or more is in both parts, a class of one row in the training part. The same `seed` gives the
    same split; None takes Python's own generator, the module `random`.

    Raises ArgumentError for a fraction outside of 0 < fraction < 1 or if a part comes out empty.

    >>> train, test = train_test_split(iris(), test_fraction=0.2, seed=0)
    >>> len(train), len(test), test.targets.count(0)
    (120, 30, 10)
    """
    require_fraction("test_fraction", test_fraction)
    order = list(range(len(dataset)))
    generator(seed).shuffle(order)
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


def _enumerate(words: Sequence[str]) -> str:
    return ", ".join(words if len(words) <= 6 else [*words[:3], f"... ({len(words)} in all)"])


def _select(dataset: Dataset, rows: Sequence[int]) -> Dataset:
    inputs = [list(dataset.inputs[row]) for row in rows]
    return replace(dataset, inputs=inputs, targets=[dataset.targets[row] for row in rows])
