"""The slope of a function that is only known by its values, and how far to trust it.

Difference quotients are extrapolated to step 0 (Ridders, 1982) from several first steps, on both
sides and on each alone. The error of the best is what its neighbours in the table disagree by, and
what the noise of the values, measured at the point, may do to it. Where the two sides differ by
more than their errors, there is a kink, and the slope is any number between.
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

Function = Callable[[float], float]

ROWS = 9  # of a table: steps that are halved so often
FIRST_STEPS = [10.0**-k for k in range(1, 12, 2)]  # relative to the point, or to 1
UNIT = 2.0**-53
STAIR = 1500  # times: more than steps eight times as large explain, 8³
SAFETY = 4  # an estimate of an error is trusted to this factor


class Estimate(NamedTuple):
    """A slope between `low` and `high`, give or take `error`; infinite where nothing is known."""

    low: float
    high: float
    error: float


UNKNOWN = Estimate(math.nan, math.nan, math.inf)


def slope(f: Function, x: float) -> Estimate:
    """The slope of f at x. What f raises counts as no value there.

    >>> slope(lambda x: x * x, 3.0).low, slope(abs, 0.0)[:2]
    (6.0, (-1.0, 1.0))
    """

    def value(x: float) -> float:
        try:
            return float(f(x))
        except (ArithmeticError, ValueError):
            return math.nan

    here = value(x)
    if not math.isfinite(here):
        return UNKNOWN
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


def noise_of(f: Function, x: float) -> float:
    """How much the values near x jump about, from differences of higher order.

    Differences of a smooth function of tiny steps fade with their order, those of noise do not
    (Hamming, 1971; Moré and Wild, 2011). From step to larger step, the third difference of a smooth
    function grows with the step's third power; what grows far faster is a stair, as rounding makes
    them where a small number is what is left of large ones.
    """
    here = abs(f(x))
    noise, thirds, on_plateau = 2 * UNIT * here, list[float](), False
    largest = math.inf  # third difference that is noise: of tiny steps any, then those of stairs
    for exponent in range(-50, -4, 3):
        # No power of 2: steps of few digits would be rounded in the same way again and again.
        step = max(abs(x), 1e-290) * 0.9 * 2.0**exponent
        values = [f(x + i * step) for i in range(-4, 5)]
        if len({*values}) == 1:  # so small a step is lost in rounding
            on_plateau = True
            continue
        if not all(map(math.isfinite, values)):
            break
        if on_plateau:
            return max(noise, max(values) - min(values))  # the height of the stairs
        third, *higher = _levels(values)
        if len(thirds) == 3:
            largest = 0.0
        if STAIR * max([noise, *thirds[-1:]]) < third < here / 100:
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


def _best(quotient: Function, power: int, x: float, noise: float) -> Estimate:
    """The extrapolation with the least error.

    The error of the smallest steps is noise, and known; of the largest, it may be far greater than
    it seems. So from step to larger step, each has to agree with those before.
    """
    scale = abs(x) or 1.0
    steps = {unit * h for h in FIRST_STEPS for unit in (scale, max(scale, 1.0))}
    best = flat = UNKNOWN
    for step in sorted(steps):
        found = _extrapolated(quotient, power, step, noise)
        if found.error == 0 and found.low == 0:  # all that it saw was one number
            flat = found
            continue
        if best.error < math.inf and not abs(found.low - best.low) <= SAFETY * best.error:
            break
        if found.error < best.error:
            best = found
    best = flat if best.error == math.inf else best
    return best._replace(error=SAFETY * best.error)


def _extrapolated(quotient: Function, power: int, step: float, noise: float) -> Estimate:
    """Quotients of halved steps, whose error is a series in powers of the step, extrapolated."""
    best = UNKNOWN
    table: list[list[float]] = []
    for k in range(ROWS):
        h = step / 2**k
        if not h:  # below the smallest of floats
            break
        row = [quotient(h)]
        for j, above in enumerate(table[-1] if table else []):
            row.append(row[j] + (row[j] - above) / (2 ** (power * (j + 1)) - 1))
            error = max(abs(row[-1] - row[j]), abs(row[-1] - above)) + 2 * noise / h
            if error < best.error:
                best = Estimate(row[-1], row[-1], error)
        table.append(row)
    return best
