"""What rounding may do to the numbers of a replay, and what it did."""

from collections.abc import Collection, Sequence
from functools import cache
from random import Random
from typing import Any

from mpmath import mp, mpf

from micrograd_gd.engine import Value
from micrograd_gd.table.ops import Operation
from micrograd_gd.testing.precise import evaluate

UNIT = mpf(2) ** -53
SMALLEST = mpf(2) ** -1064  # below the normal floats, digits are not promised
DISTURBANCE = 16 * UNIT  # the error that the table grants a row
GRAINS = 1000  # of noise, drawn once for each seed, as making such numbers takes long


class Noise:
    """Units in the last place, drawn once for every number of a replay but those that are exact."""

    def __init__(self, seed: int, exact: Collection[Any]) -> None:
        self.random = Random(seed)  # noqa: S311 — noise, no secrets
        self.exact = exact
        self.grains = _draw_grains(seed)
        self.places: dict[Any, int] = {}

    def on(self, number: Any, key: Any) -> Any:
        """The number, disturbed as rounding may do."""
        if key in self.exact:
            return number
        factor, lost = self._grain(key)
        return number * factor + lost

    def below_floats(self, key: Any) -> Any:
        """What a number may lose or gain by underflow."""
        return self._grain(key)[1]

    def _grain(self, key: Any) -> tuple[Any, Any]:
        if key not in self.places:
            self.places[key] = self.random.randrange(GRAINS)
        return self.grains[self.places[key]]


@cache
def _draw_grains(seed: int) -> list[tuple[Any, Any]]:
    """A factor and an underflow for each grain."""
    random = Random(f"grains {seed}")  # noqa: S311 — noise, no secrets
    with mp.workdps(50):  # enough for them to be exact
        drawn = [mpf(random.uniform(-1, 1)) for _ in range(GRAINS)]
        return [(1 + DISTURBANCE * unit, unit * SMALLEST) for unit in drawn]


class Rounding(Noise):
    """The rounding that happened: with it, a replay computes the numbers that the floats are."""

    def __init__(self, nodes: Sequence[Value]) -> None:
        self.errors = {node: _error(node, node.op) for node in nodes if node.op is not None}

    def on(self, number: Any, key: Any) -> Any:
        """The number, rounded as it was."""
        return number + self.errors.get(key, 0)

    def below_floats(self, key: Any) -> Any:  # noqa: ARG002 — as of all noise
        """Nothing: slopes are exact here."""
        return 0


def _error(node: Value, op: Operation) -> Any:
    """How far the number of an operation is from that of its operands as they are."""
    numbers = [mpf(x.data if isinstance(x, Value) else x) for x in node.operands]
    error = node.data - evaluate(op, numbers)
    return error if mp.isfinite(error) else 0
