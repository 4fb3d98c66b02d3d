"""Writing a file whole or not at all: a reader never finds half of it."""

import os
from pathlib import Path


def write_file(path: str | os.PathLike[str], content: bytes) -> None:
    r"""Write beside `path`, then move into place: what was there stays until all is written.

    OSError where the folder is missing or not writable; nothing is left behind then.

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
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
