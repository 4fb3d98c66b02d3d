"""Whether the derivatives of a function are right, and if not, which operation is at fault."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import methodcaller
from random import Random
from typing import Any, Literal

from mpmath import mp

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, GradientError, ShapeError
from micrograd_gd.notation.formula import formula
from micrograd_gd.table.numbers import require_count, shorten
from micrograd_gd.table.ops import Operation
from micrograd_gd.testing import nearby
from micrograd_gd.testing.differences import NO_VALUE
from micrograd_gd.testing.judge import (
    Expected,
    Matrix,
    compare,
    conditions,
    confirm,
    describe,
    digits_notes,
    judge_along,
    judge_by_estimate,
)
from micrograd_gd.testing.precise import NotReplayable
from micrograd_gd.testing.replay import DIGITS, Interval, Replay
from micrograd_gd.testing.report import HEADINGS, LINES, Comparison, GradientReport
from micrograd_gd.testing.subject import Mode, Subject, cut
from micrograd_gd.text import tabulate
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.recording import Recording

CHANGES = (
    "nearby, f has another graph: it branches there, or numbers were taken out of the graph "
    "(.data, detach, stop_gradient); so its values were looked at, too"
)


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    order: int = 1,
    modes: Sequence[Mode] = ("reverse", "forward"),
    gradient: Callable[..., Any] | None = None,
    oracle: Literal["mpmath"] | None = None,
) -> GradientReport:
    """Compare the derivatives of f at the arguments with what they should be.

    Where f records a graph of values, the graph is replayed in high precision, and derivatives up
    to `order` are checked in each of the `modes`. Where it does not, or holds operations that are
    Python code, first derivatives are checked by differences of its values. `gradient` is a
    function that claims to return the gradient, or the Jacobian of a result of several numbers: in
    the structure of the argument, or as a tuple for several arguments. Then that is checked
    instead. With `oracle="mpmath"` the report says how many digits every operation loses.

    The tolerance is no constant: it is how far rounding can move this derivative at this point. At
    a kink, every number between the derivatives of both sides is right. A derivative that does not
    exist, or of which no digit is left, is `unknown` in the report, which says why.

    A check takes about 0.1 ms per operation, and ten times as long where it has to measure
    rounding; forward mode takes one sweep for every number among the arguments.

    Raises GradientError where a derivative is wrong; the message says what was expected and which
    operation is at fault. Raises ArgumentError where `order`, `modes` or `oracle` is unknown.

    >>> print(check_gradients(lambda x: x**3, 2.0))
    checked by replay: 2 right
    derivative by  mode     expected  got   error bound  ratio  verdict
    x              reverse  12.0      12.0  1.1e-14             right
    x              forward  12.0      12.0  1.1e-14             right
    """
    __tracebackhide__ = methodcaller("errisinstance", GradientError)  # pytest shows the test alone
    _check_arguments(order, modes, gradient, oracle)
    subject = Subject(f, args)
    report = examine(subject, order, modes, gradient)
    if report.wrong:
        raise GradientError(_message(report, subject, order, gradient))
    return report if oracle else replace(report, conditions=[])


def examine(
    subject: Subject,
    order: int = 1,
    modes: Sequence[Mode] = ("reverse", "forward"),
    gradient: Callable[..., Any] | None = None,
) -> GradientReport:
    """Compare the derivatives, and report wrong ones as well."""
    try:
        return _by_replay(subject, order, modes, gradient)
    except NotReplayable:
        return _by_differences(subject, order, modes, gradient)


def _check_arguments(order: int, modes: Sequence[Mode], gradient: Any, oracle: Any) -> None:
    require_count("order", order)
    if not modes or not {*modes} <= {"forward", "reverse"}:
        raise ArgumentError(f"modes is {modes!r}; expected 'forward', 'reverse', or both")
    if gradient is not None and order > 1:
        raise ArgumentError(f"order is {order}, but a gradient that is given is of order 1")
    if oracle not in {None, "mpmath"}:
        raise ArgumentError(f"oracle is {oracle!r}; expected 'mpmath' or None")


def _by_replay(
    subject: Subject, order: int, modes: Sequence[Mode], gradient: Callable[..., Any] | None
) -> GradientReport:
    """Compare with the derivatives of the graph, replayed in high precision.

    Where the graph is another one nearby, the values of f tell what else depends on the arguments.
    """
    if subject.recording is None:
        raise NotReplayable
    is_whole = nearby.has_one_graph(subject, subject.recording)
    if not is_whole and gradient is not None:
        return _by_differences(subject, order, modes, gradient)
    replay = Replay(subject.recording.outputs, subject.recording.inputs)
    expected = Expected(replay, 1)
    run = expected.run
    if gradient is not None:
        rows, scatter = _claim(subject, gradient)
        found = [*compare(expected, subject.derivative_names(1), "given", rows, scatter)]
    else:
        found = _in_modes(subject, expected, modes, is_whole=is_whole)
    notes = [] if is_whole else [CHANGES]
    with mp.workdps(DIGITS):
        kinks = [*run.kinks()]
    if kinks:
        found += _together(subject, found, run.slopes_along, lambda i: expected.errors[i])
        places = [*dict.fromkeys(map(describe, kinks))]
        more = f" and {len(places) - 5} more" if len(places) > 5 else ""
        listed = ", ".join(places[:5]) + more
        notes.append(f"kink at {listed}: any slope between its two sides is right")
    if order > 1:
        with mp.workdps(DIGITS):
            breaks = [*kinks, *run.steps()]
        if breaks:
            notes.append(f"higher derivatives were not checked: {describe(breaks[0])} has none")
        for higher in range(2, 1 if breaks else order + 1):
            of_order = Expected(replay, higher, partial(subject.terms, higher))
            found += _in_modes(subject, of_order, modes, is_whole=is_whole)
    state = [*conditions(run)]
    notes += digits_notes(found, state)
    return GradientReport(found, "replay", notes, state)


def _in_modes(
    subject: Subject, expected: Expected, modes: Sequence[Mode], *, is_whole: bool
) -> list[Comparison]:
    """The engine's derivatives, judged by the replay, and by values where the graph changes."""
    order = expected.order
    names = subject.derivative_names(order)
    rows = {mode: subject.derivatives(order, mode) for mode in modes}
    found = [each for mode in modes for each in compare(expected, names, mode, rows[mode])]
    if is_whole:
        return found
    slopes = [each for row in nearby.slopes(subject, order) for each in row] * len(rows)
    return [confirm(each, *slope) for each, slope in zip(found, slopes, strict=True)]


def _together(
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


def _by_differences(
    subject: Subject, order: int, modes: Sequence[Mode], gradient: Callable[..., Any] | None
) -> GradientReport:
    """Compare with differences of the values, where nothing else is known of the function."""
    if gradient is not None:
        candidates = {"given": _claim(subject, gradient)}
    elif subject.recording is not None:
        candidates = {mode: _recorded(subject, mode) for mode in modes}
    else:
        raise ArgumentError(
            "f records no graph of values, so there is no gradient to check: write it with values, "
            "or give what claims to be its gradient as gradient="
        ) from subject.refusal
    found = []
    slopes = nearby.slopes(subject)
    for i, names in enumerate(subject.derivative_names(1)):
        for j, name in enumerate(names):
            estimate = slopes[i][j].estimate
            for how, (rows, scatter) in candidates.items():
                comparison = Comparison(name, how, rows[i][j], output=i)
                found.append(judge_by_estimate(comparison, estimate, scatter[i][j]))
    along = partial(nearby.slopes_along, subject)
    found += _together(subject, found, along, lambda i: [each.roughly for each in slopes[i]])
    notes = ["higher derivatives were not checked: f is, or holds, Python code"]
    return GradientReport(found, "differences", notes if order > 1 else [])


NEIGHBOURS = 6  # points nearby at which a claim is asked again
APART = 2.0**-50  # their relative distance


def _claim(subject: Subject, gradient: Callable[..., Any]) -> tuple[Matrix, Matrix]:
    """The derivatives that a function claims, and their scatter."""
    rows = _rows(subject, gradient, subject.numbers)
    if repr(rows) != repr(again := _rows(subject, gradient, subject.numbers)):  # a nan is no change
        raise GradientError(
            f"gradient returned {shorten(rows)}, and {shorten(again)} when it was asked again "
            f"at the same point; a gradient must not remember"
        )
    return rows, _scatter(subject, rows, partial(_rows, subject, gradient))


def _recorded(subject: Subject, mode: Mode) -> tuple[Matrix, Matrix]:
    """The derivatives of a recording, of whose rules nothing is known, and their scatter."""
    rows = subject.derivatives(1, mode)
    return rows, _scatter(subject, rows, lambda xs: subject.derivatives(1, mode, xs))


def _scatter(
    subject: Subject, rows: Matrix, rows_at: Callable[[Sequence[float]], Matrix]
) -> Matrix:
    """How derivatives scatter among points nearby, which is their own rounding error."""
    random = Random(0)  # noqa: S311 — neighbours, no secrets
    samples = []
    for _ in range(NEIGHBOURS):
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
    claim = gradient(*trees.unflatten(subject.structure, numbers))
    leaves, structure = trees.flatten(claim, "what gradient returned")
    wanted = subject.structure.below[0] if len(subject.args) == 1 else subject.structure
    if trees.is_like(structure, wanted):  # dictionaries may have another order
        leaves = trees.match(claim, wanted, "what gradient returned")
    width = len(numbers)
    size = len(subject.recording.outputs if subject.recording else subject.values(numbers))
    if len(leaves) != size * width:
        raise ShapeError(
            f"gradient returned {structure!r}, {len(leaves)} numbers; expected {size * width}: the "
            f"derivatives of {size} results by {width} arguments"
        )
    numbers = [float(getattr(leaf, "data", leaf)) for leaf in leaves]
    return cut(numbers, width)


def _message(
    report: GradientReport, subject: Subject, order: int, gradient: Callable[..., Any] | None
) -> str:
    """The table of wrong derivatives, the operation at fault, and the formula."""
    count = len(report.wrong)
    what = "a derivative is" if count == 1 else f"{count} derivatives are"
    lines = [f"{what} wrong", *tabulate(HEADINGS, [each.cells() for each in report.wrong], LINES)]
    lines += report.notes
    recording = subject.recording
    if recording is not None:
        if report.source == "replay":
            is_whole = CHANGES not in report.notes
            lines.append(_fault(recording, order, gradient, is_whole=is_whole))
        y = recording.outputs[report.wrong[0].output]
        pairs = zip(subject.names, subject.numbers, strict=True)
        point = ", ".join(f"{name} = {x!r}" for name, x in islice(pairs, 10))
        more = f", and {len(subject.names) - 10} more" if len(subject.names) > 10 else ""
        if isinstance(y, Value):
            lines.append(f"f = {formula(y, max_length=500)}")
        lines.append(f"at {point}{more}")
    return "\n".join(lines)


def _fault(
    recording: Recording, order: int, gradient: Callable[..., Any] | None, *, is_whole: bool
) -> str:
    """The first operation whose own derivatives are wrong."""
    for node in Replay(recording.outputs, recording.inputs).nodes:
        try:
            report = None if node.op is None else _of_operation(node.op, node.operands, order)
        except NotReplayable:
            continue
        if report is not None and report.wrong:
            worst = report.wrong[0]
            return (
                f"the first operation with a wrong rule is {describe(node)}: its derivative by "
                f"{worst.name} is {worst.cells()[2]}, and the rule gives {worst.got!r}"
            )
    if not is_whole:
        return (
            "every operation in the graph is differentiated right: numbers that depend on the "
            "arguments left it, or it is the graph of this point alone. Compute with values; a "
            "number that is meant to be constant comes from outside of f"
        )
    if gradient is not None:
        return "every operation of f is differentiated right: what is wrong is the gradient given"
    return "the rule of every operation is right: they are combined wrongly"


def _of_operation(op: Operation, operands: Sequence[Any], order: int) -> GradientReport:
    """Check an operation as a function of those operands that are values."""
    places = [i for i, x in enumerate(operands) if isinstance(x, Value)]

    def alone(*values: Any) -> Any:
        filled = dict(zip(places, values, strict=True))
        return op(*(filled.get(i, x) for i, x in enumerate(operands)))

    names = [f"operand {i + 1}" if op.folds else op.operands[i] for i in places]
    subject = Subject(alone, [operands[i].data for i in places], names)
    return _by_replay(subject, order, ["reverse"], None)
