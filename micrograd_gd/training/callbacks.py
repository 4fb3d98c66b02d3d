"""What may happen after each epoch of a training: stop early, log, change the learning rate.

A callback is called with the history after every row. `history.training` is the training itself.
A callback with a method `on_end` gets the history there once more when the training has ended,
however it did.
"""

import math
from collections.abc import Callable
from typing import Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.schedules import Schedule
from micrograd_gd.table.numbers import require_count
from micrograd_gd.training.history import Figures, History


class Best:
    """The best value that a figure of a training has had, and how long ago that was.

    Lower is better for a loss, higher for an accuracy. The default figure is the loss on the
    validation samples, or without these the training loss. Of the last row, `is_best` says whether
    it is the best so far, and `is_overdue` whether another `patience` epochs brought no better one.
    """

    def __init__(
        self, monitor: str | None, min_improvement: float, patience: float = math.inf
    ) -> None:
        if not min_improvement >= 0:
            raise ArgumentError(f"min_improvement is {min_improvement}; expected at least 0")
        self.monitor, self.min_improvement, self.patience = monitor, min_improvement, patience
        self._history: History | None = None

    def look(self, history: History) -> None:
        """See the last row; at first all rows, because a resumed training has some already."""
        if history is self._history:
            self._see(history.rows[-1])
            return
        self._history = history
        self._height = math.inf
        for row in history.rows:
            self._see(row)

    def _see(self, row: Figures) -> None:
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

    def name(self, known: Figures) -> str:
        """The name of the figure to look at."""
        if self.monitor is None:
            return "validation_loss" if "validation_loss" in known else "loss"
        if self.monitor not in known:
            names = ", ".join(known)
            raise ArgumentError(f"no figure {self.monitor!r} to monitor; expected one of {names}")
        return self.monitor


class EarlyStopping:
    """Stop once a figure has not improved for `patience` epochs, and go back to its best.

    `monitor` is a column of the history. A loss must fall and an accuracy must rise, each by more
    than `min_improvement`. The default is the loss on the validation samples, or without these the
    training loss.

    The best parameters are kept with the state of the training, if this comes before `Checkpoint`.
    Where they were not kept, the model stays as it is in the end, and the message says so.

    Raises ArgumentError for a column that is not there.

    >>> from micrograd_gd import MLP
    >>> from micrograd_gd import fit
    >>> stopping = EarlyStopping(patience=3, min_improvement=0.1)
    >>> fit(MLP(1, 1, seed=0), [[0.0], [1.0]], [1.0, 3.0], callbacks=[stopping]).status
    'stopped'
    """

    def __init__(
        self, patience: int = 10, *, monitor: str | None = None, min_improvement: float = 0.0
    ) -> None:
        self.patience = require_count("patience", patience)
        self._best_row = Best(monitor, min_improvement)

    def __call__(self, history: History) -> None:
        """Look at the last row, and stop if it has been too long."""
        record, training = self._best_row, history.training
        record.look(history)
        name = record.name(history.rows[-1])
        key = f"{name} by {record.min_improvement:g}"
        if record.is_best:
            numbers = [parameter.data for parameter in training.optimizer.parameters]
            training.kept[key] = record.epoch, numbers
        if history.rows[-1]["epoch"] - record.epoch >= self.patience:
            reason = (
                f"stopped early: {name} was best in epoch {record.epoch}, "
                f"{record.figure:.4g}, and not better in the {self.patience} epochs since"
            )
            epoch, numbers = training.kept.get(key, (-1, []))
            if epoch == record.epoch:
                training.stop(reason, numbers)
            else:
                training.stop(f"{reason}; its parameters were not kept: the model stays as it is")


class Log:
    """Hand each row on: `Log(tracker.log)` calls `log({"loss": …}, step=epoch)`.

    Experiment trackers take this form. `prefix` is put before each name.

    >>> from micrograd_gd.training.history import History
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
    """Set the learning rate of the next epoch to `schedule(epochs done)`.

    A schedule given to `fit` as the learning rate counts steps instead.

    Raises ArgumentError where the schedule gives no rate above 0.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def __call__(self, history: History) -> None:
        """Set the rate of the next epoch."""
        history.training.optimizer.learning_rate = self.schedule(int(history.rows[-1]["epoch"]))


class ReduceOnPlateau:
    """Multiply the learning rate by `factor` after `patience` epochs without improvement.

    `monitor` and `min_improvement` are those of `EarlyStopping`.

    Raises ArgumentError for a factor outside (0, 1), and where the learning rate is a schedule.
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
        self.factor, self.patience = factor, require_count("patience", patience)
        self._best_row = Best(monitor, min_improvement, patience)

    def __call__(self, history: History) -> None:
        """Look at the last row, and reduce the rate if it has been too long."""
        self._best_row.look(history)
        if self._best_row.is_overdue:
            optimizer = history.training.optimizer
            if callable(optimizer.learning_rate):
                raise ArgumentError("the learning rate is a schedule; expected a number to reduce")
            optimizer.learning_rate *= self.factor
