"""What a gradient check found: one line for each derivative, and what is to be known beside."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mpmath import mp

from micrograd_gd.testing.replay import UNDEFINED, Interval

Verdict = Literal["right", "kink", "unknown", "wrong"]
LINES = 20  # of a table that are printed


@dataclass(frozen=True)
class Comparison:
    """One derivative: what it is of, how it was computed, what it is and what it should be.

    `verdict` is right; kink, where it is one of the derivatives between two sides; unknown, where
    nothing can be said, `note` says why; or wrong.
    """

    name: str
    how: str
    got: float
    expected: Interval = UNDEFINED
    error: float = 0.0
    verdict: Verdict = "unknown"
    note: str = ""
    output: int = 0  # which number of the result it is of

    def judged(
        self, expected: Interval, verdict: Verdict, error: Any = 0.0, note: str = ""
    ) -> "Comparison":
        """The same with what was found."""
        return replace(self, expected=expected, verdict=verdict, error=float(error), note=note)

    @property
    def ratio(self) -> float:
        """How many times the error bound the derivative is off."""
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
    """One operation of the graph: what rounding did to it.

    `factor` is how many times it magnifies relative errors of its operands; `lost` is how many of
    the 16 digits its number has lost, `lost_here` those that its operands still had.
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

    `source` says where the expected derivatives came from: the graph, replayed in high precision,
    or differences of values.
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
        lines += table(HEADINGS, [each.cells() for each in self.wrong + rest])
        lines += self.notes
        if self.conditions:
            cells = [
                [c.operation, repr(c.value), repr(c.exact), f"{c.factor:.3g}", f"{c.lost:.1f}",
                 f"{c.lost_here:.1f}"]
                for c in self.conditions
            ]  # fmt: skip
            headings = ["operation", "value", "exact", "factor", "digits lost", "here"]
            lines += ["", *table(headings, cells)]
        return "\n".join(lines)


def table(headings: list[str], rows: list[list[str]]) -> list[str]:
    """Lines with columns as wide as they have to be; of many rows, the first."""
    shown = [headings, *rows[:LINES]]
    widths = [max(len(row[i]) for row in shown) for i in range(len(headings))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]
    if len(rows) > LINES:
        lines.append(f"… and {len(rows) - LINES} more")
    return lines
