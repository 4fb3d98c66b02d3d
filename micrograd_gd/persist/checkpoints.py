"""Callbacks that save: the best model so far, or the training, to be resumed from there."""

import math
import time
from os import PathLike
from typing import Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.persist import save
from micrograd_gd.training.callbacks import Best
from micrograd_gd.training.history import History


class BestCheckpoint:
    """Save the model each time that a figure is the best so far.

    `monitor` is that of `EarlyStopping`; `thing` is what to save, if not the model itself,
    such as the `Predictor` that the model belongs to.
    """

    def __init__(
        self, path: str | PathLike[str], *, monitor: str | None = None, thing: Any = None
    ) -> None:
        self.path, self.thing = path, thing
        self._best_row = Best(monitor, 0.0)

    def __call__(self, history: History) -> None:
        """Save, if the last row is the best so far."""
        self._best_row.look(history)
        if self._best_row.is_best:
            save(history.training.model if self.thing is None else self.thing, self.path)


class Checkpoint:
    """Save the training, at most once in so many `seconds`, so that it can be resumed.

    It is saved once more when it has ended, so that more epochs can follow. Saving never takes more
    than a twentieth of the training's time. What was there stays until the new file is whole:
    whenever the process ends, there is a checkpoint to resume from. `notes`, plain JSON, are kept
    with the state, as its `about`.

    Raises ArgumentError for `seconds` below 0.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        seconds: float = 5.0,
        notes: dict[str, Any] | None = None,
    ) -> None:
        if not 0 <= seconds < math.inf:
            raise ArgumentError(f"seconds is {seconds}; expected a finite number, at least 0")
        self.path, self.seconds, self.notes = path, seconds, notes
        self._history: History | None = None
        self._due = -math.inf

    def __call__(self, history: History) -> None:
        """Save, if it is time."""
        if self.notes is not None:
            history.training.about = self.notes
        begun = time.monotonic()
        if history is not self._history or begun >= self._due:
            save(history.training, self.path)
            done = time.monotonic()
            self._due = done + max(self.seconds, 20 * (done - begun)) if self.seconds else done
        self._history = history

    def on_end(self, history: History) -> None:
        """Save the last state."""
        save(history.training, self.path)
