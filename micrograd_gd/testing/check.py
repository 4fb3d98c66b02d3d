"""Whether the derivatives of a function are right, and if not, which operation is at fault."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import methodcaller
from typing import Any, Literal

from mpmath import mp

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, GradientError
from micrograd_gd.notation.formula import formula
from micrograd_gd.table.numbers import require_count, warn_of_flushing
from micrograd_gd.table.ops import Operation
from micrograd_gd.testing import nearby
from micrograd_gd.testing.claims import (
    judge_by_each,
    judge_in_directions,
    judge_together,
    read_claim,
    read_recorded,
)
from micrograd_gd.testing.explanation import hide_lines
from micrograd_gd.testing.judge import (
    Expected,
    compare,
    conditions,
    confirm,
    describe,
    digits_notes,
)
from micrograd_gd.testing.precise import NotReplayable
from micrograd_gd.testing.replay import DIGITS, Replay
from micrograd_gd.testing.report import HEADINGS, LINES, Comparison, GradientReport
from micrograd_gd.testing.subject import Mode, Subject
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
    gradient: Any = None,
    oracle: Literal["mpmath"] | None = None,
    directions: int | None = None,
) -> GradientReport:
    """Compare the derivatives of f at the arguments with what they should be.

    Where f records a graph of values, the graph is replayed in high precision, and derivatives up
    to `order` are checked in each of the `modes`. Where it does not, or holds operations that are
    Python code, first derivatives are checked by differences of its values, at most 20 for each
    number where it is smooth. With `directions=10` that is done in any case, in so many random
    directions instead of by each number; the report says what that leaves out.

    `gradient` is what claims to be the gradient, or the Jacobian of a result of several numbers, or
    a function that returns it: in the structure of the argument, or as a tuple for several
    arguments. Then that is checked instead. With `oracle="mpmath"` the report says how many digits
    every operation loses.

    The tolerance is no constant: it is how far rounding can move this derivative at this point. At
    a kink, every number between the derivatives of both sides is right. A derivative that does not
    exist, or of which no digit is left, is `unknown` in the report, which says why.

    A check takes about 0.1 ms per operation, and ten times as long where it has to measure
    rounding; forward mode takes one sweep for every number among the arguments.

    Raises GradientError where a derivative is wrong; the message says what was expected and which
    operation is at fault. Raises ArgumentError where an option is unknown, and where there is
    nothing to check.

    >>> print(check_gradients(lambda x: x**3, 2.0))
    checked by replay: 2 right
    derivative by  mode     expected  got   error bound  ratio  verdict
    x              reverse  12.0      12.0  1.1e-14             right
    x              forward  12.0      12.0  1.1e-14             right
    """
    __tracebackhide__ = methodcaller("errisinstance", GradientError)  # pytest shows the test alone
    _check_arguments(order, modes, gradient, oracle, directions)
    subject = Subject(f, args)
    _refuse_nothing(subject)  # f has been called once before its lines are hidden
    with hide_lines():
        report = examine(subject, order, modes, gradient, directions)
        if report.wrong:
            raise GradientError(_message(report, subject, order, gradient))
    return report if oracle else replace(report, conditions=[])


def examine(
    subject: Subject,
    order: int = 1,
    modes: Sequence[Mode] = ("reverse", "forward"),
    gradient: Any = None,
    directions: int | None = None,
) -> GradientReport:
    """Compare the derivatives, and report wrong ones as well."""
    try:
        if directions is None:
            return _by_replay(subject, order, modes, gradient)
    except NotReplayable:
        pass
    return _by_differences(subject, order, modes, gradient, directions)


def _check_arguments(
    order: int, modes: Sequence[Mode], gradient: Any, oracle: Any, directions: Any
) -> None:
    require_count("order", order)
    if directions is not None:
        require_count("directions", directions)
    if not modes or not {*modes} <= {"forward", "reverse"}:
        raise ArgumentError(f"modes is {modes!r}; expected 'forward', 'reverse', or both")
    if gradient is not None and order > 1:
        raise ArgumentError(f"order is {order}, but a gradient that is given is of order 1")
    if oracle not in {None, "mpmath"}:
        raise ArgumentError(f"oracle is {oracle!r}; expected 'mpmath' or None")


def _refuse_nothing(subject: Subject) -> None:
    """Refuse a function of no number, or of which a return was forgotten: any gradient is right."""
    if not subject.numbers:
        raise ArgumentError("there is no number among the arguments; expected at least one")
    if subject.out_structure == trees.flatten(None)[1]:
        raise ArgumentError("f returns None, which no gradient is wrong for; expected numbers")


def _by_replay(
    subject: Subject,
    order: int,
    modes: Sequence[Mode],
    gradient: Any = None,
) -> GradientReport:
    """Compare with the derivatives of the graph, replayed in high precision.

    Where the graph is another one nearby, the values of f tell what else depends on the arguments.
    """
    if subject.recording is None:
        raise NotReplayable
    is_whole = nearby.has_one_graph(subject, subject.recording)
    if not is_whole and gradient is not None:
        return _by_differences(subject, order, modes, gradient, None)
    replay = Replay(subject.recording.outputs, subject.recording.inputs)
    expected = Expected(replay, 1)
    run = expected.run
    if gradient is not None:
        rows, scatter = read_claim(subject, gradient)
        found = [*compare(expected, subject.derivative_names(1), "given", rows, scatter)]
    else:
        found = _in_modes(subject, expected, modes, is_whole=is_whole)
    notes = [*subject.notes, *([] if is_whole else [CHANGES])]
    with mp.workdps(DIGITS):
        kinks = [*run.kinks()]
    if kinks:
        found += judge_together(subject, found, run.slopes_along, lambda i: expected.errors[i])
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


def _by_differences(
    subject: Subject,
    order: int,
    modes: Sequence[Mode],
    gradient: Any,
    directions: int | None,
) -> GradientReport:
    """Compare with differences of the values, where nothing else is known of the function."""
    if gradient is not None:
        claims = {"given": read_claim(subject, gradient)}
    elif subject.recording is not None:
        claims = {mode: read_recorded(subject, mode) for mode in modes}
    else:
        raise ArgumentError(
            "f records no graph of values, so there is no gradient to check: write it with values, "
            "or give what claims to be its gradient as gradient="
        ) from subject.refusal
    if directions:
        found, notes = judge_in_directions(subject, claims, directions)
    else:
        found, notes = judge_by_each(subject, claims), []
    if order > 1:
        notes.append("higher derivatives were not checked: f is, or holds, Python code")
    return GradientReport(found, "differences", notes + subject.notes)


def _message(report: GradientReport, subject: Subject, order: int, gradient: Any) -> str:
    """The table of wrong derivatives, the operation at fault, and the formula."""
    count = len(report.wrong)
    what = "a derivative is" if count == 1 else f"{count} derivatives are"
    lines = [f"{what} wrong", *tabulate(HEADINGS, [each.cells() for each in report.wrong], LINES)]
    lines += report.notes
    recording = subject.recording
    if recording is not None:
        if report.source == "replay":
            is_whole = CHANGES not in report.notes
            lines.append(_fault(subject, recording, order, gradient, is_whole=is_whole))
        y = recording.outputs[report.wrong[0].output]
        pairs = zip(subject.names, subject.numbers, strict=True)
        point = ", ".join(f"{name} = {x!r}" for name, x in islice(pairs, 10))
        more = f", and {len(subject.names) - 10} more" if len(subject.names) > 10 else ""
        if isinstance(y, Value):
            lines.append(f"f = {formula(y, max_length=500)}")
        lines.append(f"at {point}{more}")
    return "\n".join(lines)


def _fault(
    subject: Subject, recording: Recording, order: int, gradient: Any, *, is_whole: bool
) -> str:
    """The first operation whose own derivatives are wrong."""
    if gradient is not None and not _by_replay(subject, 1, ["reverse"]).wrong:
        return "every operation of f is differentiated right: what is wrong is the gradient given"
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
    return "the rule of every operation is right: they are combined wrongly"


def _of_operation(op: Operation, operands: Sequence[Any], order: int) -> GradientReport:
    """Check an operation as a function of those operands that are values."""
    places = [i for i, x in enumerate(operands) if isinstance(x, Value)]

    def alone(*values: Any) -> Any:
        filled = dict(zip(places, values, strict=True))
        return op(*(filled.get(i, x) for i, x in enumerate(operands)))

    names = [f"operand {i + 1}" if op.folds else op.operands[i] for i in places]
    subject = Subject(alone, [operands[i].data for i in places], names)
    return _by_replay(subject, order, ["reverse"])


warn_of_flushing()
