"""Open pages in JupyterLab, in a notebook of one's own and in one of somebody else.

`python tests/benchmarks/walk_notebooks.py` runs a notebook by nbclient, and opens it in Chromium:
pages work in place where the notebook is trusted; otherwise their pictures are there, and nothing
runs. It needs `pip install jupyterlab`.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbclient
import nbformat
from playwright.sync_api import sync_playwright

HOSTILE = "</script><script>done=1</script><img src=x onerror='done=1'>"

CELLS = [
    "from micrograd_gd import MLP, Value, data, fit, live, parse",
    f"live(Value(2.0, label={HOSTILE!r}) * Value(3.0, label='b'))",
    "live(parse('x*y'), start={'x': 1.0, 'y': 2.0}, max_steps=3)",
    "model = MLP(2, [4, 1], 'tanh', seed=0); live(model, data=data.moons(20, seed=0))",
    "live(fit(model, *data.moons(20, seed=0), epochs=3, progress=False))",
]


def run_notebook(folder):
    """A notebook that was run and saved, which this reader trusts, and another one."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    nbformat.write(notebook, folder / "trusted.ipynb")
    subprocess.run(
        [sys.executable, "-m", "nbformat.sign", "trusted.ipynb"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    notebook.cells.append(nbformat.v4.new_markdown_cell("This one was not signed."))
    nbformat.write(notebook, folder / "foreign.ipynb")


@contextmanager
def serve(folder):
    """JupyterLab on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
               f"--ServerApp.port={address.rpartition(':')[2]}", "--IdentityProvider.token=",
               "--LabApp.news_url=None"]  # fmt: skip
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        for _ in range(240):
            time.sleep(0.5)
            try:
                urllib.request.urlopen(f"{address}/api").close()  # noqa: S310 — our own server
                break
            except OSError:
                pass
        yield address
    finally:
        server.terminate()
        server.wait()


def open_notebook(browser, address, name):
    """How many pages and how many pictures a notebook shows, and what went wrong."""
    tab, wrong = browser.new_page(), []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    tab.goto(f"{address}/doc/tree/{name}.ipynb")
    tab.locator(".jp-OutputArea-output img").nth(3).wait_for(timeout=120_000)
    tab.wait_for_timeout(2000)
    pages = sum(frame.locator("section[data-kind]").count() > 0 for frame in tab.frames[1:])
    images = ".jp-OutputArea-output img"
    pictures = tab.eval_on_selector_all(images, "all => all.filter((x) => x.naturalWidth).length")
    if pages:
        frame = tab.frames[1]
        frame.locator("[data-part=last]").press("Enter")
        frame.locator(".node.root[aria-label$='grad 1']").wait_for()
    ran = tab.evaluate("typeof done !== 'undefined'")
    tab.close()
    return pages, pictures, [*wrong, *(["a script of somebody else has run"] if ran else [])]


def main(folder):
    """Print what is seen of a notebook that is trusted, and of one that is not."""
    for kind in ("CONFIG", "DATA", "RUNTIME"):
        os.environ[f"JUPYTER_{kind}_DIR"] = str(folder / kind)
    run_notebook(folder)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with serve(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, expected in (("trusted", (4, 4)), ("foreign", (0, 4))):
            *counts, wrong = open_notebook(browser, address, name)
            print(f"{name}: {counts[0]} pages in place, {counts[1]} pictures")  # noqa: T201 — a command that prints
            if wrong or tuple(counts) != expected:
                sys.exit("\n".join([f"expected {expected}", *wrong]))
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(place))
