"""The estimators are estimators of scikit-learn, by its own checks."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra sklearn is not installed")

from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import parametrize_with_checks

from micrograd_gd.errors import DivergedError
from micrograd_gd.training import estimators
from micrograd_gd.training.estimators import GradientDescentClassifier, GradientDescentRegressor
from micrograd_gd.training.history import History


@parametrize_with_checks(
    [GradientDescentClassifier(epochs=12), GradientDescentRegressor(epochs=12)]
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
