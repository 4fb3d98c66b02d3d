"""Gradient descent by hand, on a function of one number or two: what Python gathers for it."""

import math
from collections.abc import Mapping

from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.parse import Expression
from micrograd_gd.pages.frame import Part
from micrograd_gd.table.numbers import number, require_count, require_positive, shorten


def show_descent(
    function: Expression,
    start: Mapping[str, float],
    *,
    learning_rate: float = 0.1,
    max_steps: int = 100,
    tolerance: float = 1e-6,
) -> Part:
    """A formula and a start on it, as a part of a page; the settings are those of `minimize`.

    Raises ArgumentError for a formula of no name or more than two, for a start of other names, and
    for settings out of range.
    """
    names = function.names
    if len(names) not in {1, 2}:
        told = ", ".join(names) or "no name"
        raise ArgumentError(f"the formula depends on {told}; a page shows one or two")
    return Part(
        "descent",
        {
            "formula": function.text,
            "start": _find_start(names, start),
            "rate": require_positive("learning_rate", learning_rate),
            "maxSteps": require_count("max_steps", max_steps),
            "tolerance": number(tolerance, "tolerance"),
        },
    )


def _find_start(names: tuple[str, ...], start: Mapping[str, float]) -> dict[str, float]:
    if set(start) != {*names}:
        raise ArgumentError(f"start is {shorten(start)}; expected a number for {', '.join(names)}")
    numbers = {name: number(start[name], name) for name in names}
    if not all(map(math.isfinite, numbers.values())):
        raise ArgumentError(f"start is {shorten(start)}; expected finite numbers")
    return numbers
