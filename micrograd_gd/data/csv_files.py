"""CSV files by column and record; every error names file, line and column."""

import csv
import io
import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from reprlib import repr as shorten
from typing import NamedTuple

from micrograd_gd.caches import cached_property
from micrograd_gd.errors import DataError

LARGEST = 2**30  # bytes of a file; a pipe may have no end


class Record(NamedTuple):
    """One record and the file line it begins on; quoted cells may continue over several lines."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class CsvFile:
    """The named columns and the rows of one file, all rows of equal length."""

    path: Path
    header_line: int
    names: list[str]
    rows: list[Record]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def position(self, name: str) -> int:
        """The place of a column in each row.

        Raises DataError, which suggests the closest name.
        """
        if isinstance(name, str) and name in self._positions:
            return self._positions[name]
        folded = {known.casefold(): known for known in self.names}
        closest = get_close_matches(str(name).casefold(), folded, n=1)
        remedy = f"did you mean {folded[closest[0]]!r}?" if closest else "choose one of these"
        message = f"no column {name!r}; expected one of {_enumerate(self.names)}: {remedy}"
        raise problem(self.path, message, self.header_line)

    def text(self, row: Record, position: int) -> str:
        """A cell without the spaces around it.

        Raises DataError if nothing is left.
        """
        text = row.cells[position].strip()
        if not text:
            raise self._cell_problem(row, position, "an empty cell; expected a value: fill it in")
        return text

    def number(self, row: Record, position: int) -> float:
        """A cell as a number.

        Raises DataError for text, nan and infinities.
        """
        text = self.text(row, position)
        number = parse_number(text)
        if number is None:
            remedy = "correct it, or drop the column, or make it the target"
            message = f"the text {shorten(text)}; expected a number such as 5.1: {remedy}"
            raise self._cell_problem(row, position, message)
        if not math.isfinite(number):
            message = f"{shorten(text)}; expected a finite number: fill it in or drop the row"
            raise self._cell_problem(row, position, message)
        return number

    def number_columns(self, names: list[str]) -> list[list[float]]:
        """The named columns of each row as numbers, in the order of the names."""
        positions = [self.position(name) for name in names]
        return [[self.number(row, position) for position in positions] for row in self.rows]

    def class_column(self, name: str) -> tuple[list[int], tuple[str, ...]]:
        """A column as classes: positions in the sorted names; numbers first, in order of size."""
        position = self.position(name)
        labels = []
        for row in self.rows:
            label = self.text(row, position)
            if parse_number(label) is not None:
                # Adding 0.0 turns -0.0 into 0.0, so that equal numbers are one class.
                label = repr(self.number(row, position) + 0.0).removesuffix(".0")
            labels.append(label)
        names = sorted(set(labels), key=_size_then_text)
        indices = {label: index for index, label in enumerate(names)}
        return [indices[label] for label in labels], tuple(names)

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers, not text.

        Raises DataError for a mixture of the two.
        """
        position = self.position(name)
        numeric = [parse_number(self.text(row, position)) is not None for row in self.rows]
        if all(numeric) or not any(numeric):
            return all(numeric)
        mostly_numbers = 2 * sum(numeric) >= len(numeric)
        odd = self.rows[numeric.index(not mostly_numbers)]
        cell = shorten(self.text(odd, position))
        counts = f"{sum(numeric)} of {len(numeric)} cells of this column are numbers"
        expected = "a number" if mostly_numbers else "text"
        message = f"{cell}, while {counts}; expected {expected}: correct it, or pass classes=True"
        raise self._cell_problem(odd, position, message)

    def _cell_problem(self, row: Record, position: int, message: str) -> DataError:
        lines_before = re.findall(r"\r\n|\r|\n", "".join(row.cells[:position]))
        line = row.line + len(lines_before)
        return problem(self.path, message, line, repr(self.names[position]))


def read_csv_file(path: str | PathLike[str]) -> CsvFile:
    """Read a UTF-8, comma-separated file with a header row; blank lines are skipped.

    Raises DataError if it is missing, not text, not CSV, ragged, or without header or rows.
    """
    path = Path(path)
    rows = _split_records(path, _read_text(path))
    if not rows:
        raise problem(path, "the file is empty; expected a header row and rows of numbers below it")
    header, *rows = rows
    names = [cell.strip() for cell in header.cells]
    _check_names(path, header.line, names)
    if not rows:
        message = (
            f"nothing below the header {_enumerate(names)}; expected rows of numbers: add some"
        )
        raise problem(path, message, header.line)
    for row in rows:
        if len(row.cells) != len(names):
            expected = f"expected {len(names)} for the columns {_enumerate(names)}"
            remedy = "add or remove cells, and put quotes around one that holds a comma"
            came = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
            raise problem(path, f"{came}; {expected}: {remedy}", row.line)
    return CsvFile(path, header.line, names, rows)


def parse_number(text: str) -> float | None:
    """The number that a cell spells, or None for text; 1_000 is Python's spelling, not CSV's."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def problem(
    path: Path, message: str, line: int | None = None, column: str | None = None
) -> DataError:
    """The error for one place in a file."""
    at_line = f", line {line}" if line is not None else ""
    at_column = f", column {column}" if column is not None else ""
    return DataError(f"{path}{at_line}{at_column}: {message}")


def _read_text(path: Path) -> str:
    try:
        is_folder, is_device = path.is_dir(), path.is_char_device()
        raw = b"" if is_folder or is_device else _read_bytes(path)
    except FileNotFoundError:
        raise problem(
            path, f"no such file; expected a CSV file: check the name, as seen from {Path.cwd()}"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        message = f"cannot be read ({error}); expected a readable CSV file: check its permissions"
        raise problem(path, message) from error
    if is_folder:
        raise problem(path, "a folder; expected a CSV file: name a file inside of it")
    if is_device:
        raise problem(path, "a device, which may have no end; expected a CSV file, or a pipe")
    if len(raw) > LARGEST:
        raise problem(path, f"more than {LARGEST} bytes; expected a CSV file up to that")
    remedy = "save it as CSV in UTF-8, and name no spreadsheet, picture or archive"
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"the byte 0x{raw[error.start]:02x}; expected text in UTF-8: {remedy}"
        raise problem(path, message, line) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise problem(path, f"binary data; expected text in UTF-8: {remedy}", line)
    return text


def _read_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _split_records(path: Path, text: str) -> list[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    rows = []
    line = 1
    try:
        for cells in reader:
            blank = len(cells) <= 1 and not "".join(cells).strip()
            if not blank:
                rows.append(Record(line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        expected = "expected cells separated by commas, with every quote closed"
        message = f"no valid CSV ({error}); {expected}: correct the row that begins here"
        raise problem(path, message, line) from None
    return rows


def _check_names(path: Path, line: int, names: list[str]) -> None:
    numbers = [name for name in names if parse_number(name) is not None]
    if len(numbers) == len(names) or any(not name.isdigit() for name in numbers):
        message = f"the number {numbers[0]!r} in the header; expected column names: add a first row"
        raise problem(path, f"{message} with a name for each column", line)
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        column = str(index + 1)
        if not name:
            message = "an empty column name; expected a name: add one, or remove the column"
            raise problem(path, message, line, column)
        if places.setdefault(name, index) != index:
            message = f"the name {name!r} again, as in column {places[name] + 1}"
            raise problem(path, f"{message}; expected different names: rename one", line, column)


def _enumerate(names: list[str]) -> str:
    shown = [*map(repr, names[:20])]
    return ", ".join(shown if len(names) <= 20 else [*shown, f"... ({len(names)} in all)"])


def _size_then_text(label: str) -> tuple[float, str]:
    number = parse_number(label)
    return (math.inf if number is None else number), label
