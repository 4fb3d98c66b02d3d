"""Saved things as documents: a head of plain JSON and named arrays of numbers.

A reader trusts nothing. It checks every size and type, and executes nothing; whatever does not fit
is a `ModelFileError` that says what and where.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from micrograd_gd.errors import ArgumentError, ModelFileError
from micrograd_gd.table.numbers import shorten

VERSION = 1
LARGEST = 2**27  # bytes, 128 MiB; a million parameters are about 60 million in JSON

# What JSON takes in memory beside its text, up to 30 times that, is counted before it is parsed:
# for each of these characters, the most bytes of Python's objects.
COSTS = {b",": 44, b'"': 26, b":": 190, b"[": 96, b"{": 96}
MOST_MEMORY = 300_000_000  # a million parameters are 286 million


class MisfitError(Exception):
    """The content of a file is not what is expected there."""


@dataclass(frozen=True)
class Array:
    """Numbers of one dimension, or of two, row after row."""

    shape: tuple[int, ...]
    numbers: list[float]

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Array":
        """Numbers in one dimension."""
        return cls((len(numbers),), list(numbers))


@dataclass(frozen=True)
class Document:
    """What one file holds: which kind of thing, its head, its arrays."""

    kind: str
    head: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)

    def array(self, name: str, shape: tuple[int, ...]) -> list[float]:
        """The numbers of an array that must be there, in that shape."""
        if name not in self.arrays:
            raise MisfitError(f"no array {name!r}; expected one of shape {shape}")
        found = self.arrays[name]
        if found.shape != shape:
            raise MisfitError(f"the array {name!r} is of shape {found.shape}; expected {shape}")
        return found.numbers

    def check(self, keys: Sequence[str], arrays: Sequence[str]) -> None:
        """Refuse a document with other keys or arrays than these."""
        check_keys(f"the {self.kind}", self.head, keys)
        check_keys("arrays", self.arrays, arrays)


def to_json(document: Document) -> bytes:
    """A document as JSON; numbers that JSON lacks are written as "nan", "inf" and "-inf".

    Raises ArgumentError for what JSON cannot hold, such as objects among the notes of a training.
    """
    content = {"format": f"micrograd_gd {document.kind}", "version": VERSION, **document.head}
    if document.arrays:
        content["arrays"] = {name: _to_list(array) for name, array in document.arrays.items()}
    lines = [f"  {json.dumps(key)}: {_lay_out(entry)}" for key, entry in content.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    return text.encode("utf-8", "surrogatepass")


def _lay_out(entry: Any) -> str:
    """JSON, an object with a line for each of its entries."""
    if not (isinstance(entry, dict) and entry):
        return _dump(entry)
    lines = [f"    {_dump(key)}: {_dump(x)}" for key, x in entry.items()]
    return "{\n" + ",\n".join(lines) + "\n  }"


def _dump(entry: Any) -> str:
    entry = to_json_float(entry) if isinstance(entry, float) else entry
    try:
        return json.dumps(entry, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        message = "expected plain JSON: texts, finite numbers, lists and dicts of them"
        raise ArgumentError(f"{shorten(entry)} cannot be saved ({error}); {message}") from None


def to_json_float(x: float) -> float | str:
    """A float as it is written in JSON, which has no word for what is not finite."""
    return x if math.isfinite(x) else repr(x)


def from_json(raw: bytes) -> Document:
    """The document that was written as this JSON."""
    content = parse(raw)
    kind, head = split_head(content)
    arrays = read_object("arrays", head.pop("arrays", {}))
    return Document(kind, head, {name: _array(name, entry) for name, entry in arrays.items()})


def _to_list(array: Array) -> list[float | str]:
    return [to_json_float(x) for x in array.numbers]


_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _array(name: str, entry: Any) -> Array:
    return Array.of([read_entry(name, x) for x in read_list(name, entry)])


def read_bytes(path: Path) -> bytes:
    """The content of an ordinary file that is no larger than a model can be."""
    if not path.exists():
        where = f"check the name, as seen from {Path.cwd()}"
        raise MisfitError(f"no such file; expected a saved model: {where}")
    if path.is_dir():
        raise MisfitError("a folder; expected a saved model, such as model.json in it")
    if not path.is_file():
        raise MisfitError("no ordinary file; expected a saved model")
    if path.stat().st_size > LARGEST:
        raise MisfitError(f"{path.stat().st_size} bytes; expected a saved model, up to {LARGEST}")
    return path.read_bytes()


def parse(raw: bytes) -> Any:
    """JSON in the strict sense: no NaN, every key once, and no more parts than a model has."""
    check_memory(raw)
    try:
        text = raw.decode("utf-8", "surrogatepass")
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise MisfitError("binary data; expected a saved model, in JSON") from None
    except (json.JSONDecodeError, RecursionError) as error:
        message = f"no valid JSON ({error}); expected a saved model, whole"
        raise MisfitError(f"{message}: copy it again, or train again") from None
    except ValueError as error:  # such as a number of more digits than Python reads
        raise MisfitError(f"cannot be read ({error}); expected a saved model") from None


def check_memory(raw: bytes) -> None:
    """Refuse JSON that would take too much memory, before it is parsed."""
    memory = sum(cost * raw.count(mark) for mark, cost in COSTS.items())
    if memory > MOST_MEMORY:
        message = f"so many numbers, texts, lists and objects that they may take {memory} bytes"
        raise MisfitError(f"{message} of memory; expected up to {MOST_MEMORY}")


def _refuse(constant: str) -> Any:
    raise MisfitError(f"the number {constant}; expected finite numbers: train again")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise MisfitError("a key twice in one object; expected every key once")
    return entries


def split_head(content: Any) -> tuple[str, dict[str, Any]]:
    """The kind of a document of this version, and what else is in its head."""
    is_ours = isinstance(content, dict) and isinstance(content.get("format"), str)
    name, _, kind = content["format"].partition(" ") if is_ours else ("", "", "")
    if name != "micrograd_gd" or not kind:
        message = 'JSON of another kind; expected a saved model, "format": "micrograd_gd model"'
        raise MisfitError(message)
    version = content.get("version")
    if version != VERSION or isinstance(version, bool):
        expected = f"expected version {VERSION}: use the micrograd_gd that wrote it"
        raise MisfitError(f"a {kind} of format version {shorten(version)}; {expected}")
    return kind, {key: x for key, x in content.items() if key not in ("format", "version")}


def problem(path: Path, message: str) -> ModelFileError:
    """The error for a file."""
    return ModelFileError(f"{path}: {message}")


# What an entry must be, each with the place that a complaint names.


def check_keys(place: str, entry: Any, keys: Sequence[str]) -> None:
    """An object with these keys and no others."""
    entry = read_object(place, entry)
    missing = [key for key in keys if key not in entry]
    if missing:
        raise MisfitError(f"no {', '.join(map(repr, missing))} in {place}; expected a whole model")
    unknown = [key for key in entry if key not in keys]
    if unknown:
        raise MisfitError(f"unknown {shorten(unknown)} in {place}; expected {', '.join(keys)}")


def read_object(place: str, entry: Any) -> dict[str, Any]:
    """An object of JSON."""
    if not isinstance(entry, dict):
        raise MisfitError(f"{place} is {shorten(entry)}; expected an object")
    return entry


def read_list(place: str, entry: Any) -> list[Any]:
    """A list of JSON, not empty."""
    if not (isinstance(entry, list) and entry):
        raise MisfitError(f"{place} is {shorten(entry)}; expected a list that is not empty")
    return entry


def read_text(place: str, entry: Any) -> str:
    """A text."""
    if not isinstance(entry, str):
        raise MisfitError(f"{place} is {shorten(entry)}; expected text")
    return entry


def read_texts(place: str, entry: Any) -> list[str]:
    """A list of texts."""
    return [read_text(place, name) for name in read_list(place, entry)]


def read_number(place: str, entry: Any) -> float:
    """A finite number."""
    try:
        number = float(entry) if isinstance(entry, (int, float)) else None
    except OverflowError:
        number = None
    if number is None or isinstance(entry, bool) or number - number != 0:
        raise MisfitError(f"{place} is {shorten(entry)}; expected a finite number")
    return number


def read_entry(place: str, entry: Any) -> float:
    """A number that may be "nan", "inf" or "-inf"."""
    if isinstance(entry, str) and entry in _WORDS:
        return _WORDS[entry]
    return read_number(place, entry)


def read_count(place: str, entry: Any) -> int:
    """A whole number, at least 0."""
    if not isinstance(entry, int) or isinstance(entry, bool) or entry < 0:
        raise MisfitError(f"{place} is {shorten(entry)}; expected a whole number, at least 0")
    return entry
