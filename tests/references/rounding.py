"""How far rounding may take a result from the truth, computed from the graph that recorded it."""

import math

from micrograd_gd import Value
from micrograd_gd.core import sweep

UNIT = 2.0**-53  # half the distance from 1 to the next float
A_STEP = 16  # what tests/test_accuracy.py holds every row to, value and partials


def error_bound(result):
    """The error of a result, to first order: what each step may err, times the step's adjoint.

    A step errs by no more than 16 u (|y| + Σ |x ∂y/∂x|). A derivative is recorded like everything
    else, so that the bound covers it when it was asked for at values instead of floats.
    """
    if getattr(result, "op", None) is None:  # a constant of the table, or a product of some
        return A_STEP * UNIT * abs(number(result))
    return (
        A_STEP
        * UNIT
        * math.fsum(
            abs(adjoint) * (abs(node.data) + sum(map(abs, _shares(node))))
            for node, adjoint in sweep.adjoints(result).items()
            if node.op is not None
        )
    )


def _shares(node):
    for operand, partial in zip(node.operands, node.partials, strict=True):
        if partial is not None:
            yield operand.data * partial


def number(result):
    """The number of a result, a value or a number already."""
    return result.data if isinstance(result, Value) else result
