"""Formulas as people write them on paper, put into the notation of `parse`."""

import re

from micrograd_gd.table.ops import OPERATIONS

_CALLABLE = "|".join(row.name for row in OPERATIONS.values() if row.is_unary)
_WORD = r"(?!(?:if|else|and|or|not)\b)[^\W\d]"
_NUMBER = r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![eE][+-]?\d)"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

# What stands on paper, and what is typed for it; the later ones see what the earlier ones made.
_RULES = [
    (r"^\s*[^\W\d]\w*\s*(\([\w\s,]*\))?\s*=(?!=)\s*", ""),  # y = …, f(x) = …
    (r"[·×⋅∙]", "*"),
    (r"÷", "/"),
    (r"[−–]", "-"),
    (r"\^", "**"),
    (r"\bln\b", "log"),
    (r"√\s*\(", "sqrt("),
    (r"√\s*(\w+)", r"sqrt(\1)"),
    (r"\|([^|]+)\|", r"abs(\1)"),
    (rf"\b({_CALLABLE})\s+([\w.]+)", r"\1(\2)"),  # sin x
    (rf"({_NUMBER})\s*(?={_WORD}|\()", r"\1*"),  # 3x, 2(x + 1)
    (rf"\)\s*(?={_WORD}|\d|\()", ")*"),  # (x + 1)(x - 1)
    (r"\b([^\W\d]\d*)\s*\(", r"\1*("),  # x(x + 1)
    (rf"(?<=\w)(?<!\bif)(?<!\belse)(?<!\band)(?<!\bor)(?<!\bnot)\s+(?={_WORD})", "*"),  # a b
]


def transcribe(text: str) -> str:
    """A formula in the notation of `parse`, as far as one can guess what was meant.

    >>> transcribe("y = 3x² + 2(x - 1)^3 + sin x")
    '3*x**2 + 2*(x - 1)**3 + sin(x)'
    """
    text = re.sub(
        "[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda power: f"**{power[0].translate(_SUPERSCRIPTS)}", text.strip()
    )
    for pattern, typed in _RULES:
        text = re.sub(pattern, typed, text)
    return text
