"""What a gradient check found: a line for each derivative, and notes."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mpmath import mp

from micrograd_gd.errors import MicrogradError
from micrograd_gd.testing.intervals import UNDEFINED, Interval
from micrograd_gd.text import tabulate
from micrograd_gd.transforms import trees

Verdict = Literal["right", "kink", "unknown", "wrong"]
LINES = 20  # of a table, at most


@dataclass(frozen=True)
class Comparison:
    """One derivative: its name, how it was computed, what it is and what it should be.

    `verdict` is right; wrong; kink, where it lies between the derivatives of both sides; or
    unknown, where nothing can be said, and `note` says why.
    """

    name: str
    how: str
    got: float
    expected: Interval = UNDEFINED
    error: float = 0.0
    verdict: Verdict = "unknown"
    note: str = ""
    output: int = 0  # the place of the number in the result

    def judge(
        self, expected: Interval, verdict: Verdict, error: Any = 0.0, note: str = ""
    ) -> "Comparison":
        """The same with a verdict."""
        return replace(self, expected=expected, verdict=verdict, error=float(error), note=note)

    @property
    def ratio(self) -> float:
        """By how many times the error bound the derivative is off."""
        off = max(self.expected.low - self.got, self.got - self.expected.high, 0)
        return float(off / self.error) if self.error else float("inf") * float(off > 0)

    def cells(self) -> list[str]:
        """The line of the table."""
        ends = [mp.nstr(end, 17, strip_zeros=True) for end in self.expected]
        expected = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
        ratio = f"{self.ratio:.3g}" if self.verdict == "wrong" else ""
        verdict = f"{self.verdict}: {self.note}" if self.note else self.verdict
        return [
            self.name, self.how, expected, repr(self.got), f"{self.error:.1e}", ratio, verdict,
        ]  # fmt: skip


HEADINGS = ["derivative by", "mode", "expected", "got", "error bound", "ratio", "verdict"]


@dataclass(frozen=True)
class Condition:
    """What rounding did to one operation of the graph.

    `factor` is how many times the operation magnifies relative errors of its operands. `lost` says
    how many of the 16 digits its number has lost, `lost_here` how many of them its operands had.
    """

    operation: str
    value: float
    exact: float
    factor: float
    lost: float
    lost_here: float


@dataclass(frozen=True)
class GradientReport:
    """All comparisons of a check, as a table when printed.

    `source` says where the expected derivatives came from: a replay of the graph in high
    precision, or differences of values.
    """

    comparisons: list[Comparison]
    source: Literal["replay", "differences"]
    notes: list[str] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    @property
    def wrong(self) -> list[Comparison]:
        """The comparisons that failed, the worst first."""
        failed = [each for each in self.comparisons if each.verdict == "wrong"]
        return sorted(failed, key=lambda each: -each.ratio)

    def __str__(self) -> str:
        counts = [
            f"{count} {verdict}"
            for verdict in ("wrong", "right", "kink", "unknown")
            if (count := sum(each.verdict == verdict for each in self.comparisons))
        ]
        lines = [f"checked by {self.source}: {', '.join(counts) or 'no derivative'}"]
        rest = [each for each in self.comparisons if each.verdict != "wrong"]
        lines += tabulate(HEADINGS, [each.cells() for each in self.wrong + rest], LINES)
        lines += self.notes
        if self.conditions:
            cells = [
                [c.operation, repr(c.value), repr(c.exact), f"{c.factor:.3g}", f"{c.lost:.1f}",
                 f"{c.lost_here:.1f}"]
                for c in self.conditions
            ]  # fmt: skip
            headings = ["operation", "value", "exact", "factor", "digits lost", "here"]
            lines += ["", *tabulate(headings, cells, LINES)]
        return "\n".join(lines)


def list_differences(left: object, right: object) -> list[str] | None:
    """The numbers in which two trees of one structure differ, or None for anything else."""
    try:
        a, structure = trees.flatten(left, "left")
        b = trees.match(right, structure, "right")
    except MicrogradError:
        return None
    if len(a) < 2:
        return None
    names = [name.removeprefix("gradient") for name in trees.names(structure, "gradient")]
    pairs = [[float(getattr(x, "data", x)) for x in pair] for pair in zip(a, b, strict=True)]
    rows = [
        [name, repr(x), repr(y), f"{x - y:.3g}", f"{abs(x - y) / abs(y):.1e}" if y else ""]
        for name, (x, y) in zip(names, pairs, strict=True)
        if x != y
    ]
    headings = ["at", "left", "right", "left - right", "relative"]
    return [f"{len(rows)} of {len(pairs)} numbers differ", *tabulate(headings, rows, LINES)]
