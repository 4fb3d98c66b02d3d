"""What a training tells: a row of figures for each epoch, and how it ended."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from micrograd_gd.errors import ArgumentError
from micrograd_gd.files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

Row = dict[str, float]


@dataclass
class History:
    """What happened: a row of figures for each epoch, and how it ended.

    Row k holds ``epoch`` k, the ``loss`` and, where targets are classes, the ``accuracy`` (0 to 1)
    over the training samples after k epochs; ``validation_loss`` and ``validation_accuracy`` where
    validation samples were given. ``message`` says in one line how the run ended. ``run`` is the
    training itself, a `Run` of `training`: its model, its optimizer, its state.

    >>> history = History([{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 0.5}])
    >>> history.column("loss"), history.best_epoch
    ([2.0, 0.5], 1)
    """

    rows: list[Row] = field(default_factory=list)
    status: Literal["completed", "stopped", "diverged", "interrupted"] = "completed"
    message: str = ""
    run: Any = field(default=None, repr=False, compare=False)

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest training loss; 0 before there is any."""
        losses = self.column("loss")
        return losses.index(min(losses)) if losses else 0

    def column(self, name: str) -> list[float]:
        """One figure over all epochs; ``ArgumentError`` for a name that the rows do not have."""
        if self.rows and name not in self.rows[0]:
            known = ", ".join(self.rows[0])
            raise ArgumentError(f"no column {name!r} in the history; expected one of {known}")
        return [row[name] for row in self.rows]

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the rows below a header, every digit kept; ``OSError`` if that cannot be done."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.rows[0] if self.rows else ["epoch", "loss"])
        writer.writerows(row.values() for row in self.rows)
        write_file(path, text.getvalue().encode())

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "run": None}  # a copy tells what happened; it does not go on

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)
