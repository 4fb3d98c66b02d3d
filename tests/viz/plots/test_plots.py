"""Curves and maps: each plot says what it should, whatever the numbers are."""

import math
import re
import sys
from pathlib import Path
from types import SimpleNamespace as Record

import pytest
from axes import line, texts

from micrograd_gd import MLP, Module, Value, minimize
from micrograd_gd.errors import ArgumentError, DrawingError, ShapeError
from micrograd_gd.viz import (
    plot_decision_boundary,
    plot_descent,
    plot_gradients,
    plot_history,
    plot_learning_rates,
)
from micrograd_gd.viz.formats import PICTURES
from micrograd_gd.viz.plots.boundaries import _probabilities

mpl = pytest.importorskip("matplotlib")
plt = pytest.importorskip("matplotlib.pyplot")

ROWS = [
    {"epoch": 0, "loss": 2.0, "accuracy": 0.5, "validation_loss": 2.5, "validation_accuracy": 0.4},
    {"epoch": 1, "loss": 0.5, "accuracy": 1.0, "validation_loss": 0.9, "validation_accuracy": 0.8},
]


def test_curves_show_training_beside_validation(tmp_path):
    plot_history(ROWS, tmp_path / "loss.svg")
    text = (tmp_path / "loss.svg").read_text()
    words = set(re.findall(r">([a-z]+)</text>", text))
    assert {"epoch", "loss", "accuracy", "training", "validation"} <= words


def test_curves_are_the_same_bytes_every_time(tmp_path):
    for kind in PICTURES:
        plot_history(ROWS, tmp_path / f"a.{kind}")
        plot_history(ROWS, tmp_path / f"b.{kind}")
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_curves_of_one_epoch_or_of_a_loss_of_zero_draw(tmp_path):
    plot_history([{"epoch": 0, "loss": 0.0}], tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").exists()


def test_the_first_curves_on_a_machine_come_without_remarks(tmp_path, python):
    code = f"from micrograd_gd.viz import plot_history; plot_history({ROWS!r}, 'loss.svg')"
    no_home = tmp_path / "file"
    no_home.write_text("")
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "MPLCONFIGDIR": str(no_home)}
    done = python("-c", code, env=environment, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")


def test_without_matplotlib_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DrawingError, match=re.escape("pip install 'micrograd_gd[viz]'")):
        plot_history(ROWS, tmp_path / "loss.svg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("largest", [1e99, 1e300, math.inf, math.nan])
def test_a_loss_that_explodes_is_drawn_as_far_as_it_goes(tmp_path, largest):
    rows = [{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 1e50}, {"epoch": 2, "loss": largest}]
    plot_history(rows, tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").read_text().startswith("<?xml")


def test_a_history_is_its_loss_above_its_accuracy():
    above = plot_history(ROWS)
    assert [ax.get_ylabel() for ax in above.figure.axes] == ["loss", "accuracy"]
    assert [ax.get_xlabel() for ax in above.figure.axes] == ["", "epoch"]
    assert above is above.figure.axes[0]
    (alone,) = plot_history([{"epoch": 0, "loss": 1.0}]).figure.axes
    assert (alone.get_xlabel(), alone.get_ylabel()) == ("epoch", "loss")


def test_a_column_is_a_line_with_the_validation_dashed_beside_it():
    ax = plot_history(ROWS, column="loss")
    assert line(ax, "training") == [(0, 2.0), (1, 0.5)]
    assert line(ax, "validation") == [(0, 2.5), (1, 0.9)]
    assert [each.get_linestyle() for each in ax.lines] == ["-", "--"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "log")
    assert texts(ax) == ["training", "validation"]


def test_any_column_of_a_history_is_drawn():
    ax = plot_history(ROWS, column="accuracy")
    assert line(ax, "training") == [(0, 0.5), (1, 1.0)]
    assert (ax.get_yscale(), ax.get_ylim()) == ("linear", (-0.03, 1.03))
    ax = plot_history([{"epoch": 0, "loss": 1.0, "norm": -1.0}], column="norm")
    assert (ax.get_yscale(), ax.get_legend()) == ("linear", None)
    with pytest.raises(ArgumentError, match="no column 'norm' in the history; expected one of ep"):
        plot_history(ROWS, column="norm")
    with pytest.raises(ArgumentError, match="a history without rows"):
        plot_history([])


def test_plots_draw_on_the_axes_and_into_the_file_that_are_given(tmp_path):
    with mpl.rc_context({"lines.linewidth": 3, "text.color": "red", "interactive": True}):
        before = dict(mpl.rcParams), mpl.get_backend()
        draw_everywhere(tmp_path)
        assert (dict(mpl.rcParams), mpl.get_backend()) == before


def draw_everywhere(tmp_path):
    model = MLP(2, [2, 1], seed=0)
    curve = Record(rates=[0.1, 1.0], losses=[1.0, 2.0], suggestion=0.1)
    for draw in (
        lambda *where: plot_history(ROWS, *where),
        lambda *where: plot_learning_rates(curve, *where),
        lambda *where: plot_decision_boundary(
            model, [[0, 1], [1, 0]], [0, 1], *where, resolution=4
        ),
        lambda *where: plot_gradients(model, *where),
    ):
        ax = plt.figure().subplots()
        path = tmp_path / "plot.svg"
        assert draw(None, ax) is ax
        assert draw(path, ax) is ax
        assert path.read_bytes().startswith(b"<?xml")
        assert plt.get_fignums() == [ax.figure.number]
        plt.close("all")
        assert draw(path).figure.axes
        assert plt.get_fignums() == []  # a file needs no window
        (figure,) = {draw().figure}
        assert plt.get_fignums() == [figure.number]
        plt.close("all")


def test_a_plot_that_fails_leaves_no_figure():
    with pytest.raises(TypeError):
        plot_history([{"epoch": 0, "loss": "none"}])
    assert plt.get_fignums() == []


def test_learning_rates_are_a_curve_with_the_suggestion_marked():
    curve = Record(rates=[0.01, 0.1, 1.0], losses=[3.0, 1.0, math.inf], suggestion=0.05)
    ax = plot_learning_rates(curve)
    rates, drawn = ax.lines[0].get_data()
    assert [*rates] == curve.rates
    assert [*drawn[:2]] == [3.0, 1.0]
    assert math.isnan(drawn[2])
    assert [*ax.lines[1].get_xdata()] == [0.05, 0.05]
    assert ax.texts[0].get_text().strip() == "suggested: 0.05"
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    for suggestion in (math.nan, math.inf, 0.0):
        odd = Record(rates=[0.1, 1.0], losses=[math.nan, -1.0], suggestion=suggestion)
        plot_learning_rates(odd).figure.canvas.draw()
    with pytest.raises(ArgumentError, match="a curve without rates"):
        plot_learning_rates(Record(rates=[], losses=[], suggestion=0.1))


POINTS = [[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.3, 0.2]]


@pytest.mark.parametrize("targets", [[0, 1, 1, 1], [-1, 1, 1, 1], [False, 1.0, 1, Value(1.0)]])
def test_a_boundary_shows_samples_by_class_and_rings_around_wrong_ones(targets):
    ax = plot_decision_boundary(lambda x: [x[0] - x[1]], POINTS, targets, resolution=12)
    zero, one, wrong = (c for c in ax.collections if c.get_label()[0] != "_")
    assert zero.get_offsets().tolist() == [[0.0, 1.0]]
    assert one.get_offsets().tolist() == [[1.0, 0.0], [0.2, 0.9], [0.3, 0.2]]
    assert wrong.get_offsets().tolist() == [[0.2, 0.9]]
    assert texts(ax) == ["class 0", "class 1", "decided wrongly"]
    assert ax.get_title(loc="left") == "accuracy 75.0 % of 4 samples"


def test_shades_deepen_with_the_probability_and_the_line_is_where_it_is_even():
    ax = plot_decision_boundary(lambda x: 4 * x[0], [[-1, 0], [1, 0]], [0, 1], resolution=21)
    (picture,) = ax.images
    row = picture.get_array()[10]
    assert row.shape == (21, 3)
    assert row[0][0] > row[0][2]  # orange on the left
    assert row[-1][2] > row[-1][0]
    lightness = row.sum(axis=1).tolist()
    assert lightness[:10] == sorted(lightness[:10])
    assert lightness[0] < lightness[5] < lightness[9]
    assert lightness[11:] == sorted(lightness[11:], reverse=True)
    levels = {}
    for contour in ax.collections:
        if contour.get_label()[0] == "_":
            levels[contour.levels[0]] = contour.get_paths()[0].vertices[:, 0]
    assert levels.keys() == {0.0, 0.1, 0.9}
    assert levels[0.0] == pytest.approx([0.0] * 21, abs=1e-9)
    for level in (0.1, 0.9):  # the points that are computed lie 0.12 apart
        assert levels[level] == pytest.approx([math.log(level / (1 - level)) / 4] * 21, abs=0.02)


def test_a_score_for_each_class_decides_between_several():
    samples = [[0, 0], [2, 0], [0, 2], [2, 2]]
    ax = plot_decision_boundary(
        lambda x: (Value(1.5) - x[0] - x[1], x[0], x[1], -9.0), samples, [0, 1, 2, 2]
    )
    assert texts(ax) == ["class 0", "class 1", "class 2", "decided wrongly"]
    assert len({tuple(c.get_facecolor()[0]) for c in ax.collections[-4:-1]}) == 3


def test_any_callable_and_any_scores_have_a_boundary():
    np = pytest.importorskip("numpy")
    weights = np.array([1.0, -1.0])
    for model in (
        lambda x: weights @ np.array(x),
        lambda x: np.array([1.0, x[0]]),
        lambda x: math.nan,
        lambda x: math.inf * x[0],
        lambda x: [1e308 * x[0], -1e308, 0.0],
        lambda x: 0.0,
        MLP(2, [3, 1], seed=0),
    ):
        ax = plot_decision_boundary(model, np.array([[1, 1], [1, 1]]), [0, 1], resolution=5)
        ax.figure.canvas.draw()


def test_a_boundary_leaves_no_graph_behind():
    model = MLP(2, [3, 1], seed=0)
    seen = []
    plot_decision_boundary(lambda x: seen.append(model(x)) or seen[-1], [[0, 1]], [1], resolution=3)
    assert {score.op for score in seen} == {None}


def test_a_boundary_says_what_does_not_fit():
    def draw(inputs, targets, **more):
        plot_decision_boundary(lambda x: x[0], inputs, targets, **more)

    with pytest.raises(ShapeError, match="sample 1 has 3 features; only two can be drawn"):
        draw([[1, 2], [1, 2, 3]], [0, 1])
    with pytest.raises(ShapeError, match="1 samples and 2 targets; expected as many of both"):
        draw([[1, 2]], [0, 1])
    with pytest.raises(ShapeError, match="at least one"):
        draw([], [])
    with pytest.raises(ArgumentError, match=r"sample 1 lies at \[nan, 0.0\]; expected finite"):
        draw([[1, 2], [math.nan, 0]], [0, 1])
    with pytest.raises(ArgumentError, match="a target is 2; expected a class from 0 to 1"):
        draw([[1, 2]], [2])
    with pytest.raises(ArgumentError, match="resolution is 1; expected a whole number"):
        draw([[1, 2]], [1], resolution=1)


def shares(ax):
    """The share of each state in each layer."""
    names = [label.get_text() for label in ax.get_yticklabels()]
    return {
        name: {
            bars.get_label(): bars[i].get_width() for bars in ax.containers if bars[i].get_width()
        }
        for i, name in enumerate(names)
    }


def test_gradients_are_sorted_by_layer_and_length():
    model = MLP(2, [4, 2, 1], seed=0)
    first, second, third = model.layers
    for neuron, grad in zip(first.neurons, (0.0, 1e-9, 1.0, 1e9), strict=True):
        neuron.w[0].grad = grad
    second.neurons[0].b.grad, second.neurons[1].b.grad = math.nan, -math.inf
    third.neurons[0].b.grad = 1e-3
    ax = plot_gradients(model)
    quarter = dict.fromkeys(("dead", "vanishing", "well", "exploding"), 0.25)
    assert shares(ax) == {
        "layers.0 (4)": quarter,
        "layers.1 (2)": {"exploding": 1.0},
        "layers.2 (1)": {"well": 1.0},
    }
    assert texts(ax) == ["dead", "vanishing", "well", "exploding"]
    assert len({bars[0].get_hatch() for bars in ax.containers}) == 4
    narrow = shares(plot_gradients(model, vanishing=1.5, exploding=10))
    assert narrow["layers.0 (4)"] == {"dead": 0.25, "vanishing": 0.5, "exploding": 0.25}


def test_gradients_that_are_all_zero_may_not_have_been_computed():
    model = MLP(2, [2, 1], seed=0)
    assert "backward() has not run" in plot_gradients(model).texts[0].get_text()
    model([1.0, 2.0]).backward()
    assert not plot_gradients(model).texts


def test_gradients_of_a_module_of_ones_own_are_grouped_by_its_names():
    class Own(Module):
        def __init__(self):
            self.hidden = [MLP(1, 1), MLP(1, 1)]
            self.scale = Value(1.0)

    assert [*shares(plot_gradients(Own()))] == [
        "hidden.0.layers.0 (1)",
        "hidden.1.layers.0 (1)",
        "Own (1)",
    ]
    with pytest.raises(ArgumentError, match="has no parameters"):
        plot_gradients(Module())


def test_without_matplotlib_every_plot_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (
        lambda: plot_history(ROWS),
        lambda: plot_gradients(MLP(1, 1)),
    ):
        with pytest.raises(DrawingError, match=re.escape("pip install 'micrograd_gd[viz]'")):
            draw()


def test_the_kinds_of_a_loss_picture_are_told(tmp_path):
    with pytest.raises(DrawingError, match=r"the suffix '.gif'; expected one of .svg, .png, .pdf"):
        plot_history(ROWS, tmp_path / "loss.gif")


def test_a_column_may_begin_later_and_have_gaps():
    rows = [{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 1.0, "rate": 0.5}, {"epoch": 2}]
    (rate,) = plot_history(rows, column="rate").get_lines()
    assert [math.isnan(y) for y in rate.get_ydata()] == [True, False, True]
    with pytest.raises(ArgumentError, match="expected one of epoch, loss, rate"):
        plot_history(rows, column="accuracy")


@pytest.mark.parametrize(
    ("scores", "share"),
    [
        (math.inf, [0.0, 1.0]),
        (-math.inf, [1.0, 0.0]),
        ([math.inf, 3.0, math.inf], [0.5, 0.0, 0.5]),
        ([-math.inf, 1.0, -math.inf], [0.0, 1.0, 0.0]),
        ([-math.inf, -math.inf], [0.5, 0.5]),
    ],
)
def test_infinite_scores_are_as_sure_as_can_be(scores, share):
    assert _probabilities(scores) == share


def test_the_sign_of_infinite_scores_decides():
    def score(x):
        return math.copysign(math.inf, x[0])

    drawn = plot_decision_boundary(score, [[-1, 0], [1, 0]], [0, 1], resolution=5)
    assert drawn.get_title(loc="left") == "accuracy 100.0 % of 2 samples"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot_gradients(3), "model is 3; expected a Module"),
        (lambda: plot_descent(3), "descent is 3; expected what minimize returns"),
        (lambda: plot_history([1.0]), "row 0 is 1.0; expected a dict with an epoch"),
        (lambda: plot_history([{"loss": 1.0}]), "row 0 is .*; expected a dict with an epoch"),
    ],
)
def test_what_is_none_of_these_is_named(draw, message):
    with pytest.raises(ArgumentError, match=message):
        draw()


@pytest.mark.parametrize("start", [-0.6, 0.6])
def test_a_descent_is_drawn_with_the_other_valley(start):
    descent = minimize(lambda x: x**4 - 2 * x**2 + 0.2 * x, start, learning_rate=0.05)
    curve = plot_descent(descent).get_lines()[0]
    places = curve.get_xdata()
    assert min(places) < -1.1
    assert max(places) > 1.1
    alone = plot_descent(minimize(lambda x: x**2, 1.0)).get_lines()[0].get_xdata()
    assert (min(alone), max(alone)) == pytest.approx((-0.25, 1.25), abs=0.01)
