"""Lint and types are part of the test command."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "--no-cache"],
        ["ruff", "format", "--check", "--no-cache"],
        ["mypy"],
    ],
    ids=" ".join,
)
def test_the_code_passes(command, python):
    python("-m", *command, cwd=ROOT)


def test_type_checkers_know_what_the_package_offers(tmp_path, python):
    page = tmp_path / "page.py"
    page.write_text(
        "from micrograd_gd import MLP, fit, grad, jit, nn\n"
        "reveal_type(jit)\n"
        "reveal_type(nn.MLP)\n"
        "fit(MLP(2, 1), [[1.0, 2.0]], [1.0], epochs='many')\n"
        "from micrograd_gd import nonsense\n"
        "from micrograd_gd.nn import Linear\n"
        "MLP(2, 1).forward\n"
    )
    found = python("-m", "mypy", "--strict", page, cwd=ROOT, check=False).stdout
    assert 'Revealed type is "def' in found, found
    assert 'incompatible type "str"; expected "int"' in found
    for name in ("nonsense", "Linear", "forward"):
        assert re.search(rf'has no attribute "{name}"', found), found
    assert "does not explicitly export" not in found
