"""Documents in the safetensors format, whose arrays other libraries read too.

The head stands as JSON in the metadata; the arrays are tensors of 64-bit floats.
"""

import json
import struct
from math import prod
from typing import Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.persist.document import (
    VERSION,
    Array,
    Document,
    MisfitError,
    check_memory,
    parse,
    split_head,
)

KEY = "micrograd_gd"  # of the metadata


def to_safetensors(document: Document) -> bytes:
    """A document in the safetensors format.

    Raises ArgumentError where the library is missing.
    """
    _library()
    import numpy as np  # noqa: PLC0415 — an extra, which the writing side of the library needs
    from safetensors.numpy import save  # noqa: PLC0415 — the same

    head = {"format": f"micrograd_gd {document.kind}", "version": VERSION, **document.head}
    tensors = {
        name: np.array(array.numbers).reshape(array.shape)
        for name, array in document.arrays.items()
    }
    return save(tensors, {KEY: json.dumps(head)})


def from_safetensors(raw: bytes) -> Document:
    """The document of a safetensors file that `to_safetensors` wrote."""
    library = _library()
    check_memory(header(raw))
    try:
        tensors = library.deserialize(raw)
    except library.SafetensorError as error:
        message = f"no valid safetensors file ({error}); expected a saved model, whole"
        raise MisfitError(message) from None
    metadata = parse(header(raw)).get("__metadata__") or {}
    if KEY not in metadata:
        raise MisfitError("safetensors of another kind; expected a model that this package saved")
    kind, head = split_head(parse(metadata[KEY].encode("utf-8", "surrogatepass")))
    return Document(kind, head, {name: _array(name, tensor) for name, tensor in tensors})


def header(raw: bytes) -> bytes:
    """The JSON in a safetensors file: its metadata, and the place of each tensor."""
    return raw[8 : 8 + int.from_bytes(raw[:8], "little")]


def _array(name: str, tensor: dict[str, Any]) -> Array:
    shape = tuple(tensor["shape"])
    if tensor["dtype"] != "F64" or len(shape) not in (1, 2):
        what = f"{tensor['dtype']} of shape {shape}"
        raise MisfitError(f"the tensor {name!r} is {what}; expected F64 in one dimension or two")
    return Array(shape, list(struct.unpack(f"<{prod(shape)}d", tensor["data"])))


def _library() -> Any:
    try:
        import safetensors  # noqa: PLC0415 — an extra: only this format needs it
    except ImportError:
        raise ArgumentError(
            "no safetensors here to read or write this format with: run "
            "pip install 'micrograd_gd[safetensors]', or choose a name that ends in .json"
        ) from None
    return safetensors
