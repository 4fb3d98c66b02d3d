"""Names from elsewhere stay text, whatever they are made of, wherever they come out."""

import csv
import io
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from micrograd_gd import (
    MLP,
    Module,
    Value,
    check_gradients,
    cli,
    detect_anomaly,
    explain,
    formula,
    grad,
    jit,
    minimize,
    notebook,
    optim,
    save,
    to_c,
    to_js,
    trace,
    viz,
    vmap,
)
from micrograd_gd.data import Dataset, Scaling
from micrograd_gd.errors import ArgumentError, DivergedError, NonFiniteError, ShapeError
from micrograd_gd.training.predictor import Predictor

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",  # clears the screen and names the window
    "\x9b31m",
    "a\u202eb\u2066c",  # turns the direction of writing
    "a\0b",
    "a\nmicrograd-gd: all is well\r",
    "\x85\u2028\x0b\x1c",  # other ends of lines
    "\ud800",
    "$$",
    "$\\frac{$",
    "a\\$b$",
    "<script>alert(1)</script>&amp;",
    "]]>-->",
    "*/ int main(void) { return 1; } /*",
    "*\\\n/ int owned; /*",
    "\\href{javascript:alert(1)}{x}",
    '"];owned[label="',
    "\\N\\G\\",
    "%s%n{0}",
    "'`{x}",
    "_^~#&",
    "x" * 3000,
    " ",
]
EVERYTHING = "|".join(name for name in HOSTILE[:-2] if name != "\ud800")  # which no file can hold


class Key:
    """A key of a class of somebody else's, which prints what it likes."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text

    def __hash__(self):
        return hash(self.text)

    def __eq__(self, other):
        return isinstance(other, Key) and self.text == other.text


class Parts(Module):
    def __init__(self, name):
        setattr(self, name, MLP(1, 1, seed=0))


def model(name):
    scaling = Scaling((0.0, 0.0), (1.0, 1.0))
    network = MLP(2, 2, seed=0)
    return Predictor(network, scaling, None, (name, "plain"), name, (name, "other"))


def graph_of(name):
    x = Value(2.0, label=name)
    y = x * 3.0
    y.label = name
    return y, x


def message(act, *kinds):
    with pytest.raises(kinds) as caught:
        act()
    return str(caught.value)


def diverge(name):
    x = Value(1.0, label=name)
    x.grad = float("nan")
    return lambda: optim.SGD([x], learning_rate=1.0).step()


def called(name):
    def activation(x):
        return x.relu()

    activation.__name__ = activation.__qualname__ = name
    return activation


def anomaly(name):
    with detect_anomaly():
        return message(Value(0.0, label=name).log, NonFiniteError)


# What a person reads, each by a name from elsewhere.
TEXTS = {
    "explain": lambda name: repr(explain(*graph_of(name)[:1], wrt=graph_of(name)[1])),
    "formula": lambda name: formula(graph_of(name)[0]),
    "a data set": lambda name: repr(Dataset([[1.0], [2.0]], [0, 1], (name,), name, (name, "b"))),
    "a program": lambda name: str(trace(lambda x: x[Key(name)] * 2, {Key(name): 1.0})),
    "a graph": lambda name: str(viz.graph(graph_of(name)[0])),
    "an architecture": lambda name: str(viz.architecture(Parts(name))),
    "no such argument": lambda name: message(lambda: MLP(1, 1, seed=Key(name)), ArgumentError),
    "no number": lambda name: message(lambda: grad(lambda x: x)({Key(name): "a"}), TypeError),
    "a model": lambda name: repr(MLP(1, [2, 1], activation=called(name), seed=0)),
    "a compiled function": lambda name: repr(jit(called(name))),
    "a derivative": lambda name: repr(grad(called(name))),
    "a batch": lambda name: message(lambda: vmap(lambda x: x)({Key(name): 1.0}), ShapeError),
    "a check": lambda name: str(check_gradients(lambda x: x[Key(name)] * 2, {Key(name): 1.0})),
    "an anomaly": anomaly,
    "a diverged step": lambda name: message(diverge(name), DivergedError),
}  # fmt: skip


@pytest.mark.parametrize("door", TEXTS)
def test_what_a_person_reads_can_all_be_seen(door):
    lines = TEXTS[door]("name").count("\n")
    for name in HOSTILE:
        text = TEXTS[door](name)
        assert all(line.isprintable() for line in text.split("\n")), (door, name)
        assert text.count("\n") <= lines, (door, name)


PICTURES = {
    "a graph": lambda name: viz.graph(graph_of(name)[0], partials=True),
    "a graph of parts": lambda name: viz.graph(
        (m := Parts(name)).parameters()[0] * 2.0, model={name: m}
    ),
    "an architecture": lambda name: viz.architecture(Parts(name)),
}


@pytest.mark.parametrize("door", PICTURES)
def test_graphs_are_drawn_as_text(door):
    pytest.importorskip("pygraphviz")
    shape = outline(PICTURES[door]("name").svg())
    for name in HOSTILE:
        assert outline(PICTURES[door](name).svg()) == shape, (door, name)


def outline(svg):
    """The elements of a picture but for its texts, which have a line for each of a label."""
    tags = [element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()]  # noqa: S314 — ours
    return sorted({tag for tag in tags if tag != "text"})


PLOTS = {
    "a history": lambda name, path: viz.plot_history(
        [{"epoch": 0, name: 1.0}, {"epoch": 1, name: 2.0}], path, column=name
    ),
    "gradients": lambda name, path: viz.plot_gradients(Parts(name), path),
    "a descent": lambda name, path: viz.plot_descent(
        minimize(lambda at: at[name] ** 2, {name: 1.0}, max_steps=2), path
    ),
}


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")  # fonts have not all letters
@pytest.mark.parametrize("door", PLOTS)
def test_plots_show_names_as_they_are(door, tmp_path):
    pytest.importorskip("matplotlib")
    for name in ["$\\frac{$", EVERYTHING] if door == "a history" else ["a\0b$$"]:
        PLOTS[door](name, tmp_path / "plot.svg")
        text = (tmp_path / "plot.svg").read_text(encoding="utf-8")
        ET.fromstring(text)  # noqa: S314 — ours
        if "$$" in name:
            assert "$$" in text


@pytest.mark.parametrize("to_source", [to_c, to_js])
def test_source_has_names_in_a_comment_alone_and_ends_no_script(to_source):
    def write(name):
        return to_source(lambda x: x[Key(name)] * 2, {Key(name): 1.0})

    expected = without_comments(write("name"))
    for name in HOSTILE:
        source = write(name)
        assert without_comments(source) == expected, name
        assert source.rpartition("/* x:")[2].isascii()
        assert to_source is to_c or "</" not in source


def without_comments(source):
    return re.sub(r"/\*.*?\*/", " ", source.replace("\\\n", ""), flags=re.DOTALL)


def test_notebooks_get_names_as_symbols():
    for name in HOSTILE:
        shown = notebook.show_value(graph_of(name)[0])
        if shown is not None:
            inner = shown[1:-1]
            assert "$" not in inner
            assert "href" not in re.sub(r"\\mathrm\{.*?\}", "", inner)
            assert inner.isprintable()


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        with pytest.raises(SystemExit):
            cli.main([*map(str, arguments)])
        return "".join(capsys.readouterr())

    return command


@pytest.mark.parametrize("name", [EVERYTHING, HOSTILE[4]])
def test_every_command_prints_what_can_be_seen(name, command):
    with Path("data.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [[name, "kind"], *([i, name if i % 2 else "b"] for i in range(8))]
        csv.writer(file).writerows(rows)
    save(model(name), "model.json")
    quick = ["--hidden", "1", "--largest", "1e-5"]
    for arguments in (
        ["train", "data.csv", "--epochs", "1", "--hidden", "1"],
        ["train", "data.csv", "--target", name],
        ["train", name],
        ["find-lr", "data.csv", *quick],
        ["graph", "model.json", "--out", "graph.dot", "--force"],
        ["graph", "--at", name, "--", name],
        ["explain", "--", name],
        ["descend", "--start", name, "--", "x**2"],
        ["ops", name],
        ["predict", "model.json", name],
        ["--", name],
    ):
        printed = command(*arguments)
        assert all(line.isprintable() for line in printed.split("\n")), arguments
        assert "\nmicrograd-gd: all is well" not in printed, arguments
    assert len(Path("graph.dot").read_text(encoding="utf-8")) > 0


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


def printed_to(kind, encoding, monkeypatch, *arguments):
    """What a command prints to a stream of that kind."""
    stream = kind(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit) as exited:
        cli.main(arguments)
    assert exited.value.code == 0
    stream.flush()
    return stream.buffer.getvalue().decode()


def test_predict_shows_names_to_a_person_and_writes_them_to_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = HOSTILE[0]
    save(model(name), "model.json")
    with Path("data.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[name, "plain"], [1, 2]])
    arguments = ["predict", "model.json", "data.csv"]
    printed = printed_to(io.TextIOWrapper, "utf-8", monkeypatch, *arguments)
    assert next(csv.reader(io.StringIO(printed))) == [name]
    seen = printed_to(Terminal, "utf-8", monkeypatch, *arguments)
    assert seen.splitlines()[0] == "\\x1b[2J\\x1b]0;owned\\x07"


def test_what_an_encoding_lacks_is_shown_all_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(replace(model("\ud800"), feature_names=("x", "plain")), "model.json")
    Path("data.csv").write_text("x,plain\n1,2\n")
    arguments = ["predict", "model.json", "data.csv"]
    printed = printed_to(io.TextIOWrapper, "ascii", monkeypatch, *arguments)
    assert printed.startswith("\\ud800\n")
