"""Text that comes from elsewhere, such as a label, in a form that fits into a line."""

from typing import Any

LONGEST = 32  # how many characters of a label


def plain(text: Any, longest: int = LONGEST) -> str:
    r"""Text as one short line in which every character can be seen.

    >>> print(plain("a\nb"))
    a\nb
    """
    text = str(text)
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
