"""Training: a model, its samples and a loss in; gradient descent, epoch after epoch; a history out.

Row k of the history tells how the model does on all samples after k epochs, so row 0 is the random
start.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from numbers import Integral
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from micrograd_gd.errors import ArgumentError, DivergedError, ShapeError
from micrograd_gd.files import write_file
from micrograd_gd.losses import LOSSES, loss_function
from micrograd_gd.modes import no_grad
from micrograd_gd.operation import shortened
from micrograd_gd.optim import GradientDescent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from os import PathLike

    from micrograd_gd.optim import Schedule

Row = dict[str, float]

# Whether a prediction names the right class, for the losses whose targets are classes.
_IS_RIGHT: dict[str, Callable[[Any, Any], bool]] = {
    "cross_entropy": lambda scores, t: max(range(len(scores)), key=scores.__getitem__) == t,
    "binary_cross_entropy": lambda score, t: (score > 0) == (t > 0.5),
    "hinge": lambda score, t: (score > 0) == (t > 0),
}


@dataclass
class History:
    """What happened: a row of figures for each epoch, and how it ended.

    Row k holds ``epoch`` k, the ``loss`` and, where targets are classes, the ``accuracy`` (0 to 1)
    over the training samples after k epochs; ``validation_loss`` and ``validation_accuracy`` where
    validation samples were given. ``message`` says in one line how the run ended.

    >>> history = History([{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 0.5}])
    >>> history.column("loss"), history.best_epoch
    ([2.0, 0.5], 1)
    """

    rows: list[Row] = field(default_factory=list)
    status: Literal["completed", "diverged", "interrupted"] = "completed"
    message: str = ""

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

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def fit(
    model: Any,
    inputs: Sequence[Any],
    targets: Sequence[Any],
    *,
    loss: str | Callable[[Any, Any], Any] = "mse",
    learning_rate: float | Schedule = 0.1,
    epochs: int = 100,
    batch_size: int | None = None,
    validation: tuple[Sequence[Any], Sequence[Any]] | None = None,
    seed: int | None = 0,
    callbacks: Iterable[Callable[[History], Any]] = (),
) -> History:
    """Train ``model`` in place by gradient descent and tell its history.

    ``model`` is called with one row of ``inputs`` at a time and has ``parameters()``. ``loss`` is
    a name in ``LOSSES`` or a function of all predictions and targets. A step uses all samples, or
    ``batch_size`` of them, drawn without repetition in an order that ``seed`` decides. The
    ``validation`` samples are measured only, after every epoch. Each of the ``callbacks`` gets the
    history after every row.

    Where a loss or a gradient is no longer finite, and on Ctrl-C, training stops, the parameters
    go back to those of the lowest training loss, and the history's ``status`` says so.
    ``ArgumentError`` for settings out of range, ``ShapeError`` for lengths that differ.

    >>> from micrograd_gd.nn import MLP
    >>> history = fit(MLP(1, 1, seed=0), [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], epochs=50)
    >>> history.status, history.rows[-1]["loss"] < 0.01
    ('completed', True)
    """
    _check_whole("epochs", epochs)
    _check_whole("batch_size", 1 if batch_size is None else batch_size)
    samples = _Samples("training", model, loss_function(loss), inputs, targets)
    held_out = validation and _Samples("validation", model, loss_function(loss), *validation)
    optimiser = GradientDescent(model.parameters(), learning_rate)
    order = Random(seed)  # noqa: S311 — an order of samples, no secret
    history = History(message=f"completed {epochs} epochs")
    best, lowest, epoch = _numbers(optimiser), math.inf, 0
    try:
        for epoch in range(epochs + 1):
            if epoch:
                for measured in samples.losses(batch_size, order):
                    _descend(optimiser, measured)
            row = samples.measure(recorded=batch_size is None)
            history.rows.append({"epoch": epoch, **row, **_validated(held_out)})
            if row["loss"] < lowest:
                best, lowest = _numbers(optimiser), row["loss"]
            for callback in callbacks:
                callback(history)
    except DivergedError as error:
        cause = str(error).partition("; ")[0]  # what follows tells of a single step
        history.status, history.message = "diverged", f"diverged in epoch {epoch}: {cause}"
    except KeyboardInterrupt:
        history.status, history.message = "interrupted", f"interrupted in epoch {epoch} of {epochs}"
    if history.status != "completed":
        for parameter, number in zip(optimiser.parameters, best, strict=True):
            parameter.data = number
    return history


class _Samples:
    """Rows with their targets, as seen by one model and one loss."""

    def __init__(
        self,
        part: str,
        model: Any,
        loss: Callable[[Any, Any], Any],
        inputs: Sequence[Any],
        targets: Sequence[Any],
    ) -> None:
        if len(inputs) != len(targets):
            counts = f"{len(inputs)} {part} inputs and {len(targets)} targets"
            raise ShapeError(f"{counts}; expected one target for each input")
        if len(inputs) == 0:
            raise ArgumentError(f"no {part} samples; expected at least one")
        self.model, self.loss, self.inputs, self.targets = model, loss, inputs, targets
        self.is_right = _IS_RIGHT.get(loss.__name__) if loss in LOSSES.values() else None
        self.measured: Any = None

    def losses(self, batch_size: int | None, order: Random) -> Iterator[Any]:
        """The losses of one epoch, each computed when asked for; all samples once, in some order.

        Without a batch size, that is the one that was measured last.
        """
        if batch_size is None:
            yield self.measured
            return
        rows = list(range(len(self.inputs)))
        order.shuffle(rows)
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            predictions = [self.model(self.inputs[i]) for i in batch]
            yield self.loss(predictions, [self.targets[i] for i in batch])

    def measure(self, *, recorded: bool = False) -> Row:
        """The loss over all samples and, where targets are classes, the accuracy."""
        if not recorded:
            with no_grad():
                return self.measure(recorded=True)
        predictions = [self.model(row) for row in self.inputs]
        self.measured = self.loss(predictions, self.targets)
        row = {"loss": float(getattr(self.measured, "data", self.measured))}
        if not math.isfinite(row["loss"]):
            raise DivergedError(f"the loss is {row['loss']}")
        if self.is_right is not None:
            right = map(self.is_right, predictions, self.targets)
            row["accuracy"] = sum(right) / len(self.targets)
        return row


def _descend(optimiser: GradientDescent, loss: Any) -> None:
    """One step against the gradient of a loss."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _validated(held_out: _Samples | None) -> Row:
    row = {} if held_out is None else held_out.measure()
    return {f"validation_{name}": figure for name, figure in row.items()}


def _numbers(optimiser: GradientDescent) -> list[float]:
    return [parameter.data for parameter in optimiser.parameters]


def _check_whole(name: str, value: Any) -> None:
    if not (isinstance(value, Integral) and int(value) >= 1):
        raise ArgumentError(f"{name} is {shortened(value)}; expected a whole number, at least 1")
