"""What the build writes for C is fresh; what it cannot build it says, and so does the engine."""

import inspect
import os
import shutil
from pathlib import Path

import pytest

from micrograd_gd.core.native import generate
from micrograd_gd.core.native.generate import docs, library
from micrograd_gd.engine import PythonValue
from micrograd_gd.table import ieee

ROOT = Path(__file__).parents[2]
NONE, WITHOUT = "no-such-compiler", "the Python engine is used, since there is no usable C compiler"


def test_a_function_that_the_c_lacks_is_named_with_its_file(monkeypatch):
    monkeypatch.setattr(ieee, "__all__", [*ieee.__all__, "zeta"])
    with pytest.raises(NotImplementedError, match=r"ieee\.h lacks it: write ieee_zeta there"):
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


@pytest.fixture
def build(copy, python):
    """Builds the extension there: the exit code, and all that it says."""

    def build(**environment):
        environment = os.environ | {"MICROGRAD_GD_REQUIRE_NATIVE": ""} | environment
        arguments = ["setup.py", "-q", "build_ext", "--inplace"]
        built = python(*arguments, check=False, cwd=copy, env=environment)
        said = built.stdout + built.stderr
        if WITHOUT in said and environment.get("CC") != NONE:
            pytest.skip("there is no usable C compiler here")
        return built.returncode, said

    return build


def test_a_syntax_error_in_the_c_fails_the_build(copy, build):
    with (copy / "micrograd_gd/core/native/node/memory.c").open("a") as source:
        source.write("static int broken(void) { return }\n")
    code, said = build()
    assert code != 0
    assert "memory.c" in said


def test_a_missing_function_in_c_fails_the_build(copy, build):
    header = copy / "micrograd_gd/core/native/ieee.h"
    header.write_text(header.read_text().replace("FROM_LIBRARY(atan, atan)\n", ""))
    code, said = build()
    assert code != 0
    assert "core/native/ieee.h lacks it: write ieee_atan there in C" in said


def test_without_a_compiler_the_python_engine_is_used_unless_the_native_one_is_required(build):
    code, said = build(CC=NONE)
    assert code == 0
    assert WITHOUT in said
    code, said = build(CC=NONE, MICROGRAD_GD_REQUIRE_NATIVE="1")
    assert code != 0
    assert NONE in said


def test_who_gets_the_slower_engine_unasked_is_told_in_one_line(copy, python):
    def use(**environment):
        code = "from micrograd_gd import Value, engine_name; Value(1.0); print(engine_name())"
        environment = os.environ | {"MICROGRAD_GD_ENGINE": ""} | environment
        used = python("-W", "error", "-c", code, cwd=copy, env=environment)
        assert used.stdout == "python\n"
        return used.stderr

    (line,) = use().splitlines()
    assert "the Python engine runs" in line
    assert "was not built in this folder: pip install -e . with a C compiler" in line
    assert use(MICROGRAD_GD_ENGINE="python") == ""
