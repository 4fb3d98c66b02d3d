"""`Module`: something with parameters, found wherever they are in it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, NotANumberError, NumberRangeError
from micrograd_gd.operation import number, shortened


class Module:
    """Something with parameters: the leaf values found in its attributes.

    Lists, tuples, dicts and further modules are searched too, in the order of definition.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> Line().state_dict()
    {'slope': 2.0, 'offset': 1.0}
    """

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Every parameter with its place as a dotted name; a shared one once, where it is first.

        A parameter is a leaf: a result that was recorded is none, and may be kept as an attribute.

        Raises ArgumentError where two parameters would get the same name.

        >>> from micrograd_gd.nn import MLP
        >>> [name for name, _ in MLP(2, 1).named_parameters()]
        ['layers.0.neurons.0.w.0', 'layers.0.neurons.0.w.1', 'layers.0.neurons.0.b']
        """
        found: dict[str, Value] = {}
        seen: dict[int, Any] = {}  # keeps what it saw alive, so that no id is used again
        stack: list[tuple[str, Any]] = [("", self)]
        while stack:
            place, item = stack.pop()
            inside = parts(item)
            if (inside is None and not isinstance(item, Value)) or id(item) in seen:
                continue
            seen[id(item)] = item
            if inside is not None:
                prefix = f"{place}." if place else ""
                stack += [(f"{prefix}{key}", part) for key, part in reversed([*inside])]
            elif item.op is None:
                if place in found:
                    raise ArgumentError(f"two parameters are called {place!r}; rename a key")
                found[place] = item
        return [*found.items()]

    def parameters(self) -> list[Value]:
        """The parameters alone, ready for an optimiser.

        >>> from micrograd_gd.nn import MLP
        >>> len(MLP(2, [16, 16, 1]).parameters())
        337
        """
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0.

        >>> from micrograd_gd.nn import Neuron
        >>> Neuron(2).zero_grad()
        """
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """The parameters' numbers by name.

        >>> from micrograd_gd.nn import Neuron
        >>> Neuron(1, init=lambda fan_in, fan_out, random: 0.5).state_dict()
        {'w.0': 0.5, 'b': 0.0}
        """
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter to its number in `state`.

        Raises ArgumentError, and changes nothing, unless there is a finite number for every
        parameter and nothing else.

        >>> from micrograd_gd.nn import Neuron
        >>> neuron = Neuron(1)
        >>> neuron.load_state_dict({"w.0": 0.5, "b": 1.0})
        >>> neuron.w[0].data
        0.5
        """
        if not isinstance(state, Mapping):
            raise ArgumentError(f"a state maps names to numbers, but came as {shortened(state)}")
        own = dict(self.named_parameters())
        numbers = {name: _finite(entry) for name, entry in state.items() if name in own}
        problems = [
            ("missing", [name for name in own if name not in state]),
            ("unexpected", [name for name in state if name not in own]),
            ("not a finite number", [name for name, entry in numbers.items() if entry is None]),
        ]
        if any(names for _, names in problems):
            told = "; ".join(f"{what}: {_enumerated(names)}" for what, names in problems if names)
            raise ArgumentError(f"the state does not fit {self!r}: {told}")
        for name, parameter in own.items():
            parameter.data = numbers[name]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({counted(self)})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        with suppress(Exception):  # a notebook shows something, whatever was done to the model
            from micrograd_gd.viz import architecture  # noqa: PLC0415 — pictures are of models

            bundle = {**architecture(self)._repr_mimebundle_(), **bundle}
        return bundle


def parts(item: Any) -> Iterable[tuple[Any, Any]] | None:
    """The named parts of what parameters are searched in."""
    if isinstance(item, Module):
        return vars(item).items()
    if isinstance(item, (list, tuple)):
        return enumerate(item)
    if isinstance(item, dict):
        return item.items()
    if getattr(getattr(item, "dtype", None), "hasobject", False):  # an array of values
        return enumerate(item.ravel().tolist())
    return None


def counted(module: Module) -> str:
    """The number of parameters in words."""
    count = len(module.parameters())
    return f"{count} parameter{'s' if count != 1 else ''}"


def _finite(entry: Any) -> float | None:
    try:
        found = number(entry, "entry")
    except (NotANumberError, NumberRangeError):
        return None
    return found if math.isfinite(found) else None


def _enumerated(names: Sequence[Any], most: int = 6) -> str:
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join([*map(str, names[:most]), *more])
