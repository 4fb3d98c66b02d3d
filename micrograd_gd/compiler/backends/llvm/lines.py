"""Lines of LLVM's language as they are written, each result with a name of its own."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

UNCHANGED = ", !invariant.load !0"  # nobody writes there while the program runs
DATA = '!0 = !{}\n!1 = !{!"branch_weights", i32 1, i32 1000}\n'  # which every module has


def cut(weighed: Iterable[tuple[T, int]], most: int) -> Iterator[list[T]]:
    """What has these weights in groups of at most so much, or of one; one group of nothing."""
    group: list[T] = []
    weight = 0
    for each, more in weighed:
        if group and weight + more > most:
            yield group
            group, weight = [], 0
        group.append(each)
        weight += more
    yield group


def write_counting(head: str, body: Iterable[str]) -> str:
    """A function that runs these lines for each `%i` below `%n`, which is above 0."""
    begin = ("entry:", "br label %loop", "loop:", "%i = phi i64 [ 0, %entry ], [ %next, %loop ]")
    count = ("%next = add i64 %i, 1", "%more = icmp ult i64 %next, %n")
    end = ("br i1 %more, label %loop, label %done", "done:", "ret void", "}")
    return "\n".join([f"define internal void @{head} nounwind {{", *begin, *body, *count, *end])


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

    def load_lanes(self, pointer: str, how: str = "") -> str:
        """The numbers in the lanes of a block."""
        return self.emit("v", f"load <8 x double>, ptr {pointer}, align 64{how}")

    def store_lanes(self, y: str, pointer: str) -> None:
        """Write the numbers in the lanes of a block."""
        self.lines.append(f"store <8 x double> {y}, ptr {pointer}, align 64")

    def spread(self, number: str) -> str:
        """The number in all lanes."""
        one = self.emit("u", f"insertelement <8 x double> poison, double {number}, i64 0")
        zeros = "<8 x double> poison, <8 x i32> zeroinitializer"
        return self.emit("u", f"shufflevector <8 x double> {one}, {zeros}")

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
