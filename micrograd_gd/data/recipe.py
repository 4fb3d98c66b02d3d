"""A recipe: how each column of a table becomes numbers, decided once and kept with the model."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from reprlib import repr as shorten
from typing import Any

from micrograd_gd.data.cells import is_missing, parse_date, parse_quantity
from micrograd_gd.data.csv_files import CsvFile, Record, problem
from micrograd_gd.errors import ArgumentError

KINDS = ("number", "date", "flag", "levels", "left out")


@dataclass(frozen=True)
class Column:
    """What is done with one column.

    `form` is the decimal mark of numbers, and the format of dates. `unit` stands beside each
    number. `levels` are the texts that have an input each, or the two words of a flag, the one for
    0 first. `fill` is the number in place of a missing one, and `has_gaps` says that there is an
    input that says so. `reason` says why a column is left out.
    """

    name: str
    kind: str
    form: str = ""
    unit: str = ""
    levels: tuple[str, ...] = ()
    fill: float = 0.0
    has_gaps: bool = False
    reason: str = ""

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs that the column becomes."""
        if self.kind == "left out":
            return []
        gaps = [f"{self.name} is missing"] if self.has_gaps else []
        if self.kind == "levels":
            return [f"{self.name} = {level}" for level in self.levels] + gaps
        return [self.name, *gaps]

    def parse(self, text: str) -> float | None:
        """The number that a cell is, or None where it is nothing of the kind; for levels, which."""
        if self.kind == "number":
            quantity = parse_quantity(text, self.form)
            return quantity[1] if quantity is not None and quantity[0] == self.unit else None
        if self.kind == "date":
            return parse_date(text, self.form)
        if self.kind == "flag":
            text = text.casefold()
        return float(self.levels.index(text)) if text in self.levels else None

    def encode(self, text: str) -> list[float] | None:
        """The inputs for a cell, or None where it is nothing of the kind."""
        gap = [float(is_missing(text))] if self.has_gaps else []
        found = None if is_missing(text) else self.parse(text)
        if self.kind == "levels":
            return [float(found == place) for place in range(len(self.levels))] + gap
        if found is None and is_missing(text):
            found = self.fill
        return None if found is None else [found, *gap]


@dataclass(frozen=True)
class Recipe:
    """How the rows of a table become rows of numbers; plain JSON by `to_json`.

    >>> recipe = Recipe((Column("size", "number", "."), Column("kind", "levels", levels=("a",))))
    >>> recipe.inputs
    ('size', 'kind = a')
    >>> Recipe.from_json(recipe.to_json()) == recipe
    True
    """

    columns: tuple[Column, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs of the network."""
        return tuple(name for column in self.columns for name in column.inputs)

    def apply(self, file: CsvFile) -> tuple[list[list[float]], list[str]]:
        """The inputs for each row, and what there was to fill or to leave out.

        Raises DataError for a column that is not there, or a cell that is no number.
        """
        used = [column for column in self.columns if column.kind != "left out"]
        places = [(column, file.position(column.name)) for column in used]
        filled: Counter[str] = Counter()
        unknown: Counter[str] = Counter()
        rows = []
        for row in file.rows:
            inputs: list[float] = []
            for column, place in places:
                text = row.cells[place].strip()
                numbers = column.encode(text)
                if numbers is None:
                    raise _refuse(file, column, row, text)
                inputs += numbers
                filled[column.name] += is_missing(text)
                is_new = column.kind == "levels" and not any(numbers) and not is_missing(text)
                unknown[column.name] += is_new
            rows.append(inputs)
        notes = [f"{name!r} is missing, and was filled, in {n}" for name, n in (+filled).items()]
        for name, n in (+unknown).items():
            notes.append(f"{name!r} holds a text that the training had not in {n}")
        return rows, [f"{note} of {len(rows)} rows" for note in notes]

    def to_json(self) -> list[dict[str, Any]]:
        """The recipe as plain JSON, without what is as usual."""
        usual = asdict(Column("", ""))
        return [
            {k: x for k, x in asdict(column).items() if k in ("name", "kind") or x != usual[k]}
            for column in self.columns
        ]

    @classmethod
    def from_json(cls, entries: Any) -> "Recipe":
        """The recipe that `to_json` gave.

        Raises ArgumentError for anything else.
        """
        if not (isinstance(entries, list) and entries):
            raise ArgumentError(f"the recipe is {shorten(entries)}; expected a list of columns")
        return cls(tuple(_read_column(entry) for entry in entries))


def _read_column(entry: Any) -> Column:
    known = {field.name: type(getattr(Column("", ""), field.name)) for field in fields(Column)}
    is_whole = isinstance(entry, Mapping) and {"name", "kind"} <= {*entry} <= {*known}
    if is_whole:
        entry = {key: tuple(x) if isinstance(x, list) else x for key, x in entry.items()}
        is_whole = all(type(x) is known[key] for key, x in entry.items())
    if not is_whole:
        raise ArgumentError(f"a column of the recipe is {shorten(entry)}; expected name and kind")
    column = Column(**entry)
    has_texts = all(isinstance(level, str) for level in column.levels)
    has_form = column.form in (".", ",") if column.kind == "number" else True
    if column.kind not in KINDS or not has_texts or not has_form or column.fill - column.fill != 0:
        raise ArgumentError(f"a column of the recipe is {shorten(entry)}; expected one of {KINDS}")
    return column


def _refuse(file: CsvFile, column: Column, row: Record, text: str) -> Exception:
    due = {"number": "a number", "date": "a date", "flag": " or ".join(column.levels)}
    unit = f" with {column.unit}" if column.unit else ""
    message = f"the text {shorten(text)}; expected {due[column.kind]}{unit}, as in the training"
    return problem(file.path, message, row.line, repr(column.name))
