"""The slope of a function that is known only by its values, and its error.

Difference quotients are extrapolated to step 0 (Ridders, 1982). The error of the best is the
disagreement of its neighbors in the table, and the effect of the noise of the values.

First on a ladder of steps to both sides, whose smaller steps show the noise: 16 values, which are
enough where the function is smooth. Where that does not settle, from several first steps, on
both sides and on each alone, and the noise is measured at the point. Where the two sides differ by
more than their errors, there is a kink, and the slope is any number between them.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from micrograd_gd.errors import NotANumberError

Curve = Callable[[float], float]

NO_VALUE = (ArithmeticError, ValueError, NotANumberError)  # as of a number that turns complex
RUNGS = 8, 10, 12, 14  # of a ladder, and of those that it is made into
RATIO = 4.3  # of the steps of two rungs; no whole number, or all may be rounded in one way
LONGEST = 0.22  # step, relative to the point; no power of 2, as below
NEAR_0 = 1 / 64  # closer to 0, this stands for the point
FINER = 2  # so many rungs at least have to show the noise below the best
SETTLED = 1e-10  # an error is small beside such a part of the slopes to both sides,
FLOOR = 1e5  # or if it is so many times what rounding of the value alone leaves
AT_LAST = 4  # times as much is small on the longest ladder, beside the price of a search
SLIGHT = 100  # kinks have to be known so many times less exactly
ROWS = 9  # of a table: how often a step is halved
FIRST_STEPS = [10.0**-k for k in range(1, 12, 2)]  # relative to the point, or to 1
UNIT = 2.0**-53
SMALLEST = 2.0**-1074  # what a value may lose where it underflows
TINY = 2.0**-1000  # steps that are small beside it have no digits
STAIR = 1500  # a step eight times as large makes a smooth third difference 8³ times as large
GROWTH = 100  # of a third difference that is no noise, at least
SAFETY = 4  # the error may be so many times its estimate


class Estimate(NamedTuple):
    """A slope between `low` and `high`, give or take `error`; infinite where nothing is known."""

    low: float
    high: float
    error: float


UNKNOWN = Estimate(math.nan, math.nan, math.inf)


def slope(f: Curve, x: float) -> Estimate:
    """The slope of f at x. Where f raises an error, it has no value.

    >>> slope(lambda x: x * x, 3.0).low, slope(abs, 0.0)[:2]
    (6.0, (-1.0, 1.0))
    """

    def value(x: float) -> float:
        try:
            return float(f(x))
        except NO_VALUE:
            return math.nan

    here = value(x)
    if not math.isfinite(here):
        return UNKNOWN
    found = _climb(value, x, here)
    if found.error < math.inf or 0 < abs(x) < TINY:
        return found
    return _search(value, x, here)


def _climb(value: Curve, x: float, here: float) -> Estimate:
    """The slope from a ladder of steps, which is made longer where it has to be, or UNKNOWN.

    It is settled where all smaller steps show it too, and the slopes to both sides meet. A plateau
    below steps that change the value is no slope, but rounding.
    """
    longest = LONGEST * max(abs(x), NEAR_0)
    steps, pairs = list[float](), list[tuple[float, float]]()
    for count in RUNGS:
        steps += [longest / RATIO**k for k in range(len(steps), count)]
        pairs += [(value(x - h), value(x + h)) for h in steps[len(pairs) :]]
        places = [*zip(steps, pairs, strict=True)]
        central = [(above - below) / ((x + h) - (x - h)) for h, (below, above) in places]
        sides = [
            ((here - below) / (x - (x - h)), (above - here) / ((x + h) - x))
            for h, (below, above) in places
        ]
        table = _extrapolate(central, [RATIO**k for k in range(2, 2 * count, 2)])
        bends = _extrapolate([b - a for a, b in sides], [RATIO**k for k in range(1, 2 * count, 2)])
        noises = [2 * UNIT * max(map(abs, (here, *pair))) for pair in pairs]
        best, k = _choose(table[:-FINER], steps, noises)
        bend, _ = _choose(bends[:-FINER], steps, noises)
        seen = max(abs(table[finer][1] - best.low) * steps[finer] for finer in range(k + 1, count))
        error = SAFETY * (best.error + 2 * seen / steps[k])
        enough = max(SETTLED * max(map(abs, sides[k])), FLOOR * UNIT * abs(here) / longest)
        enough *= AT_LAST if count == RUNGS[-1] else 1
        if SAFETY * bend.error < abs(bend.low) <= enough:  # too little to be told from none
            error = max(error, abs(bend.low))
        is_smooth = abs(bend.low) <= max(SAFETY * bend.error, error) <= SLIGHT * enough
        if is_smooth and error <= enough and (any(sides[k]) or not any(sides[0])):
            return best._replace(error=error)
    return UNKNOWN


def _search(value: Curve, x: float, here: float) -> Estimate:
    """The slope, or the slopes on both sides, from many steps."""
    noise = noise_of(value, x)

    def central(h: float) -> float:
        return (value(x + h) - value(x - h)) / ((x + h) - (x - h))

    def right(h: float) -> float:
        return (value(x + h) - here) / ((x + h) - x)

    both = _best(central, 2, x, noise)
    below, above = _best(lambda h: right(-h), 1, x, noise), _best(right, 1, x, noise)
    apart = abs(above.low - below.low) > below.error + above.error
    if both.error < math.inf and not apart:
        return min(both, below, above, key=lambda estimate: estimate.error)
    if below.error == above.error == math.inf:
        return UNKNOWN
    sides = [side for side in (below, above) if side.error < math.inf]
    low, high = min(side.low for side in sides), max(side.high for side in sides)
    return Estimate(low, high, max(side.error for side in sides))


def noise_of(f: Curve, x: float) -> float:
    """The noise of the values near x, from differences of higher order.

    With tiny steps, the differences of a smooth function fade with their order, and those of noise
    do not (Hamming, 1971; Moré and Wild, 2011). The third difference of a smooth function grows
    with the third power of the step. If it grows far faster, there is a stair: rounding makes them
    where large numbers cancel and leave a small one.
    """
    here = abs(f(x))
    noise, thirds, on_plateau = max(2 * UNIT * here, SMALLEST), list[float](), False
    largest = math.inf  # the largest third difference that is noise: first any, then of stairs
    for exponent in range(-50, -4, 3):
        # No power of 2: steps of few digits would always be rounded in the same way.
        step = max(abs(x), 1e-290) * 0.9 * 2.0**exponent
        values = [f(x + i * step) for i in range(-4, 5)]
        if len({*values}) == 1:  # the step is lost in rounding
            on_plateau = True
            continue
        if not all(map(math.isfinite, values)):
            break
        if on_plateau:
            return max(noise, max(values) - min(values))  # the height of the stairs
        third, *higher = _levels(values)
        if len(thirds) == 3:
            largest = 0.0
        # Beside a pole it does so at last, after it has grown for long.
        grows = len(thirds) > 3 and all(b > GROWTH * a for a, b in pairwise(thirds[-3:]))
        if not grows and STAIR * max([noise, *thirds[-1:]]) < third < here / 100:
            largest = max(largest, 10 * third)
        if third <= largest:
            noise = max(noise, min(third, *higher))
        thirds.append(third)
    return noise


def _levels(values: list[float]) -> Iterator[float]:
    """The noise that would explain each of the higher differences, from the third on."""
    for order in range(1, 8):
        values = [b - a for a, b in pairwise(values)]
        if order > 2:
            # The k-th difference of independent noise has C(2k, k) times its variance.
            yield math.hypot(*values) / math.sqrt(len(values) * math.comb(2 * order, order))


def _best(quotient: Curve, power: int, x: float, noise: float) -> Estimate:
    """The extrapolation with the least error.

    With the smallest steps the error is noise, which is known; with large ones it may be greater
    than it seems. So each larger step has to agree with those before.
    """
    scale = abs(x) or 1.0
    steps = {unit * h for h in FIRST_STEPS for unit in (scale, max(scale, 1.0))}
    best = UNKNOWN
    factors = [2 ** (power * (j + 1)) for j in range(ROWS)]
    for step in sorted(steps):
        halved = [h for k in range(ROWS) if (h := step / 2**k)]  # 0 is below the smallest of floats
        table = _extrapolate(map(quotient, halved), factors)
        found, _ = _choose(table, halved, [noise] * len(halved))
        if best.error < math.inf and not abs(found.low - best.low) <= SAFETY * best.error:
            break
        if found.error < best.error:
            best = found
    return best._replace(error=SAFETY * best.error)


def _extrapolate(quotients: Iterable[float], factors: Sequence[float]) -> list[list[float]]:
    """The table of Richardson: each column takes one power of the step out of the error.

    `factors` are by how much each of the powers falls from one step to the next.
    """
    table: list[list[float]] = []
    for quotient in quotients:
        row = [quotient]
        for j, above in enumerate(table[-1] if table else []):
            row.append(row[j] + (row[j] - above) / (factors[j] - 1))
        table.append(row)
    return table


def _choose(
    table: Sequence[list[float]], steps: Sequence[float], noises: Sequence[float]
) -> tuple[Estimate, int]:
    """The entry with the least error, and its row."""
    best, place = UNKNOWN, 0
    for k in range(1, len(table)):
        row = table[k]
        for j, above in enumerate(table[k - 1]):
            error = (
                max(abs(row[j + 1] - row[j]), abs(row[j + 1] - above)) + 2 * noises[k] / steps[k]
            )
            if error < best.error:
                best, place = Estimate(row[j + 1], row[j + 1], error), k
    return best, place
