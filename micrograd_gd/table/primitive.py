"""How a row comes into the table, and who is told of it."""

import keyword
import re
from collections.abc import Callable, Sequence
from typing import Any

from micrograd_gd.errors import OperationError
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.operation import ON_FLOATS, ON_VALUES, OPERATIONS, Formula, Operation

_listeners: list[Callable[[Operation], None]] = []
_taken: list[Callable[[str], bool]] = []
_built_in: set[str] = set()  # the names of the table's own rows
_added: set[str] = set()  # the names that users gave


def subscribe(
    listener: Callable[[Operation], None], taken: Callable[[str], bool] = lambda _: False
) -> None:
    """Call `listener` with every row, those of today and those to come, if no name is `taken`."""
    _built_in.update(() if _listeners else OPERATIONS)
    for row in OPERATIONS.values():
        listener(row)
    _listeners.append(listener)
    _taken.append(taken)


def primitive(
    name: str,
    operands: str,
    value: Formula,
    partials: Formula | Sequence[Formula],
    doc: str,
    **columns: Any,
) -> Operation:
    """Add an operation, by expressions or by Python functions, and return it ready to be called.

    `partials` has one formula per operand. A Python function takes the operands, a partial takes
    the result besides; it is written over any number type, or its derivative is not differentiable.
    Such a row works everywhere but where the formula itself is needed (other languages, docs).
    An operation that was added so may be added again, and is replaced.

    Raises OperationError for a name that is taken, a missing partial or an unknown name.

    >>> double = primitive("double", "x", "2 * x", "2", "Twice.")
    >>> double(4.0)
    8.0
    """
    letters, defaults = _operands(name, operands)
    if unknown := columns.keys() - _COLUMNS:
        raise OperationError(f"{name}: no column is called {', '.join(sorted(unknown))}")
    row = Operation(
        name=name,
        operands=letters,
        value=value,
        partials=(partials,) if isinstance(partials, str) or callable(partials) else (*partials,),
        doc=doc,
        folds="*" in operands,
        defaults=defaults,
        **{column: _WORDS.get(column, str)(text) for column, text in columns.items()},
    )
    _check(row)
    if _listeners:  # the table is complete, so what this row calls must be there
        check_calls(row)
        _check_names(row)
    if name not in ieee.__all__:
        ON_FLOATS.pop(name, None)
    OPERATIONS[name] = ON_VALUES[name] = row
    for listener in _listeners:
        listener(row)
    return row


_COLUMNS = {
    "method", "infix", "latex", "domain", "kinks", "convention", "properties", "aliases",
    "identities",
}  # fmt: skip
_PROPERTIES = {"commutative", "odd", "even", "increasing", "flat", "internal"}

_WORDS: dict[str, Callable[[str], Any]] = {  # columns that hold several words
    "kinks": lambda text: tuple(text.split(", ")),
    "properties": lambda text: frozenset(text.split()),
    "aliases": lambda text: tuple(text.split()),
    "identities": lambda text: tuple(map(_identity, text.split(", "))),
}


def _identity(text: str) -> tuple[str, float, str]:
    """An operand, its number, and what the result is then: `b=1: a`."""
    try:
        letter, number, result = re.split("=|: ", text)
        return letter, float(number), result
    except ValueError:
        raise OperationError(f"{text!r} is no identity; write 'b=1: a'") from None


def _operands(name: str, text: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    try:
        parts = [part.partition("=") for part in text.replace(" = ", "=").split()]
        letters = tuple(letter.lstrip("*") for letter, _, _ in parts)
        defaults = tuple(float(default) for _, equals, default in parts if equals)
    except ValueError:
        raise OperationError(f"{name}: {text!r} are no operands; write 'a b' or 'x c=1'") from None
    is_odd = not all(map(str.isidentifier, letters)) or any(map(keyword.iskeyword, letters))
    taken = {"y", "self", *OPERATIONS}
    if not letters or is_odd or taken & set(letters) or len(set(letters)) < len(letters):
        raise OperationError(f"{name}: {text!r} are no operands; write 'a b' or 'x c=1', never y")
    return letters, defaults


def _check(row: Operation) -> None:
    if not row.name.isidentifier() or keyword.iskeyword(row.name) or row.name in _built_in:
        raise OperationError(f"{row.name!r} cannot be the name of a new operation, or is taken")
    if len(row.partials) != len(row.operands):
        raise OperationError(f"{row!r} has {len(row.partials)} partials; one an operand is due")
    if not row.doc.endswith("."):
        raise OperationError(f"{row!r} needs one sentence that says what it is, not {row.doc!r}")
    if unknown := row.properties - _PROPERTIES:
        raise OperationError(f"{row!r}: no property is called {', '.join(sorted(unknown))}")
    _check_formulas(row)


def _check_formulas(row: Operation) -> None:
    kinds = {isinstance(formula, str) for formula in (row.value, *row.partials)}
    if len(kinds) == 2 or (row.folds and kinds == {False}):
        raise OperationError(
            f"{row!r}: value and partials must be all text or all Python functions, and text where "
            f"the number of operands is open"
        )
    if row.folds and row.partials[0] != "1":
        raise OperationError(f"{row!r} folds, so it must add to the sum so far: its partial is 1")
    letters = row.operands[1:] if row.folds else (*row.operands, "y")
    simpler = [result for _, _, result in row.identities]
    for formula in (row.domain, *row.kinks, row.value, *simpler):
        if isinstance(formula, str) and formula:
            expression.parse(formula, row.operands)
    for formula in row.partials:
        if isinstance(formula, str):
            expression.parse(formula, letters, path=True)


def check_calls(row: Operation) -> None:
    """Raise OperationError if a formula of the row calls what is no function of the table."""
    for formula in (row.value, *row.partials, *filter(None, [row.domain]), *row.kinks):
        if isinstance(formula, str):
            for name, count in expression.calls(row.tree(formula)).items():
                if name not in OPERATIONS:
                    raise OperationError(f"{row!r}: {name!r} in {formula!r} is no operation")
                if count != len(OPERATIONS[name].operands):
                    raise OperationError(f"{row!r}: {formula!r} calls {name} with {count} operands")


def _check_names(row: Operation) -> None:
    names = {row.name, *row.aliases, *([f"__{row.method}__"] if row.method else [])}
    for name in sorted(names - _added):
        if any(is_taken(name) for is_taken in _taken):
            raise OperationError(f"{row!r}: {name!r} is taken; choose another name")
    _added.update(names)
