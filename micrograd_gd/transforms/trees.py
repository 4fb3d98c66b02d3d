"""Nested containers and arrays of numbers, taken apart into leaves and put together.

Containers are lists, tuples, dicts, dataclasses and None, which has nothing in it.

A structure remembers everything but the numbers, so that a gradient has the form of its argument.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from itertools import accumulate, islice, product
from math import prod
from numbers import Number
from types import NoneType
from typing import Any

from micrograd_gd.caches import cached_property
from micrograd_gd.core.whole import WholeArray, is_open
from micrograd_gd.engine import Value
from micrograd_gd.errors import ShapeError
from micrograd_gd.table.numbers import number, plain_array, shorten
from micrograd_gd.text import escape
from micrograd_gd.transforms.sparsity import SparseMatrix, make_matrix, split_matrix


@dataclass(frozen=True)
class Structure:
    """What a tree is without its leaves: the kind of its top node, and what is below."""

    kind: Any  # None for a leaf; otherwise the type of a container or of an array
    keys: tuple[Any, ...] = ()  # of a dict, or the fields of a dataclass
    shape: tuple[int, ...] = ()  # of an array
    below: tuple["Structure", ...] = ()
    size: int = 1  # the number of leaves
    odd_keys: tuple[Any, ...] = ()  # what tells apart keys other than text, and what is static
    static: tuple[Any, ...] = ()  # what a container has beside its parts

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.kind, self.keys, self.shape, self.below))

    def __getstate__(self) -> dict[str, Any]:
        return {name: part for name, part in vars(self).items() if name != "_hash"}  # of today

    @property
    def is_container(self) -> bool:
        """Whether it is no number, and no array."""
        kind = self.kind
        if kind is list or kind is tuple or kind is dict:  # nearly always
            return True
        return isinstance(kind, type) and (issubclass(kind, _CONTAINERS) or is_dataclass(kind))

    @property
    def is_flat(self) -> bool:
        """Whether it is a container of numbers, and of nothing else."""
        return self.is_container and self.below.count(LEAF) == len(self.below)

    def fill(self, parts: Sequence[Any]) -> Any:
        """The container with these parts in it."""
        if self.kind is list or self.kind is tuple:
            return self.kind(parts)
        if self.kind is dict:
            return dict(zip(self.keys, parts, strict=True))
        if self.kind is NoneType:
            return None
        if self.kind is SparseMatrix:
            return make_matrix(parts[0], *self.static)
        if is_dataclass(self.kind):
            return self._fill_fields(dict(zip(self.keys, parts, strict=True)) | dict(self.static))
        return self.kind(*parts) if hasattr(self.kind, "_fields") else self.kind(parts)

    def _fill_fields(self, parts: dict[str, Any]) -> Any:
        given = {each.name for each in fields(self.kind) if each.init}
        made = self.kind(**{name: x for name, x in parts.items() if name in given})
        for name in parts.keys() - given:
            object.__setattr__(made, name, parts[name])  # of a frozen one, too
        return made

    def name_parts(self, name: str) -> list[str]:
        """How each part is reached from what is called `name`."""
        return _name_parts(self.kind, self.keys, len(self.below), name)

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        if not self.is_container:
            return f"array{self.shape}"
        if self.kind is NoneType:
            return "None"
        if self.kind is dict:
            items = zip(self.keys, self.below, strict=True)
            return "{" + ", ".join(f"{key!r}: {below!r}" for key, below in items) + "}"
        if self.keys:
            pairs = zip(self.keys, self.below, strict=True)
            return f"{self.kind.__name__}({', '.join(f'{key}={below!r}' for key, below in pairs)})"
        inside = ", ".join(map(repr, self.below))
        return f"[{inside}]" if self.kind is list else f"({inside})"


_PLAIN = {float, Value}
_CONTAINERS = (list, tuple, dict, NoneType)
LEAF = Structure(None)
DEEPEST = 100  # levels of containers; functions of trees call themselves for each level


Keep = Callable[[Any, str], "tuple[Any, Structure] | None"]  # of arrays that are leaves as they are


def flatten(tree: Any, name: str = "x", keep: Keep | None = None) -> tuple[list[Any], Structure]:
    """The leaves, numbers and values, from left to right, and the structure they came from.

    `keep` may give an array that is to be a leaf as a whole, and its structure.

    Raises NotANumberError, which says where below `name` something is no number, and ShapeError for
    what is nested deeper than `DEEPEST`, such as a list that contains itself.

    >>> leaves, structure = flatten({"w": [1.0, 2.0], "b": 3.0})
    >>> leaves, structure
    ([1.0, 2.0, 3.0], {'w': [*, *], 'b': *})
    """
    leaves: list[Any] = []
    structure = _flatten(tree, name, leaves, keep)
    return leaves, structure


def _flatten(
    tree: Any, name: str, leaves: list[Any], keep: Keep | None, depth: int = 0
) -> Structure:
    if type(tree) is float or isinstance(tree, Value):
        leaves.append(tree)
        return LEAF
    if isinstance(tree, (list, tuple)) and {*map(type, tree)} <= _PLAIN:  # the same, and fast
        check_depth(depth, name)
        leaves += tree
        return _of_leaves(type(tree), len(tree))
    if found := _open(tree):
        check_depth(depth, name)
        parts, kind, keys, odd_keys, static = found
        pairs = zip(parts, _name_parts(kind, keys, len(parts), name), strict=True)
        below = tuple([_flatten(part, each, leaves, keep, depth + 1) for part, each in pairs])
        return Structure(kind, keys, (), below, sum([b.size for b in below]), odd_keys, static)
    return _flatten_array(tree, name, leaves, keep)


def _flatten_array(tree: Any, name: str, leaves: list[Any], keep: Keep | None) -> Structure:
    if isinstance(tree, WholeArray):
        leaves += tree.columns
        return array_structure(tree.open_shape)
    kind = type(tree)  # of whichever library
    if hasattr(tree, "ndim"):
        if keep and (kept := keep(tree, name)):
            leaves.append(kept[0])
            return kept[1]
        tree = plain_array(tree, name)
    if hasattr(tree, "__array__") and getattr(tree, "ndim", None):
        items = tree.ravel().tolist()
        if not {*map(type, items)} <= _PLAIN:
            items = [_leaf(item, f"element {i} of {name}") for i, item in enumerate(items)]
        leaves += items
        return Structure(kind, shape=tuple(tree.shape), size=len(items))
    leaves.append(_leaf(tree.item() if hasattr(tree, "ndim") else tree, name))
    return LEAF


def array_structure(shape: tuple[int, ...]) -> Structure:
    """That of an array; where its length is open, its leaves are its columns."""
    import numpy as np  # noqa: PLC0415 — only those who brought an array need it

    return Structure(np.ndarray, shape=shape, size=prod(shape[is_open(shape) :]))


def split(tree: Any) -> tuple[Structure, list[Any]] | None:
    """A container's structure, whose parts count as leaves, and the parts; None for all else.

    What a dataclass says is static, by `field(metadata={"static": True})`, is none of its parts.

    >>> split({"a": 1.0}), split(1.0)
    (({'a': *}, [1.0]), None)
    """
    found = _open(tree)
    if found is None:
        return None
    parts, kind, keys, odd_keys, static = found
    size = len(parts)
    return Structure(kind, keys, (), (LEAF,) * size, size, odd_keys, static), parts


_Contents = tuple[list[Any], Any, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]


def _open(tree: Any) -> _Contents | None:
    """The parts of a container, its kind, its keys, its odd keys, and what is static."""
    kind: Any = type(tree)
    if isinstance(tree, dict):
        odd_keys = () if {*map(type, tree)} <= {str} else tuple(map(tell_apart, tree))
        return [*tree.values()], dict, tuple(tree), odd_keys, ()
    if kind is SparseMatrix:
        values, places, shape = split_matrix(tree)
        return [values], kind, (), (), (places, shape)
    if isinstance(tree, _CONTAINERS):
        return [*(tree or ())], kind, (), (), ()
    if is_dataclass(tree) and not isinstance(tree, type):
        names = tuple([each.name for each in fields(kind) if not each.metadata.get("static")])
        named = [(each.name, getattr(tree, each.name)) for each in fields(kind)]
        static = tuple([(name, x) for name, x in named if name not in names])
        return [x for name, x in named if name in names], kind, names, tell_apart(static), static
    return None


def _name_parts(kind: Any, keys: tuple[Any, ...], count: int, name: str) -> list[str]:
    """How each part of a container is reached from what is called `name`."""
    if kind is dict:
        return [f"{name}[{escape(repr(key))}]" for key in keys]  # which may print anything
    if keys:
        return [f"{name}.{key}" for key in keys]
    return [f"{name}[{i}]" for i in range(count)]


def check_depth(depth: int, name: str) -> None:
    """Raise ShapeError for a container that is nested too deep, as where one contains itself."""
    if depth > DEEPEST:
        raise ShapeError(
            f"{name.partition('[')[0]} is nested deeper than {DEEPEST} lists, tuples and dicts, or "
            f"contains itself; expected numbers on the way: flatten it"
        )


def tell_apart(x: Any) -> Any:
    """A key that is equal only for what is alike: 1, 1.0 and True are not, nor are 0.0 and -0.0.

    Equal things of one type are told apart by how they print. Raises TypeError for what has no
    hash.

    >>> tell_apart(1) == tell_apart(1.0), tell_apart((0.0,)) == tell_apart((-0.0,))
    (False, False)
    """
    kind: Any = type(x)
    if isinstance(x, (tuple, frozenset)):
        return kind, *map(tell_apart, x)
    hash(x)
    is_exact = kind in {int, bool, str} or kind.__eq__ is object.__eq__
    if is_exact or kind.__repr__ is object.__repr__:
        return kind, x
    return (kind, repr(x)) if isinstance(x, Number) else (kind, x, repr(x))


@lru_cache
def _of_leaves(kind: type, size: int) -> Structure:
    return Structure(kind, below=(LEAF,) * size, size=size)


def _leaf(x: Any, name: str) -> Any:
    return x if isinstance(x, Value) else number(x, name)


def leaves(tree: Any) -> list[Any]:
    """The numbers and values in a tree, from left to right.

    Raises NotANumberError, which says where something is no number.

    >>> leaves({"w": [1.0, 2.0], "b": 3.0})
    [1.0, 2.0, 3.0]
    """
    return flatten(tree)[0]


def flatten_numbers(tree: Any, name: str = "tree") -> tuple[list[float], Structure]:
    """What `flatten` gives, with the number of each value.

    >>> flatten_numbers([1.0, Value(2.0)])
    ([1.0, 2.0], [*, *])
    """
    leaves, structure = flatten(tree, name)
    return [x.data if isinstance(x, Value) else x for x in leaves], structure


def names(structure: Structure, name: str) -> list[str]:
    """How each leaf is reached from the variable `name`.

    >>> names(flatten({"w": [1.0, 2.0], "b": 3.0})[1], "p")
    ["p['w'][0]", "p['w'][1]", "p['b']"]
    """
    return [
        f"{each}[{', '.join(map(str, place))}]" if part.shape else each
        for each, part in pieces(structure, name)
        for place in _places(part.shape)
    ]


def pieces(structure: Structure, name: str) -> list[tuple[str, Structure]]:
    """The numbers and arrays that the structure consists of, and how they are reached.

    >>> pieces(flatten([1.0, (2.0,)])[1], "p")
    [('p[0]', *), ('p[1][0]', *)]
    """
    if not structure.is_container:
        return [(name, structure)]
    parts = zip(structure.name_parts(name), structure.below, strict=True)
    return [piece for each, below in parts for piece in pieces(below, each)]


def _places(shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    if is_open(shape):
        return product("i", *map(range, shape[1:]))
    return product(*map(range, shape))


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The tree of that structure with these leaves.

    Raises ShapeError for another number of leaves.

    >>> unflatten(flatten([0.0, (0.0, 0.0)])[1], [1, 2, 3])
    [1, (2, 3)]
    """
    if len(leaves) != structure.size:
        raise ShapeError(f"{structure!r} has {structure.size} numbers, and {len(leaves)} came")
    return _unflatten(structure, iter(leaves))


def _unflatten(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure.is_flat:
        return structure.fill([*islice(leaves, structure.size)])
    if structure.is_container:
        return structure.fill([_unflatten(below, leaves) for below in structure.below])
    if structure.kind is None:
        return next(leaves)
    parts = [*islice(leaves, structure.size)]
    if is_open(structure.shape):
        return WholeArray(parts, structure.shape)
    return array(parts, structure.shape)


def array(leaves: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """A NumPy array of the leaves: of floats, or of objects where a leaf is a value."""
    import numpy as np  # noqa: PLC0415 — only those who brought an array need it

    if {*map(type, leaves)} == {float}:
        return np.array(leaves, dtype=float).reshape(shape)
    dtype = object if any(isinstance(leaf, Value) for leaf in leaves) else float
    flat = np.empty(len(leaves), dtype=dtype)
    for i, leaf in enumerate(leaves):
        flat[i] = leaf
    return flat.reshape(shape)


def match(tree: Any, structure: Structure, name: str) -> list[Any]:
    """The leaves of `tree`, which must have that structure, lists and tuples being alike.

    Raises ShapeError, which shows both structures.
    """
    leaves, own = flatten(tree, name)
    if not is_like(own, structure):
        raise ShapeError(
            f"{name} must be like {structure!r}, but is {own!r}, where * is a number: "
            f"{shorten(tree)}"
        )
    return [*_as_in(structure, own, leaves)]


def _as_in(structure: Structure, own: Structure, leaves: Sequence[Any]) -> Iterator[Any]:
    """The leaves in the order of the other structure, whose dicts may be ordered otherwise."""
    if not structure.below:
        yield from leaves
        return
    starts = [0, *accumulate(below.size for below in own.below)]
    places = [own.keys.index(key) for key in structure.keys] or range(len(own.below))
    for place, below in zip(places, structure.below, strict=True):
        yield from _as_in(below, own.below[place], leaves[starts[place] : starts[place + 1]])


def is_like(structure: Structure, other: Structure) -> bool:
    """Whether they are the same, lists and tuples being alike, and dictionaries in any order."""
    return bool(_outline(structure) == _outline(other))


def _outline(structure: Structure) -> Any:
    if structure.kind is dict:
        return dict(zip(structure.keys, map(_outline, structure.below), strict=True))
    below = tuple(map(_outline, structure.below))
    if structure.kind in {list, tuple} or hasattr(structure.kind, "_fields"):
        return below
    return structure.kind is None or structure.shape or (structure.kind, structure.static, below)


def map_blocks(
    structure: Structure, block: Callable[[slice, tuple[int, ...]], Any], start: int = 0
) -> Any:
    """A tree with `block(leaves, shape)` in place of each array, and of each number, of shape ().

    `leaves` is a slice: the leaves that the block stands for, counted from `start`.
    """
    if not structure.is_container:
        return block(slice(start, start + structure.size), structure.shape)
    starts = accumulate((below.size for below in structure.below), initial=start)
    pairs = zip(structure.below, starts, strict=False)
    return structure.fill([map_blocks(below, block, first) for below, first in pairs])
