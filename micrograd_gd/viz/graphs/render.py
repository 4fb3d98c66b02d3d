"""From the text of a graph to a picture, by whichever Graphviz is installed."""

import base64
import io
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr
from typing import TYPE_CHECKING

from micrograd_gd.errors import DrawingError
from micrograd_gd.files import write_file
from micrograd_gd.viz.formats import PICTURES, format_of

if TYPE_CHECKING:
    from graphviz import Digraph

_TEXTS = ("dot", "gv")
_WASM = "https://cdn.jsdelivr.net/npm/@hpcc-js/wasm-graphviz@1.29.2/dist/index.js"
_LOAD = f"import('{_WASM}').then((m) => m.Graphviz.load()).then((g) => globalThis.graphviz = g)"
_IN_BROWSER = sys.platform == "emscripten"  # Pyodide
_STDERR = 2  # its number, whatever sys.stderr is
_NO_ENGINE = (
    "no Graphviz here to draw the graph with: run pip install 'micrograd_gd[viz]', "
    "or install the program dot from https://graphviz.org/download"
)


def render(digraph: "Digraph", path: str | os.PathLike[str]) -> None:
    """Write a graph to a file, as the suffix says: svg, png, pdf; or dot, gv, its text.

    Raises DrawingError for another suffix, and where `render_source` does; OSError where the file
    cannot be written.

    >>> import tempfile
    >>> from micrograd_gd import Value, draw_dot
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     render(draw_dot(Value(2.0) * 3.0), f"{folder}/graph.dot")
    """
    kind = format_of(path, (*PICTURES, *_TEXTS))
    source = str(digraph.source)
    write_file(path, source.encode() if kind in _TEXTS else render_source(source, kind))


def render_source(source: str, kind: str) -> bytes:
    """A picture of DOT text; `kind` is svg, png or pdf.

    The Graphviz inside of pygraphviz draws it, or else the program `dot`. Where Python runs in a
    browser, so does Graphviz, and draws SVG alone.

    Raises DrawingError where there is none, and where all fail.
    """
    failures = []
    for engine in (_by_pygraphviz, _by_program, _by_browser):
        try:
            picture = engine(source, kind)
        except DrawingError as error:
            failures.append(str(error))
        else:
            if picture is not None:
                return picture
    raise DrawingError("; ".join(failures) or _NO_ENGINE)


def mime_bundle(source: str, text: str) -> dict[str, str]:
    """What a notebook shows of DOT text: the picture, or else a text and the reason.

    SVG is sharp at any size, but shown in notebooks alone that the reader trusts; others show PNG.
    """
    try:
        bundle = {"image/svg+xml": render_source(source, "svg").decode(), "text/plain": text}
        if not _IN_BROWSER:
            bundle["image/png"] = base64.b64encode(render_source(source, "png")).decode()
    except Exception as error:  # noqa: BLE001 — a notebook must show something
        return {"text/plain": f"{text}\n(no picture: {error})"}
    return bundle


def _by_pygraphviz(source: str, kind: str) -> bytes | None:
    try:
        import pygraphviz  # noqa: PLC0415 — an extra: only this function needs it
    except ImportError:
        return None
    with _one_at_a_time, _silent_stderr():
        try:
            with closing(pygraphviz.AGraph(string=source)) as graph:
                picture: bytes = graph.draw(format=kind, prog="dot")
        except (OSError, ValueError) as error:  # it writes temporary files
            raise DrawingError(f"pygraphviz could not draw the graph: {error}") from error
    return picture


def _by_program(source: str, kind: str) -> bytes | None:
    program = shutil.which("dot")
    if program is None:
        return None
    command = [program, f"-T{kind}"]
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)  # noqa: S603 — the DOT text goes in as data, not as a command
    except OSError as error:
        raise DrawingError(f"{program} does not start: {error}") from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise DrawingError(f"{program} could not draw the graph: {reason}")
    return done.stdout


def _by_browser(source: str, kind: str) -> bytes | None:
    if not _IN_BROWSER or kind != "svg":
        return None
    import js  # noqa: PLC0415 — there in a browser alone
    from pyodide.code import run_js  # noqa: PLC0415 — as above
    from pyodide.ffi import JsException, can_run_sync, run_sync  # noqa: PLC0415 — as above

    try:
        if not hasattr(js, "graphviz"):
            loading = run_js(_LOAD)
            if not can_run_sync():
                raise DrawingError("Graphviz is on its way here: draw again in a few seconds")
            run_sync(loading)
        return str(js.graphviz.dot(source)).encode()
    except JsException as error:
        raise DrawingError(f"Graphviz in the browser could not draw the graph: {error}") from error


# Graphviz keeps its state in the process, as does standard error; and no process is forked while it
# draws.
_one_at_a_time = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_one_at_a_time.acquire,
        after_in_parent=_one_at_a_time.release,
        after_in_child=_one_at_a_time.release,
    )


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what is written to standard error, from C as well: remarks on fonts and sizes."""
    with redirect_stderr(io.StringIO()):
        try:
            saved = os.dup(_STDERR)
        except OSError:  # it is closed, and so silent
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, _STDERR)
            os.close(nowhere)
            yield
        finally:
            os.dup2(saved, _STDERR)
            os.close(saved)
