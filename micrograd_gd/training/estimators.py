"""Networks trained by gradient descent as estimators of scikit-learn, ready for its pipelines.

Importing this module needs scikit-learn, the extra `sklearn`.
"""

import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from micrograd_gd.core.blocks import no_grad
from micrograd_gd.data import Scaling, standardize
from micrograd_gd.errors import DivergedError
from micrograd_gd.names import missing_package
from micrograd_gd.nn import MLP
from micrograd_gd.optim import GradientDescent
from micrograd_gd.schedules import Schedule, cosine, rate_at
from micrograd_gd.table.numbers import require_positive
from micrograd_gd.training.callbacks import EarlyStopping
from micrograd_gd.training.fit import fit
from micrograd_gd.training.samples import COMPILED_FROM

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.model_selection import train_test_split
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_is_fitted,
        check_random_state,
        validate_data,
    )
except ModuleNotFoundError as error:
    raise missing_package(error.name, "GradientDescentClassifier") from None

import numpy as np  # which scikit-learn brings

__all__ = ["GradientDescentClassifier", "GradientDescentRegressor"]


class _Network(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """What both estimators are: a network, its scaling and its training."""

    # What None stands for: `python tests/benchmarks/estimators.py` says how good that is.
    _RATE: float
    _DECAY: float

    def __init__(
        self,
        hidden: int | Sequence[int] = (32,),
        *,
        loss: str | Callable[[Any, Any], Any] | None = None,
        activation: str = "tanh",
        learning_rate: float | Schedule | None = None,
        weight_decay: float | None = None,
        epochs: int = 50,
        batch_size: int | None = 32,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        compiled: bool = True,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.loss = loss
        self.activation = activation
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.compiled = compiled
        self.random_state = random_state

    def _begin(self, X: Any, weights: Any, outputs: int) -> None:
        """A fresh network, and the scaling of these rows."""
        self._random = check_random_state(self.random_state)
        self.scaling_ = _standardize(X, weights)
        hidden: Any = [self.hidden] if isinstance(self.hidden, Integral) else self.hidden
        seed = int(self._random.randint(2**31 - 1))
        self.network_ = MLP(X.shape[1], [*hidden, outputs], activation=self.activation, seed=seed)
        self.history_: Any = None

    def _train(
        self, X: Any, targets: Any, weights: Any, loss: Any, epochs: int | None = None
    ) -> None:
        """Train the network on these rows to the end, or go over them so many times more."""
        rows = self.scaling_(X.tolist())
        more: dict[str, Any] = {}
        if self.early_stopping and epochs is None:
            places = train_test_split(
                range(len(X)),
                test_size=self.validation_fraction,
                random_state=self._random,
                stratify=targets if self._has_all_kinds(targets) else None,
            )
            kept, held_out = ([[xs[i] for i in part] for xs in (rows, targets)] for part in places)
            more = {"validation": held_out, "callbacks": [EarlyStopping(self.patience)]}
            weights = None if weights is None else weights[places[0]]
            rows, targets = kept
        steps = self._choose_steps(len(rows) if epochs is None else 0)
        epochs = epochs or self.epochs
        history = fit(
            self.network_,
            rows,
            targets,
            sample_weight=None if weights is None else weights.tolist(),
            loss=loss,
            optimizer=steps,
            epochs=epochs,
            batch_size=self.batch_size,
            seed=int(self._random.randint(2**31 - 1)),
            progress=False,
            compiled=self.compiled and len(rows) * epochs >= COMPILED_FROM,
            **more,
        )
        history.training = None  # what is kept for predicting holds no training samples
        self.history_ = history
        if history.status == "interrupted":
            raise KeyboardInterrupt
        if history.status == "diverged":
            remedy = f"expected a learning rate below {rate_at(steps.learning_rate, 0):g}"
            raise DivergedError(f"the training {history.message}; {remedy}")

    def _has_all_kinds(self, targets: Any) -> bool:
        """Whether there are classes, and rows of each for both parts."""
        _, counts = np.unique(targets, return_counts=True)
        held_out = self.validation_fraction * len(targets)
        return isinstance(self, ClassifierMixin) and min(*counts, held_out / len(counts)) > 1

    def _choose_steps(self, rows: int) -> GradientDescent:
        """Steps of the rate that was given, falling where it is known how many they are."""
        rate = self._RATE if self.learning_rate is None else self.learning_rate
        decay = self._DECAY if self.weight_decay is None else self.weight_decay
        if rows and not callable(rate):
            batches = math.ceil(rows / (self.batch_size or rows))
            rate = cosine(require_positive("learning_rate", rate), self.epochs * batches)
        return GradientDescent(self.network_.parameters(), rate, weight_decay=decay)

    def _scores(self, X: Any) -> Any:
        """The outputs of the network, one row per sample."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=float)
        with no_grad():
            outputs = [self.network_(row) for row in self.scaling_(X.tolist())]
        rows = [row if isinstance(row, list) else [row] for row in outputs]
        return np.array([[score.data for score in row] for row in rows])


def _standardize(X: Any, weights: Any) -> Scaling:
    """The scaling of the rows that count; one that counts twice is as good as two."""
    if weights is None:
        return standardize(X.tolist())
    mean = np.average(X, axis=0, weights=weights)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
    return Scaling(tuple(mean.tolist()), tuple(np.where(scale > 0, scale, 1.0).tolist()))


def _read_weights(weights: Any, X: Any, *others: Any) -> tuple[Any, ...]:
    """The weights, and the rows that count."""
    if weights is None:
        return (None, X, *others)
    weights = _check_sample_weight(weights, X, dtype=float, ensure_non_negative=True)
    counts = weights > 0
    return (weights[counts], *[x[counts] for x in (X, *others)])


class GradientDescentClassifier(ClassifierMixin, _Network):  # type: ignore[misc]  # as above
    """A network that tells classes apart, trained by plain gradient descent on cross-entropy.

    `hidden` are the widths of the hidden layers, one number or none, `activation` is theirs. `loss`
    is a name in `LOSSES` or a function of all predictions and targets; the targets of classes are
    0, 1, ..., and -1 and 1 for `hinge`. The `learning_rate`, 0.5 by default, falls to 0 along half
    a cosine in `fit`, and stays in `partial_fit`; a schedule is taken as it is. `weight_decay` is
    0.001 by default. With `early_stopping`, training ends when the loss on a `validation_fraction`
    of the rows has not improved for `patience` epochs. Where it pays, steps are `compiled`. The
    other parameters are those of `fit`. Inputs are standardised first. After fitting, it has
    `network_`, `scaling_`, `history_`, `classes_`.

    Raises ValueError for data that are no numbers, and for fewer than two classes; DivergedError
    where the learning rate is too large.

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> GradientDescentClassifier(random_state=0).fit(X, y).predict([[-1.0], [4.0]]).tolist()
    ['low', 'high']
    """

    _RATE, _DECAY = 0.5, 0.001

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "GradientDescentClassifier":
        """Train on rows `X` and the class of each, `y`; returns the estimator."""
        X, y = validate_data(self, X, y, dtype=float)
        check_classification_targets(y)
        weights, X, y = _read_weights(sample_weight, X, y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            only = self.classes_[0]
            raise ValueError(f"y holds one class only, {only!r}; expected two classes or more")
        self._begin(X, weights, self._outputs())
        targets = self._targets(y)
        self._train(X, targets, weights, self._loss())
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "GradientDescentClassifier":
        """Go over these rows once more; the first call says which `classes` there are.

        The scaling is that of the first rows.
        """
        is_first = not hasattr(self, "network_")
        X, y = validate_data(self, X, y, dtype=float, reset=is_first)
        check_classification_targets(y)
        weights, X, y = _read_weights(sample_weight, X, y)
        if is_first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = np.unique(classes)
            self._begin(X, weights, self._outputs())
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y holds {unknown.tolist()[0]!r}; expected the classes {self.classes_}"
            )
        self._train(X, self._targets(y), weights, self._loss(), 1)
        return self

    def _loss(self) -> Any:
        if self.loss is not None:
            return self.loss
        return "binary_cross_entropy" if len(self.classes_) == 2 else "cross_entropy"

    def _outputs(self) -> int:
        return 1 if len(self.classes_) == 2 else len(self.classes_)

    def _targets(self, y: Any) -> list[float]:
        targets = np.searchsorted(self.classes_, y)
        return (2 * targets - 1 if self.loss == "hinge" else targets).tolist()  # type: ignore[no-any-return]  # NumPy's

    def decision_function(self, X: Any) -> Any:
        """The scores of the classes; for two classes, one score, above 0 for the second."""
        scores = self._scores(X)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Any) -> Any:
        """How likely each class is, one row per sample: the softmax of the scores."""
        scores = self._scores(X)
        if len(self.classes_) == 2:
            scores = np.hstack([np.zeros_like(scores), scores])
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        return likely / likely.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        """The class with the highest score for each row."""
        scores = self._scores(X)
        if len(self.classes_) == 2:
            return self.classes_[(scores[:, 0] > 0).astype(int)]
        return self.classes_[scores.argmax(axis=1)]


class GradientDescentRegressor(RegressorMixin, _Network):  # type: ignore[misc]  # as above
    """A network that predicts a number, trained by plain gradient descent on the squared error.

    Its parameters are those of `GradientDescentClassifier`, the `learning_rate` 0.1 by default, and
    the `weight_decay` 0.05: numbers come with noise, which smaller weights learn less of. Inputs
    and targets are standardised first. After fitting, it has `network_`, `scaling_`,
    `target_scaling_`, `history_`.

    Raises ValueError for data that are no numbers, DivergedError where the learning rate is too
    large.

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]
    >>> GradientDescentRegressor(epochs=500, random_state=0).fit(X, y).score(X, y) > 0.99
    True
    """

    _RATE, _DECAY = 0.1, 0.05

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "GradientDescentRegressor":
        """Train on rows `X` and the number for each, `y`; returns the estimator."""
        X, y = validate_data(self, X, y, dtype=float, y_numeric=True)
        weights, X, y = _read_weights(sample_weight, X, y)
        self._begin(X, weights, 1)
        self.target_scaling_ = _standardize(y[:, None], weights)
        loss = self.loss or "mse"
        self._train(X, self._targets(y), weights, loss)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "GradientDescentRegressor":
        """Go over these rows once more; the scalings are those of the first rows."""
        is_first = not hasattr(self, "network_")
        X, y = validate_data(self, X, y, dtype=float, y_numeric=True, reset=is_first)
        weights, X, y = _read_weights(sample_weight, X, y)
        if is_first:
            self._begin(X, weights, 1)
            self.target_scaling_ = _standardize(y[:, None], weights)
        self._train(X, self._targets(y), weights, self.loss or "mse", 1)
        return self

    def _targets(self, y: Any) -> list[float]:
        return [x for (x,) in self.target_scaling_(y[:, None].tolist())]

    def predict(self, X: Any) -> Any:
        """The predicted number for each row."""
        scores = self._scores(X)
        return np.array(self.target_scaling_.invert(scores.tolist()))[:, 0]
