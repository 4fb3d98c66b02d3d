"""What all pages share: one file of HTML, its style, its policy, and the parts that stand in it.

A kind of part is a folder here, such as `graph`. It holds `part.html`, what stands in the part;
`part.css`; and scripts. One of them defines `mount(place, data)`, which brings the part to life:
`place` is the element around `part.html`, whose elements are found by `data-part`, and `data` is
what Python gathered. Scripts of a kind share their names with each other, and use those of `frame`
and the engine. Several parts, of one kind or of many, may stand on a page.
"""

import base64
import contextlib
import hashlib
import html
import json
import os
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from micrograd_gd.files import write_file
from micrograd_gd.pages.engine import write_engine

HERE = resources.files("micrograd_gd.pages")


@dataclass(frozen=True)
class Part:
    """A part of a page: which kind it is, and what it shows, as JSON holds it.

    `uses` are kinds of which its scripts add parts, by `mountPart`.
    """

    kind: str
    data: Any
    uses: tuple[str, ...] = ()


_PLACE = "grid-area: 1 / 1; width: 100%"
_COVER = f'style="{_PLACE}; height: 860px; border: 0" width="100%" height="860"'
_COVERED = 'style="grid-area: 1 / 1; max-width: 100%; max-height: 860px"'


class Page:
    """One HTML file that needs no network; a notebook shows it in place."""

    def __init__(self, text: str, title: str, picture: Callable[[], str] | None = None) -> None:
        self.html = text
        self.title = title
        self._picture = picture

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, whole or not at all."""
        write_file(path, self.html.encode())

    def __repr__(self) -> str:
        return f"Page({len(self.html):,} characters of HTML; save(path) writes it)"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, which covers a picture.

        A notebook that the reader does not trust drops the frame, and so shows the picture.
        """
        title, text = html.escape(self.title), html.escape(self.html)
        picture = ""
        with contextlib.suppress(Exception):  # a notebook shows the page, whatever dot says
            if self._picture is not None:
                data = base64.b64encode(self._picture().encode()).decode()
                picture = f'<img src="data:image/svg+xml;base64,{data}" alt="{title}" {_COVERED}>'
        frame = (
            f'<iframe srcdoc="{text}" sandbox="allow-scripts" title="{title}" {_COVER}></iframe>'
        )
        return f'<div style="display: grid">{picture}{frame}</div>'


def write_page(
    title: str, pieces: Sequence[str | Part], picture: Callable[[], str] | None = None
) -> Page:
    """A page of pieces in order: parts, and HTML that is our own, not anybody's text.

    `picture` draws the SVG that stands for it where no script may run.
    """
    parts = [piece for piece in pieces if isinstance(piece, Part)]
    used = list(dict.fromkeys(kind for part in parts for kind in part.uses))
    kinds = list(dict.fromkeys([*[part.kind for part in parts], *used]))
    style = "".join([_read("frame", ".css"), *[_read(kind, ".css") for kind in kinds]])
    script = "\n".join(
        ["", write_engine(), _read("frame", ".js"), *map(_write_kind, kinds), "mountAll();"]
    )
    bodies = [piece if isinstance(piece, str) else _write_place(piece) for piece in pieces]
    text = string.Template(_read("frame", ".html")).substitute(
        title=html.escape(title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        body="\n".join([*bodies, *map(_write_template, used)]),
        data=json.dumps([part.data for part in parts]).replace("<", "\\u003c"),
    )
    return Page(text, title, picture)


def _write_kind(kind: str) -> str:
    return f"kinds.{kind} = (() => {{\n{_read(kind, '.js')}\nreturn mount;\n}})();"


def _write_place(part: Part) -> str:
    text = _read(part.kind, ".html")
    return f'<section data-kind="{part.kind}" class="{part.kind}">\n{text}</section>'


def _write_template(kind: str) -> str:
    return f'<template data-template="{kind}">\n{_read(kind, ".html")}</template>'


def _read(kind: str, suffix: str) -> str:
    """The files of a kind that end alike, one after the other."""
    files = sorted((HERE / kind).iterdir(), key=lambda file: file.name)
    return "\n".join([x.read_text(encoding="utf-8") for x in files if x.name.endswith(suffix)])


def _hash(text: str) -> str:
    """What a content security policy names the one script, or the one style, that may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
