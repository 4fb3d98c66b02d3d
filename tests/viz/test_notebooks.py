"""In a notebook, with a kernel of its own: figures show, and so do the user's."""

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
}


@pytest.fixture(scope="module")
def outputs():
    """What every cell shows: the text that is printed, and data by type."""
    cells = [nbformat.v4.new_code_cell(dedent(code)) for code in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    return {
        name: [output.get("text") or output.get("data") for output in cell.outputs]
        for name, cell in zip(CELLS, notebook.cells, strict=True)
    }


def test_all_figures_show_after_a_plot_of_ours(outputs):
    for name in ("our first plot", "the user's plot"):
        (shown,) = outputs[name]
        assert "image/png" in shown
    assert outputs["state"] == ["True []\n"]
