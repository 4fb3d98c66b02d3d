"""A word where a result follows an argument that it was only compared with.

A bisection narrows an interval by comparisons, and its result is a number of no graph: the gradient
is 0, and wrong. A derivative of 0 is right where a branch returns a constant. The difference shows
when the function is called a little beside: what follows the argument there has a slope.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

from micrograd_gd.core import blocks, sweep
from micrograd_gd.core.anomaly import number_of
from micrograd_gd.core.whole import TakenApart
from micrograd_gd.engine import Value
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.recording import Argnums, find_places, outside_transforms

__all__ = ["warn_if_compared"]

NEARBY = 1e-3  # of the argument, or of 1
MOST_ARGUMENTS = 20  # that are looked at

Function = Callable[..., Any]

# Functions are looked at once, since it takes some calls of them.
_known: WeakSet[Any] = WeakSet()


def warn_if_compared(
    f: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Argnums
) -> None:
    """Warn where a number of the arguments `argnums` has no way to the result but by comparisons.

    It is asked where a derivative is 0, whatever the numbers.
    """
    code = getattr(f, "__code__", f)
    try:
        if code in _known:
            return
        _known.add(code)
    except TypeError:  # it cannot be remembered
        return
    with outside_transforms(), blocks.unwatched():
        found = _find_comparison(f, args, kwargs, find_places(argnums, len(args)))
    if found:
        name, line, before, after = found
        warnings.warn(
            f"the gradient by {name} is 0.0, and should not be: at {line} it is compared, and that "
            f"is all that the result depends on, which goes from {before:.6g} to {after:.6g} where "
            f"it is a little larger. A search by comparisons, such as a bisection, leaves no "
            f"graph: find the root by solve(f, start, p), or give the derivative by custom_vjp",
            stacklevel=2,
        )


def _find_comparison(
    f: Function, args: Sequence[Any], kwargs: dict[str, Any], places: Sequence[int]
) -> tuple[str, str, float, float] | None:
    """The name of the argument, the line, and what the function gives there and a little beside."""
    try:
        flat = {i: trees.flatten(args[i], f"argument {i}") for i in places}
        numbers = {i: [number_of(x) for x in leaves] for i, (leaves, _) in flat.items()}

        def call(numbers: dict[int, list[Any]]) -> Any:
            given = {i: trees.unflatten(flat[i][1], xs) for i, xs in numbers.items()}
            return f(*[given.get(i, arg) for i, arg in enumerate(args)], **kwargs)

        fresh = {i: [Value(x) for x in xs] for i, xs in numbers.items()}
        seen: list[tuple[Any, Any, str]] = []
        with blocks.Switch(blocks.comparisons, seen):
            y = call(fresh)
        reached = {*sweep.in_order([y], ())} if isinstance(y, Value) else set()
        lost = [(i, j) for i, xs in fresh.items() for j, x in enumerate(xs) if x not in reached]
        for i, j in lost[:MOST_ARGUMENTS]:
            line = _find_line(fresh[i][j], seen)
            if line is None:
                continue
            below, before, after = (
                number_of(call(numbers | {i: _move(numbers[i], j, step)}))
                for step in (-NEARBY, 0.0, NEARBY)
            )
            if before != below and 0.2 < (after - before) / (before - below) < 5.0:
                return _name(i, j, flat[i][1]), line, before, after
    except (Exception, TakenApart):  # noqa: BLE001 — what cannot be called again stays unseen
        return None
    return None


def _move(numbers: Sequence[float], j: int, step: float) -> list[float]:
    return [x + step * max(1.0, abs(x)) if k == j else x for k, x in enumerate(numbers)]


def _find_line(leaf: Value, seen: Sequence[tuple[Any, Any, str]]) -> str | None:
    """Where a value that was computed from the leaf was compared first."""
    for node, other, line in seen:
        sides = [x for x in (node, other) if isinstance(x, Value)]
        if leaf in {*sweep.in_order(sides, ())}:
            return line
    return None


def _name(i: int, j: int, structure: trees.Structure) -> str:
    return f"argument {i}" if structure == trees.LEAF else f"number {j} of argument {i}"
