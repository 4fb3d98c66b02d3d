"""A formula as steps for a stack, which the native engine takes over values instead of floats.

OPERAND, RESULT and CONSTANT push one, NOTHING pushes None, APPLY pops what an operation takes and
pushes its result. COMPARE pops two, and TRUTH one, for a condition, which UNLESS, a jump where it
is false, reads next. JUMP goes on at another step; DONE says that the result is on the stack.
"""

import ast
from typing import Any

from micrograd_gd.table import expression
from micrograd_gd.table.ops import Operation, by_syntax
from micrograd_gd.table.relations import BY_NODE

KINDS = (
    "OPERAND", "RESULT", "CONSTANT", "NOTHING", "APPLY", "COMPARE", "TRUTH", "UNLESS", "JUMP",
    "DONE",
)  # fmt: skip
DEEPEST, MOST_TAKEN = 8, 4  # room on the stack, and operands of one operation


def write_steps(row: Operation, formula: Any, numbers: dict[str, int]) -> str:
    """The steps of one of a row's formulas as C; `numbers` are those of the operations."""
    written = _Steps(row, numbers)
    written.push(expression.on_values(row.tree(formula)))
    written.add("DONE")
    assert written.deepest <= DEEPEST, formula  # noqa: S101 — when the package is built
    places = written.places
    return ", ".join(
        f"{{{kind}, {count}, {places.get(which, which)}, {number}}}"
        for kind, count, which, number in written.list
    )


class _Steps:
    """The list of steps, while it is written."""

    def __init__(self, row: Operation, numbers: dict[str, int]) -> None:
        self.row = row
        self.numbers = numbers
        self.list: list[tuple[str, int, Any, str]] = []
        self.places: dict[Any, int] = {}  # of the labels
        self.depth = self.deepest = self.labels = 0

    def add(self, kind: str, which: Any = 0, *, count: int = 0, number: str = "0.0") -> None:
        """Add a step, and count what it pops and pushes."""
        pops = {"APPLY": count, "COMPARE": 2, "TRUTH": 1}.get(kind, 0)
        pushes = kind in {"OPERAND", "RESULT", "CONSTANT", "NOTHING", "APPLY"}
        self.depth += pushes - pops
        self.deepest = max(self.deepest, self.depth)
        self.list.append((kind, count, which, number))

    def new_label(self) -> str:
        """Return a name for a place that is not known yet."""
        self.labels += 1
        return f"label {self.labels}"

    def place(self, label: str) -> None:
        """Let the label stand for the next step."""
        self.places[label] = len(self.list)

    def push(self, tree: ast.expr) -> None:
        """Add the steps that push what the tree computes, in Python's order."""
        match tree:
            case ast.Name(id="y"):
                self.add("RESULT")
            case ast.Name(id=name):
                self.add("OPERAND", self.row.operands.index(name))
            case ast.Constant(value=None):
                self.add("NOTHING")
            case ast.Constant(value=float() as value):
                self.add("CONSTANT", number=repr(value))
            case ast.BinOp(left=left, op=op, right=right):
                self.apply(by_syntax()[type(op)].name, left, right)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self.apply(by_syntax()[ast.USub].name, operand)
            case ast.Call(func=ast.Name(id=name), args=operands):
                self.apply(name, *operands)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                otherwise, end = self.new_label(), self.new_label()
                self.branch(test, otherwise)
                self.push(body)
                self.add("JUMP", end)
                self.depth -= 1  # of the two values, one is pushed
                self.place(otherwise)
                self.push(orelse)
                self.place(end)
            case _:
                raise TypeError(f"{ast.unparse(tree)} is no number in a partial")

    def apply(self, name: str, *operands: ast.expr) -> None:
        """Add the steps that push the operation's result."""
        assert len(operands) <= MOST_TAKEN, name  # noqa: S101 — when the package is built
        for operand in operands:
            self.push(operand)
        self.add("APPLY", self.numbers[name], count=len(operands))

    def branch(self, tree: ast.expr, otherwise: str) -> None:
        """Add the steps that go on where the tree is true, and jump to `otherwise` where not."""
        match tree:
            case ast.BoolOp(op=ast.And(), values=values):
                for each in values:
                    self.branch(each, otherwise)
            case ast.BoolOp(op=ast.Or(), values=[*others, last]):
                true = self.new_label()
                for each in others:
                    following = self.new_label()
                    self.branch(each, following)
                    self.add("JUMP", true)
                    self.place(following)
                self.branch(last, otherwise)
                self.place(true)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                true = self.new_label()
                self.branch(operand, true)
                self.add("JUMP", otherwise)
                self.place(true)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                self.push(left)
                self.push(right)
                self.add("COMPARE", f"Py_{BY_NODE[type(op)].name.upper()}")
                self.add("UNLESS", otherwise)
            case _:
                self.push(tree)
                self.add("TRUTH")
                self.add("UNLESS", otherwise)
