"""Where a command writes: nothing that is there is overwritten unless the user says so."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any

import typer

from micrograd_gd.errors import ArgumentError
from micrograd_gd.files import hold

CHECKPOINT = "checkpoint.json"  # of a training until it has ended
TRAINING = "training.json"  # the last one, to go on with for more epochs
PICTURES = ("loss.svg", "graph.svg", "boundary.svg", "report.html")
RESULTS = ("model.json", "history.csv", *PICTURES, TRAINING)

Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]


def option(what: str, default: str, *names: str) -> Any:
    """The option `--out` of a command that writes somewhere by default."""
    taken = default.replace(".", "-2.") if "." in default else f"{default}-2"
    return typer.Option(
        *names, help=what, show_default=f"{default}, or {taken} where that is taken"
    )


def default_file(name: str, *, force: bool) -> Path:
    """A file in the current folder, under the next number where its name is taken."""
    return Path(name) if force else _next_free(Path(name), Path.exists)


def require_new(path: Path | None, option: str = "--out", *, force: bool) -> None:
    """Raise ArgumentError where a file is there already, unless it is to be overwritten."""
    if path is not None and path.is_file() and not force:
        raise ArgumentError(f"{path} is there already; choose another {option}, or add --force")


@contextmanager
def folder(out: Path | None, default: str, *, force: bool) -> Iterator[Path]:
    """The folder of a training, which is held against other processes until the block ends.

    It is made where it is not there. It is `out`, or the next name like the default that is free of
    finished trainings.

    Raises ArgumentError where it holds a training, unless that is to be overwritten; where another
    process holds the folder; and where nothing can be written.
    """
    place = out or (Path(default) if force else _next_free(Path(default), _is_finished))
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(place))
        except BlockingIOError:
            expected = "wait for its end, or choose another --out"
            raise ArgumentError(f"another training is running in {place}; {expected}") from None
        except OSError as error:
            reason = error.strerror or error
            expected = "expected a folder that can be written to: choose another --out"
            raise ArgumentError(f"{place}: {reason}; {expected}") from None
        if not force:
            _require_free(place)
        yield place


def keep_apart(place: Path) -> Path:
    """The folder for what is no success: the place itself, or a new one where it has results."""
    if _has_results(place):
        place = _next_free(place, Path.exists)
        place.mkdir()
    return place


def _has_results(place: Path) -> bool:
    return any((place / name).exists() for name in RESULTS)


def _is_finished(place: Path) -> bool:
    return _has_results(place) and not (place / CHECKPOINT).exists()


def _require_free(place: Path) -> None:
    if (place / CHECKPOINT).exists():
        remedy = f"go on with it by --resume {place}, choose another --out, or add --force"
        raise ArgumentError(f"an interrupted training is in {place}: {remedy}")
    for name in RESULTS:
        require_new(place / name, force=False)


def _next_free(place: Path, is_taken: Callable[[Path], bool]) -> Path:
    """The place, or the same with the first number from 2 on that is free."""
    named = place if place.name.strip(".") else place / "run"  # "." and ".." are names of none
    numbered = (named.with_stem(f"{named.stem}-{number}") for number in count(2))
    return next(each for each in chain([place], numbered) if not is_taken(each))
