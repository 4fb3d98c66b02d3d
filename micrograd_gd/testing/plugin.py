"""The plugin for pytest, under the name to load it by: `pytest -p micrograd_gd.testing.plugin`.

Where the package is installed, pytest loads it by itself.
"""

from micrograd_gd.testing.entry.pytest_plugin import (
    check_gradients,
    pytest_addoption,
    pytest_assertrepr_compare,
    pytest_configure,
    pytest_pycollect_makeitem,
    pytest_runtest_protocol,
)

__all__ = [
    "check_gradients",
    "pytest_addoption",
    "pytest_assertrepr_compare",
    "pytest_configure",
    "pytest_pycollect_makeitem",
    "pytest_runtest_protocol",
]
