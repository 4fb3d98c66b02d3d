"""Samples under training: rows with their targets, as seen by one model and one loss."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from random import Random
from typing import Any

from micrograd_gd.compiler.jit import CompiledFunction
from micrograd_gd.compiler.specialization import Settings
from micrograd_gd.compiler.surroundings import look_around
from micrograd_gd.compiler.vmap import vmap
from micrograd_gd.core.blocks import no_grad
from micrograd_gd.core.whole import FEWEST_ROWS
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, DivergedError, NotANumberError, ShapeError
from micrograd_gd.functional import mean
from micrograd_gd.losses import LOSSES, any_class
from micrograd_gd.names import missing_package
from micrograd_gd.optim import OPTIMIZERS, Optimizer
from micrograd_gd.table.numbers import number, plain_array, shorten
from micrograd_gd.training.history import Figures
from micrograd_gd.transforms.derivatives import value_and_grad

# Rows times epochs, below which a program, or its machine code, would cost more than it saves.
COMPILED_FROM, MACHINE_CODE_FROM = 1_000, 1_000_000

_BORDERS = {"binary_cross_entropy": 0.5, "hinge": 0.0}  # between the targets of two classes

# Whether a prediction names the right class, for the losses whose targets are classes.
_IS_RIGHT: dict[str, Callable[[Any, Any], bool]] = {
    "cross_entropy": lambda scores, t: max(range(len(scores)), key=scores.__getitem__) == t,
    "binary_cross_entropy": lambda score, t: _is_on_side(
        score, t, _BORDERS["binary_cross_entropy"]
    ),
    "hinge": lambda score, t: _is_on_side(score, t, _BORDERS["hinge"]),
}


def _is_on_side(scores: Any, targets: Any, border: float) -> bool:
    """Whether the score, or each of a row, is above 0 just where the target is above the border."""
    if hasattr(targets, "__len__"):
        row = scores if hasattr(scores, "__len__") else [scores]
        return all((score > 0) == (t > border) for score, t in zip(row, targets, strict=True))
    return bool((scores > 0) == (targets > border))


class Source:
    """Where a training has its losses from: samples, as seen by one model and one loss."""

    def __init__(self, model: Any, loss: Callable[[Any, Any], Any]) -> None:
        self.model, self.loss = model, loss
        self.is_right = _IS_RIGHT.get(loss.__name__) if loss in LOSSES.values() else None
        self.measured: Any = None

    def look_again(self) -> None:
        """Notice what callbacks may have changed in the model; only programs have to."""

    def descend(self, optimizer: Optimizer, batch_size: int | None, order: Random | None) -> None:
        """One epoch: a step against the gradient of the loss of each batch.

        Without a batch size, it is the one loss that was measured last; without an order, batches
        are those of the samples as they stand.
        """
        if batch_size is None:
            if self.measured is None:  # not there, or not any more
                self.measure(recorded=True)
            take_step(optimizer, self.measured)
            return
        optimizer.zero_grad()  # a program leaves gradients alone
        for batch in self.batches(batch_size, order):
            self.step(optimizer, batch)

    def batches(self, size: int, order: Random | None) -> Iterator[Any]:
        """What the steps of an epoch are taken on, one after the other."""
        raise NotImplementedError

    def step(self, optimizer: Optimizer, batch: Any) -> None:
        """One step on a batch."""
        raise NotImplementedError

    def measure(self, *, recorded: bool = False) -> Figures:
        """The loss over all samples and, where targets are classes, the accuracy."""
        raise NotImplementedError


class Samples(Source):
    """Rows with their targets in lists or arrays."""

    def __init__(
        self,
        part: str,
        model: Any,
        loss: Callable[[Any, Any], Any],
        inputs: Sequence[Any],
        targets: Sequence[Any],
        sample_weight: Sequence[float] | None = None,
    ) -> None:
        super().__init__(model, loss)
        self.inputs, self.targets = read_rows(part, inputs, targets)
        self.weights = _read_weights(sample_weight, len(self.inputs), loss)

    def batches(self, size: int, order: Random | None) -> Iterator[list[int]]:
        """The places of the samples of each batch."""
        return draw_batches(len(self.inputs), size, order)

    def step(self, optimizer: Optimizer, batch: list[int]) -> None:
        """One step on a batch."""
        take_step(optimizer, self.evaluate(batch)[1])

    def evaluate(self, rows: Sequence[int]) -> tuple[Sequence[Any], Any]:
        """The predictions for these rows, and their loss."""
        predictions = [self.model(self.inputs[i]) for i in rows]
        targets = [self.targets[i] for i in rows]
        if self.weights is None:
            return predictions, _value(self.loss(predictions, targets))
        losses = [
            self.weights[i] * self.loss([prediction], [target])
            for i, prediction, target in zip(rows, predictions, targets, strict=True)
        ]
        return predictions, _value(mean(losses))

    def measure(self, *, recorded: bool = False) -> Figures:
        """The loss over all samples and, where targets are classes, the accuracy."""
        if not recorded:
            with no_grad():
                return self.measure(recorded=True)
        predictions, self.measured = self.evaluate(range(len(self.inputs)))
        return self.describe(self.measured.data, predictions)

    def describe(self, loss: float, predictions: Any) -> Figures:
        """What was measured of all samples."""
        right = self.is_right and self.count_right(predictions)
        return describe(loss, right, len(self.inputs))

    def count_right(self, predictions: Any) -> int:
        """How many of the predictions name the right class."""
        return sum(map(self.is_right, predictions, self.targets))  # type: ignore[arg-type]  # asked only where it is known


class CompiledSamples(Samples):
    """The same, computed by programs.

    `trained` are the parameters that are to have gradients, beside those of the model.
    """

    def __init__(self, *args: Any, trained: Sequence[Value], epochs: int) -> None:
        try:
            import numpy as np  # noqa: PLC0415 — only programs for batches need arrays
        except ModuleNotFoundError as error:
            raise missing_package(error.name, "compiled=True") from None

        super().__init__(*args)
        try:
            self._arrays = [np.asarray(self.inputs, float), np.asarray(self.targets, float)]
        except (TypeError, ValueError):
            raise ArgumentError(
                "compiled=True expected inputs and targets of numbers, in rows of one length; "
                "leave it out for others, such as dicts and dataclasses"
            ) from None
        if self.weights is not None:
            self._arrays.append(np.asarray(self.weights, float))
        self._parameters = [*dict.fromkeys([*self.model.parameters(), *trained])]
        self._settings = Settings(improves=epochs * len(self.inputs) >= MACHINE_CODE_FROM)
        self._seen: Any = None
        self.look_again()

    def look_again(self) -> None:
        """Begin with new programs where the model or the loss see other numbers than before."""
        seen = look_around(self.model, self.loss).constants
        if seen != self._seen:
            how = self._settings
            self._slopes = compile_slopes(self.model, self.loss, self._parameters, how)
            self._step = CompiledStep(self.model, self.loss, how)
            self._loss = CompiledFunction(_BatchLoss(self.model, self.loss), how)
            self._seen = seen

    def measure(self, *, recorded: bool = False) -> Figures:
        """The loss over all samples and, where targets are classes, the accuracy."""
        if recorded:
            return super().measure(recorded=True)
        return self.describe(*self._loss(*self._arrays))

    def step(self, optimizer: Optimizer, batch: list[int]) -> None:
        """One step on a batch."""
        arrays = [array[batch] for array in self._arrays]
        if not self._step(optimizer, *arrays):
            super().step(optimizer, batch)

    def evaluate(self, rows: Sequence[int]) -> tuple[Sequence[Any], Any]:
        """The predictions for these rows, in arrays, and their loss."""
        is_all = rows == range(len(self.inputs))
        arrays = [array if is_all else array[[*rows]] for array in self._arrays]
        (loss, predictions), gradient = self._slopes(*arrays)
        return predictions, Measured(loss, self._parameters, gradient)

    def count_right(self, predictions: Any) -> int:
        """How many of the predictions name the right class."""
        return count_right(self.loss, predictions, self._arrays[1])


def read_rows(part: str, inputs: Any, targets: Any) -> list[Any]:
    """The inputs and the targets, if they are rows of equal number."""
    both = [
        (plain_array(x, f"the {part} {what}") if hasattr(x, "ndim") else x, what)
        for x, what in ((inputs, "inputs"), (targets, "targets"))
    ]
    for x, what in both:
        is_rows = hasattr(x, "__getitem__") and hasattr(x, "__len__")
        if not is_rows or isinstance(x, (str, bytes, Mapping)):
            raise NotANumberError(
                f"the {part} {what} came as {type(x).__name__} {shorten(x)}; expected a list "
                f"or an array, with an element for each sample"
            )
    counts = [len(x) for x, _ in both]
    if counts[0] != counts[1]:
        came = f"{counts[0]} {part} inputs and {counts[1]} targets"
        raise ShapeError(f"{came}; expected one target for each input")
    if not counts[0]:
        raise ArgumentError(f"no {part} samples; expected at least one")
    return [x for x, _ in both]


def draw_batches(count: int, size: int, order: Random | None) -> Iterator[list[int]]:
    """The places of the samples of each batch: shuffled, if there is an order."""
    rows = list(range(count))
    if order is not None:
        order.shuffle(rows)
    for start in range(0, count, size):
        yield rows[start : start + size]


def describe(loss: float, right: int | None, count: int) -> Figures:
    """What was measured of so many samples; DivergedError for a loss that is not finite."""
    if not math.isfinite(loss):
        raise DivergedError(f"the loss is {loss}")
    return {"loss": loss} if right is None else {"loss": loss, "accuracy": right / count}


def _read_weights(
    weights: Sequence[float] | None, count: int, loss: Callable[[Any, Any], Any]
) -> list[float] | None:
    """The weights of the samples with the mean 1."""
    if weights is None:
        return None
    refuse_own(loss)
    numbers = [number(x, f"sample_weight[{i}]") for i, x in enumerate(weights)]
    if len(numbers) != count:
        raise ShapeError(f"{len(numbers)} weights for {count} samples; expected one for each")
    total = math.fsum(numbers)
    if not (min(numbers) >= 0 and 0 < total < math.inf):
        raise ArgumentError(
            f"sample_weight is {shorten(numbers)}; expected numbers of at least 0, and one above"
        )
    return [x * count / total for x in numbers]


def refuse_own(loss: Callable[[Any, Any], Any]) -> None:
    """Raise ArgumentError for a loss of one's own, beside which weights have no meaning."""
    if loss not in LOSSES.values():
        raise ArgumentError(
            f"sample_weight beside a loss of your own, {shorten(loss)}; expected one of "
            f"{', '.join(LOSSES)}, or the weights in the loss itself"
        )


def take_step(optimizer: Optimizer, loss: Any) -> None:
    """One step against the gradient of a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def compile_slopes(
    model: Any,
    loss: Callable[[Any, Any], Any],
    parameters: Sequence[Value],
    settings: Settings,
) -> Callable[..., Any]:
    """A program for the loss of a batch, with its predictions, and for the gradient."""
    slopes = value_and_grad(_BatchLoss(model, loss), has_aux=True, wrt=parameters)
    return CompiledFunction(slopes, settings)


class CompiledStep:
    """One program for a whole step on a batch: the loss, its gradient, and the optimizer's rule."""

    def __init__(self, model: Any, loss: Callable[[Any, Any], Any], settings: Settings) -> None:
        self._loss, self._settings = _BatchLoss(model, loss), settings
        self.program: Any = None
        self._rule: Any = None

    def __call__(self, optimizer: Optimizer, *batch: Any) -> bool:
        """Whether the step was taken: for a rule of ours, where all numbers stay finite."""
        if type(optimizer) not in OPTIMIZERS.values():
            return False  # one of your own may branch for each parameter, and see their gradients
        rule = {
            name: x for name, x in vars(optimizer).items() if name[0] != "_" and name != "steps"
        }
        if rule == self._rule:
            return optimizer.follow(self.program, *batch)
        self._rule = rule
        self.program = CompiledFunction(_Step(self._loss, optimizer), self._settings)
        return optimizer.follow(self._begin, *batch)

    def _begin(self, rate: float, steps: float, memory: Any, *batch: Any) -> Any:
        """The first step, by a program for any number of rows, which is not made for few."""
        if self._loss.is_mean and len(batch) == 2:
            self.program(rate, steps, memory, *[array[[0] * FEWEST_ROWS] for array in batch])
        return self.program(rate, steps, memory, *batch)


class _Step:
    """What the program of a step computes: the parameters and the memory after it."""

    def __init__(self, loss: "_BatchLoss", optimizer: Optimizer) -> None:
        self.slopes = value_and_grad(loss, has_aux=True, wrt=optimizer.parameters)
        self.optimizer = optimizer

    def __call__(self, rate: Any, steps: Any, memory: Any, *batch: Any) -> Any:
        _, gradient = self.slopes(*batch)
        rule = copy(self.optimizer)
        rule.steps = steps  # a number that the program is given, and no constant in it
        return rule.move(rule.parameters, gradient, rate, memory)


class _BatchLoss:
    """The loss of a batch, and its predictions; a loss of ours is the mean over the samples."""

    def __init__(self, model: Any, loss: Callable[[Any, Any], Any]) -> None:
        self.model, self.loss = model, loss
        self.is_mean = loss in LOSSES.values()
        self.__qualname__ = f"the loss of {type(model).__name__}"

    def __call__(self, inputs: Any, targets: Any, weights: Any = None) -> tuple[Any, Any]:
        if self.is_mean:
            losses, predictions = vmap(self._evaluate)(inputs, targets)
            return mean(losses if weights is None else weights * losses), predictions
        predictions = vmap(self.model)(inputs)
        with any_class():
            return self.loss(_in_rows(predictions), [*targets]), predictions

    def _evaluate(self, x: Any, t: Any) -> tuple[Any, Any]:
        prediction = self.model(x)
        return self.loss([prediction], [t]), prediction


class Measured:
    """A loss whose gradient is known already: `backward` only hands it out."""

    def __init__(self, data: float, parameters: Sequence[Value], gradient: Sequence[float]) -> None:
        self.data, self._parameters, self._gradient = data, parameters, gradient

    def backward(self) -> None:
        """Add the gradient to that of the parameters."""
        for parameter, slope in zip(self._parameters, self._gradient, strict=True):
            parameter.grad += slope


def count_right(loss: Callable[[Any, Any], Any], predictions: Any, targets: Any) -> int:
    """How many predictions, in an array for each output, name the right class of an array."""
    import numpy as np  # noqa: PLC0415 — as above

    scores = np.array(predictions)
    if loss.__name__ == "cross_entropy":
        return int((scores.argmax(axis=0) == targets).sum())
    is_high = _BORDERS[loss.__name__] < targets.T
    return int(((scores > 0) == is_high).reshape(-1, len(targets)).all(axis=0).sum())


def _in_rows(predictions: Any) -> list[Any]:
    """A prediction for each sample: a number, or the row of those that the model gives."""
    if isinstance(predictions, (list, tuple)):
        columns = [each.tolist() for each in predictions]  # Python's own floats are faster
        return [list(row) for row in zip(*columns, strict=True)]
    return predictions.tolist()  # type: ignore[no-any-return]  # NumPy's


def _value(loss: Any) -> Value:
    if not isinstance(loss, Value):
        raise NotANumberError(
            f"the loss is {type(loss).__name__} {shorten(loss)}, through which no gradient "
            f"flows; expected a Value: compute it from the predictions by their own operations, "
            f"without .data, float() and math"
        )
    return loss
