"""Lines of LLVM's language as they are written, each result with a name of its own."""

from micrograd_gd.compiler.backends.llvm.memory import UNCHANGED


class Lines:
    """The lines of a function, or of a part of one; those `beside` them may go on in the same."""

    def __init__(self, prefix: str = "", beside: "Lines | None" = None) -> None:
        self.lines: list[str] = beside.lines if beside else []
        self.entry: list[str] = beside.entry if beside else []  # that run once, before all others
        self._prefix = prefix
        self.buffers: set[str] = beside.buffers if beside else set()

    def emit(self, letter: str, what: str) -> str:
        """The name of a new result."""
        name = f"%{self._prefix}{letter}.{len(self.lines)}"
        self.lines.append(f"{name} = {what}")
        return name

    def emit_larger(self, a: str, b: str, kind: str = "<8 x double>") -> str:
        """The larger number, nan if one is: as the row of maximum has it."""
        above = self.emit("s", f"fcmp ogt {kind} {a}, {b}")
        is_nan = self.emit("s", f"fcmp uno {kind} {a}, {a}")
        bits = kind.replace("double", "i1")
        is_first = self.emit("s", f"or {bits} {above}, {is_nan}")
        return self.emit("s", f"select {bits} {is_first}, {kind} {a}, {kind} {b}")

    def load_buffer(self, table: str, i: int) -> str:
        """The pointer to buffer i of a table of them."""
        name = f"{table}{i}"
        if name not in self.buffers:
            self.buffers.add(name)
            self.entry.append(f"{name}.p = getelementptr ptr, ptr {table}, i64 {i}")
            self.entry.append(f"{name} = load ptr, ptr {name}.p{UNCHANGED}")
        return name

    def offset(self, array: str, offset: int) -> str:
        """The pointer to a number of an array."""
        if not offset:
            return array
        return self.emit("p", f"getelementptr inbounds double, ptr {array}, i64 {offset}")
