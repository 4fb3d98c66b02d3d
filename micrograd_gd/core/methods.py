"""The methods and operators of `Value`, made from the rows of the table; on both engines alike.

`Value.record` records any row. The engine in Python has a shorter way for rows of one and two
operands. It is made at the first call, since compiling all of the table would slow the import.
"""

from collections.abc import Callable
from typing import Any

from micrograd_gd.table.numbers import number
from micrograd_gd.table.ops import Operation

Method = Callable[..., Any]
Make = Callable[[Any, Operation], Method]  # a method of that type for the row


def define(kind: Any, op: Operation, *, in_python: bool = False) -> None:
    """Give the type the methods, and the operators, that record the row."""
    if op.is_internal:
        return
    is_plain = not op.defaults and not op.folds
    is_binary = is_plain and len(op.operands) == 2
    method: Make = _make_any
    if in_python and is_plain and len(op.operands) < 3:
        method = _make_binary if is_binary else _make_unary
    _define(kind, op, method, [op.name, *op.aliases])
    if op.method and is_binary:
        operator = _make_operator if in_python else _make_any_operator
        reflected = _make_reflected if in_python else _make_any_reflected
        _define(kind, op, operator, [f"__{op.method}__"])
        _define(kind, op, reflected, [f"__r{op.method}__"])
    elif op.method:
        _define(kind, op, method, [f"__{op.method}__"])


def _define(kind: Any, op: Operation, make: Make, names: list[str]) -> None:
    made: list[Method] = []

    def on_first_call(*operands: Any, **named: Any) -> Any:
        if not made:
            made.append(_present(make(kind, op), op))
            for name in names:
                if getattr(kind, name) is on_first_call:
                    setattr(kind, name, made[0])
        return made[0](*operands, **named)

    for name in names:
        setattr(kind, name, _present(on_first_call, op))


def _present(method: Any, op: Operation) -> Method:
    """Give the method the name, the docstring and the signature that help shows."""
    method.__name__, method.__qualname__, method.__doc__ = op.name, f"Value.{op.name}", op.doc
    method.__signature__ = op.signature(method=True)
    return method  # type: ignore[no-any-return]  # a function


# By `record`, whatever the row.


def _make_any(kind: Any, op: Operation) -> Method:
    record, complete = kind.record, op.complete

    def method(*operands: Any, **named: Any) -> Any:
        return record(op, *complete(operands, named))

    return method


def _make_any_operator(kind: Any, op: Operation) -> Method:
    def method(a: Any, b: Any) -> Any:
        return NotImplemented if _is_array(b) else kind.record(op, a, b)

    return method


def _make_any_reflected(kind: Any, op: Operation) -> Method:
    def method(b: Any, a: Any) -> Any:
        return NotImplemented if _is_array(a) else kind.record(op, a, b)

    return method


# The shorter ways in Python, for a type that has `_number`, and `_node` to make a node of parts.


def _make_unary(kind: Any, op: Operation) -> Method:
    rule, node = op.rule((True,)), kind._node

    def method(x: Any) -> Any:
        y, dx = rule(x._number)
        return node(op, y, x, None, dx, None)

    return method


def _make_binary(kind: Any, op: Operation, *, is_operator: bool = False) -> Method:
    both, first_only, node = op.rule((True, True)), op.rule((True, False)), kind._node
    name = f"operand 2 of {op!r}"

    def method(a: Any, b: Any) -> Any:
        if isinstance(b, kind):
            y, da, db = both(a._number, b._number)
            return node(op, y, a, b, da, db)
        if type(b) is not float:
            if is_operator and _is_array(b):
                return NotImplemented  # the array's turn, element by element
            b = number(b, name)
        y, da, _ = first_only(a._number, b)
        return node(op, y, a, b, da, None)

    return method


def _make_operator(kind: Any, op: Operation) -> Method:
    return _make_binary(kind, op, is_operator=True)


def _make_reflected(kind: Any, op: Operation) -> Method:
    second_only, node = op.rule((False, True)), kind._node
    name = f"operand 1 of {op!r}"

    def method(b: Any, a: Any) -> Any:
        if type(a) is not float:
            if _is_array(a):
                return NotImplemented  # the array's turn again
            a = number(a, name)
        y, _, db = second_only(a, b._number)
        return node(op, y, a, b, None, db)

    return method


def _is_array(x: Any) -> bool:
    return type(x) is not int and hasattr(x, "__array__") and hasattr(x, "__len__")
