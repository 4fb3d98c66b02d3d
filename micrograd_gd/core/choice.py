"""Which engine `Value` is of: the twin in C where it was built, unless MICROGRAD_GD_ENGINE says."""

import os
from typing import Any

from micrograd_gd.errors import EngineError


def native_value() -> Any:
    """The native `Value`, or None where the Python engine is to be used.

    Raises EngineError for an unknown choice, and for the native engine where it was not built.
    """
    wanted = os.environ.get("MICROGRAD_GD_ENGINE", "")
    if wanted not in {"", "python", "native"}:
        raise EngineError(f"MICROGRAD_GD_ENGINE is {wanted!r}; expected python, native or nothing")
    if wanted == "python":
        return None
    from micrograd_gd.core import native  # noqa: PLC0415 — only where it is wanted

    value = getattr(native, "Value", None)
    if wanted == "native" and value is None:
        raise EngineError("the native engine was not built: install again with a C compiler there")
    return value


def native_part(name: str) -> Any:
    """A function or a class of the native engine, or None where the Python engine is in use."""
    if native_value() is None:
        return None
    from micrograd_gd.core import native  # noqa: PLC0415 — as above

    return getattr(native.extension, name)
