"""Training: a model, its samples and a loss in; gradient descent, epoch after epoch; a history out.

Row k of the history says how the model does on all samples after k epochs, so row 0 is the random
start.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from micrograd_gd.errors import ArgumentError, DivergedError, MicrogradError
from micrograd_gd.losses import loss_function
from micrograd_gd.optim import GradientDescent, Optimizer
from micrograd_gd.progress import open_bar
from micrograd_gd.schedules import Schedule
from micrograd_gd.table.numbers import generator, number, require_count, shorten
from micrograd_gd.text import escape
from micrograd_gd.training.chunks import Chunks
from micrograd_gd.training.history import Figures, History
from micrograd_gd.training.samples import CompiledSamples, Samples, Source


def fit(
    model: Any,
    inputs: Any,
    targets: Sequence[Any] | None = None,
    *,
    sample_weight: Sequence[float] | None = None,
    loss: str | Callable[[Any, Any], Any] = "mse",
    learning_rate: float | Schedule | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    validation: tuple[Sequence[Any], Sequence[Any]] | None = None,
    shuffle: bool = True,
    seed: int | Random | None = None,
    optimizer: Optimizer | None = None,
    callbacks: Iterable[Callable[[History], Any]] = (),
    progress: bool | None = None,
    resume: Mapping[str, Any] | None = None,
    compiled: bool = False,
    executor: Any = None,
) -> History:
    """Train `model` in place by gradient descent; its history is returned.

    `model` is called with one row of `inputs` at a time and has `parameters()`. `loss` is
    a name in `LOSSES` or a function of all predictions and targets. A step uses all samples, or
    `batch_size` of them, drawn without repetition in an order that `seed` decides; None takes
    Python's own generator, the module `random`. Without `shuffle` they are taken as they stand.
    `sample_weight` says how much each sample counts, beside one of the named losses: the loss is
    then the weighted mean. The `validation` samples are only measured, after every epoch. Steps are
    those of plain gradient descent, with `learning_rate` a number or a schedule, 0.1 where none is
    given, or those of an `optimizer`, which has a rate of its own.

    Each of the `callbacks` gets the history after every row. A bar shows the progress in a
    terminal and in a notebook, where tqdm is installed, unless `progress` is False; True asks for
    it, and raises ImportError without tqdm. `resume` goes on from a state that
    `history.training.state_dict()` gave, as if the training had not been interrupted. Only the
    callbacks are new: they see the rows from before, not the parameters of those epochs. With
    `compiled`, steps run as programs, many times faster. The model is then traced for a whole
    batch, and sums over the batch are added in another order. Where there are batches, the rule of
    an optimizer in `OPTIMIZERS` is part of the program, which leaves gradients at 0.

    Without `targets`, `inputs` are chunks: tuples of inputs, targets and weights if any, in arrays,
    or functions that load them, in a list or from a function that makes an iterator of them. So
    the data need not fit into memory. A step on all samples adds up the chunks by
    `micrograd_gd.scale.over`, on its `executor`; a batch stays within its chunk.

    Where a loss or a gradient is no longer finite, and on Ctrl-C, training stops, the parameters go
    back to those of the lowest training loss, and the history's `status` says so; so, too, where
    the loss ends at more than ten times that of the start.

    Raises ArgumentError for settings out of range, for an `optimizer` that has none of the model's
    parameters, for a `learning_rate` beside it, and where a call makes a parameter; ShapeError
    for lengths that differ, NotANumberError for samples that are no rows and for a loss that is
    no value, JitError for what cannot be compiled.

    >>> from micrograd_gd import MLP
    >>> history = fit(MLP(1, 1, seed=0), [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], epochs=50)
    >>> history.status, history.rows[-1]["loss"] < 0.01
    ('completed', True)
    """
    epochs = require_count("epochs", epochs)
    batch_size = None if batch_size is None else require_count("batch_size", batch_size)
    steps = _choose_optimizer(model, optimizer, learning_rate)
    measure, trained = loss_function(loss), steps.parameters
    is_compiled = compiled or targets is None
    kind = partial(CompiledSamples, trained=trained, epochs=epochs) if is_compiled else Samples
    samples: Source
    if targets is None:
        if sample_weight is not None:
            raise ArgumentError("sample_weight beside chunks; expected it in them, as third part")
        samples = Chunks(model, measure, inputs, executor, trained, progress=progress)
    elif executor is not None:
        raise ArgumentError("an executor for samples in one memory; expected chunks, no targets")
    else:
        samples = kind("training", model, measure, inputs, targets, sample_weight)
    held_out = validation and kind("validation", model, measure, *validation)
    order = generator(seed)
    training = Training(model, steps, samples, held_out, batch_size, order, shuffle=shuffle)
    if resume is not None:
        training.load_state_dict(resume)
    with open_bar(progress, total=epochs, unit="epoch") as bar:
        training.train(epochs, [*callbacks, partial(_move, bar)])
    return training.history


def _choose_optimizer(
    model: Any, optimizer: Optimizer | None, rate: float | Schedule | None
) -> Optimizer:
    if optimizer is None:
        return GradientDescent(model.parameters(), 0.1 if rate is None else rate)
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(
            f"optimizer is {shorten(optimizer)}; expected one that has the parameters, such as "
            f"optim.Adam(model.parameters(), 0.01)"
        )
    if rate is not None:
        raise ArgumentError("both optimizer and learning_rate were given; expected one of the two")
    if not {*map(id, optimizer.parameters)} & {*map(id, model.parameters())}:
        raise ArgumentError("the optimizer has none of the model's parameters, which would stay")
    return optimizer


GROWN = 10  # times the loss of the start: a training that ends so far above it has diverged

# What the state of a training holds.
STATE = ("about", "rows", "parameters", "best", "kept", "learning_rate", "optimizer", "order")


class Training:
    """A training under way: what a callback finds as `history.training`.

    `model` and `optimizer` are live: a callback may change the learning rate. Two dicts are part of
    the state: `about` for notes of your own, `kept` for parameters that a callback may want back,
    each under a name, with their epoch.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Optimizer,
        samples: Source,
        held_out: Source | None,
        batch_size: int | None,
        order: Random,
        *,
        shuffle: bool = True,
    ) -> None:
        self.model, self.loss = model, samples.loss
        self.optimizer, self.batch_size = optimizer, batch_size
        self.history = History(training=self)
        self.samples, self.held_out, self._order = samples, held_out, order
        self._shuffle = shuffle
        self._best = _numbers(optimizer)
        self.kept: dict[str, tuple[int, Sequence[float]]] = {}
        self._known: list[Any] = model.parameters()
        self._reason = ""
        self._wanted: Sequence[float] | None = None
        self._last: dict[str, Any] = {}  # the state as of the last row
        self._is_live = False  # while callbacks look at that row
        self.about: dict[str, Any] = {}

    def stop(self, reason: str, parameters: Sequence[float] | None = None) -> None:
        """End the training after this epoch, for this reason; with these numbers in the model."""
        self._reason, self._wanted = reason, parameters

    def restore_best(self) -> None:
        """Give the parameters the numbers they had at the lowest training loss."""
        _set_numbers(self.optimizer, self._best)

    def train(self, epochs: int, callbacks: Sequence[Callable[[History], Any]]) -> None:
        """Go on until so many epochs are done, and say in the history how that ended."""
        history = self.history
        history.status, history.message = "completed", _summary(len(history) - 1, epochs)
        epoch = len(history)
        try:
            for epoch in range(len(history), epochs + 1):
                if epoch:
                    order = self._order if self._shuffle else None
                    self.samples.descend(self.optimizer, self.batch_size, order)
                self._measure(epoch)
                self._call_back(callbacks)
                if self._reason:
                    history.status, history.message = "stopped", self._reason
                    if self._wanted is not None:
                        _set_numbers(self.optimizer, self._wanted)
                    break
            _check_end(history)
        except DivergedError as error:
            cause = str(error).partition("; ")[0]  # the rest is about a single step
            history.status, history.message = "diverged", f"diverged in epoch {epoch}: {cause}"
        except KeyboardInterrupt:
            history.status = "interrupted"
            history.message = f"interrupted in epoch {epoch} of {epochs}"
        self._end(callbacks)

    def _end(self, callbacks: Sequence[Callable[[History], Any]]) -> None:
        if self.history.status in {"diverged", "interrupted"}:
            self.restore_best()
        for callback in callbacks if self.history.rows else ():
            if hasattr(callback, "on_end"):
                callback.on_end(self.history)

    def _measure(self, epoch: int) -> None:
        row = self.samples.measure(recorded=self.batch_size is None)
        row = {"epoch": epoch, **row, **_measure_held_out(self.held_out)}
        if self._known:
            _refuse_new(self.model, self._known)
            self._known = []  # once is enough
        self.history.rows.append(row)
        if self.history.best_epoch == epoch:
            self._best = _numbers(self.optimizer)

    def _call_back(self, callbacks: Sequence[Callable[[History], Any]]) -> None:
        """Call the callbacks, and keep the state that they leave, in case the next epoch is cut."""
        measured = self._last = self._state()
        self._is_live = True
        try:
            for callback in callbacks:
                callback(self.history)
        finally:
            self._is_live = False
        for samples in (self.samples, self.held_out) if len(callbacks) > 1 else ():
            if samples is not None:
                samples.look_again()  # the last callback is the bar, which changes nothing
        self._last = self._state()
        if self._last["parameters"] != measured["parameters"]:
            self.samples.measured = None  # a callback moved the parameters from where that was

    def _state(self) -> dict[str, Any]:
        rate = self.optimizer.learning_rate
        return {
            "parameters": _numbers(self.optimizer),
            "kept": dict(self.kept),
            "learning_rate": None if callable(rate) else rate,
            "optimizer": self.optimizer.state_dict(),
            "order": self._order.getstate(),
        }

    def state_dict(self) -> dict[str, Any]:
        """All that it takes to go on later: numbers and lists, as of the last row.

        It goes on from the last whole epoch, however the training ended.

        Raises ArgumentError where not even the start could be measured.
        """
        if not self._last:
            raise ArgumentError(f"the training {self.history.message}; there is nothing to go on")
        state = self._state() if self._is_live else self._last
        version, words, spare = state["order"]
        return {
            "about": self.about,
            "rows": [dict(row) for row in self.history.rows],
            "best": list(self._best),
            **state,
            "parameters": list(state["parameters"]),
            "kept": {name: [epoch, list(xs)] for name, (epoch, xs) in state["kept"].items()},
            "optimizer": dict(state["optimizer"]),
            "order": [version, list(words), spare],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave, of the same model on the same samples.

        Raises ArgumentError, and changes nothing, where it does not fit.
        """
        if not (isinstance(state, Mapping) and {*state} == {*STATE}):
            raise ArgumentError(f"the state of a training has {', '.join(STATE)}; this one has not")
        count = len(self.optimizer.parameters)
        current, best = (_read_numbers(name, state[name], count) for name in ("parameters", "best"))
        if not isinstance(state["rows"], list):
            raise ArgumentError(f"rows is {shorten(state['rows'])}; expected a list")
        rows = [_read_figures(i, row) for i, row in enumerate(state["rows"])]
        for row in rows:
            self._check_columns(row)
        kept = _read_kept(state["kept"], count)
        order = _restore_generator(state["order"])
        rate = self.optimizer.learning_rate
        try:
            if state["learning_rate"] is not None:
                self.optimizer.learning_rate = state["learning_rate"]
            self.optimizer.load_state_dict(state["optimizer"])
        except MicrogradError:
            self.optimizer.learning_rate = rate
            raise
        self.history.rows, self._best, self._order = rows, best, order
        self.about, self.kept = state["about"], kept
        _set_numbers(self.optimizer, current)
        self._last = self._state()

    def _check_columns(self, row: Figures) -> None:
        """Whether a row from before has the figures of this one; a callback may have added some."""
        due = ["loss"] + ["accuracy"] * (self.samples.is_right is not None)
        due += [f"validation_{name}" for name in due] if self.held_out is not None else []
        validated = [name for name in row if name.startswith("validation_")]
        if not {*due} <= {*row} or (validated and self.held_out is None):
            raise ArgumentError(
                f"the training to resume has the figures {', '.join(row)}, and this one "
                f"{', '.join(due)}; expected the same loss, and validation samples if it had any"
            )


def _summary(before: int, epochs: int) -> str:
    """The message of a training that came to its end."""
    if before > epochs:
        return f"nothing to do: {before} epochs were done before, and {epochs} were asked for"
    return f"completed {epochs} epoch{'s' if epochs != 1 else ''}"


def _check_end(history: History) -> None:
    """Raise DivergedError where the loss ended far above where it began, finite as it may be."""
    losses = history.column("loss")
    if history.status == "completed" and losses[-1] - losses[0] > GROWN * abs(losses[0]):
        raise DivergedError(f"the loss has grown from {losses[0]:.4g} to {losses[-1]:.4g}")


def _refuse_new(model: Any, known: Sequence[Any]) -> None:
    """Raise ArgumentError where a call of the model made a parameter."""
    ids = {*map(id, known)}
    named = getattr(model, "named_parameters", lambda: enumerate(model.parameters()))()
    made = [name for name, parameter in named if id(parameter) not in ids]
    if made:
        raise ArgumentError(
            f"a call of {model!r} made the parameter {escape(str(made[0]))}, which nobody trains; "
            f"make parameters in __init__, and keep other values in an object that is not "
            f"searched, such as types.SimpleNamespace"
        )


def _measure_held_out(held_out: Source | None) -> Figures:
    row = {} if held_out is None else held_out.measure()
    return {f"validation_{name}": figure for name, figure in row.items()}


def _numbers(optimizer: Optimizer) -> list[float]:
    return [parameter.data for parameter in optimizer.parameters]


def _set_numbers(optimizer: Optimizer, numbers: Sequence[float]) -> None:
    for parameter, data in zip(optimizer.parameters, numbers, strict=True):
        parameter.data = data


def _move(bar: Any, history: History) -> None:
    """Let a bar show the last row, if there is one."""
    if bar is not None:
        row = history.rows[-1]
        figures = {name: f"{x:.4g}" for name, x in row.items() if name != "epoch"}
        bar.set_postfix(figures, refresh=False)
        bar.update(row["epoch"] - bar.n)


def _read_numbers(name: str, numbers: Any, count: int) -> list[float]:
    if not (isinstance(numbers, list) and len(numbers) == count):
        raise ArgumentError(f"{name} is {shorten(numbers)}; expected {count} numbers")
    return [number(x, f"{name}[{i}]") for i, x in enumerate(numbers)]


def _read_kept(kept: Any, count: int) -> dict[str, tuple[int, Sequence[float]]]:
    pairs = kept.values() if isinstance(kept, Mapping) else [kept]
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise ArgumentError(f"kept is {shorten(kept)}; expected an epoch and parameters by name")
    return {name: (k, _read_numbers(f"kept {name}", xs, count)) for name, (k, xs) in kept.items()}


def _restore_generator(state: Any) -> Random:
    restored = Random()  # noqa: S311 — an order of samples, no secret
    try:
        version, words, spare = state
        restored.setstate((version, tuple(words), spare))
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"order is no state of a random generator: {error}") from None
    return restored


def _read_figures(i: int, row: Any) -> Figures:
    if not (isinstance(row, Mapping) and row.get("epoch") == i and "loss" in row):
        expected = f"expected the figures of epoch {i}, with epoch and loss"
        raise ArgumentError(f"row {i} is {shorten(row)}; {expected}")
    figures = {name: number(x, f"{name} in row {i}") for name, x in row.items()}
    return {**figures, "epoch": i}
