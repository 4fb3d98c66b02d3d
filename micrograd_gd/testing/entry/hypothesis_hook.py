"""What hypothesis calls when it is imported: from then on `from_type` knows the types."""

import sys
from typing import Any


def register() -> None:
    """Make `from_type(Value)` work, without an import of the package before it is asked for.

    hypothesis asks what it keeps for other packages' types only once such a package is imported.
    That table is its own; without it, an import of `micrograd_gd.testing.strategies` serves.
    """
    from hypothesis.strategies._internal import types  # noqa: PLC0415 — while it is imported

    table = getattr(types, "_global_extra_lookup", None)
    if table is not None:
        table["micrograd_gd"] = _strategy


def _strategy(kind: Any) -> Any:
    """The strategy for one of the package's types, or None."""
    module = str(getattr(kind, "__module__", ""))
    if module.partition(".")[0] != "micrograd_gd" or "micrograd_gd.engine" not in sys.modules:
        return None
    from micrograd_gd.testing import strategies  # noqa: PLC0415 — now it is asked for

    return strategies.of_type(kind)
