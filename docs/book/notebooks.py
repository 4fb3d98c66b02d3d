"""The tutorial as notebooks: made of the same texts, with what their code prints.

A notebook needs no other file: pictures stand in it, and links lead to the repository. With
`sphinx-build -t lab`, the site also has JupyterLite, which runs the notebooks in the browser: on
Pyodide, which it fetches from its network, and on a wheel of the Python engine.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
CHAPTERS = sorted((DOCS / "tutorial").glob("*.md"))
PRINTED = re.compile(r"```text\n(.*?)```\n*", re.DOTALL)
LINK = re.compile(r"(!?\[[^]]*\]\()(?!https?:|#)([^)\s]+)")
SHOWS = re.compile(r"\[[^]]*\]\(([\w.-]+\.svg)\)")
SHELL = "%%sh"
INSTALL = "%pip install -q micrograd_gd matplotlib mpmath scipy"


def convert(chapter: Path, repository: str) -> nbformat.NotebookNode:
    """A chapter as a notebook."""
    notebook = jupytext.reads(chapter.read_text("utf-8"), fmt="md")
    cells: list[nbformat.NotebookNode] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            printed = PRINTED.match(cell.source)
            if printed and cells and cells[-1].cell_type == "code":
                cells[-1].outputs = [new_output("stream", name="stdout", text=printed[1])]
                cell.source = cell.source[printed.end() :]
            embed(cell, chapter.parent, repository)
        if cell.source:
            cells.append(cell)
    notebook.cells = cells
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    }
    for i, cell in enumerate(cells):
        cell.id = f"{chapter.stem[:50]}-{i}"  # the same bytes each time
    return notebook


def embed(cell: nbformat.NotebookNode, folder: Path, repository: str) -> None:
    """Take pictures into a cell of text, and lead its other links to the repository."""
    pictures = {name: (folder / name).read_bytes() for name in SHOWS.findall(cell.source)}
    if pictures:
        cell.attachments = {
            name: {"image/svg+xml": base64.b64encode(data).decode()}
            for name, data in pictures.items()
        }

    def lead(link: re.Match[str]) -> str:
        if link[2] in pictures:
            return f"{link[1]}attachment:{link[2]}"
        path = Path(os.path.normpath(folder / link[2])).relative_to(DOCS.parent)
        return f"{link[1]}{repository}/blob/main/{path.as_posix()}"

    cell.source = LINK.sub(lead, cell.source)


def write(folder: Path, repository: str) -> list[Path]:
    """Write all chapters as notebooks into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for chapter in CHAPTERS:
        paths.append(folder / f"{chapter.stem}.ipynb")
        save(convert(chapter, repository), paths[-1])
    return paths


def save(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook, each text in one piece: JupyterLite reads no lists of lines."""
    nbformat.validate(notebook)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


def write_lab(site: Path, notebooks: list[Path]) -> None:
    """Put JupyterLite into the site, with the notebooks and a wheel of the Python engine."""
    with tempfile.TemporaryDirectory() as temporary:
        contents = Path(temporary, "contents")
        contents.mkdir()
        for path in notebooks:
            notebook = nbformat.read(path, as_version=4)
            install = new_code_cell(INSTALL, id="install")
            notebook.cells = [install, *map(without_shell, notebook.cells)]
            notebook.metadata.kernelspec = {"name": "python", "display_name": "Python (Pyodide)"}
            save(notebook, contents / path.name)
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
        run([*pip, "-w", temporary, str(DOCS.parent)], temporary, MICROGRAD_GD_PURE="1")
        [wheel] = Path(temporary).glob("*-py3-none-any.whl")
        build = [sys.executable, "-m", "jupyter", "lite", "build", "--no-sourcemaps"]
        build += ["--contents", str(contents), "--piplite-wheels", str(wheel)]
        run([*build, "--output-dir", str(site / "lab")], temporary)


def without_shell(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The cell; as text, if it needs a shell, which a browser does not have."""
    if not cell.source.startswith(SHELL):
        return cell
    return new_markdown_cell(f"```sh{cell.source.removeprefix(SHELL)}\n```", id=cell.id)


def run(command: list[str], folder: str, **variables: str) -> None:
    """Run a command; show what it says if it fails."""
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)  # noqa: S603 — our own
    if done.returncode:
        sys.stderr.write((done.stdout + done.stderr).decode(errors="replace"))
        done.check_returncode()


def offer(app: Sphinx, document: nodes.document) -> None:
    """Offer the notebook below the title of a chapter."""
    name = app.env.docname
    if Path(app.env.doc2path(name)) in CHAPTERS:
        file = f"{name.partition('/')[2]}.ipynb"
        links = [nodes.reference("", "Download as a notebook", refuri=f"../notebooks/{file}")]
        if app.tags.has("lab"):
            url = f"../lab/lab/index.html?path={file}"
            links += [nodes.Text(" · "), nodes.reference("", "Run in the browser", refuri=url)]
        title = next(document.findall(nodes.title))
        title.parent.insert(1, nodes.paragraph("", "", *links, classes=["notebook"]))


def make(app: Sphinx, error: Exception | None) -> None:
    """Write the notebooks beside the pages."""
    if error is None and app.builder.name == "html":
        repository = app.config.html_theme_options["source_repository"]
        notebooks = write(Path(app.outdir, "notebooks"), repository)
        if app.tags.has("lab"):
            write_lab(Path(app.outdir), notebooks)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every text, and write notebooks in the end."""
    app.connect("doctree-read", offer)
    app.connect("build-finished", make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
