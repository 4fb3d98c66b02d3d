"""The loops of a stage in lanes, in an order in which numbers stay in registers.

The sweep back through a layer adds to the slope of each input once for each output: a loop over
outputs with one over inputs in it, or one such loop after the other where outputs are few. Each
time all slopes would be read and written. So loops of loops are turned, and loops merged.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from micrograd_gd.compiler.nests import (
    Affine,
    Array,
    Carried,
    Direct,
    Element,
    Entry,
    Given,
    Nest,
    Node,
    Part,
    Reference,
    find_nodes,
    find_references,
    find_stores,
    is_output,
)

FURTHEST = 64  # parts between two loops that are merged


def order(
    parts: Iterable[Part], shared: AbstractSet[Array], may_merge: Callable[[Nest], bool]
) -> list[Part]:
    """The parts of a stage; each number is computed as before.

    `shared` are the arrays that another stage reads.
    """
    found: list[Part] = []
    for part in parts:
        for each in _turn(part):
            _append(found, each, shared, may_merge)
    for part in found:
        if isinstance(part, Nest):
            _hand_on(part)
    return found


def is_independent(nest: Nest) -> bool:
    """Whether no run of the loop, which is in no other, needs what another run computes."""
    return not nest.carried and not nest.stores and _is_own([nest], 0)


def _is_own(parts: Sequence[Part], depth: int) -> bool:
    """Whether each run of the loop at this depth reads only its own entries of what they store."""
    stored: dict[Array, set[tuple[int, int]]] = {}
    for store in find_stores(parts):
        own = _find_own(store, depth)
        stored[store.array] = own & stored.get(store.array, own)
    read = [x for x in find_references(parts) if isinstance(x, Element) and x.array in stored]
    return all(stored[x.array] & _find_own(x, depth) for x in read)


def _find_own(element: Element, depth: int) -> set[tuple[int, int]]:
    """The dimensions along which an entry moves with that loop alone, and where it begins."""
    places = enumerate(element.array.find_indexes(element.places))
    return {
        (i, place.start)
        for i, place in places
        if place.factors[depth : depth + 1] == (1,) and sum(map(bool, place.factors)) == 1
    }


def _turn(part: Part) -> list[Part]:
    """A loop, behind which inner loops stand by themselves, around one like it.

    That is for inner loops which hand on numbers from run to run of the outer one in memory.
    """
    if not isinstance(part, Nest):
        return [part]
    body, turned = list(part.body), []
    for inner in part.body:
        if isinstance(inner, Nest) and _may_turn(inner, [x for x in part.body if x is not inner]):
            body.remove(inner)
            turned.append(_turn_inner(part, inner))
    return [replace(part, body=body), *turned] if turned else [part]


def _may_turn(inner: Nest, others: Sequence[Part]) -> bool:
    """Whether the inner loop can be the outer one, and stand behind others in the loop around."""
    stored, own = {store.array for store in find_stores([inner])}, {*inner.body}
    read = [*find_references([inner])]
    return (
        not inner.carried
        and not inner.stores
        and all(isinstance(x, Node) and x.scope == 2 and not is_output(x) for x in inner.body)
        and not any(isinstance(x, Carried) for x in read)
        and not any(isinstance(x, Element) and x.array in stored for x in find_references(others))
        and any(isinstance(x, Element) and x.array in stored for x in read)
        and _is_own([inner], 1)
        and all(x.node in own or len(x.node.nests) == 1 for x in read if isinstance(x, Direct))
    )


def _turn_inner(outer: Nest, inner: Nest) -> Nest:
    """The inner loop with the outer one in it."""
    around = replace(inner, outer=(), body=[], carried={}, stores=[])
    within = replace(outer, outer=(around,), body=inner.body, carried={}, stores=[])
    around.body.append(within)
    own = {*inner.body}
    for node in find_nodes(inner.body):
        node.nests = around, within
        node.operands = [
            _swap(x if not isinstance(x, Direct) or x.node in own else _find_stored(x.node))
            for x in node.operands
        ]
        node.stores = [_swap(x) for x in node.stores]
    return around


def _find_stored(node: Node) -> Element:
    """The entry for this run of the outer loop, seen from the inner one."""
    for store in node.stores:
        if store.places == (Affine(0, (1,)),):
            break
    else:
        (nest,) = node.nests
        store = Element(Array([nest.repeats], [0], [0], [False]), (Affine(0, (1,)),))
        node.stores.append(store)
    return Element(store.array, (Affine(0, (1, 0)),))


def _swap(reference: Any) -> Any:
    """A reference whose loops have changed places."""
    match reference:
        case Element(array, places):
            return Element(array, tuple(map(_swap, places)))
        case Affine(start, (a, b)):
            return Affine(start, (b, a))
        case Given(place) | Entry(place):
            return type(reference)(_swap(place))
        case _:
            return reference


def _append(
    parts: list[Part], part: Part, shared: AbstractSet[Array], may_merge: Callable[[Nest], bool]
) -> None:
    """Append a part, or merge it with a loop before."""
    if isinstance(part, Nest) and _stands_alone(part, shared):
        read: set[Array] = set()
        for i in range(len(parts) - 1, max(-1, len(parts) - 1 - FURTHEST), -1):
            other = parts[i]
            if isinstance(other, Nest) and other.repeats == part.repeats:
                merged = replace(other, body=[*other.body, *part.body])
                stored = {store.array for store in find_stores([other])}
                if (
                    stored.isdisjoint(read)
                    and _stands_alone(other, shared)
                    and is_independent(merged)
                    and may_merge(merged)
                ):
                    del parts[i]
                    part = merged
                    break
            read |= {x.array for x in find_references([other]) if isinstance(x, Element)}
    parts.append(part)


def _stands_alone(nest: Nest, shared: AbstractSet[Array]) -> bool:
    """Whether the others take nothing from the loop but entries of arrays."""
    return (
        is_independent(nest)
        and all(node.scope and not is_output(node) for node in find_nodes([nest]))
        and shared.isdisjoint([store.array for store in find_stores([nest])])
    )


def _hand_on(nest: Nest) -> None:
    """Use results as they are where the same run of the loop would read them from an array."""
    stored: dict[Any, Node] = {}
    for part in nest.body:
        if isinstance(part, Node):
            part.operands = [_find(x, stored) for x in part.operands]
            stored |= {_identify(store): part for store in part.stores}
        elif all(isinstance(each, Node) for each in part.body):
            _hand_on_within(part, stored)
            stored |= {_identify(store): node for node, store in part.stores}
        else:
            return


def _hand_on_within(nest: Nest, stored: dict[Any, Node]) -> None:
    """The same for an inner loop, whose runs may take over what the run before stored."""
    for carried in nest.carried.values():
        carried.start = _find(carried.start, stored)
    nodes = [*find_nodes(nest.body)]
    stores = [(node, store) for node in nodes for store in node.stores]
    before = {_identify(_shift(store, -1)): node for node, store in stores}
    here: dict[Any, Node] = {}
    for node in nodes:
        for i, x in enumerate(node.operands):
            if not isinstance(x, Element):
                continue
            if giver := before.get(_identify(x)):
                start = _find(_fix(x, 0), stored)
                node.operands[i] = nest.carried.setdefault(giver, Carried(giver, nest, start))
            elif _fix(x, 0) == _fix(x, 1):
                found = _find(_fix(x, 0), stored)
                node.operands[i] = found if isinstance(found, Direct) else x
            else:
                node.operands[i] = _find(x, here)
        here |= {_identify(store): node for store in node.stores}
    stored |= {_identify(_fix(store, nest.repeats - 1)): node for node, store in stores}


def _find(x: Reference, stored: Mapping[Any, Node]) -> Reference:
    node = stored.get(_identify(x)) if isinstance(x, Element) else None
    return Direct(node) if node else x


def _identify(element: Element) -> Hashable:
    return element.array, *element.array.find_indexes(element.places)


def _shift(element: Element, runs: int) -> Element:
    """The entry that is this one so many runs of the inner loop further on."""
    places = [Affine(start + runs * by, (a, by)) for start, (a, by) in element.places]
    return element._replace(places=tuple(places))


def _fix(element: Element, run: int) -> Element:
    """The entry in that run of the inner loop."""
    places = [Affine(start + run * by, (a,)) for start, (a, by) in element.places]
    return element._replace(places=tuple(places))


def drop_unread(parts: Iterable[Part], read: AbstractSet[Array]) -> None:
    """Store nothing in other arrays."""
    for part in parts:
        if isinstance(part, Nest):
            part.stores = [each for each in part.stores if each[1].array in read]
            drop_unread(part.body, read)
        else:
            part.stores = [each for each in part.stores if each.array in read]
