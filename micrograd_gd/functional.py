"""Functions of numbers and of sequences: every row of the table, and what needs no rule of its own.

`exp`, `tanh`, `maximum`, `where` and the other operations are here under the names of the table.
They give a float for plain numbers and record a node as soon as an operand is a `Value`.
"""

import builtins
import math
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from micrograd_gd.core import blocks
from micrograd_gd.core.whole import WholeArray
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.names import close_module
from micrograd_gd.table.numbers import elements, number
from micrograd_gd.table.ops import Operation, operation, subscribe

# The rows of the table are added. Not listed are those that exist only as derivatives of others,
# and `abs`, `pow` and `round`, which `from … import *` would put in the place of Python's own.
__all__ = [
    "celu",
    "dot",
    "greater",
    "greater_equal",
    "hardtanh",
    "log_softmax",
    "logsumexp",
    "mean",
    "softmax",
    "softmin",
    "std",
    "total",
    "var",
]
_own = {*__all__}


def _offer(op: Operation) -> None:
    if op.name not in _own:
        globals()[op.name] = op
        if not (op.is_internal or op.name in __all__ or hasattr(builtins, op.name)):
            __all__.append(op.name)  # noqa: PYI056 — the table says what is exported


(
    _exp, _expm1, _log, _clip, _maximum, _minimum, _where, _dot, _total, _less, _less_equal, _sqrt,
    _square,
) = map(
    operation,
    (
        "exp", "expm1", "log", "clip", "maximum", "minimum", "where", "dot", "total", "less",
        "less_equal", "sqrt", "square",
    ),
)  # fmt: skip


def total(xs: Iterable[Any], start: Any = 0.0) -> Any:
    """The sum of any number of numbers as one node, added from left to right.

    >>> total([1.0, 2.0, 3.0])
    6.0
    """
    trace = blocks.trace()
    xs = xs if isinstance(xs, WholeArray) else elements(xs, "the numbers of total")
    of_batch = trace.total(xs) if trace else None
    return _total(start, *xs) if of_batch is None else start + of_batch


def dot(ws: Sequence[Any], xs: Sequence[Any], bias: Any = 0.0) -> Any:
    """The bias plus the sum of w · x as one node, added from left to right.

    Raises ShapeError where the lengths differ.

    >>> dot([1.0, 2.0], [3.0, 4.0], bias=0.5)
    11.5
    """
    if len(ws) != len(xs):
        raise ShapeError(f"dot needs as many weights as inputs: got {len(ws)} and {len(xs)}")
    if type(bias) is Value and isinstance(ws, list) and isinstance(xs, list):
        return bias.dot(*ws, *xs)  # so it is in every neuron, and the method is the shorter way
    return _dot(bias, *elements(ws, "the weights of dot"), *elements(xs, "the inputs of dot"))


def greater(a: Any, b: Any) -> Any:
    """1 where a is above b, else 0: a test for `where`.

    >>> greater(2.0, 1.0)
    1.0
    """
    return _less(b, a)


def greater_equal(a: Any, b: Any) -> Any:
    """1 where a is at or above b, else 0.

    >>> greater_equal(1.0, 1.0)
    1.0
    """
    return _less_equal(b, a)


def hardtanh(x: Any) -> Any:
    """x, kept within [-1, 1].

    >>> hardtanh(1.5)
    1.0
    """
    return _clip(x, -1.0, 1.0)


def celu(x: Any, alpha: Any = 1.0) -> Any:
    """The elu that is scaled along both axes, so that its slope at 0 is 1 for every alpha.

    >>> celu(-2.0, alpha=2.0)
    -1.2642411176571153
    """
    return _maximum(x, 0.0) + alpha * _minimum(_expm1(x / alpha), 0.0)


def mean(xs: Iterable[Any]) -> Any:
    """The arithmetic mean.

    Raises ArgumentError for no numbers.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    trace = blocks.trace()
    if trace is None:
        xs = _some(xs, "mean")
        return _total(*xs) / len(xs)
    if isinstance(xs, WholeArray):
        return trace.total(xs) / trace.length(xs)
    xs = _some(xs, "mean")
    of_batch = trace.total(xs)
    return (total(xs[1:], start=xs[0]) if of_batch is None else of_batch) / len(xs)


def var(xs: Iterable[Any], ddof: int = 0) -> Any:
    """The variance: the sum of the squared distances from the mean, divided by n - ddof.

    With `ddof=1`, PyTorch's default, it estimates the variance of what the numbers are a sample of.
    The default is NumPy's.

    Raises ArgumentError unless there are more than `ddof` numbers.

    >>> var([1.0, 2.0, 6.0]), var([1.0, 2.0, 6.0], ddof=1)
    (4.666666666666667, 7.0)
    """
    if isinstance(xs, WholeArray):
        trace = xs.find_trace()
        squares = trace.compute(lambda x, y: _square(x - y), xs, mean(xs))
        return trace.reduce(squares, "sum") / (trace.length(xs) - ddof)
    xs = _some(xs, "var")
    if not ddof < len(xs):
        raise ArgumentError(f"var with ddof={ddof} needs more than {ddof} numbers: got {len(xs)}")
    middle = mean(xs)
    return total([_square(x - middle) for x in xs]) / (len(xs) - ddof)


def std(xs: Iterable[Any], ddof: int = 0) -> Any:
    """The standard deviation, the square root of `var`: its slope is nan where that is 0.

    Raises ArgumentError unless there are more than `ddof` numbers.

    >>> std([1.0, 1.0, 5.0, 5.0])
    2.0
    """
    return _sqrt(var(xs, ddof))


def logsumexp(xs: Iterable[Any]) -> Any:
    """Logarithm of Σ exp xᵢ, without overflow.

    Raises ArgumentError for no numbers.

    >>> logsumexp([1000.0, 1000.0])
    1000.6931471805599
    """
    if isinstance(xs, WholeArray):
        return _logsumexp_of_rows(xs)
    return _logsumexp_in_parts(_some(xs, "logsumexp"))[0]


def log_softmax(xs: Iterable[Any]) -> list[Any]:
    """xᵢ - logsumexp(x): the logarithms of softmax, without cancellation for the largest.

    Raises ArgumentError for no numbers.

    >>> log_softmax([0.0, 1000.0])
    [-1000.0, 0.0]
    """
    xs = _some(xs, "log_softmax")
    _, largest, log_of_sum = _logsumexp_in_parts(xs)
    return [x - largest - log_of_sum for x in xs]


def softmax(xs: Iterable[Any]) -> list[Any]:
    """The shares exp xᵢ / Σ exp xⱼ: positive numbers that add up to 1.

    Raises ArgumentError for no numbers.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    return [_exp(x) for x in log_softmax(_some(xs, "softmax"))]


def softmin(xs: Iterable[Any]) -> list[Any]:
    """The shares exp(-xᵢ) / Σ exp(-xⱼ): the largest is that of the smallest number.

    Raises ArgumentError for no numbers.

    >>> softmin([0.0, 1000.0])
    [1.0, 0.0]
    """
    return softmax([-x for x in _some(xs, "softmin")])


def _logsumexp_in_parts(xs: list[Any]) -> tuple[Any, Any, Any]:
    """logsumexp, and the two parts that it is the sum of: the largest number, and a logarithm.

    The largest is a plain number: it cancels, so no derivative flows through it.
    """
    largest = _largest(xs)
    exponentials = [_exp(x - largest) for x in xs]
    log_of_sum = _log(total(exponentials[1:], start=exponentials[0]))
    return largest + log_of_sum, largest, log_of_sum


def _logsumexp_of_rows(xs: WholeArray) -> Any:
    """The same for what vmap gives whole in a trace."""
    trace = xs.find_trace()
    largest = _finite(trace.reduce(xs, "largest"))
    exponentials = trace.compute(lambda x, y: _exp(x - y), xs, largest)
    return largest + _log(trace.reduce(exponentials, "sum"))


def _finite(x: Any) -> Any:
    """The number as a constant, with 0 for one that is infinite or nan."""
    return blocks.constant(_where(x - x, 0.0, x))


def _largest(xs: list[Any]) -> Any:
    """The largest number, or 0 where it is infinite or nan, since inf - inf would be nan."""
    if blocks.trace():  # the same by operations, which hold for other numbers too
        return _finite(reduce(_maximum, xs))
    largest = max(x.data if isinstance(x, Value) else x for x in xs)
    return largest if math.isfinite(largest) else 0.0


def _some(xs: Iterable[Any], function: str) -> list[Any]:
    some = [
        x if isinstance(x, Value) else number(x, f"a number of {function}")
        for x in elements(xs, f"the numbers of {function}")
    ]
    if not some:
        raise ArgumentError(f"{function} needs at least one number, and got none")
    return some


subscribe(_offer, taken=__all__.__contains__)
close_module(
    __name__, quick=_own - {"celu", "log_softmax", "logsumexp", "softmax", "softmin", "std", "var"}
)
