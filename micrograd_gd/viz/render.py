"""From the text of a graph to a picture, by whichever Graphviz there is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from micrograd_gd.errors import DrawingError
from micrograd_gd.files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphviz import Digraph

FORMATS = ("svg", "png", "pdf")


def render(digraph: Digraph, path: str | os.PathLike[str]) -> None:
    """Write a graph as the kind of picture that the suffix of ``path`` names: svg, png or pdf.

    The Graphviz inside of pygraphviz draws it, or else the program ``dot``. ``DrawingError`` for
    another suffix, and where neither is installed; ``OSError`` if the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        expected = f"expected one of {', '.join('.' + known for known in FORMATS)}"
        raise DrawingError(f"{path}: the suffix {path.suffix!r}; {expected}: rename the file")
    write_file(path, _picture(digraph.source, kind))


def _picture(source: str, kind: str) -> bytes:
    picture = _by_pygraphviz(source, kind)
    if picture is None:
        picture = _by_program(source, kind)
    if picture is None:
        raise DrawingError(
            "no Graphviz here to draw the graph with: run pip install 'micrograd_gd[viz]', "
            "or install the program dot from https://graphviz.org/download"
        )
    return picture


def _by_pygraphviz(source: str, kind: str) -> bytes | None:
    try:
        import pygraphviz  # noqa: PLC0415 — an extra: only this function needs it
    except ImportError:
        return None
    with _silent_stderr():
        graph = pygraphviz.AGraph(string=source)
        try:
            picture: bytes = graph.draw(format=kind, prog="dot")
        except (OSError, ValueError) as error:
            raise DrawingError(f"Graphviz could not draw the graph: {error}") from error
        finally:
            graph.close()
    return picture


def _by_program(source: str, kind: str) -> bytes | None:
    program = shutil.which("dot")
    if program is None:
        return None
    command = [program, f"-T{kind}"]
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)  # noqa: S603 — the DOT text goes in as data, not as a command
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise DrawingError(f"{program} could not draw the graph: {reason}")
    return done.stdout


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep what C libraries write to standard error, such as remarks on font settings, away."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
