"""Where an operation has a derivative that can be measured, by its domain and its kinks."""

import ast
import math
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from micrograd_gd.table.ops import Operation

MARGIN = 0.03  # the relative distance at which a border beside an operand matters
LIMIT = 1e4  # larger values and slopes would drown what is added to them

Point = tuple[float, ...]


def is_smooth(row: Operation, operands: Point, moving: Collection[int] | None = None) -> bool:
    """Whether the row has a derivative here and a little way around.

    Operands at places other than `moving` are constants; without it, none are.

    >>> from micrograd_gd.table.ops import operation
    >>> is_smooth(operation("log"), (0.5,)), is_smooth(operation("log"), (-0.5,))
    (True, False)
    >>> is_smooth(operation("maximum"), (1.0, 1.01)), is_smooth(operation("maximum"), (1.0, 2.0))
    (False, True)
    """
    places = range(len(operands)) if moving is None else moving
    lines = [[below, operands, above] for below, above in _lines_through(operands, places)]
    points = [point for line in lines for point in line]
    if not (_is_moderate(row, operands) and _keeps_to_one_piece(row, points)):
        return False
    return all(_is_gently_bent(*(row(*point) for point in line)) for line in lines)


def _lines_through(operands: Point, moving: Collection[int]) -> Iterator[tuple[Point, Point]]:
    """The operands moved a little down and up: each by itself, and all at once."""
    for moved in [*({i} for i in moving), set(moving)]:
        below, above = (
            tuple(
                x + side * MARGIN * max(abs(x), 0.1) if i in moved else x
                for i, x in enumerate(operands)
            )
            for side in (-1, 1)
        )
        yield below, above


def _is_moderate(row: Operation, operands: Point) -> bool:
    quantities = row.rule((True,) * len(operands))(*operands)
    return all(q is None or abs(q) <= LIMIT for q in quantities)


def _keeps_to_one_piece(row: Operation, points: Sequence[Point]) -> bool:
    steps = [step for point in points for step in _steps(row, point)]
    if row.domain and not all(_formula(row, row.domain)(*step) for step in steps):
        return False
    differences = [_formula(row, text) for text in (*row.kinks, *_borders(row))]
    return all(len({difference(*step) > 0 for step in steps}) < 2 for difference in differences)


def _is_gently_bent(below: float, middle: float, above: float) -> bool:
    """Whether there is no sharp bend, the trace of a pole or a cusp that the row does not name."""
    bend = abs(above - 2 * middle + below)
    slope = abs(above - middle) + abs(middle - below)
    return bend < max(0.1 * MARGIN * (1 + abs(middle)), 0.1 * slope)


def _steps(row: Operation, operands: Point) -> list[Point]:
    """The arguments of the row's formulas; a row that folds has some for each step."""
    if not row.folds:
        return [operands]
    sum_so_far, step_of = operands[0], _formula(row, "")
    steps = []
    for term in row.terms(operands):
        steps.append((sum_so_far, *term))
        sum_so_far = step_of(*steps[-1])
    return steps


@cache
def _borders(row: Operation) -> list[str]:
    """For every comparison that the domain demands, an expression that changes sign at its border.

    A comparison beside an `or` is not demanded: the domain may go on behind it.
    """
    demanded = [row.tree(row.domain)] if row.domain else []
    borders = []
    for condition in demanded:  # the list grows in the loop
        if isinstance(condition, ast.BoolOp) and isinstance(condition.op, ast.And):
            demanded += condition.values
        elif isinstance(condition, ast.Compare):
            sides = [f"({ast.unparse(side)})" for side in (condition.left, *condition.comparators)]
            borders += [f"{left} - {right}" for left, right in pairwise(sides)]
    return borders


def special_points(row: Operation) -> list[float]:
    """The numbers that the domain and the kinks mention, and their neighbors.

    >>> from micrograd_gd.table.ops import operation
    >>> special_points(operation("log"))
    [0.0, -5e-324, 5e-324]
    """
    numbers = dict.fromkeys(
        number
        for formula in (row.domain, *row.kinks)
        if formula
        for number in _numbers(row.tree(formula))
    )
    return [
        y for x in numbers for y in (x, math.nextafter(x, -math.inf), math.nextafter(x, math.inf))
    ]


def _numbers(tree: ast.expr) -> Iterator[float]:
    for node in ast.walk(tree):
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
            yield -float(node.operand.value)  # type: ignore[arg-type]  # a number, as parsed
        elif isinstance(node, ast.Constant):
            yield float(node.value)  # type: ignore[arg-type]  # a number, as parsed


@cache
def _formula(row: Operation, formula: str) -> Any:
    return row.on_floats(formula)
