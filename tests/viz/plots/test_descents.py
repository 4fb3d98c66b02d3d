"""A descent is drawn on its ground, however it went."""

import math
import re
import sys
from types import SimpleNamespace as Record

import pytest
from axes import line, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_gd import Value
from micrograd_gd.errors import ArgumentError, DrawingError
from micrograd_gd.viz import plot_descent, plot_sweep

plt = pytest.importorskip("matplotlib.pyplot")


def descent(function, points, **more):
    """A descent over these points."""
    steps = [Record(parameters=p, value=getattr(function(p), "data", function(p))) for p in points]
    defaults = {"status": "max_steps", "message": "out of steps"}
    return Record(function=function, trajectory=steps, **{**defaults, **more})


def parabola(w):
    return (w - 3) ** 2 + 1


def test_a_descent_of_one_parameter_is_a_curve_with_tangents_and_steps():
    ax = plot_descent(descent(parabola, [0.0, 1.0, 2.0, 2.5]))
    assert line(ax, "steps") == [(0.0, 10.0), (1.0, 5.0), (2.0, 2.0), (2.5, 1.25)]
    assert line(ax, "start") == [(0.0, 10.0)]
    assert line(ax, "end") == [(2.5, 1.25)]
    curve, *tangents = ax.lines[:4]
    assert all(y == parabola(x) for x, y in zip(*curve.get_data(), strict=True))
    for tangent, x in zip(tangents, (0.0, 1.0, 2.0), strict=True):
        (x0, x1), (y0, y1) = tangent.get_data()
        assert (y1 - y0) / (x1 - x0) == pytest.approx(2 * (x - 3))
        assert (x0 + x1) / 2 == pytest.approx(x)
        assert (y0 + y1) / 2 == pytest.approx(parabola(x))
    assert ax.get_title(loc="left") == "max_steps: out of steps"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("parameter", "value")
    assert texts(ax) == ["slope", "steps", "start", "end"]


def test_a_descent_of_two_parameters_is_a_path_over_contours():
    def bowl(p):
        return 2 * p["a"] ** 2 + p["b"] ** 2

    ax = plot_descent(descent(bowl, [{"a": 1.0, "b": 2.0}, {"a": 0.5, "b": 1.0}]))
    assert line(ax, "steps") == [(1.0, 2.0), (0.5, 1.0)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")
    (contours,) = ax.collections
    assert len(contours.levels) > 5
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        heights = [bowl({"a": a, "b": b}) for a, b in path.vertices]
        assert heights == pytest.approx([level] * len(heights), rel=0.01)
    ax = plot_descent(descent(lambda p: p[0] ** 2 + p[1] ** 2, [[1.0, 2.0], [0.5, 1.0]]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("parameter 1", "parameter 2")


def test_a_descent_of_many_parameters_is_its_values():
    ax = plot_descent(descent(lambda p: sum(x * x for x in p), [[1, 2, 3], [0, 1, 2]]))
    assert line(ax, "steps") == [(0, 14), (1, 5)]
    assert (ax.get_xlabel(), ax.get_yscale()) == ("step", "log")


def test_of_a_descent_that_diverges_what_is_far_away_is_counted():
    points = [0.0]
    for _ in range(60):
        points.append(points[-1] - 1.1 * 2 * (points[-1] - 3))
    ax = plot_descent(descent(parabola, points, status="diverged", message=""))
    shown = line(ax, "steps")
    assert 5 < len(shown) < 20
    assert ax.get_xlabel() == f"parameter ({61 - len(shown)} more steps outside)"
    assert line(ax, "last one drawn") == shown[-1:]
    assert ax.get_title(loc="left") == "diverged"


@pytest.mark.parametrize("start", [math.nan, math.inf, -1.7e308])
def test_of_a_start_that_cannot_be_drawn_the_steps_are_counted(start):
    steps = [Record(parameters=x, value=y) for x, y in ((0.0, start), (start, 0.0))]
    ax = plot_descent(Record(function=parabola, trajectory=steps, status="diverged", message=""))
    assert ax.get_xlabel() == "step (2 steps outside)"
    assert not ax.lines


def test_a_long_message_is_wrapped():
    ax = plot_descent(descent(parabola, [0.0, 1.0], message="word " * 200))
    lines = ax.get_title(loc="left").splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 72


@pytest.mark.parametrize(
    ("function", "points"),
    [
        (parabola, [3.0]),
        (parabola, [3.0, 3.0]),
        (lambda w: w * 0, [1.0, 1.0]),
        (lambda w: 5.0, [0.0, 0.0]),
        (lambda w: w.log() if isinstance(w, Value) else 0.0, [-1.0, 0.0, 1.0]),
        (lambda w: 1 / 0 if w < 0 else w * w, [0.0, 0.1]),
        (lambda w: w**2, [1e200, -1e300]),
        (lambda w: w**2, [1.0, 1e300, math.nan]),
        (lambda w: w[0] * 0, [[0.0, 0.0], [0.0, 0.0]]),
        (lambda w: w[0] * math.nan, [[1.0, 0.0], [0.0, 0.0]]),
        (lambda w: w[0] + w[1] ** 2, [(1e-300, 0.0), (0.0, 1e-300)]),
        (lambda w: sum(w) * math.inf, [[1.0] * 3] * 3),
        (lambda w: 0.0, [[]]),
    ],
)
def test_odd_descents_draw(function, points):
    steps = [Record(parameters=point, value=0.5 * i) for i, point in enumerate(points)]
    ax = plot_descent(
        Record(function=function, trajectory=steps, status="converged", message="here")
    )
    ax.figure.canvas.draw()
    with pytest.raises(ArgumentError, match="a descent without steps"):
        plot_descent(Record(function=function, trajectory=[], status="", message=""))


@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=4))
@settings(max_examples=settings().max_examples // 3)  # each takes long
def test_any_numbers_of_a_descent_draw(pairs):
    steps = [Record(parameters=x, value=y) for x, y in pairs]
    ax = plot_descent(Record(function=parabola, trajectory=steps, status="diverged", message=""))
    ax.figure.canvas.draw()
    plt.close("all")


def test_drawing_a_descent_leaves_gradients_and_the_function_alone():
    w = Value(2.0)
    plot_descent(descent(lambda x: (x - w) ** 2, [0.0, 1.0]))
    assert w.grad == 0


def test_a_sweep_has_a_panel_for_every_rate():
    words = ["slow", "converges", "overshoots", "diverges", "diverges"]
    verdicts = [
        Record(rate=0.1 * (i + 1), verdict=word, descent=descent(parabola, [0.0, float(i)]))
        for i, word in enumerate(words)
    ]
    panels = plot_sweep(verdicts)
    assert [ax.get_title() for ax in panels] == [
        "0.1: slow", "0.2: converges", "0.3: overshoots", "0.4: diverges", "0.5: diverges"
    ]  # fmt: skip
    assert panels[0].figure.axes == panels
    assert [line(ax, "steps")[1][0] for ax in panels] == [0.0, 1.0, 2.0, 3.0, 4.0]
    with pytest.raises(ArgumentError, match="no verdicts"):
        plot_sweep([])


def test_a_descent_is_drawn_on_the_axes_that_are_given():
    ax = plt.figure().subplots()
    assert plot_descent(descent(parabola, [0.0, 1.0]), ax=ax) is ax
    assert len(plt.get_fignums()) == 1


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    verdict = Record(rate=1.0, verdict="slow", descent=descent(parabola, [0.0]))
    for draw in (lambda: plot_descent(verdict.descent), lambda: plot_sweep([verdict])):
        with pytest.raises(DrawingError, match=re.escape("pip install 'micrograd_gd[viz]'")):
            draw()
