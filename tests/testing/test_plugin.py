"""The plugin for pytest, as a project outside of this one meets it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEADER = """
import pytest
from hypothesis import settings
from hypothesis.strategies import floats, lists, tuples
from micrograd_gd import custom_vjp
from micrograd_gd.functional import exp, tanh


@custom_vjp
def cube(x):
    return x * x * x


cube.defvjp(lambda x: (cube(x), x), lambda x, g: (3.001 * x * x * g,))
"""


@pytest.fixture
def outside(tmp_path, python):
    """Runs pytest on a file of its own, in a folder of its own."""

    def run(source, *arguments, plugin="micrograd_gd.testing.plugin", header=HEADER):
        (tmp_path / "test_outside.py").write_text(header + source)
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider -ra\n")
        load = ["-p", plugin] if plugin else []
        command = ["-m", "pytest", *load, "--strict-markers", *arguments]
        done = python(*command, cwd=tmp_path, check=False)
        return done.stdout + done.stderr

    return run


def counts(output):
    return {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", output)}


def test_a_marked_test_is_checked_over_drawn_arguments(outside):
    output = outside("""
seen = []

@pytest.mark.gradients(x=floats(-1, 1), p=tuples(floats(1, 2), floats(1, 2)), examples=20)
def test_right(x, p, tmp_path_factory):
    seen.append((x, p))
    return tanh(x * p[0]) + exp(p[1])

def test_that_it_ran():
    assert len({repr(each) for each in seen}) > 20

class TestClass:
    pytestmark = pytest.mark.gradients(x=floats(1, 2), order=2)

    @settings(max_examples=3)
    def test_result_of_several(self, x):
        return [x, x * x]

    def test_without_the_argument(self):
        assert True
""")
    assert counts(output) == {"passed": 4}, output


def test_the_tests_of_the_guide_pass(outside):
    guide = (ROOT / "docs" / "guide" / "is-my-gradient-right.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
    (block,) = [block for block in shown if "pytest.mark" in block]
    assert counts(outside(block, header="")) == {"passed": 3}


def test_a_wrong_gradient_is_shown_without_the_lines_of_the_checker(outside):
    output = outside("""
@pytest.mark.gradients(x=floats(-1, 1))
def test_cube(x):
    return cube(x)

def test_square(check_gradients):
    check_gradients(lambda x: x**2, 1.0, gradient=lambda x: 2.5 * x)
""")
    assert counts(output) == {"failed": 2}, output
    of_marked, of_fixture = output.split("_ test_square _")
    for text, lines in [
        (
            of_marked,
            [
                ">   def test_cube(x):",
                "E   micrograd_gd.errors.GradientError: 2 derivatives are wrong",
                "E   at x = 1.0",
                "E       x=1.0,",
            ],
        ),
        (
            of_fixture,
            [
                ">       check_gradients(lambda x: x**2, 1.0, gradient=lambda x: 2.5 * x)",
                "E       f = x ** 2",
            ],
        ),
    ]:
        assert {*lines} <= {*text.splitlines()}, text
    assert "check.py" not in output
    assert "marked.py" not in output


def test_the_command_line_raises_the_order_where_none_is_named(outside):
    source = """
@pytest.mark.gradients(x=floats(1, 2), examples=3)
def test_marked(x):
    return x**3

def test_fixture(check_gradients):
    report = check_gradients(lambda x: x**3, 2.0)
    assert [c.name for c in report.comparisons[::2]] == ["x", "x, x", "x, x, x"]

def test_named(check_gradients):
    assert len(check_gradients(lambda x: x**3, 2.0, order=1).comparisons) == 2

def test_given(check_gradients):
    check_gradients(lambda x: x**3, 2.0, gradient=lambda x: 3 * x * x)
"""
    assert counts(outside(source, "--gradient-order=3")) == {"passed": 4}
    assert counts(outside(source)) == {"passed": 3, "failed": 1}


def test_gradients_that_differ_are_shown_as_a_table(outside):
    source = """
from micrograd_gd import grad

def f(p):
    return p["w"][0] * p["w"][1] + p["b"]

def test_ours(check_gradients):
    assert grad(f)({"w": [1.0, 2.0], "b": 0.0}) == {"w": [2.0, 1.5], "b": 1.0}

def test_another():
    assert {"w": [1.0, 2.0]} == {"w": [1.0, 2.5]}
"""
    ours, another = outside(source).split("_ test_another _")
    assert "1 of 3 numbers differ" in ours
    assert re.search(r"\['w'\]\[1\] +1\.0 +1\.5 +-0\.5 +3\.3e-01", ours)
    assert "numbers differ" not in another.partition("short test summary")[0]


@pytest.mark.parametrize(
    ("marker", "body", "message"),
    [
        ("x=floats()", "cube(x)", "test_it returned nothing; a test that is marked"),
        ("y=floats()", "return x", "test_it has no argument called y, as in gradients()"),
        ("order=2", "return x", "names no argument of the test, as in x=floats(-1, 1)"),
        ("floats()", "return x", "gradients() takes keywords, not"),
    ],
)
def test_mistakes_are_named(outside, marker, body, message):
    output = outside(f"\n@pytest.mark.gradients({marker})\ndef test_it(x):\n    {body}\n")
    assert message in output
    assert "passed" not in output


def test_the_entry_points_import_nothing_of_the_package(outside):
    """As pytest and hypothesis load them, here from the folder that is installed beside."""
    output = outside(
        """
import sys

assert "micrograd_gd" not in sys.modules
import hypothesis

import hypothesis_hook

hypothesis_hook.register()

def test_from_type():
    assert "micrograd_gd" not in sys.modules
    from micrograd_gd.engine import PythonValue, Value
    from hypothesis import find, strategies as st

    assert "micrograd_gd.testing" not in sys.modules
    for kind in (Value, PythonValue):
        assert type(find(st.from_type(kind), lambda v: True)) is kind
    find(st.from_type(int), lambda x: True)

def test_fixture(check_gradients):
    check_gradients(lambda x: x * x, 1.0)
""",
        "-ppytest_plugin",
        "-pno:micrograd_gd.testing.plugin",
        f"--override-ini=pythonpath={ROOT / 'micrograd_gd' / 'testing' / 'entry'}",
        plugin=None,
        header="",
    )
    assert counts(output) == {"passed": 2}, output


def test_the_entry_points_are_those_that_are_installed():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    folder = "micrograd_gd/testing/entry"
    assert f'"_micrograd_gd_entry": "{folder}"' in setup
    for group in ("pytest11", "hypothesis"):
        for target in project["entry-points"][group].values():
            module, _, attribute = target.partition(":")
            package, _, name = module.partition(".")
            text = (ROOT / folder / f"{name}.py").read_text(encoding="utf-8")
            assert package == "_micrograd_gd_entry"
            assert f"def {attribute or 'pytest_addoption'}(" in text
