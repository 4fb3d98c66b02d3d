"""The tiny language in which the table states values and partials, and its two Python readings.

A subset of Python's expressions: names, numbers, `+ - * / **`, comparisons, `and or not`,
`… if … else …`, and calls of the functions in `ieee`. `None` stands for "no derivative flows
this way". The syntax tree is Python's own, so that each reader walks the same few node types.
"""

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from micrograd_gd.errors import OperationError
from micrograd_gd.table.relations import BY_NODE

WHOLE = 1e15  # smaller whole numbers may be written without a point

NODES = (
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow,
    ast.UnaryOp, ast.USub, ast.Not, ast.BoolOp, ast.And, ast.Or,
    ast.Compare, *BY_NODE,
    ast.IfExp, ast.Call, ast.Name, ast.Load, ast.Constant,
)  # fmt: skip


def parse(text: str, names: Iterable[str], *, path: bool = False) -> ast.expr:
    """The syntax tree of `text`, whose names must be among `names`.

    `None`, no derivative, is part of the language where the text is a `path` of a derivative.

    Raises OperationError, which shows the text and what in it is not of the language.

    >>> ast.unparse(parse("a / b", ["a", "b"]))
    'a / b'
    >>> parse("a @ b", ["a", "b"])
    Traceback (most recent call last):
    micrograd_gd.errors.OperationError: 'a @ b': MatMult is not part of the table's language
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise OperationError(f"{text!r}: {error.msg}") from None
    known = set(names)
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            kind = type(node).__name__
            raise OperationError(f"{text!r}: {kind} is not part of the table's language")
        if isinstance(node, ast.Constant) and type(node.value) not in {int, float}:
            if not (path and node.value is None):
                raise OperationError(f"{text!r}: {node.value!r} is no number")
        elif isinstance(node, ast.Name) and node not in functions and node.id not in known:
            raise OperationError(f"{text!r}: {node.id} is none of {', '.join(sorted(known))}")
    return tree


def write_number(x: float, *, point: bool = True) -> ast.expr:
    """The tree of a number; of a whole one, if without a point, as people type it.

    >>> [ast.unparse(write_number(x)) for x in (-2.0, 2.0, -math.nan)]
    ['-2.0', '2.0', 'nan']
    >>> ast.unparse(write_number(2.0, point=False))
    '2'
    """
    if math.copysign(1.0, x) < 0 and not math.isnan(x):
        return ast.UnaryOp(ast.USub(), write_number(-x, point=point or x == 0))
    if not math.isfinite(x):
        return ast.Name(repr(x))
    return ast.Constant(int(x) if x.is_integer() and x < WHOLE and not point else x)


def calls(tree: ast.expr) -> dict[str, int]:
    """The functions that `tree` calls, by name, with the number of their operands."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {ast.unparse(call.func): len(call.args) for call in calls}


def on_values(tree: ast.expr) -> ast.expr:
    """`tree` rewritten for any number type: what Python's floats are not total in is a call."""
    return _OnValues().visit(tree)  # type: ignore[no-any-return]  # ast says Any


def on_floats(tree: ast.expr) -> ast.expr:
    """`tree` rewritten for floats: the same, with division in place where the divisor is not 0."""
    return _OnFloats().visit(tree)  # type: ignore[no-any-return]  # ast says Any


def function(arguments: Iterable[str], body: ast.expr, names: dict[str, Any]) -> Callable[..., Any]:
    """A Python function of `arguments` that evaluates `body`, its calls looked up in `names`."""
    parameters = [ast.arg(name) for name in arguments]
    signature = ast.arguments([], parameters, None, [], [], None, [])
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(signature, body)))
    code = compile(tree, "<operation table>", "eval")
    return eval(code, names)  # type: ignore[no-any-return]  # noqa: S307 — a checked tree


def substitute(tree: ast.expr, parts: Mapping[str, ast.expr]) -> ast.expr:
    """`tree` with other trees in place of some of its names.

    >>> ast.unparse(substitute(parse("a * b", "ab"), {"a": parse("x + 1", "x")}))
    '(x + 1) * b'
    """
    return _Substitute(parts).visit(tree)  # type: ignore[no-any-return]  # ast says Any


class _Substitute(ast.NodeTransformer):
    def __init__(self, parts: Mapping[str, ast.expr]) -> None:
        self.parts = parts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.parts.get(node.id, node)


# Operators besides `/` that Python's floats are not total in.
_PARTIAL: dict[type, str] = {ast.Pow: "pow", ast.FloorDiv: "floordiv", ast.Mod: "mod"}


class _OnValues(ast.NodeTransformer):
    """`/`, `**` and the like become calls; whole numbers become floats."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Div):
            return self.divide(left, right)
        if type(node.op) in _PARTIAL:
            return _call(_PARTIAL[type(node.op)], left, right)
        return ast.BinOp(left, node.op, right)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant(float(node.value)) if isinstance(node.value, int) else node

    def divide(self, left: ast.expr, right: ast.expr) -> ast.expr:
        return _call("div", left, right)


class _OnFloats(_OnValues):
    def divide(self, left: ast.expr, right: ast.expr) -> ast.expr:
        quotient = ast.BinOp(left, ast.Div(), right)
        if isinstance(right, ast.Constant) and right.value:
            return quotient
        if isinstance(right, ast.Name):
            return ast.IfExp(right, quotient, _call("div", left, right))
        return _call("div", left, right)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
