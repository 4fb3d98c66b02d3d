"""How the table's formulas and names read in C, and to the letter so in JavaScript."""

import ast

from micrograd_gd.table import ieee
from micrograd_gd.table.ops import Operation
from micrograd_gd.table.relations import RELATIONS

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
    ast.And: "&&", ast.Or: "||", **{relation.node: relation.sign for relation in RELATIONS},
}  # fmt: skip


def c_expression(tree: ast.expr) -> str:  # noqa: C901, PLR0911 — a case for each kind of node
    """C that computes the tree, a double; JavaScript reads the same text."""
    match tree:
        case ast.Name(id=name):
            return f"_{name}"
        case ast.Constant(value=int() | float() as value):
            return repr(float(value))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"ieee_pow({c_expression(left)}, {c_expression(right)})"
        case ast.BinOp(left=left, op=op, right=right):
            return f"({c_expression(left)} {OPERATORS[type(op)]} {c_expression(right)})"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(-{c_expression(operand)})"
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return f"({condition(test)} ? {c_expression(body)} : {c_expression(orelse)})"
        case ast.Call(func=ast.Name(id=name), args=arguments):
            library = "ieee" if name in ieee.__all__ else "value"
            return f"{library}_{name}({', '.join(map(c_expression, arguments))})"
        case ast.BoolOp(op=op, values=[value]):
            return c_expression(value)
        case ast.BoolOp(op=op, values=[first, *rest]):
            others = c_expression(ast.BoolOp(op, rest))
            then, otherwise = (others, c_expression(first))
            if isinstance(op, ast.Or):
                then, otherwise = otherwise, then
            return f"({condition(first)} ? {then} : {otherwise})"
        case _:
            return f"({condition(tree)} ? 1.0 : 0.0)"


def condition(tree: ast.expr) -> str:
    """C that is true where Python finds the tree true."""
    match tree:
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            operands = [c_expression(operand) for operand in (left, *comparators)]
            pairs = zip(operands, ops, operands[1:], strict=False)
            return " && ".join(f"({a} {OPERATORS[type(op)]} {b})" for a, op, b in pairs)
        case ast.BoolOp(op=op, values=values):
            joined = f" {OPERATORS[type(op)]} ".join(f"({condition(each)})" for each in values)
            return f"({joined})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"!({condition(operand)})"
        case _:
            return f"{c_expression(tree)} != 0.0"


def word(row: Operation) -> str:
    """The row's name as C writes it; that of a slope is no word, as in drelu/dx."""
    return row.name.replace("/", "_by_")
