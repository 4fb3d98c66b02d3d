"""What a checkpoint notes of its command, and that command read back."""

import hashlib
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from micrograd_gd.cli.experiment import Settings
from micrograd_gd.cli.messages import PROGRAM
from micrograd_gd.cli.options import DEFAULT, check, read_table
from micrograd_gd.cli.place import CHECKPOINT, TRAINING
from micrograd_gd.data import Dataset
from micrograd_gd.data.csv_files import STANDARD_INPUT
from micrograd_gd.data.decisions import Reading, Table
from micrograd_gd.errors import ArgumentError, ModelFileError
from micrograd_gd.persist import load

_T = TypeVar("_T")


@dataclass(frozen=True)
class Command:
    """What decides a training: the data, how to read it, the settings.

    The path of the data starts from `folder`.
    """

    data: str
    reading: Reading
    settings: Settings
    folder: Path = field(default_factory=Path.cwd)

    @property
    def place(self) -> str:
        """The data as seen from here."""
        is_seen = self.data in ("iris", STANDARD_INPUT) or self.folder == Path.cwd()
        return self.data if is_seen else str(self.folder / self.data)

    def read(self) -> Table:
        """The rows to learn from."""
        return read_table(self.place, self.reading, self.settings.loss)

    def __str__(self) -> str:
        """The line that trains the same again, without what is as usual."""
        usual = {**vars(Reading()), **vars(DEFAULT), "learning_rate": None}  # which differs
        given = {**vars(self.reading), **vars(self.settings)}
        options = [f"--{name.replace('_', '-')}={_write_option(value)}"
                   for name, value in given.items() if value != usual[name]]  # fmt: skip
        return shlex.join([PROGRAM, "train", self.place, *options])

    def notes(self, rows: Dataset) -> dict[str, Any]:
        """What a checkpoint keeps, to find the same data again and to recognize it."""
        return {
            "data": self.data,
            "folder": str(self.folder),
            "reading": asdict(self.reading),
            "settings": asdict(self.settings),
            "digest": _digest(rows),
        }


def _write_option(value: Any) -> str:
    return ",".join(map(str, value)) or "none" if isinstance(value, tuple) else f"{value}"


def read_checkpoint(
    folder: Path, epochs: int | None = None, patience: int | None = None
) -> tuple[Command, Table, dict[str, Any]]:
    """The command to go on with, until so many epochs are done, its data, and its training's state.

    `patience` is a new number for `--early-stopping`.

    Raises ModelFileError where there is none to resume, ArgumentError where the data has changed
    and where no epoch is left.
    """
    path = folder / CHECKPOINT
    has_ended = not path.exists() and (folder / TRAINING).exists()
    if has_ended:
        path = folder / TRAINING
    elif not path.exists():
        expected = f"expected {CHECKPOINT} or {TRAINING} in it, as train leaves them"
        raise ModelFileError(f"{folder}: no training to go on with; {expected}")
    state = load(path)
    notes = state["about"] if isinstance(state, dict) else {}
    try:
        reading, settings = (
            _restore(Reading, notes["reading"]),
            _restore(Settings, notes["settings"]),
        )
        command = Command(notes["data"], reading, settings, Path(notes["folder"]))
        _check_types(command)
        digest, done = notes["digest"], len(state["rows"]) - 1
    except (KeyError, TypeError) as error:
        message = f"no checkpoint of train ({error}); expected one that train wrote"
        raise ModelFileError(f"{path}: {message}") from None
    settings = _extend(settings, done, epochs, patience, f"{folder}: " if has_ended else "")
    command = replace(command, settings=settings)
    if not Path(command.place).exists() and Path(command.data).exists():
        command = replace(command, folder=Path.cwd())  # both were moved
    table = command.read()
    if _digest(table.dataset) != digest:
        raise ArgumentError(
            f"{command.data}: the data is not what the training began with; "
            f"expected the same rows: bring them back, or train anew"
        )
    return command, table, state


def _extend(
    settings: Settings, done: int, epochs: int | None, patience: int | None, ended: str
) -> Settings:
    """The settings with more epochs, and more patience; `ended` names a training that has ended.

    Raises ArgumentError where it would end at once.
    """
    before = settings.early_stopping
    after = before if patience is None else patience
    if (before > 0) != (after > 0):
        raise ArgumentError(
            f"--early-stopping is {after}, and the training began with {before}; expected none of "
            f"them to be 0, or both: it decides which rows are learned from"
        )
    if epochs is not None and epochs <= done:
        raise ArgumentError(f"--epochs is {epochs}, and {done} are done; expected more")
    if ended and done < settings.epochs and after <= before:
        raise ArgumentError(
            f"{ended}the training stopped early, after {done} epochs; "
            f"add --early-stopping {2 * before}, which is more than {before}, to go on"
        )
    if ended and done >= settings.epochs and epochs is None:
        raise ArgumentError(
            f"{ended}the training has ended, after {done} epochs; "
            f"add --epochs {done + DEFAULT.epochs} to go on until so many are done"
        )
    return check(replace(settings, epochs=epochs or settings.epochs, early_stopping=after))


def _restore(kind: Callable[..., _T], given: dict[str, Any]) -> _T:
    """Settings from plain JSON, each of the type that its default has."""
    default = kind()
    restored = kind(**{key: tuple(x) if isinstance(x, list) else x for key, x in {**given}.items()})
    for name, value in vars(restored).items():
        usual = getattr(default, name)
        due = (str, type(None)) if usual is None else type(usual)
        if not isinstance(value, due) or isinstance(value, bool):
            raise TypeError(f"{name} is {value!r:.80}")
    return restored


def _check_types(command: Command) -> None:
    widths = command.settings.hidden
    if not all(isinstance(width, int) and width >= 1 for width in widths):
        raise TypeError(f"hidden is {widths!r:.80}")
    names = (command.data, *command.reading.features, *command.reading.drop)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"data or a column is {name!r:.80}")
    check(command.settings)


def _digest(rows: Dataset) -> str:
    return hashlib.sha256(repr(vars(rows)).encode()).hexdigest()
