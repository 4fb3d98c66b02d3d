"""What the tests of plots share."""

import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pytest.importorskip("matplotlib.pyplot").close("all")
