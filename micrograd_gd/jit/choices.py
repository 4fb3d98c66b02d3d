"""Partials whose branches are choices: what a batch needs, since its samples take different ones.

`f if test else g` becomes `where(test, f, g)`, which computes both and sends its derivative to the
one that counts; the test becomes an operation of its own, 1 where it holds and 0 elsewhere. Where a
partial may be None, one more such operation tells whether a derivative flows.
"""

import ast
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from micrograd_gd import expression
from micrograd_gd.operation import ON_VALUES, Formula, Operation


@cache
def partial(op: Operation, i: int) -> Callable[..., Any] | None:
    """The partial for operand i, a function of the operands and the result without a branch.

    None where the formula has none. Where no derivative flows, it gives any number.
    """
    formula = _formula(op, i)
    choices = _Choices(op)
    tree = choices.visit(op.tree(formula))
    if formula == "None" or ("None" not in formula and not choices.tests):
        return None
    names = ON_VALUES | choices.tests
    return expression.function((*op.operands, "y"), expression.on_values(tree), names)


@cache
def flows(op: Operation, i: int) -> Operation | None:
    """Whether a derivative flows to operand i, 1 or 0, as an operation of the operands and y.

    None where that is the same for all numbers.
    """
    formula = _formula(op, i)
    if formula == "None" or "None" not in formula:
        return None
    return _of_result(op, _flows(op.tree(formula)))


def _formula(op: Operation, i: int) -> str:
    formula = "" if op.folds else op.partials[i]
    return formula if isinstance(formula, str) and formula else "1"


def _flows(tree: ast.expr) -> str:
    if isinstance(tree, ast.IfExp):
        return f"({_flows(tree.body)} if {ast.unparse(tree.test)} else {_flows(tree.orelse)})"
    return "0" if _is_none(tree) else "1"


def _is_none(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value is None


class _Choices(ast.NodeTransformer):
    """Branches and comparisons become calls."""

    def __init__(self, op: Operation) -> None:
        self.op = op
        self.tests: dict[str, Operation] = {}

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        then: ast.expr = self.visit(node.body)
        otherwise: ast.expr = self.visit(node.orelse)
        if _is_none(then) or _is_none(otherwise):
            return otherwise if _is_none(then) else then
        return _call("where", self._test(node.test), then, otherwise)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        return self._test(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        return self._test(node)

    def _test(self, test: ast.expr) -> ast.expr:
        name = f"test_{len(self.tests)}"
        self.tests[name] = _of_result(self.op, f"1 if {ast.unparse(test)} else 0")
        return _call(name, *(ast.Name(letter, ast.Load()) for letter in (*self.op.operands, "y")))


def _of_result(op: Operation, formula: str) -> Operation:
    """A formula of the operands and the result as an operation without a derivative."""
    letters = (*op.operands, "result")  # y is the new operation's own
    value = re.sub(r"\by\b", "result", formula)
    none: tuple[Formula, ...] = ("None",) * len(letters)
    return Operation(value, letters, value, none, f"{value}.")


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [*arguments], [])
