"""A file that need not fit into memory, as functions that load its parts."""

from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from micrograd_gd.data.csv_files import problem
from micrograd_gd.names import missing_package
from micrograd_gd.table.numbers import require_count


def read_chunks(
    path: str | PathLike[str],
    target: str,
    features: Sequence[str] | None = None,
    *,
    rows: int = 100_000,
) -> list[Callable[[], tuple[Any, Any]]]:
    """Functions that each load so many `rows` of a Parquet file, as `fit` takes chunks.

    Each gives the arrays of inputs and of targets. The inputs are the `features`, or all columns
    but the target. The path may be a pattern for several files, such as part-*.parquet.

    Raises DataError for a file that is not there, a column that is not there or holds no numbers,
    and, when a part is loaded, for a cell that is no finite number; ImportError without polars.

    >>> import polars, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/points.parquet"
    ...     polars.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0, 1, 1]}).write_parquet(path)
    ...     load_first, load_second = read_chunks(path, "y", rows=2)
    ...     load_second()
    (array([[3.]]), array([1.]))
    """
    rows = require_count("rows", rows)
    polars, name = _polars(), fspath(path)
    try:
        lazy = polars.scan_parquet(name)
        schema, count = lazy.collect_schema(), lazy.select(polars.len()).collect().item()
    except (OSError, polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        message = f"cannot be read ({error}); expected a Parquet file"
        raise problem(Path(name), message) from None
    features = [each for each in schema if each != target] if features is None else [*features]
    for column in (*features, target):
        if column not in schema:
            known = ", ".join(map(repr, schema))
            raise problem(Path(name), f"no column {column!r}; expected one of {known}")
        kind = schema[column]
        if not (kind.is_numeric() or kind == polars.Boolean):
            message = f"values of the type {kind}; expected numbers: leave it out of the features"
            raise problem(Path(name), message, column=repr(column))
    if not count:
        raise problem(Path(name), "no rows; expected at least one")
    return [partial(_load, name, features, target, i, rows) for i in range(0, count, rows)]


def _load(path: str, features: list[str], target: str, start: int, count: int) -> tuple[Any, Any]:
    import numpy as np  # noqa: PLC0415 — only chunks need arrays

    polars = _polars()
    lazy = polars.scan_parquet(path).slice(start, count)
    frame = lazy.select(polars.col(*features, target).cast(polars.Float64)).collect()
    table = frame.to_numpy()
    odd = np.argwhere(~np.isfinite(table))
    if len(odd):
        row, column = odd[0].tolist()
        message = f"{table[row, column]} in row {start + row}; expected a finite number: fill it in"
        raise problem(Path(path), message, column=repr(frame.columns[column]))
    return table[:, :-1], table[:, -1]


def _polars() -> Any:
    try:
        import polars  # noqa: ICN001, PLC0415 — an extra: only files by columns need it
    except ImportError:
        raise missing_package("polars", "a Parquet file") from None
    return polars
