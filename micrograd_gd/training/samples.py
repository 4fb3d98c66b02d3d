"""Samples under training: rows with their targets, as seen by one model and one loss."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from micrograd_gd.compiler.jit import jit
from micrograd_gd.compiler.surroundings import look_around
from micrograd_gd.compiler.vmap import vmap
from micrograd_gd.core.blocks import no_grad
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, DivergedError, NotANumberError, ShapeError
from micrograd_gd.functional import mean
from micrograd_gd.losses import LOSSES, any_class
from micrograd_gd.names import missing_package
from micrograd_gd.table.numbers import number, plain_array, shorten
from micrograd_gd.training.history import Figures
from micrograd_gd.transforms.derivatives import value_and_grad

COMPILED_FROM = 1_000  # rows times epochs, below which a program would cost more than it saves

# Whether a prediction names the right class, for the losses whose targets are classes.
_IS_RIGHT: dict[str, Callable[[Any, Any], bool]] = {
    "cross_entropy": lambda scores, t: max(range(len(scores)), key=scores.__getitem__) == t,
    "binary_cross_entropy": lambda score, t: _is_on_side(score, t, 0.5),
    "hinge": lambda score, t: _is_on_side(score, t, 0.0),
}


def _is_on_side(scores: Any, targets: Any, border: float) -> bool:
    """Whether the score, or each of a row, is above 0 just where the target is above the border."""
    if hasattr(targets, "__len__"):
        row = scores if hasattr(scores, "__len__") else [scores]
        return all((score > 0) == (t > border) for score, t in zip(row, targets, strict=True))
    return bool((scores > 0) == (targets > border))


class Samples:
    """Rows with their targets, as seen by one model and one loss."""

    def __init__(
        self,
        part: str,
        model: Any,
        loss: Callable[[Any, Any], Any],
        inputs: Sequence[Any],
        targets: Sequence[Any],
        sample_weight: Sequence[float] | None = None,
    ) -> None:
        inputs, targets = (
            plain_array(x, f"the {part} {what}") if hasattr(x, "ndim") else x
            for x, what in ((inputs, "inputs"), (targets, "targets"))
        )
        for x, what in ((inputs, "inputs"), (targets, "targets")):
            is_rows = hasattr(x, "__getitem__") and hasattr(x, "__len__")
            if not is_rows or isinstance(x, (str, bytes, Mapping)):
                raise NotANumberError(
                    f"the {part} {what} came as {type(x).__name__} {shorten(x)}; expected a list "
                    f"or an array, with an element for each sample"
                )
        if len(inputs) != len(targets):
            counts = f"{len(inputs)} {part} inputs and {len(targets)} targets"
            raise ShapeError(f"{counts}; expected one target for each input")
        if len(inputs) == 0:
            raise ArgumentError(f"no {part} samples; expected at least one")
        self.model, self.loss, self.inputs, self.targets = model, loss, inputs, targets
        self.weights = _read_weights(sample_weight, len(inputs), loss)
        self.is_right = _IS_RIGHT.get(loss.__name__) if loss in LOSSES.values() else None
        self.measured: Any = None

    def look_again(self) -> None:
        """Notice what callbacks may have changed in the model; only programs have to."""

    def losses(self, batch_size: int | None, order: Random | None) -> Iterator[Any]:
        """The losses of one epoch, one per batch, each computed when asked for.

        Without a batch size, it is the one loss that was measured last; without an order, batches
        are those of the samples as they stand.
        """
        if batch_size is None:
            if self.measured is None:  # not there, or not any more
                self.measure(recorded=True)
            yield self.measured
            return
        rows = list(range(len(self.inputs)))
        if order is not None:
            order.shuffle(rows)
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            yield self.evaluate(batch)[1]

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
        row = {"loss": self.measured.data}
        if not math.isfinite(row["loss"]):
            raise DivergedError(f"the loss is {row['loss']}")
        if self.is_right is not None:
            right = map(self.is_right, predictions, self.targets)
            row["accuracy"] = sum(right) / len(self.targets)
        return row


class CompiledSamples(Samples):
    """The same, computed by a program, or by one for each size of a batch of few rows.

    `trained` are the parameters that are to have gradients, beside those of the model.
    """

    def __init__(self, *args: Any, trained: Sequence[Value]) -> None:
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
        self.targets = self._arrays[1].tolist()  # which is read faster one by one
        self._parameters = [*dict.fromkeys([*self.model.parameters(), *trained])]
        self._seen: Any = None
        self.look_again()

    def look_again(self) -> None:
        """Begin with new programs where the model or the loss see other numbers than before."""
        seen = look_around(self.model, self.loss).constants
        if seen != self._seen:
            loss = _loss_of_batch(self.model, self.loss)
            self._step = jit(value_and_grad(loss, has_aux=True, wrt=self._parameters))
            self._seen = seen

    def evaluate(self, rows: Sequence[int]) -> tuple[Sequence[Any], Any]:
        """The predictions for these rows, where they are looked at, and their loss."""
        is_all = rows == range(len(self.inputs))
        arrays = [array if is_all else array[[*rows]] for array in self._arrays]
        (loss, predictions), gradient = self._step(*arrays)
        looked_at = _in_rows(predictions) if self.is_right else []
        return looked_at, _Measured(loss, self._parameters, gradient)


def _read_weights(
    weights: Sequence[float] | None, count: int, loss: Callable[[Any, Any], Any]
) -> list[float] | None:
    """The weights of the samples with the mean 1."""
    if weights is None:
        return None
    if loss not in LOSSES.values():
        raise ArgumentError(
            f"sample_weight beside a loss of your own, {shorten(loss)}; expected one of "
            f"{', '.join(LOSSES)}, or the weights in the loss itself"
        )
    numbers = [number(x, f"sample_weight[{i}]") for i, x in enumerate(weights)]
    if len(numbers) != count:
        raise ShapeError(f"{len(numbers)} weights for {count} samples; expected one for each")
    total = math.fsum(numbers)
    if not (min(numbers) >= 0 and 0 < total < math.inf):
        raise ArgumentError(
            f"sample_weight is {shorten(numbers)}; expected numbers of at least 0, and one above"
        )
    return [x * count / total for x in numbers]


def _loss_of_batch(model: Any, loss: Callable[[Any, Any], Any]) -> Callable[..., tuple[Any, Any]]:
    """The loss of a batch, and its predictions; a loss of ours is the mean over the samples."""

    def of_batch(inputs: Any, targets: Any, weights: Any = None) -> tuple[Any, Any]:
        if loss in LOSSES.values():

            def of_sample(x: Any, t: Any) -> tuple[Any, Any]:
                prediction = model(x)
                return loss([prediction], [t]), prediction

            losses, predictions = vmap(of_sample)(inputs, targets)
            return mean(losses if weights is None else weights * losses), predictions
        predictions = vmap(model)(inputs)
        with any_class():
            return loss(_in_rows(predictions), [*targets]), predictions

    of_batch.__qualname__ = f"the loss of {type(model).__name__}"
    return of_batch


class _Measured:
    """A loss whose gradient is known already: `backward` only hands it out."""

    def __init__(self, data: float, parameters: Sequence[Value], gradient: Sequence[float]) -> None:
        self.data, self._parameters, self._gradient = data, parameters, gradient

    def backward(self) -> None:
        """Add the gradient to that of the parameters."""
        for parameter, slope in zip(self._parameters, self._gradient, strict=True):
            parameter.grad += slope


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
