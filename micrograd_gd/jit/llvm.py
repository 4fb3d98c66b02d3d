"""The backend `llvm`: a program as straight-line machine code, made by llvmlite without a compiler.

Each instruction becomes its row's own expression in LLVM's language. Functions of the C library are
called by their address, so that LLVM does not know them and rewrites none; nothing is reassociated
or contracted. So the bits are those of the engines.
"""

import ast
import ctypes
import struct
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from micrograd_gd import expression, ieee
from micrograd_gd.errors import JitError
from micrograd_gd.jit.program import (
    Guard,
    Instruction,
    Operand,
    Program,
    Step,
    crossing,
    parts,
)
from micrograd_gd.jit.python import Code, structured
from micrograd_gd.ops import OPERATIONS, Operation

# Code is cut into functions of so many steps: LLVM takes more than its share of time for longer
# ones. Where one is enough it is worth being optimised; the time for that grows with the length.
LONGEST = 1_000
LONGEST_IN_PLACE = 6  # lines of an expression; beyond, it is a function that is called

# What `ieee` takes straight from the C library, where the name differs; a machine instruction; or
# so short that it is written here again. All else in `ieee` is called back.
# fmt: off
_LIBRARY = {
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "erf",
    "erfc", "exp", "exp2", "expm1", "fmod", "hypot", "log", "log10", "log1p", "log2", "pow", "sin",
    "sinh", "tan", "tanh",
}
# fmt: on
_MACHINE = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "round": "rint"}
_WRITTEN = {"div": ("a b", "a / b"), "sign": ("x", "1 if x > 0 else -1 if x < 0 else x")}
_IN_LANGUAGE = {  # written by hand, with a branch around the call of what the library has
    "pow": """\
define internal double @value_pow(double %a, double %b) {{
  %is_square = fcmp oeq double %b, 2.0
  br i1 %is_square, label %square, label %other
square:
  %product = fmul double %a, %a
  ret double %product
other:
  %is_first = fcmp oeq double %b, 1.0
  br i1 %is_first, label %first, label %any
first:
  ret double %a
any:
  %power = call double inttoptr (i64 {} to ptr)(double %a, double %b)
  ret double %power
}}""",
}

_ARITHMETIC = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
_COMPARE = {
    ast.Lt: "olt", ast.LtE: "ole", ast.Gt: "ogt", ast.GtE: "oge", ast.Eq: "oeq", ast.NotEq: "une",
}  # fmt: skip
_RELATION = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}


def compiled(program: Program) -> Code:
    """The program as machine code.

    Raises JitError where llvmlite is missing, and for operations that are Python code.
    """
    if program.has_batches:
        raise JitError("backend 'llvm' has no batches yet")
    names: dict[str, Any] = {}
    texts = [f"y[{i}]" for i in range(len(program.outputs))]
    result = structured(program.structure, texts, names)
    code = _Code(program)
    engine = _engine(code.text(), level=1 if len(code.parts) == 1 else 0)
    signature = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3)
    function = signature(engine.get_function_address("run"))
    inputs = ctypes.c_double * program.size
    outputs = ctypes.c_double * len(program.outputs)
    captured = program.captured
    memory = _Memory(code.slots)

    def run(*leaves: float) -> Any:
        x = inputs(*leaves, *[leaf.data for leaf in captured]) if captured else inputs(*leaves)
        y = outputs()
        failed = function(x, y, memory.numbers)
        return result(y[:]) if failed < 0 else failed

    run.engine = engine  # type: ignore[attr-defined]  # the code lives as long as what calls it
    return Code(run, program)


class _Memory(threading.local):
    """Where the functions that a program is cut into leave numbers for each other."""

    def __init__(self, size: int) -> None:
        self.numbers = (ctypes.c_double * size)()


def _engine(text: str, level: int) -> Any:
    try:
        from llvmlite import binding as llvm  # noqa: PLC0415 — only who asks for it needs it
    except ImportError:
        raise JitError(
            "backend 'llvm' needs llvmlite: pip install 'micrograd_gd[jit]', or take 'python'"
        ) from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=level,
        jit=True,
    )
    module = llvm.parse_assembly(text)
    if level:
        options = llvm.create_pipeline_tuning_options(speed_level=level)
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


class _Code:
    """A program in LLVM's language.

    `run(x, y, v)` reads the inputs at x, writes the outputs to y and returns -1, or the place of
    the guard that fails. Numbers that another part needs pass through the slots at v.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.parts = parts(program, LONGEST)
        self.slot_of = crossing(program, self.parts)
        self.slots = len(self.slot_of)
        self.templates: dict[Operation, str] = {}
        self.functions: dict[str, str] = {}  # rows that other rows call
        self.guards = 0

    def text(self) -> str:
        """The module."""
        defined = [self._part(i, part) for i, part in enumerate(self.parts)]
        machine = [f"declare double @llvm.{name}.f64(double)" for name in _MACHINE.values()]
        return "\n".join([*machine, *self.functions.values(), *defined, self._run()])

    def _run(self) -> str:
        lines = ["define i32 @run(ptr %x, ptr %y, ptr %v) {"]
        for i in range(len(self.parts)):
            lines += [
                f"  %r{i} = call i32 @part{i}(ptr %x, ptr %y, ptr %v)",
                f"  %ok{i} = icmp slt i32 %r{i}, 0",
                f"  br i1 %ok{i}, label %next{i}, label %failed{i}",
                f"failed{i}:",
                f"  ret i32 %r{i}",
                f"next{i}:",
            ]
        return "\n".join([*lines, "  ret i32 -1", "}"])

    def _part(self, i: int, part: Sequence[Step]) -> str:
        lines = [f"define internal i32 @part{i}(ptr %x, ptr %y, ptr %v) {{"]
        here: set[int] = set()

        def operand(x: Operand) -> str:
            if isinstance(x, float):
                return _constant(x)
            if x not in here:
                here.add(x)
                lines.extend(
                    _load(x, "%x", x) if x < self.program.size else _load(x, "%v", self.slot_of[x])
                )
            return f"%v{x}"

        for step in part:
            operands = [operand(x) for x in step.operands]
            if isinstance(step, Guard):
                lines += self._guard(step, operands)
                continue
            lines += self._instruction(step, operands)
            here.add(step.result)
            if step.result in self.slot_of:
                lines += _store(f"%v{step.result}", "%v", self.slot_of[step.result], step.result)
        if i == len(self.parts) - 1:
            for j, x in enumerate(self.program.outputs):
                if x is None:
                    continue
                y = operand(x)
                lines += _store(y, "%y", j, f"y{j}")
        return "\n".join([*lines, "  ret i32 -1", "}"])

    def _guard(self, guard: Guard, operands: Sequence[str]) -> Iterator[str]:
        g, (left, right) = self.guards, operands
        self.guards += 1
        ways = (f"on{g}", f"off{g}") if guard.holds else (f"off{g}", f"on{g}")
        yield f"  %g{g} = fcmp {_RELATION[guard.relation]} double {left}, {right}"
        yield f"  br i1 %g{g}, label %{ways[0]}, label %{ways[1]}"
        yield f"off{g}:"
        yield f"  ret i32 {g}"
        yield f"on{g}:"

    def _instruction(self, step: Instruction, operands: Sequence[str]) -> Iterator[str]:
        if step.op not in self.templates:
            self.templates[step.op] = self._template(step.op)
        template = self.templates[step.op]
        if not step.op.folds:
            yield template.format(*operands, r=step.result)
            return
        sum_so_far, *rest = operands
        count = len(rest) // (len(step.op.operands) - 1)
        for i in range(count):
            r = str(step.result) if i == count - 1 else f"{step.result}.s{i}"
            yield template.format(sum_so_far, *rest[i::count], r=r)
            sum_so_far = f"%v{r}"
        if not count:
            yield _copy(sum_so_far, str(step.result))

    def _template(self, op: Operation) -> str:
        """The lines for the operation, with `{0}`, `{1}` … for operands, `{r}` for the result."""
        if not isinstance(op.value, str):
            raise JitError(
                f"{op.name} was added as Python code, which backend 'llvm' cannot run; "
                f"backend 'python' can"
            )
        letters = {letter: f"{{{i}}}" for i, letter in enumerate(op.operands)}
        expressions = _Expression(self, letters, "%t{r}.")
        tree = op.tree(op.value)
        y = expressions.number(tree)
        if len(expressions.lines) <= LONGEST_IN_PLACE:
            return "\n".join([*expressions.lines, _copy(y, "{r}")])
        name = f"op{len(self.functions)}"
        self.functions[name] = self._defined(name, op.operands, tree)
        operands = ", ".join(f"double {letter}" for letter in letters.values())
        return f"  %v{{r}} = call double @{name}({operands})"

    def function(self, name: str) -> str:
        """What to call for a function of the table's language."""
        if name in _MACHINE:
            return f"@llvm.{_MACHINE[name]}.f64"
        if name in _IN_LANGUAGE:
            self.functions[name] = _IN_LANGUAGE[name].format(_address(name))
        elif name in ieee.__all__ and name not in _WRITTEN:
            return f"inttoptr (i64 {_address(name)} to ptr)"
        elif name not in self.functions:
            self.functions[name] = ""  # being written
            if name in _WRITTEN:
                letters, formula = _WRITTEN[name]
                operands, tree = letters.split(), expression.parse(formula, letters.split())
            else:
                row = OPERATIONS[name]
                operands, tree = [*row.operands], row.tree(row.value)
            self.functions[name] = self._defined(f"value_{name}", operands, tree)
        return f"@value_{name}"

    def _defined(self, name: str, operands: Sequence[str], tree: ast.expr) -> str:
        expressions = _Expression(self, {x: f"%{x}" for x in operands}, "%t.")
        y = expressions.number(tree)
        parameters = ", ".join(f"double %{x}" for x in operands)
        head = f"define internal double @{name}({parameters}) {{"
        return "\n".join([head, *expressions.lines, f"  ret double {y}", "}"])


class _Expression:
    """Lines that compute an expression; each operand of a choice is computed, and one is taken."""

    def __init__(self, code: _Code, letters: dict[str, str], prefix: str) -> None:
        self.code = code
        self.letters = letters
        self.prefix = prefix
        self.lines: list[str] = []

    def line(self, text: str) -> str:
        """Add a line; the name of its result."""
        name = f"{self.prefix}{len(self.lines)}"
        self.lines.append(f"  {name} = {text}")
        return name

    def number(self, tree: ast.expr) -> str:  # noqa: PLR0911 — a case for each kind of node
        """A double."""
        match tree:
            case ast.Name(id=name):
                return self.letters[name]
            case ast.Constant(value=int() | float() as value):
                return _constant(float(value))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self.call("pow", [left, right])
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.number(left), self.number(right)
                return self.line(f"{_ARITHMETIC[type(op)]} double {a}, {b}")
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.line(f"fneg double {self.number(operand)}")
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self.call(name, arguments)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition = self.condition(test)
                a, b = self.number(body), self.number(orelse)
                return self.line(f"select i1 {condition}, double {a}, double {b}")
            case _:
                return self.line(f"uitofp i1 {self.condition(tree)} to double")

    def call(self, name: str, arguments: Sequence[ast.expr]) -> str:
        """A double that a function gives."""
        given = ", ".join(f"double {self.number(x)}" for x in arguments)
        return self.line(f"call double {self.code.function(name)}({given})")

    def condition(self, tree: ast.expr) -> str:
        """A bit."""
        match tree:
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                numbers = [self.number(x) for x in (left, *comparators)]
                bits = [
                    self.line(f"fcmp {_COMPARE[type(op)]} double {a}, {b}")
                    for a, op, b in zip(numbers, ops, numbers[1:], strict=False)
                ]
                return self.joined("and", bits)
            case ast.BoolOp(op=op, values=values):
                bits = [self.condition(each) for each in values]
                return self.joined("and" if isinstance(op, ast.And) else "or", bits)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.line(f"xor i1 {self.condition(operand)}, true")
            case _:
                return self.line(f"fcmp une double {self.number(tree)}, {_constant(0.0)}")

    def joined(self, how: str, bits: Sequence[str]) -> str:
        """All of the bits, or any."""
        first, *rest = bits
        for bit in rest:
            first = self.line(f"{how} i1 {first}, {bit}")
        return first


def _load(name: int, array: str, place: int) -> tuple[str, str]:
    pointer = f"%l{name}"
    return (
        f"  {pointer} = getelementptr double, ptr {array}, i64 {place}",
        f"  %v{name} = load double, ptr {pointer}",
    )


def _store(number: str, array: str, place: int, name: object) -> tuple[str, str]:
    pointer = f"%s{name}"
    return (
        f"  {pointer} = getelementptr double, ptr {array}, i64 {place}",
        f"  store double {number}, ptr {pointer}",
    )


def _copy(x: str, result: str) -> str:
    return f"  %v{result} = fadd double {x}, {_constant(-0.0)}"  # x + -0 is x for every x


def _constant(x: float) -> str:
    return f"0x{struct.unpack('>Q', struct.pack('>d', x))[0]:016X}"


@cache
def _function(name: str) -> Any:
    """A C function: the library's, or one that calls back."""
    if name in _LIBRARY:
        try:
            return ctypes.CDLL(None)[name]
        except (OSError, TypeError, AttributeError):  # no such symbol on this system
            pass
    function = getattr(ieee, name)
    return ctypes.CFUNCTYPE(*[ctypes.c_double] * (1 + function.__code__.co_argcount))(function)


def _address(name: str) -> int:
    return ctypes.cast(_function(name), ctypes.c_void_p).value or 0
