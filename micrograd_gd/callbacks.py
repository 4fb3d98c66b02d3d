"""What may happen after each epoch of a training: stop early, save, log, change the learning rate.

A callback is called with the history after every row. `history.run` is the training itself.
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

    from micrograd_gd.history import History
    from micrograd_gd.optim import Schedule


class _Record:
    """Whether a figure of the last row is the best so far.

    A loss is better the lower, an accuracy the higher it is. Left out, the figure is the loss on
    the validation samples, or without these the training loss.
    """

    def __init__(self, monitor: str | None, min_improvement: float) -> None:
        if not min_improvement >= 0:
            raise ArgumentError(f"min_improvement is {min_improvement}; expected at least 0")
        self.monitor, self.min_improvement = monitor, min_improvement
        self.height, self.epoch, self.figure = math.inf, 0, math.nan

    def is_set_by(self, history: History) -> bool:
        """Look at the last row, or at all rows where this is the first of a resumed run."""
        rows = history.rows[-1:] if self.height < math.inf else history.rows
        return [self._is_set_by(history, row) for row in rows][-1]

    def _is_set_by(self, history: History, row: dict[str, float]) -> bool:
        name = self.name(history)
        height = -row[name] if name.endswith("accuracy") else row[name]
        if height < self.height - self.min_improvement or self.height == math.inf:
            self.height, self.epoch, self.figure = height, int(row["epoch"]), row[name]
            return True
        return False

    def name(self, history: History) -> str:
        known = history.rows[-1]
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
        self._best: list[float] = []

    def __call__(self, history: History) -> None:
        """Look at the last row, and stop if it has been too long."""
        parameters = history.run.optimiser.parameters
        record = self._record
        if record.is_set_by(history) or not self._best:
            self._best = [parameter.data for parameter in parameters]
        if history.rows[-1]["epoch"] - record.epoch >= self.patience:
            name = record.name(history)
            reason = (
                f"stopped early: {name} was best in epoch {record.epoch}, {record.figure:.4g}, "
                f"and not better in the {self.patience} epochs since"
            )
            history.run.stop(reason, self._best)


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
        if self._record.is_set_by(history):
            save(self.path, history.run.model if self.thing is None else self.thing)


class Checkpoint:
    """Save the run, so that it can be resumed from there, at most once in so many ``seconds``.

    Saving never takes more than a twentieth of the time of the training. What was there stays until
    the new file is whole: whenever the process ends, there is a checkpoint to resume from.
    ``notes``, plain JSON, are kept with the state, as its ``about``.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        seconds: float = 5.0,
        notes: dict[str, Any] | None = None,
    ) -> None:
        self.path, self.seconds, self.notes = path, seconds, notes
        self._due = -math.inf

    def __call__(self, history: History) -> None:
        """Save, if it is time."""
        if self.notes is not None:
            history.run.about = self.notes
        begun = time.monotonic()
        if begun >= self._due:
            save(self.path, history.run)
            done = time.monotonic()
            self._due = done + max(self.seconds, 20 * (done - begun)) if self.seconds else done


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
        self._record = _Record(monitor, min_improvement)
        self._since = 0

    def __call__(self, history: History) -> None:
        """Look at the last row, and reduce the rate if it has been too long."""
        epoch = int(history.rows[-1]["epoch"])
        if self._record.is_set_by(history):
            self._since = epoch
        elif epoch - self._since >= self.patience:
            optimiser = history.run.optimiser
            if callable(optimiser.learning_rate):
                raise ArgumentError("the learning rate is a schedule; expected a number to reduce")
            optimiser.learning_rate *= self.factor
            self._since = epoch


def _check_patience(patience: int) -> None:
    if not (isinstance(patience, int) and patience >= 1):
        raise ArgumentError(f"patience is {patience!r}; expected a whole number, at least 1")
