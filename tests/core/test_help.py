"""What a `Value` offers, and how it says so: the same names and the same help on both engines."""

import inspect

import pytest

from micrograd_gd import Value
from micrograd_gd.core import foreign, native
from micrograd_gd.engine import PythonValue
from micrograd_gd.table.ops import OPERATIONS

KINDS = {PythonValue, Value}
NAMES = sorted(name for name in dir(PythonValue(1.0)) if not name.startswith("_"))
has_twin = pytest.mark.skipif(not hasattr(native, "Value"), reason="the twin in C is not built")


def show(kind, name):
    """The signature and the docstring of a method, or the docstring of an attribute."""
    found = getattr(kind, name)
    how = str(inspect.signature(found)) if callable(found) else ""
    return how, inspect.getdoc(found)


@has_twin
def test_both_engines_offer_the_same_names():
    assert sorted(name for name in dir(native.Value(1.0)) if name[0] != "_") == NAMES


@has_twin
@pytest.mark.parametrize("name", NAMES)
def test_both_engines_show_the_same_help(name):
    assert show(native.Value, name) == show(PythonValue, name)
    assert show(PythonValue, name)[1]


@has_twin
def test_both_classes_show_the_same_help():
    assert str(inspect.signature(native.Value)) == "(data, label='')"
    assert str(inspect.signature(PythonValue)) == "(data, label='')"
    assert inspect.getdoc(native.Value) == inspect.getdoc(PythonValue)


def test_a_method_says_how_it_is_called():
    assert str(inspect.signature(Value.backward)) == "(self, /, seed=1.0, *, create_graph=False)"
    assert str(inspect.signature(Value.tanh)) == "(self, /)"
    assert str(inspect.signature(Value.leaky_relu)) == "(self, /, slope=0.01)"
    assert inspect.getdoc(Value.tanh) == "Hyperbolic tangent, saturating at ±1."


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_there_to_be_derivatives_are_no_methods(kind):
    internal = [name for name, row in OPERATIONS.items() if row.is_internal]
    assert {"direction", "inversion", "sinc_derivative", "polygamma"} <= {*internal}
    for name in internal:
        with pytest.raises(AttributeError):
            getattr(kind(1.0), name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", foreign.IN_PLACE_OF)
def test_a_name_of_other_libraries_is_answered_with_ours(kind, name):
    with pytest.raises(AttributeError, match=rf"a Value has no '{name}': use .+"):
        getattr(kind(1.0), name)
    assert name not in dir(kind(1.0))
    assert not hasattr(kind, name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "mistake",
    [
        lambda kind, x: kind(0.5, (x,)),
        lambda kind, x: kind(0.5, (x,), "tanh"),
        lambda kind, x: kind(0.5, "w", "tanh"),
        lambda kind, x: kind(0.5, _op="input"),
        lambda kind, x: kind(0.5, _children=(x,)),
        lambda kind, x: kind(0.5, label=[x]),
        lambda kind, x: x._backward(),
        lambda kind, x: x._children,
        lambda kind, x: setattr(x, "_backward", lambda: None),
        lambda kind, x: setattr(x, "_prev", set()),
        lambda kind, x: setattr(x, "_op", "tanh"),
        lambda kind, x: setattr(x, "label", (x,)),
        lambda kind, x: setattr(x, "m", 0),
        lambda kind, x: x.velocity,
    ],
)
def test_what_micrograd_takes_is_refused_and_says_who_takes_it(kind, mistake):
    with pytest.raises((TypeError, AttributeError), match=r"micrograd_gd\.micrograd"):
        mistake(kind, kind(1.0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", [3, None, b"w"])
def test_a_label_is_a_text(kind, label):
    with pytest.raises(TypeError, match=r"label must be a text, but came as .*: write label='w'"):
        kind(1.0, label)
    x = kind(1.0, "x")
    with pytest.raises(TypeError, match="label must be a text"):
        x.label = label
    assert x.label == "x"


@pytest.mark.parametrize("kind", KINDS)
def test_a_subclass_has_the_attributes_that_it_gives_itself(kind):
    class Weight(kind):
        pass

    w = Weight(1.0)
    w.m, w._backward = 0.5, print
    assert (w.m, w._backward) == (0.5, print)
    with pytest.raises(AttributeError, match="use a dict"):
        w.velocity  # noqa: B018 — which raises


def test_what_stands_in_the_place_of_other_names_is_there():
    with pytest.raises(AttributeError, match=r"^a Value has no 'item': use \.data$"):
        Value(1.0).item()
    with pytest.raises(AttributeError, match="no attribute 'itme'"):
        Value(1.0).itme()
