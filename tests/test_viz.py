"""Pictures show what was computed, whatever it is called and however large it is."""

import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_gd import Value
from micrograd_gd.errors import ArgumentError, DrawingError
from micrograd_gd.functional import dot, total, where
from micrograd_gd.viz import draw_dot, plot_loss, render
from micrograd_gd.viz.render import FORMATS

ROWS = [
    {"epoch": 0, "loss": 2.0, "accuracy": 0.5, "validation_loss": 2.5, "validation_accuracy": 0.4},
    {"epoch": 1, "loss": 0.5, "accuracy": 1.0, "validation_loss": 0.9, "validation_accuracy": 0.8},
]


def shown(graph, tmp_path):
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


def without_engines(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", "")


def test_a_box_shows_label_operation_data_and_gradient(tmp_path):
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = a * b
    y.label = "y"
    assert shown(draw_dot(y), tmp_path)["v3"] == "y = a * bdata -6  grad –"
    y.backward()
    assert shown(draw_dot(y), tmp_path) == {
        "v1": "adata 2  grad -3",
        "v2": "bdata -3  grad 2",
        "v3": "y = a * bdata -6  grad 1",
    }


def test_a_gradient_of_zero_is_shown_once_it_was_computed(tmp_path):
    x = Value(-1.0, label="x")
    y = x.relu()
    y.backward()
    assert shown(draw_dot(y), tmp_path)["v1"] == "xdata -1  grad 0"


def test_a_zero_has_no_sign_and_small_digits_are_kept(tmp_path):
    assert shown(draw_dot(Value(-0.0)), tmp_path)["v1"] == "data 0  grad –"
    assert shown(draw_dot(Value(-1.25e-9)), tmp_path)["v1"] == "data -1.25e-09  grad –"


def test_nodes_without_label_are_called_by_number_where_they_are_used(tmp_path):
    boxes = shown(draw_dot((Value(1.0) + Value(2.0)).tanh()), tmp_path)
    assert boxes["v3"].startswith("v3 = v1 + v2")
    assert boxes["v4"].startswith("v4 = tanh(v3)")


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
    boxes = shown(draw_dot(dot(w, [4.0, -1.5], bias=Value(1.0, label="b"))), tmp_path)
    assert boxes["v4"].startswith("v4 = b+ w1 * 4+ w2 * (-1.5)data 3.375")


def test_a_long_sum_is_cut_and_says_so():
    source = draw_dot(total([Value(1.0) for _ in range(20)])).source
    assert "… 12 more" in source


def test_hostile_labels_are_shown_and_not_obeyed(tmp_path):
    for label in ['"><script>x</script>', "{a|b}", "\\N \\G", "&amp; <b>", "<i>", "\\", '"']:
        boxes = shown(draw_dot(Value(1.0, label=label)), tmp_path)
        assert boxes == {"v1": f"{label}data 1  grad –"}
    assert "<script" not in (tmp_path / "graph.svg").read_text("utf-8")


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=60), st.floats(), st.floats())
def test_any_label_and_any_numbers_give_a_picture(tmp_path_factory, label, data, grad):
    x = Value(data, label=label)
    y = x * 2
    y.label = label
    x.grad = grad
    folder = tmp_path_factory.mktemp("any")
    assert set(shown(draw_dot(y), folder)) == {"v1", "v2"}


def test_control_characters_are_spelled_out(tmp_path):
    assert shown(draw_dot(Value(1.0, label="a\n\0b")), tmp_path)["v1"].startswith("a\\n\\x00b")


def test_drawing_twice_gives_the_same_bytes(tmp_path):
    code = (
        "from micrograd_gd import Value\n"
        "from micrograd_gd.viz import draw_dot, render\n"
        "a, b = Value(2.0, label='a'), Value(3.0)\n"
        "render(draw_dot((a * b + a).tanh()), 'PATH')\n"
        "print(draw_dot((a * b + a).tanh()).source)\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code.replace("PATH", str(tmp_path / f"{seed}.svg"))],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent.parent)},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()
    assert runs[0].stderr == ""  # no remarks on font settings


def test_a_large_graph_is_cut_to_what_is_nearest_and_says_so(tmp_path):
    x = y = Value(1.0, label="x")
    for _ in range(50_000):
        y = y * 1.0 + x
    graph = draw_dot(y, max_nodes=10)
    assert "10 of 100,001 nodes, the nearest to the result (max_nodes=10)" in graph.source
    boxes = shown(graph, tmp_path)
    assert len(boxes) == 10
    assert {"v1", "v100001"} < set(boxes)
    assert sum("1 operand not drawn" in text for text in boxes.values()) == 1


def test_a_leaf_used_all_along_a_chain_draws_in_time(tmp_path):
    x = y = Value(1.0)
    for _ in range(120):
        y = y * 1.5 + x
    assert len(shown(draw_dot(y), tmp_path)) == 241  # minutes, without limits to the layout


def test_the_whole_graph_is_drawn_up_to_the_limit():
    y = Value(1.0).exp().exp()
    assert "max_nodes" not in draw_dot(y, max_nodes=3).source
    assert "2 of 3 nodes" in draw_dot(y, max_nodes=2).source


def test_wrong_arguments_are_named():
    with pytest.raises(ArgumentError, match="direction is 'up'; expected one of LR, TB, RL, BT"):
        draw_dot(Value(1.0), direction="up")
    with pytest.raises(ArgumentError, match="max_nodes is 0; expected a whole number"):
        draw_dot(Value(1.0), max_nodes=0)


def test_direction_is_the_second_argument_as_in_micrograd():
    assert "rankdir=TB" in draw_dot(Value(1.0), "TB").source


def test_every_format_is_what_its_suffix_says(tmp_path):
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    for kind in FORMATS:
        render(draw_dot(Value(1.0)), tmp_path / f"graph.{kind}")
        assert (tmp_path / f"graph.{kind}").read_bytes().startswith(starts[kind])
    assert len(list(tmp_path.iterdir())) == len(FORMATS)


def test_another_suffix_is_an_error(tmp_path):
    with pytest.raises(DrawingError, match=r"the suffix '.gif'; expected one of .svg, .png, .pdf"):
        render(draw_dot(Value(1.0)), tmp_path / "graph.gif")
    with pytest.raises(DrawingError, match=r"the suffix '.gif'; expected one of .svg, .png, .pdf"):
        plot_loss(ROWS, tmp_path / "loss.gif")


def test_without_graphviz_the_error_names_both_ways_to_get_it(tmp_path, monkeypatch):
    without_engines(monkeypatch)
    (tmp_path / "graph.svg").write_text("before")
    with pytest.raises(DrawingError) as caught:
        render(draw_dot(Value(1.0)), tmp_path / "graph.svg")
    assert "pip install 'micrograd_gd[viz]'" in str(caught.value)
    assert "install the program dot" in str(caught.value)
    assert (tmp_path / "graph.svg").read_text() == "before"


def test_without_pygraphviz_the_program_dot_draws(tmp_path, monkeypatch):
    without_engines(monkeypatch)
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho drawn as $1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    render(draw_dot(Value(1.0)), tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text() == "drawn as -Tsvg\n"
    program.write_text("#!/bin/sh\necho no fonts >&2\nexit 3\n")
    with pytest.raises(DrawingError, match="could not draw the graph: no fonts"):
        render(draw_dot(Value(1.0)), tmp_path / "graph.svg")


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        render(draw_dot(Value(1.0)), tmp_path / "none" / "graph.svg")


def test_curves_show_training_beside_validation(tmp_path):
    plot_loss(ROWS, tmp_path / "loss.svg")
    text = (tmp_path / "loss.svg").read_text()
    words = set(re.findall(r">([a-z]+)</text>", text))
    assert {"epoch", "loss", "accuracy", "training", "validation"} <= words


def test_curves_are_the_same_bytes_every_time(tmp_path):
    for kind in FORMATS:
        plot_loss(ROWS, tmp_path / f"a.{kind}")
        plot_loss(ROWS, tmp_path / f"b.{kind}")
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_curves_of_one_epoch_or_of_a_loss_of_zero_draw(tmp_path):
    plot_loss([{"epoch": 0, "loss": 0.0}], tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").exists()


def test_curves_leave_the_settings_of_matplotlib_alone(tmp_path):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plot_loss(ROWS, tmp_path / "loss.svg")
    assert dict(mpl.rcParams) == before


def test_the_first_curves_on_a_machine_come_without_remarks(tmp_path):
    code = f"from micrograd_gd.viz import plot_loss; plot_loss({ROWS!r}, 'loss.svg')"
    no_home = tmp_path / "file"
    no_home.write_text("")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parent.parent), "MPLCONFIGDIR": str(no_home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_without_matplotlib_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DrawingError, match=re.escape("pip install 'micrograd_gd[viz]'")):
        plot_loss(ROWS, tmp_path / "loss.svg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("largest", [1e99, 1e300, math.inf, math.nan])
def test_a_loss_that_explodes_is_drawn_as_far_as_it_goes(tmp_path, largest):
    rows = [{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 1e50}, {"epoch": 2, "loss": largest}]
    plot_loss(rows, tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").read_text().startswith("<?xml")
