"""Derivatives that are claimed, held against differences of a function's values."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from operator import mul
from random import Random
from typing import Any

from mpmath import mp

from micrograd_gd.errors import GradientError, ShapeError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.testing import nearby
from micrograd_gd.testing.differences import NO_VALUE
from micrograd_gd.testing.intervals import Interval
from micrograd_gd.testing.judge import CLOSE, Matrix, judge_along, judge_by_estimate
from micrograd_gd.testing.replay import DIGITS
from micrograd_gd.testing.report import Comparison
from micrograd_gd.testing.subject import Mode, Subject, cut
from micrograd_gd.transforms import trees

NEIGHBORS = 6  # points nearby at which a claim is asked again
APART = 2.0**-50  # their relative distance

Claims = dict[str, tuple[Matrix, Matrix]]  # by mode, derivatives and their scatter


def read_claim(subject: Subject, gradient: Any) -> tuple[Matrix, Matrix]:
    """The derivatives that a function claims, and their scatter."""
    if not callable(gradient):
        rows = _rows(subject, lambda *_: gradient, subject.numbers)
        return rows, [[0.0] * len(row) for row in rows]
    rows = _rows(subject, gradient, subject.numbers)
    if repr(rows) != repr(again := _rows(subject, gradient, subject.numbers)):  # a nan is no change
        raise GradientError(
            f"gradient returned {shorten(rows)}, and {shorten(again)} when it was asked again "
            f"at the same point; a gradient must not remember"
        )
    return rows, _scatter(subject, rows, partial(_rows, subject, gradient))


def read_recorded(subject: Subject, mode: Mode) -> tuple[Matrix, Matrix]:
    """The derivatives of a recording, of whose rules nothing is known, and their scatter."""
    rows = subject.derivatives(1, mode)
    return rows, _scatter(subject, rows, lambda xs: subject.derivatives(1, mode, xs))


def _scatter(
    subject: Subject, rows: Matrix, rows_at: Callable[[Sequence[float]], Matrix]
) -> Matrix:
    """How derivatives scatter among points nearby, which is their own rounding error."""
    random = Random(0)  # noqa: S311 — neighbors, no secrets
    samples = []
    for _ in range(NEIGHBORS):
        numbers = [x * (1 + random.choice((-APART, APART))) for x in subject.numbers]
        try:
            samples.append(rows_at(numbers))
        except NO_VALUE:  # the function ends here
            return [[0.0] * len(row) for row in rows]
    scatter = [
        [max(entries) - min(entries) for entries in zip(*each, strict=True)]
        for each in zip(*samples, strict=True)
    ]
    return [[x if x < math.inf else 0.0 for x in row] for row in scatter]


def _rows(
    subject: Subject, gradient: Callable[..., Any], numbers: Sequence[float]
) -> list[list[float]]:
    claim = gradient(*subject.at(numbers))
    subject.note_precision("gradient", claim)
    leaves, structure = trees.flatten(claim, "what gradient returned")
    wanted = subject.structure.below[0] if len(subject.args) == 1 else subject.structure
    if trees.is_like(structure, wanted):  # dictionaries may have another order
        leaves = trees.match(claim, wanted, "what gradient returned")
    width, size = len(numbers), subject.out_structure.size
    if len(leaves) != size * width:
        raise ShapeError(
            f"gradient returned {structure!r}, {len(leaves)} numbers; expected {size * width}: the "
            f"derivatives of {size} results by {width} arguments"
        )
    claimed = [float(getattr(leaf, "data", leaf)) for leaf in leaves]
    if not (blocks := _blocks(structure, wanted, size)):
        return cut(claimed, width)
    return [
        [x for start, n in blocks for x in claimed[start + i * n : start + (i + 1) * n]]
        for i in range(size)
    ]


def _blocks(
    structure: trees.Structure, wanted: trees.Structure, size: int
) -> list[tuple[int, int]]:
    """Where the blocks of a Jacobian begin, and their widths, if it is a tree of arrays, as of JAX.

    Then each array of the argument has one, with the results along its first axis.
    """
    own, pieces = (trees.pieces(each, "") for each in (structure, wanted))
    starts = accumulate((piece.size for _, piece in own), initial=0)
    start_of = {name: start for (name, _), start in zip(own, starts, strict=False)}
    is_list_of_rows = wanted.kind in {list, tuple} and not any(piece.shape for _, piece in pieces)
    if size == 1 or is_list_of_rows or start_of.keys() != {name for name, _ in pieces}:
        return []
    return [(start_of[name], piece.size) for name, piece in pieces]


def judge_by_each(subject: Subject, claims: Claims) -> list[Comparison]:
    """The derivatives by each of the numbers."""
    found = []
    slopes = nearby.slopes(subject)
    for i, names in enumerate(subject.derivative_names(1)):
        for j, name in enumerate(names):
            for how, (rows, scatter) in claims.items():
                comparison = Comparison(name, how, rows[i][j], output=i)
                found.append(judge_by_estimate(comparison, slopes[i][j].estimate, scatter[i][j]))
    along = partial(nearby.slopes_along, subject)
    return found + judge_together(subject, found, along, lambda i: [x.roughly for x in slopes[i]])


def judge_in_directions(
    subject: Subject, claims: Claims, count: int
) -> tuple[list[Comparison], list[str]]:
    """The derivatives in random directions; where one is wrong, the number that makes it so."""
    found = []
    drawn = nearby.draw_directions(subject.numbers, count)
    for k, direction in enumerate(drawn):
        found += _along(subject, claims, direction, f"direction {k + 1}")
        if any(each.verdict == "wrong" for each in found):
            found += _narrow_down(subject, claims, direction)
            break
    note = (
        f"{len(found)} comparisons in random directions, not by each of {len(subject.numbers)} "
        f"numbers: faults that are smaller than the error bound, or cancel there, were not seen"
    )
    return found, [note]


def _along(
    subject: Subject, claims: Claims, direction: Sequence[float], name: str
) -> list[Comparison]:
    found = []
    for i, estimate in enumerate(nearby.estimates_along(subject, direction)):
        for how, (rows, scatter) in claims.items():
            slope = math.fsum(map(mul, rows[i], direction))
            own = math.fsum(abs(d) * s for d, s in zip(direction, scatter[i], strict=True))
            own += CLOSE * math.fsum(abs(d * x) for d, x in zip(direction, rows[i], strict=True))
            comparison = Comparison(name, how, slope, output=i)
            found.append(judge_by_estimate(comparison, estimate, own))
    return found


def _narrow_down(subject: Subject, claims: Claims, direction: Sequence[float]) -> list[Comparison]:
    """The wrong derivative by a single number, found by halves, or none."""
    places = range(len(direction))
    while len(places) > 1:
        half = places[: len(places) // 2]
        part = [d if j in half else 0.0 for j, d in enumerate(direction)]
        is_wrong = any(x.verdict == "wrong" for x in _along(subject, claims, part, ""))
        places = half if is_wrong else places[len(half) :]
    (j,) = places
    alone = [float(k == j) for k in range(len(direction))]
    return [x for x in _along(subject, claims, alone, subject.names[j]) if x.verdict == "wrong"]


def judge_together(
    subject: Subject,
    found: Sequence[Comparison],
    slopes: Callable[[Sequence[float]], Sequence[Interval]],
    bounds: Callable[[int], Sequence[Any]],
) -> list[Comparison]:
    """What is wrong in a direction through all arguments: at a tie, each alone does not tell."""
    rows: dict[tuple[str, int], list[Comparison]] = {}
    for each in found:
        rows.setdefault((each.how, each.output), []).append(each)
    at_kinks = [row for row in rows.values() if any(each.verdict == "kink" for each in row)]
    if not at_kinks:
        return []
    with mp.workdps(DIGITS):
        judged = [
            judge_along(row, direction, along[row[0].output], partial(bounds, row[0].output))
            for direction in nearby.directions(len(subject.numbers))
            for along in [slopes(direction)]
            for row in at_kinks
        ]
    return [each for each in judged if each is not None][:1]
