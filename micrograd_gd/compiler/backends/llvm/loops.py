"""The functions of a program that loop over the lanes of a batch, in blocks of eight.

A block is a vector of eight numbers, whatever the machine has. Inputs are read, and outputs
written, in the arrays where they are. The lanes beyond the last sample compute something too, which
no sum and no array sees.
"""

from collections.abc import Iterator
from itertools import chain

from micrograd_gd.compiler.backends.llvm.expression import FAST_MATH
from micrograd_gd.compiler.backends.llvm.kinds import LANES
from micrograd_gd.compiler.backends.llvm.lines import UNCHANGED, Lines
from micrograd_gd.compiler.backends.llvm.memory import TOGETHER, Memory, Part
from micrograd_gd.compiler.backends.llvm.templates import Template
from micrograd_gd.compiler.instructions import Instruction, Operand
from micrograd_gd.compiler.lanes import is_reduction
from micrograd_gd.compiler.program import BatchOutput, Program
from micrograd_gd.compiler.schedule import is_kind

# Lines for which a number that is also in memory is used from where it was computed. For longer the
# machine has not enough registers, and would write it to memory once more.
IN_REGISTERS = 60

LIGHT = 120  # lines of a loop that treats several blocks each time; a longer one gains nothing

SIGNATURE = "ptr, ptr, ptr, ptr, ptr, i64, i64, i64"  # of such a function
PARAMETERS = (
    "ptr %x, ptr %y, ptr noalias %v, ptr noalias %rows, ptr noalias %tile, "
    "i64 %from, i64 %to, i64 %n"
)

DECLARED = (
    "declare <8 x double> @llvm.masked.load.v8f64.p0(ptr, i32, <8 x i1>, <8 x double>)",
    "declare void @llvm.masked.store.v8f64.p0(<8 x double>, ptr, i32, <8 x i1>)",
    "declare <8 x double> @llvm.masked.gather.v8f64.v8p0(<8 x ptr>, i32, <8 x i1>, <8 x double>)",
    "declare void @llvm.masked.scatter.v8f64.v8p0(<8 x double>, <8 x ptr>, i32, <8 x i1>)",
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
)


def write_function(i: int, part: Part, program: Program, memory: Memory) -> str:
    """Function number i, which runs the statements of its part in a range of blocks."""
    first = _LoopBody(i, part, program, memory)
    weight = sum(template.weight for _, template in part.statements)
    writes_rows = any(each.stride > 1 for each in program.batch_outputs)
    together = TOGETHER if weight <= LIGHT and not writes_rows else 1
    blocks = [first, *(_LoopBody(i, part, program, memory, first, n) for n in range(1, together))]
    for statement, template in part.statements:
        assert isinstance(statement, Instruction)  # noqa: S101 — a guard is about all samples
        for block in blocks:
            block.write(statement, template)
    return "\n".join([
        f"define void @part{i}({PARAMETERS}) nounwind alignstack(64) {{",
        "entry:",
        *first.entry,
        "br label %loop",
        "loop:",
        "%block = phi i64 [ %from, %entry ], [ %next, %last ]",
        *chain.from_iterable(block.write_places() for block in blocks),
        *first.lines,
        "br label %last",
        "last:",
        f"%next = add i64 %block, {together}",
        "%more = icmp ult i64 %next, %to",
        "br i1 %more, label %loop, label %done",
        "done:",
        "ret void",
        "}",
    ])  # fmt: skip


def write_samples(lanes: int, block: str = "%block", n: object = "") -> Iterator[str]:
    """Lines for the samples of a block: which they are, and which lanes have one."""
    zeros = "<8 x i64> poison, <8 x i32> zeroinitializer"
    yield f"%first{n} = shl i64 {block}, 3"
    yield f"%one{n} = insertelement <8 x i64> poison, i64 %first{n}, i64 0"
    yield f"%all{n} = shufflevector <8 x i64> %one{n}, {zeros}"
    counted = ", ".join(f"i64 {i}" for i in range(8))
    yield f"%lane{n} = add <8 x i64> %all{n}, <{counted}>"
    count, last = f"splat (i64 {lanes})", f"splat (i64 {lanes - 1})"
    if lanes < 0:
        count, last = f"%count{n}", f"%end{n}"
        yield f"%one_count{n} = insertelement <8 x i64> poison, i64 %n, i64 0"
        yield f"{count} = shufflevector <8 x i64> %one_count{n}, {zeros}"
        yield f"{last} = sub <8 x i64> {count}, splat (i64 1)"
    yield f"%is_sample{n} = icmp ult <8 x i64> %lane{n}, {count}"
    yield f"%sample{n} = select <8 x i1> %is_sample{n}, <8 x i64> %lane{n}, <8 x i64> {last}"


class _LoopBody(Lines):
    """The lines of the loop, and those before it, for one of the blocks that it treats each time.

    All blocks have the same list of lines.
    """

    def __init__(
        self,
        i: int,
        part: Part,
        program: Program,
        memory: Memory,
        beside: Lines | None = None,
        n: int = 0,
    ) -> None:
        self._i = i
        super().__init__(beside=beside)
        self._n = f".{n}" if n else ""
        self.names: dict[int, str] = {}
        self._until: dict[int, int] = {}  # at which line a number is taken from memory again
        self._part = part
        self._program = program
        self._memory = memory
        self._base = 0 if part.lanes < 0 else memory.base
        self._offsets: dict[int, str] = {}
        self._outputs: dict[int, list[BatchOutput]] = {}
        for each in program.batch_outputs:
            self._outputs.setdefault(each.number, []).append(each)

    def write(self, statement: Instruction, template: Template) -> None:
        """Write what a statement does."""
        if is_reduction(statement.op):
            self.add_to_sum(statement)
        elif is_kind(statement, "place"):
            self.place_in_lane(statement)
        elif is_kind(statement, "shift"):
            self.read_elsewhere(statement)
        elif is_kind(statement, "index"):
            lanes = f"uitofp <8 x i64> %lane{self._n} to <8 x double>"
            self.remember(statement.result, self.emit("i", lanes))
        else:
            operands = [self.load_operand(x) for x in statement.operands]
            r = f"{statement.result}{self._n}"
            self.lines.append(template.lines.format(*operands, r=r))
            self.remember(statement.result, template.result.format(*operands, r=r))

    def write_places(self) -> Iterator[str]:
        """Lines for which samples these are, and where their numbers are."""
        n, block, part, memory = self._n, "%block", self._part, self._memory
        if n:
            block = f"%block{n}"
            yield f"{block} = add i64 %block, {n[1:]}"
        yield from write_samples(part.lanes, block, n)
        by = memory.kept[-1 - part.lanes] if part.lanes < 0 else 1
        yield f"%in_rows{n} = mul i64 %first{n}, {by}"
        yield f"%row{n} = getelementptr inbounds double, ptr %rows, i64 %in_rows{n}"
        yield f"%position{n} = sub i64 {block}, %from"
        yield f"%in_tile{n} = mul i64 %position{n}, {8 * memory.widths[part.stage]}"
        yield f"%slots{n} = getelementptr inbounds double, ptr %tile, i64 %in_tile{n}"

    def load_operand(self, x: Operand) -> str:
        """The number in each lane."""
        if isinstance(x, float):
            return LANES.write_term(x)
        where = self._find_place(x)
        if x in self.names and (not where or len(self.lines) < self._until[x]):
            return self.names[x]
        if where:
            return self.load_lanes(self.offset(*where))
        if x in self._memory.inputs:
            return self._load_input(x)
        return self._load_uniform(x)

    def remember(self, x: int, y: str) -> None:
        """Remember a number, and write it where others will read it."""
        self.names[x] = y
        where = self._find_place(x)
        if where:
            self._until[x] = len(self.lines) + IN_REGISTERS
            self.store_lanes(y, self.offset(*where))
        for each in self._outputs.get(x, ()):
            buffer, offset = self._program.output_layout.locate(each.start)
            self._store_output(y, self.load_buffer("%y", buffer), offset, each.stride)

    def _find_place(self, x: int) -> tuple[str, int] | None:
        """The place of a number that has one in memory, once it is there."""
        memory = self._memory
        if x in memory.rows:
            return f"%row{self._n}", memory.rows[x] - self._base
        key = self._part.stage, x
        if key in memory.slots and (x in self.names or memory.gathers.get(key) != self._i):
            return f"%slots{self._n}", 8 * memory.slots[key]
        return None

    def add_to_sum(self, statement: Instruction) -> None:
        """Add the lanes' numbers to the eight sums so far."""
        y = self.load_operand(statement.operands[0])
        flags = FAST_MATH if self._program.fast_math else ""
        total = self.offset("%v", self._memory.totals[statement.result])
        before = self.load_lanes(total)
        if is_kind(statement, "largest"):
            after = self.emit_larger(before, y)
        else:
            after = self.emit("s", f"fadd {flags}<8 x double> {before}, {y}")
        if self._part.lanes % (8 * TOGETHER):
            choice = (
                f"select <8 x i1> %is_sample{self._n}, <8 x double> {after}, <8 x double> {before}"
            )
            after = self.emit("s", choice)
        self.store_lanes(after, total)

    def place_in_lane(self, statement: Instruction) -> None:
        """One lane has the number, all others -0.0."""
        x, lane = statement.operands
        here = self.emit("m", f"icmp eq <8 x i64> %lane{self._n}, splat (i64 {int(lane)})")
        y, zero = self.load_operand(x), LANES.write_term(-0.0)
        choice = f"select <8 x i1> {here}, <8 x double> {y}, <8 x double> {zero}"
        self.remember(statement.result, self.emit("s", choice))

    def read_elsewhere(self, statement: Instruction) -> None:
        """What a column has so many samples further on; 0.0 where there is none."""
        x, by = map(int, statement.operands)
        buffer, offset, stride = self._memory.inputs[x]
        array = self.offset(self.load_buffer("%x", buffer), offset)
        surplus = self._program.find_surplus(self._part.lanes, self._program.find_lanes(x))
        there = self.emit("i", f"add <8 x i64> %lane{self._n}, splat (i64 {by})")
        end = self.emit("i", f"add <8 x i64> %count{self._n}, splat (i64 {surplus})")
        is_there = self.emit("m", f"icmp ult <8 x i64> {there}, {end}")
        if stride == 1:
            first = self.emit("i", f"add i64 %first{self._n}, {by}")
            pointer = self.emit("p", f"getelementptr double, ptr {array}, i64 {first}")
            load = "@llvm.masked.load.v8f64.p0(ptr"
        else:
            places = self.emit("o", f"mul <8 x i64> {there}, splat (i64 {stride})")
            pointer = self.emit("q", f"getelementptr double, ptr {array}, <8 x i64> {places}")
            load = "@llvm.masked.gather.v8f64.v8p0(<8 x ptr>"
        how = f"i32 8, <8 x i1> {is_there}, <8 x double> zeroinitializer"
        self.remember(
            statement.result, self.emit("v", f"call <8 x double> {load} {pointer}, {how})")
        )

    def _load_uniform(self, x: int) -> str:
        """A uniform number in all lanes, loaded where it is used: an operand in memory is free."""
        if x < self._program.size:
            buffer, offset = self._program.input_layout.locate(x)
            array = self.load_buffer("%x", buffer)
        else:
            array, offset = "%v", self._memory.uniform[x]
        number = self.emit("u", f"load double, ptr {self.offset(array, offset)}{UNCHANGED}")
        return self.spread(number)

    def _load_input(self, x: int) -> str:
        """The samples' numbers from an array; from the tile if another function gathered them."""
        buffer, offset, stride = self._memory.inputs[x]
        array = self.load_buffer("%x", buffer)
        if stride == 1:
            first = self.emit(
                "p", f"getelementptr double, ptr {self.offset(array, offset)}, i64 %first{self._n}"
            )
            how = f"i32 8, <8 x i1> %is_sample{self._n}, <8 x double> zeroinitializer"
            return self.emit(
                "v", f"call <8 x double> @llvm.masked.load.v8f64.p0(ptr {first}, {how})"
            )
        pointers = self._find_pointers(array, offset, stride)
        how = "i32 8, <8 x i1> splat (i1 true), <8 x double> poison"
        y = self.emit(
            "v", f"call <8 x double> @llvm.masked.gather.v8f64.v8p0(<8 x ptr> {pointers}, {how})"
        )
        self.remember(x, y)
        return y

    def _store_output(self, y: str, array: str, offset: int, stride: int) -> None:
        if stride == 1:
            first = self.emit(
                "p", f"getelementptr double, ptr {self.offset(array, offset)}, i64 %first{self._n}"
            )
            where = f"<8 x double> {y}, ptr {first}, i32 8, <8 x i1> %is_sample{self._n}"
            self.lines.append(f"call void @llvm.masked.store.v8f64.p0({where})")
        else:
            pointers = self._find_pointers(array, offset, stride)
            where = f"<8 x double> {y}, <8 x ptr> {pointers}, i32 8, <8 x i1> %is_sample{self._n}"
            self.lines.append(f"call void @llvm.masked.scatter.v8f64.v8p0({where})")

    def _find_pointers(self, array: str, offset: int, stride: int) -> str:
        """Where the samples are in an array; for lanes beyond them, where the last is."""
        if stride not in self._offsets:
            statements = f"mul <8 x i64> %sample{self._n}, splat (i64 {stride})"
            self._offsets[stride] = self.emit("o", statements)
        base = self.offset(array, offset)
        return self.emit(
            "q", f"getelementptr double, ptr {base}, <8 x i64> {self._offsets[stride]}"
        )
