"""The two sweeps over a recorded graph: adjoints from the root down, tangents from the leaves up.

Each is one loop of the chain rule over any kind of number; an *arithmetic* says which. On floats it
takes the partials that the forward pass stored. On values it takes them from the table and is
itself recorded, so that it can be swept again: that is what a derivative of higher order is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from micrograd_gd.core import blocks
from micrograd_gd.core.anomaly import Watched
from micrograd_gd.core.arithmetic import FLOATS, VALUES, Arithmetic
from micrograd_gd.core.choice import native_part
from micrograd_gd.table.numbers import number

# The same in C, where the native engine is in use.
_Native = native_part("Value")
_pull_back_in_c, _push_forward_in_c = native_part("pull_back"), native_part("push_forward")
_in_order_in_c, _slopes_in_c = native_part("in_order"), native_part("slopes")


def backward(root: Any, seed: Any = 1.0, *, create_graph: bool = False) -> None:
    """Add the adjoints of `root` to its leaves' gradients; give nodes between fresh ones.

    What `Value.backward` does for plain floats in place, this does on any kind of number.
    """
    seed = seed if blocks.is_value(seed) else number(seed, "seed")
    adds_nothing = type(seed) is float and seed == 0
    found = {} if adds_nothing else adjoints(root, seed, differentiable=create_graph)
    for node in root.nodes():
        gradient = found.get(node, 0.0)
        if node.op is None and (type(gradient) is float or node.grad != 0):
            gradient = node.grad + gradient  # what the leaf had, and what came
        if create_graph and not blocks.is_value(gradient):
            gradient = blocks.value_class(root)(gradient)  # a constant is a value, too
        node.grad = gradient


def adjoints(root: Any, seed: Any = 1.0, *, differentiable: bool = False) -> dict[Any, Any]:
    """∂root/∂node · seed for every node that root depends on; no gradient is touched."""
    return pull_back({root: seed}, differentiable=differentiable)


def tangents(
    root: Any, seeds: Mapping[Any, Any], *, differentiable: bool = False
) -> dict[Any, Any]:
    """Every node's derivative along the direction that `seeds` gives for some of the leaves."""
    return push_forward(in_order([root], seeds), seeds, differentiable=differentiable)


def pull_back(
    seeds: Mapping[Any, Any],
    stop: Collection[Any] = (),
    *,
    differentiable: bool = False,
    last: bool = False,
    stored: bool = False,
    era: int = 0,
) -> dict[Any, Any]:
    """The adjoint sweep: from roots with their cotangents down, as far as the nodes in `stop`.

    An adjoint is the sum over the node's uses of the user's adjoint times the partial. With `stop`,
    adjoints of nodes above are not kept, which saves memory. `last` promises that nobody
    differentiates the result again. `stored` takes the partials as the forward pass stored them,
    also in a trace: the graph was there before it. `era` is that of `in_order`.
    """
    how = {"differentiable": differentiable, "last": last, "stored": stored}
    arithmetic = _arithmetic("down", **how)
    if _runs_in_c(arithmetic, [*seeds, *stop]):
        is_on_values = arithmetic is not FLOATS
        trace = blocks.trace() if is_on_values else None
        return _pull_back_in_c(seeds, stop, is_on_values, trace, last, era)  # type: ignore[no-any-return]  # C has no types
    nodes = in_order(seeds, stop, era)
    among = find_leading(nodes, stop) if stop and arithmetic is not FLOATS else None
    return carry_down(nodes, seeds, stop, arithmetic, among)


def slopes(root: Any, leaves: Any, era: int = 0) -> Any:
    """∂root/∂leaf as plain floats, none of which is -0.0, in the form of the leaves.

    That is one of them, or a list or tuple of such forms. `era` is that of `in_order`.

    >>> from micrograd_gd import Value
    >>> x, w = Value(3.0), Value(2.0)
    >>> slopes(w * x * x, [x, w])
    [12.0, 9.0]
    """
    if _slopes_in_c and not blocks.open_blocks:
        return _slopes_in_c(root, leaves, era)
    flat: set[Any] = set()
    _map(flat.add, leaves)
    found = pull_back({root: 1.0}, flat, era=era)
    return _map(lambda leaf: found.get(leaf, 0.0) + 0.0, leaves)


def _map(f: Callable[[Any], Any], form: Any) -> Any:
    """The results for all leaves, in the form that these come in."""
    if type(form) is list or type(form) is tuple:
        return type(form)([_map(f, each) for each in form])
    return f(form)


def carry_down(
    nodes: Sequence[Any],
    seeds: Mapping[Any, Any],
    stop: Collection[Any],
    arithmetic: Arithmetic,
    among: Collection[Any] | None = None,
) -> dict[Any, Any]:
    """The adjoint sweep itself, through `nodes` in order: a node's adjoint goes to its operands.

    To those that are `among`, or to all.
    """
    partials, times, plus = arithmetic.partials, arithmetic.times, arithmetic.plus
    found = dict(seeds)
    for node in reversed(nodes):
        if node in stop or node not in found:
            continue
        g = found.pop(node) if stop else found[node]
        operands = node.operands
        for i, partial in enumerate(partials(node, among)):
            if partial is not None and (among is None or operands[i] in among):
                operand, step = operands[i], times(g, partial)
                found[operand] = plus(found[operand], step) if operand in found else step
    return found


def find_leading(nodes: Iterable[Any], stop: Collection[Any]) -> set[Any]:
    """Of nodes in order, those that lead to one in `stop`, and these."""
    among = {*stop}
    for node in nodes:
        if not among.isdisjoint(node.operands):
            among.add(node)
    return among


def push_forward(
    nodes: Sequence[Any],
    seeds: Mapping[Any, Any],
    *,
    differentiable: bool = False,
    last: bool = False,
    stored: bool = False,
) -> dict[Any, Any]:
    """The tangent sweep: from nodes with their tangents up, through `nodes` `in_order`.

    A tangent is the sum over the operands of the operand's tangent times the partial; a node that
    no seed reaches has none. `last` and `stored` are those of `pull_back`.
    """
    how = {"differentiable": differentiable, "last": last, "stored": stored}
    arithmetic = _arithmetic("up", **how)
    if _runs_in_c(arithmetic, nodes):
        is_on_values = arithmetic is not FLOATS
        trace = blocks.trace() if is_on_values else None
        return _push_forward_in_c(nodes, seeds, is_on_values, trace, last)  # type: ignore[no-any-return]  # as above
    return carry_up(nodes, seeds, arithmetic)


def carry_up(
    nodes: Sequence[Any], seeds: Mapping[Any, Any], arithmetic: Arithmetic
) -> dict[Any, Any]:
    """The tangent sweep itself: a node's tangent comes from its operands."""
    partials, times, plus = arithmetic.partials, arithmetic.times, arithmetic.plus
    found = dict(seeds)
    for node in nodes:
        if node in seeds:
            continue
        operands = node.operands
        for i, partial in enumerate(partials(node, found)):
            if partial is not None and operands[i] in found:
                step = times(found[operands[i]], partial)
                found[node] = plus(found[node], step) if node in found else step
    return found


def in_order(roots: Collection[Any], stop: Collection[Any], era: int = 0) -> list[Any]:
    """The nodes below the roots, operands first, and nothing below `stop`.

    With an `era`, nothing either that was made before it, save for the roots; the native engine
    may have some of that, too.

    Those that no derivative flows to for these numbers are among them, so that the order, and with
    it each last bit of a sum, is the same for all numbers.
    """
    trace = blocks.trace()
    constant = trace.constant_op if trace else None
    if _in_order_in_c and _are_native([*roots, *stop]):
        return _in_order_in_c(roots, stop, constant, era)  # type: ignore[no-any-return]  # C has no types
    return _walk(roots, stop, constant, era)


def _walk(
    roots: Iterable[Any], stop: Collection[Any], constant: Any = None, era: int = 0
) -> list[Any]:
    """The order, `stop` first, of the Python engine; nothing is below nodes of `constant`."""
    ordered, seen, stack = [*stop], {*stop}, [*roots][::-1]
    while stack:
        node = stack.pop()
        if node is None:  # the operands of the node below are all in place
            ordered.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            if node.op is None or node.op is constant:
                ordered.append(node)
                continue
            stack.append(node)
            stack.append(None)
            a, b = node._a, node._b
            if type(a) is tuple:
                stack += [x for x in a[::-1] if type(x) is not float and x._era >= era]
                continue
            if b is not None and type(b) is not float and b._era >= era:
                stack.append(b)
            if type(a) is not float and a._era >= era:
                stack.append(a)
    return ordered


def _arithmetic(
    direction: Literal["down", "up"],
    *,
    differentiable: bool = False,
    last: bool = False,
    stored: bool = False,
) -> Arithmetic:
    """What is computed with here."""
    arithmetic = VALUES if differentiable else FLOATS
    if not blocks.open_blocks:
        return arithmetic
    if (trace := blocks.trace()) and not stored:
        return trace.arithmetic(direction, last=last)  # type: ignore[no-any-return]  # the trace's
    watch = blocks.watch()
    return Watched(arithmetic, watch) if watch and direction == "down" else arithmetic


def _runs_in_c(arithmetic: Arithmetic, nodes: Iterable[Any]) -> bool:
    if not (_pull_back_in_c and arithmetic.in_c) or blocks.watch():
        return False
    return _are_native(nodes)


def _are_native(nodes: Iterable[Any]) -> bool:
    return all(issubclass(kind, _Native) for kind in {*map(type, nodes)})
