"""What the tests of the compiler share: the backends that are here, and numbers as bits."""

import struct
from importlib.util import find_spec

import pytest

from micrograd_gd import Value, engine_name
from micrograd_gd.transforms.trees import flatten, unflatten

needs_llvmlite = pytest.mark.skipif(not find_spec("llvmlite"), reason="llvmlite is not installed")
needs_core = pytest.mark.skipif(engine_name() != "native", reason="the tape is part of the core")
backends = pytest.mark.parametrize(
    "backend",
    [
        "python",
        pytest.param("tape", marks=needs_core),
        pytest.param("llvm", marks=needs_llvmlite),
    ],
)
# Both engines record the same program (test_twins.py): sweeps make machine code of it on one.
AVAILABLE = ["python"]
if engine_name() == "native":
    AVAILABLE += ["tape", *(["llvm"] if find_spec("llvmlite") else [])]


def bits(tree):
    """The numbers of a tree as bits, nan being nan."""
    leaves = [getattr(leaf, "data", leaf) for leaf in flatten(tree)[0]]
    return [b"nan" if x != x else struct.pack("d", x) for x in leaves]


def eager(f, *args):
    """The function's numbers without a compiler: on values, where numbers are total."""
    leaves, structure = flatten(args)
    return bits(f(*unflatten(structure, [*map(Value, leaves)])))
