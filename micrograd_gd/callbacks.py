"""What may happen after each epoch of a training: stop early, save, log, change the learning rate.

A callback is called with the history after every row. `history.run` is the training itself. One
that has a method `on_end` gets the history there once more when the run has ended, however it did.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.persist import save

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from micrograd_gd.history import History, Row
    from micrograd_gd.optim import Schedule


class _Record:
    """The best that a figure of a run has been, and whether it is long ago.

    A loss is better the lower, an accuracy the higher it is. Left out, the figure is the loss on
    the validation samples, or without these the training loss. ``is_best`` and ``is_overdue`` tell
    of the last row: it is the best so far; it is another ``patience`` epochs without a better one.
    """

    def __init__(
        self, monitor: str | None, min_improvement: float, patience: float = math.inf
    ) -> None:
        if not min_improvement >= 0:
            raise ArgumentError(f"min_improvement is {min_improvement}; expected at least 0")
        self.monitor, self.min_improvement, self.patience = monitor, min_improvement, patience
        self._history: History | None = None

    def look(self, history: History) -> None:
        """See the last row; of another run than before, all rows: one that is resumed has some."""
        if history is self._history:
            self._see(history.rows[-1])
            return
        self._history = history
        self._height = math.inf
        for row in history.rows:
            self._see(row)

    def _see(self, row: Row) -> None:
        name, epoch = self.name(row), int(row["epoch"])
        height = -row[name] if name.endswith("accuracy") else row[name]
        limit = self._height - self.min_improvement
        self.is_best = height < limit or self._height == math.inf
        if self.is_best:
            self._height, self.figure = height, row[name]
            self.epoch = self._since = epoch
        self.is_overdue = epoch - self._since >= self.patience
        if self.is_overdue:
            self._since = epoch

    def name(self, known: Row) -> str:
        """The figure to look at, of those of a row."""
        if self.monitor is None:
            return "validation_loss" if "validation_loss" in known else "loss"
        if self.monitor not in known:
            names = ", ".join(known)
            raise ArgumentError(f"no figure {self.monitor!r} to monitor; expected one of {names}")
        return self.monitor


class EarlyStopping:
    """Stop once a figure has not become better for ``patience`` epochs, and go back to its best.

    ``monitor`` is a column of the history: a loss is to fall, an accuracy to rise, each time by
    more than ``min_improvement``. Left out, it is the loss on the validation samples, or without
    these the training loss. ``ArgumentError`` for a column that is not there.

    The state of a run does not hold the parameters of that best epoch. Where the run was resumed
    after it, the model stays as it is in the end, and the message says so.

    >>> from micrograd_gd import MLP
    >>> from micrograd_gd.training import fit
    >>> stopping = EarlyStopping(patience=3, min_improvement=0.1)
    >>> fit(MLP(1, 1, seed=0), [[0.0], [1.0]], [1.0, 3.0], callbacks=[stopping]).status
    'stopped'
    """

    def __init__(
        self, patience: int = 10, *, monitor: str | None = None, min_improvement: float = 0.0
    ) -> None:
        _check_patience(patience)
        self.patience = patience
        self._record = _Record(monitor, min_improvement)
        self._best: tuple[History, int, list[float]] | None = None

    def __call__(self, history: History) -> None:
        """Look at the last row, and stop if it has been too long."""
        record, run = self._record, history.run
        record.look(history)
        if record.is_best:
            numbers = [parameter.data for parameter in run.optimiser.parameters]
            self._best = history, record.epoch, numbers
        if history.rows[-1]["epoch"] - record.epoch >= self.patience:
            reason = (
                f"stopped early: {record.name(history.rows[-1])} was best in epoch {record.epoch}, "
                f"{record.figure:.4g}, and not better in the {self.patience} epochs since"
            )
            if self._best is not None and self._best[0] is history:
                run.stop(reason, self._best[2])
            else:
                run.stop(f"{reason}; the run was resumed later, so the model stays as it is")


class BestCheckpoint:
    """Save the model each time that a figure is the best so far.

    ``monitor`` is that of ``EarlyStopping``; ``thing`` is what to save, if not the model itself,
    such as the ``Predictor`` that the model is part of.
    """

    def __init__(
        self, path: str | PathLike[str], *, monitor: str | None = None, thing: Any = None
    ) -> None:
        self.path, self.thing = path, thing
        self._record = _Record(monitor, 0.0)

    def __call__(self, history: History) -> None:
        """Save, if the last row is the best so far."""
        self._record.look(history)
        if self._record.is_best:
            save(self.path, history.run.model if self.thing is None else self.thing)


class Checkpoint:
    """Save the run, so that it can be resumed from there, at most once in so many ``seconds``.

    And when the run has ended, so that more epochs can follow. Saving never takes more than a
    twentieth of the time of the training. What was there stays until the new file is whole:
    whenever the process ends, there is a checkpoint to resume from. ``notes``, plain JSON, are kept
    with the state, as its ``about``. ``ArgumentError`` for ``seconds`` below 0.
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
            history.run.about = self.notes
        begun = time.monotonic()
        if history is not self._history or begun >= self._due:
            save(self.path, history.run)
            done = time.monotonic()
            self._due = done + max(self.seconds, 20 * (done - begun)) if self.seconds else done
        self._history = history

    def on_end(self, history: History) -> None:
        """Save the last state."""
        save(self.path, history.run)


class Log:
    """Hand each row on: ``Log(tracker.log)`` calls ``log({"loss": …}, step=epoch)``.

    That is what experiment trackers take. ``prefix`` is put before each name.

    >>> from micrograd_gd.history import History
    >>> Log(lambda figures, step: print(step, figures))(History([{"epoch": 0, "loss": 2.0}]))
    0 {'loss': 2.0}
    """

    def __init__(self, log: Callable[..., Any], *, prefix: str = "") -> None:
        self.log, self.prefix = log, prefix

    def __call__(self, history: History) -> None:
        """Hand the last row on."""
        row = history.rows[-1]
        figures = {f"{self.prefix}{name}": x for name, x in row.items() if name != "epoch"}
        self.log(figures, step=int(row["epoch"]))


class LearningRateSchedule:
    """Set the learning rate of the next epoch to ``schedule(epochs done)``.

    A schedule given to ``fit`` as the learning rate counts steps instead. ``ArgumentError`` where
    the schedule gives no rate above 0.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def __call__(self, history: History) -> None:
        """Set the rate of the next epoch."""
        history.run.optimiser.learning_rate = self.schedule(int(history.rows[-1]["epoch"]))


class ReduceOnPlateau:
    """Multiply the learning rate by ``factor`` after ``patience`` epochs without improvement.

    ``monitor`` and ``min_improvement`` are those of ``EarlyStopping``. ``ArgumentError`` for a
    factor outside (0, 1), and where the learning rate is a schedule.
    """

    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 10,
        *,
        monitor: str | None = None,
        min_improvement: float = 0.0,
    ) -> None:
        if not 0 < factor < 1:
            raise ArgumentError(f"factor is {factor}; expected a number between 0 and 1")
        _check_patience(patience)
        self.factor, self.patience = factor, patience
        self._record = _Record(monitor, min_improvement, patience)

    def __call__(self, history: History) -> None:
        """Look at the last row, and reduce the rate if it has been too long."""
        self._record.look(history)
        if self._record.is_overdue:
            optimiser = history.run.optimiser
            if callable(optimiser.learning_rate):
                raise ArgumentError("the learning rate is a schedule; expected a number to reduce")
            optimiser.learning_rate *= self.factor


def _check_patience(patience: int) -> None:
    if not (isinstance(patience, int) and patience >= 1):
        raise ArgumentError(f"patience is {patience!r}; expected a whole number, at least 1")
