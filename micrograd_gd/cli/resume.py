"""What a checkpoint notes of its command, and that command read back."""

import hashlib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from micrograd_gd.cli.experiment import Settings
from micrograd_gd.cli.options import check, dataset
from micrograd_gd.cli.place import CHECKPOINT
from micrograd_gd.data import Dataset
from micrograd_gd.errors import ArgumentError, ModelFileError
from micrograd_gd.persist import load


@dataclass(frozen=True)
class Command:
    """What decides a training: the data, how to read it, the settings.

    The path of the data starts from `folder`.
    """

    data: str
    target: str | None
    task: str
    settings: Settings
    folder: Path = field(default_factory=Path.cwd)

    @property
    def place(self) -> str:
        """The data as seen from here."""
        is_seen = self.data == "iris" or self.folder == Path.cwd()
        return self.data if is_seen else str(self.folder / self.data)

    def dataset(self) -> Dataset:
        """The rows to learn from."""
        return dataset(self.place, self.target, self.task, self.settings.loss)

    def notes(self, rows: Dataset) -> dict[str, Any]:
        """What a checkpoint keeps, to find the same data again and to recognize it."""
        return {
            "data": self.data,
            "folder": str(self.folder),
            "target": self.target,
            "task": self.task,
            "settings": asdict(self.settings),
            "digest": _digest(rows),
        }


def read_checkpoint(folder: Path) -> tuple[Command, Dataset, dict[str, Any]]:
    """The command that was interrupted, its data, and the state of its training.

    Raises ModelFileError where there is none to resume, ArgumentError where the data has changed.
    """
    path = folder / CHECKPOINT
    if folder.is_dir() and not path.exists():
        expected = f"expected {CHECKPOINT} in it, which a training leaves until it has ended"
        raise ModelFileError(f"{folder}: no interrupted training here; {expected}")
    state = load(path)
    notes = state["about"] if isinstance(state, dict) else {}
    try:
        given, home = (notes["data"], notes["target"], notes["task"]), Path(notes["folder"])
        command = Command(*given, _settings(notes), home)
        _check_types(command)
        digest = notes["digest"]
    except (KeyError, TypeError) as error:
        message = f"no checkpoint of train ({error}); expected one that train wrote"
        raise ModelFileError(f"{path}: {message}") from None
    if not Path(command.place).exists() and Path(command.data).exists():
        command = replace(command, folder=Path.cwd())  # both were moved
    rows = command.dataset()
    if _digest(rows) != digest:
        raise ArgumentError(
            f"{command.data}: the data is not what the training began with; "
            f"expected the same rows: bring them back, or train anew"
        )
    return command, rows, state


def _settings(notes: dict[str, Any]) -> Settings:
    given = notes["settings"]
    return Settings(**{**given, "hidden": tuple(given["hidden"])})


def _check_types(command: Command) -> None:
    settings = command.settings
    for name in (each.name for each in fields(Settings)):
        default, value = getattr(Settings(), name), getattr(settings, name)
        due = (str, type(None)) if default is None else type(default)
        if not isinstance(value, due) or isinstance(value, bool):
            raise TypeError(f"{name} is {value!r:.80}")
    widths = settings.hidden
    if not all(isinstance(width, int) and width >= 1 for width in widths):
        raise TypeError(f"hidden is {widths!r:.80}")
    if not isinstance(command.data, str) or not isinstance(command.target, (str, type(None))):
        raise TypeError(f"data is {command.data!r:.80}, target {command.target!r:.80}")
    check(settings)


def _digest(rows: Dataset) -> str:
    return hashlib.sha256(repr(vars(rows)).encode()).hexdigest()
