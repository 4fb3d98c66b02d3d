"""The native engine: `Value` written in C, the fast twin of `engine.Value`.

`Value` is missing here where the extension was not built for this Python, and `reason` says why;
the Python engine serves.
"""

from micrograd_gd.core import blocks
from micrograd_gd.core.native import methods

try:
    import micrograd_gd.core.native.extension as extension  # noqa: PLR0402 — tells a missing file
except ModuleNotFoundError:  # no compiler when this was installed
    reason = "was not built: install again with a C compiler there"
except ImportError as error:  # it was built for another machine, for example
    reason = f"could not be loaded: {error}"
else:
    Value = extension.Value
    methods.complete(Value, extension.adopt, extension.restore)
    blocks.on_change(extension.count_blocks)
