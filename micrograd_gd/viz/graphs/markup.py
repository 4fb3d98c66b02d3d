"""How drawings of graphs look: their fonts and colors, and text in Graphviz's markup."""

import html
import math
from collections.abc import Iterable

FONT = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "11", "fontcolor": "#1f2933"}
LEAF = {"fillcolor": "#fff6dd", "color": "#c99a2e"}
SHARED = {"fillcolor": "#efe6fb", "color": "#8a63c9"}  # leaves that are used more than once
INNER = {"fillcolor": "#eef4fb", "color": "#6f93b8"}
ROOT = {"fillcolor": "#e6f6ea", "color": "#3f9159", "penwidth": "1.8"}
BUNDLE = {"fillcolor": "#f3f4f6", "color": "#52606d", "peripheries": "2"}
FRAME = {"style": "rounded", "color": "#b6c0cb", "bgcolor": "#fafbfc", "labeljust": "l", **FONT}
_QUIET = "#6b7785"
_POSITIVE, _NEGATIVE = (0x2F, 0x6F, 0xAB), (0xD9, 0x5F, 0x2B)
_PLURALS = {"leaf": "leaves", "box": "boxes"}


def tint(x: float, largest: float, palest: float, deepest: float) -> str:
    """Blue for a positive number, orange for a negative one, deeper for a larger one.

    The text is empty where there is no color: for 0, nan and infinities.
    """
    if x == 0 or not (math.isfinite(x) and largest):
        return ""
    strength = palest + (deepest - palest) * math.sqrt(abs(x) / largest)
    color = _POSITIVE if x > 0 else _NEGATIVE
    mixed = (round(255 + strength * (channel - 255)) for channel in color)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def count(number: int, what: str) -> str:
    """A number with its noun.

    >>> count(1, "leaf"), count(1200, "leaf")
    ('1 leaf', '1,200 leaves')
    """
    return f"{number:,} {what if number == 1 else _PLURALS.get(what, f'{what}s')}"


def table(rows: Iterable[str]) -> str:
    """Rows in the markup that Graphviz shares with HTML."""
    start = '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
    return f"{start}{''.join(rows)}</table>"


def escape(text: str) -> str:
    """Text that shows itself within markup."""
    return html.escape(text.replace("\\", "\\\\"))


def escape_tooltip(text: str) -> str:
    """Text that shows itself outside of markup."""
    import graphviz  # noqa: PLC0415 — slow to import, and only drawing needs it

    return graphviz.escape(text)  # type: ignore[no-any-return]  # a string that graphviz leaves alone


def fade(text: str) -> str:
    """Text in gray, which leaves the eye to what matters."""
    return f'<font color="{_QUIET}">{text}</font>'
