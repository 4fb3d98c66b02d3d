"""The elementary functions in LLVM's language, of one number or of one in each lane."""

from functools import cache

from micrograd_gd.compiler.backends.llvm.kinds import Kind
from micrograd_gd.table.elementary import FUNCTIONS
from micrograd_gd.table.straight_line import BITS, DOUBLE, TEST, Term, record

_STEPS = {
    "add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "neg": "fneg", "less": "fcmp olt",
    "equal": "fcmp oeq", "choose": "select", "and": "and", "or": "or", "add bits": "add",
    "sub bits": "sub", "shift left": "shl", "shift right": "lshr",
}  # fmt: skip


@cache
def define_function(name: str, kind: Kind) -> tuple[str, str]:
    """The function's name in a module, and its definition."""
    _, *steps = record(FUNCTIONS[name], 1)
    writer = _Writer(kind)
    lines = [f"%t{step.place} = {writer.write(step)}" for step in steps]
    symbol = f"{name}.{kind.suffix}"
    head = f"define internal {kind.number} @{symbol}({kind.number} %t0) nounwind {{"
    return symbol, "\n".join([head, *lines, f"ret {kind.number} %t{len(steps)}", "}"])


class _Writer:
    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.types = {DOUBLE: kind.number, BITS: kind.word, TEST: kind.bit}

    def write(self, step: Term) -> str:
        """What the step computes."""
        double, word = self.kind.number, self.kind.word
        if step.name in {"bits", "number"}:
            (x,) = step.operands
            kinds = (double, word) if step.name == "bits" else (word, double)
            return f"bitcast {kinds[0]} {self.write_operand(x)} to {kinds[1]}"
        operands = [self.write_operand(x) for x in step.operands]
        if step.name == "root":
            return f"call {double} @llvm.sqrt.{self.kind.suffix}({double} {operands[0]})"
        if step.name == "choose":
            test, *arms = operands
            arms = [f"{self.types[step.kind]} {arm}" for arm in arms]
            return f"select {self.kind.bit} {test}, {', '.join(arms)}"
        of = word if step.kind == BITS else double
        return f"{_STEPS[step.name]} {of} {', '.join(operands)}"

    def write_operand(self, x: Term | float) -> str:
        """A step's result, or a constant."""
        if isinstance(x, Term):
            return f"%t{x.place}"
        return self.kind.write_word(x) if isinstance(x, int) else self.kind.write_term(x)
