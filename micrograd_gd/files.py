"""Writing a file as a whole: a reader never finds half of it."""

import os
import re
from pathlib import Path


def write_file(path: str | os.PathLike[str], content: bytes) -> None:
    r"""Write a file beside `path`, then move it there: the old file stays until all is written.

    Raises OSError, which names `path`, where it cannot be written; then nothing is left behind.

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
    """Remove the unfinished files of processes that ended while they were writing.

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
