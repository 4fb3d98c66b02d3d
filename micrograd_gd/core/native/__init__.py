"""The native engine: `Value` written in C, the fast twin of `engine.Value`.

`Value` is missing here where the extension was not built for this Python, and `reason` says why;
the Python engine serves.
"""

import os

from micrograd_gd.core import methods
from micrograd_gd.core.anomaly import PACKAGE
from micrograd_gd.core.native.formulas import write_formulas
from micrograd_gd.table.ops import Operation, subscribe

try:
    import micrograd_gd.core.native.extension as extension  # noqa: PLR0402 — tells a missing file
except ModuleNotFoundError:  # no compiler when this was installed
    reason = "was not built: install again with a C compiler there"
    if os.path.exists(os.path.join(PACKAGE, os.pardir, "setup.py")):  # noqa: PTH110, PTH118 — fast
        reason = (
            "was not built in this folder: pip install -e . with a C compiler there, or run Python "
            "in another folder"
        )
except ImportError as error:  # it was built for another machine, for example
    reason = f"could not be loaded: {error}"
else:
    Value = extension.Value
    Value.__name__ = "Value"  # C made it with its module, and messages would show that

    def _adopt(op: Operation) -> None:
        if not extension.adopt(op, op.name, write_formulas(op)):
            methods.define(Value, op)  # not compiled in: a user's, or the table was changed

    subscribe(_adopt)
    Operation.__call__ = extension.call_row  # type: ignore[method-assign]  # so is it made in C
