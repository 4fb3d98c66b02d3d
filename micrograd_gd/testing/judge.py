"""Whether a derivative that was computed is the one that the replay expects."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mpmath import mp, mpf

from micrograd_gd.caches import cached_property
from micrograd_gd.testing.differences import Estimate
from micrograd_gd.testing.intervals import LARGEST, Interval
from micrograd_gd.testing.replay import DIGITS, MANY_DIGITS, Evaluation, Replay
from micrograd_gd.testing.report import Comparison, Condition, Verdict
from micrograd_gd.testing.rounding import SMALLEST, UNIT
from micrograd_gd.text import plain

Matrix = Sequence[Sequence[float]]  # a row of derivatives for each output

STEEP = mpf("1e75")  # four larger factors may overflow, although their product does not
NOTHING = mpf("1e-300")  # differences of high precision leave so much instead of 0
NO_DIGIT = "rounding may cost every digit"
FEW_DIGITS = 4  # so many lost digits are worth a note
ROUGH = 1e-3  # an error bound above this part of a derivative is no knowledge
FEW = "the values of f show too few digits here"
CLOSE = 8 * UNIT  # a derivative with so small a relative error is right


class Expected:
    """The derivatives of one order, and how far rounding may move them. Computed when needed."""

    def __init__(
        self, replay: Replay, order: int, terms: Callable[[], Matrix] | None = None
    ) -> None:
        self.replay, self.order, self.terms = replay, order, terms

    @cached_property
    def intervals(self) -> list[list[Interval]]:
        """The expected derivatives, to as many digits as are usually enough."""
        with mp.workdps(DIGITS):
            return self.replay.derivatives(self.order)

    @cached_property
    def exact(self) -> list[list[Interval]]:
        """The same to so many digits that no cancellation of floats matters."""
        with mp.workdps(MANY_DIGITS):
            return self.replay.derivatives(self.order)

    @cached_property
    def errors(self) -> list[list[Any]]:
        """The error bound of each."""
        return self._errors(DIGITS, self.intervals)

    @cached_property
    def exact_errors(self) -> list[list[Any]]:
        """The same for `exact`; they differ only if the usual digits were too few."""
        pairs = zip(self.intervals, self.exact, strict=True)
        if self.order == 1 and all(all(map(_agree, *rows)) for rows in pairs):
            return self.errors
        return self._errors(MANY_DIGITS, self.exact)

    def _errors(self, digits: int, intervals: list[list[Interval]]) -> list[list[Any]]:
        with mp.workdps(digits):
            errors = self.replay.errors(self.order, intervals)
        if self.terms is None:
            return errors
        # Terms that cancel each other leave their own rounding behind, noise or not.
        pairs = zip(errors, self.terms(), strict=True)
        return [
            [error + CLOSE * term for error, term in zip(row, terms, strict=True)]
            for row, terms in pairs
        ]

    @cached_property
    def run(self) -> Evaluation:
        """The plain computation at the point."""
        with mp.workdps(DIGITS):
            return self.replay.at()

    @cached_property
    def obstacle(self) -> str:
        """Why derivatives here may be infinite or not exist, or an empty text."""
        with mp.workdps(DIGITS):
            return next(_obstacles(self.run, self.order), "")


def compare(
    expected: Expected,
    names: list[list[str]],
    how: str,
    rows: Matrix,
    scatter: Matrix | None = None,
) -> Iterator[Comparison]:
    """Judge each of the derivatives in `rows`; `scatter` is their own error, where it is known."""
    for i, row in enumerate(rows):
        for j, got in enumerate(row):
            own = scatter[i][j] if scatter is not None else 0.0
            yield _judge(expected, i, j, got, own, Comparison(names[i][j], how, got, output=i))


def judge_along(
    row: Sequence[Comparison],
    direction: Sequence[float],
    slope: Interval,
    bounds: Callable[[], Any],
) -> Comparison | None:
    """The derivatives of one output, all together, if they are wrong in that direction.

    `bounds` are how far rounding may move each of them; asked for when they matter.
    """
    if any(each.verdict not in {"right", "kink"} or not math.isfinite(each.got) for each in row):
        return None
    terms = [mpf(each.got) * d for each, d in zip(row, direction, strict=True)]
    got = float(sum(terms))
    error = sum(abs(d) * each.error for each, d in zip(row, direction, strict=True))
    error += CLOSE * (sum(map(abs, terms)) + _size(slope)) + SMALLEST
    if not slope.is_finite or not _distance(got, slope) > error:
        return None
    error += sum(abs(d) * bound for d, bound in zip(direction, bounds(), strict=True))
    if not _distance(got, slope) > error:
        return None
    together = Comparison("all together", row[0].how, got, output=row[0].output)
    shown = ", ".join(f"{d:.3g}" for d in direction[:5])
    more = ", …" if len(direction) > 5 else ""
    return together.judge(slope, "wrong", error, f"in the direction ({shown}{more})")


def _judge(
    expected: Expected, i: int, j: int, got: float, own: float, comparison: Comparison
) -> Comparison:
    interval = expected.intervals[i][j]
    right: Verdict = "right" if interval.is_point else "kink"
    is_undefined = mp.isnan(interval.low) or mp.isnan(interval.high)
    is_infinite = interval.low == interval.high and not interval.is_finite
    error = own + _near(interval)
    if mp.isfinite(interval.low) and is_infinite and not math.isfinite(got):
        return comparison.judge(interval, "unknown", note="it is beyond all floats")
    if is_undefined or is_infinite or not math.isfinite(got):
        is_right = not is_undefined and got == float(interval.low) == float(interval.high)
        verdict: Verdict = "right" if is_right else "unknown" if is_undefined else "wrong"
    elif _distance(got, interval) <= error:
        verdict = right
    else:
        error += expected.errors[i][j]
        if _distance(got, interval) > error or error >= _size(interval) > 0:
            interval = expected.exact[i][j]
            error = own + _near(interval) + expected.exact_errors[i][j]
        if not error < mp.inf:
            note = "rounding decides which way it goes"
            return comparison.judge(interval, "unknown", error, note)
        if error >= _size(interval) > NOTHING:
            return comparison.judge(interval, "unknown", error, NO_DIGIT)
        verdict = right if _distance(got, interval) <= error else "wrong"
    note = expected.obstacle if verdict == "unknown" else ""
    if verdict == "wrong":
        # Where floats or slopes overflow, a right rule may give anything, except a finite first
        # derivative.
        is_extreme = expected.order > 1 or not math.isfinite(got)
        note = expected.obstacle if is_extreme else ""
    return comparison.judge(interval, "unknown" if note else verdict, error, note)


def _agree(found: Interval, exact: Interval) -> bool:
    ends = zip(found, exact, strict=True)
    return all(abs(x - y) <= mpf("1e-40") * abs(y) for x, y in ends)


def _near(interval: Interval) -> Any:
    """A few times the distance between neighboring floats."""
    return CLOSE * _size(interval) + SMALLEST


def _size(interval: Interval) -> Any:
    return max((abs(end) for end in interval if mp.isfinite(end)), default=mpf(0))


def judge_by_estimate(comparison: Comparison, estimate: Estimate, own: float) -> Comparison:
    """Judge a derivative by the slope that differences show; `own` is its own error."""
    interval = Interval(mpf(estimate.low), mpf(estimate.high))
    error = estimate.error + own + CLOSE * max(abs(estimate.low), abs(estimate.high))
    if not error < math.inf:
        return comparison.judge(interval, "unknown", error, "differences tell nothing here")
    if error >= _size(interval) > 0:
        return comparison.judge(interval, "unknown", error, NO_DIGIT)
    if _distance(comparison.got, interval) > error:
        return comparison.judge(interval, "wrong", error)
    if error > max(_size(interval), abs(comparison.got)) * ROUGH > 0:
        return comparison.judge(interval, "unknown", error, FEW)
    return comparison.judge(interval, "right" if interval.is_point else "kink", error)


def confirm(comparison: Comparison, estimate: Estimate, steep: float) -> Comparison:
    """The verdict of a replay, where the values of the function show the slope that it expects.

    An error far below a `steep` slope is no doubt: then the slope is 0, and the rest is noise.
    """
    if comparison.verdict in {"wrong", "unknown"}:
        return comparison
    seen, expected = Interval(mpf(estimate.low), mpf(estimate.high)), comparison.expected
    error = estimate.error + comparison.error + CLOSE * max(map(abs, (*seen, *expected)))
    if not error < math.inf:
        return comparison.judge(expected, "unknown", error, "the values of f tell nothing here")
    if max(seen.low - expected.high, expected.low - seen.high) > error:
        return comparison.judge(seen, "wrong", error, "as the values of f show")
    if error > max(_size(seen), _size(expected), steep * ROUGH**2) * ROUGH:
        return comparison.judge(expected, "unknown", error, FEW)
    return comparison


def _distance(got: float, interval: Interval) -> Any:
    if math.isnan(got):
        return mp.inf
    return max(interval.low - got, got - interval.high, 0)


def _obstacles(run: Evaluation, order: int) -> Iterator[str]:
    for node in run.nodes:
        y = run.values[node]
        if node not in run.reached:
            continue
        if mp.isnan(y):
            yield f"{describe(node)} has no value"
        elif abs(y) >= LARGEST or not math.isfinite(node.data):
            yield f"{describe(node)} is beyond all floats"
        elif node.op is not None:
            if not all(slope.is_finite for _, slope in run.edges(node, node.op)):
                yield f"{describe(node)} has no finite slope"
            if any(abs(slope.middle) > STEEP for _, slope in run.edges(node, node.op)):
                yield (
                    f"{describe(node)} is so steep that products of slopes may be beyond all floats"
                )
            for higher in range(2, order + 1):
                alone = Replay.of_operation(node)
                if any(not abs(d.middle) < STEEP for d in alone.derivatives(higher)[0]):
                    yield f"{describe(node)} has a derivative of order {higher} beyond all floats"


def describe(node: Any) -> str:
    """A node as a call of its operation with the numbers of its operands."""
    if node.op is None:
        return f"{plain(node.label) or 'a leaf'} = {node.data!r}"
    operands = [repr(getattr(operand, "data", operand)) for operand in node.operands]
    if len(operands) > 6:
        operands[5:-1] = ["…"]
    return f"{node.op.name}({', '.join(operands)})"


def conditions(run: Evaluation) -> Iterator[Condition]:
    """What rounding did at each operation of the graph, in the order of computation."""
    lost: dict[Any, float] = {}
    for node in run.nodes:
        y = run.values[node]
        lost[node] = _digits_lost(node.data, y)
        if node.op is None or node not in run.reached:
            continue
        edges = run.edges(node, node.op)
        terms = sum((abs(run.values[x] * slope.middle) for x, slope in edges), mpf(0))
        before = max((lost[x] for x in node.operands if hasattr(x, "record")), default=0.0)
        yield Condition(
            operation=describe(node),
            value=node.data,
            exact=float(y),
            factor=float(terms / abs(y)) if y else math.inf if terms else 0.0,
            lost=lost[node],
            lost_here=max(lost[node] - before, 0.0),
        )


def _digits_lost(got: float, exact: Any) -> float:
    """The digits by which the relative error exceeds the unit of floats, at most 16."""
    if got == exact or not math.isfinite(got):
        return 0.0 if got == exact else 16.0
    error = abs(got - exact) / abs(exact) if exact else mp.inf
    return float(min(max(mp.log10(error / UNIT), 0), 16))


def digits_notes(found: list[Comparison], state: list[Condition]) -> Iterator[str]:
    """Notes on derivatives that rounding leaves few digits of, and on what loses them."""
    for condition in state:
        if condition.lost_here >= FEW_DIGITS:
            yield (
                f"{condition.operation} loses {condition.lost_here:.0f} of 16 digits: "
                f"it magnifies relative errors {condition.factor:.1g} times"
            )
    poor = {c.name: _digits_at_risk(c) for c in found if _digits_at_risk(c) >= FEW_DIGITS}
    if poor:
        worst = max(state, key=lambda condition: condition.factor)
        digits = ", ".join(f"{count:.0f} by {name}" for name, count in poor.items())
        yield (
            f"digits of derivatives that rounding may cost, of 16: {digits}; the operation that "
            f"magnifies relative errors most is {worst.operation}, {worst.factor:.1g} times"
        )


def _digits_at_risk(comparison: Comparison) -> float:
    size = max(abs(comparison.expected.low), abs(comparison.expected.high))
    floor = CLOSE * size
    if (
        not size
        or not comparison.error > floor
        or not mp.isfinite(size)
        or math.isinf(comparison.error)
    ):
        return 0.0
    return float(min(mp.log10(comparison.error / floor), 16))
