"""The six relations between two numbers, in every language that the package writes."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from micrograd_gd.errors import NumberRangeError
from micrograd_gd.table.numbers import number


class Relation(NamedTuple):
    """A relation: how it is written, asked and recorded."""

    sign: str  # in Python and in C
    name: str  # in the module `operator`, as a special method, and, in capitals, in Python's C
    node: type[ast.cmpop]  # in a syntax tree
    predicate: str  # of LLVM's fcmp
    test: str  # recorded as an operation, over a and b

    @property
    def holds(self) -> Callable[[float, float], bool]:
        """Whether it holds between two floats."""
        return getattr(operator, self.name)  # type: ignore[no-any-return]  # of the six


# In the order of Python's C (Py_LT is 0), in which an encoded program counts them.
RELATIONS = (
    Relation("<", "lt", ast.Lt, "olt", "less(a, b)"),
    Relation("<=", "le", ast.LtE, "ole", "less_equal(a, b)"),
    Relation("==", "eq", ast.Eq, "oeq", "equal(a, b)"),
    Relation("!=", "ne", ast.NotEq, "une", "where(equal(a, b), 0, 1)"),
    Relation(">", "gt", ast.Gt, "ogt", "less(b, a)"),
    Relation(">=", "ge", ast.GtE, "oge", "less_equal(b, a)"),
)
BY_SIGN = {relation.sign: relation for relation in RELATIONS}
BY_NODE = {relation.node: relation for relation in RELATIONS}


def compare_with_float(relation: str, other: Any) -> tuple[str, float] | None:
    """The same comparison for every float, with a float; None where none is equal to `other`.

    A large int, a Decimal or a Fraction lies between two floats, and comparisons are exact.
    """
    try:
        nearest = number(other, "what a value is compared with")
    except NumberRangeError:
        nearest = math.inf if other > 0 else -math.inf
    if nearest == other or math.isnan(nearest):
        return relation, nearest
    if relation in {"==", "!="}:
        return None
    if nearest > other:
        return ("<" if relation in {"<", "<="} else ">="), nearest
    return ("<=" if relation in {"<", "<="} else ">"), nearest
