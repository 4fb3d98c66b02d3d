"""`--at a=-4,b=2`: a formula from the command line, computed at a point."""

import math
from collections.abc import Iterable
from typing import Annotated

import typer

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.parse import parse
from micrograd_gd.table.numbers import shorten

CONSTANTS = {"e": math.e, "pi": math.pi}  # what such a name mostly stands for

At = Annotated[
    list[str] | None,
    typer.Option(help="Numbers for the names: a=-4,b=2, or again and again.", show_default=False),
]

Numbers = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME=NUMBER", help="As --at.", show_default=False),
]


def compute(formula: str, at: Iterable[str]) -> tuple[Value, dict[str, Value]]:
    """The graph of a formula at a point, and its leaves by name; ArgumentError if it has none."""
    function = parse(formula)
    numbers = point(at, function.names)
    if missing := [name for name in function.names if name not in numbers]:
        example = ",".join(f"{name}={CONSTANTS.get(name, 1)}" for name in missing)
        raise ArgumentError(f"no number for {', '.join(missing)}; expected such as --at {example}")
    leaves = {name: Value(numbers[name], name) for name in function.names}
    root = function(**leaves)
    if not isinstance(root, Value):
        raise ArgumentError(f"{shorten(formula)} is {root:g} and depends on no name; "
                            f"expected a formula such as 'tanh(a*b)'")  # fmt: skip
    return root, leaves


def point(at: Iterable[str], names: Iterable[str], option: str = "--at") -> dict[str, float]:
    """The numbers by name; ArgumentError for a name that is none of these or comes twice."""
    numbers: dict[str, float] = {}
    for given in ",".join(at).split(",") if at else ():
        name, equals, number = (part.strip() for part in given.partition("="))
        try:
            value = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise ArgumentError(
                f"{option} holds {given!r}; expected a name and a number, such as a=1"
            )
        if name not in names:
            known = ", ".join(names) or "none"
            raise ArgumentError(f"{option} names {name!r}; the names are {known}")
        if name in numbers:
            raise ArgumentError(f"{option} gives {name} twice; expected one number for each name")
        numbers[name] = value
    return numbers


def align_pairs(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Lines of two columns, a text of several lines within the second."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows) + 2
    lines = [(name, text.splitlines()) for name, text in rows]
    return [
        f"{'' if below else name:<{width}}{line}"
        for name, text in lines
        for below, line in enumerate(text)
    ]
