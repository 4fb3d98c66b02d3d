"""Lint and types are part of the test command."""

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
