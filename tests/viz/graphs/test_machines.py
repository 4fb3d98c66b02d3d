"""Pictures on three kinds of machines: with no Graphviz, with the program dot, with pygraphviz.

Needs nothing but pytest, so that it can run where no extra is installed.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from micrograd_gd import MLP, Value, draw_dot, graph, scope
from micrograd_gd.errors import DrawingError
from micrograd_gd.viz import render
from micrograd_gd.viz.formats import PICTURES

ROOT = Path(__file__).parents[3]
DOT = shutil.which("dot")  # before any test empties the PATH
STARTS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
HOSTILE = ['"><script>x</script>', "{a|b}", "\\N \\G", "<<b>x</b>>", "&amp;", "%", "ü∂ 日本", "a\n"]


@pytest.fixture
def nothing(monkeypatch):
    """A machine without any Graphviz."""
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", "")


@pytest.fixture(params=["dot", "pygraphviz"])
def engine(request, monkeypatch, tmp_path):
    """A machine with one kind of Graphviz, where that is here."""
    if request.param == "dot":
        if DOT is None:
            pytest.skip("there is no program dot here")
        monkeypatch.setitem(sys.modules, "pygraphviz", None)
        monkeypatch.setenv("PATH", str(Path(DOT).parent))
    else:
        if find_spec("pygraphviz") is None:
            pytest.skip("pygraphviz is not installed here")
        monkeypatch.setenv("PATH", "")
    return request.param


def a_graph():
    """Every kind of box, frame and arrow."""
    labels = [Value(1.0 + i, label=label) for i, label in enumerate(HOSTILE)]
    with scope("<i>{s|t}\\N"):
        y = sum(label * label for label in labels)
    y += MLP(2, [8, 1], seed=0)([labels[0], 1.0]).tanh()
    for _ in range(100):
        y = y * 0.5
    y.backward()
    return graph(y, model=MLP(2, 1), depth=0, partials=True)


@pytest.mark.parametrize("kind", PICTURES)
def test_each_engine_draws_each_format(engine, kind, tmp_path):
    picture = a_graph()
    picture.save(tmp_path / f"graph.{kind.upper()}")
    content = (tmp_path / f"graph.{kind.upper()}").read_bytes()
    assert content.startswith(STARTS[kind])
    assert len(content) > 2000
    assert type(getattr(picture, kind)()) is (str if kind == "svg" else bytes)


def test_each_engine_shows_labels_as_they_are(engine):
    y = sum(Value(1.0, label=label) for label in HOSTILE)
    svg = graph(y).svg()
    assert "<script" not in svg
    for text in ("{a|b}", r"\N \G", "&lt;&lt;b&gt;x&lt;/b&gt;&gt;", "&amp;amp;", "ü∂", r"a\n"):
        assert text.replace(" ", "&#160;") in svg.replace(" ", "&#160;")


def test_each_engine_draws_from_many_threads_at_once(engine, capfd):
    pictures = []

    def draw():
        pictures.extend(graph(Value(1.0) * 2).svg() for _ in range(5))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pictures) == 20
    assert len(set(pictures)) == 1
    os.write(2, b"standard error is where it was")
    assert capfd.readouterr().err == "standard error is where it was"


def test_each_engine_draws_where_standard_error_is_closed(engine):
    code = (
        "import os; os.close(2); from micrograd_gd import Value; from micrograd_gd.viz import *\n"
    )
    if engine == "dot":
        code = f"import sys; sys.modules['pygraphviz'] = None\n{code}"
    code += "from micrograd_gd.viz import graph\nprint(graph(Value(1.0)).svg()[:5])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "<?xml\n"


def test_each_engine_draws_more_than_a_thousand_boxes_without_remarks(engine, capfd):
    y = Value(1.0)
    for _ in range(520):
        y = y * 1.5 + 1.0
    assert graph(y, max_nodes=2000).svg().count('class="node"') == 1041
    assert capfd.readouterr() == ("", "")


def test_drawing_twice_gives_the_same_bytes(engine, tmp_path):
    code = (
        "import sys\n"
        "if 'ENGINE' == 'dot': sys.modules['pygraphviz'] = None\n"
        "from micrograd_gd import MLP, Value\n"
        "from micrograd_gd.viz import graph\n"
        "a, b = Value(2.0, label='a'), Value(3.0)\n"
        "picture = graph(MLP(2, [20, 20, 1], seed=0)([a, (a * b + a).tanh()]))\n"
        "picture.save('PATH')\n"
        "print(picture.dot, str(picture))\n"
    ).replace("ENGINE", engine)
    runs = [
        subprocess.run(
            [sys.executable, "-c", code.replace("PATH", str(tmp_path / f"{seed}.svg"))],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()
    assert runs[0].stderr == ""  # no remarks on font settings


@pytest.mark.usefixtures("nothing")
def test_without_graphviz_the_error_names_both_ways_to_get_it(tmp_path):
    (tmp_path / "graph.svg").write_text("before")
    for draw in (lambda: render(draw_dot(Value(1.0)), tmp_path / "graph.svg"), a_graph().pdf):
        with pytest.raises(DrawingError) as caught:
            draw()
        assert "pip install 'micrograd_gd[viz]'" in str(caught.value)
        assert "install the program dot" in str(caught.value)
    assert (tmp_path / "graph.svg").read_text() == "before"


@pytest.mark.usefixtures("nothing")
def test_without_graphviz_the_texts_are_there(tmp_path):
    picture = a_graph()
    for suffix in ("dot", "gv"):
        picture.save(tmp_path / f"graph.{suffix}")
        assert (tmp_path / f"graph.{suffix}").read_text(encoding="utf-8") == picture.dot
    assert "99 × mul" in str(picture)


@pytest.mark.usefixtures("nothing")
def test_without_graphviz_a_notebook_shows_the_text_and_says_why():
    bundle = graph(Value(2.0, label="a") * 3)._repr_mimebundle_(include=None, exclude=None)
    assert [*bundle] == ["text/plain"]
    lines = bundle["text/plain"].splitlines()
    assert lines[:2] == ["a  data 2  grad –", "v2 = a * 3  data 6  grad –"]
    assert "pip install 'micrograd_gd[viz]'" in lines[2]


def test_a_notebook_shows_the_picture(engine):
    bundle = graph(Value(2.0, label="a") * 3)._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<?xml")
    assert bundle["text/plain"] == "a  data 2  grad –\nv2 = a * 3  data 6  grad –"


def test_a_notebook_shows_the_digraph_of_draw_dot_without_the_program(engine):
    digraph = draw_dot(Value(2.0, label="a") * 3)
    bundle = digraph._repr_mimebundle_(include=None, exclude=None)
    assert bundle["image/svg+xml"].startswith("<?xml")
    assert bundle["text/plain"] == digraph.source


@pytest.mark.usefixtures("nothing")
def test_the_program_dot_is_called_and_its_complaint_is_told(tmp_path, monkeypatch):
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho drawn as $1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    render(draw_dot(Value(1.0)), tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text() == "drawn as -Tsvg\n"
    program.write_text("#!/bin/sh\necho no fonts >&2\nexit 3\n")
    with pytest.raises(DrawingError, match="could not draw the graph: no fonts"):
        render(draw_dot(Value(1.0)), tmp_path / "graph.svg")
    program.write_text("no program at all")
    with pytest.raises(DrawingError, match="does not start"):
        graph(Value(1.0)).svg()


@pytest.mark.usefixtures("nothing")
def test_an_engine_that_fails_leaves_it_to_the_next(tmp_path, monkeypatch):
    class Broken:
        def __init__(self, string):
            pass

        def draw(self, **_):
            raise ValueError("no layout in this build")

        def close(self):
            pass

    monkeypatch.setitem(sys.modules, "pygraphviz", type(sys)("pygraphviz"))
    sys.modules["pygraphviz"].AGraph = Broken
    with pytest.raises(DrawingError, match="pygraphviz could not draw the graph: no layout"):
        graph(Value(1.0)).svg()
    (tmp_path / "dot").write_text("#!/bin/sh\necho drawn\n")
    (tmp_path / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert graph(Value(1.0)).svg() == "drawn\n"


def test_another_suffix_is_an_error(tmp_path):
    expected = "the suffix '.gif'; expected one of .svg, .png, .pdf"
    with pytest.raises(DrawingError, match=re.escape(expected)):
        render(draw_dot(Value(1.0)), tmp_path / "graph.gif")
    with pytest.raises(DrawingError, match=re.escape(f"{expected}, .dot, .gv")):
        graph(Value(1.0)).save(tmp_path / "graph.gif")


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        graph(Value(1.0)).save(tmp_path / "none" / "graph.dot")
