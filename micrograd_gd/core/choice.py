"""Which engine is in use: the twin in C where it was built, unless MICROGRAD_GD_ENGINE says.

`Value` is here only where that is the twin. The import raises EngineError for an unknown choice,
and for the twin where it was not built.
"""

import os
from typing import Any

from micrograd_gd.errors import EngineError

_wanted = os.environ.get("MICROGRAD_GD_ENGINE", "")
if _wanted not in {"", "python", "native"}:
    raise EngineError(f"MICROGRAD_GD_ENGINE is {_wanted!r}; expected python, native or nothing")

_extension: Any = None
if _wanted != "python":
    from micrograd_gd.core import native

    _extension = getattr(native, "extension", None)
    if _extension is not None:
        Value = _extension.Value
    elif _wanted == "native":
        raise EngineError("the native engine was not built: install again with a C compiler there")


def native_part(name: str) -> Any:
    """A function or a class of the native engine, or None where the Python engine is in use."""
    return getattr(_extension, name, None)
