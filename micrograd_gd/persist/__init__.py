"""Models, optimizers and trainings in files: JSON to read, safetensors to exchange.

Floats come back to the last bit. A file is written whole or not at all, and carries the version of
its format. Reading executes nothing, and answers whatever is wrong with one `ModelFileError`.
"""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from micrograd_gd.errors import ArgumentError, MicrogradError
from micrograd_gd.files import write_file
from micrograd_gd.names import close_module
from micrograd_gd.nn import MLP, Module
from micrograd_gd.optim import Optimizer
from micrograd_gd.persist.document import (
    LARGEST,
    Document,
    MisfitError,
    check_memory,
    from_json,
    problem,
    read_bytes,
    to_json,
)
from micrograd_gd.persist.networks import (
    describe_network,
    describe_predictor,
    fill_network,
    make_network,
    make_predictor,
    pack_arrays,
    unpack_arrays,
)
from micrograd_gd.persist.states import (
    describe_module,
    describe_optimizer,
    describe_training,
    fill_module,
    fill_optimizer,
    make_state,
)
from micrograd_gd.persist.tensors import from_safetensors, header, to_safetensors
from micrograd_gd.training.fit import Training
from micrograd_gd.training.predictor import Predictor

__all__ = ["load", "save"]


def save(thing: Any, path: str | PathLike[str]) -> None:
    """Write a model, an optimizer or a training to a `.json` or a `.safetensors` file.

    An `MLP` and a `Predictor` are saved whole. Of another module, such as a class of your own made
    from `MLP`, the parameters are saved; of an optimizer, its state; of a training
    (`history.training`), all that it takes to go on. Floats are written to the last digit, and
    equal things give equal bytes.

    Raises ArgumentError for what cannot be saved or would be too large for `load`, and for another
    ending of the path; OSError if the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(MLP(2, [3, 1], seed=0), Path(folder) / "network.json")
    ...     load(Path(folder) / "network.json")
    MLP(2 -> 3 relu -> 1 linear, 13 parameters)
    """
    document, path = _document(thing), Path(path)
    if path.suffix.lower() not in {".json", ".safetensors"}:
        raise ArgumentError(
            f"{path.name} is no name for a saved model; expected the ending .json, or .safetensors "
            f"to exchange it with other libraries"
        )
    if _is_safetensors(path):
        has_layers = "architecture" in document.head
        content = to_safetensors(pack_arrays(document) if has_layers else document)
    else:
        content = to_json(document)
    try:
        check_memory(header(content) if _is_safetensors(path) else content)
    except MisfitError as error:
        raise ArgumentError(f"{error}, to load it again; .safetensors takes least") from None
    if len(content) > LARGEST:
        raise ArgumentError(f"{len(content)} bytes to save; up to {LARGEST} can be loaded again")
    write_file(path, content)


def load(path: str | PathLike[str], into: Any = None) -> Any:
    """Read what `save` wrote: a model, or the state of a training as `fit` resumes from it.

    Parameters of a module and the state of an optimizer are put `into` one that is there, which
    is returned. A network may be filled in the same way.

    Raises ModelFileError for a file that is missing, unreadable, cut off, larger than 128 MiB or
    300 MB of memory, or holds something else; then nothing has changed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(MLP(2, 1, seed=0), Path(folder) / "network.safetensors")
    ...     load(Path(folder) / "network.safetensors")
    MLP(2 -> 1 linear, 3 parameters)
    """
    path = Path(path)
    is_safetensors = _is_safetensors(path)
    try:
        raw = read_bytes(path)
        document = from_safetensors(raw) if is_safetensors else from_json(raw)
        if is_safetensors and document.kind in {"model", "network"}:
            document = unpack_arrays(document)
        return _thing(document, into)
    except MisfitError as error:
        raise problem(path, str(error)) from None
    except OSError as error:
        message = f"cannot be read ({error.strerror}); expected a saved model"
        raise problem(path, message) from None
    except MicrogradError as error:
        raise problem(path, f"{error}; the file was changed or is from elsewhere") from error


def _is_safetensors(path: Path) -> bool:
    return path.suffix.lower() == ".safetensors"


def _document(thing: Any) -> Document:
    if isinstance(thing, Predictor):
        return describe_predictor(thing)
    if type(thing) is MLP:  # a class of its own computes in its own way
        return describe_network(thing)
    if isinstance(thing, Module):
        return describe_module(thing)
    if isinstance(thing, Optimizer):
        return describe_optimizer(thing)
    if isinstance(thing, Training):
        return describe_training(thing)
    raise ArgumentError(
        f"a {type(thing).__name__} cannot be saved; expected save(thing, path), the thing being "
        f"a model, an optimizer, or history.training"
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
    "model": make_predictor,
    "network": make_network,
    "training": make_state,
}
_FILLS: dict[str, tuple[type, Callable[[Document, Any], None]]] = {
    "network": (MLP, fill_network),
    "parameters": (Module, fill_module),
    "optimizer": (Optimizer, fill_optimizer),
}

close_module(__name__)
