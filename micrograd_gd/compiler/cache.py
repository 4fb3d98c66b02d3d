"""Compiled code kept in a folder, from one process to the next.

The name of an entry is a hash of all that decides what the code does, so no entry is ever out of
date. An entry begins with a checksum, and one that is damaged counts as missing.
"""

import hashlib
import threading
import warnings
from collections.abc import Iterable
from contextlib import suppress
from os import PathLike
from pathlib import Path

from micrograd_gd.files import write_file

_SIZE = hashlib.sha256().digest_size
_writing = threading.Lock()


class Cache:
    """A folder of compiled code, made when the first entry is kept.

    Who can write to the folder can make this process run any code.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = Cache(folder)
    ...     key = cache.make_key(["program", "machine"])
    ...     cache.put(key, b"code")
    ...     cache.get(key), cache.get(cache.make_key(["program", "another machine"]))
    (b'code', None)
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)

    def make_key(self, parts: Iterable[str]) -> str:
        """The name of the entry that these texts decide on."""
        sums = [hashlib.sha256(part.encode()).digest() for part in parts]
        return hashlib.sha256(b"".join(sums)).hexdigest()

    def get(self, key: str) -> bytes | None:
        """The entry, or None where there is none. A damaged entry is removed."""
        path = self._path(key)
        try:
            entry = path.read_bytes()
        except OSError:
            return None
        checksum, content = entry[:_SIZE], entry[_SIZE:]
        if checksum == _checksum(key, content):
            return content
        with suppress(OSError):
            path.unlink()
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keep an entry, whole or not at all. Warns where the folder cannot be written."""
        try:
            with _writing:  # two threads would write to one file beside the entry
                self.folder.mkdir(parents=True, exist_ok=True)
                write_file(self._path(key), _checksum(key, content) + content)
        except OSError as error:
            warnings.warn(f"compiled code cannot be kept: {error}", RuntimeWarning, stacklevel=2)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.code"


def _checksum(key: str, content: bytes) -> bytes:
    """The checksum, of the name too, so that an entry is valid under its own name alone."""
    return hashlib.sha256(key.encode() + content).digest()
