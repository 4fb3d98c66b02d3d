"""Exercises of the chapter on your own data."""

from collections.abc import Sequence
from random import Random
from statistics import fmean, pstdev, pvariance

from micrograd_gd.exercises.checking import add

Row = list[float]


def _draw_columns(random: Random) -> tuple[Row, Row]:
    train = [random.uniform(10, 20) for _ in range(6)]
    return train, [random.uniform(10, 30) for _ in range(3)]


def _shift(xs: Row, mean: float, scale: float) -> Row:
    return [(x - mean) / scale for x in xs]


add(
    "standardize",
    "standardize(train, test): the numbers of test, shifted and scaled as those of\n"
    "train are for mean 0 and deviation 1; both are lists.",
    lambda train, test: _shift(test, fmean(train), pstdev(train)),
    {
        "Nothing may be taken from the test rows: the mean and the deviation are those of train.": (
            lambda train, test: _shift(test, fmean(test), pstdev(test))
        ),
        "Neither from both together: the mean and the deviation are those of train.": (
            lambda train, test: _shift(test, fmean(train + test), pstdev(train + test))
        ),
        "The mean is missing: subtract it first.": (
            lambda train, test: _shift(test, 0.0, pstdev(train))
        ),
        "The scale is missing: divide by the deviation.": (
            lambda train, test: _shift(test, fmean(train), 1.0)
        ),
        "That is the variance. The deviation is its root.": (
            lambda train, test: _shift(test, fmean(train), pvariance(train))
        ),
        "Subtract the mean before you divide.": (
            lambda train, test: [x / pstdev(train) - fmean(train) for x in test]
        ),
        "That brings them between 0 and 1. Asked are mean 0 and deviation 1.": (
            lambda train, test: _shift(test, min(train), max(train) - min(train))
        ),
    },
    _draw_columns,
)


Names = Sequence[str]


def _draw_parts(random: Random) -> tuple[Names, Names]:
    train = [*"bbbbbb", *random.choices("abc", k=5)]
    return random.sample(train, len(train)), [*"aaaa", *random.choices("abc", k=3)]


def _most(names: Names) -> str:
    return max(sorted(set(names)), key=names.count)


add(
    "baseline",
    "baseline(train, test): the share of test that is answered right by the most\n"
    "frequent class of train; both are lists of names, in which no two are as frequent.",
    lambda train, test: test.count(_most(train)) / len(test),
    {
        "The class has to be the most frequent one of train. That of test is not known then.": (
            lambda train, test: test.count(_most(test)) / len(test)
        ),
        "That is the share in train. Measure on test.": (
            lambda train, test: train.count(_most(train)) / len(train)
        ),
        "That is guessing among the classes. The most frequent one is always answered.": (
            lambda train, test: 1 / len(set(train))
        ),
        "That is the share that is wrong.": (
            lambda train, test: 1 - test.count(_most(train)) / len(test)
        ),
        "That is how many are right. Divide by how many there are.": (
            lambda train, test: test.count(_most(train))
        ),
    },
    _draw_parts,
)


def _draw_answers(random: Random) -> tuple[Names, Names, str]:
    truths, answers = (["a", "b", *random.choices("abc", k=8)] for _ in range(2))
    return truths, answers, "b"


def _both(truths: Names, answers: Names, name: str) -> int:
    return sum(x == y == name for x, y in zip(truths, answers, strict=True))


add(
    "recall",
    "recall(truths, answers, name): of the rows whose truth is this name, the share\n"
    "that is answered with it; both are lists of names.",
    lambda truths, answers, name: _both(truths, answers, name) / truths.count(name),
    {
        "That is the precision, of the rows that are answered with the name.": (
            lambda truths, answers, name: _both(truths, answers, name) / answers.count(name)
        ),
        "That is the accuracy, over all names.": lambda truths, answers, name: (
            sum(x == y for x, y in zip(truths, answers, strict=True)) / len(truths)
        ),
        "That is of all rows. Divide by how many have this name.": (
            lambda truths, answers, name: _both(truths, answers, name) / len(truths)
        ),
        "Rows that were answered with the name wrongly are not part of it.": (
            lambda truths, answers, name: answers.count(name) / truths.count(name)
        ),
        "That is the share that is missed.": (
            lambda truths, answers, name: 1 - _both(truths, answers, name) / truths.count(name)
        ),
    },
    _draw_answers,
)
