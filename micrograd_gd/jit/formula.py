"""A formula of the table as lines in LLVM's language.

What depends on constants alone is computed while writing, by the functions that the program would
call, so that a formula's branches on a constant exponent or bound leave no trace.
"""

import ast
import operator
import struct
from collections.abc import Callable, Mapping, Sequence

from micrograd_gd import expression, ieee
from micrograd_gd.jit.library import symbol
from micrograd_gd.ops import OPERATIONS

Term = str | float  # the name of what a line gives, or a constant

# Functions that are a machine instruction, and those so short that they are written here again.
_MACHINE = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "round": "rint"}
_WRITTEN = {
    "div": ("a b", "a / b"),
    "sign": ("x", "1 if x > 0 else -1 if x < 0 else x"),
    "pow": ("a b", "a * a if b == 2 else a if b == 1 else library_pow(a, b)"),
}

_ARITHMETIC: dict[type, tuple[str, Callable[[float, float], float]]] = {
    ast.Add: ("fadd", operator.add),
    ast.Sub: ("fsub", operator.sub),
    ast.Mult: ("fmul", operator.mul),
    ast.Div: ("fdiv", ieee.div),
}
_COMPARE: dict[type, tuple[str, Callable[[float, float], bool]]] = {
    ast.Lt: ("olt", operator.lt),
    ast.LtE: ("ole", operator.le),
    ast.Gt: ("ogt", operator.gt),
    ast.GtE: ("oge", operator.ge),
    ast.Eq: ("oeq", operator.eq),
    ast.NotEq: ("une", operator.ne),
}


class Formula:
    """Lines that compute formulas, one after another.

    The names of what they give begin with `prefix`. `called` collects the functions that they call,
    as they are declared.
    """

    def __init__(self, prefix: str, called: dict[str, str]) -> None:
        self.lines: list[str] = []
        self._prefix = prefix
        self._called = called
        self._block = ""  # the block in which the last line stands; unnamed is the first

    def line(self, text: str) -> str:
        """Add a line; the name of its result."""
        name = f"%{self._prefix}{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name

    def number(self, tree: ast.expr, letters: Mapping[str, Term]) -> Term:  # noqa: PLR0911 — kinds
        """A number, its letters being what `letters` says."""
        match tree:
            case ast.Name(id=name):
                return letters[name]
            case ast.Constant(value=int() | float() as value):
                return float(value)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._call("pow", [self.number(left, letters), self.number(right, letters)])
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(op, self.number(left, letters), self.number(right, letters))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                x = self.number(operand, letters)
                return -x if isinstance(x, float) else self.line(f"fneg double {x}")
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, [self.number(x, letters) for x in arguments])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._choice(test, body, orelse, letters)
            case _:
                holds = self._condition(tree, letters)
                if isinstance(holds, bool):
                    return float(holds)
                return self.line(f"uitofp i1 {holds} to double")

    def _arithmetic(self, op: ast.operator, a: Term, b: Term) -> Term:
        name, on_floats = _ARITHMETIC[type(op)]
        if isinstance(a, float) and isinstance(b, float):
            return on_floats(a, b)
        return self.line(f"{name} double {text(a)}, {text(b)}")

    def _call(self, name: str, given: Sequence[Term]) -> Term:
        """What a function of the table's language gives."""
        if all(isinstance(x, float) for x in given):
            return OPERATIONS[name](*given)  # type: ignore[no-any-return]  # a float of floats
        if name in _WRITTEN:
            letters, formula = _WRITTEN[name]
            operands = letters.split()
            return self.number(
                expression.parse(formula, operands), dict(zip(operands, given, strict=True))
            )
        if name in OPERATIONS and name not in ieee.__all__:
            row = OPERATIONS[name]
            return self.number(row.tree(row.value), dict(zip(row.operands, given, strict=True)))
        if name in _MACHINE:
            function = f"llvm.{_MACHINE[name]}.f64"
        else:
            function = symbol(name.removeprefix("library_"), len(given))
        kinds = ", ".join(["double"] * len(given))
        self._called[function] = f"declare double @{function}({kinds})"
        operands = [f"double {text(x)}" for x in given]
        return self.line(f"call double @{function}({', '.join(operands)})")

    def _choice(
        self, test: ast.expr, body: ast.expr, orelse: ast.expr, letters: Mapping[str, Term]
    ) -> Term:
        """One of two numbers: both are computed and one is taken, unless one calls a function."""
        holds = self._condition(test, letters)
        if isinstance(holds, bool):
            return self.number(body if holds else orelse, letters)
        if expression.calls(body).keys() | expression.calls(orelse).keys() <= _MACHINE.keys():
            a, b = self.number(body, letters), self.number(orelse, letters)
            return self.line(f"select i1 {holds}, double {text(a)}, double {text(b)}")
        place = f"{self._prefix}{len(self.lines)}"
        self.lines.append(f"br i1 {holds}, label %{place}.yes, label %{place}.no")
        arms = []
        for arm, tree in (("yes", body), ("no", orelse)):
            self._begin(f"{place}.{arm}")
            x = self.number(tree, letters)
            arms.append(f"[ {text(x)}, %{self._block} ]")
            self.lines.append(f"br label %{place}.end")
        self._begin(f"{place}.end")
        return self.line(f"phi double {', '.join(arms)}")

    def _begin(self, block: str) -> None:
        self.lines.append(f"{block}:")
        self._block = block

    def _condition(self, tree: ast.expr, letters: Mapping[str, Term]) -> str | bool:
        """A bit."""
        match tree:
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                numbers = [self.number(x, letters) for x in (left, *comparators)]
                bits = [
                    self._compared(op, a, b)
                    for a, op, b in zip(numbers, ops, numbers[1:], strict=False)
                ]
                return self._joined("and", bits)
            case ast.BoolOp(op=op, values=values):
                bits = [self._condition(each, letters) for each in values]
                return self._joined("and" if isinstance(op, ast.And) else "or", bits)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                bit = self._condition(operand, letters)
                return not bit if isinstance(bit, bool) else self.line(f"xor i1 {bit}, true")
            case _:
                return self._compared(ast.NotEq(), self.number(tree, letters), 0.0)

    def _compared(self, op: ast.cmpop, a: Term, b: Term) -> str | bool:
        relation, on_floats = _COMPARE[type(op)]
        if isinstance(a, float) and isinstance(b, float):
            return on_floats(a, b)
        return self.line(f"fcmp {relation} double {text(a)}, {text(b)}")

    def _joined(self, how: str, bits: Sequence[str | bool]) -> str | bool:
        """All of the bits, or any."""
        decisive = how == "or"  # the bit that decides alone
        if decisive in bits:
            return decisive
        unknown = [bit for bit in bits if isinstance(bit, str)]
        if not unknown:
            return not decisive
        first, *rest = unknown
        for bit in rest:
            first = self.line(f"{how} i1 {first}, {bit}")
        return first


def text(x: Term) -> str:
    """A term as an operand: a constant by its bits."""
    return x if isinstance(x, str) else f"0x{struct.unpack('>Q', struct.pack('>d', x))[0]:016X}"
