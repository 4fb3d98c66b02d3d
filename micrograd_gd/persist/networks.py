"""Networks and predictors as documents: an architecture, and a number for every parameter."""

import math
from itertools import pairwise
from typing import Any

from micrograd_gd.data import Scaling
from micrograd_gd.data.recipe import Recipe
from micrograd_gd.errors import ArgumentError
from micrograd_gd.nn import MLP
from micrograd_gd.persist.document import (
    Array,
    Document,
    MisfitError,
    check_keys,
    read_entry,
    read_list,
    read_number,
    read_object,
    read_text,
    read_texts,
    to_json_float,
)
from micrograd_gd.table.numbers import shorten
from micrograd_gd.training.predictor import Predictor

WIDEST = 10**9

_SURROUNDINGS = (
    "feature_names",
    "target_name",
    "class_names",
    "scaling",
    "target_scaling",
    "recipe",
)


def describe_predictor(predictor: Predictor) -> Document:
    """A predictor as a document.

    Raises ArgumentError for a parameter that is not finite.
    """
    network = predictor.network
    if not all(math.isfinite(parameter.data) for parameter in network.parameters()):
        message = f"{network!r} cannot be saved: a parameter is not finite"
        raise ArgumentError(f"{message}; expected finite numbers: train it again")
    plain = describe_network(network).head
    surroundings = {
        "feature_names": predictor.feature_names,
        "target_name": predictor.target_name,
        "class_names": predictor.class_names,
        "scaling": _columns(predictor.scaling),
        "target_scaling": _columns(predictor.target_scaling),
        "recipe": None if predictor.recipe is None else predictor.recipe.to_json(),
    }
    head = {"architecture": plain["architecture"], **surroundings}
    return Document("model", {**head, "parameters": plain["parameters"]})


def make_predictor(document: Document) -> Predictor:
    """The predictor of a document."""
    document.check(("architecture", *_SURROUNDINGS, "parameters"), ())
    head = document.head
    parameters = read_object("parameters", head["parameters"])
    numbers = {name: read_number(name, x) for name, x in parameters.items()}
    return Predictor(
        _network(head["architecture"], numbers),
        _scaling("scaling", head["scaling"]),
        _scaling("target_scaling", head["target_scaling"]),
        _names("feature_names", head["feature_names"]),
        read_text("target_name", head["target_name"]),
        _names("class_names", head["class_names"]),
        None if head["recipe"] is None else Recipe.from_json(head["recipe"]),
    )


def describe_network(network: MLP) -> Document:
    """A network alone as a document.

    Raises ArgumentError for a subclass of MLP and for an activation without a name.
    """
    if type(network) is not MLP:
        kind = f"it is a {type(network).__name__}, of which only the parameters are"
        raise ArgumentError(f"{network!r} cannot be saved whole: {kind}; expected an MLP")
    architecture = _architecture(network)
    if not _is_alike(MLP(**architecture), network):
        raise ArgumentError(f"{network!r} cannot be saved: its activations are not all by name")
    return Document("network", {"architecture": architecture, "parameters": network.state_dict()})


def make_network(document: Document) -> MLP:
    """The network of a document."""
    document.check(("architecture", "parameters"), ())
    parameters = read_object("parameters", document.head["parameters"])
    numbers = {name: read_entry(name, x) for name, x in parameters.items()}
    return _network(document.head["architecture"], numbers)


def fill_network(document: Document, network: MLP) -> None:
    """Give a network the parameters of a document."""
    saved = make_network(document).state_dict()
    own = dict(network.named_parameters())
    if [*saved] != [*own]:
        raise MisfitError(f"a network of other widths; expected those of {network!r}")
    for name, parameter in own.items():
        parameter.data = saved[name]


def pack_arrays(document: Document) -> Document:
    """The same document, with a matrix of weights and a row of biases for each layer.

    They have the names and shapes that PyTorch gives to linear layers in a row.
    """
    head = dict(document.head)
    numbers = iter(head.pop("parameters").values())
    arrays = {}
    for i, (width, height) in enumerate(pairwise(_widths(head["architecture"]))):
        rows = [[next(numbers) for _ in range(width + 1)] for _ in range(height)]
        weights = [x for row in rows for x in row[:-1]]
        arrays[f"layers.{i}.weight"] = Array((height, width), weights)
        arrays[f"layers.{i}.bias"] = Array.of([row[-1] for row in rows])
    return Document(document.kind, head, arrays)


def unpack_arrays(document: Document) -> Document:
    """The document that `pack_arrays` was given."""
    parameters: dict[str, float | str] = {}
    widths = _widths(document.head.get("architecture"))
    if len(document.arrays) != 2 * (len(widths) - 1):
        count = f"{len(document.arrays)} arrays for layers of width {shorten(widths)}"
        raise MisfitError(f"{count}; expected two for each layer")
    for i, (width, height) in enumerate(pairwise(widths)):
        weights = document.array(f"layers.{i}.weight", (height, width))
        biases = document.array(f"layers.{i}.bias", (height,))
        for j in range(height):
            place = f"layers.{i}.neurons.{j}"
            row = weights[j * width : (j + 1) * width]
            parameters |= {f"{place}.w.{k}": to_json_float(x) for k, x in enumerate(row)}
            parameters[f"{place}.b"] = to_json_float(biases[j])
    return Document(document.kind, {**document.head, "parameters": parameters})


def _network(architecture: Any, parameters: dict[str, float]) -> MLP:
    # The count is held against the file before a network of that size is made.
    widths = _widths(architecture)
    expected = sum((a + 1) * b for a, b in pairwise(widths))
    if len(parameters) != expected:
        count = f"{len(parameters)} parameters for layers of width {shorten(widths)}"
        raise MisfitError(f"{count}; expected {expected}")
    network = MLP(**architecture, seed=0)
    own = dict(network.named_parameters())
    unknown = [name for name in parameters if name not in own]
    if unknown:
        raise MisfitError(f"unknown {shorten(unknown)} in parameters; expected those of an MLP")
    for name, parameter in own.items():
        parameter.data = parameters[name]
    return network


def _widths(architecture: Any) -> list[int]:
    """The widths of a network's layers, its input first."""
    keys = ("nin", "nouts", "activation", "output_activation")
    check_keys("architecture", architecture, keys)
    for key in ("activation", "output_activation"):
        read_text(key, architecture[key])
    widths = [architecture["nin"], *read_list("nouts", architecture["nouts"])]
    for width in widths:
        if not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= WIDEST:
            expected = f"expected whole numbers from 1 to {WIDEST}"
            raise MisfitError(f"layers of width {shorten(widths)}; {expected}")
    return widths


def _architecture(network: MLP) -> dict[str, Any]:
    layers = network.layers
    first, last = (layer.neurons[0].activation for layer in (layers[0], layers[-1]))
    return {
        "nin": len(layers[0].neurons[0].w),
        "nouts": [len(layer.neurons) for layer in layers],
        "activation": getattr(first, "__name__", first),
        "output_activation": getattr(last, "__name__", last),
    }


def _is_alike(rebuilt: MLP, network: MLP) -> bool:
    def activations(each: MLP) -> list[Any]:
        return [neuron.activation for layer in each.layers for neuron in layer.neurons]

    return activations(rebuilt) == activations(network)


def _columns(scaling: Scaling | None) -> dict[str, Any] | None:
    return None if scaling is None else {"mean": scaling.mean, "scale": scaling.scale}


def _names(place: str, entry: Any) -> tuple[str, ...] | None:
    return None if entry is None else tuple(read_texts(place, entry))


def _scaling(place: str, entry: Any) -> Scaling | None:
    if entry is None:
        return None
    check_keys(place, entry, ("mean", "scale"))
    mean, scale = (
        [read_number(place, x) for x in read_list(place, entry[k])] for k in ("mean", "scale")
    )
    return Scaling(tuple(mean), tuple(scale))
