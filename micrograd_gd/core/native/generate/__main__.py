"""Write the stub of the extension anew: `python -m micrograd_gd.core.native.generate`."""

from micrograd_gd.core.native.generate.docs import STUB, write_stub

STUB.write_text(write_stub(), encoding="utf-8")
