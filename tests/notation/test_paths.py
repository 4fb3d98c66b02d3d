"""Gradients taken apart: the paths, their number, and what is left."""

import math
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import MLP, Value, explain, functional
from micrograd_gd.core import sweep
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.ops import OPERATIONS


def all_paths(node, wrt):
    """By recursion and without any cleverness: the partials along each path from wrt to node."""
    if node is wrt:
        return [()]
    edges = zip(node.operands, node.partials, strict=True)
    return [
        (*path, partial)
        for operand, partial in edges
        if partial is not None
        for path in all_paths(operand, wrt)
    ]


@st.composite
def graphs(draw):
    """A graph whose numbers and partials are small whole numbers, so that all sums are exact."""
    nodes = [Value(draw(st.integers(-3, 3))) for _ in range(draw(st.integers(1, 3)))]
    rows = [OPERATIONS[name] for name in ("add", "sub", "mul", "neg", "maximum", "where", "dot")]
    for _ in range(draw(st.integers(1, 8))):
        row = draw(st.sampled_from(rows))
        node = row(*(draw(st.sampled_from(nodes)) for _ in range(row.arity(2))))
        nodes += [node] * (abs(node.data) < 100)
    return nodes[-1]


@given(graphs(), st.data())
def test_paths_are_those_that_a_person_would_count(root, data):
    wrt = data.draw(st.sampled_from(root.nodes()))
    expected = sorted((math.prod(path) for path in all_paths(root, wrt)), key=abs, reverse=True)
    limit = data.draw(st.integers(1, 6))
    found = explain(root, wrt=wrt, max_paths=limit)
    assert found.gradient == sweep.adjoints(root).get(wrt, 0.0) == sum(expected)
    assert found.count == len(expected)
    products = [path.product for path in found.paths]
    assert [abs(product) for product in products] == [abs(x) for x in expected[:limit]]
    assert sum(products) + found.remainder == found.gradient
    for path in found.paths:
        assert path.nodes[0] is wrt
        assert path.nodes[-1] is root
        assert math.prod(path.partials) == path.product
        steps = zip(path.nodes[:-1], path.partials, path.nodes[1:], strict=True)
        for below, partial, above in steps:
            edges = zip(above.operands, above.partials, strict=True)
            assert any(operand is below and partial == slope for operand, slope in edges)


def test_paths_print_as_a_table():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    e = a * b
    e.label = "e"
    y = (e + b**2) * 0.5
    y.label = "y"
    assert repr(explain(y, wrt=b, max_paths=1)).splitlines() == [
        "∂y/∂b = -2, the sum over 2 paths",
        "product  path            partials",
        "     -3  b → ** → + → y  -6 · 1 · 0.5",
        "      1  the other path",
    ]
    assert repr(explain(y, wrt=e)).splitlines() == [
        "∂y/∂e = 0.5, the only path",
        "product  path       partials",
        "    0.5  e → + → y  1 · 0.5",
    ]
    assert repr(explain(y, wrt=Value(1.0))) == "∂y/∂wrt = 0, no path"
    assert repr(explain(y, wrt=y)).splitlines()[2] == "      1  y"
    assert y.grad == b.grad == 0


def test_a_value_used_twice_by_one_operation_has_two_paths():
    a = Value(3.0)
    found = explain(a * a, wrt=a)
    assert [path.product for path in found.paths] == [3.0, 3.0]
    assert found.count == 2


def test_no_path_goes_through_a_branch_that_was_not_taken():
    x = Value(-1.0)
    found = explain(functional.where(x > 0, x.sqrt(), x * 2), wrt=x)
    assert [path.product for path in found.paths] == [2.0]


def test_the_largest_of_exponentially_many_paths_are_found_and_all_are_counted():
    x = y = Value(1.0)
    for _ in range(200):
        y = y * 0.5 + y * 0.25
    found = explain(y, wrt=x, max_paths=3)
    assert found.count == 2**200
    assert [path.product for path in found.paths] == [0.5**200, 0.5**201, 0.5**201]
    assert found.remainder == pytest.approx(0.75**200, rel=1e-12)
    assert "about 10^60 paths" in repr(found)


def test_a_chain_of_ten_thousand_nodes_is_one_path():
    x = y = Value(1.0, label="x")
    for _ in range(10_000):
        y = y * -1.0
    found = explain(y, wrt=x)
    assert found.paths[0].product == 1.0
    assert len(found.paths[0].partials) == 10_000
    assert "x → * → * → * → … 9,993 more … → * → * → * → root" in repr(found)


def test_counts_of_many_digits_do_not_fill_the_memory():
    x = y = Value(0.0)
    for _ in range(20_000):
        y = y + y
    tracemalloc.start()
    found = explain(y, wrt=x, max_paths=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.count == 2**20_000
    assert peak < 20e6  # all the counts together are 25e6 bytes


def test_paths_that_are_not_finite_come_first():
    x = Value(0.0)
    found = explain(x * 5.0 + x.sqrt() * x, wrt=x, max_paths=2)
    assert math.isnan(found.gradient)
    assert [str(path.product) for path in found.paths] == ["nan", "5.0"]
    assert found.count == 3


def test_the_paths_of_a_weight_add_up_to_its_gradient():
    model = MLP(2, [4, 4, 1], activation="tanh", seed=0)
    y = model([1.0, -2.0])
    weight = model.parameters()[0]
    found = explain(y, wrt=weight)
    assert found.count == 4
    assert sum(path.product for path in found.paths) == pytest.approx(found.gradient, rel=1e-12)
    assert re.match(r"∂root/∂layers.0.neurons.0.w.0 = \S+, the sum over 4 paths", repr(found))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"root": 2.0, "wrt": Value(1.0)}, "root is 2.0; expected a Value"),
        ({"root": Value(1.0), "wrt": "a"}, "wrt is 'a'; expected a Value"),
        ({"root": Value(1.0), "wrt": Value(1.0), "max_paths": 0}, "max_paths is 0; expected"),
    ],
)
def test_what_is_no_graph_is_an_error(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        explain(**arguments)


def test_a_label_is_one_short_line():
    a, b = Value(2.0, label="a\nb"), Value(3.0, label="b" * 100)
    y = a * b
    y.label = "y\0"
    lines = repr(explain(y, wrt=a)).splitlines()
    assert lines[0] == "∂y\\x00/∂a\\nb = 3, the only path"
    assert lines[2] == "      3  a\\nb → y\\x00  3"
    assert f"∂{'b' * 31}… = 2" in repr(explain(y, wrt=b))
