"""What type checkers know of the names that are made from the table."""

from pathlib import Path

import pytest

import micrograd_gd

PACKAGE = Path(micrograd_gd.__file__).parent
DOCS = PACKAGE.parent / "docs"

RIGHT = """
from micrograd_gd import Value, functional
from micrograd_gd.engine import engine_name
from micrograd_gd.functional import exp, leaky_relu, mean, softmax

x, y = Value(1.0, label="x"), Value(2)
y = 2 * x.tanh() + x**2 - x.leaky_relu(slope=0.1).clip(0.0, high=1.0) // -y
y.backward(create_graph=True)
number: float = y.data
less: bool = x < y and x == 1.0
shares: list[float] = softmax([1.0, 2.0])
functional.where(x > 0, exp(x), leaky_relu(-x, 0.1))
name: str = engine_name() + x.label + (x.op.name if x.op else "")
x.data, x.grad = 3.0, 0.0
mean([x, 1.0]), divmod(x, 2.0), abs(x), round(x), x.arctan2(y), +x
"""
WRONG = {
    "x.tahn()": 'has no attribute "tahn"',
    "x.polygamma(1)": 'has no attribute "polygamma"',
    "x.tanh(1.0)": "Too many arguments",
    "x.clip(0.0)": 'Missing positional argument "high"',
    "x.leaky_relu(steep=0.1)": 'Unexpected keyword argument "steep"',
    "x.backward(1.0, True)": "Too many positional arguments",
    "text: str = x.data": "Incompatible types in assignment",
    "functional.tahn(x)": 'has no attribute "tahn"',
    "functional.atan2(x)": 'Missing positional argument "b"',
    "float(x)": "incompatible type",
    "import micrograd_gd.functional as f; f.reduce": "attribute",
}


@pytest.fixture
def check_types(python):
    """Gives what mypy prints about some files, in the settings of the project."""
    pytest.importorskip("mypy")
    return lambda *paths: python("-m", "mypy", *paths, check=False, cwd=PACKAGE.parent).stdout


def test_what_is_generated_is_fresh(python):
    script = (
        "from generate import FILES; print([str(p) for p in FILES if p.read_text() != FILES[p]()])"
    )
    assert python("-c", script, cwd=DOCS).stdout == "[]\n", "run python docs/generate.py"


def test_what_is_there_is_accepted_and_what_is_not_is_refused(tmp_path, check_types):
    head = "from micrograd_gd import Value, functional\nx = Value(1.0)\n"
    (tmp_path / "right.py").write_text(RIGHT)
    for i, line in enumerate(WRONG):
        (tmp_path / f"wrong{i}.py").write_text(f"{head}{line}\n")
    printed = check_types(*sorted(tmp_path.glob("*.py")))
    assert "right.py" not in printed
    for i, (line, message) in enumerate(WRONG.items()):
        assert any(f"wrong{i}.py:3: error" in x and message in x for x in printed.split("\n")), line


@pytest.mark.parametrize("module", ["engine", "functional"])
def test_the_modules_behind_the_stubs_are_checked_too(module, check_types):
    """Where a stub lies beside a module, mypy reads the stub alone, unless it is told otherwise.

    Others that it then checks against the module miss what only the stub knows: the table's names.
    """
    printed = check_types(PACKAGE / f"{module}.py")
    assert "checked 1 source file" in printed or "no issues found in 1 source file" in printed
    assert f"{module}.py:" not in printed
