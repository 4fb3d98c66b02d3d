"""How good the answers of a model are: figures for classes, and for numbers.

A figure that is not there, such as the precision of a class that was never answered, is nan.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, starmap
from operator import sub
from statistics import mode, quantiles
from textwrap import wrap
from typing import Any

from micrograd_gd.core.blocks import no_grad
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.losses import LOSSES
from micrograd_gd.table.numbers import number
from micrograd_gd.text import plain, tabulate

LABEL = 20  # characters of the name of a class
SHOWN = 5  # of the largest mistakes


@dataclass(frozen=True)
class Classification:
    """How often each class was taken for which.

    `counts[i][j]` rows of class i were answered as class j. The baseline answers the class `usual`
    to every row, the most frequent one where nothing else is said. `str` gives it all as a table.

    >>> truth, answers = [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]
    >>> print(Classification.count(truth, answers, ("no", "yes")))
         as no  as yes  precision   recall      F1
    no       2       1    100.0 %   66.7 %  80.0 %
    yes      0       2     66.7 %  100.0 %  80.0 %
    """

    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    usual: int

    @classmethod
    def count(
        cls,
        truth: Sequence[int],
        answers: Sequence[int],
        class_names: tuple[str, ...],
        usual: int | None = None,
    ) -> "Classification":
        """Count the pairs of a class and the answer to it, each a position in `class_names`."""
        _check(truth, answers)
        pairs = Counter(zip(truth, answers, strict=True))
        places = range(len(class_names))
        counts = tuple(tuple(pairs[i, j] for j in places) for i in places)
        return cls(class_names, counts, mode(truth) if usual is None else usual)

    def __len__(self) -> int:
        return sum(self.supports)

    @property
    def supports(self) -> list[int]:
        """How many rows each class has."""
        return [sum(row) for row in self.counts]

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return sum(row[i] for i, row in enumerate(self.counts)) / len(self)

    @property
    def balanced_accuracy(self) -> float:
        """The mean of the recalls of all classes that have rows."""
        recalls = [x for x in self.recalls if not math.isnan(x)]
        return math.fsum(recalls) / len(recalls)

    @property
    def baseline(self) -> float:
        """The accuracy of one answer for all rows."""
        return self.supports[self.usual] / len(self)

    @property
    def precisions(self) -> list[float]:
        """Of the rows that were answered as a class, the share that are of it."""
        columns = [sum(column) for column in zip(*self.counts, strict=True)]
        return [_ratio(row[i], columns[i]) for i, row in enumerate(self.counts)]

    @property
    def recalls(self) -> list[float]:
        """Of the rows of a class, the share that were answered as it."""
        return [_ratio(row[i], sum(row)) for i, row in enumerate(self.counts)]

    @property
    def f1_scores(self) -> list[float]:
        """The harmonic mean of precision and recall of each class."""
        columns = [sum(column) for column in zip(*self.counts, strict=True)]
        return [_ratio(2 * row[i], sum(row) + columns[i]) for i, row in enumerate(self.counts)]

    @property
    def mistakes(self) -> list[tuple[int, int, int]]:
        """Which class was taken for which, and how often, the most frequent first."""
        wrong = [(i, j, n) for i, row in enumerate(self.counts) for j, n in enumerate(row)
                 if n and i != j]  # fmt: skip
        return sorted(wrong, key=lambda mistake: -mistake[2])

    def figures(self) -> dict[str, str]:
        """The figures of all classes together, ready to be printed."""
        return {
            "accuracy": percent(self.accuracy),
            "baseline": percent(self.baseline),
            "balanced accuracy": percent(self.balanced_accuracy),
        }

    def lines(self, width: int = 80) -> list[str]:
        """A table of the classes, no wider than that: without its columns of answers if need be."""
        names = [plain(name, LABEL) for name in self.class_names]
        answers = [[str(n) for n in row] for row in self.counts]
        figures = [[*map(percent, x)] for x in
                   zip(self.precisions, self.recalls, self.f1_scores, strict=True)]  # fmt: skip
        heads = ["precision", "recall", "F1"]
        whole = [[name, *row, *its] for name, row, its in zip(names, answers, figures, strict=True)]
        lines = _align(["", *(f"as {name}" for name in names), *heads], whole)
        if max(map(len, lines)) <= width:
            return lines
        short = [[name, str(rows), *its] for name, rows, its in
                 zip(names, self.supports, figures, strict=True)]  # fmt: skip
        taken = [f"{n} of {names[i]} as {names[j]}" for i, j, n in self.mistakes[:SHOWN]]
        mistakes = wrap(f"mistakes: {', '.join(taken)}", width) if taken else []
        return [*_align(["", "rows", *heads], short), *mistakes]

    def __str__(self) -> str:
        return "\n".join(self.lines())


@dataclass(frozen=True)
class Regression:
    """Numbers beside what they should be. A residual is the answer minus the truth.

    The baseline answers the number `usual` to every row, the mean where nothing else is said. `str`
    gives the residuals in a few lines.

    >>> print(Regression.compare([1.0, 2.0, 3.0], [1.0, 2.5, 2.0]))
    residuals from -1 to 0.5, mean -0.1667; half of them from -0.5 to 0.25; the
    largest: -1 at 3, 0.5 at 2, 0 at 1
    """

    truth: tuple[float, ...]
    answers: tuple[float, ...]
    usual: float

    @classmethod
    def compare(
        cls, truth: Sequence[float], answers: Sequence[float], usual: float | None = None
    ) -> "Regression":
        """Put the answers beside the truth."""
        _check(truth, answers)
        return cls((*truth,), (*answers,), mean(truth) if usual is None else usual)

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def residuals(self) -> list[float]:
        """Each answer minus the truth."""
        return [*starmap(sub, zip(self.answers, self.truth, strict=True))]

    @property
    def rmse(self) -> float:
        """The root of the mean squared residual."""
        return _root_mean_square(self.residuals)

    @property
    def mae(self) -> float:
        """The mean size of a residual."""
        return mean([abs(x) for x in self.residuals])

    @property
    def r2(self) -> float:
        """The share of the variance of the truth that is explained; nan where there is none."""
        center = mean(self.truth)
        spread = _root_mean_square([x - center for x in self.truth])
        return 1 - (self.rmse / spread) ** 2 if spread else math.nan

    @property
    def baseline(self) -> float:
        """The root mean squared residual of one answer for all rows."""
        return _root_mean_square([x - self.usual for x in self.truth])

    @property
    def quartiles(self) -> list[float]:
        """The residuals in order: the lowest, at a quarter, half, three quarters, the highest."""
        residuals = self.residuals
        places = residuals if len(residuals) > 1 else residuals * 2  # of one row, all are the same
        return [min(residuals), *quantiles(places, n=4, method="inclusive"), max(residuals)]

    @property
    def largest(self) -> list[int]:
        """The rows in order of the size of their residuals, the largest first."""
        residuals = self.residuals
        return sorted(range(len(residuals)), key=lambda i: -abs(residuals[i]))

    def figures(self) -> dict[str, str]:
        """The figures, ready to be printed."""
        shown = {"RMSE": self.rmse, "baseline": self.baseline, "MAE": self.mae}
        return {**{name: f"{x:.4g}" for name, x in shown.items()}, "R²": f"{self.r2:.4f}"}

    def lines(self, width: int = 80) -> list[str]:
        """The residuals in a few lines, no wider than that."""
        residuals = self.residuals
        low, first, _, third, high = self.quartiles
        largest = [f"{residuals[i]:.4g} at {self.truth[i]:.4g}" for i in self.largest[:SHOWN]]
        told = (
            f"residuals from {low:.4g} to {high:.4g}, mean {mean(residuals):.4g}; "
            f"half of them from {first:.4g} to {third:.4g}; the largest: {', '.join(largest)}"
        )
        return wrap(told, width)

    def __str__(self) -> str:
        return "\n".join(self.lines())


Evaluation = Classification | Regression


def evaluate_training(
    training: Any, class_names: tuple[str, ...] | None = None
) -> dict[str, Evaluation]:
    """How good a trained model is on its training samples, and on those for validation.

    Classes without names are called by their numbers. For a loss of one's own there is nothing,
    since it does not say what an answer is.
    """
    if training.loss not in LOSSES.values():
        return {}
    parts = {"train": training.samples, "test": training.held_out}
    pairs = {name: _compare(part) for name, part in parts.items() if part is not None}
    usual = pairs["train"][0]
    if training.samples.is_right is None:
        return {name: Regression.compare(*pair, mean(usual)) for name, pair in pairs.items()}
    count = 1 + max(max(*truth, *answers) for truth, answers in pairs.values())
    names = class_names or tuple(map(str, range(max(count, 2))))
    return {name: Classification.count(*pair, names, mode(usual)) for name, pair in pairs.items()}


def _compare(samples: Any) -> tuple[list[Any], list[Any]]:
    """The truth and the answers of samples: numbers, or the positions of classes."""
    scores, loss = run(samples.model, samples.inputs), samples.loss.__name__
    if loss == "cross_entropy":
        return [*map(int, samples.targets)], [*map(decide, scores)]
    targets = [x for t in samples.targets for x in (t if hasattr(t, "__len__") else [t])]
    answers = [*chain.from_iterable(scores)]
    if samples.is_right is None:
        return [*map(float, targets)], answers
    border = 0.0 if loss == "hinge" else 0.5
    return [int(t > border) for t in targets], [int(x > 0) for x in answers]


def run(model: Any, rows: Iterable[Any]) -> list[list[float]]:
    """The outputs of a model for each row, as numbers."""
    with no_grad():
        outputs = [model(row) for row in rows]
    lists = [each if isinstance(each, (list, tuple)) else [each] for each in outputs]
    return [[number(getattr(x, "data", x), "an output") for x in each] for each in lists]


def decide(scores: Sequence[float]) -> int:
    """The class that the outputs of a network say: the largest, or the sign of the only one."""
    return int(scores[0] > 0) if len(scores) == 1 else [*scores].index(max(scores))


def percent(share: float) -> str:
    """A share of 1 as text: 100.0 % is nothing less than all, and a dash nan.

    >>> percent(0.972), percent(0.9999), percent(float("nan"))
    ('97.2 %', '99.9 %', '–')
    """
    return "–" if math.isnan(share) else f"{100 if share == 1 else min(100 * share, 99.9):.1f} %"


def mean(numbers: Sequence[float]) -> float:
    """The mean, where their sum is no float, too."""
    return sum(x / len(numbers) for x in numbers)


def _root_mean_square(numbers: Sequence[float]) -> float:
    return math.hypot(*(x / math.sqrt(len(numbers)) for x in numbers))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _check(truth: Sequence[float], answers: Sequence[float]) -> None:
    if len(truth) != len(answers):
        raise ShapeError(f"{len(answers)} answers to {len(truth)} rows; expected one for each row")
    if len(truth) == 0:
        raise ArgumentError("no rows to evaluate; expected at least one")


def _align(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, with its numbers to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    names, *heads = heads
    return tabulate(
        [names, *(x.rjust(width) for x, width in zip(heads, widths[1:], strict=True))],
        [[name, *(x.rjust(width) for x, width in zip(row, widths[1:], strict=True))]
         for name, *row in rows],
    )  # fmt: skip
