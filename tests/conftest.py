"""What all tests share: how hypothesis runs, and where the cases with known answers are."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, print_blob=True)  # a failure can be replayed
settings.load_profile("default")

CASES = Path(__file__).parents[2] / "shared" / "cases"


@pytest.fixture
def cases():
    """The folder of real cases with known answers, where it stands beside the project."""
    if not CASES.is_dir():
        pytest.skip(f"the cases are not beside this checkout: {CASES} is missing")
    return CASES
