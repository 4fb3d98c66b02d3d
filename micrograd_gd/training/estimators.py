"""Networks trained by gradient descent as estimators of scikit-learn, ready for its pipelines.

Importing this module needs scikit-learn, the extra `sklearn`.
"""

from collections.abc import Sequence
from typing import Any

from micrograd_gd.core.blocks import no_grad
from micrograd_gd.data import standardize
from micrograd_gd.errors import DivergedError
from micrograd_gd.names import missing_package
from micrograd_gd.nn import MLP
from micrograd_gd.training.fit import fit

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data
except ModuleNotFoundError as error:
    raise missing_package(error.name, "GradientDescentClassifier") from None

import numpy as np  # which scikit-learn brings

__all__ = ["GradientDescentClassifier", "GradientDescentRegressor"]


class _Network(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """What both estimators are: a network, its scaling and its training."""

    def __init__(
        self,
        hidden: Sequence[int] = (8,),
        *,
        activation: str = "tanh",
        learning_rate: float = 0.1,
        epochs: int = 50,
        batch_size: int | None = 10,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def _train(self, X: Any, targets: list[float], outputs: int, loss: str) -> None:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.scaling_ = standardize(X.tolist())
        widths = [*self.hidden, outputs]
        self.network_ = MLP(X.shape[1], widths, activation=self.activation, seed=seed)
        self.history_ = fit(
            self.network_,
            self.scaling_(X.tolist()),
            targets,
            loss=loss,
            learning_rate=self.learning_rate,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            progress=False,
        )
        self.history_.training = None  # what is kept for predicting holds no training samples
        if self.history_.status == "interrupted":
            raise KeyboardInterrupt
        if self.history_.status == "diverged":
            remedy = f"expected a learning rate below {self.learning_rate:g}"
            raise DivergedError(f"the training {self.history_.message}; {remedy}")

    def _scores(self, X: Any) -> Any:
        """The outputs of the network, one row per sample."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=float)
        with no_grad():
            outputs = [self.network_(row) for row in self.scaling_(X.tolist())]
        rows = [row if isinstance(row, list) else [row] for row in outputs]
        return np.array([[score.data for score in row] for row in rows])


class GradientDescentClassifier(ClassifierMixin, _Network):  # type: ignore[misc]  # as above
    """A network that tells classes apart, trained by plain gradient descent on cross-entropy.

    `hidden` are the widths of the hidden layers, `activation` is theirs; the other parameters
    are those of `fit`. Inputs are standardised first. After fitting, it has `network_`, `scaling_`,
    `history_`, `classes_`.

    Raises ValueError for data that are no numbers, and for fewer than two classes; DivergedError
    where the learning rate is too large.

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> GradientDescentClassifier(random_state=0).fit(X, y).predict([[-1.0], [4.0]]).tolist()
    ['low', 'high']
    """

    def fit(self, X: Any, y: Any) -> "GradientDescentClassifier":
        """Train on rows `X` and the class of each, `y`; returns the estimator."""
        X, y = validate_data(self, X, y, dtype=float)
        check_classification_targets(y)
        self.classes_, targets = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            only = self.classes_[0]
            raise ValueError(f"y holds one class only, {only!r}; expected two classes or more")
        if len(self.classes_) == 2:
            self._train(X, targets.tolist(), 1, "binary_cross_entropy")
        else:
            self._train(X, targets.tolist(), len(self.classes_), "cross_entropy")
        return self

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

    Its parameters are those of `GradientDescentClassifier`. Inputs and targets are standardised
    first. After fitting, it has `network_`, `scaling_`, `target_scaling_`, `history_`.

    Raises ValueError for data that are no numbers, DivergedError where the learning rate is too
    large.

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]
    >>> GradientDescentRegressor(epochs=500, random_state=0).fit(X, y).score(X, y) > 0.99
    True
    """

    def fit(self, X: Any, y: Any) -> "GradientDescentRegressor":
        """Train on rows `X` and the number for each, `y`; returns the estimator."""
        X, y = validate_data(self, X, y, dtype=float, y_numeric=True)
        self.target_scaling_ = standardize([[float(target)] for target in y])
        targets = [x for (x,) in self.target_scaling_([[float(target)] for target in y])]
        self._train(X, targets, 1, "mse")
        return self

    def predict(self, X: Any) -> Any:
        """The predicted number for each row."""
        scores = self._scores(X)
        return np.array(self.target_scaling_.invert(scores.tolist()))[:, 0]
