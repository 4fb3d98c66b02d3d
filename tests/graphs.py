"""Random programs over the rows of the table, for tests: they run on values and on numbers."""

import math
from dataclasses import dataclass

from hypothesis import assume
from hypothesis import strategies as st

from micrograd_gd import Value
from micrograd_gd.expression import function, on_floats
from micrograd_gd.operation import _ON_FLOATS
from micrograd_gd.ops import OPERATIONS

LIMIT = 1e6  # numbers beyond make differences between roundings too large to compare


@dataclass(frozen=True)
class Program:
    """Steps, each an operation and where its operands stand among what is already computed."""

    inputs: tuple[float, ...]
    steps: tuple[tuple[str, tuple[int, ...]], ...]

    def run(self):
        """The input values and the last result."""
        inputs = [Value(x) for x in self.inputs]
        return inputs, self._last(inputs)

    def value(self, *inputs):
        """The last result as a number."""
        return self._last(list(inputs))

    def _last(self, numbers):
        numbers = list(numbers)
        for name, places in self.steps:
            numbers.append(OPERATIONS[name](*(numbers[i] for i in places)))
        return numbers[-1]


def condition(row, text):
    return function(row.operands, on_floats(row.tree(text)), _ON_FLOATS)


def is_smooth(row, operands):
    """Whether the row has a derivative here, with a margin to where it has none."""
    lines = [[operands, *line] for line in lines_through(operands)]
    points = [point for line in lines for point in line]
    if row.domain and not all(condition(row, row.domain)(*point) for point in points):
        return False
    for kink in row.kinks:
        if len({condition(row, kink)(*point) > 0 for point in points}) == 2:
            return False
    for line in lines:  # of a pole or a cusp that the row does not name, this is the trace
        middle, below, above = (row(*point) for point in line)
        if not abs(above - 2 * middle + below) < 0.1 * MARGIN * (1 + abs(middle)):
            return False
    return True


MARGIN = 0.03


def lines_through(operands):
    """For every operand, and for all at once: the operands moved a little down and up."""
    for moved in [*({i} for i in range(len(operands))), set(range(len(operands)))]:
        yield [
            tuple(
                x + side * MARGIN * max(abs(x), 0.1) if i in moved else x
                for i, x in enumerate(operands)
            )
            for side in (-1, 1)
        ]


@st.composite
def programs(draw, *, smooth=False):
    """A program of a few steps whose numbers stay finite and of moderate size."""
    sizes = st.floats(0.01, 3) | st.floats(-3, -0.01) if smooth else st.floats(-3, 3)
    numbers = draw(st.lists(sizes, min_size=1, max_size=3))
    inputs, steps = tuple(numbers), []
    rows = [
        row
        for row in OPERATIONS.values()
        if not row.folds and row.operands[0] != "n" and not (smooth and "flat" in row.properties)
    ]
    for _ in range(draw(st.integers(1, 7))):
        row = draw(st.sampled_from(rows))
        places = tuple(draw(st.integers(0, len(numbers) - 1)) for _ in range(len(row.operands)))
        operands = tuple(numbers[i] for i in places)
        y = row(*operands)
        if smooth and not (is_smooth(row, operands) and abs(y) < LIMIT):
            continue
        steps.append((row.name, places))
        numbers.append(y)
    assume(steps)
    assume(not smooth or math.isfinite(numbers[-1]))
    return Program(inputs, tuple(steps))
