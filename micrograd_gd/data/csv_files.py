"""Tables in files by column and record; every error names file, line and column.

Text of any usual separator and encoding is read by Python's own `csv`, which knows the line of
every cell; Parquet and Arrow by polars, as text like the rest.
"""

import codecs
import csv
import gzip
import io
import math
import re
import sys
import zlib
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from reprlib import repr as shorten
from typing import NamedTuple

from micrograd_gd.caches import cached_property
from micrograd_gd.errors import ArgumentError, DataError
from micrograd_gd.keywords import find_similar
from micrograd_gd.names import missing_package

LARGEST = 2**30  # bytes of a file; a pipe may have no end
SEPARATORS = ",;\t|"
STANDARD_INPUT = "-"

_NO_SEPARATOR = '"\r\n'  # which end cells in another way


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
        close = find_similar(str(name), self.names)
        remedy = f"did you mean {close!r}?" if close else "name one of these, or a file that has it"
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

    def require_names(self) -> None:
        """Raise DataError where a column has no name."""
        if "" in self.names:
            message = "an empty column name; expected a name: add one, or remove the column"
            raise problem(self.path, message, self.header_line, str(self.names.index("") + 1))

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
                self.number(row, position)
            labels.append(class_label(label))
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


def read_csv_file(
    path: str | PathLike[str], separator: str | None = None, encoding: str | None = None
) -> CsvFile:
    """Read a table with a header row; blank lines are skipped.

    The path may be `-`, for standard input. The content says whether it is text, gzip, Parquet or
    Arrow. Without a `separator`, it is the one of comma, semicolon, tab and bar that splits all
    rows alike, or that of a first line `sep=;`; without an `encoding`, UTF-8, or UTF-16 where a
    mark says so. Columns at the end that have neither a name nor cells are left out.

    Raises DataError if it is missing, not text, not CSV, ragged, or without header or rows;
    ImportError where polars is needed and is not there.
    """
    if separator is not None and (len(separator) != 1 or separator in _NO_SEPARATOR):
        raise ArgumentError(f"--sep is {separator!r}; expected one character, such as ;")
    path = Path(path)
    raw = _read_raw(path)
    if raw.startswith(_COLUMNS):
        rows = _read_columns(path, raw)
    else:
        text = _decode(path, raw, encoding)
        said = re.match(rf"sep=([^{_NO_SEPARATOR}])\r?\n", text)  # by Excel, for Excel
        separator = separator or (said[1] if said else _find_separator(text))
        rows = _split_records(path, text, separator)[bool(said) :]
    if not rows:
        raise problem(path, "the file is empty; expected a header row and rows of numbers below it")
    header, *rows = rows
    names = [cell.strip() for cell in header.cells]
    _check_names(path, header.line, names, rows)
    if not rows:
        message = (
            f"nothing below the header {_enumerate(names)}; expected rows of numbers: add some"
        )
        raise problem(path, message, header.line)
    _check_widths(path, names, rows)
    if hollow := _count_hollow(names, rows):
        names = names[:-hollow]
        rows = [Record(line, cells[:-hollow]) for line, cells in rows]
    return CsvFile(path, header.line, names, rows)


def parse_number(text: str) -> float | None:
    """The number that a cell spells, or None for text; 1_000 is Python's spelling, not CSV's."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def class_label(text: str) -> str:
    """The name of a class that a cell spells: equal numbers are one class.

    >>> class_label("1.0"), class_label("-0"), class_label("cat")
    ('1', '0', 'cat')
    """
    number = parse_number(text)
    return text if number is None else repr(number + 0.0).removesuffix(".0")


def problem(
    path: Path, message: str, line: int | None = None, column: str | None = None
) -> DataError:
    """The error for one place in a file."""
    at_line = f", line {line}" if line is not None else ""
    at_column = f", column {column}" if column is not None else ""
    place = "standard input" if str(path) == STANDARD_INPUT else path
    return DataError(f"{place}{at_line}{at_column}: {message}")


def _read_raw(path: Path) -> bytes:
    """The bytes of a file, or of standard input, unpacked where they are of gzip."""
    is_piped = str(path) == STANDARD_INPUT
    raw = sys.stdin.buffer.read(LARGEST + 1) if is_piped else _read_file(path)
    if raw.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(raw)) as unpacked:
                raw = unpacked.read(LARGEST + 1)
        except (OSError, EOFError, zlib.error) as error:
            message = f"a damaged gzip file ({error}); expected a whole one: copy it again"
            raise problem(path, message) from None
    if len(raw) > LARGEST:
        raise problem(path, f"more than {LARGEST} bytes; expected a CSV file up to that")
    return raw


def _read_file(path: Path) -> bytes:
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
    return raw


def _read_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _decode(path: Path, raw: bytes, encoding: str | None) -> str:
    is_wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    found = encoding or ("UTF-16" if is_wide else "UTF-8")
    save = "save a spreadsheet as CSV first"
    try:
        text = raw.decode(found).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        remedy = f"name the file's encoding, as by --encoding latin-1; {save}"
        message = f"the byte 0x{raw[error.start]:02x}; expected text in {found}: {remedy}"
        raise problem(path, message, line) from None
    except (LookupError, ValueError):  # the latter of codecs for other things than files
        message = f"the encoding {encoding!r} is not known; expected one such as latin-1"
        raise ArgumentError(message) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise problem(path, f"binary data; expected text in {found}: {save}", line)
    return text


def _find_separator(text: str) -> str:
    """The separator that splits the first rows alike, else the one that is most in the header."""

    def judge(separator: str) -> tuple[bool, int]:
        reader = csv.reader(io.StringIO(text[:65536], newline=""), delimiter=separator)
        try:
            counts = [len(cells) for cells in islice(filter(any, reader), 20)]
        except csv.Error:
            counts = []
        width = counts[0] if counts else 0
        return {*counts} == {width} and width > 1, width

    return max(SEPARATORS, key=judge)


_COLUMNS = (b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")  # Parquet, an Arrow file, an Arrow stream


def _read_columns(path: Path, raw: bytes) -> list[Record]:
    """A header and rows of text from a file that has columns of its own types."""
    try:
        import polars  # noqa: ICN001, PLC0415 — an extra: only these files need it
    except ImportError:
        raise missing_package("polars", "a Parquet or an Arrow file") from None
    readers = (polars.read_parquet, polars.read_ipc, polars.read_ipc_stream)
    read = next(read for mark, read in zip(_COLUMNS, readers, strict=True) if raw.startswith(mark))
    try:
        frame = read(io.BytesIO(raw))
    except (OSError, polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        message = f"cannot be read ({error}); expected a whole Parquet or Arrow file"
        raise problem(path, message) from None
    rows = [["" if cell is None else str(cell) for cell in row] for row in frame.iter_rows()]
    return [Record(line, cells) for line, cells in enumerate([frame.columns, *rows])]


def _split_records(path: Path, text: str, separator: str) -> list[Record]:
    reader = csv.reader(
        io.StringIO(text, newline=""), strict=True, skipinitialspace=True, delimiter=separator
    )
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


def _check_names(path: Path, line: int, names: list[str], rows: list[Record]) -> None:
    numbers = [name for name in names if parse_number(name) is not None]
    texts = [(i, name) for i, name in enumerate(names) if name and name not in numbers]
    expected = "expected column names: add a first row with a name for each column"
    if len(numbers) == len(names) or any(not name.isdigit() for name in numbers):
        raise problem(path, f"the number {numbers[0]!r} in the header; {expected}", line)
    if texts and all(
        any(row.cells[i : i + 1] and row.cells[i].strip() == name for row in rows)
        for i, name in texts
    ):
        message = f"a header that looks like the rows, as {texts[0][1]!r} stands in one below it"
        raise problem(path, f"{message}; {expected}", line)
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        if name and places.setdefault(name, index) != index:
            message = f"the name {name!r} again, as in column {places[name] + 1}"
            expected = "expected different names: rename one"
            raise problem(path, f"{message}; {expected}", line, str(index + 1))


def _check_widths(path: Path, names: list[str], rows: list[Record]) -> None:
    for row in rows:
        if len(row.cells) != len(names):
            expected = f"expected {len(names)} for the columns {_enumerate(names)}"
            remedy = "add or remove cells, and put quotes around one that holds a comma"
            if len(names) == 1:
                remedy = "remove what stands above the header, or name the separator"
            came = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
            raise problem(path, f"{came}; {expected}: {remedy}", row.line)


def _count_hollow(names: list[str], rows: list[Record]) -> int:
    """How many columns at the end have neither a name nor cells: each row ends in a separator."""
    count = 0
    while not names[-1 - count] and not any(row.cells[-1 - count].strip() for row in rows):
        count += 1
    return count


def _enumerate(names: list[str]) -> str:
    shown = [*map(repr, names[:20])]
    return ", ".join(shown if len(names) <= 20 else [*shown, f"... ({len(names)} in all)"])


def _size_then_text(label: str) -> tuple[float, str]:
    number = parse_number(label)
    return (math.inf if number is None else number), label
