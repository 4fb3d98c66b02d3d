"""Writing a file whole or not at all: a reader never finds half of it."""

import os
import re
from pathlib import Path


def write_file(path: str | os.PathLike[str], content: bytes) -> None:
    r"""Write beside `path`, then move into place: what was there stays until all is written.

    OSError, which names `path`, where it cannot be written; nothing is left behind then.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_file(Path(folder) / "a.txt", b"one\n")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    target = Path(path).resolve()  # a link stays a link
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove the beginnings of files that a process left which ended while it was writing.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / ".model.json.123.part").write_bytes(b"{")
    ...     remove_leftovers(folder)
    ...     [*Path(folder).iterdir()]
    []
    """
    for path in Path(folder).iterdir():
        if re.fullmatch(r"\..+\.[0-9]+\.part", path.name):
            path.unlink(missing_ok=True)
