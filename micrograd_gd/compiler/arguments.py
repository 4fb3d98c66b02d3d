"""The arguments of a call of a compiled function, taken apart into numbers and structures."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from micrograd_gd.compiler.trace import Traced
from micrograd_gd.engine import Value
from micrograd_gd.errors import JitError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.transforms import trees

Function = Callable[..., Any]


class Call:
    """The arguments of a call, taken apart."""

    def __init__(
        self, f: Function, static: Sequence[str], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.f = f
        self.name = getattr(f, "__qualname__", repr(f))
        places: dict[int | str, Any] = dict(enumerate(args)) | kwargs
        named = _names(f, len(args)) | {key: key for key in kwargs}
        self.static = {place: x for place, x in places.items() if named[place] in static}
        numbers = {place: x for place, x in places.items() if place not in self.static}
        self.leaves: list[Any] = []
        structures = []
        for place, x in numbers.items():
            leaves, structure = trees.flatten(x, f"argument {named[place]}")
            self.leaves += leaves
            structures.append(structure)
        self.structures = dict(zip(numbers, structures, strict=True))
        self.arguments = tuple([(named[place], x) for place, x in self.structures.items()])
        try:
            self.key = (*self.structures.items(), *self.static.items())
            hash(self.key)
        except TypeError:
            raise JitError(
                f"{self.name}: static arguments are told apart by their hash, which "
                f"{shorten(self.static)} has none of"
            ) from None

    def trace(self, leaves: Sequence[float]) -> Traced:
        """Call the function on fresh values, and write down what it does."""
        inputs = [Value(x) for x in leaves]
        return Traced(self.name, inputs, self.arguments, lambda: self.eagerly(inputs))

    def eagerly(self, leaves: Sequence[Any]) -> Any:
        """Call the function itself on these numbers or values."""
        remaining = iter(leaves)
        places = dict(self.static)
        for place, structure in self.structures.items():
            part = [next(remaining) for _ in range(structure.size)]
            places[place] = trees.unflatten(structure, part)
        args = [places[place] for place in sorted(p for p in places if isinstance(p, int))]
        return self.f(*args, **{p: x for p, x in places.items() if isinstance(p, str)})


def _names(f: Function, count: int) -> dict[int | str, str]:
    """What the function calls its first `count` arguments."""
    try:
        parameters = [*inspect.signature(f).parameters.values()]
    except (TypeError, ValueError):  # written in C
        parameters = []
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}_{i}" for i in range(count - len(names))]
        elif parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}:
            names.append(parameter.name)
    names += [f"x{i}" for i in range(len(names), count)]
    return dict(enumerate(names[:count]))
