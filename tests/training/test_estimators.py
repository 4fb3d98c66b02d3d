"""The estimators are estimators of scikit-learn, by its own checks."""

import math
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra sklearn is not installed")

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import parametrize_with_checks

from micrograd_gd.errors import ArgumentError, DivergedError
from micrograd_gd.losses import mae
from micrograd_gd.optim import GradientDescent
from micrograd_gd.training import estimators
from micrograd_gd.training.estimators import GradientDescentClassifier, GradientDescentRegressor
from micrograd_gd.training.history import History


@parametrize_with_checks(
    [GradientDescentClassifier((8,), epochs=12), GradientDescentRegressor((8,), epochs=12)]
)
def test_scikit_learns_own_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn's own data and dependencies
        check(estimator)


def test_iris_is_told_apart():
    X, y = load_iris(return_X_y=True)
    assert cross_val_score(GradientDescentClassifier(random_state=0), X, y, cv=3).min() > 0.9


def test_diabetes_is_predicted_as_well_as_by_a_line():
    X, y = load_diabetes(return_X_y=True)
    model = GradientDescentRegressor(hidden=(), learning_rate=0.01, random_state=0).fit(X, y)
    assert model.score(X, y) == pytest.approx(0.5177, abs=0.02)  # ordinary least squares


def test_classes_keep_their_names_and_probabilities_add_up():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = GradientDescentClassifier(epochs=10, random_state=0).fit(X, names)
    likely = model.predict_proba(X)
    assert likely.shape == (150, 3)
    assert likely.sum(axis=1) == pytest.approx(np.ones(150))
    assert (model.classes_[likely.argmax(axis=1)] == model.predict(X)).all()
    two = GradientDescentClassifier(epochs=10, random_state=0).fit(X[:100], names[:100])
    assert two.decision_function(X[:100]).shape == (100,)
    assert (two.predict_proba(X[:100])[:, 1] > 0.5).tolist() == (
        two.decision_function(X[:100]) > 0
    ).tolist()


def test_they_work_in_pipelines_and_searches():
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(PolynomialFeatures(), GradientDescentClassifier(random_state=0))
    grid = {"gradientdescentclassifier__epochs": [1, 10]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_params_ == {"gradientdescentclassifier__epochs": 10}


def test_the_random_state_decides_and_a_pickle_predicts_the_same():
    X, y = load_diabetes(return_X_y=True)
    one, two, other = (
        GradientDescentRegressor(epochs=2, random_state=seed).fit(X[:50], y[:50])
        for seed in (1, 1, 2)
    )
    assert (one.predict(X) == two.predict(X)).all()
    assert (one.predict(X) != other.predict(X)).any()
    assert (pickle.loads(pickle.dumps(one)).predict(X) == one.predict(X)).all()  # noqa: S301 — our own


WEIGHTS = np.arange(60) % 3  # each row counts so often


@pytest.mark.parametrize("compiled", [True, False])
def test_a_weight_is_a_number_of_repetitions(compiled):
    X, y = load_iris(return_X_y=True)
    X, y = X[30:90], y[30:90]
    for kind in (GradientDescentClassifier, GradientDescentRegressor):
        model = kind(batch_size=None, epochs=30, random_state=0, compiled=compiled)
        weighted = clone(model).fit(X, y, sample_weight=WEIGHTS)
        repeated = clone(model).fit(np.repeat(X, WEIGHTS, axis=0), np.repeat(y, WEIGHTS))
        for found, expected in zip(
            weighted.network_.parameters(), repeated.network_.parameters(), strict=True
        ):
            assert found.data == pytest.approx(expected.data, rel=1e-9, abs=1e-12)
    with pytest.raises(ArgumentError, match="sample_weight beside a loss of your own"):
        GradientDescentRegressor(loss=lambda p, t: 2 * mae(p, t)).fit(X, y, WEIGHTS)


def test_going_on_with_further_rows():
    X, y = load_iris(return_X_y=True)
    model = GradientDescentClassifier(random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    for _ in range(15):
        for part in (slice(0, 150, 2), slice(1, 150, 2)):
            model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert model.score(X, y) > 0.9
    with pytest.raises(ValueError, match=r"y holds 3; expected the classes \[0 1 2\]"):
        model.partial_fit(X[:2], [0, 3])
    regressor = GradientDescentRegressor(hidden=(), batch_size=None, random_state=0)
    for _ in range(60):
        regressor.partial_fit(X, X @ [1.0, 2.0, -1.0, 0.5])
    assert regressor.score(X, X @ [1.0, 2.0, -1.0, 0.5]) > 0.99


@pytest.mark.parametrize("hidden", [(), 3, (3,), (3, 2)])
def test_hidden_layers_are_a_number_or_several_or_none(hidden):
    X, y = load_iris(return_X_y=True)
    model = GradientDescentClassifier(hidden, epochs=1, random_state=0).fit(X, y)
    widths = [len(layer.neurons) for layer in model.network_.layers]
    assert widths == [*([hidden] if hidden == 3 else hidden), 3]


def test_a_loss_by_name_or_of_ones_own():
    X, y = load_iris(return_X_y=True)
    hinge = GradientDescentClassifier((), loss="hinge", random_state=0).fit(X[:100], y[:100])
    assert hinge.score(X[:100], y[:100]) == 1.0
    outliers = X[:, 0] + 1e3 * (np.arange(150) % 30 == 0)

    def absolute(predictions, targets):
        return sum(abs(p - t) for p, t in zip(predictions, targets, strict=True)) / len(targets)

    given = {"epochs": 40, "batch_size": 10, "learning_rate": 0.02, "random_state": 0}
    own, named = (
        GradientDescentRegressor((), loss=loss, weight_decay=0.0, **given).fit(X, outliers)
        for loss in (absolute, "mae")
    )
    assert own.predict(X) == pytest.approx(named.predict(X), rel=1e-9)
    squared = GradientDescentRegressor((), **given).fit(X, outliers)
    errors = [np.median(abs(model.predict(X) - X[:, 0])) for model in (named, squared)]
    assert errors[0] < errors[1] / 2


def test_training_stops_where_rows_apart_do_not_improve():
    X, y = load_iris(return_X_y=True)
    model = GradientDescentClassifier(early_stopping=True, patience=3, epochs=500, random_state=0)
    model.fit(X, y)
    assert model.history_.status == "stopped"
    assert "validation_loss" in model.history_.rows[-1]
    assert model.score(X, y) > 0.9
    for few in (
        (X[::20], y[::20]),
        (X[:51], y[:51]),
    ):  # fewer to hold out than classes; one of a class
        assert "validation_loss" in clone(model).fit(*few).history_.rows[-1]


def test_the_rate_falls_to_0_unless_it_is_a_schedule_and_stays_in_partial_fit(monkeypatch):
    """The default is half a cosine from 0.5 for classes, and from 0.1 for numbers."""
    rates = []

    class Watched(GradientDescent):
        def change(self, gradient, learning_rate):
            rates.append(learning_rate)
            return (0.0,)

    monkeypatch.setattr(estimators, "GradientDescent", Watched)
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    for kind, first in ((GradientDescentClassifier, 0.5), (GradientDescentRegressor, 0.1)):
        given = {"hidden": (), "epochs": 2, "batch_size": 2, "random_state": 0}
        expected = [first * (1 + math.cos(math.pi * k / 4)) / 2 for k in range(4)]
        for settings, found in (
            ({}, expected),
            ({"learning_rate": 0.3}, [0.3 / first * rate for rate in expected]),
            ({"learning_rate": lambda k: 1.0 + k}, [1.0, 2.0, 3.0, 4.0]),
        ):
            rates.clear()
            kind(**given, **settings).fit(X, y)
            assert rates[::5] == pytest.approx(found)
        rates.clear()
        kind(**given).partial_fit(X, y, **({"classes": [0, 1]} if first == 0.5 else {}))
        assert {*rates} == {first}


def test_compiled_training_gives_the_same_network():
    X, y = load_iris(return_X_y=True)
    one, other = (
        GradientDescentClassifier(epochs=10, random_state=0, compiled=compiled).fit(X, y)
        for compiled in (True, False)
    )
    assert one.predict_proba(X) == pytest.approx(other.predict_proba(X), rel=1e-9)


def test_a_learning_rate_that_is_too_large_is_an_error_and_no_nonsense():
    X, y = load_diabetes(return_X_y=True)
    model = GradientDescentRegressor(hidden=(), learning_rate=1e3)
    with pytest.raises(DivergedError, match=r"the training diverged in epoch .* below 1000"):
        model.fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="y holds one class only"):
        GradientDescentClassifier().fit(X[:5], [1, 1, 1, 1, 1])


def test_an_interrupted_fit_gives_no_estimator(monkeypatch):
    def interrupt(*_args, **_options):
        return History([{"epoch": 0, "loss": 1.0}], "interrupted")

    monkeypatch.setattr(estimators, "fit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        GradientDescentRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
