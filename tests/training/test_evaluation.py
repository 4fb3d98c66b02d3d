"""Figures for classes and for numbers, beside those of scikit-learn."""

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import MLP
from micrograd_gd.data import Dataset
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.training.evaluation import Classification, Regression
from micrograd_gd.training.predictor import Predictor

metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the reference")

NUMBERS = st.floats(-1e3, 1e3)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_classes_have_the_figures_of_scikit_learn(pairs):
    truth, answers = zip(*pairs, strict=True)
    labels = [*range(4)]
    found = Classification.count(truth, answers, ("a", "b", "c", "d"))
    assert [*map(list, found.counts)] == metrics.confusion_matrix(
        truth, answers, labels=labels
    ).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that were answered and are not there
        precisions, recalls, f1_scores, supports = metrics.precision_recall_fscore_support(
            truth, answers, labels=labels, zero_division=math.nan
        )
        balanced = metrics.balanced_accuracy_score(truth, answers)
    for ours, theirs in [(found.precisions, precisions), (found.recalls, recalls),
                         (found.f1_scores, f1_scores), (found.supports, supports)]:  # fmt: skip
        assert ours == pytest.approx([*theirs], nan_ok=True)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, answers))
    assert found.balanced_accuracy == pytest.approx(balanced)
    assert found.baseline == pytest.approx(max(supports) / len(truth))
    assert sum(n for *_, n in found.mistakes) == sum(map(int.__ne__, truth, answers))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30), NUMBERS)
def test_numbers_have_the_figures_of_scikit_learn(pairs, usual):
    truth, answers = zip(*pairs, strict=True)
    found = Regression.compare(truth, answers, usual)
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(truth, answers))
    assert found.mae == pytest.approx(metrics.mean_absolute_error(truth, answers))
    assert found.baseline == pytest.approx(
        metrics.root_mean_squared_error(truth, [usual] * len(truth))
    )
    if max(truth) - min(truth) > 1e-3:
        assert found.r2 == pytest.approx(metrics.r2_score(truth, answers), rel=1e-6)
    low, _, median, _, high = found.quartiles
    assert low <= median <= high
    assert abs(found.residuals[found.largest[0]]) == max(-low, high)


def test_a_table_that_is_too_wide_has_the_mistakes_in_words():
    names = tuple(f"class {i} " + "x" * 100 for i in range(5))
    found = Classification.count([0, 1, 1, 2, 3, 4], [0, 2, 2, 1, 3, 4], names)
    wide, narrow = found.lines(1000), found.lines(60)
    assert len(wide) == 6
    assert max(map(len, narrow)) <= 60
    assert "2 of class 1" in " ".join(narrow)


def test_a_single_row_and_what_does_not_fit():
    single = Regression.compare([1.0], [3.0])
    assert single.quartiles == [2.0] * 5
    assert math.isnan(single.r2)
    with pytest.raises(ShapeError, match="2 answers to 1 rows"):
        Regression.compare([1.0], [1.0, 2.0])
    with pytest.raises(ArgumentError, match="no rows to evaluate"):
        Classification.count([], [], ("a",))
    predictor = Predictor(MLP(1, 1, seed=0), class_names=("a", "b"))
    with pytest.raises(ArgumentError, match="as the model has"):
        predictor.evaluate(Dataset([[1.0]], [0], ("x",), class_names=("a", "c")))
