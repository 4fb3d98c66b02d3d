"""A formula of the table as lines of LLVM's language.

What depends on constants alone is computed while writing, by the functions that the program would
call. So the branches of a formula on a constant exponent or bound leave no trace.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence

from micrograd_gd.compiler.backends.llvm.elementary import define_function
from micrograd_gd.compiler.backends.llvm.kinds import LANES, SCALAR, Kind, Term
from micrograd_gd.compiler.backends.llvm.symbols import bind_symbol
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.elementary import FUNCTIONS, SHORT_POWERS
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.table.relations import BY_NODE
from micrograd_gd.table.trigonometry import NEAR

# Functions that are a machine instruction, and those so short that they are written here again.
_MACHINE = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "round": "rint"}
_WRITTEN = {
    "div": ("a b", "a / b"),
    "sign": ("x", "1 if x > 0 else -1 if x < 0 else x"),
    "sin": ("x", f"near_sin(x) if abs(x) < {NEAR} else library_sin(x)"),
    "cos": ("x", f"near_cos(x) if abs(x) < {NEAR} else library_cos(x)"),
    "tan": ("x", f"near_tan(x) if abs(x) < {NEAR} else library_tan(x)"),
    "pow": (
        "a b",
        "".join([f"({y}) if b == {n} else " for n, y in SHORT_POWERS.items()])
        + "library_pow(a, b)",
    ),
}

_ARITHMETIC: dict[type, tuple[str, Callable[[float, float], float]]] = {
    ast.Add: ("fadd", operator.add),
    ast.Sub: ("fsub", operator.sub),
    ast.Mult: ("fmul", operator.mul),
    ast.Div: ("fdiv", ieee.div),
}


FAST_MATH = "reassoc nsz contract "  # the flags of arithmetic that may be fused


class FormulaWriter:
    """Lines that compute formulas, one after another.

    The names of their results begin with `prefix`. `called` collects the functions that they call,
    as they are declared.
    """

    def __init__(
        self, prefix: str, called: dict[str, str], kind: Kind = SCALAR, flags: str = ""
    ) -> None:
        self.lines: list[str] = []
        self._prefix = prefix
        self._called = called
        self._kind = kind
        self._flags = flags  # what LLVM may do to arithmetic; if empty, nothing
        self._block = ""  # the block in which the last line stands; unnamed is the first
        self._taken = ""  # the lanes that need the arm that is being written; if empty, all

    def emit(self, text: str) -> str:
        """Add a line, and return the name of its result."""
        name = f"%{self._prefix}{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name

    def write(self, tree: ast.expr, letters: Mapping[str, Term]) -> Term:  # noqa: PLR0911 — kinds
        """The term for a formula, in which each letter stands for a term."""
        match tree:
            case ast.Name(id=name):
                return letters[name]
            case ast.Constant(value=int() | float() as value):
                return float(value)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._write_call(
                    "pow", [self.write(left, letters), self.write(right, letters)]
                )
            case ast.BinOp(left=left, op=op, right=right):
                return self._write_arithmetic(
                    op, self.write(left, letters), self.write(right, letters)
                )
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                x = self.write(operand, letters)
                return -x if isinstance(x, float) else self.emit(f"fneg {self._kind.number} {x}")
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._write_call(name, [self.write(x, letters) for x in arguments])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._write_choice(test, body, orelse, letters)
            case _:
                holds = self._write_condition(tree, letters)
                if isinstance(holds, bool):
                    return float(holds)
                return self.emit(f"uitofp {self._kind.bit} {holds} to {self._kind.number}")

    def _write_arithmetic(self, op: ast.operator, a: Term, b: Term) -> Term:
        name, on_floats = _ARITHMETIC[type(op)]
        if isinstance(a, float) and isinstance(b, float):
            return on_floats(a, b)
        return self.emit(
            f"{name} {self._flags}{self._kind.number} {self._write_term(a)}, {self._write_term(b)}"
        )

    def _write_call(self, name: str, given: Sequence[Term]) -> Term:
        """The result of a function of the table's language."""
        if name in OPERATIONS and all(isinstance(x, float) for x in given):
            return OPERATIONS[name](*given)  # type: ignore[no-any-return]  # a float of floats
        if name in _WRITTEN:
            letters, formula = _WRITTEN[name]
            operands = letters.split()
            return self.write(
                expression.parse(formula, operands), dict(zip(operands, given, strict=True))
            )
        if name in OPERATIONS and name not in ieee.__all__:
            row = OPERATIONS[name]
            return self.write(row.tree(row.value), dict(zip(row.operands, given, strict=True)))
        number = self._kind.number
        if name in _MACHINE:
            function = self._declare(name)
        elif name in FUNCTIONS:
            function, text = define_function(name, self._kind)
            self._called[function] = text
            if "@llvm.sqrt" in text:
                self._declare("sqrt")
        else:
            function = bind_symbol(name.removeprefix("library_"), len(given))
            kinds = ", ".join(["double"] * len(given))
            self._called[function] = f"declare double @{function}({kinds})"
            if self._kind is LANES:
                function = define_lane_by_lane(function, len(given), self._called)
        operands = [f"{number} {self._write_term(x)}" for x in given]
        return self.emit(f"call {number} @{function}({', '.join(operands)})")

    def _declare(self, name: str) -> str:
        """What the machine does itself, as a function."""
        number = self._kind.number
        function = f"llvm.{_MACHINE[name]}.{self._kind.suffix}"
        self._called[function] = f"declare {number} @{function}({number})"
        return function

    def _write_choice(
        self, test: ast.expr, body: ast.expr, orelse: ast.expr, letters: Mapping[str, Term]
    ) -> Term:
        """One of two numbers: both are computed, and one is selected.

        Where one of them calls a function, a branch is taken. In lanes a number is selected all the
        same, and the function is called if some lane needs it.
        """
        holds = self._write_condition(test, letters)
        if isinstance(holds, bool):
            return self.write(body if holds else orelse, letters)
        if expression.calls(body).keys() | expression.calls(orelse).keys() <= _MACHINE.keys():
            a, b = self.write(body, letters), self.write(orelse, letters)
            arms = ", ".join([f"{self._kind.number} {self._write_term(x)}" for x in (a, b)])
            return self.emit(f"select {self._kind.bit} {holds}, {arms}")
        if self._kind is LANES:
            a = self._write_arm(holds, body, letters)
            b = self._write_arm(self._negate(holds), orelse, letters)
            return self.emit(f"select <8 x i1> {holds}, <8 x double> {a}, <8 x double> {b}")
        place = self._name_block()
        self.lines.append(f"br i1 {holds}, label %{place}.yes, label %{place}.no")
        ways = []
        for arm, tree in (("yes", body), ("no", orelse)):
            self._begin_block(f"{place}.{arm}")
            x = self.write(tree, letters)
            ways.append(f"[ {self._write_term(x)}, %{self._block} ]")
            self.lines.append(f"br label %{place}.end")
        self._begin_block(f"{place}.end")
        return self.emit(f"phi double {', '.join(ways)}")

    def _write_arm(self, where: str, tree: ast.expr, letters: Mapping[str, Term]) -> str:
        """A number in lanes; its functions are called only if one of the lanes needs it."""
        if expression.calls(tree).keys() <= _MACHINE.keys():
            return self._write_term(self.write(tree, letters))
        before = self._taken
        self._taken = self.emit(f"and <8 x i1> {before}, {where}") if before else where
        if isinstance(tree, ast.IfExp):
            x = self._write_term(self.write(tree, letters))
            self._taken = before
            return x
        bits = self.emit(f"bitcast <8 x i1> {self._taken} to i8")
        any_lane = self.emit(f"icmp ne i8 {bits}, 0")
        place = self._name_block()
        self.lines.append(f"br label %{place}.start")
        self._begin_block(f"{place}.start")
        rarely = ", !prof !1" if before else ""  # beyond two conditions mostly a nan
        self.lines.append(f"br i1 {any_lane}, label %{place}.yes, label %{place}.end{rarely}")
        self._begin_block(f"{place}.yes")
        x = self._write_term(self.write(tree, letters))
        way = f"[ {x}, %{self._block} ], [ zeroinitializer, %{place}.start ]"
        self.lines.append(f"br label %{place}.end")
        self._begin_block(f"{place}.end")
        self._taken = before
        return self.emit(f"phi <8 x double> {way}")

    def _negate(self, bit: str) -> str:
        true = "true" if self._kind is SCALAR else "splat (i1 true)"
        return self.emit(f"xor {self._kind.bit} {bit}, {true}")

    def _name_block(self) -> str:
        """A name for the blocks of a choice."""
        return f"{self._prefix}{len(self.lines)}"

    def _write_term(self, x: Term) -> str:
        return self._kind.write_term(x)

    def _begin_block(self, block: str) -> None:
        self.lines.append(f"{block}:")
        self._block = block

    def _write_condition(self, tree: ast.expr, letters: Mapping[str, Term]) -> str | bool:
        """A bit."""
        match tree:
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                numbers = [self.write(x, letters) for x in (left, *comparators)]
                bits = [
                    self._compare(op, a, b)
                    for a, op, b in zip(numbers, ops, numbers[1:], strict=False)
                ]
                return self._join("and", bits)
            case ast.BoolOp(op=op, values=values):
                bits = [self._write_condition(each, letters) for each in values]
                return self._join("and" if isinstance(op, ast.And) else "or", bits)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                bit = self._write_condition(operand, letters)
                return not bit if isinstance(bit, bool) else self._negate(bit)
            case _:
                return self._compare(ast.NotEq(), self.write(tree, letters), 0.0)

    def _compare(self, op: ast.cmpop, a: Term, b: Term) -> str | bool:
        relation = BY_NODE[type(op)]
        if isinstance(a, float) and isinstance(b, float):
            return relation.holds(a, b)
        sides = f"{self._kind.number} {self._write_term(a)}, {self._write_term(b)}"
        return self.emit(f"fcmp {relation.predicate} {sides}")

    def _join(self, how: str, bits: Sequence[str | bool]) -> str | bool:
        """All of the bits, or any."""
        decisive = how == "or"  # the bit that decides alone
        if decisive in bits:
            return decisive
        unknown = [bit for bit in bits if isinstance(bit, str)]
        if not unknown:
            return not decisive
        first, *rest = unknown
        for bit in rest:
            first = self.emit(f"{how} {self._kind.bit} {first}, {bit}")
        return first


def define_lane_by_lane(function: str, arity: int, called: dict[str, str]) -> str:
    """The name of a function of lanes that calls one of numbers for each of them."""
    name = f"lanes.{function}"
    if name not in called:
        letters = [f"%x{i}" for i in range(arity)]
        lines = []
        y = "poison"
        for lane in range(8):
            lines += [f"{x}.{lane} = extractelement <8 x double> {x}, i64 {lane}" for x in letters]
            operands = ", ".join(f"double {x}.{lane}" for x in letters)
            lines.append(f"%c{lane} = call double @{function}({operands})")
            lines.append(f"%y{lane} = insertelement <8 x double> {y}, double %c{lane}, i64 {lane}")
            y = f"%y{lane}"
        parameters = ", ".join(f"<8 x double> {x}" for x in letters)
        head = f"define internal <8 x double> @{name}({parameters}) nounwind {{"
        called[name] = "\n".join([head, *lines, f"ret <8 x double> {y}", "}"])
    return name
