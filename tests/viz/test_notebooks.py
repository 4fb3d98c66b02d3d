"""In a notebook, with a kernel of its own: figures show, and so do the user's."""

import re
from base64 import b64decode
from textwrap import dedent

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

CELLS = {
    "imports": """
        from micrograd_gd import viz
        rows = [{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 0.5}]
    """,
    "our first plot": "viz.plot_history(rows);",
    "the user's plot": """
        from matplotlib import pyplot as plt
        plt.plot([1, 2]);
    """,
    "state": "print(plt.isinteractive(), plt.get_fignums())",
    "a history": """
        from micrograd_gd import *
        from micrograd_gd import optim
        model = MLP(2, [3, 1], seed=0)
        fit(model, [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], loss="mse", epochs=3, seed=0)
    """,
    "a descent": "minimize(lambda x: x * x, 1.0)",
    "a curve": "find_learning_rate(lambda x: x * x, 1.0)",
    "a sweep": "sweep_learning_rates(lambda x: x * x, 1.0, [0.1, 2.0])",
    "a graph": "graph(Value(2.0, label='a') * 3.0)",
    "a model": "model",
    "a page": "live(Value(2.0, label='a') * 3.0)",
    "a value": "Value(2.0, label='a') * 3.0",
    "a prediction": "model([1.0, 2.0])",
    "an optimizer": "optim.Adam(model.parameters())",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What every cell shows: the text that is printed, and data by type."""
    cells = [nbformat.v4.new_code_cell(dedent(code)) for code in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):  # not the user's
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        nbclient.NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    return {
        name: [shown(output) for output in cell.outputs]
        for name, cell in zip(CELLS, notebook.cells, strict=True)
    }


def shown(output):
    """What is printed, data by type, or the line of an error."""
    return output.get("text") or output.get("data") or f"{output.ename}: {output.evalue}"


def test_all_figures_show_after_a_plot_of_ours(outputs):
    for name in ("our first plot", "the user's plot"):
        (shown,) = outputs[name]
        assert "image/png" in shown
    assert outputs["state"] == ["True []\n"]


CURVES, PICTURES = ("a history", "a descent", "a curve", "a sweep"), ("a graph", "a model")


@pytest.mark.parametrize("name", [*CURVES, *PICTURES])
def test_trainings_graphs_and_models_show_themselves_in_notebooks_that_nobody_trusts_too(
    name, outputs
):
    *bar, bundle = outputs[name]
    assert bundle["text/plain"]
    assert b64decode(bundle["image/png"]).startswith(b"\x89PNG\r\n")
    if name in PICTURES:
        pytest.importorskip("pygraphviz")
        assert bundle["image/svg+xml"].startswith("<?xml")
    if name == "a history":  # the bar is there, and no warning
        assert "3/3" in "".join(bar)
        assert "arning" not in "".join(bar)
    else:
        assert bar == []


def test_a_page_is_shown_in_place_and_as_its_picture_where_frames_are_dropped(outputs):
    html = outputs["a page"][0]["text/html"]
    assert 'sandbox="allow-scripts"' in html
    pytest.importorskip("pygraphviz")
    untrusted = re.sub(r"<iframe.*</iframe>", "", html, flags=re.DOTALL)
    data = re.search(r'<img src="data:image/svg\+xml;base64,([^"]+)"', untrusted)[1]
    assert b"<svg" in b64decode(data)


def test_values_are_formulas_as_far_as_they_are_readable(outputs):
    assert "a \\cdot 3 = 6" in outputs["a value"][0]["text/latex"]
    assert outputs["a prediction"][0]["text/latex"].startswith(
        r"$\displaystyle \text{(20 nodes)} = "
    )
    assert "Adam" in outputs["an optimizer"][0]["text/plain"]
