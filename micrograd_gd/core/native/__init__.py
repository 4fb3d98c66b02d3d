"""The native engine: `Value` written in C, the fast twin of `engine.Value`.

`Value` is missing here where the extension is not built for this Python; the Python engine serves.
"""

from micrograd_gd.core import blocks
from micrograd_gd.core.native import methods

try:
    from micrograd_gd.core.native import extension
except ImportError:  # no compiler when this was installed, or a second interpreter before 3.12
    pass
else:
    Value = extension.Value
    methods.complete(Value, extension.adopt, extension.restore)
    blocks.on_change(extension.count_blocks)
