"""What a program took over from around its function, and whether it is still there.

The names in the code tell: globals, what is closed over, and attributes. Each is a place, which is
compared at every call, for the most part by identity, since what is plain cannot change.
"""

import sys
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import lru_cache, partial, partialmethod
from hashlib import sha256
from itertools import chain
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from micrograd_gd.compiler.surroundings import NOTHING, OWN, PLAIN, find_names, look_into
from micrograd_gd.engine import Value
from micrograd_gd.table.operation import Operation
from micrograd_gd.transforms.wrapper import Wrapper

MOST = 200  # things that are compared at each call
MOST_VISITED = 500
MOST_WALKS = 4  # in each, attributes are found whose names the one before came upon

CONTAINERS = (list, dict, set, deque)

_UNCHANGING = {*sys.stdlib_module_names, "numpy", OWN} - {"builtins"}  # packages
_OF_PYTHON = 1 << 9  # the flag of classes that are not built in, wherever they say they are from


class Place(NamedTuple):
    """Where something is found: under a key, in a cell, or as the whole content of a container."""

    container: Any  # one of CONTAINERS, a function, a cell, or what has attributes
    key: Any  # None: all that is in there
    value: Any

    def find(self) -> Any:
        """What is there now."""
        container, key = self.container, self.key
        if isinstance(container, CellType):
            return look_into(container)
        if key is None:
            return _content(container)
        if isinstance(container, dict):
            return dict.get(container, key, NOTHING)
        with suppress(Exception):
            return getattr(container, key)
        return NOTHING


class Watch(list[Place]):
    """The places that a program depends on; the native kernel compares them by identity."""

    def holds(self) -> bool:
        """Whether everything is as it was, in value and type where it is plain.

        >>> settings = {"rate": 0.5}
        >>> watch = Watch([Place(settings, "rate", 0.5)])
        >>> watch.holds()
        True
        >>> settings["rate"] = 0.25
        >>> watch.holds()
        False
        """
        for i, place in enumerate(self):
            found = place.find()
            if found is not place.value:
                if not _is_same(found, place.value):
                    return False
                self[i] = place._replace(value=found)  # found by identity from now on
        return True

    def find_change(self) -> str:
        """What has changed, in words."""
        changed = [place for place in self if not _is_same(place.find(), place.value)]
        names = [place.key for place in changed if isinstance(place.key, str)]
        return f"{names[0]!r}" if names else "a container or what it closes over"

    def describe(self) -> list[tuple[str, str]]:
        """The names and what tells the values apart, to find the same in another process."""
        return [(str(each.key), _describe(each.value)) for each in self]


def watch_both(before: list[Place], after: list[Place]) -> Watch:
    """The places that stayed as they were, where the function itself changed others."""
    old = {(id(each.container), each.key): each.value for each in before}
    return Watch(
        each for each in after if _is_same(old.get((id(each.container), each.key), old), each.value)
    )


def find_again(f: Any, described: list[tuple[str, str]]) -> Watch | None:
    """The places that `describe` told of, or None where another one stands for one of them."""
    found = Watch(find_places(f))
    names = {*described}
    pairs = [pair for pair in zip(found.describe(), found, strict=True) if pair[0] in names]
    alike = [each for each, _ in pairs] == described  # one by one, as many may have one name
    return Watch(place for _, place in pairs) if alike else None


def _describe(x: Any) -> str:
    """What is plain, in an array, or the code of a function; the kind of what is neither."""
    if type(x) is tuple:
        return f"({', '.join(map(_describe, x))})"
    if type(x).__name__ == "ndarray" and x.dtype.kind in "biufc":
        return f"{x.dtype} {x.shape} {sha256(x.tobytes()).hexdigest()}"
    if isinstance(x, FunctionType):
        return _describe(x.__code__)
    if isinstance(x, CodeType):
        return f"{x.co_code!r} {x.co_names} {_describe(x.co_consts)}"
    return repr(x) if type(x) in PLAIN else type(x).__qualname__


def _is_plain(x: Any) -> bool:
    return type(x) in PLAIN or (type(x) is tuple and all(map(_is_plain, x)))


def _is_same(a: Any, b: Any) -> bool:
    """Whether the two are one object, or plain and equal; 0.0 is not -0.0, and nan is nan."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) is tuple:
        return len(a) == len(b) and all(map(_is_same, a, b))
    if type(a) in {float, complex}:
        return repr(a) == repr(b)
    return type(a) in PLAIN and a == b


def _content(container: Any) -> tuple[Any, ...]:
    """The elements, a dict's keys and values in turn, or the code and defaults of a function."""
    if isinstance(container, dict):
        return (*chain.from_iterable(dict.items(container)),)
    if isinstance(container, FunctionType):
        return container.__code__, container.__defaults__, container.__kwdefaults__
    kind = next(kind for kind in CONTAINERS if isinstance(container, kind))
    return (*kind.__iter__(container),)


def find_places(f: Any, names: set[str] | None = None) -> list[Place]:
    """The places that a function or a model may read, those that are nearest first.

    The names of attributes that it comes upon are added to `names`, for the next time.
    """
    names = set() if names is None else names
    for _ in range(MOST_WALKS):
        search = _Search(names)
        search.run(f)
        if not search.has_more:
            break
    return search.places


class _Search:
    """One walk through what a function sees, by the names of attributes in all its code."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.has_more = False  # names than there were
        self.places: list[Place] = []
        self._package = ""  # that of the function
        self._left = MOST
        self._known: set[tuple[int, Any]] = set()
        self._models: deque[Any] = deque()  # what models have, of which all counts, after the rest

    def run(self, root: Any) -> None:
        """Visit what there is to see, breadth first."""
        seen: dict[int, Any] = {}
        queue = deque([root])
        while (queue or self._models) and self._left and len(seen) < MOST_VISITED:
            x = (queue or self._models).popleft()
            is_plain = type(x) in PLAIN or issubclass(type(x), (Value, Operation))
            if not (is_plain or id(x) in seen):
                seen[id(x)] = x
                with suppress(Exception):  # what does not let itself be looked at
                    queue.extend(self._visit(x))

    def _visit(self, x: Any) -> Iterator[Any]:
        """Keep the places in there, and give what is to be visited."""
        if isinstance(x, FunctionType):
            yield from self._visit_function(x)
        elif isinstance(x, ModuleType):
            if not self._is_foreign(x.__name__):
                yield from self._visit_names(vars(x), self.names)
        elif isinstance(x, CONTAINERS):
            if len(x) < self._left:
                yield from self._keep(x, None, len(x))
        elif (parts := _take_apart(x)) is not None:
            yield from parts
        else:
            yield from self._visit_object(x)

    def _keep(self, container: Any, key: Any, cost: int = 0) -> Iterator[Any]:
        """Keep a place, and give what is there."""
        place = Place(container, key, None)
        value = place.find()
        is_known = (id(container), key) in self._known
        kind = type(value)  # what stands for something else may be gone, and says so in isinstance
        is_fixed = issubclass(kind, (ModuleType, BuiltinFunctionType)) or (
            issubclass(kind, (type, FunctionType)) and self._is_foreign(value.__module__)
        )
        if not (is_known or is_fixed) and self._left > cost:
            self._known.add((id(container), key))
            self._left -= 1 + cost
            self.places.append(place._replace(value=value))
        yield from value if key is None and isinstance(container, CONTAINERS) else (value,)

    def _is_foreign(self, module: Any) -> bool:
        """Whether that is part of a package that stays as it is, since others wrote it."""
        package = str(module).partition(".")[0]
        if package in _UNCHANGING:
            return True
        self._package = self._package or package
        return package != self._package and _is_installed(package)

    def _visit_names(self, there: dict[str, Any], names: set[str]) -> Iterator[Any]:
        for name in sorted(names & there.keys()):
            yield from self._keep(there, name)

    def _visit_function(self, f: FunctionType) -> Iterator[Any]:
        """What a Python function closes over, its defaults, attributes and the globals it names."""
        yield from f.__defaults__ or ()
        yield from (f.__kwdefaults__ or {}).values()
        if self._is_foreign(f.__module__):
            yield from map(look_into, f.__closure__ or ())
            return
        yield from self._keep(f, None)
        for cell in f.__closure__ or ():
            yield from self._keep(cell, None)
        of_globals, of_attributes = find_names(f.__code__)
        self.has_more |= not of_attributes <= self.names
        self.names |= of_attributes
        yield from self._visit_names(f.__globals__, {*of_globals})
        yield from self._visit_names(vars(f), self.names)

    def _visit_object(self, x: Any) -> Iterator[Any]:
        """The attributes of an object or a class that are named somewhere."""
        cls = x if isinstance(x, type) else type(x)
        own = None if isinstance(x, type) else _dict_of(x)
        if own and any(_is_own_call(vars(each).get("__call__")) for each in cls.__mro__):
            self._models.append(own)
        else:
            yield from self._visit_names(own or {}, self.names)
        classes = [*cls.__mro__]
        if isinstance(x, type):
            classes += type.mro(type(x))
        for each in classes:
            if not each.__flags__ & _OF_PYTHON or self._is_foreign(each.__module__):
                continue
            for name, attribute in [*vars(each).items()]:
                if name in self.names or (name[:2] == "__" and isinstance(attribute, FunctionType)):
                    yield from self._visit_attribute(x, own, each, name, attribute)

    def _visit_attribute(
        self, x: Any, own: dict[str, Any] | None, cls: type, name: str, attribute: Any
    ) -> Iterator[Any]:
        """An attribute of a class, which `x` may have one before."""
        kind = x if isinstance(x, type) else type(x)
        first = next((vars(c)[name] for c in kind.__mro__ if name in vars(c)), None)
        owner = kind if first is attribute else cls  # where a subclass gets its own, it counts
        if isinstance(attribute, (FunctionType, property, staticmethod)):
            yield from self._keep(owner, name)  # another may be put in its place
            yield getattr(attribute, "fget", None)
        elif isinstance(attribute, classmethod):
            yield attribute.__func__
        elif type(attribute).__name__ == "member_descriptor":
            if x is not cls:
                yield from self._keep(x, name)
        elif name[:2] == "__" or hasattr(type(attribute), "__get__"):
            yield attribute
        else:
            if own is not None:
                yield from self._keep(own, name)
            yield from self._keep(owner, name)


def _dict_of(x: Any) -> dict[str, Any] | None:
    """The attributes of an object itself, whatever it says of them."""
    with suppress(Exception):
        found = object.__getattribute__(x, "__dict__")
        return found if isinstance(found, dict) else None
    return None


def _is_own_call(f: Any) -> bool:
    """Whether that is how a model of the package, such as a neuron, is called."""
    return isinstance(f, FunctionType) and f.__module__.partition(".")[0] == OWN


def _take_apart(x: Any) -> Collection[Any] | None:
    """What stays in there for good; None for what may change."""
    if isinstance(x, Wrapper):
        return [*filter(callable, x._take_apart())]  # noqa: SLF001 — our own
    if isinstance(x, (partial, partialmethod)):
        return [x.func, *x.args, x.keywords]
    if isinstance(x, MethodType):
        return [x.__func__, x.__self__]
    if isinstance(x, (tuple, frozenset)):
        return x if len(x) < MOST_VISITED else ()
    return () if isinstance(x, BuiltinFunctionType) else None


@lru_cache(maxsize=1000)
def _is_installed(package: str) -> bool:
    return "site-packages" in (getattr(sys.modules.get(package), "__file__", "") or "")
