"""Strategies for hypothesis: random expressions, values, small models, small data sets.

    from hypothesis import given
    from micrograd_gd.testing.strategies import expressions

    @given(expressions())
    def test_something(f):
        ...

Once this module is imported, `hypothesis.strategies.from_type(Value)` works as well.
"""

import itertools
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from micrograd_gd.engine import PythonValue, Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.names import missing_package
from micrograd_gd.nn import MLP
from micrograd_gd.table.ops import OPERATIONS, Operation, operation
from micrograd_gd.testing.expressions import Expression, Node, Operand, numbers_of, prune
from micrograd_gd.testing.smoothness import is_smooth, special_points

try:
    from hypothesis import assume
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise missing_package(error.name, "testing.strategies") from None

__all__ = ["SPECIAL_NUMBERS", "datasets", "expressions", "mlps", "values"]

SPECIAL_NUMBERS = (
    0.0, 1.0, -1.0, -0.0, 0.5, 2.0, -2.0, math.pi, 40.0, -40.0, 710.0, -746.0,
    sys.float_info.epsilon, sys.float_info.min, 5e-324, -5e-324,
    1e160, -1e160, sys.float_info.max, -sys.float_info.max,
)  # fmt: skip
"""Numbers where formulas go wrong: zeros, ones, the ends of exp, the extreme floats."""

_MODERATE = st.floats(0.01, 3.0) | st.floats(-3.0, -0.01)
_ANY = st.sampled_from(SPECIAL_NUMBERS) | st.floats(-3.0, 3.0) | st.floats(-1e3, 1e3)
_CONSTANTS = (1.0, 2.0, 0.5, 3.0, -1.0)  # tried where an operand is outside of the domain
_ATTEMPTS = 40


def expressions(
    max_operations: int = 6,
    operations: Iterable[str | Operation] | None = None,
    variables: int | None = None,
    *,
    smooth: bool = True,
) -> st.SearchStrategy[Expression]:
    """Random functions of a few variables, each with a point to take it at.

    An expression can be called with numbers or values, prints as one line of Python, and knows its
    point as `inputs`. It consists of 1 to `max_operations` of the `operations`, which are names or
    rows; by default, all rows of the table, with those that users added. `variables` is the number
    of its variables, by default 1 to 3.

    A smooth expression keeps every operation inside its domain and away from its kinks, and keeps
    numbers and slopes moderate. Otherwise special numbers are drawn often: zeros of both signs,
    subnormal and huge numbers, ties, borders of a domain. Then any result may come out, even nan.

    Failures shrink to a few operations, the first ones of the table, at simple numbers.

    Raises ArgumentError for numbers below 1, OperationError for an unknown operation.

    >>> from hypothesis import find
    >>> find(expressions(operations=["mul", "tanh"]), lambda f: "tanh" in f.operations)
    lambda x=1.0: tanh(x)
    """
    for name, count in (("max_operations", max_operations), ("variables", variables)):
        if count is not None and count < 1:
            raise ArgumentError(f"{name} is {count}; expected 1, 2, 3, …")
    rows = [*OPERATIONS.values()]
    if operations is not None:
        rows = [x if isinstance(x, Operation) else operation(x) for x in operations]
        if not rows:
            raise ArgumentError("operations is empty; name at least one, or leave it out for all")
    numbers = _MODERATE if smooth else _ANY
    return _expressions(
        st.lists(numbers, min_size=variables or 1, max_size=variables or 3),
        st.lists(_recipes(rows, smooth=smooth), min_size=1, max_size=max_operations),
        smooth,
        variables is not None,
    )


@st.composite
def _expressions(
    draw: st.DrawFn,
    inputs: st.SearchStrategy[list[float]],
    recipes: st.SearchStrategy[list[Any]],
    smooth: bool,  # noqa: FBT001 — private, and expressions() asks for the keyword
    keep_inputs: bool,  # noqa: FBT001 — private
) -> Expression:
    point = draw(inputs)
    known = [*point]
    nodes: list[Node] = []
    for row, recipe in map(_complete, draw(recipes)):
        if row is not None:
            first = _place(recipe, known, len(point))
            operands = _first_that_fits(row, first, known) if smooth else first
            if operands is not None:
                nodes.append((row, operands))
                known.append(row(*numbers_of(operands, known)))
    assume(nodes)
    return prune(point, nodes, keep_inputs=keep_inputs)


def _recipes(
    rows: Sequence[Operation], *, smooth: bool
) -> st.SearchStrategy[tuple[Operation | None, int, int, tuple[Any, ...]]]:
    """An operation, or None for no step, and what its operands are made of.

    That is the number of terms of a sum, the place of the newest step, and three operands. An int
    among these counts from the newest step back to the first, then through the variables; a float
    is itself; None is a tie, the number of the operand before. The same amount is drawn for every
    operation, so that one can shrink to another, or to none, and what follows stays the same.
    """
    special = dict.fromkeys(point for row in rows for point in special_points(row))
    places: st.SearchStrategy[Any] = st.sampled_from(range(6))
    if smooth:
        others: st.SearchStrategy[Any] = st.sampled_from(_CONSTANTS) | _MODERATE
    else:
        others = st.sampled_from([*SPECIAL_NUMBERS, *special, None])
    operand = st.one_of(places, places, others)
    return st.tuples(
        st.sampled_from([None, *rows]),
        st.sampled_from([1, 2, 3]),
        st.sampled_from(range(4)),
        st.tuples(operand, operand, operand),
    )


def _complete(
    recipe: tuple[Operation | None, int, int, tuple[Any, ...]],
) -> tuple[Operation | None, list[Any]]:
    """The operation with as many operands as it takes; at least one is a place."""
    row, terms, newest, three = recipe
    if row is None:
        return None, []
    count = row.arity(terms)
    operands = [three[i % 3] for i in range(count)]
    if newest < count or not any(type(x) is int for x in operands):
        operands[newest % count] = 0
    return row, operands


def _place(recipe: Sequence[Any], known: Sequence[float], variables: int) -> tuple[Operand, ...]:
    newest_first = [*range(len(known) - 1, variables - 1, -1), *range(variables)]
    operands: list[Operand] = []
    for x in recipe:
        if type(x) is int:
            operands.append(newest_first[x % len(known)])
        elif x is None:
            operands.append(numbers_of(operands[-1:], known)[0] if operands else 0.0)
        else:
            operands.append(x)
    return tuple(operands)


def _first_that_fits(
    row: Operation, first: tuple[Operand, ...], known: Sequence[float]
) -> tuple[Operand, ...] | None:
    """These operands, or others in their places, for which the row is smooth."""
    everything: list[Operand] = [*range(len(known)), *_CONSTANTS]
    others = ((*first[:i], x, *first[i + 1 :]) for i in range(len(first)) for x in everything)
    whole = itertools.product(everything, repeat=len(first))
    for operands in itertools.islice(itertools.chain([first], others, whole), _ATTEMPTS):
        moving = [i for i, x in enumerate(operands) if isinstance(x, int)]
        if moving and is_smooth(row, numbers_of(operands, known), moving):
            return operands
    return None


def values(numbers: st.SearchStrategy[float] | None = None) -> st.SearchStrategy[Value]:
    """Leaves with a number drawn from `numbers`: by default any finite one, often a special one.

    >>> from hypothesis import find
    >>> find(values(), lambda v: v.data > 1).data
    2.0
    """
    if numbers is None:
        finite = st.floats(allow_nan=False, allow_infinity=False)
        numbers = st.sampled_from(SPECIAL_NUMBERS) | finite
    return st.builds(Value, numbers)


def mlps(
    max_inputs: int = 3,
    max_width: int = 4,
    max_layers: int = 2,
    activations: Sequence[str] = ("tanh", "relu", "sigmoid", "softplus"),
) -> st.SearchStrategy[MLP]:
    """Small models with a seed, so that the printed line builds the same weights again.

    >>> from hypothesis import find
    >>> find(mlps(), lambda model: True)
    MLP(1 -> 1 linear, 2 parameters)
    """
    return st.builds(
        MLP,
        st.integers(1, max_inputs),
        st.lists(st.integers(1, max_width), min_size=1, max_size=max_layers),
        st.sampled_from(activations),
        seed=st.integers(0, 2**16),
    )


def datasets(
    inputs: int = 2,
    max_size: int = 5,
    targets: st.SearchStrategy[Any] | None = None,
) -> st.SearchStrategy[tuple[list[list[float]], list[Any]]]:
    """Small data sets: rows of so many inputs, each with a target, by default 1 or -1.

    >>> from hypothesis import find
    >>> find(datasets(), lambda data: len(data[0]) == 2)
    ([[0.0, 0.0], [0.0, 0.0]], [-1.0, -1.0])
    """
    row = st.lists(st.floats(-3.0, 3.0), min_size=inputs, max_size=inputs)
    target = st.sampled_from([-1.0, 1.0]) if targets is None else targets
    examples = st.lists(st.tuples(row, target), min_size=1, max_size=max_size)
    return examples.map(lambda pairs: ([x for x, _ in pairs], [y for _, y in pairs]))


st.register_type_strategy(PythonValue, st.builds(PythonValue, values().map(lambda v: v.data)))
st.register_type_strategy(Value, values())
st.register_type_strategy(MLP, mlps())
st.register_type_strategy(Expression, expressions())
