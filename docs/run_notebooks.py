"""Run the notebooks of a site from top to bottom, and compare what they print with what they show.

`python docs/run_notebooks.py SITE [NODE_MODULES]`. Each has a kernel and a folder of its own. Where
`NODE_MODULES` holds pyodide and @hpcc-js/wasm-graphviz, each runs once more: under Pyodide, on the
wheel of the site's JupyterLite.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def printed(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell of code printed."""
    return [
        "".join(each.text for each in cell.outputs if each.get("name") == "stdout")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def run(path: Path) -> None:
    """Run a notebook; raise what a cell raises, and ValueError where it prints something else."""
    notebook = nbformat.read(path, as_version=4)
    shown = printed(notebook)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=120, resources=resources).execute()
    for i, (new, old) in enumerate(zip(printed(notebook), shown, strict=True), 1):
        if new != old:
            raise ValueError(f"{path.name}: cell {i} printed\n{new}\nwhere the page shows\n{old}")
    print(f"{path.name}: {len(shown)} cells")


@contextmanager
def pyodide(site: Path, modules: Path, notebooks: list[Path]) -> Iterator[None]:
    """Meanwhile, run notebooks under Pyodide in Node, with the packages that are Python alone."""
    with tempfile.TemporaryDirectory() as wheels:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels]
        subprocess.run([*command, "graphviz", "mpmath"], check=True)  # noqa: S603 — our own
        [wheel] = site.glob("lab/**/micrograd_gd-*-py3-none-any.whl")
        Path(wheels, wheel.name).write_bytes(wheel.read_bytes())
        script = Path(__file__).with_name("pyodide.mjs")
        node = ["node", script, modules, wheels, *notebooks]
        with subprocess.Popen(node, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 — whichever node is there
            yield
            print(process.communicate()[0])
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, node)


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["MPLBACKEND"] = "agg"
    site, *modules = map(Path, sys.argv[1:])
    notebooks = sorted(site.glob("notebooks/*.ipynb"))
    with ExitStack() as stack:
        for each in modules:
            stack.enter_context(pyodide(site, each, notebooks))
        for each in notebooks:
            run(each)
