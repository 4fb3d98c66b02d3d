"""Which part of a model each node of a graph belongs to, found without recording anything.

The place of a node recorded inside `with scope("name"):` is known. Every other place is inferred
from the parameters, in one pass from the leaves up:

- A node that uses parameters belongs to the innermost part that holds them all, such as a neuron.
- A node that uses none belongs to the innermost part that holds all the results it uses, so that an
  activation goes with its neuron. If it uses results from outside, it is outside.
- A node that brings together two uses of one parameter, as a sum over samples does, is outside: a
  part of a model computes on one sample only.
- A leaf that is no parameter is outside.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from micrograd_gd.core import blocks
from micrograd_gd.errors import ArgumentError
from micrograd_gd.nn import Module, parts
from micrograd_gd.table.numbers import shorten
from micrograd_gd.viz.graphs.numbering import Numbering

OUTSIDE = 0  # the place that holds all others
_IN_A_LIST = re.compile(r"\.\d+\.")  # as in layers.0.b; names of columns are seldom so
_DEEPEST = 8  # deeper places are merged with the one at this depth

# The first and the last parameter below a node, each with the node that used it.
Span = tuple[int, int, int, int]


class Scopes:
    """Places by number; a place comes after the place that it lies in."""

    def __init__(self) -> None:
        self.paths: list[tuple[str, ...]] = [()]
        self.parents = [OUTSIDE]
        self.depths = [0]
        self._numbers: dict[tuple[int, str], int] = {}

    def place(self, path: Sequence[str]) -> int:
        """The number of a path; a new path gets a new number."""
        place = OUTSIDE
        for name in path[:_DEEPEST]:
            number = self._numbers.setdefault((place, name), len(self.paths))
            if number == len(self.paths):
                self.paths.append((*self.paths[place], name))
                self.parents.append(place)
                self.depths.append(self.depths[place] + 1)
            place = number
        return place

    def common(self, places: Iterable[int]) -> int:
        """The innermost place that holds all of these."""
        first, *others = places
        for other in others:
            while first != other:
                if self.depths[first] >= self.depths[other]:
                    first = self.parents[first]
                else:
                    other = self.parents[other]  # noqa: PLW2901 — both climb until they meet
        return first

    def name(self, place: int) -> str:
        """The whole name of a place, such as `layers.0.neurons.3`."""
        return ".".join(self.paths[place])


def models_by_name(model: Any) -> dict[str, Module]:
    """The models by name; the name of a single one is empty.

    Raises ArgumentError for anything but modules.
    """
    if model is None:
        return {}
    if isinstance(model, Module):
        models: dict[str, Any] = {"": model}
    elif isinstance(model, Mapping):
        models = dict(model)
    elif isinstance(model, Iterable):
        models = {f"{type(each).__name__} {i}": each for i, each in enumerate(model, 1)}
    else:
        models = {"": model}
    for name, each in models.items():
        if not isinstance(name, str):
            raise ArgumentError(f"model has the name {shorten(name)}; expected a text")
        if not isinstance(each, Module):
            raise ArgumentError(
                f"model is {shorten(each)}; expected a Module, several, or a dict of them by name"
            )
    return models


def module_at(models: Mapping[str, Module], path: Sequence[str]) -> Module | None:
    """The module that a place stands for, or None."""
    part: Any = models.get("")
    words = ".".join(path).split(".")
    if part is None and path:
        part, words = models.get(path[0]), ".".join(path[1:]).split(".")
    for word in filter(None, words):
        below = dict(parts(part) or ())
        part = below.get(word, below.get(int(word)) if word.isdecimal() else None)
    return part if isinstance(part, Module) else None


def places(numbering: Numbering, models: Mapping[str, Module]) -> tuple[Scopes, list[int]]:
    """All places, and the place of every node."""
    nodes = numbering.nodes
    scopes = Scopes()
    found = [OUTSIDE] * len(nodes)
    parameters = _parameters(numbering, models, scopes, found)
    recorded: Mapping[Any, tuple[str, ...]] = blocks.scopes or {}
    if not (parameters or recorded):
        return scopes, found
    spans: list[Span | None] = [None] * len(nodes)
    for i, (node, used) in enumerate(zip(nodes, numbering.used, strict=True)):
        path = recorded.get(node) if recorded else None
        if path is not None:
            found[i] = scopes.place(path)
        elif used:
            numbers = [j for j in used if j in parameters]
            if numbers:
                found[i] = scopes.common(found[j] for j in numbers)
                order = [parameters[j] for j in numbers]
                spans[i] = (min(order), i, max(order), i)
            else:
                results = [j for j in used if numbering.used[j]]
                spans[i] = _merge([span for j in results if (span := spans[j]) is not None])
                if spans[i] is not None:
                    found[i] = scopes.common(found[j] for j in results)
    return scopes, found


def _parameters(
    numbering: Numbering, models: Mapping[str, Module], scopes: Scopes, found: list[int]
) -> dict[int, int]:
    """The parameters among the nodes, numbered as their models list them.

    Their places are written into `found`.
    """
    named = [
        (prefix, name, parameter)
        for prefix, model in models.items()
        for name, parameter in model.named_parameters()
    ]
    if not models:
        leaves = [(str(node.label), node) for node in numbering.nodes if node.op is None]
        named = [("", label, leaf) for label, leaf in leaves if _IN_A_LIST.search(label)]
    parameters: dict[int, int] = {}
    for prefix, name, parameter in named:
        position = numbering.positions.get(parameter)
        if position is not None and position not in parameters:
            path = [prefix] * bool(prefix) + path_of_a_parameter(name)
            found[position] = scopes.place(path)
            parameters[position] = len(parameters)
    return parameters


def path_of_a_parameter(name: str) -> list[str]:
    """The parts that a parameter lies in, from the outermost inwards, by its dotted name.

    >>> path_of_a_parameter("layers.0.neurons.3.w.1")
    ['layers.0', 'neurons.3']
    """
    words = name.split(".")
    while len(words) > 1 and words[-1].isdecimal():
        words.pop()
    path: list[str] = []
    for before, word in pairwise(["", *words[:-1]]):
        if word.isdecimal() and path and not before.isdecimal():
            path[-1] += f".{word}"
        elif word:
            path.append(word)
    return path


def _merge(spans: Sequence[Span]) -> Span | None:
    """The span that holds all of these, or None where they use one parameter in two places."""
    if not spans:
        return None
    low, first, high, last = spans[0]
    for other_low, other_first, other_high, other_last in spans[1:]:
        if low == other_low and first != other_first:
            return None
        if high == other_high and last != other_last:
            return None
        if other_low < low:
            low, first = other_low, other_first
        if other_high > high:
            high, last = other_high, other_last
    return low, first, high, last
