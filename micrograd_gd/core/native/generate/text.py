"""How strings and lists read in C."""

from collections.abc import Iterable

_PLAIN = set(range(32, 127)) - set(b'"\\?')


def write_string(text: str) -> str:
    """A string literal, of ASCII alone."""
    return '"' + "".join(chr(b) if b in _PLAIN else f"\\{b:03o}" for b in text.encode()) + '"'


def write_macro(name: str, entries: Iterable[str]) -> str:
    """A macro with an entry on each line."""
    return " \\\n    ".join([f"#define {name}", *entries]) + "\n"
