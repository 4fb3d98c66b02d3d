"""A bar that shows how far something is, in a terminal and in a notebook."""

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from micrograd_gd.names import missing_package


@contextmanager
def open_bar(wanted: bool | None, **settings: Any) -> Iterator[Any]:  # noqa: FBT001 — the one question
    """A bar of tqdm with these settings, or None where it is not wanted, or nobody would see it.

    Where it is True, tqdm has to be there; where it is None, it may be.

    Raises ImportError for a bar that is asked for without tqdm.
    """
    is_seen = (sys.stderr is not None and sys.stderr.isatty()) or "ipykernel" in sys.modules
    bar = None
    if wanted is not False and (wanted or is_seen):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that there are no widgets, where the bar is text
                from tqdm.auto import tqdm  # noqa: PLC0415 — an extra: only a bar needs it
        except ImportError:
            if wanted:
                raise missing_package("tqdm", "progress=True") from None
        else:
            bar = tqdm(**settings) if is_seen else None
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()


def count(xs: Iterable[Any], bar: Any) -> Iterator[Any]:
    """The same things, each of which moves the bar, if there is one."""
    for x in xs:
        yield x
        if bar is not None:
            bar.update()
