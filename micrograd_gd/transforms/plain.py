"""The short way: derivatives at plain floats, each alone or in a flat list, with nothing around.

It gives what a `Recording` gives, bit for bit, and leaves all that is not so plain to it.
"""

from collections.abc import Callable
from typing import Any

from micrograd_gd.core import blocks, eras, sweep
from micrograd_gd.core.choice import native_part
from micrograd_gd.engine import Value
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.compared import warn_if_compared
from micrograd_gd.transforms.recording import calls, is_transforming, require_one_number

Function = Callable[..., Any]
Arguments = tuple[Any, ...]


def value_and_grad(
    f: Function, args: Arguments, kwargs: dict[str, Any], argnums: Any
) -> tuple[float, Any] | None:
    """The number that f returns, and its gradient; None where that is not so plain."""
    called = call_on_leaves(f, args, kwargs, argnums, calls)
    if called is None:
        return None
    y, leaves, era = called
    if not isinstance(y, Value):
        y = _as_value(y)
    slopes = sweep.slopes(y, leaves, era)
    if (slopes == 0.0 if type(slopes) is float else 0.0 in slopes) and _misses(y, leaves):
        warn_if_compared(f, args, kwargs, argnums)
    return y.data, slopes


def _misses(y: Value, leaves: Any) -> bool:
    """Whether some leaf has no way to the result."""
    wanted, _ = trees.flatten(leaves)
    return not {*wanted} <= {*sweep.in_order([y], ())}


def hessian(f: Function, args: Arguments, kwargs: dict[str, Any], argnum: Any) -> Any:
    """The second derivatives of the number that f returns; None where that is not so plain."""
    called = call_on_leaves(f, args, kwargs, argnum, calls) if type(argnum) is int else None
    if called is None:
        return None
    y, form, _ = called
    kind = type(form)
    leaves = [form] if isinstance(form, Value) else form
    y = y if isinstance(y, Value) else _as_value(y)
    with blocks.Switch(calls, value=True, is_observed=False):
        found = sweep.pull_back({y: 1.0}, {*leaves}, differentiable=True)
    slopes = [found.get(leaf, 0.0) for leaf in leaves]
    order = sweep.in_order([x for x in slopes if isinstance(x, Value)], {*leaves})
    tangents = [sweep.push_forward(order, {leaf: 1.0}) for leaf in leaves]
    rows = [[tangent.get(slope, 0.0) + 0.0 for tangent in tangents] for slope in slopes]
    return rows[0][0] if leaves is not form else kind([kind(row) for row in rows])


def _call_on_leaves(
    f: Function, args: Arguments, kwargs: dict[str, Any], argnums: Any, calls: blocks.Variable
) -> tuple[Any, Any, int] | None:
    """What f returns for fresh leaves in the place of some arguments' floats, and the leaves.

    Last comes the era of the call. The leaves are in the form of the arguments, a tuple for
    several. None where one of the arguments is anything but a float, or a flat list or tuple of
    them, and where a block is open or another transform at work, or `argnums` calls for a closer
    look.
    """
    blocks.drop_closed()
    places = (argnums,) if type(argnums) is int else argnums
    if blocks.open_blocks or is_transforming() or type(places) is not tuple:
        return None
    if not {*map(type, places)} <= {int} or len({*places}) < len(places):
        return None
    if not all(0 <= place < len(args) and _is_plain(args[place]) for place in places):
        return None
    leaves: list[Any] = []
    called = [*args]
    era = eras.begin()
    for place in places:
        x = args[place]
        leaves.append(Value(x) if type(x) is float else type(x)([*map(Value, x)]))
        called[place] = [*leaves[-1]] if type(x) is list else leaves[-1]
    with blocks.Switch(calls, value=True, is_observed=False):
        return f(*called, **kwargs), leaves[0] if places is not argnums else tuple(leaves), era


call_on_leaves = native_part("call_on_leaves") or _call_on_leaves


def _is_plain(x: Any) -> bool:
    return type(x) is float or (type(x) in {list, tuple} and {*map(type, x)} == {float})


def _as_value(result: Any) -> Value:
    """A value without a history, for a number; ShapeError for another result."""
    numbers, structure = trees.flatten(result, "the result")
    require_one_number(structure)
    return Value(numbers[0])
