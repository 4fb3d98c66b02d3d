"""The two sweeps over a recorded graph: adjoints from the root down, tangents from the leaves up.

Each is written once over any number type. With the partials that the forward pass stored, it runs
on floats; with `differentiable=True` it takes the partials from the table as values, so that the
sweep is itself recorded and can be swept again: that is what a derivative of higher order is.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from micrograd_gd.core import blocks
from micrograd_gd.core.choice import native_part
from micrograd_gd.engine import Value
from micrograd_gd.errors import GraphError
from micrograd_gd.table.numbers import number

# The same in C, where the native engine is in use.
_pull_back_in_c, _push_forward_in_c = native_part("pull_back"), native_part("push_forward")


def backward(root: Value, seed: Any = 1.0, *, create_graph: bool = False) -> None:
    """Add the adjoints of `root` to its leaves' gradients; give nodes between fresh ones."""
    is_value = hasattr(seed, "record")
    if create_graph or blocks.watch() or is_value:
        seed = seed if is_value else number(seed, "seed")
        for node, gradient in adjoints(root, seed, differentiable=create_graph).items():
            if node.op is None and (type(gradient) is float or node.grad != 0):
                gradient = node.grad + gradient  # noqa: PLW2901 — what the leaf had, and what came
            node.grad = gradient
    else:
        _backward_on_floats(root, number(seed, "seed"))


def _backward_on_floats(root: Value, seed: float) -> None:
    """What `adjoints` computes, in place and with the same bits: the fast path.

    Sums start at -0.0, the one number that adding to leaves every float as it was.
    """
    nodes = root.nodes(whole=False)
    leaves = []
    for node in nodes:
        if node.op is None:
            leaves.append((node, node._grad))
        node._grad = -0.0
    root._grad = seed
    for node in reversed(nodes):
        g = node._grad
        da = node.da
        if da is not None:
            if type(da) is tuple:
                for operand, partial in zip(node.a, da, strict=True):
                    if partial is not None:
                        operand._grad += g * partial
                continue
            node.a._grad += g * da
        db = node.db
        if db is not None:
            node.b._grad += g * db
    for leaf, before in leaves:
        leaf._grad = before + leaf._grad


def adjoints(root: Value, seed: Any = 1.0, *, differentiable: bool = False) -> dict[Value, Any]:
    """∂root/∂node · seed for every node that root depends on; no gradient is touched."""
    return pull_back({root: seed}, differentiable=differentiable)


def tangents(
    root: Value, seeds: Mapping[Value, Any], *, differentiable: bool = False
) -> dict[Value, Any]:
    """Every node's derivative along the direction that `seeds` gives for some of the leaves."""
    return push_forward(in_order([root], seeds), seeds, differentiable=differentiable)


def pull_back(
    seeds: Mapping[Value, Any],
    stop: Collection[Value] = (),
    *,
    differentiable: bool = False,
    last: bool = False,
) -> dict[Value, Any]:
    """The adjoint sweep: from roots with their cotangents down, as far as the nodes in `stop`.

    An adjoint is the sum over the node's uses of the user's adjoint times the partial. With `stop`,
    only the adjoints found there are kept, which saves memory. `last` promises that nobody
    differentiates the result again.
    """
    trace = blocks.trace()
    differentiable = differentiable or trace is not None  # numbers would be those of today
    if _pull_back_in_c and _runs_in_c(trace, [*seeds, *stop]):
        found: dict[Value, Any] = _pull_back_in_c(seeds, stop, differentiable, trace, last)
        return found
    return _pull_back(seeds, stop, trace, differentiable=differentiable, last=last)


def _pull_back(
    seeds: Mapping[Value, Any],
    stop: Collection[Value],
    trace: blocks.Trace | None,
    *,
    differentiable: bool,
    last: bool,
) -> dict[Value, Any]:
    watch = blocks.watch()
    in_lanes = trace is not None and trace.has_lanes
    found = dict(seeds)
    for node in reversed(in_order(seeds, stop)):
        if node in stop or node not in found:  # a trace has them all in order, also without a path
            continue
        g = found.pop(node) if stop else found[node]
        operands = node.operands
        for i, partial in enumerate(node.partials):
            operand = operands[i]
            if (in_lanes and _is_unasked(operand, stop)) or (
                partial is None and not _finds_path(trace, node, i)
            ):
                continue
            if watch is not None and partial is not None:
                watch.backward(node, operand, _float(g), partial)
            if differentiable:
                step = _product(g, _partial(node, i, partial, trace, last=last))
            else:
                step = g * partial
            if trace and in_lanes:
                step = trace.pulled(node, i, g, step)
            if operand in found:
                if watch is not None:
                    watch.sum(operand, _float(found[operand]), _float(step))
                before = found[operand]
                step = trace.joined(before, step) if trace else before + step
            found[operand] = step
    return found


def push_forward(
    nodes: Sequence[Value],
    seeds: Mapping[Value, Any],
    *,
    differentiable: bool = False,
    last: bool = False,
) -> dict[Value, Any]:
    """The tangent sweep: from nodes with their tangents up, through `nodes` `in_order`.

    A tangent is the sum over the operands of the operand's tangent times the partial; a node that
    no seed reaches has none. `last` promises that nobody differentiates the result again.
    """
    trace = blocks.trace()
    differentiable = differentiable or trace is not None  # as above
    found: dict[Value, Any]
    if _push_forward_in_c and _runs_in_c(trace, nodes):
        found = _push_forward_in_c(nodes, seeds, differentiable, trace, last)
        return found
    found = dict(seeds)
    for node in nodes:
        if node in seeds:
            continue
        operands = node.operands
        for i, partial in enumerate(node.partials):
            if partial is None and not _finds_path(trace, node, i):
                continue
            dx = found.get(operands[i])
            if dx is not None:
                if differentiable:
                    step = _product(dx, _partial(node, i, partial, trace, last=last))
                else:
                    step = dx * partial
                if trace and trace.has_lanes:
                    step = trace.pushed(node, i, dx, step)
                if node in found:
                    step = trace.joined(found[node], step) if trace else found[node] + step
                found[node] = step
    return found


def _runs_in_c(trace: blocks.Trace | None, nodes: Iterable[Any]) -> bool:
    """Whether these are values of the engine in use, and nobody hears of every step."""
    heard = blocks.watch() or (trace and trace.has_lanes)
    return not heard and all(isinstance(node, Value) for node in nodes)


def in_order(roots: Collection[Value], stop: Collection[Value]) -> list[Value]:
    """What a derivative of the roots flows to, operands first, and nothing below `stop`."""
    trace = blocks.trace()
    if trace and trace.has_lanes:  # a path that one sample does not take, another one may
        return _nodes(roots, stop, whole=True)
    if len(roots) == 1 and all(node.op is None for node in stop):
        return next(iter(roots)).nodes(whole=False)  # the same walk, where the engine can take it
    return _nodes(roots, stop)


def _nodes(roots: Iterable[Value], stop: Collection[Value], *, whole: bool = False) -> list[Value]:
    """The order, whatever there is to stop at; of the `whole` graph, or where derivatives flow."""
    ordered: list[Value] = []
    seen = set()
    stack: list[Any] = [*roots][::-1]
    while stack:
        node = stack.pop()
        if node is None:  # the operands of the node below are all in place
            ordered.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            if node in stop:
                ordered.append(node)
                continue
            stack += (node, None)
            operands, partials = node.operands, node.partials
            for i in reversed(range(len(operands))):
                if partials[i] is not None or (whole and isinstance(operands[i], Value)):
                    stack.append(operands[i])
    return ordered


def edges(node: Value) -> Iterator[tuple[int, Value, float]]:
    """The operands that a derivative flows to, with their places and partials."""
    for i, (operand, partial) in enumerate(zip(node.operands, node.partials, strict=True)):
        if partial is not None:
            yield i, operand, partial


def _partial(
    node: Any, i: int, stored: float | None, trace: blocks.Trace | None, *, last: bool
) -> Any:
    """The partial for operand i as a value; it must be the number that the forward pass stored."""
    if trace:
        return trace.partial(node, i, last=last)
    if blocks.open_blocks:
        partial = blocks.unwatched(node.op.partial, i, node.operands, node)
    else:
        partial = node.op.partial(i, node.operands, node)
    again = None if partial is None else _float(partial)
    if again != stored and (again == again or stored == stored):
        raise GraphError(
            f"data was changed after {node.op!r} was computed with it (its partial was {stored} "
            f"and is {again} now): differentiate before changing data, or compute the result again"
        )
    return partial


def _is_unasked(operand: Any, stop: Collection[Value]) -> bool:
    """Whether it is a leaf that nobody asks about, such as a number of one of many samples."""
    return bool(stop) and isinstance(operand, Value) and operand.op is None and operand not in stop


def _finds_path(trace: blocks.Trace | None, node: Any, i: int) -> bool:
    """Whether a trace sees a derivative reach operand i, although for these numbers none does."""
    return trace is not None and isinstance(node.operands[i], Value) and trace.flows(node, i)


def _float(x: Any) -> float:
    return float(x.data if hasattr(x, "record") else x)


def _product(g: Any, partial: Any) -> Any:
    """`g * partial`, without a node for a factor that is the plain number 1."""
    if type(partial) is float and partial == 1:
        return g
    if type(g) is float and g == 1:
        return partial
    return g * partial
