"""The commands that draw and explain a formula."""

import re
import sys
from pathlib import Path

import pytest
from test_cli import QUICK, files

from micrograd_gd import MLP, save
from micrograd_gd.data import Scaling
from micrograd_gd.training.predictor import Predictor

FORMULA = "(a*b + b**3).tanh()"


def test_graph_draws_a_formula_and_tells_value_and_gradients(run):
    done = run("graph", FORMULA, "--at", "a=-4,b=2", "-o", "g.svg")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == ["value  0", "∂/∂a   2", "∂/∂b   8", "wrote g.svg"]
    shown = re.findall(r"<text.*?>(.*?)</text>", Path("g.svg").read_text(encoding="utf-8"))
    assert {"a", "b"} <= {text.strip() for text in shown}
    assert any(text.endswith("8") for text in shown)


@pytest.mark.parametrize(
    ("suffix", "start"),
    [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("html", b"<!doctype html>")],
)
def test_the_suffix_says_what_kind_of_picture_it_is(suffix, start, run):
    assert run("graph", "a*b", "a=1", "--at", "b=2", "--out", f"g.{suffix}").status == 0
    assert Path(f"g.{suffix}").read_bytes().startswith(start)


def test_a_formula_may_begin_with_a_minus(run):
    done = run("graph", "--at", "a=3", "--", "-a**2")
    assert done.out.splitlines() == ["value  -9", "∂/∂a   -6", "wrote graph.svg"]


def test_graph_draws_a_trained_model_at_the_mean_of_its_data_or_elsewhere(run):
    assert run("train", "iris", *QUICK).status == 0
    mean = run("graph", "run/model.json", "-o", "net.svg")
    assert mean.status == 0
    rows = dict(line.split("  ") for line in re.sub("  +", "  ", mean.out).splitlines()[:-1])
    names = [f"∂/∂{part}_{side}" for part in ("sepal", "petal") for side in ("length", "width")]
    assert [*rows] == ["value", *names]
    elsewhere = run(
        "graph", "run/model.json", "-o", "net.svg", "--force", "--at", "petal_length=1.4"
    )
    assert elsewhere.status == 0
    assert elsewhere.out.splitlines()[0] != mean.out.splitlines()[0]
    assert "petal_length" in Path("net.svg").read_text(encoding="utf-8")


def figures(done):
    """What is told, as text by name."""
    assert (done.status, done.err) == (0, "")
    return dict(re.split("  +", line, maxsplit=1) for line in done.out.splitlines()[:-1])


def test_the_graph_of_a_regression_is_that_of_its_prediction(run):
    network = MLP(2, [3, 1], activation="tanh", seed=0)
    scalings = Scaling((10.0, -3.0), (4.0, 0.5)), Scaling((200.0,), (50.0,))
    model = Predictor(network, *scalings, ("size", "age"), "price")
    save(model, "m.json")
    told = figures(run("graph", "m.json", "--at", "size=12,age=-2.75"))
    value, name = told["value"].split(" ")
    assert name == "(price)"
    assert value == f"{model.predict([[12.0, -2.75]])[0]:.6g}"
    step = 1e-5
    above, below = model.predict([[12 + step, -2.75], [12 - step, -2.75]])
    assert float(told["∂/∂size"]) == pytest.approx((above - below) / (2 * step), rel=1e-4)
    assert "size - 10" in Path("graph.svg").read_text(encoding="utf-8").replace("&#45;", "-")


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_score_of_a_class_says_which(outputs, run):
    names = ("below", "above", "beside")[: max(outputs, 2)]
    model = Predictor(MLP(1, outputs, seed=1), class_names=names)
    save(model, "m.json")
    for x in (-2.0, 2.0):
        (answer,) = model.predict([[x]])
        value, score = figures(run("graph", "m.json", "--at", f"x1={x}"))["value"].split(" ", 1)
        decided = score.removeprefix("(score of ").removesuffix(")")
        assert decided == (answer if outputs > 1 else "above")
        assert (float(value) > 0) == (answer == "above") or outputs > 1


def test_explain_shows_formulas_and_paths(run):
    done = run("explain", FORMULA, "--at", "a=-4,b=2", "--wrt", "b")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "formula  tanh(a * b + b ** 3)",
        "value    0",
        "∂/∂b     sech(a * b + b ** 3) ** 2 * (3 * b ** 2) + sech(a * b + b ** 3) ** 2 * a",
        "",
        "∂root/∂b = 8, the sum over 2 paths",
        "product  path               partials",
        "     12  b → ** → + → root  12 · 1 · 1",
        "     -4  b → * → + → root   -4 · 1 · 1",
    ]
    both = run("explain", FORMULA, "a=-4", "--at", "b=2").out
    assert "∂root/∂a = 2, the only path" in both
    assert "∂root/∂b = 8" in both


def test_explain_writes_latex_and_long_formulas_below_each_other(run):
    done = run("explain", "a/b", "--at", "a=1,b=2", "--latex", "--wrt", "a")
    assert done.out.splitlines()[0] == r"formula  \frac{a}{b}"
    long = "t = tanh(a*b + 1)**2 - exp(a)\nt*t + sin(t)*exp(t)/(t + 2)*(t - 1)"
    lines = run("explain", long, "--at", "a=1,b=2", "--wrt", "a").out.splitlines()
    assert lines[0] == "formula  t1 = tanh(a * b + 1) ** 2 - exp(a)"
    assert lines[1] == "         t1 * t1 + sin(t1) * exp(t1) / (t1 + 2) * (t1 - 1)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["graph", "a*b", "--at", "a=1"], "no number for b; expected such as --at b=1"),
        (["graph", "a*b"], "no number for a, b; expected such as --at a=1,b=1"),
        (["graph", "a*b", "--at", "a=1,b"], "--at holds 'b'; expected a name and a number"),
        (["graph", "a*b", "--at", "a=1,b=two"], "--at holds 'b=two'; expected a name and a number"),
        (["graph", "a*b", "--at", "a=1,b=2,c=3"], "--at names 'c'; the names are a, b"),
        (["graph", "a", "--at", "a=1,a=2"], "--at gives a twice"),
        (["graph", "a", "--at", "a=1", "--at", "a=1"], "--at gives a twice"),
        (["graph", "2*3"], "'2*3' is 6 and depends on no name"),
        (["graph", "a > 2", "--at", "a=1"], "'a > 2' is 0 and depends on no name"),
        (["graph", "a*b)", "--at", "a=1,b=2"], "'a*b)': unmatched ')'; expected a formula"),
        (["graph", "().__class__"], "is not part of the language"),
        (["graph", "a", "--at", "a=1", "-o", "g.txt"], "g.txt: the suffix '.txt'; expected one of"),
        (["graph", "a", "--at", "a=1", "-o", "no/g.svg"], "No such file or directory"),
        (["graph", "missing.json"], "missing.json: no such file"),
        (["graph", "--a", "--at", "a=1"], "No such option"),
        (["explain", "a*b", "--at", "a=1,b=2", "--wrt", "c"], "--wrt is 'c'; the names are a, b"),
        (["explain"], "Missing argument"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_wrong_input_is_one_clear_line_and_status_2(arguments, message, run):
    done = run(*arguments)
    assert done.status == 2
    assert done.err.startswith("micrograd-gd: ")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert files(".") == []


def test_without_graphviz_one_line_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", "")
    done = run("graph", "a*b", "--at", "a=1,b=2")
    assert done.status == 2
    assert done.err.startswith("micrograd-gd: no Graphviz here to draw the graph with: run pip")
    assert done.err.count("\n") == 1
