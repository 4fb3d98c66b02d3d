"""Whether the C side has every function that the table may call."""

import re
from pathlib import Path

from micrograd_gd.table import ieee
from micrograd_gd.table.elementary_c import write_header

HEADER = Path(__file__).parents[1] / "ieee.h"


def check_library() -> None:
    """Raise NotImplementedError if C lacks a function of table/ieee.py."""
    text = HEADER.read_text(encoding="utf-8") + write_header()
    written = re.findall(
        r"^FROM_LIBRARY\((\w+)|^(?:static inline|IN_PLACE) double ieee_(\w+)\(", text, re.MULTILINE
    )
    there = {name for names in written for name in names}
    for name in ieee.__all__:
        if name not in there:
            raise NotImplementedError(
                f"table/ieee.py has {name}, and core/native/ieee.h lacks it: "
                f"write ieee_{name} there in C, with the same bits"
            )
