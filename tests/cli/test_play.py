"""The command that opens pages."""

import webbrowser
from pathlib import Path

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
