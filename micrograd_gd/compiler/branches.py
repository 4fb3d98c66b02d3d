"""Partials without branches, for a batch: its samples would take different ones.

`f if test else g` becomes `where(test, f, g)`. That computes both and sends the derivative to the
one that is chosen. A test becomes a number: 1 where it holds and 0 elsewhere. Where a partial may
be None, one more such number says whether a derivative flows.
"""

import ast
from collections.abc import Callable
from functools import cache, reduce
from typing import Any

from micrograd_gd.table import expression
from micrograd_gd.table.operation import ON_VALUES, Operation
from micrograd_gd.table.relations import BY_NODE, Relation


@cache
def partial(op: Operation, i: int) -> Callable[..., Any] | None:
    """The partial for operand i as a function of operands and result that takes no branch.

    None where the formula takes none anyway. Where no derivative flows, the number means nothing.
    """
    tree = _tree(op, i)
    has_branch = any(isinstance(node, (ast.IfExp, ast.Compare)) for node in ast.walk(tree))
    return _function(op, _Choices().visit(tree)) if has_branch else None


@cache
def flows(op: Operation, i: int) -> Callable[..., Any] | None:
    """A function of the same kind that says whether a derivative flows to operand i: 1 or 0.

    None where that is the same for all numbers.
    """
    tree = _tree(op, i)
    if not (isinstance(tree, ast.IfExp) and any(map(_is_none, ast.walk(tree)))):
        return None
    return _function(op, _Choices().visit(_flows(tree)))


def _tree(op: Operation, i: int) -> ast.expr:
    formula = "1" if op.folds else op.partials[i]
    return op.tree(formula if isinstance(formula, str) else "1")


def _function(op: Operation, tree: ast.expr) -> Callable[..., Any]:
    return expression.function((*op.operands, "y"), expression.on_values(tree), ON_VALUES)


def _flows(tree: ast.expr) -> ast.expr:
    if isinstance(tree, ast.IfExp):
        return ast.IfExp(tree.test, _flows(tree.body), _flows(tree.orelse))
    return ast.Constant(0 if _is_none(tree) else 1)


def _is_none(tree: ast.AST) -> bool:
    return isinstance(tree, ast.Constant) and tree.value is None


class _Choices(ast.NodeTransformer):
    """Branches, comparisons and what joins them become calls."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test, then, otherwise = self._each(node.test, node.body, node.orelse)
        if _is_none(then) or _is_none(otherwise):
            return otherwise if _is_none(then) else then
        return _call("where", test, then, otherwise)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sides = self._each(node.left, *node.comparators)
        pairs = zip(node.ops, sides, sides[1:], strict=False)
        return reduce(_and, [_test(BY_NODE[type(op)], a, b) for op, a, b in pairs])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        return reduce(_and if isinstance(node.op, ast.And) else _or, self._each(*node.values))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        (operand,) = self._each(node.operand)
        return _not(operand) if isinstance(node.op, ast.Not) else ast.UnaryOp(node.op, operand)

    def _each(self, *nodes: ast.expr) -> list[ast.expr]:
        return [self.visit(node) for node in nodes]


def _test(relation: Relation, a: ast.expr, b: ast.expr) -> ast.expr:
    return expression.substitute(expression.parse(relation.test, "ab"), {"a": a, "b": b})


def _and(a: ast.expr, b: ast.expr) -> ast.expr:
    return _call("where", a, b, ast.Constant(0))


def _or(a: ast.expr, b: ast.expr) -> ast.expr:
    return _call("where", a, ast.Constant(1), b)


def _not(a: ast.expr) -> ast.expr:
    return _call("where", a, ast.Constant(0), ast.Constant(1))


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [*arguments], [])
