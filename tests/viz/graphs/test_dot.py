"""Pictures show what was computed, whatever it is called and however large it is."""

import math
import re
import xml.etree.ElementTree as ET

import graphviz
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import MLP, Value, draw_dot, graph, scope
from micrograd_gd.errors import ArgumentError
from micrograd_gd.functional import dot, total, where
from micrograd_gd.viz import render


def show(graph, tmp_path):
    """The texts of each box of the rendered graph, by the name of the box."""
    render(graph, tmp_path / "graph.svg")
    tree = ET.parse(tmp_path / "graph.svg")  # noqa: S314 — our own picture
    svg = "{http://www.w3.org/2000/svg}"
    boxes = [group for group in tree.iter(f"{svg}g") if group.get("class") == "node"]
    return {
        box.find(f"{svg}title").text: "".join(text.text for text in box.iter(f"{svg}text")).replace(
            "\xa0", " "
        )
        for box in boxes
    }


def test_a_box_shows_label_operation_data_and_gradient(tmp_path):
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = a * b
    y.label = "y"
    assert show(draw_dot(y), tmp_path)["v3"] == "y = a * bdata -6 grad –"
    y.backward()
    assert show(draw_dot(y), tmp_path) == {
        "v1": "adata 2 grad -3",
        "v2": "bdata -3 grad 2",
        "v3": "y = a * bdata -6 grad 1",
    }


def test_a_gradient_of_zero_is_shown_once_it_was_computed(tmp_path):
    x = Value(-1.0, label="x")
    y = x.relu()
    y.backward()
    assert show(draw_dot(y), tmp_path)["v1"] == "xdata -1 grad 0"


def test_a_zero_has_no_sign_and_small_digits_are_kept(tmp_path):
    assert show(draw_dot(Value(-0.0)), tmp_path)["v1"] == "data 0 grad –"
    assert show(draw_dot(Value(-1.25e-9)), tmp_path)["v1"] == "data -1.25e-09 grad –"


def test_nodes_without_label_are_called_by_number_where_they_are_used(tmp_path):
    boxes = show(draw_dot((Value(1.0) + Value(2.0)).tanh()), tmp_path)
    assert boxes["v3"].startswith("v3 = v1 + v2")
    assert boxes["v4"].startswith("v4 = tanh(v3)")


def test_every_node_has_a_name_of_its_own():
    a, b, c, d = Value(1.0, label="w"), Value(2.0, label="w"), Value(3.0, label="v5"), Value(4.0)
    assert [line.split("  ")[0] for line in str(graph(a * b + c * d)).splitlines()] == [
        "w#1",
        "w#2",
        "v3 = w#1 * w#2",
        "v5",
        "vv5",
        "v6 = v5 * vv5",
        "v7 = v3 + v6",
    ]


def test_parameters_of_one_label_are_called_as_their_models_call_them():
    one, two = MLP(1, 1, seed=0), MLP(1, 1, seed=1)
    source = str(graph(one([1.0]) + two([1.0]), model={"one": one, "two": two}))
    assert "one.layers.0.neurons.0.b" in source
    assert "two.layers.0.neurons.0.b" in source
    assert "#" not in source


def test_plain_numbers_stand_in_the_text_of_their_consumer():
    x = Value(3.0, label="x")
    source = draw_dot((2 - x) ** 2 * -0.5).source
    assert "2 - x" in source
    assert "v2 ** 2" in source
    assert "v3 * (-0.5)" in source
    assert source.count("->") == 3


def test_an_arrow_is_dashed_where_no_derivative_flows():
    chosen, other = Value(1.0, label="chosen"), Value(5.0, label="other")
    source = draw_dot(where(Value(1.0), chosen, other)).source
    assert 'v4</font> <font color="#6b7785">=</font> where(v1, chosen, other)' in source
    styles = dict(re.findall(r"(v[123]) -> v4 .* style=(\w+)", source))
    assert styles == {"v1": "dashed", "v2": "solid", "v3": "dashed"}


def test_a_repeated_operand_has_an_arrow_for_each_use():
    a = Value(1.0)
    assert draw_dot(a + a).source.count("v1 -> v2") == 2


def test_a_neuron_is_written_out(tmp_path):
    w = [Value(0.5, label="w1"), Value(-0.25, label="w2")]
    boxes = show(draw_dot(dot(w, [4.0, -1.5], bias=Value(1.0, label="b"))), tmp_path)
    assert boxes["v4"].startswith("v4 = b+ w1 * 4+ w2 * (-1.5)data 3.375")


def test_a_long_sum_is_cut_and_says_so():
    source = draw_dot(total([Value(1.0) for _ in range(20)])).source
    assert "… 12 more" in source


def test_hostile_labels_are_shown_and_not_obeyed(tmp_path):
    for label in ['"><script>x</script>', "{a|b}", "\\N \\G", "&amp; <b>", "<i>", "\\", '"']:
        boxes = show(draw_dot(Value(1.0, label=label)), tmp_path)
        assert boxes == {"v1": f"{label}data 1 grad –"}
    assert "<script" not in (tmp_path / "graph.svg").read_text("utf-8")


@given(st.text(min_size=1, max_size=60), st.floats(), st.floats())
def test_any_label_and_any_numbers_give_a_picture(tmp_path_factory, label, data, grad):
    x = Value(data, label=label)
    y = x * 2
    y.label = label
    x.grad = grad
    folder = tmp_path_factory.mktemp("any")
    assert set(show(draw_dot(y), folder)) == {"v1", "v2"}


def test_control_characters_are_spelled_out(tmp_path):
    assert show(draw_dot(Value(1.0, label="a\n\0b")), tmp_path)["v1"].startswith("a\\n\\x00b")


def test_a_large_graph_is_cut_to_what_is_nearest_and_says_so(tmp_path):
    x = y = Value(1.0, label="x")
    for _ in range(50_000):
        y = y * 1.0 + x
    graph = draw_dot(y, max_nodes=10)
    assert "10 of 100,001 nodes, the nearest to the result (max_nodes=10)" in graph.source
    boxes = show(graph, tmp_path)
    assert len(boxes) == 10
    assert {"v1", "v100001"} < set(boxes)
    assert sum("1 operand not drawn" in text for text in boxes.values()) == 1


def test_a_leaf_used_all_along_a_chain_draws_in_time(tmp_path):
    x = y = Value(1.0)
    for _ in range(120):
        y = y * 1.5 + x
    assert len(show(draw_dot(y), tmp_path)) == 241  # minutes, without limits to the layout


@pytest.mark.parametrize(("users", "is_crowded"), [(16, False), (17, True)])
def test_many_arrows_from_one_leaf_are_straight_and_placed_in_few_steps(users, is_crowded):
    x, y = Value(1.0), Value(2.0)
    for _ in range(users):
        y = (y + 1.0) * x
    source = graph(y).dot
    for attribute in ("splines=line", "nslimit=0.2", "nslimit1=0.2", "mclimit=0.1"):
        assert (attribute in source) == is_crowded


def test_the_whole_graph_is_drawn_up_to_the_limit():
    y = Value(1.0).exp().exp()
    assert "max_nodes" not in draw_dot(y, max_nodes=3).source
    assert "2 of 3 nodes" in draw_dot(y, max_nodes=2).source


def test_wrong_arguments_are_named():
    with pytest.raises(ArgumentError, match="direction is 'up'; expected one of LR, TB, RL, BT"):
        graph(Value(1.0), direction="up")
    with pytest.raises(ArgumentError, match="max_nodes is 0; expected a whole number"):
        draw_dot(Value(1.0), max_nodes=0)
    with pytest.raises(ArgumentError, match="depth is -1; expected a whole number, at least 0"):
        graph(Value(1.0), depth=-1)
    with pytest.raises(ArgumentError, match="expand is 3; expected names of parts"):
        graph(Value(1.0), expand=3)
    with pytest.raises(ArgumentError, match="model has the name 1; expected a text"):
        graph(Value(1.0), model={1: MLP(1, 1)})


def test_draw_dot_takes_what_it_takes_in_the_notebook_of_micrograd():
    digraph = draw_dot(Value(1.0), format="png", rankdir="TB")
    assert isinstance(digraph, graphviz.Digraph)
    assert digraph.format == "png"
    assert "rankdir=TB" in digraph.source
    assert draw_dot(Value(1.0), "png", "TB").source == digraph.source


def test_a_long_label_is_shortened_everywhere():
    x = Value(1.0, label="x" * 10_000)
    with scope("s" * 10_000):
        y = x * x
    picture = graph(y, partials=True)
    assert f"{'x' * 31}…" in picture.dot
    assert "x" * 32 not in picture.dot
    assert "s" * 32 not in picture.dot
    assert "x" * 32 not in str(picture)


def test_partials_stand_beside_their_arrows_on_request():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = a * b + a * a + where(b, a, b)
    arrow = r"(v\d+) -> (v\d+) \[label=<&#160;(.*?)> .*style=(\w+)"
    labels = re.findall(arrow, graph(y, partials=True).dot)
    assert ("v1", "v3", "-3", "solid") in labels
    assert ("v2", "v3", "2", "solid") in labels
    assert labels.count(("v1", "v4", "2", "solid")) == 2
    assert ("v2", "v6", "–", "dashed") in labels
    assert not re.findall(arrow, graph(y).dot)


def colors(picture):
    """The color behind each gradient, by the name of the box."""
    pattern = r'^\s*(v\d+) .*?<td(?: bgcolor="(#[0-9a-f]{6})")?><font[^>]*>grad'
    return dict(re.findall(pattern, picture.dot, flags=re.MULTILINE))


def brightness(color):
    return sum(int(color[i : i + 2], 16) for i in (1, 3, 5))


def test_gradients_are_colored_by_sign_and_strength():
    x = [Value(1.0) for _ in range(4)]
    y = x[0] * 4 + x[1] * -4 + x[2] * 0.5 + x[3] * 0.0
    assert set(colors(graph(y)).values()) == {""}
    y.backward()
    shades = colors(graph(y))
    names = {node: f"v{i}" for i, node in enumerate(y.nodes(), 1)}
    up, down, weak, none = (shades[names[each]] for each in x)
    assert int(up[5:], 16) > int(up[1:3], 16)  # more blue than red
    assert int(down[5:], 16) < int(down[1:3], 16)
    assert brightness(up) < brightness(weak) < 3 * 255
    assert none == ""


@pytest.mark.parametrize("gradient", [math.inf, -math.inf, math.nan])
def test_a_gradient_that_is_not_finite_leaves_colors_to_the_others(gradient):
    x, z = Value(1.0), Value(2.0)
    y = x * z
    y.backward()
    x.grad = gradient
    shades = colors(graph(y))
    assert shades["v1"] == ""
    assert shades["v2"] == shades["v3"] != ""


def test_a_gradient_of_an_earlier_pass_is_shown_as_what_the_leaf_has():
    w = Value(2.0, label="w")
    (w * 3).backward()
    assert str(graph(w * 5)) == "w  data 2  grad 3\nv2 = w * 5  data 10  grad –"


def test_a_gradient_that_is_a_value_itself_is_shown_as_its_number():
    x = Value(3.0, label="x")
    y = x**2
    y.backward(create_graph=True)
    assert "x  data 3  grad 6" in str(graph(y))


def test_a_leaf_that_is_used_more_than_once_has_a_color_of_its_own():
    a, b = Value(1.0), Value(2.0)
    source = graph(a * a + b).dot
    fills = dict(re.findall(r'^\s*(v\d) .*fillcolor="(#[0-9a-f]{6})"', source, flags=re.MULTILINE))
    assert fills["v1"] not in {fills["v2"], fills["v3"], fills["v4"]}
    assert "used 2 times" in source
    assert fills["v3"] != fills["v2"]


def test_a_result_that_is_used_more_than_once_keeps_its_color():
    b = Value(1.0) * 2
    source = graph(b * b * b * 1).dot
    fills = re.findall(r'^\s*v[234] .*fillcolor="(#[0-9a-f]{6})"', source, flags=re.MULTILINE)
    assert len(fills) == 3
    assert len(set(fills)) == 1


def test_the_text_is_in_recording_order_and_the_object_says_what_it_is():
    picture = graph(Value(1.0, label="a") + Value(2.0, label="b"))
    assert str(picture) == "a  data 1  grad –\nb  data 2  grad –\nv3 = a + b  data 3  grad –"
    assert repr(picture) == "<Graph of 3 lines: print it, or save it>"
    assert picture.digraph.source == picture.dot


@pytest.mark.parametrize("wrong", [1.0, None, "y", [Value(1.0)]])
def test_only_a_value_has_a_graph(wrong):
    with pytest.raises(ArgumentError, match=r"root is .*; expected a Value$"):
        graph(wrong)


def test_a_model_is_pointed_to_its_own_picture():
    with pytest.raises(
        ArgumentError, match=r"expected a Value; architecture\(model\) draws a model"
    ):
        graph(MLP(2, 1))
