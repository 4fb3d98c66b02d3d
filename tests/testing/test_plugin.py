"""The plugin for pytest, as a project outside of this one meets it."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis.internal.scrutineer import Tracer

from micrograd_gd import check_gradients
from micrograd_gd.errors import GradientError

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide" / "is-my-gradient-right.md"

TESTS = """
import sys

assert "micrograd_gd.testing.plugin" in sys.modules
assert "micrograd_gd.engine" not in sys.modules  # a test run may still choose one

from hypothesis import Phase, given, settings
from hypothesis.strategies import floats, tuples
import micrograd_gd
from micrograd_gd import grad
from micrograd_gd.functional import exp, tanh

seen = []

@given(x=floats(-1, 1), p=tuples(floats(1, 2), floats(1, 2)))
@settings(max_examples=20, deadline=None)
def test_right(check_gradients, x, p):
    seen.append((x, p))
    check_gradients(lambda x, p: tanh(x * p[0]) + exp(p[1]), x, p)

def test_that_it_ran():
    assert len({repr(each) for each in seen}) > 15

@given(x=floats(1, 2))
@settings(max_examples=5, deadline=None, phases=[Phase.generate, Phase.shrink])
def test_drawn(check_gradients, x):
    check_gradients(lambda x: x**2, x, gradient=lambda x: 2.5 * x)

def test_square(check_gradients):
    check_gradients(lambda x: x**2, 1.0, gradient=lambda x: 2.5 * x)

def f(p):
    return p["w"][0] * p["w"][1] + p["b"]

def test_function():
    checked = micrograd_gd.check_gradients
    checked(lambda x: x**2, 1.0, gradient=lambda x: 2.5 * x)

def test_ours(check_gradients):
    assert grad(f)({"w": [1.0, 2.0], "b": 0.0}) == {"w": [2.0, 1.5], "b": 1.0}

def test_another():
    assert {"w": [1.0, 2.0]} == {"w": [1.0, 2.5]}
"""

ORDERS = """
def names(report):
    return [comparison.name for comparison in report.comparisons[::2]]

def test_fixture(check_gradients):
    assert names(check_gradients(lambda x: x**3, 2.0)) == ["x", "x, x", "x, x, x"]

def test_named(check_gradients):
    assert names(check_gradients(lambda x: x**3, 2.0, order=1)) == ["x"]

def test_given(check_gradients):
    check_gradients(lambda x: x**3, 2.0, gradient=lambda x: 3 * x * x)
"""


@pytest.fixture
def outside(tmp_path, tmp_path_factory, python, monkeypatch):
    """Runs pytest on files of its own, in a folder of its own."""
    shared = tmp_path_factory.getbasetemp() / "hypothesis"  # what it learns by reading the package
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(shared))

    def run(*arguments, **sources):
        for name, source in sources.items():
            (tmp_path / f"test_{name}.py").write_text(source)
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider -ra\n")
        command = ["-m", "pytest", "-p", "micrograd_gd.testing.plugin", *arguments]
        return python(*command, cwd=tmp_path, check=False).stdout

    return run


def counts(output):
    return {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", output)}


def guide():
    """The tests that the guide shows."""
    shown = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (block,) = [block for block in shown if "def test_by_hand" in block]
    return block


def test_failures_are_shown_without_the_lines_of_the_checker(outside):
    output = outside(checks=TESTS, guide=guide(), orders=ORDERS)
    assert counts(output) == {"passed": 2 + 3 + 2, "failed": 5 + 1}, output
    parts = re.split(r"^_+ (test_\w+) _+$", output, flags=re.MULTILINE)
    failures = dict(zip(parts[1::2], parts[2::2], strict=True))
    for name, lines in {
        "test_drawn": ["E       at x = 1.0", "E           x=1.0,"],
        "test_square": [
            ">       check_gradients(lambda x: x**2, 1.0, gradient=lambda x: 2.5 * x)",
            "E       f = x ** 2",
        ],
    }.items():
        assert {*lines} <= {*failures[name].splitlines()}, failures[name]
    assert "check.py" not in output
    assert "plugin.py" not in output
    assert "keywords.py" not in output
    assert "test_fixture" in failures  # without the option, the order is 1
    assert "1 of 3 numbers differ" in failures["test_ours"]
    assert re.search(r"\['w'\]\[1\] +1\.0 +1\.5 +-0\.5 +3\.3e-01", failures["test_ours"])
    assert "numbers differ" not in failures["test_another"].partition("short test summary")[0]


@pytest.mark.skipif(not Tracer.can_trace(), reason="a debugger or a measure of coverage is on")
def test_hypothesis_sees_the_lines_of_the_test_and_none_of_a_check():
    """Looking for what explains a failure, it is told every line, in hundreds of calls."""

    def f(x):
        return x * x

    def is_refused(f):
        try:
            check_gradients(f, 2.0, gradient=lambda x: 5.0)
        except GradientError:
            return True
        return False

    is_refused(f)  # nothing is compiled or loaded any more
    for call in (f, lambda x: f(float(x))):
        with Tracer(should_trace=True) as tracer:
            assert is_refused(call)
        seen = {place for branch in tracer.branches for place in branch if place}
        first = f.__code__.co_firstlineno
        assert {(__file__, first + line) for line in (1, 7)} <= seen
        assert not any("mpmath" in file for file, _ in seen)
        assert len(tracer.branches) < 500


def test_the_command_line_raises_the_order_where_none_is_named(outside):
    assert counts(outside("--micrograd-gd-order=3", orders=ORDERS)) == {"passed": 3}


FOREIGN = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--gradient-order", action="store_true", dest="order")
    parser.addoption("--check-gradients", dest="gradient_order", default=7)

def pytest_configure(config):
    config.addinivalue_line("markers", "gradients(anything): of our own")
    assert config.getoption("gradient_order") == 7

@pytest.fixture
def check_gradients():
    return [1.0]
"""

FOREIGN_TESTS = """
import pytest

@pytest.mark.gradients("x", order="none", at=3)
@pytest.mark.parametrize("f", [1, 2])
def test_marked(f):
    pass

def test_of_its_own(check_gradients):
    assert check_gradients == [2.0]
"""


def test_a_suite_keeps_its_own_names(outside, tmp_path):
    (tmp_path / "conftest.py").write_text(FOREIGN)
    output = outside("--strict-markers", "--gradient-order", foreign=FOREIGN_TESTS)
    assert counts(output) == {"passed": 2, "failed": 1}, output
    assert "numbers differ" not in output


def test_pytest_loads_the_plugin_where_the_package_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = "micrograd_gd.testing.plugin"
    assert project["entry-points"] == {"pytest11": {name: name}}
