"""Models as JSON files: all that it takes to go from a row of raw data to an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_gd.data import Scaling
from micrograd_gd.errors import ArgumentError, MicrogradError, ModelFileError, ShapeError
from micrograd_gd.files import write_file
from micrograd_gd.modes import no_grad
from micrograd_gd.nn import MLP
from micrograd_gd.operation import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

FORMAT = "micrograd_gd model"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network with what surrounds it: names, scaling, and the meaning of its outputs.

    ``scaling`` is applied to the inputs, ``target_scaling`` undone on the output of a regression.
    With ``class_names``, the network has one output (its sign decides between two classes) or one
    for each class (the largest decides); without, it has one output. ``ShapeError`` where the parts
    do not fit each other.

    >>> network = MLP(1, 1, init=lambda *_: 1.0)
    >>> Predictor(network, class_names=("below", "above")).predict([[-2.0], [3.0]])
    ['below', 'above']
    """

    network: MLP
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    feature_names: tuple[str, ...] | None = None
    target_name: str = "prediction"
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        inputs, outputs = self.inputs, len(self.network.layers[-1].neurons)
        if self.scaling is not None:
            _check_count("columns of the scaling", len(self.scaling.mean), inputs)
        if self.feature_names is not None:
            _check_count("feature names", len(self.feature_names), inputs)
        if self.class_names is None:
            _check_count("outputs without class names", outputs, 1)
        else:
            _check_count("class names", len(self.class_names), 2 if outputs == 1 else outputs)
        if self.target_scaling is not None:
            _check_count("columns of the target's scaling", len(self.target_scaling.mean), outputs)

    @property
    def inputs(self) -> int:
        """How many numbers a row has."""
        return len(self.network.layers[0].neurons[0].w)

    def predict(self, rows: Sequence[Sequence[float]]) -> list[str] | list[float]:
        """A class name, or a number in the target's own units, for each row of raw features.

        ``ShapeError`` for rows of another width; ``ArgumentError`` where a score comes out as nan.
        """
        scaled = rows if self.scaling is None else self.scaling(rows)
        with no_grad():
            scores = [_numbers(self.network(row)) for row in scaled]
        for position, row in enumerate(scores):
            if any(score != score for score in row):
                message = "the model's score is nan; expected numbers nearer to the training data"
                raise ArgumentError(f"row {position}: {message}")
        if self.class_names is not None:
            return [self.class_names[_decided(row)] for row in scores]
        if self.target_scaling is not None:
            scores = self.target_scaling.invert(scores)
        return [number for (number,) in scores]


def save_model(path: str | PathLike[str], predictor: Predictor) -> None:
    """Write a predictor as JSON, numbers to the last digit; equal predictors give equal bytes.

    ``ArgumentError`` for an activation that has no name and for a parameter that is not finite;
    ``OSError`` if the file cannot be written.
    """
    network = predictor.network
    architecture = _architecture(network)
    if not _is_alike(MLP(**architecture), network):
        raise ArgumentError(f"{network!r} cannot be saved: its activations are not all by name")
    content = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": architecture,
        "feature_names": predictor.feature_names,
        "target_name": predictor.target_name,
        "class_names": predictor.class_names,
        "scaling": _columns(predictor.scaling),
        "target_scaling": _columns(predictor.target_scaling),
        "parameters": network.state_dict(),
    }
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError:
        message = f"{network!r} cannot be saved: a parameter is not finite"
        raise ArgumentError(f"{message}; expected finite numbers: train it again") from None
    write_file(path, f"{text}\n".encode("utf-8", "surrogatepass"))


def load_model(path: str | PathLike[str]) -> Predictor:
    """Read what ``save_model`` wrote; it predicts what the saved one did, to the last bit.

    ``ModelFileError`` for a file that is missing, unreadable, cut off, or not such a model.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.json"
    ...     save_model(path, Predictor(MLP(2, 1, seed=0)))
    ...     load_model(path).predict([[1.0, 2.0]]) == Predictor(MLP(2, 1, seed=0)).predict([[1, 2]])
    True
    """
    path = Path(path)
    content = _read(path)
    try:
        return _predictor(content)
    except _MisfitError as error:
        raise _problem(path, str(error)) from None
    except MicrogradError as error:
        raise _problem(path, f"{error}; the file was changed or is from elsewhere") from error


def _numbers(outputs: Any) -> list[float]:
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return [getattr(output, "data", output) for output in outputs]


def _decided(scores: list[float]) -> int:
    return int(scores[0] > 0) if len(scores) == 1 else scores.index(max(scores))


def _check_count(what: str, count: int, expected: int) -> None:
    if count != expected:
        raise ShapeError(f"{count} {what}; expected {expected}, to fit the network")


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


class _MisfitError(Exception):
    """What stands in the file is not what a model has there."""


def _problem(path: Path, message: str) -> ModelFileError:
    return ModelFileError(f"{path}: {message}")


def _read(path: Path) -> Any:
    try:
        text = path.read_bytes().decode("utf-8", "surrogatepass")
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except FileNotFoundError:
        message = f"no such file; expected a saved model: check the name, as seen from {Path.cwd()}"
        raise _problem(path, message) from None
    except IsADirectoryError:
        raise _problem(path, "a folder; expected a saved model, such as model.json in it") from None
    except UnicodeDecodeError:
        raise _problem(path, "binary data; expected a saved model, in JSON") from None
    except (json.JSONDecodeError, RecursionError) as error:
        message = f"no valid JSON ({error}); expected a saved model, whole"
        raise _problem(path, f"{message}: copy it again, or train again") from None
    except _MisfitError as error:
        raise _problem(path, str(error)) from None
    except (OSError, ValueError) as error:
        raise _problem(path, f"cannot be read ({error}); expected a saved model") from None


def _refuse(constant: str) -> Any:
    raise _MisfitError(f"the number {constant}; expected finite numbers: train again")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise _MisfitError("a key twice in one object; expected every key once")
    return entries


def _predictor(content: Any) -> Predictor:
    if not (isinstance(content, dict) and content.get("format") == FORMAT):
        raise _MisfitError(f'JSON of another kind; expected a saved model, "format": "{FORMAT}"')
    version = content.get("version")
    if version != VERSION or isinstance(version, bool):
        expected = f"expected version {VERSION}: use the micrograd_gd that wrote it"
        raise _MisfitError(f"a model of format version {shortened(version)}; {expected}")
    _check_keys("the model", content, _KEYS)
    shape = content["architecture"]
    _check_keys("architecture", shape, ("nin", "nouts", "activation", "output_activation"))
    for key in ("activation", "output_activation"):
        _text(key, shape[key])
    # The count is held against the file before a network of that size is made.
    parameters = _object("parameters", content["parameters"])
    widths = [shape["nin"], *_list("nouts", shape["nouts"])]
    if not all(isinstance(w, int) and not isinstance(w, bool) and w >= 1 for w in widths):
        raise _MisfitError(f"layers of width {shortened(widths)}; expected whole numbers above 0")
    expected = sum((a + 1) * b for a, b in pairwise(widths))
    if len(parameters) != expected:
        count = f"{len(parameters)} parameters for layers of width {shortened(widths)}"
        raise _MisfitError(f"{count}; expected {expected}")
    network = MLP(**shape, seed=0)
    network.load_state_dict({name: _number(name, x) for name, x in parameters.items()})
    return Predictor(
        network,
        _scaling("scaling", content["scaling"]),
        _scaling("target_scaling", content["target_scaling"]),
        _names("feature_names", content["feature_names"]),
        _text("target_name", content["target_name"]),
        _names("class_names", content["class_names"]),
    )


_KEYS = (
    "format", "version", "architecture", "feature_names", "target_name", "class_names",
    "scaling", "target_scaling", "parameters",
)  # fmt: skip


def _check_keys(place: str, entry: Any, keys: tuple[str, ...]) -> None:
    entry = _object(place, entry)
    missing = [key for key in keys if key not in entry]
    if missing:
        raise _MisfitError(f"no {', '.join(map(repr, missing))} in {place}; expected a whole model")
    unknown = [key for key in entry if key not in keys]
    if unknown:
        raise _MisfitError(f"unknown {shortened(unknown)} in {place}; expected {', '.join(keys)}")


def _object(place: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise _MisfitError(f"{place} is {shortened(entry)}; expected an object")
    return entry


def _list(place: str, entry: Any) -> list[Any]:
    if not (isinstance(entry, list) and entry):
        raise _MisfitError(f"{place} is {shortened(entry)}; expected a list that is not empty")
    return entry


def _text(place: str, entry: Any) -> str:
    if not isinstance(entry, str):
        raise _MisfitError(f"{place} is {shortened(entry)}; expected text")
    return entry


def _number(place: str, entry: Any) -> float:
    try:
        number = float(entry) if isinstance(entry, (int, float)) else None
    except OverflowError:
        number = None
    if number is None or isinstance(entry, bool) or number - number != 0:
        raise _MisfitError(f"{place} is {shortened(entry)}; expected a finite number")
    return number


def _names(place: str, entry: Any) -> tuple[str, ...] | None:
    return None if entry is None else tuple(_text(place, name) for name in _list(place, entry))


def _scaling(place: str, entry: Any) -> Scaling | None:
    if entry is None:
        return None
    _check_keys(place, entry, ("mean", "scale"))
    mean, scale = ([_number(place, x) for x in _list(place, entry[k])] for k in ("mean", "scale"))
    return Scaling(tuple(mean), tuple(scale))
