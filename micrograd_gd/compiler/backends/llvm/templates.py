"""How a step is written in LLVM's language: lines with room for its operands and its result."""

import ast
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from micrograd_gd.compiler.backends.llvm.expression import Formula, Kind, Term
from micrograd_gd.compiler.instructions import Guard, Step
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.errors import JitError
from micrograd_gd.table.ops import Operation

LONGEST_IN_PLACE = 12  # lines of an operation; beyond, it is a function that is called


class Template(NamedTuple):
    """The lines of an operation: `{0}`, `{1}` … are its operands, `{r}` the result's number."""

    lines: str
    result: str
    weight: int


_GUARD = Template("", "", 2)
_OF_LANES = {  # the weight of what is written elsewhere; most packs are read where they are
    kind: Template("", "", weight)
    for kind, weight in {"sum": 4, "pick": 2, "place": 3, "pack": 0}.items()
}


class Templates:
    """How each operation is written; those that branch, for each of their constants anew."""

    def __init__(self, flags: str = "") -> None:
        self._flags = flags
        self._known: dict[object, Template] = {}
        self._called: dict[str, str] = {}  # functions of elsewhere, as they are declared
        self._defined: list[str] = []  # long operations

    def functions(self) -> list[str]:
        """The functions that the templates call."""
        return [*self._called.values(), *self._defined]

    def of(self, step: Step, kind: Kind) -> Template:
        """The template for the operation and its constants."""
        if isinstance(step, Guard):
            return _GUARD
        if isinstance(step.op, Lanes):
            return _OF_LANES[step.op.kind]
        key: object = (step.op, kind)
        constants: list[float | None] = [None] * len(step.operands)
        if _branches(step.op):
            constants = [x if isinstance(x, float) else None for x in step.operands]
            key = (step.op, kind, *map(repr, constants))  # which tells -0.0 from 0.0
        if key not in self._known:
            self._known[key] = self._template(step.op, constants, kind)
        return self._known[key]

    def _template(self, op: Operation, constants: Sequence[float | None], kind: Kind) -> Template:
        formula = Formula("t{r}.", self._called, kind, self._flags)
        letters: dict[str, Term] = {
            letter: f"{{{i}}}" if x is None else x
            for i, (letter, x) in enumerate(zip(op.operands, constants, strict=True))
        }
        result = formula.number(op.tree(op.value), letters)
        weight = len(formula.lines)
        if weight > LONGEST_IN_PLACE:
            return self._call(op, constants, letters, kind)
        return Template("\n".join(formula.lines), kind.text(result), weight)

    def _call(
        self,
        op: Operation,
        constants: Sequence[float | None],
        letters: dict[str, Term],
        kind: Kind,
    ) -> Template:
        """A call of a function."""
        name = f"op{len(self._defined)}"
        self._defined.append(self._function(name, op, constants, kind))
        given = [x for x in letters.values() if isinstance(x, str)]
        operands = ", ".join(f"{kind.number} {x}" for x in given)
        return Template(f"%t{{r}} = call {kind.number} @{name}({operands})", "%t{r}", 5)

    def _function(
        self, name: str, op: Operation, constants: Sequence[float | None], kind: Kind
    ) -> str:
        formula = Formula("t", self._called, kind, self._flags)
        letters: dict[str, Term] = {
            letter: f"%{letter}" if x is None else x
            for letter, x in zip(op.operands, constants, strict=True)
        }
        y = formula.number(op.tree(op.value), letters)
        parameters = ", ".join(f"{kind.number} {x}" for x in letters.values() if isinstance(x, str))
        head = f"define internal {kind.number} @{name}({parameters}) nounwind {{"
        return "\n".join([head, *formula.lines, f"ret {kind.number} {kind.text(y)}", "}"])


@cache
def _branches(op: Operation) -> bool:
    """Whether constants decide what of the formula is computed."""
    if not isinstance(op.value, str):
        raise JitError(
            f"{op.name} was added as Python code, which backend 'llvm' cannot run; "
            f"backend 'python' can"
        )
    return any(isinstance(node, (ast.IfExp, ast.Pow)) for node in ast.walk(op.tree(op.value)))
