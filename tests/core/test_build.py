"""What the build writes for C is fresh; what it cannot build it says, and so does the engine."""

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from micrograd_gd.core.native import generate
from micrograd_gd.core.native.generate import docs, library
from micrograd_gd.engine import PythonValue
from micrograd_gd.table import ieee

ROOT = Path(__file__).parents[2]


def test_a_function_that_the_c_lacks_is_named_with_its_file(monkeypatch):
    monkeypatch.setattr(ieee, "__all__", [*ieee.__all__, "gamma"])
    with pytest.raises(NotImplementedError, match=r"ieee\.h lacks it: write ieee_gamma there"):
        library.check_library()


def test_numbers_in_c_are_those_of_python(tmp_path):
    generate.generate(str(tmp_path), PythonValue)
    numbers = (tmp_path / "numbers.h").read_text()
    assert "RECORD_STAGE = -13, RECORD_STRIDED = -14" in numbers
    assert "BY_ROW = (-2147483647 - 1)" in numbers
    assert '[Py_LT] = "<"' in numbers


def test_docstrings_for_c_are_those_of_the_python_engine(tmp_path):
    text = docs.write_docs(PythonValue)
    assert 'DOC_Value_backward "backward($self, /, seed=1.0, *, create_graph=False)\\012' in text
    first = inspect.cleandoc(PythonValue.detach.__doc__)
    assert first in text


# Builds of a copy, which is broken before.


@pytest.fixture
def copy(tmp_path):
    """A copy of what a build needs."""
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    built = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(ROOT / "micrograd_gd", tmp_path / "micrograd_gd", ignore=built)
    return tmp_path


def build(folder, **environment):
    """Build the extension there: the exit code, and all that it says."""
    result = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder,
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip
    return result.returncode, result.stdout + result.stderr


def test_a_syntax_error_in_the_c_fails_the_build(copy):
    with (copy / "micrograd_gd/core/native/node/memory.c").open("a") as source:
        source.write("static int broken(void) { return }\n")
    code, said = build(copy)
    assert code != 0
    assert "memory.c" in said


def test_a_missing_function_in_c_fails_the_build(copy):
    header = copy / "micrograd_gd/core/native/ieee.h"
    header.write_text(header.read_text().replace("FROM_LIBRARY(tanh, tanh)\n", ""))
    code, said = build(copy)
    assert code != 0
    assert "core/native/ieee.h lacks it: write ieee_tanh there in C" in said


def test_without_a_compiler_the_python_engine_is_used_unless_the_native_one_is_required(copy):
    code, said = build(copy, CC="no-such-compiler")
    assert code == 0
    assert "the Python engine is used, since there is no usable C compiler" in said
    code, said = build(copy, CC="no-such-compiler", MICROGRAD_GD_REQUIRE_NATIVE="1")
    assert code != 0
    assert "no-such-compiler" in said


def use(folder, *options, **environment):
    """Use a value there, where no native engine is: what is said on stderr."""
    code = "from micrograd_gd import Value, engine_name; Value(1.0); print(engine_name())"
    result = subprocess.run(
        [sys.executable, *options, "-c", code], cwd=folder, capture_output=True, text=True,
        check=True, env=os.environ | {"MICROGRAD_GD_ENGINE": ""} | environment,
    )  # fmt: skip
    assert result.stdout == "python\n"
    return result.stderr


def test_who_gets_the_slower_engine_unasked_is_told_in_one_line(copy):
    (line,) = use(copy, "-W", "error").splitlines()
    assert "the Python engine runs" in line
    assert "install again with a C compiler there" in line
    assert use(copy, MICROGRAD_GD_ENGINE="python") == ""
