"""C source as a library to call."""

import ctypes
import shutil
import subprocess

import pytest

needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")


def compile_c(folder, source):
    """The library of C source, which has to compile without a warning."""
    (folder / "f.c").write_text(source)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", folder / "f.so", folder / "f.c", "-lm"], check=True)
    return ctypes.CDLL(str(folder / "f.so"))
