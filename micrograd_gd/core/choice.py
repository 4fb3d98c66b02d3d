"""Which engine is in use: the twin in C where it was built, unless MICROGRAD_GD_ENGINE says.

`Value` is here only where that is the twin. The import raises EngineError for an unknown choice,
and for the twin where it was not built. Who gets the slower engine without having chosen it is told
so in one line on stderr.
"""

import os
import sys
from typing import Any

from micrograd_gd.core import blocks
from micrograd_gd.errors import EngineError

_wanted = os.environ.get("MICROGRAD_GD_ENGINE", "")
if _wanted not in {"", "python", "native"}:
    raise EngineError(f"MICROGRAD_GD_ENGINE is {_wanted!r}; expected python, native or nothing")


def _should_tell() -> bool:
    """Whether the native engine could run here, and this is no worker of who was told."""
    multiprocessing: Any = sys.modules.get("multiprocessing")
    is_worker = multiprocessing is not None and multiprocessing.parent_process() is not None
    could_run = sys.implementation.name == "cpython" and sys.platform not in _WITHOUT_COMPILER
    return could_run and not is_worker and sys.stderr is not None


_WITHOUT_COMPILER = {"emscripten", "wasi"}
_extension: Any = None
if _wanted != "python":
    from micrograd_gd.core import native

    _extension = getattr(native, "extension", None)
    if _extension is not None:
        Value = _extension.Value
        blocks.Switch = _extension.Switch  # type: ignore[misc]  # the twin takes its place
    elif _wanted == "native":
        raise EngineError(f"the native engine {native.reason}")
    elif _should_tell():
        print(  # noqa: T201 — no warning, which would be an error under -W error
            f"micrograd_gd: the Python engine runs, many times slower than the native one, which "
            f"{native.reason}; with MICROGRAD_GD_ENGINE=python this line is not shown",
            file=sys.stderr,
        )


def native_part(name: str) -> Any:
    """A function or a class of the native engine, or None where the Python engine is in use."""
    return getattr(_extension, name, None)
