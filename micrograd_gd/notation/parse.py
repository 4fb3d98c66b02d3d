"""Formulas that a person types, as functions: arithmetic and the operations of the table alone.

Python's own parser reads the text, and then every node is checked. Nothing else of Python is in the
language: whatever the text is, it does nothing but arithmetic on floats and values.
"""

import ast
import contextlib
import difflib
import re
import warnings
from collections.abc import Callable
from typing import Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.handwriting import transcribe
from micrograd_gd.table import expression
from micrograd_gd.table.numbers import number, shorten
from micrograd_gd.table.ops import OPERATIONS, Operation

LENGTH = 10_000  # characters of a formula
WORD = 100  # characters of a name or a number
DEPTH = 200  # levels of nesting; a sum of n terms has n levels

_NODES = (*expression.NODES, ast.FloorDiv, ast.Mod, ast.UAdd)
_FOREIGN = re.compile(r"[^\w \t.,()+*/%<>=!-]")
_CONSTANTS = {"inf": float("inf"), "nan": float("nan")}


def parse(text: str) -> "Expression":
    """The function of floats or values that `text` writes down.

    The text may use operators, comparisons, `… if … else …`, `inf`, `nan`, and the operations of
    the table, as `tanh(a)` or `a.tanh()`. All other names are the function's arguments, in order of
    appearance. Lines `name = …` may come before the last one, as `formula` writes them.

    Raises ArgumentError for any other text, for more than 10,000 characters, and for more than 200
    levels of nesting.

    >>> f = parse("(a*b + b**3).tanh()")
    >>> f.names
    ('a', 'b')
    >>> f(0.0, 0.0), f(b=1.0, a=-1.0)
    (0.0, 0.0)
    """
    if not isinstance(text, str):
        raise ArgumentError(f"{shorten(text)} is no text; expected a formula such as 'a*b + 1'")
    try:
        names, function = _read(text)
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise ArgumentError(f"{shorten(text.strip())}: {reason}; {_suggest(text)}") from None
    except (RecursionError, MemoryError):
        raise ArgumentError(f"{shorten(text)}: nested too deep; {_EXPECTED}") from None
    return Expression(text, names, function)


_EXPECTED = "expected a formula such as 'tanh(a*b) + 1'"


def _suggest(text: str) -> str:
    """What to type for a text that is no formula."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        meant = transcribe(text) if len(text) <= WORD else ""
        if _read(meant)[0]:
            return f"expected a formula: did you mean {meant!r}?"
    return _EXPECTED


class Expression:
    """A function made by `parse`: called with numbers in the order of its `names`, or by name."""

    def __init__(self, text: str, names: tuple[str, ...], function: Callable[..., Any]) -> None:
        self.text = text
        self.names = names
        self._function = function

    def __call__(self, /, *numbers: Any, **named: Any) -> Any:
        """The formula's value.

        Raises ArgumentError where an argument is missing, or is not one of the formula's.
        """
        given = dict(zip(self.names, numbers, strict=False)) | named
        if given.keys() != set(self.names) or len(numbers) + len(named) != len(self.names):
            wanted = ", ".join(self.names) or "no numbers"
            call = ", ".join([*map(shorten, numbers), *named])
            raise ArgumentError(f"{self!r} takes {wanted}; it was called with ({call})")
        arguments = [_argument(given[name], name) for name in self.names]
        result = self._function(*arguments)
        return result if hasattr(result, "record") else float(result)

    def __repr__(self) -> str:
        return f"parse({shorten(self.text)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return parse, (self.text,)


def _argument(x: Any, name: str) -> Any:
    return x if hasattr(x, "record") else number(x, name)


def _read(text: str) -> tuple[tuple[str, ...], Callable[..., Any]]:
    """The arguments and the function of a text.

    Raises ValueError or SyntaxError for a text that is no formula.
    """
    if len(text) > LENGTH:
        raise ValueError(f"{len(text):,} characters are too many; at most {LENGTH:,}")
    arguments: dict[str, None] = {}
    defined: list[str] = []
    steps: list[ast.expr] = []
    for name, formula in _lines(text):
        tree = _tree(formula)
        arguments |= dict.fromkeys(x for x in _variables(tree) if x not in defined)
        step = expression.on_values(_Calls().visit(tree))
        if name:
            defined += _variables(_tree(name))
            step = ast.NamedExpr(ast.Name(defined[-1], ast.Store()), step)
        steps.append(step)
    body = ast.Subscript(ast.Tuple(steps, ast.Load()), ast.Constant(-1), ast.Load())
    return (*arguments,), expression.function(arguments, body, dict(OPERATIONS))


def _lines(text: str) -> list[tuple[str, str]]:
    """The names that lines define, with their formulas; and the last formula without a name."""
    *definitions, last = text.strip().splitlines() or [""]
    lines = []
    for line in definitions:
        name, equals, formula = (part.strip() for part in line.partition("="))
        if not (equals and name.isidentifier()) or name in _CONSTANTS:
            raise ValueError(f"the line {shorten(line)} does not begin with 'name ='")
        lines.append((name, formula))
    return [*lines, ("", last)]


def _tree(text: str) -> ast.expr:
    """The syntax tree of one formula.

    Raises ValueError where a part of it is not of the language.
    """
    for character in _FOREIGN.findall(text):
        if not f"a{character}".isidentifier():  # a mark on the letter before it may stay
            raise ValueError(f"{character!r} has no meaning here")
    if long := re.search(rf"\w{{{WORD + 1}}}", text):
        raise ValueError(f"{shorten(long[0])} is longer than {WORD} characters")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Python only warns of "1if a else b"; it is a mistake
        tree = ast.parse(text.strip(), mode="eval").body
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEPTH:
            raise ValueError(f"nested deeper than {DEPTH} times")
        waiting += [(part, depth + 1) for part in _parts(node)]
    return tree


def _parts(node: ast.AST) -> list[ast.AST]:
    """The parts of a node; raises ValueError where it is not of the language."""
    if isinstance(node, ast.Call):
        return [*_application(node)[1]]
    if isinstance(node, _NODES):
        if isinstance(node, ast.Constant) and type(node.value) not in {int, float}:
            raise ValueError(f"{node.value!r} is no number")
        if isinstance(node, ast.Name) and node.id in OPERATIONS:
            raise ValueError(f"{node.id} is an operation: write {OPERATIONS[node.id]!r}")
        return [*ast.iter_child_nodes(node)]
    raise ValueError(f"{ast.unparse(node)} ({type(node).__name__}) is not part of the language")


def _application(call: ast.Call) -> tuple[Operation, list[ast.expr]]:
    """The row that a call applies, and its operands: tanh(x), or x.tanh()."""
    match call.func:
        case ast.Name(name):
            operands = call.args
        case ast.Attribute(first, name):
            operands = [first, *call.args]
        case _:
            raise ValueError("what is called must be the name of an operation")
    aliases = {alias: row for row in OPERATIONS.values() for alias in row.aliases}
    row = OPERATIONS.get(name) or aliases.get(name)
    if row is None or row.folds:
        known = [x for x, y in OPERATIONS.items() if not y.folds]
        longer = [x for x in known if x.startswith(name)] if len(name) > 2 else []
        near = longer[:3] or difflib.get_close_matches(name, known)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise ValueError(f"no operation is called {shorten(name)}{hint}")
    if call.keywords or not 0 <= len(row.operands) - len(operands) <= len(row.defaults):
        raise ValueError(f"{row!r} cannot be called so")
    return row, operands


def _variables(tree: ast.expr) -> list[str]:
    """The names that stand for numbers, in order of appearance."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    return [x.id for x in names if id(x) not in called and x.id not in _CONSTANTS]


class _Calls(ast.NodeTransformer):
    """Turns every call of an operation, `tanh(a)` or `a.tanh()`, into a call of its row."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        row, operands = _application(node)
        return ast.Call(ast.Name(row.name, ast.Load()), [self.visit(x) for x in operands], [])

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        return self.truth(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return self.truth(node) if isinstance(node.op, ast.Not) else node

    def truth(self, test: ast.expr) -> ast.expr:
        """1.0 or 0.0: True and False would go on as whole numbers, which have no bounds."""
        return ast.IfExp(test, ast.Constant(1.0), ast.Constant(0.0))

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(_CONSTANTS[node.id]) if node.id in _CONSTANTS else node
