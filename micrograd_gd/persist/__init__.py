"""Models, optimizers and training runs in files: JSON to read, safetensors to exchange.

Floats come back to the last bit. A file is written whole or not at all, and carries the version of
its format. Reading executes nothing, and answers whatever is wrong with one `ModelFileError`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_gd.errors import ArgumentError, MicrogradError
from micrograd_gd.files import write_file
from micrograd_gd.nn import MLP, Module
from micrograd_gd.optim import Optimizer
from micrograd_gd.persist.document import (
    Document,
    MisfitError,
    from_json,
    problem,
    read_bytes,
    to_json,
)
from micrograd_gd.persist.networks import (
    fill_network,
    from_arrays,
    in_arrays,
    network_document,
    network_from,
    predictor_document,
    predictor_from,
)
from micrograd_gd.persist.states import (
    fill_module,
    fill_optimizer,
    module_document,
    optimizer_document,
    run_document,
    run_state,
)
from micrograd_gd.persist.tensors import from_safetensors, to_safetensors
from micrograd_gd.training.fit import Run
from micrograd_gd.training.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

__all__ = ["Predictor", "load", "load_model", "save", "save_model"]


def save(path: str | PathLike[str], thing: Any) -> None:
    """Write a model, an optimizer or a training run, as JSON, or as ``.safetensors``.

    An ``MLP`` and a ``Predictor`` are saved whole; of another module, such as a class of your own
    made from ``MLP``, the parameters are, of an
    optimizer its state, of a run (``history.run``) all that it takes to go on. Floats are written
    to the last digit, and equal things give equal bytes.

    ``ArgumentError`` for what cannot be saved; ``OSError`` if the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder) / "network.json", MLP(2, [3, 1], seed=0))
    ...     load(Path(folder) / "network.json")
    MLP(2 -> 3 relu -> 1 linear, 13 parameters)
    """
    path, document = Path(path), _document(thing)
    if _is_safetensors(path):
        has_layers = "architecture" in document.head
        write_file(path, to_safetensors(in_arrays(document) if has_layers else document))
    else:
        write_file(path, to_json(document))


def load(path: str | PathLike[str], into: Any = None) -> Any:
    """Read what ``save`` wrote: a model, or the state of a run as ``fit`` resumes from it.

    Parameters of a module and the state of an optimizer are put ``into`` one that is there, which
    is returned; so are those of a network, if one is given.

    ``ModelFileError`` for a file that is missing, unreadable, cut off, or holds something else;
    then nothing has changed.
    """
    path = Path(path)
    is_safetensors = _is_safetensors(path)
    try:
        raw = read_bytes(path)
        document = from_safetensors(raw) if is_safetensors else from_json(raw)
        if is_safetensors and document.kind in {"model", "network"}:
            document = from_arrays(document)
        return _thing(document, into)
    except MisfitError as error:
        raise problem(path, str(error)) from None
    except OSError as error:
        message = f"cannot be read ({error.strerror}); expected a saved model"
        raise problem(path, message) from None
    except MicrogradError as error:
        raise problem(path, f"{error}; the file was changed or is from elsewhere") from error


def save_model(path: str | PathLike[str], predictor: Predictor) -> None:
    """Write a predictor, numbers to the last digit; equal predictors give equal bytes.

    ``ArgumentError`` for an activation that has no name and for a parameter that is not finite;
    ``OSError`` if the file cannot be written.
    """
    save(path, predictor)


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
    loaded = load(path)
    if not isinstance(loaded, Predictor):
        raise problem(Path(path), "no predictor; expected a model that train or save_model wrote")
    return loaded


def _is_safetensors(path: Path) -> bool:
    return path.suffix.lower() == ".safetensors"


def _document(thing: Any) -> Document:
    if isinstance(thing, Predictor):
        return predictor_document(thing)
    if type(thing) is MLP:  # a class of its own computes in its own way
        return network_document(thing)
    if isinstance(thing, Module):
        return module_document(thing)
    if isinstance(thing, Optimizer):
        return optimizer_document(thing)
    if isinstance(thing, Run):
        return run_document(thing)
    raise ArgumentError(
        f"a {type(thing).__name__} cannot be saved; expected a model, an optimizer, "
        f"or the run of a history"
    )


def _thing(document: Document, into: Any) -> Any:
    kind = document.kind
    if kind in _MAKES and into is None:
        return _MAKES[kind](document)
    if kind in _MAKES and kind not in _FILLS:
        raise MisfitError(f"a saved {kind}; expected to be loaded by itself, not into something")
    if kind not in _FILLS:
        raise MisfitError(
            f"a saved {kind!r:.80}; expected one of {', '.join({**_MAKES, **_FILLS})}"
        )
    due, fill = _FILLS[kind]
    if not isinstance(into, due):
        raise MisfitError(f"a saved {kind}; expected load(path, into=…), a {due.__name__}")
    fill(document, into)
    return into


# The kinds of documents: those that make a thing, and those that fill one.
_MAKES: dict[str, Callable[[Document], Any]] = {
    "model": predictor_from,
    "network": network_from,
    "training": run_state,
}
_FILLS: dict[str, tuple[type, Callable[[Document, Any], None]]] = {
    "network": (MLP, fill_network),
    "parameters": (Module, fill_module),
    "optimizer": (Optimizer, fill_optimizer),
}
