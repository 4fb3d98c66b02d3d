"""The history of a training: a row of figures for each epoch, and how it ended."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Literal

from micrograd_gd.errors import ArgumentError
from micrograd_gd.files import write_file

Figures = dict[str, float]


@dataclass(repr=False)
class History:
    """What happened in a training: a row of figures for each epoch, and how it ended.

    Row k holds `epoch` k, the `loss` and, where targets are classes, the `accuracy` (0 to 1)
    over the training samples after k epochs; `validation_loss` and `validation_accuracy` where
    validation samples were given. `message` says in one line how the training ended. `training` is
    the training itself, with its model, its optimizer and its state.

    >>> history = History([{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 0.5}])
    >>> history.column("loss"), history.best_epoch
    ([2.0, 0.5], 1)
    >>> history
    History(completed)
      epoch 0: loss 2
      epoch 1: loss 0.5, the lowest
    """

    rows: list[Figures] = field(default_factory=list)
    status: Literal["completed", "stopped", "diverged", "interrupted"] = "completed"
    message: str = ""
    training: Any = field(default=None, repr=False, compare=False)

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest training loss; 0 before there is any."""
        losses = self.column("loss")
        return losses.index(min(losses)) if losses else 0

    def column(self, name: str) -> list[float]:
        """One figure over all epochs.

        Raises ArgumentError for a name that the rows do not have.
        """
        if self.rows and name not in self.rows[0]:
            known = ", ".join(self.rows[0])
            raise ArgumentError(f"no column {name!r} in the history; expected one of {known}")
        return [row[name] for row in self.rows]

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the rows below a header, every digit kept.

        Raises OSError if the file cannot be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.rows[0] if self.rows else ["epoch", "loss"])
        writer.writerows(row.values() for row in self.rows)
        write_file(path, text.getvalue().encode())

    def __repr__(self) -> str:
        """How it ended, and the first row, that of the lowest loss, and the last."""
        lines = [f"History({self.message or self.status})"]
        best = self.best_epoch
        for k in sorted({0, best, len(self.rows) - 1} & {*range(len(self.rows))}):
            figures = {name: f"{name} {x:.4g}" for name, x in self.rows[k].items()}
            if k == best:
                figures["loss"] += ", the lowest"
            epoch, *others = figures.values()
            lines.append(f"  {epoch}: {', '.join(others)}")
        return "\n".join(lines)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "training": None}  # a copy says what happened; it cannot go on

    def __iter__(self) -> Iterator[Figures]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)
