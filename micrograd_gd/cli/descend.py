"""`descend`: gradient descent on a formula, step by step."""

import math
import re
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer

from micrograd_gd.cli import printing
from micrograd_gd.cli.messages import complain, say
from micrograd_gd.cli.picture import Picture, draw, require_picture
from micrograd_gd.cli.place import Force, require_new
from micrograd_gd.cli.point import point
from micrograd_gd.descent.curvature import is_minimum
from micrograd_gd.descent.learning_rate import critical_learning_rate
from micrograd_gd.descent.minimize import minimize
from micrograd_gd.descent.trajectory import Descent, Step
from micrograd_gd.errors import ArgumentError, NonFiniteError
from micrograd_gd.notation.parse import Expression, parse
from micrograd_gd.pages import live
from micrograd_gd.viz import plot_descent


def descend(
    formula: Annotated[
        str,
        typer.Argument(
            metavar="FORMULA",
            help="Such as 'x**4 - 3*x**3 + 2'.",
        ),
    ],
    start: Annotated[
        list[str] | None,
        typer.Option(help="Where to start: x=4,y=1, or again and again.", show_default="random"),
    ] = None,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", "--lr", help="What a step takes of the slope.")
    ] = 0.1,
    max_steps: Annotated[int, typer.Option(help="As many at most.")] = 1000,
    tolerance: Annotated[float, typer.Option(help="The slope that counts as level.")] = 1e-6,
    between: Annotated[tuple[float, float], typer.Option(help="Where a random start is drawn.")] = (
        -1.0,
        1.0,
    ),
    seed: Annotated[int, typer.Option(help="Decides a random start.")] = 0,
    out: Picture = None,
    page: Annotated[
        Path | None, typer.Option(help="Write a page to descend on by hand there.")
    ] = None,
    force: Force = False,  # noqa: FBT002 — a flag
) -> None:
    """Walk down a formula, against its slope, to level ground."""
    require_picture(out, force=force)
    require_new(page, "--page", force=force)
    function = parse(formula)
    if not function.names:
        raise ArgumentError(f"{formula} depends on no name; expected a formula such as 'x**2 - x'")
    begin = _start(function, start or [], between, seed)
    if page is not None:
        live(function, page, start=begin, learning_rate=learning_rate, tolerance=tolerance)
        say(f"wrote {page}", "")
    descent = minimize(
        lambda at: function(**at),
        begin,
        learning_rate=learning_rate,
        max_steps=max_steps,
        tolerance=tolerance,
    )
    say(*_table(function, descent))
    if out is not None:
        draw(out, plot_descent, descent)
    if descent.status in {"diverged", "unbounded"}:
        # The formula has no line in a file of the user's, so the one that is named is none of his.
        message = re.sub(r"(, at|; it was computed at) .*?, line [0-9]+", "", descent.message)
        raise typer.Exit(complain(f"{descent.status}: {message}", 1))
    say("", *printing.align(_answer(descent, learning_rate)))


def _start(
    function: Expression, given: list[str], between: tuple[float, float], seed: int
) -> dict[str, float]:
    """A number for each name: as given, or random."""
    low, high = between
    if not -math.inf < low <= high < math.inf:
        raise ArgumentError(f"--between is {low:g} {high:g}; expected two numbers, lower one first")
    random = Random(seed)  # noqa: S311 — a start, no secret
    drawn = {name: random.uniform(low, high) for name in function.names}
    return {**drawn, **point(given, function.names, "--start")}


def _table(function: Expression, descent: Descent) -> list[str]:
    """The first steps, then fewer and fewer, and the last."""
    last = len(descent.trajectory) - 1
    shown = [i for i in range(last + 1) if i < 5 or i == last or _is_round(i)]
    rows = [(str(i), *_cells(function, descent.trajectory[i])) for i in shown]
    return printing.align([("step", *function.names, "value", "slope"), *rows])


def _is_round(step: int) -> bool:
    """1, 2 or 5 times a power of ten."""
    return str(step).rstrip("0") in {"1", "2", "5"}


def _cells(function: Expression, step: Step) -> tuple[str, ...]:
    slope: Any = step.gradient_norm
    if len(function.names) == 1:
        (slope,) = step.gradient.values()
    numbers = [*(step.parameters[name] for name in function.names), step.value, slope]
    return tuple(f"{x:.6g}" for x in numbers)


def _answer(descent: Descent, rate: float) -> list[tuple[str, str]]:
    end = "where it ended"
    if descent.status == "converged":
        is_low = is_minimum(descent.function, descent.parameters)
        end = "local minimum" if is_low else "level place"
    lowest = min(descent.trajectory, key=lambda step: step.value)
    is_lower = lowest.value < descent.value - 1e-9 * abs(descent.value)
    return [
        (descent.status.replace("_", " "), descent.message),
        (end, _place(descent.parameters)),
        ("value", f"{descent.value:.10g}"),
        *[("lower before", f"{lowest.value:.10g} at {_place(lowest.parameters)}")] * is_lower,
        ("learning rate", f"{rate:g}; critical: {_critical(descent)}"),
    ]


def _place(parameters: dict[str, float]) -> str:
    return ", ".join(f"{name} = {x:.10g}" for name, x in parameters.items())


def _critical(descent: Descent) -> str:
    try:
        critical = critical_learning_rate(descent.function, descent.parameters)
    except NonFiniteError:  # a second derivative
        return "not known here"
    return f"{critical:.4g} here" if critical < math.inf else "none here: it bends upward nowhere"
