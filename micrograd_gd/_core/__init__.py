"""The native engine: `Value` written in C, the fast twin of `engine.Value`.

`Value` is missing here where the extension is not built for this Python; the Python engine serves.
"""

from micrograd_gd import modes
from micrograd_gd._core import rare

try:
    from micrograd_gd._core import native
except ImportError:  # no compiler when this was installed, or a second interpreter before 3.12
    pass
else:
    Value = native.Value
    rare.complete(Value, native.adopt, native.restore)
    modes.on_change(native.count_blocks)
