"""The functions of a program in loops that add up the terms of sums over a batch."""

from collections.abc import Sequence
from dataclasses import replace

from micrograd_gd.compiler.backends.llvm.expression import FAST_MATH
from micrograd_gd.compiler.backends.llvm.in_lanes import Copy, LaneFunction
from micrograd_gd.compiler.backends.llvm.kinds import LANES
from micrograd_gd.compiler.backends.llvm.loops import PARAMETERS, write_samples
from micrograd_gd.compiler.instructions import Instruction
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.nests import Affine, Node, Part

HEAVY = 3  # lines of a term of which half as many fit into the registers


class TermsFunction(LaneFunction):
    """The lines of a function for one node: block by block, many sums of it side by side."""

    def write_terms(self, name: str, node: Node) -> str:
        """The function that adds up the terms of the node."""
        statement = node.step.statement
        assert isinstance(statement, Instruction)  # noqa: S101 — for the types
        assert isinstance(statement.op, Lanes)  # noqa: S101 — for the types
        term, find = statement.op.term, self._writer.templates.find
        self._node, self._kind = node, statement.op.kind
        self._template = find(statement._replace(op=term), LANES) if term else None
        part: Part = node
        for nest in reversed(node.nests):
            part = replace(nest, body=[part], carried={}, stores=[])
        self._write_parts([part])
        return "\n".join([
            f"define void @{name}({PARAMETERS}) nounwind {{",
            "entry:",
            *self.entry,
            "%is_first = icmp eq i64 %from, 0",
            "%whole = lshr i64 %n, 3",
            "%is_partial = icmp ult i64 %whole, %to",
            "%full = select i1 %is_partial, i64 %whole, i64 %to",
            "%has_full = icmp ult i64 %from, %full",
            *write_samples(self._stage.lanes, "%whole"),
            *self.lines,
            "ret void",
            "}",
        ])  # fmt: skip

    def _write_parts(self, parts: Sequence[Part]) -> None:
        """A loop over the sums along each dimension, and in all of them one over the blocks."""
        (part,) = parts
        if isinstance(part, Node):
            self._write_blocks()
            return
        runs = min(part.repeats, self._count_sums(len(self._counters)))
        rounds, rest = divmod(part.repeats, runs)
        before = self._copies
        self._fork_sums(runs)
        if rounds > 1:
            self._write_rounds(part, rounds, 1, runs)
        else:
            self._write_run(part, "", 0)
        if rest:
            self._copies = before
            self._fork_sums(rest)
            self._write_run(part, "", rounds * runs)
        self._copies = before

    def _count_sums(self, depth: int) -> int:
        """How many sums are written side by side along a dimension."""
        dimensions = len(self._node.nests)
        is_heavy = self._template is not None and self._template.weight > HEAVY
        if dimensions - depth > 2:
            return 1
        return (4 if dimensions > 1 else 8) // (1 + is_heavy)

    def _fork_sums(self, runs: int) -> None:
        self._copies = [
            Copy(0, (*copy.shifts, run), {}) for copy in self._copies for run in range(runs)
        ]

    def _write_blocks(self) -> None:
        """A loop over whole blocks, and one more with those samples of the last that there are."""
        n = len(self.lines)
        place = find_total(self._writer.totals[self._node], self._node)
        totals = [self._point("%v", place) for _ in self._each_copy()]
        starts = [*map(self._load_start, totals)]
        sums = [f"%sum{n}.{i}" for i in range(len(totals))]
        self.lines += [f"br label %pre{n}", f"pre{n}:"]
        self.lines.append(f"br i1 %has_full, label %loop{n}, label %rest{n}")
        self.lines.append(f"loop{n}:")
        self.lines.append(f"%block{n} = phi i64 [ %from, %pre{n} ], [ %next{n}, %latch{n} ]")
        begin = len(self.lines)
        self.lines += self._write_places(f"%block{n}", n)
        after = self._add_block(n, sums)
        ways = [f"[ {x}, %pre{n} ], [ {y}, %latch{n} ]" for x, y in zip(starts, after, strict=True)]
        so_far = [f"{x} = phi <8 x double> {y}" for x, y in zip(sums, ways, strict=True)]
        self.lines[begin:begin] = so_far
        self.lines += [f"br label %latch{n}", f"latch{n}:"]
        self.lines.append(f"%next{n} = add i64 %block{n}, 1")
        self.lines.append(f"%more{n} = icmp ult i64 %next{n}, %full")
        self.lines.append(f"br i1 %more{n}, label %loop{n}, label %rest{n}")
        self.lines.append(f"rest{n}:")
        whole = [self.emit("s", f"phi <8 x double> {each}") for each in ways]
        self._store_sums(whole, totals)
        self.lines.append(f"br i1 %is_partial, label %part{n}, label %done{n}")
        self.lines.append(f"part{n}:")
        self.lines += self._write_places("%whole", f"{n}.p")
        last = [
            self.emit("s", f"select <8 x i1> %is_sample, <8 x double> {y}, <8 x double> {x}")
            for x, y in zip(whole, self._add_block(f"{n}.p", whole), strict=True)
        ]
        self._store_sums(last, totals)
        self.lines += [f"br label %done{n}", f"done{n}:"]

    def _load_start(self, total: str) -> str:
        """The sum of the tiles before."""
        begin = f"select i1 %is_first, ptr @begin.{self._kind}, ptr {total}"
        return self.load_lanes(self.emit("s", begin))

    def _store_sums(self, sums: Sequence[str], totals: Sequence[str]) -> None:
        for y, total in zip(sums, totals, strict=True):
            self.store_lanes(y, total)

    def _add_block(self, n: object, so_far: Sequence[str]) -> list[str]:
        """What the sums are with one more block."""
        self._at, self._row = f"%slots{n}", f"%row{n}"
        self._sums.append({})
        flags = FAST_MATH if self._program.fast_math else ""
        found = []
        for before, _ in zip(so_far, self._each_copy(), strict=True):
            operands = self._read_operands(self._node)
            y = self._apply(self._template, operands) if self._template else operands[0]
            if self._kind == "sum":
                found.append(self.emit("s", f"fadd {flags}<8 x double> {before}, {y}"))
            else:
                found.append(self.emit_larger(before, y))
        self._sums.pop()
        return found


def find_total(start: int, node: Node) -> Affine:
    """Where the terms of each run are added up, side by side."""
    factors, by = [], 8
    for nest in reversed(node.nests):
        factors.append(by)
        by *= nest.repeats
    return Affine(start, tuple(reversed(factors)))
