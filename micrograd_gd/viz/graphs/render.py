"""From the text of a graph to a picture, by whichever Graphviz there is."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING

from micrograd_gd.errors import DrawingError
from micrograd_gd.files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphviz import Digraph

FORMATS = ("svg", "png", "pdf")

_STDERR = 2  # its number, whatever sys.stderr is
_NO_ENGINE = (
    "no Graphviz here to draw the graph with: run pip install 'micrograd_gd[viz]', "
    "or install the program dot from https://graphviz.org/download"
)


def render(digraph: Digraph, path: str | os.PathLike[str]) -> None:
    """Write a graph as the kind of picture that the suffix of ``path`` names: svg, png or pdf.

    ``DrawingError`` for another suffix, and for what ``picture`` raises it; ``OSError`` if the file
    cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        expected = f"expected one of {', '.join('.' + known for known in FORMATS)}"
        raise DrawingError(f"{path}: the suffix {path.suffix!r}; {expected}: rename the file")
    write_file(path, picture(digraph.source, kind))


def picture(source: str, kind: str) -> bytes:
    """DOT text as the kind of picture that ``kind`` names: svg, png or pdf.

    The Graphviz inside of pygraphviz draws it, or else the program ``dot``. ``DrawingError`` where
    neither is installed, and where they fail.
    """
    failures = []
    for engine in (_by_pygraphviz, _by_program):
        try:
            drawn = engine(source, kind)
        except DrawingError as error:
            failures.append(str(error))
        else:
            if drawn is not None:
                return drawn
    raise DrawingError("; ".join(failures) or _NO_ENGINE)


def bundle(source: str, text: str) -> dict[str, str]:
    """What a notebook shows of DOT text: the picture, or else a text and why there is none."""
    try:
        return {"image/svg+xml": picture(source, "svg").decode(), "text/plain": text}
    except Exception as error:  # noqa: BLE001 — what a notebook asks for must not fail
        return {"text/plain": f"{text}\n(no picture: {error})"}


def _by_pygraphviz(source: str, kind: str) -> bytes | None:
    try:
        import pygraphviz  # noqa: PLC0415 — an extra: only this function needs it
    except ImportError:
        return None
    with _one_at_a_time, _silent_stderr():
        graph = pygraphviz.AGraph(string=source)
        try:
            drawn: bytes = graph.draw(format=kind, prog="dot")
        except (OSError, ValueError) as error:
            raise DrawingError(f"pygraphviz could not draw the graph: {error}") from error
        finally:
            graph.close()
    return drawn


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


_one_at_a_time = threading.Lock()  # Graphviz keeps its state in the process, as does standard error


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep away what comes on standard error, from C as well: remarks on fonts and on size."""
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
