"""A model's loss on given samples as an ordinary function of its parameters."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any

from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.losses import loss_function
from micrograd_gd.table.numbers import require_count


class Objective:
    """The loss of `model` on these samples, a function of the list of its parameters' numbers.

    Everything that takes a function can then take a model's loss: `minimize`, `find_learning_rate`,
    `critical_learning_rate`, `grad`, `hessian`. `start` are the parameters as they are now.
    The model itself stays as it is: each call works on a copy, made of the numbers given. `loss`
    is a name in `LOSSES` or a function of all predictions and targets.

    Raises ShapeError for another number of parameters, ArgumentError for a model without
    parameters.

    >>> from micrograd_gd import MLP
    >>> loss = Objective(MLP(1, 1, seed=0), [[0.0], [1.0]], [1.0, 3.0])
    >>> loss([2.0, 1.0])  # slope and bias of the line through both points
    0.0
    """

    def __init__(
        self,
        model: Any,
        inputs: Sequence[Any],
        targets: Sequence[Any],
        loss: str | Callable[[Any, Any], Any] = "mse",
    ) -> None:
        self.model, self.inputs, self.targets = model, inputs, targets
        self.loss = loss_function(loss)
        if not model.parameters():
            raise ArgumentError(f"{model!r} has no parameters; expected a model that can learn")

    @property
    def start(self) -> list[float]:
        """The numbers of the model's parameters, in the order of `model.parameters()`."""
        return [parameter.data for parameter in self.model.parameters()]

    def __call__(self, parameters: Sequence[Any]) -> Any:
        """The loss with these numbers, or values, in place of the model's parameters."""
        own = self.model.parameters()
        if len(parameters) != len(own):
            count = f"{len(parameters)} numbers for {len(own)} parameters of {self.model!r}"
            raise ShapeError(f"{count}; expected one for each")
        # A copy of the model in which each parameter is replaced.
        replaced = {id(old): new for old, new in zip(own, parameters, strict=True)}
        model = deepcopy(self.model, replaced)
        return self.loss([model(row) for row in self.inputs], self.targets)

    def __repr__(self) -> str:
        loss = getattr(self.loss, "__name__", "loss")
        return f"Objective({loss} of {self.model!r} on {len(self.inputs)} samples)"

    def batches(self, size: int, order: Random) -> Iterator["Objective"]:
        """The loss on `size` of the samples, again and again, in the order of `fit`; without end.

        Raises ArgumentError for a size below 1.
        """
        size = require_count("batch_size", size)
        rows = list(range(len(self.inputs)))
        while True:
            order.shuffle(rows)
            for first in range(0, len(rows), size):
                batch = rows[first : first + size]
                inputs, targets = ([xs[i] for i in batch] for xs in (self.inputs, self.targets))
                yield Objective(self.model, inputs, targets, self.loss)


def find_start(f: Callable[..., Any], start: Any) -> Any:
    """The start that was given, or else the one that the function itself has.

    Raises ArgumentError where there is none.
    """
    if start is not None:
        return start
    if not hasattr(f, "start"):
        raise ArgumentError(
            "no place to start from; expected one beside the function, "
            "or Objective(model, inputs, targets) in place of a function"
        )
    return f.start
