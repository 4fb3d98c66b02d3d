"""What one cell of a table spells: a number with its unit, a day, a yes or no, or nothing."""

import math
import re
from datetime import UTC, datetime

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "<na>", "#n/a", "nat"})
FLAGS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
_DAYS = ("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y")
DATES = ("iso", *(f"{day}{time}" for time in ("", " %H:%M", " %H:%M:%S") for day in _DAYS))

_SPACES = " \u00a0\u202f'"  # thousands are set apart by them, too
_PARTS = re.compile(
    r"([+−-]?)\s*([$€£¥]?)\s*([+-]?[\d.,\s']*\d[\d.,]*(?:[eE][+-]?\d+)?)\s*([$€£¥%]?)"
)
_NUMBERS = {
    point: re.compile(
        rf"[+-]?(?:\d{{1,3}}(?:[{mark}{_SPACES}]\d{{3}})+|\d*)(?:[{point}]\d*)?(?:[eE][+-]?\d+)?"
    )
    for point, mark in ((".", ","), (",", "."))
}


def is_missing(text: str) -> bool:
    """Whether a cell says that its value is not known.

    >>> is_missing("NA"), is_missing("none")
    (True, False)
    """
    return text.casefold() in MISSING


def parse_quantity(text: str, decimal: str = ".") -> tuple[str, float] | None:
    """The unit and the number that a cell spells, or None for other text.

    `decimal` is the mark before the fraction; the other one of point and comma sets thousands
    apart. Parentheses are the minus of accountants.

    >>> parse_quantity("$1,234.50"), parse_quantity("1.234,5 €", decimal=",")
    (('$', 1234.5), ('€', 1234.5))
    >>> parse_quantity("7 %"), parse_quantity("7 or 8")
    (('%', 7.0), None)
    >>> parse_quantity("(1,234)")
    ('', -1234.0)
    """
    if text[:1] == "(" and text[-1:] == ")":
        text = f"-{text[1:-1]}"
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return None
    sign, before, digits, after = parts.groups()
    sign = sign.replace("−", "-")
    if not _NUMBERS[decimal].fullmatch(digits) or (before and after):
        return None
    thousands = "," if decimal == "." else "."
    plain = re.sub(rf"[{thousands}{_SPACES}]", "", digits).replace(decimal, ".")
    try:
        number = float(sign + plain)
    except ValueError:  # two signs, or no digit
        return None
    return (before or after, number) if math.isfinite(number) else None


def parse_date(text: str, form: str) -> float | None:
    """The days since the beginning of 1970 that a date of this form spells, or None.

    >>> parse_date("1970-01-02T12:00", "iso"), parse_date("31.12.1969", "%d.%m.%Y")
    (1.5, -1.0)
    """
    if not text[:1].isdigit():
        return None
    try:
        date = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007 — the zone is given below
    except ValueError:
        return None
    since = (date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.total_seconds() / 86400
