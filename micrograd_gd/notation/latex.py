r"""How one operation, one number or one name is typeset.

A row's column `latex` says where its operands `<a>` go. Which of them need parentheses follows from
the symbols beside them: in `<a>^{<b>}` the base does, the exponent does not.
"""

import functools
import math
import re
from collections.abc import Sequence

from micrograd_gd.table.ops import Operation

# How tightly a piece holds together. A piece looser than its place demands gets parentheses.
SUM, PRODUCT, POWER, ATOM = range(4)
Typeset = tuple[str, int]

_TOKEN = re.compile(
    r"<\w+>|\s*(?:[-+&,]|\\cdot|\\bmod|\\neq|\\\\)\s*|\\left(?:\\[a-zA-Z]+|.)\s*"
    r"|\s*\\right(?:\\[a-zA-Z]+|.)|\\begin{\w+}\s*|\s*\\end{\w+}|\\[a-zA-Z]+|\s+|."
)
_OPENING, _CLOSING = re.compile(r"{|\\left|\\begin"), re.compile(r"}|\s*\\right|\s*\\end")
_LEVELS = {
    "+": SUM, "-": SUM, r"\cdot": PRODUCT, r"\bmod": PRODUCT, "": PRODUCT, "^": POWER,
    r"\frac": POWER, r"\begin{cases}": POWER,
}  # fmt: skip
_LEFT = {"^": ATOM, r"\cdot": PRODUCT, r"\bmod": PRODUCT, "": PRODUCT}  # what they demand
_RIGHT = {"+": PRODUCT, "-": PRODUCT, r"\cdot": POWER, r"\bmod": POWER, "": ATOM}

_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi",
    "Omega",
}  # fmt: skip


def call(row: Operation, operands: Sequence[Typeset]) -> Typeset:
    r"""A row applied to typeset operands; all come with how tightly they hold.

    >>> from micrograd_gd.table.ops import operation
    >>> call(operation("mul"), [("a + b", SUM), ("c", ATOM)])
    ('\\left(a + b\\right) \\cdot c', 1)
    """
    if row.folds:
        arguments = ", ".join(text for text, _ in operands)
        return rf"{_word(row.name)}\left({arguments}\right)", ATOM
    pieces, level = _pieces(template(row))
    given = dict(zip(row.operands, operands, strict=True))
    texts = []
    for piece, needed in pieces:
        operand, holds = given[piece] if needed is not None else (piece, ATOM)
        texts.append(operand if holds >= (needed or 0) else rf"\left({operand}\right)")
    return "".join(texts), level


def template(row: Operation) -> str:
    """How a row is typeset, with operands in angle brackets: its column, or a call of its name.

    >>> from micrograd_gd.table.ops import operation
    >>> template(operation("pow"))
    '<a>^{<b>}'
    """
    operands = ", ".join(f"<{letter}>" for letter in row.operands)
    return row.latex or rf"{_word(row.name)}\left({operands}\right)"


def number(x: float) -> Typeset:
    r"""A number in all its digits.

    >>> number(-2.5e-9)[0]
    '-2.5 \\cdot 10^{-9}'
    """
    if math.isnan(x):
        return r"\mathrm{nan}", ATOM
    digits, _, exponent = repr(abs(x)).partition("e")
    text, level = digits.removesuffix(".0"), ATOM
    if math.isinf(x):
        text = r"\infty"
    elif exponent:
        text, level = rf"{text} \cdot 10^{{{int(exponent)}}}", PRODUCT
    return (f"-{text}", SUM) if math.copysign(1.0, x) < 0 else (text, level)


def symbol(name: str) -> str:
    r"""A name: the name of a Greek letter gives that letter, an underscore begins an index.

    >>> symbol("alpha"), symbol("w_1"), symbol("x12"), symbol("loss")
    ('\\alpha', 'w_{1}', 'x_{12}', '\\mathrm{loss}')
    """
    base, *below = [part for part in re.split(r"_|(?<=[^\W\d_])(?=\d)", name) if part] or [name]
    index = ", ".join(map(_part, below))
    return f"{_part(base)}_{{{index}}}" if below else _part(base)


def verbatim(name: str) -> str:
    r"""A name as it is typed.

    >>> verbatim("w_1")
    '\\mathtt{w\\_1}'
    """
    return rf"\mathtt{{{_escape(name)}}}"


def _part(word: str) -> str:
    if word in _GREEK:
        return f"\\{word}"
    if word.isdigit() or (len(word) == 1 and word.isalpha()):
        return word
    return rf"\mathrm{{{_escape(word)}}}"


def _word(name: str) -> str:
    return rf"\operatorname{{{_escape(name)}}}"


def _escape(text: str) -> str:
    return text.replace("_", r"\_")


@functools.cache
def _pieces(template: str) -> tuple[list[tuple[str, int | None]], int]:
    """The template cut at its operands, with what each place demands; and how tightly it holds.

    A blank between two operands stands for a product.
    """
    tokens = _TOKEN.findall(template)
    pieces: list[tuple[str, int | None]] = []
    level, depth = ATOM, 0
    for before, token, after in zip(["{", *tokens], tokens, [*tokens[1:], "}"], strict=False):
        if token.startswith("<") and len(token) > 1:
            needed = max(_RIGHT.get(before.strip(), SUM), _LEFT.get(after.strip(), SUM))
            pieces.append((token[1:-1], needed))
            continue
        pieces.append((token, None))
        depth -= bool(_CLOSING.match(token))
        if depth == 0:
            level = min(level, _LEVELS.get(token.strip(), ATOM))
        depth += bool(_OPENING.match(token))
    return pieces, level
