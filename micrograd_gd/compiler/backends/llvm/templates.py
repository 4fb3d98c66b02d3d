"""How an operation is written in LLVM's language: lines with room for operands and result."""

import ast
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from micrograd_gd.compiler.backends.llvm.expression import FormulaWriter
from micrograd_gd.compiler.backends.llvm.kinds import Kind, Term
from micrograd_gd.compiler.instructions import Guard, Statement
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.errors import JitError
from micrograd_gd.table.ops import Operation

LONGEST_IN_PLACE = 12  # lines of an operation; beyond, it is a function that is called


class Template(NamedTuple):
    """The lines of an operation, with `{0}`, `{1}` … for its operands, `{r}` for its number."""

    lines: str
    result: str
    weight: int


_GUARD = Template("", "", 2)
_WEIGHTS = {"sum": 4, "largest": 7, "pick": 2, "place": 3, "shift": 3, "pack": 0, "index": 1}
_OF_LANES = {  # the weight of what is written elsewhere; most packs are read where they are
    kind: Template("", "", weight) for kind, weight in _WEIGHTS.items()
}


class Templates:
    """The templates of operations; those with branches have one for each of their constants."""

    def __init__(self, flags: str = "") -> None:
        self._flags = flags
        self._known: dict[object, Template] = {}
        self._called: dict[str, str] = {}  # functions of elsewhere, as they are declared
        self._defined: list[str] = []  # long operations

    def write_functions(self) -> list[str]:
        """The functions that the templates call."""
        return [*self._called.values(), *self._defined]

    def find(self, statement: Statement, kind: Kind) -> Template:
        """The template for the operation and its constants."""
        if isinstance(statement, Guard):
            return _GUARD
        if isinstance(statement.op, Lanes) and statement.op.kind != "spread":
            return _OF_LANES[statement.op.kind]
        key: object = (statement.op, kind)
        constants: list[float | None] = [None] * len(statement.operands)
        if _has_branch(statement.op):
            constants = [x if isinstance(x, float) else None for x in statement.operands]
            key = (statement.op, kind, *map(repr, constants))  # which tells -0.0 from 0.0
        if key not in self._known:
            self._known[key] = self._make_template(statement.op, constants, kind)
        return self._known[key]

    def _make_template(
        self, op: Operation, constants: Sequence[float | None], kind: Kind
    ) -> Template:
        formula = FormulaWriter("t{r}.", self._called, kind, self._flags)
        letters: dict[str, Term] = {
            letter: f"{{{i}}}" if x is None else x
            for i, (letter, x) in enumerate(zip(op.operands, constants, strict=True))
        }
        result = formula.write(op.tree(op.value), letters)
        weight = len(formula.lines)
        if weight > LONGEST_IN_PLACE:
            return self._make_call(op, constants, letters, kind)
        return Template("\n".join(formula.lines), kind.write_term(result), weight)

    def _make_call(
        self,
        op: Operation,
        constants: Sequence[float | None],
        letters: dict[str, Term],
        kind: Kind,
    ) -> Template:
        """A call of a function."""
        name = f"op{len(self._defined)}"
        self._defined.append(self._write_function(name, op, constants, kind))
        given = [x for x in letters.values() if isinstance(x, str)]
        operands = ", ".join(f"{kind.number} {x}" for x in given)
        return Template(f"%t{{r}} = call {kind.number} @{name}({operands})", "%t{r}", 5)

    def _write_function(
        self, name: str, op: Operation, constants: Sequence[float | None], kind: Kind
    ) -> str:
        formula = FormulaWriter("t", self._called, kind, self._flags)
        letters: dict[str, Term] = {
            letter: f"%{letter}" if x is None else x
            for letter, x in zip(op.operands, constants, strict=True)
        }
        y = formula.write(op.tree(op.value), letters)
        parameters = ", ".join(f"{kind.number} {x}" for x in letters.values() if isinstance(x, str))
        head = f"define internal {kind.number} @{name}({parameters}) nounwind {{"
        return "\n".join([head, *formula.lines, f"ret {kind.number} {kind.write_term(y)}", "}"])


@cache
def _has_branch(op: Operation) -> bool:
    """Whether constants decide what of the formula is computed."""
    if not isinstance(op.value, str):
        raise JitError(
            f"{op.name} was added as Python code, which backend 'llvm' cannot run; "
            f"backend 'python' can"
        )
    return any(isinstance(node, (ast.IfExp, ast.Pow)) for node in ast.walk(op.tree(op.value)))
