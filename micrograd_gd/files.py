"""Writing files whole or not at all, and a folder that one process has for itself."""

import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

Pathname = str | os.PathLike[str]

_LEFTOVER = re.compile(r"\.micrograd_gd-[0-9a-f]{16}\.part")


def write_file(path: Pathname, content: bytes) -> None:
    r"""Write a file under another name, then give it its own: a reader never finds half of it.

    The file is on the disk when this returns. The permissions of an older file are kept. Where
    `path` is a symbolic link, the file that it points to is written. What is no file, such as a
    device, a pipe, or the standard output of this process, is written as it is.

    Raises OSError, which names `path`, where it cannot be written; then the older file is still
    there, and nothing else.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_file(Path(folder) / "a.txt", b"one\n")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    try:
        old = _examine(path)
        if old is None or _is_replaceable(old):
            _replace(Path(os.path.realpath(path)), content, old)
        else:
            _write_in_place(path, content, old)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, str(error), os.fspath(path)) from None


def _examine(path: Pathname) -> os.stat_result | None:
    """What is there already, behind all links; None for nothing."""
    try:
        return Path(path).stat()
    except FileNotFoundError:
        return None


def _is_replaceable(old: os.stat_result) -> bool:
    return stat.S_ISREG(old.st_mode) and _stream(old) is None


def _stream(old: os.stat_result) -> int | None:
    """The number of the standard stream that goes to this very file, if one does."""
    for number in (1, 2):
        with suppress(OSError):  # it is closed
            if os.path.samestat(old, os.fstat(number)):
                return number
    return None


def _replace(target: Path, content: bytes, old: os.stat_result | None) -> None:
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode)
    beside = _name_beside(target)
    try:
        # Mode x refuses what is there already, also a link that somebody prepared.
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if old is not None:
                _take_over(file.fileno(), old)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    _synchronize(target.parent)


def _name_beside(target: Path) -> Path:
    """A name that nobody else has, on the same disk, however long the target's own name is."""
    return target.with_name(f".micrograd_gd-{secrets.token_hex(8)}.part")


def _take_over(descriptor: int, old: os.stat_result) -> None:
    """Take over the owner of the older file, as far as this process may, and its permissions."""
    if hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _synchronize(folder: Path) -> None:
    """Have the disk keep the folder's names, where the system lets us ask for that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_in_place(path: Pathname, content: bytes, old: os.stat_result) -> None:
    number = _stream(old)
    if number is None:
        descriptor = os.open(path, os.O_WRONLY)  # a folder refuses this
    else:  # behind what was printed before, and before what will be
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        descriptor = os.dup(number)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


@contextmanager
def hold(folder: Pathname) -> Iterator[None]:
    """Make a folder where there is none, and hold it against other processes that ask for it.

    Raises OSError where it cannot be made or written to, BlockingIOError where another holds it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, hold(Path(folder) / "run"):
    ...     [path.name for path in Path(folder).iterdir()]
    ['run']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    probe = _name_beside(folder / "file")
    probe.touch(exist_ok=False)
    probe.unlink()
    if sys.platform == "win32":  # which has no such locks
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise  # else the disk has no such locks, as one of a network, and nobody is told
        yield
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Pathname) -> None:
    """Remove what `write_file` left in a folder when a process was killed in it.

    For who holds the folder: what another process is writing at that moment would be lost.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / ".micrograd_gd-0123456789abcdef.part").write_bytes(b"{")
    ...     remove_leftovers(folder)
    ...     [*Path(folder).iterdir()]
    []
    """
    for path in Path(folder).iterdir():
        if _LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)
