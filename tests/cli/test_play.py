"""The command that opens pages."""

import json
import re
import webbrowser
from pathlib import Path
from random import Random

import pytest


@pytest.fixture(autouse=True)
def without_browser(monkeypatch):
    """There is none here."""
    monkeypatch.setattr(webbrowser, "get", no_browser)


def no_browser():
    raise webbrowser.Error("could not locate runnable browser")


def test_a_formula_is_written_as_a_page_and_nothing_is_overwritten(run):
    for name in ("play.html", "play-2.html"):
        done = run("play", "x*w + b", "--at", "x=2", "w=-3", "b=1")
        assert (done.status, done.err) == (0, "")
        assert done.out == f"wrote {name}; open it in a browser\n"
        assert '"number": "-3.0", "label": "w"' in Path(name).read_text(encoding="utf-8")
    taken = run("play", "x**2", "--page", "play.html")
    assert (taken.status, taken.out) == (2, "")
    assert "play.html is there already; choose another --page, or add --force" in taken.err
    assert run("play", "x**2", "--page", "play.html", "--force").out == "wrote play.html\n"
    assert '"label": "x"' in Path("play.html").read_text(encoding="utf-8")


def test_without_a_formula_it_is_the_lesson(run):
    assert run("play", "--page", "lesson.html").status == 0
    text = Path("lesson.html").read_text(encoding="utf-8")
    assert text.count('data-kind="graph"') >= 5


def read_network():
    """What Python gathered for the network of the page."""
    text = Path("play.html").read_text(encoding="utf-8")
    (network,) = json.loads(re.search(r'<script id="data" [^>]+>(.*?)</script>', text)[1])
    return network, network["sets"][0]


def test_a_table_is_learned_on_a_page_as_train_reads_it(run):
    random = Random(0)
    rows = [
        [i, random.choice(["", "1,5", "2,5"]), random.random(), random.choice(["<i>", "b", "c"])]
        for i in range(2000)
    ]
    lines = [";".join(map(str, row)) for row in [["id", "<b>size</b>", "x", "kind"], *rows]]
    Path("rows.csv").write_text("\n".join(lines))
    given = ["--decimal", ",", "--drop", "id", "--hidden", "4,3", "--batch-size", "8"]
    done = run("play", "--data", "rows.csv", *given)
    assert (done.status, done.err) == (0, "")
    assert re.search(r"<b>size</b> +read with a decimal comma; \d+ missing: filled with", done.out)
    network, shown = read_network()
    assert network["widths"] == [3, 4, 3, 3]
    assert (network["rate"], network["batch"]) == (0.1, 8)
    assert shown["features"] == ["<b>size</b>", "<b>size</b> is missing", "x"]
    assert (shown["name"], shown["loss"]) == ("rows.csv", "cross_entropy")
    names, texts = zip(*shown["remarks"], strict=True)
    assert names == ("<b>size</b>", "rows", "scale")
    assert re.match(r"1,66\d of 2,000, by --seed 0 at random, of each class its share", texts[1])
    inputs = shown["train"]["inputs"]
    assert len(inputs) + len(shown["test"]["inputs"]) == int(texts[1][:5].replace(",", ""))
    for column in zip(*inputs, strict=True):
        assert abs(sum(column)) < 1e-9 * len(column)
    targets = shown["train"]["targets"] + shown["test"]["targets"]
    for place, name in enumerate(shown["classes"]):
        share = sum(row[3] == name for row in rows) / len(rows)
        assert targets.count([place]) / len(targets) == pytest.approx(share, abs=0.002)


@pytest.mark.parametrize(
    ("more", "loss", "outputs"),
    [
        (["--target", "petal_length"], "mse", 1),
        (["--features", "petal_length,petal_width"], "cross_entropy", 3),
    ],
)
def test_numbers_and_chosen_features_are_learned_too(run, more, loss, outputs):
    assert run("play", "--data", "iris", *more).status == 0
    network, shown = read_network()
    assert (shown["loss"], shown["outputs"], network["widths"][-1]) == (loss, outputs, outputs)
    assert len(shown["features"]) == network["widths"][0]


def test_what_belongs_to_a_table_or_a_formula_alone_is_said(run):
    Path("rows.csv").write_text("x,kind\n1,a\n2,b")
    for arguments, said in [
        (("x**2", "--target", "x"), "--target without --data; expected the table: --data FILE"),
        (("x**2", "--data", "iris"), "the formula beside --data; expected one of the two"),
        (("rows.csv",), "rows.csv is a file; to learn from it: play --data rows.csv"),
        (("--data", "iris", "--target", "specie"), "did you mean 'species'?"),
        (("--data", "iris", "--features", "species"), "no column is left beside the target"),
        (("--data", "iris", "--lr", "0"), "--learning-rate is 0; expected a finite number above 0"),
        (("--data", "nothing.csv"), "no such file"),
        (("--data", "iris", "--hidden", "3000,3000"), "9,0"),
    ]:
        done = run("play", *arguments)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert said in done.err
    assert not Path("play.html").exists()


def test_the_page_opens_in_a_window_of_its_own(run, monkeypatch):
    opened = []

    class Window(webbrowser.BaseBrowser):
        def open(self, url, new=0, autoraise=True):  # noqa: FBT002 — its signature
            opened.append(url)
            return True

    monkeypatch.setattr(webbrowser.GenericBrowser, "open", Window.open)
    monkeypatch.setattr(webbrowser, "get", Window)
    assert run("play", "x**2").out == "wrote play.html\n"
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("lynx"))
    assert run("play", "x**2").out == "wrote play-2.html; open it in a browser\n"
    assert opened == [Path("play.html").absolute().as_uri()]


def test_what_is_no_formula_or_no_name_of_it_is_one_line(run):
    for arguments in [("x +",), ("2",), ("x", "y=1"), ("x", "x=1", "x=2")]:
        done = run("play", *arguments)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert not [*Path().iterdir()]
