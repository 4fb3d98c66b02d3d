"""Losses: how far predictions are from their targets, as the mean over the samples.

Predictions and targets are sequences of the same length, of numbers and values; a single number
stands for a sequence of one. A loss is a `Value`, or a float where nothing in it is a value. Every
loss raises ShapeError for lengths that differ, ArgumentError for no samples and NotANumberError
for anything but numbers. What else a loss raises is said there.
"""

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from micrograd_gd.core import blocks
from micrograd_gd.core.blocks import is_varying, trace
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, JitError, ShapeError
from micrograd_gd.functional import logsumexp, mean
from micrograd_gd.names import close_module
from micrograd_gd.table.numbers import elements, number
from micrograd_gd.table.ops import operation

__all__ = [
    "LOSSES",
    "binary_cross_entropy",
    "cross_entropy",
    "hinge",
    "huber",
    "loss_function",
    "mae",
    "mse",
]

_absolute, _clip, _relu, _softplus, _square, _where = (
    operation(name) for name in ("abs", "clip", "relu", "softplus", "square", "where")
)


def mse(predictions: Any, targets: Any) -> Any:
    """Mean squared error: mean (p - t)², over all numbers where a model has several outputs.

    >>> mse([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    return mean([_square(p - t) for p, t in _read_pairs("mse", predictions, targets)])


def mae(predictions: Any, targets: Any) -> Any:
    """Mean absolute error: mean |p - t|, with derivative 0 where they are equal.

    >>> mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return mean([_absolute(p - t) for p, t in _read_pairs("mae", predictions, targets)])


def huber(predictions: Any, targets: Any, delta: float = 1.0) -> Any:
    """Half the squared error up to `delta`, from there on a straight line (Huber, 1964).

    Raises ArgumentError for a delta that is not above 0.

    >>> huber([0.5, 3.0], [0.0, 0.0])
    1.3125
    """
    delta = number(delta, "delta")
    if not delta > 0:
        raise ArgumentError(f"delta is {delta}; expected a number above 0")
    return mean([_huber(p - t, delta) for p, t in _read_pairs("huber", predictions, targets)])


def hinge(scores: Any, targets: Any) -> Any:
    """The max-margin loss of a support vector machine: mean relu(1 - t · score), t being ±1.

    Raises ArgumentError for a target that is neither.

    >>> hinge([0.5, 2.0], [-1, 1])
    0.75
    """
    pairs = _read_pairs("hinge", scores, targets)
    for i, (_, t) in enumerate(pairs):
        if t * t != 1:
            raise ArgumentError(f"target {i} of hinge is {t:g}; expected -1 or 1")
    return mean([_relu(1.0 - t * score) for score, t in pairs])


def binary_cross_entropy(scores: Any, targets: Any) -> Any:
    """Mean -t ln σ(score) - (1 - t) ln σ(-score): scores are logits, targets are in [0, 1].

    Raises ArgumentError for a target outside of [0, 1].

    >>> binary_cross_entropy([0.0, -1000.0], [1, 0])
    0.34657359027997264
    """
    pairs = _read_pairs("binary_cross_entropy", scores, targets)
    for i, (_, t) in enumerate(pairs):
        if not 0 <= t <= 1:
            raise ArgumentError(
                f"target {i} of binary_cross_entropy is {t:g}; expected a number in [0, 1]"
            )
    return mean([t * _softplus(-score) + (1.0 - t) * _softplus(score) for score, t in pairs])


def cross_entropy(scores: Any, targets: Any) -> Any:
    """Mean -ln softmax(row)[class]: a row of logits and the index of the right class per sample.

    Raises ShapeError for rows that differ in length, ArgumentError for rows of fewer than two
    scores and for an index of no class, and JitError for one that a compiled function is given as
    an argument that is neither static nor a batch.

    >>> cross_entropy([[0.0, 0.0], [0.0, 1000.0]], [0, 1])
    0.34657359027997264
    """
    rows = _read_rows(scores)
    classes = [
        _read_class(_read_number(t, f"target {i} of cross_entropy"), i, len(rows[0]))
        for i, t in enumerate(_check_targets("cross_entropy", rows, targets))
    ]
    is_any = any(isinstance(c, Value) for c in classes)
    surprise = _surprise_of_any if is_any else _surprise
    return mean([surprise(row, c) for row, c in zip(rows, classes, strict=True)])


_takes_any_class: blocks.Variable = ContextVar("_takes_any_class", default=None)


def any_class() -> blocks.Switch:
    """Inside, a class that is not known while a trace is under way is taken, as in a batch.

    Scores of -inf are not taken then, and the loss of what is no class is nan.
    """
    return blocks.Switch(_takes_any_class, value=True, is_observed=False)


LOSSES: dict[str, Callable[..., Any]] = {}  # by name; filled below, as they are offered


def loss_function(loss: str | Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The loss of that name; a function of all predictions and targets is returned as it is.

    Raises ArgumentError for an unknown name.

    >>> loss_function("mse")([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise ArgumentError(
            f"loss is {loss!r}; expected one of {', '.join(LOSSES)}, or a function of "
            f"predictions and targets"
        )
    return LOSSES[loss]


def _huber(error: Any, delta: float) -> Any:
    near = _clip(error, -delta, delta)
    return near * (error - 0.5 * near)


def _surprise(row: list[Any], c: int) -> Any:
    # ln Σ exp(s - s_c) as ln(1 + the others), exact also where the class is nearly certain.
    # A score of -inf rules its class out, and takes no part.
    others = [score for score in row[:c] + row[c + 1 :] if score != -math.inf]
    return _softplus(logsumexp(others) - row[c]) if others else 0.0 * row[c]


def _surprise_of_any(row: list[Any], c: Any) -> Any:
    # The same where c is not known yet, so that no score can be left out; nan for no class at all.
    score: Any = math.nan
    for j, each in enumerate(row):
        score = _where(c - j, score, each)
    others = [_where(c - j, score, -math.inf) for j, score in enumerate(row)]
    return _softplus(logsumexp(others) - score)


def _read_pairs(loss: str, predictions: Any, targets: Any) -> list[tuple[Any, Any]]:
    """Each prediction with its target, numbers as floats; rows are taken number by number."""
    predictions = _read_sequence(predictions, f"predictions of {loss}")
    targets = _check_targets(loss, predictions, targets)
    if any(hasattr(kind, "__len__") for kind in {*map(type, predictions), *map(type, targets)}):
        predictions, targets = _read_outputs(loss, predictions, targets)
    return [
        (_read_number(p, f"prediction {i} of {loss}"), _read_number(t, f"target {i} of {loss}"))
        for i, (p, t) in enumerate(zip(predictions, targets, strict=True))
    ]


def _check_targets(loss: str, predictions: list[Any], targets: Any) -> list[Any]:
    """The targets; there must be as many as predictions."""
    wanted = _read_sequence(targets, f"targets of {loss}")
    if len(predictions) != len(wanted):
        raise ShapeError(
            f"{loss} needs a target for every prediction: "
            f"got {len(predictions)} predictions and {len(wanted)} targets"
        )
    if not wanted:
        raise ArgumentError(f"{loss} needs at least one sample, and got none")
    return wanted


def _read_outputs(loss: str, predictions: list[Any], targets: list[Any]) -> list[list[Any]]:
    """The numbers of all rows, for a model of several outputs; a row of one may be a number."""
    numbers: list[list[Any]] = [[], []]
    for i, (prediction, target) in enumerate(zip(predictions, targets, strict=True)):
        row = _read_sequence(prediction, f"prediction {i} of {loss}")
        wanted = _read_sequence(target, f"target {i} of {loss}")
        if len(row) != len(wanted):
            raise ShapeError(
                f"prediction {i} of {loss} has {_count(row)}, and its target {_count(wanted)}; "
                f"expected a target for every output of the model"
            )
        numbers[0] += row
        numbers[1] += wanted
    return numbers


def _count(row: list[Any]) -> str:
    return f"{len(row)} number{'s' * (len(row) != 1)}"


def _read_rows(scores: Any) -> list[list[Any]]:
    scores = _read_sequence(scores, "scores of cross_entropy")
    if scores and not hasattr(scores[0], "__len__"):  # one sample
        scores = [scores]
    rows = [_read_row(row, i) for i, row in enumerate(scores)]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ShapeError(
                f"row {i} of the scores has {len(row)} classes, and row 0 has {len(rows[0])}"
            )
    if rows and len(rows[0]) < 2:
        raise ArgumentError(
            f"cross_entropy needs a score for each of two classes or more, and got {len(rows[0])} "
            f"in a row; for one score and the answer yes or no take binary_cross_entropy"
        )
    return rows


def _read_row(row: Any, i: int) -> list[Any]:
    row = _read_sequence(row, f"row {i} of the scores")
    return [_read_number(score, f"score {j} of row {i}") for j, score in enumerate(row)]


def _read_class(t: Any, i: int, classes: int) -> Any:
    if is_varying(t) or (blocks.find(_takes_any_class) and isinstance(t, Value) and trace()):
        return t
    if isinstance(t, Value) and trace():
        raise JitError(
            f"target {i} of cross_entropy is a number that is not known while the function is "
            f"traced: name that argument in static_argnames, or map over samples with vmap"
        )
    t = _plain(t)
    if not (0 <= t < classes and t == int(t)):
        raise ArgumentError(
            f"target {i} of cross_entropy is {t:g}; "
            f"expected the index of a class, 0 to {classes - 1}"
        )
    return int(t)


def _read_sequence(xs: Any, name: str) -> list[Any]:
    is_single = getattr(xs, "ndim", 1) == 0 or not hasattr(xs, "__iter__")
    return [xs] if is_single else elements(xs, name)


def _read_number(x: Any, name: str) -> Any:
    return x if isinstance(x, Value) else number(x, name)


def _plain(x: Any) -> float:
    return x.data if isinstance(x, Value) else x


close_module(__name__)

for _loss in (mse, mae, huber, hinge, binary_cross_entropy, cross_entropy):
    LOSSES[_loss.__name__] = _loss
