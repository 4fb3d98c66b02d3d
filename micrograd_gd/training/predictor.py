"""A network with all that it takes to go from a row of raw data to an answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mode
from typing import Any

from micrograd_gd.data import Dataset, Scaling
from micrograd_gd.data.recipe import Recipe
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.nn import MLP
from micrograd_gd.table.numbers import shorten
from micrograd_gd.training.evaluation import (
    Classification,
    Evaluation,
    Regression,
    decide,
    mean,
    run,
)


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network with what surrounds it: names, scaling, and the meaning of its outputs.

    `scaling` is applied to the inputs, `target_scaling` undone on the output of a regression. With
    `class_names`, the network has one output (its sign decides between two classes) or one for each
    class (the largest decides); without, it has one output. `recipe` says how a row is made from
    the columns of a file.

    Raises ShapeError where the parts do not fit each other.

    >>> from micrograd_gd import MLP
    >>> network = MLP(1, 1, init=lambda *_: 1.0)
    >>> Predictor(network, class_names=("below", "above")).predict([[-2.0], [3.0]])
    ['below', 'above']
    """

    network: MLP
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    feature_names: tuple[str, ...] | None = None
    target_name: str = "prediction"
    class_names: tuple[str, ...] | None = None
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        inputs, outputs = self.inputs, len(self.network.layers[-1].neurons)
        if self.scaling is not None:
            _check_count("columns of the scaling", len(self.scaling.mean), inputs)
        if self.feature_names is not None:
            _check_count("feature names", len(self.feature_names), inputs)
        if self.recipe is not None:
            _check_count("inputs of the recipe", len(self.recipe.inputs), inputs)
        if self.class_names is None:
            _check_count("outputs without class names", outputs, 1)
        else:
            _check_count("class names", len(self.class_names), 2 if outputs == 1 else outputs)
        if self.target_scaling is not None:
            _check_count("columns of the target's scaling", len(self.target_scaling.mean), outputs)

    @property
    def inputs(self) -> int:
        """How many numbers a row has."""
        return len(self.network.layers[0].neurons[0].w)

    def predict(self, rows: Sequence[Sequence[float]]) -> list[str] | list[float]:
        """A class name, or a number in the target's own units, for each row of raw features.

        Raises ShapeError for rows of another width, ArgumentError where a score comes out as nan.
        """
        answers = self._answer(rows)
        return answers if self.class_names is None else [self.class_names[i] for i in answers]

    def predict_shares(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """The probability of each class, in the order of `class_names`, for each row.

        They are those that `cross_entropy` and `binary_cross_entropy` train.

        Raises ArgumentError where there are no classes, and as `predict` does.

        >>> network = MLP(1, 1, init=lambda *_: 0.0)
        >>> Predictor(network, class_names=("below", "above")).predict_shares([[3.0]])
        [[0.5, 0.5]]
        """
        if self.class_names is None:
            raise ArgumentError(f"{self.target_name} is a number; expected classes, to have shares")
        return [_share([0.0, *row] if len(row) == 1 else row) for row in self._score(rows)]

    def evaluate(self, data: Dataset, training: Dataset | None = None) -> Evaluation:
        """How good the answers to these rows are.

        The baseline answers what is usual in the `training`, or else in the data: the most frequent
        class, or the mean.

        Raises ArgumentError for data of other classes, and as `predict` does.

        >>> network = MLP(1, 1, init=lambda *_: 1.0)
        >>> data = Dataset([[-2.0], [3.0]], [0, 1], ("x",), class_names=("below", "above"))
        >>> Predictor(network, class_names=("below", "above")).evaluate(data).accuracy
        1.0
        """
        if data.class_names != self.class_names:
            expected = f"expected {shorten(self.class_names)}, as the model has"
            raise ArgumentError(f"the classes {shorten(data.class_names)} in the data; {expected}")
        usual = (data if training is None else training).targets
        answers = self._answer(data.inputs)
        if self.class_names is None:
            return Regression.compare(data.targets, answers, mean(usual))
        classes = [*map(int, data.targets)]
        return Classification.count(classes, answers, self.class_names, int(mode(usual)))

    def _answer(self, rows: Sequence[Sequence[float]]) -> list[Any]:
        """The position of a class, or a number in the target's own units, for each row."""
        scores = self._score(rows)
        if self.class_names is not None:
            return [decide(row) for row in scores]
        if self.target_scaling is not None:
            scores = self.target_scaling.invert(scores)
        return [number for (number,) in scores]

    def _score(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        scaled = rows if self.scaling is None else self.scaling(rows)
        scores = run(self.network, scaled)
        for position, row in enumerate(scores):
            if any(score != score for score in row):
                message = "the model's score is nan; expected numbers nearer to the training data"
                raise ArgumentError(f"row {position}: {message}")
        return scores


def _share(scores: list[float]) -> list[float]:
    """The softmax of a row of scores."""
    weights = [math.exp(score - max(scores)) for score in scores]
    return [weight / math.fsum(weights) for weight in weights]


def _check_count(what: str, count: int, expected: int) -> None:
    if count != expected:
        raise ShapeError(f"{count} {what}; expected {expected}, to fit the network")
