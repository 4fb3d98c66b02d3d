"""One number of all lanes of a batch: a sum, an end, or what Python or NumPy would choose."""

import math
from typing import Any

from micrograd_gd.compiler import lanes
from micrograd_gd.core import blocks
from micrograd_gd.table.ops import operation

_WHERE, _LESS, _EQUAL = map(operation, ("where", "less", "equal"))


def reduce(x: Any, size: int, kind: str, length: Any) -> Any:
    """What `lanes` calls so, or what Python calls `max` and `min`, and NumPy `amax` and `amin`.

    Or the first number, or the last of `length`.
    """
    match kind:
        case "first" | "last":
            return _take_lane(x, size, length - 1.0 if kind == "last" else 0.0)
        case "max" | "min":
            return _take_lane(x, size, _find_as_python(_oriented(x, kind), size))
        case "amax" | "amin":
            return _take_lane(x, size, _find_as_numpy(_oriented(x, kind), size))
    return lanes.record(kind, size, x)


def _oriented(x: Any, kind: str) -> Any:
    """The same as a constant whose largest number is asked for."""
    return blocks.constant(-x if kind.endswith("min") else x)


def _find_as_python(x: Any, size: int) -> Any:
    """The lane of the first of the largest; nothing is above nan where that comes first."""
    is_first = _LESS(_index(size), 1.0)
    x = _WHERE(_EQUAL(x, x), x, _WHERE(is_first, math.inf, -math.inf))
    return _find_first(_EQUAL(x, lanes.record("largest", size, x)), size)


def _find_as_numpy(x: Any, size: int) -> Any:
    """The same of those behind the last nan; where nothing is there, the lane of that."""
    last = lanes.record("largest", size, _WHERE(_EQUAL(x, x), -1.0, _index(size)))
    is_behind = _LESS(last, _index(size))
    x = _WHERE(is_behind, x, -math.inf)
    is_largest = _EQUAL(x, lanes.record("largest", size, x))
    first = _find_first(_WHERE(is_behind, is_largest, 0.0), size)
    return _WHERE(_LESS(first, math.inf), first, last)


def _find_first(test: Any, size: int) -> Any:
    """The first lane in which a test holds, infinity for none."""
    return -lanes.record("largest", size, _WHERE(test, -_index(size), -math.inf))


def _take_lane(x: Any, size: int, lane: Any) -> Any:
    """What x is there; no other sample has a derivative."""
    return lanes.record("sum", size, _WHERE(_EQUAL(_index(size), lane), x, -0.0))


def _index(size: int) -> Any:
    return lanes.record("index", size, 0.0)
