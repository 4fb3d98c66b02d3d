"""The functions of `ieee` as symbols that machine code calls.

Each has a name of our own, under which LLVM knows no function. So it rewrites none, and the code
does not depend on where the C library lies today, and can be kept.
"""

import ctypes
from functools import cache
from typing import Any

from micrograd_gd.table import ieee

# What `ieee` takes straight from the C library; all else is called back.
# fmt: off
_C = {
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "erf",
    "erfc", "exp", "exp2", "expm1", "fmod", "hypot", "log", "log10", "log1p", "log2", "pow", "sin",
    "sinh", "tan", "tanh",
}
# fmt: on


@cache
def bind_symbol(name: str, arity: int) -> str:
    """The symbol of a function of so many numbers, bound to its address from now on.

    Raises ImportError without llvmlite.
    """
    from llvmlite import binding  # noqa: PLC0415 — only who asks for machine code needs it

    bound = f"micrograd_gd_{name}"
    address = ctypes.cast(_find_function(name, arity), ctypes.c_void_p).value
    binding.add_symbol(bound, address)
    return bound


@cache  # which keeps what calls back alive
def _find_function(name: str, arity: int) -> Any:
    """A C function: the library's, or one that calls back."""
    if name in _C:
        try:
            return ctypes.CDLL(None)[name]
        except (OSError, TypeError, AttributeError):  # no such symbol on this system
            pass
    return ctypes.CFUNCTYPE(*[ctypes.c_double] * (1 + arity))(getattr(ieee, name))
