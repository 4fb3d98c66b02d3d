"""Partials without branches, for a batch: its samples would take different ones.

`f if test else g` becomes `where(test, f, g)`. That computes both and sends the derivative to the
one that is chosen. A test becomes a number: 1 where it holds and 0 elsewhere. Where a partial may
be None, one more such number says whether a derivative flows.
"""

import ast
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, reduce
from typing import Any

from micrograd_gd.table import expression
from micrograd_gd.table.operation import ON_VALUES, Operation
from micrograd_gd.table.relations import BY_NODE, Relation


@cache
def has_branch(op: Operation, i: int) -> bool:
    """Whether the formula of the partial for operand i takes a branch."""
    return any(isinstance(node, (ast.IfExp, ast.Compare)) for node in ast.walk(_tree(op, i)))


def partial(node: Any, i: int) -> Callable[..., Any]:
    """The partial for operand i as a function of operands and result that takes no branch.

    Where no derivative flows, the number means nothing.
    """
    return _partial(node.op, i, _constants(node))


def flows(node: Any, i: int) -> Callable[..., Any] | None:
    """A function of the same kind that says whether a derivative flows to operand i: 1 or 0.

    None where that is the same for all numbers that are no constants.
    """
    return _has_path(node.op, i, _constants(node))


def _constants(node: Any) -> tuple[float | None, ...]:
    return tuple([x if type(x) is float else None for x in node.operands])


@lru_cache(1000)
def _partial(op: Operation, i: int, constants: tuple[float | None, ...]) -> Callable[..., Any]:
    return _function(op, _Choices().visit(_Decisions(op, constants).visit(_tree(op, i))))


@lru_cache(1000)
def _has_path(
    op: Operation, i: int, constants: tuple[float | None, ...]
) -> Callable[..., Any] | None:
    tree = _Decisions(op, constants).visit(_tree(op, i))
    if not (isinstance(tree, ast.IfExp) and any(map(_is_none, ast.walk(tree)))):
        return None
    return _function(op, _Choices().visit(_flows(tree)))


def _tree(op: Operation, i: int) -> ast.expr:
    formula = "1" if op.folds else op.partials[i]
    return op.tree(formula) if isinstance(formula, str) and formula != "1" else ast.Constant(1)


def _function(op: Operation, tree: ast.expr) -> Callable[..., Any]:
    return expression.function((*op.operands, "y"), expression.on_values(tree), ON_VALUES)


def _flows(tree: ast.expr) -> ast.expr:
    if isinstance(tree, ast.IfExp):
        return ast.IfExp(tree.test, _flows(tree.body), _flows(tree.orelse))
    return ast.Constant(0 if _is_none(tree) else 1)


def _is_none(tree: ast.AST) -> bool:
    return isinstance(tree, ast.Constant) and tree.value is None


class _Decisions(ast.NodeTransformer):
    """Tests that constants decide are gone: as in `x**2`, whose partial is `2 * x`."""

    def __init__(self, op: Operation, constants: Sequence[float | None]) -> None:
        self._op = op
        self._numbers = [0.0 if x is None else x for x in constants]
        pairs = zip(op.operands, constants, strict=True)
        self._unknown = {"y", *(letter for letter, x in pairs if x is None)}

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test = self._decide(node.test)
        if isinstance(test, bool):
            return self.visit(node.body if test else node.orelse)  # type: ignore[no-any-return]  # ast says Any
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def _decide(self, test: ast.expr) -> ast.expr | bool:
        """How a test ends, or what of it is left."""
        if isinstance(test, ast.BoolOp):
            parts, ends = [*map(self._decide, test.values)], isinstance(test.op, ast.Or)
            left = [x for x in parts if not isinstance(x, bool)]
            if ends in parts:
                return ends
            if not left:
                return not ends
            return ast.BoolOp(test.op, left) if len(left) > 1 else left[0]
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._decide(test.operand)
            return not inner if isinstance(inner, bool) else ast.UnaryOp(ast.Not(), inner)
        if any(isinstance(x, ast.Name) and x.id in self._unknown for x in ast.walk(test)):
            return test
        return bool(self._op.on_floats(ast.unparse(test))(*self._numbers))


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
