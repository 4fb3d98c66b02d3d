"""The plugin, for environments that were installed before: see `micrograd_gd.testing.plugin`."""

from micrograd_gd.testing import plugin

check_gradients = plugin.check_gradients
pytest_addoption = plugin.pytest_addoption
pytest_assertrepr_compare = plugin.pytest_assertrepr_compare
pytest_runtest_protocol = plugin.pytest_runtest_protocol
