"""The modules that users type offer their own names, and nothing that they themselves import."""

import pytest

import micrograd_gd

MODULES = ["data", "errors", "functional", "losses", "nn", "optim", "testing", "viz"]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_offers_its_own_names_alone(name):
    module = getattr(micrograd_gd, name)
    assert [x for x in dir(module) if x[0] != "_"] == sorted(module.__all__)
    assert all(hasattr(module, x) for x in module.__all__)
