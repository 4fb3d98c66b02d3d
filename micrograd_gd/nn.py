"""The network: a neuron, a layer of neurons, layers in a row; each is a `Module`.

A neuron adds its bias and the products of inputs and weights, from left to right, and applies an
activation. Everything is scalar: a weight is one `Value`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, NotANumberError, NumberRangeError, ShapeError
from micrograd_gd.functional import dot, hardtanh
from micrograd_gd.initializers import INITIALIZERS, Initializer, find_initializer
from micrograd_gd.keywords import find_similar
from micrograd_gd.names import close_module, refuse_names
from micrograd_gd.table.numbers import generator, number, plain_array, require_count, shorten
from micrograd_gd.table.ops import OPERATIONS, Operation, operation
from micrograd_gd.text import escape

__all__ = ["INITIALIZERS", "MLP", "Layer", "Module", "Neuron"]

Activation = str | Callable[[Any], Any] | None


class Module:
    """Something with parameters: the leaf values found in its attributes.

    Lists, tuples, dicts and further modules are searched too, in the order of definition, whatever
    their names. So make parameters in `__init__`, and nowhere else. A value that a call keeps would
    be one more, which `fit` refuses; keep it in an object that is not searched, such as a
    `types.SimpleNamespace`.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> Line().state_dict()
    {'slope': 2.0, 'offset': 1.0}
    """

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Every parameter with its place as a dotted name; a shared one is listed once.

        A parameter is a leaf. A recorded result is no parameter, and may be kept as an attribute.

        Raises ArgumentError where two parameters would get the same name.

        >>> [name for name, _ in MLP(2, 1).named_parameters()]
        ['layers.0.neurons.0.w.0', 'layers.0.neurons.0.w.1', 'layers.0.neurons.0.b']
        """
        found: dict[str, Value] = {}
        for place, item in walk(self):
            if isinstance(item, Value) and item.op is None:
                if place in found:
                    raise ArgumentError(f"two parameters are called {place!r}; rename a key")
                found[place] = item
        return [*found.items()]

    def parameters(self) -> list[Value]:
        """The parameters alone, ready for an optimizer.

        >>> len(MLP(2, [16, 16, 1]).parameters())
        337
        """
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0.

        >>> Neuron(2).zero_grad()
        """
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """The parameters' numbers by name.

        >>> Neuron(1, init=lambda fan_in, fan_out, random: 0.5).state_dict()
        {'w.0': 0.5, 'b': 0.0}
        """
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter to its number in `state`.

        Raises ArgumentError, and changes nothing, unless there is a finite number for every
        parameter and nothing else.

        >>> neuron = Neuron(1)
        >>> neuron.load_state_dict({"w.0": 0.5, "b": 1.0})
        >>> neuron.w[0].data
        0.5
        """
        if not isinstance(state, Mapping):
            raise ArgumentError(f"a state maps names to numbers, but came as {shorten(state)}")
        own = dict(self.named_parameters())
        problems = {
            "missing": [name for name in own if name not in state],
            "unexpected": [name for name in state if name not in own],
            "not a finite number": [n for n, x in state.items() if n in own and not _is_finite(x)],
        }
        if any(problems.values()):
            lists = "; ".join(
                f"{what}: {_list(names)}" for what, names in problems.items() if names
            )
            raise ArgumentError(f"the state does not fit {self!r}: {lists}")
        for name, parameter in own.items():
            parameter.data = number(state[name], name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_size(self)})"


refuse_names(
    Module,
    "a model",
    {
        "forward": "a call, such as model(x)",
        "train": "the model as it is: training and use are the same",
        "eval": "the model as it is: training and use are the same",
        "step": "step() of an optimizer, such as optim.SGD(model.parameters(), lr=0.1)",
        **dict.fromkeys(("apply", "children", "modules"), "named_parameters(), or vars(model)"),
    },
)


class Neuron(Module):
    """A perceptron: activation(bias + Σ weight · input), the sum from left to right.

    `w` has `nin` weights, `b` is the bias, 0 at first. `activation` is the name of a one-operand
    operation, "hardtanh", "linear" or None, or a function of one `Value`; `nonlin=False` is
    micrograd's word for "linear". `init` is a name in `INITIALIZERS` or a function of fan-in,
    fan-out and a `random.Random`. By default it suits the activation: "he" for relu and its
    relatives, "lecun" for selu and linear, otherwise "glorot". `seed` alone decides the weights;
    None leaves them to Python's own generator. `fan_out` is how many neurons share the inputs.

    Raises ArgumentError for a width below 1, an unknown name, or a seed that is no seed.

    >>> neuron = Neuron(2, init=lambda fan_in, fan_out, random: 0.5)
    >>> neuron([1.0, 2.0]).data
    1.5
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,  # noqa: FBT001, FBT002 — micrograd's signature
        *,
        activation: Activation = "relu",
        init: str | Initializer | None = None,
        seed: int | Random | None = None,
        fan_out: int = 1,
    ) -> None:
        self.activation = _find_activation(activation if nonlin else None)
        draw = find_initializer(init, activation_name(self.activation))
        random = generator(seed)
        width, fan_out = require_count("nin", nin), require_count("fan_out", fan_out)
        self.w = [Value(draw(width, fan_out, random)) for _ in range(width)]
        self.b = Value(0.0)
        _label_parameters(self)

    def __call__(self, x: Sequence[Any]) -> Any:
        """The activation for `nin` inputs, numbers or values.

        Raises ShapeError for another number of inputs, NotANumberError for anything but numbers.
        """
        w = self.w
        if type(x) is not _Inputs or len(x) != len(w):
            x = _inputs(x, len(w), self)
        score = dot(w, x, self.b)
        activation = self.activation
        if not isinstance(activation, str):
            return activation(score)
        if activation == "linear":
            return score
        if isinstance(score, Value):
            return getattr(score, activation)()  # sooner there than the row itself
        return operation(activation)(score)

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)} -> 1 {activation_name(self.activation)}, {_size(self)})"


class Layer(Module):
    """`nout` neurons that share `nin` inputs; keyword arguments are those of `Neuron`.

    >>> Layer(2, 3, activation="tanh", seed=0)
    Layer(2 -> 3 tanh, 9 parameters)
    """

    def __init__(
        self, nin: int, nout: int, *, seed: int | Random | None = None, **kwargs: Any
    ) -> None:
        kwargs = {"fan_out": require_count("nout", nout), "seed": generator(seed), **kwargs}
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]
        _label_parameters(self)

    def __call__(self, x: Sequence[Any]) -> Any:
        """The list of the neurons' results, or the one result of a single neuron.

        Raises what `Neuron` raises.
        """
        x = _inputs(x, len(self.neurons[0].w), self)
        results = [neuron(x) for neuron in self.neurons]
        return results[0] if len(results) == 1 else results

    def __repr__(self) -> str:
        return f"Layer({len(self.neurons[0].w)} -> {self._outline()}, {_size(self)})"

    def _outline(self) -> str:
        return f"{len(self.neurons)} {activation_name(self.neurons[0].activation)}"


class MLP(Module):
    """A multi-layer perceptron: layers of the widths `nouts`, each fed with the one before.

    `activation` is for all layers but the last, which has `output_activation`. The other arguments
    are those of `Neuron`.

    >>> model = MLP(2, [16, 16, 1], seed=1337)
    >>> model
    MLP(2 -> 16 relu -> 16 relu -> 1 linear, 337 parameters)
    >>> score = model([0.5, -1.0])
    >>> score.backward()
    """

    def __init__(
        self,
        nin: int,
        nouts: int | Sequence[int],
        activation: Activation = "relu",
        *,
        output_activation: Activation = None,
        init: str | Initializer | None = None,
        seed: int | Random | None = None,
    ) -> None:
        widths = [nin, *(nouts if isinstance(nouts, Iterable) else [nouts])]
        if len(widths) == 1:
            raise ArgumentError("an MLP needs at least one layer, and nouts is empty")
        hidden = _find_activation(activation)  # also where no layer has it
        activations = [hidden] * (len(widths) - 2) + [output_activation]
        rest: dict[str, Any] = {"init": init, "seed": generator(seed)}
        self.layers = [
            Layer(fan_in, fan_out, activation=each, **rest)
            for (fan_in, fan_out), each in zip(pairwise(widths), activations, strict=True)
        ]
        _label_parameters(self)

    def __call__(self, x: Sequence[Any]) -> Any:
        """The last layer's result: one `Value` if it has one neuron, else a list.

        Raises ShapeError, which names the layer, where the number of inputs is not its own.
        """
        i = 0
        try:
            for i, layer in enumerate(self.layers):
                x = layer([x] if i and not isinstance(x, list) else x)
        except ShapeError as error:
            raise ShapeError(f"layer {i} of {self!r}: {error}") from None
        return x

    def __repr__(self) -> str:
        width = len(self.layers[0].neurons[0].w)
        chain = " -> ".join(layer._outline() for layer in self.layers)  # noqa: SLF001 — of this file
        return f"MLP({width} -> {chain}, {_size(self)})"


def _find_activation(choice: Any) -> str | Callable[[Any], Any]:
    """The activation as a name of the table, "linear", or a function."""
    if choice is None:
        return "linear"
    if isinstance(choice, Operation):
        return choice.name
    rows = [row for row in OPERATIONS.values() if row.is_unary]
    names = sorted({"hardtanh", "linear", *(row.name for row in rows)})
    if isinstance(choice, str) and choice not in names:
        close = find_similar(choice, names)
        hint = f" (did you mean {close!r}?)" if close else ""
        raise ArgumentError(
            f"no activation is called {choice!r}{hint}: choose {', '.join(names)}, "
            f"or give a function of one Value"
        )
    if not (callable(choice) or isinstance(choice, str)):
        raise ArgumentError(
            f"activation is {choice!r}; expected a name or a function of one Value: "
            f"several layers are a list of widths, as in MLP(2, [8, 1])"
        )
    return hardtanh if choice == "hardtanh" else choice  # the one that is no row


def activation_name(activation: str | Callable[[Any], Any]) -> str:
    """The name of an activation, in the table or in its code."""
    name = getattr(activation, "__name__", type(activation).__name__)
    return escape(activation if isinstance(activation, str) else name)


def _label_parameters(module: Module) -> None:
    for name, parameter in module.named_parameters():
        parameter.label = name


class _Inputs(list[Any]):
    """Inputs that are known to be numbers and values, so that a layer checks them once."""


def _inputs(x: Any, width: int, module: Module) -> _Inputs:
    inputs = x if type(x) is _Inputs else _read(x, module)
    if len(inputs) != width:
        raise ShapeError(f"{module!r} takes inputs of width {width}, but got width {len(inputs)}")
    return inputs


def _read(x: Any, module: Module) -> _Inputs:
    x = plain_array(x, f"the input of {module!r}") if hasattr(x, "ndim") else x
    x = x.tolist() if hasattr(x, "tolist") else x
    if isinstance(x, (str, bytes, Mapping)) or not hasattr(x, "__getitem__"):
        raise NotANumberError(
            f"{module!r} takes a sequence of numbers, but got {type(x).__name__} {shorten(x)}"
        )
    if {*map(type, x)} <= _PLAIN:
        return _Inputs(x)
    return _Inputs(
        each if isinstance(each, Value) else number(each, f"input {i} of {module!r}")
        for i, each in enumerate(x)
    )


_PLAIN = {float, Value}  # what is a number or a value beyond doubt


def walk(module: Module) -> Iterator[tuple[str, Any]]:
    """The module and the parts and values in it, each once, with its place as a dotted name."""
    seen: dict[int, Any] = {}  # keeps what it saw alive, so that no id is used again
    stack: list[tuple[str, Any]] = [("", module)]
    while stack:
        place, item = stack.pop()
        inside = () if isinstance(item, Value) else parts(item)
        if inside is None or id(item) in seen:
            continue
        seen[id(item)] = item
        yield place, item
        if inside:
            prefix = f"{place}." if place else ""
            stack += [(f"{prefix}{key}", part) for key, part in reversed([*inside])]


def parts(item: Any) -> Iterable[tuple[Any, Any]] | None:
    """What to search for parameters in an item, by name; None for what holds none."""
    if isinstance(item, Module):
        return vars(item).items()
    if isinstance(item, (list, tuple)):
        return enumerate(item)
    if isinstance(item, dict):
        return item.items()
    is_array = getattr(getattr(item, "dtype", None), "hasobject", False)  # of values
    return enumerate(item.ravel().tolist()) if is_array else None


def _size(module: Module) -> str:
    count = len(module.parameters())
    return f"{count} parameter{'s' if count != 1 else ''}"


def _is_finite(x: Any) -> bool:
    try:
        return math.isfinite(number(x, "entry"))
    except (NotANumberError, NumberRangeError):
        return False


def _list(names: Sequence[Any], most: int = 6) -> str:
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join([*map(str, names[:most]), *more])


close_module(__name__)
