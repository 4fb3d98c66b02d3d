"""What to do with each column of a table, decided from its cells; and the data set that comes out.

Numbers stay numbers, texts of few levels become an input for each, dates are numbers of days.
Columns that say nothing, or only which row it is, are left out. Whatever is left out, filled or
read in another way is noted, one line for each column.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from reprlib import repr as shorten
from statistics import median

from micrograd_gd.data.cells import DATES, FLAGS, is_missing, parse_date, parse_quantity
from micrograd_gd.data.csv_files import CsvFile, Record, problem
from micrograd_gd.data.datasets import Dataset
from micrograd_gd.data.recipe import Column, Recipe
from micrograd_gd.errors import ArgumentError

MOST_LEVELS = 20  # of a text column; each becomes an input
MOST_WHOLE = 10  # whole numbers of a target that are classes by default
OUTLIER = 1e6  # times what is usual in the column
NEARLY = 0.9  # of a column are numbers: more odd cells than levels, and it is text
LARGE_SHARE = 0.98  # of the rows in one class

CHOICES = {  # what these options may be
    "task": ("auto", "classes", "numbers"),
    "missing": ("fill", "drop"),
    "decimal": ("auto", ".", ","),
}

_INDEX_NAMES = re.compile(r"|#|.*[a-z]I[dD]|(?i:(.*[ _.-])?id|index|row|unnamed.*)")


@dataclass(frozen=True)
class Reading:
    """How to read a table; each field is the option of the command line with the same name."""

    target: str | None = None
    features: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    missing: str = "fill"
    sep: str | None = None
    decimal: str = "auto"
    encoding: str | None = None
    task: str = "auto"


@dataclass(frozen=True)
class Table:
    """A data set from a file, its recipe, and what to say of it before training."""

    dataset: Dataset
    recipe: Recipe
    notes: list[tuple[str, str]]
    warnings: list[str]


def prepare(file: CsvFile, reading: Reading) -> Table:
    """Decide on each column of a file, and make a data set of it.

    Raises DataError for a column that is not there, one that is nearly numbers, a target of about
    as many classes as rows, and where nothing is left to learn from.
    """
    target = file.names[-1] if reading.target is None else reading.target
    features = _choose_features(file, target, reading)
    notes: list[tuple[str, str]] = []
    file = _drop_rows(file, [target], notes, "no target")
    decimal = _find_decimal(file) if reading.decimal == "auto" else reading.decimal
    columns = [_decide(file, name, decimal) for name in features]
    columns = _leave_out_index(file, columns, reading)
    used = [column.name for column in columns if column.kind != "left out"]
    if not used:
        reasons = "; ".join(f"{column.name!r}: {column.reason}" for column in columns)
        message = f"no column is left to learn from ({reasons}); expected one of numbers at least"
        raise problem(file.path, message)
    if reading.missing == "drop":
        file = _drop_rows(file, used, notes, "a missing value")
        columns = [replace(column, has_gaps=False) for column in columns]
    notes += [(column.name, note) for column in columns if (note := _describe(file, column))]
    recipe = Recipe(tuple(columns))
    inputs, _ = recipe.apply(file)
    targets, class_names, column, note = _read_target(file, target, decimal, reading.task)
    if note:
        notes.append((target, note))
    dataset = Dataset(inputs, targets, recipe.inputs, target, class_names, recipe)
    measured = columns if column is None else [*columns, column]
    return Table(dataset, recipe, notes, [*_find_outliers(file, measured), *_judge(dataset)])


def read_numbers(file: CsvFile, name: str) -> list[int] | list[float]:
    """The numbers of a column, without those that are missing.

    Raises DataError where it is text, or nearly numbers.
    """
    return _read_target(file, name, _find_decimal(file), "numbers")[0]


def _choose_features(file: CsvFile, target: str, reading: Reading) -> list[str]:
    for name in (target, *reading.features, *reading.drop):
        file.position(name)
    chosen = reading.features or file.names
    features = [name for name in file.names if name in chosen and name not in reading.drop]
    features = [name for name in features if name != target]
    if target in reading.drop:
        message = f"the target {target!r} is to be dropped; expected another --target, or --drop"
        raise problem(file.path, message, file.header_line)
    if not features:
        remedy = "name others by --features, or drop fewer"
        if len(file.names) == 1:
            remedy = "separate columns by commas, or name the separator by --sep"
        message = "no column is left beside the target; expected a feature"
        raise problem(file.path, f"{message}: {remedy}", file.header_line)
    return features


def _drop_rows(
    file: CsvFile, names: Sequence[str], notes: list[tuple[str, str]], what: str
) -> CsvFile:
    """The file without the rows in which one of these columns is missing."""
    places = [file.position(name) for name in names]
    kept = [
        row
        for row in file.rows
        if not any(is_missing(row.cells[place].strip()) for place in places)
    ]
    dropped = len(file.rows) - len(kept)
    if not kept:
        message = f"all {dropped} rows have {what}; expected some that are whole"
        raise problem(file.path, message)
    if dropped:
        notes.append(("rows", f"{dropped} of {dropped + len(kept)} dropped, with {what}"))
    return replace(file, rows=kept)


def _find_decimal(file: CsvFile) -> str:
    """The decimal mark with which most columns are numbers; a point where both are as good."""

    def count(decimal: str) -> int:
        return sum(
            all(parse_quantity(text, decimal) for _, text in _present(file, name))
            for name in file.names
        )

    return max(".,", key=count)


def _present(file: CsvFile, name: str) -> list[tuple[Record, str]]:
    """The cells of a column that are not missing, each with its row."""
    place = file.position(name)
    cells = ((row, row.cells[place].strip()) for row in file.rows)
    return [(row, text) for row, text in cells if not is_missing(text)]


def _decide(file: CsvFile, name: str, decimal: str) -> Column:
    present = _present(file, name)
    texts = [text for _, text in present]
    distinct = sorted({*texts})
    has_gaps = len(texts) < len(file.rows)
    if len(distinct) <= 1:
        reason = "the same in all rows" if distinct else "empty"
        return Column(name, "left out", reason=reason)
    for words in FLAGS:
        if {text.casefold() for text in distinct} == {*words}:
            return _fill(Column(name, "flag", levels=words, has_gaps=has_gaps), texts)
    number = _decide_number(file, name, present, decimal)
    if number is not None:
        return _fill(replace(number, has_gaps=has_gaps), texts)
    return _decide_text(name, texts, has_gaps=has_gaps)


def _decide_text(name: str, texts: Sequence[str], *, has_gaps: bool) -> Column:
    distinct = sorted({*texts})
    forms = [f for f in DATES if all(parse_date(text, f) is not None for text in distinct)]
    if len(forms) == 1:
        return _fill(Column(name, "date", forms[0], has_gaps=has_gaps), texts)
    if forms:
        reason = "dates that may begin with the day or with the month"
        return Column(name, "left out", reason=reason)
    if len(distinct) > MOST_LEVELS:
        reason = f"text of {len(distinct)} levels, more than {MOST_LEVELS}"
        return Column(name, "left out", reason=reason)
    return Column(name, "levels", levels=tuple(distinct), has_gaps=has_gaps)


def _fill(column: Column, texts: Sequence[str]) -> Column:
    numbers = [x for x in map(column.parse, texts) if x is not None]
    return replace(column, fill=float(median(numbers)))


def _decide_number(
    file: CsvFile, name: str, present: Sequence[tuple[Record, str]], decimal: str
) -> Column | None:
    """The column as numbers, or None for text.

    Raises DataError, with the odd cells, where half of it are numbers and not all.
    """
    other = "," if decimal == "." else "."
    counts: Counter[tuple[str, str]] = Counter()
    for mark in (decimal, other):
        for _, text in present:
            quantity = parse_quantity(text, mark)
            if quantity is not None:
                counts[mark, quantity[0]] += 1
    if not counts:
        return None
    (mark, unit), count = counts.most_common(1)[0]  # of equal ones, the first: that of the file
    column = Column(name, "number", mark, unit)
    if count == len(present):
        return column
    odd = [(row, text) for row, text in present if column.parse(text) is None]
    is_varied = len({text for _, text in odd}) > MOST_LEVELS  # which nobody mistyped
    if 2 * count < len(present) or (is_varied and count < NEARLY * len(present)):
        return None
    row, text = odd[0]
    others = [f"{shorten(text)} in line {row.line}" for row, text in odd[1:4]]
    more = f" (also {', '.join(others)}{', ...' if len(odd) > 4 else ''})" if others else ""
    message = (
        f"the text {shorten(text)}{more}; expected a number such as {_example(present, column)}"
    )
    remedy = "correct it, empty it where nothing is known, or --drop the column"
    counted = f"as in {count} of {len(present)} cells: {remedy}"
    raise problem(file.path, f"{message}, {counted}", row.line, repr(name))


def _example(present: Sequence[tuple[Record, str]], column: Column) -> str:
    return next(text for _, text in present if column.parse(text) is not None)


def _leave_out_index(file: CsvFile, columns: list[Column], reading: Reading) -> list[Column]:
    """The columns, without those that only say which row it is."""
    used = [column for column in columns if column.kind != "left out"]
    for column in used:
        is_alone = sum(each.kind != "left out" for each in columns) == 1
        if column.kind != "number" or column.name in reading.features or is_alone:
            continue
        numbers = [column.parse(text) for _, text in _present(file, column.name)]
        if any(x is None or x != int(x) for x in numbers) or len({*numbers}) < len(file.rows):
            continue
        is_counted = numbers in ([*range(len(numbers))], [*range(1, len(numbers) + 1)])
        if _INDEX_NAMES.fullmatch(column.name) or (column.name == file.names[0] and is_counted):
            reason = "another whole number in each row: it says which row it is"
            left = Column(column.name, "left out", reason=reason)
            columns = [left if each is column else each for each in columns]
    return columns


def _describe(file: CsvFile, column: Column) -> str:
    """What is done with a column, where it is more than to read plain numbers."""
    present = [text for _, text in _present(file, column.name)]
    missing = len(file.rows) - len(present)
    ways = [f"without its {column.unit}"] if column.unit else []
    if column.form == "," and any("," in text for text in present):
        ways.append("with a decimal comma")
    said = {
        "left out": f"left out: {column.reason}",
        "date": "dates, read as days since 1970",
        "flag": f"{' and '.join(column.levels)} read as 0 and 1",
        "levels": f"text, an input for each of {len(column.levels)} levels",
        "number": f"read {' and '.join(ways)}" if ways else "",
    }[column.kind]  # fmt: skip
    if missing and column.kind != "left out":
        filling = "" if column.kind == "levels" else f"filled with the median {column.fill:g}, "
        gap = f"{missing} missing: {filling}marked by an input of their own"
        said = f"{said}; {gap}" if said else gap
    return said


def _read_target(
    file: CsvFile, name: str, decimal: str, task: str
) -> tuple[list[int] | list[float], tuple[str, ...] | None, Column | None, str]:
    """The targets, their classes or else the column of numbers, and what to say of it."""
    present = _present(file, name)
    column = None
    if task != "classes":
        column = _decide_number(file, name, present, decimal)
    if task == "numbers" and column is None:
        row, text = present[0]
        message = f"the text {shorten(text)}; expected a number such as 5.1: correct it, or make"
        raise problem(file.path, f"{message} the target classes", row.line, repr(name))
    if column is not None:
        numbers = [x for _, text in present if (x := column.parse(text)) is not None]
        count = len({*numbers})
        is_few = 1 < count <= MOST_WHOLE and 3 * count <= len(numbers)
        if task == "numbers" or not (is_few and all(x == int(x) for x in numbers)):
            return numbers, None, column, _describe(file, column)
    targets, classes = file.class_column(name)
    if len(classes) > 2 and 2 * len(classes) > len(targets):
        message = f"{len(classes)} classes in {len(targets)} rows; expected several rows of each"
        raise problem(file.path, f"{message}: choose another target", column=repr(name))
    note = f"{len(classes)} whole numbers, taken as classes; --task numbers takes them as numbers"
    return targets, classes, None, note if column is not None and task == "auto" else ""


def _find_outliers(file: CsvFile, columns: Sequence[Column]) -> list[str]:
    found = []
    for column in columns:
        if column.kind != "number":
            continue
        cells = [(abs(column.parse(text) or 0.0), row, text)
                 for row, text in _present(file, column.name)]  # fmt: skip
        usual = median([size for size, _, _ in cells if size] or [0.0])
        size, row, text = max(cells, key=lambda cell: cell[0])
        if usual and size >= OUTLIER * usual:
            place = f"{file.path}, line {row.line}, column {column.name!r}"
            times = f"{size / usual:.0e} times what is usual there"
            found.append(
                f"{place}: {shorten(text)} is {times}, and scales all the rest to almost nothing; "
                f"correct it, or drop the row"
            )
    return found


def _judge(dataset: Dataset) -> list[str]:
    """What to know of the classes: those of a single row, and one that has almost all."""
    if dataset.class_names is None:
        return []
    counts = Counter(dataset.targets)
    rare = [repr(name) for i, name in enumerate(dataset.class_names) if counts[i] == 1]
    said = [f"one row only of {', '.join(rare)}, on which nothing can be tested"] if rare else []
    largest, count = counts.most_common(1)[0]
    if len(counts) > 1 and count >= LARGE_SHARE * len(dataset):
        share = f"{100 * count / len(dataset):.1f} % of the rows"
        name = dataset.class_names[int(largest)]
        said.append(f"{share} are {name!r}: an accuracy of as much says nothing")
    return said


def check_reading(reading: Reading) -> None:
    """Raise ArgumentError for an option that is none of those there are."""
    for name, known in CHOICES.items():
        value = getattr(reading, name)
        if value not in known:
            expected = ", ".join(known)
            raise ArgumentError(f"--{name} is {value!r}; expected one of {expected}")
