"""The function `run`, which calls all others, those of a loop for one tile of lanes at a time."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from micrograd_gd.compiler.backends.llvm.kinds import LANES, write_term
from micrograd_gd.compiler.backends.llvm.lines import Lines, write_counting
from micrograd_gd.compiler.backends.llvm.loops import SIGNATURE
from micrograd_gd.compiler.backends.llvm.memory import TOGETHER, Memory, Part
from micrograd_gd.compiler.program import Program

ALIGNING = 7  # numbers that are left out so that the memory begins at a line of the caches


def write_run(parts: Sequence[Part], program: Program, memory: Memory) -> Iterator[str]:
    """The lines of that function, and of those that it needs."""
    names = [f"part{i}" for i in range(len(parts))]
    if not memory.widths:
        yield from write_plain_run(names)
        return
    for name, part in zip(names, parts, strict=True):
        yield declare(name, part.lanes)
    yield from (*_write_sums(), write_fold("largest"))
    yield from write_entry(program, memory.size, memory.kept, memory.tile, TOGETHER - 1)
    yield f"%rows = getelementptr double, ptr %v, i64 {memory.base}"
    for stage, members in groupby(zip(names, parts, strict=True), lambda pair: pair[1].stage):
        called = [*members]
        here, lanes = [name for name, _ in called], called[0][1].lanes
        if lanes:
            yield from _write_stage(stage, here, lanes, memory)
        else:
            yield from write_calls(here)
    yield from ("ret i32 -1", "}", "!0 = !{}", "")


def write_plain_run(names: Sequence[str]) -> Iterator[str]:
    """The same where nothing runs in lanes."""
    yield from (declare(name, 0) for name in names)
    yield "define i32 @run(ptr %x, ptr %y, ptr %v) nounwind {"
    yield from write_calls(names)
    yield from ("ret i32 -1", "}", "")


def declare(name: str, lanes: int) -> str:
    """The declaration of a function."""
    return f"declare void @{name}({SIGNATURE})" if lanes else f"declare i32 @{name}(ptr, ptr, ptr)"


def write_entry(
    program: Program, size: int, kept: Sequence[int], tile: int, behind: int = 0
) -> Iterator[str]:
    """The beginning of `run`: where the memory, the rows of open lengths and the tile are.

    There is room for so many blocks behind the last one.
    """
    yield "define i32 @run(ptr %x, ptr %y, ptr %memory) nounwind {"
    yield "entry:"
    yield "%begin = ptrtoint ptr %memory to i64"
    yield f"%after = add i64 %begin, {8 * ALIGNING}"
    yield "%line = and i64 %after, -64"
    yield "%v = inttoptr i64 %line to ptr"
    yield from _write_lengths(program, size, kept, behind)
    yield f"%tile = getelementptr double, ptr %v, i64 {tile}"


def write_calls(names: Sequence[str]) -> Iterator[str]:
    """Lines that call functions, up to one in which a guard fails."""
    for name in names:
        yield f"%{name} = call i32 @{name}(ptr %x, ptr %y, ptr %v)"
        yield f"%{name}.ok = icmp slt i32 %{name}, 0"
        yield f"br i1 %{name}.ok, label %{name}.next, label %{name}.failed"
        yield f"{name}.failed:"
        yield f"ret i32 %{name}"
        yield f"{name}.next:"


def write_tiles(
    i: int, lanes: int, size: int, names: Sequence[str], gathered: Iterable[str] = ()
) -> Iterator[str]:
    """A loop over tiles of so many blocks, whose columns are gathered before the functions run."""
    blocks, count, rows = f"{-(-lanes // 8)}", f"{lanes}", "%rows"
    if lanes < 0:
        blocks, count, rows = f"%blocks{lanes}", f"%n{lanes}", f"%rows{lanes}"
    yield f"br label %pre{i}"
    yield f"pre{i}:"
    yield f"br label %loop{i}"
    yield f"loop{i}:"
    yield f"%from{i} = phi i64 [ 0, %pre{i} ], [ %to{i}, %loop{i} ]"
    yield f"%end{i} = add i64 %from{i}, {size}"
    yield f"%whole{i} = icmp ult i64 %end{i}, {blocks}"
    yield f"%to{i} = select i1 %whole{i}, i64 %end{i}, i64 {blocks}"
    yield from gathered
    for name in names:
        given = f"ptr %x, ptr %y, ptr %v, ptr {rows}, ptr %tile, i64 %from{i}, i64 %to{i}"
        yield f"call void @{name}({given}, i64 {count})"
    yield f"br i1 %whole{i}, label %loop{i}, label %done{i}"
    yield f"done{i}:"


def _write_lengths(program: Program, size: int, kept: Sequence[int], behind: int) -> Iterator[str]:
    """Lines for the open lengths, and where what is kept for each sample begins."""
    if program.lengths:
        yield "%numbers = load ptr, ptr %x"
    start = f"{size}"
    for axis, numbers in enumerate(kept):
        i = -1 - axis
        _, offset = program.input_layout.locate(program.find_length(i))
        yield f"%length{i} = getelementptr double, ptr %numbers, i64 {offset}"
        yield f"%float{i} = load double, ptr %length{i}"
        yield f"%n{i} = fptoui double %float{i} to i64"
        yield f"%above{i} = add i64 %n{i}, 7"
        yield f"%blocks{i} = lshr i64 %above{i}, 3"
        yield f"%rows{i} = getelementptr double, ptr %v, i64 {start}"
        yield f"%room{i} = add i64 %blocks{i}, {behind}"
        yield f"%size{i} = mul i64 %room{i}, {8 * numbers}"
        yield f"%start{i} = add i64 {start}, %size{i}"
        start = f"%start{i}"


def _write_stage(stage: int, names: Sequence[str], lanes: int, memory: Memory) -> Iterator[str]:
    """A loop over tiles, the sums begun before it and completed after."""
    sums = memory.sums[stage]
    if sums:
        yield f"%totals{stage} = getelementptr double, ptr %v, i64 {memory.totals[sums[0]]}"
        yield f"%sums{stage} = getelementptr double, ptr %v, i64 {memory.uniform[sums[0]]}"
        yield f"call void @begin(ptr %totals{stage}, i64 {8 * len(sums)})"
    for x in memory.largest.intersection(sums):
        yield f"%largest{x} = getelementptr double, ptr %v, i64 {memory.totals[x]}"
        yield f"store <8 x double> {LANES.write_term(-math.inf)}, ptr %largest{x}, align 8"
    yield from write_tiles(stage, lanes, memory.count_blocks(stage), names)
    if sums:
        yield f"call void @complete(ptr %totals{stage}, ptr %sums{stage}, i64 {len(sums)})"
    for x in memory.largest.intersection(sums):
        yield f"%found{x} = call double @largest(ptr %largest{x})"
        yield f"%place{x} = getelementptr double, ptr %v, i64 {memory.uniform[x]}"
        yield f"store double %found{x}, ptr %place{x}"


def write_fold(kind: str) -> str:
    """A function that makes one number of eight."""
    here = Lines()
    y = _fold(here, kind, "%p")
    head = f"define internal double @{kind}(ptr %p) nounwind {{"
    return "\n".join([head, *here.lines, f"ret double {y}", "}"])


def _fold(here: Lines, kind: str, p: str) -> str:
    """One number of the eight at `p`, in the order of python.sum_lanes."""

    def join(a: str, b: str, number: str = "double") -> str:
        if kind == "sum":
            return here.emit("s", f"fadd {number} {a}, {b}")
        return here.emit_larger(a, b, number)

    four = "<4 x double>"
    halves = [here.emit("h", f"load {four}, ptr {here.offset(p, i)}, align 32") for i in (0, 4)]
    both = join(halves[0], halves[1], four)
    a, b, c, d = [here.emit("e", f"extractelement {four} {both}, i64 {i}") for i in range(4)]
    return join(join(a, c), join(b, d))


def _write_sums() -> Iterator[str]:
    """Functions that begin sums as -0, which is what adding nothing gives, and complete them."""
    place = "%p = getelementptr double, ptr %totals, i64 %i"
    store = f"store double {write_term(-0.0)}, ptr %p"
    yield write_counting("begin(ptr %totals, i64 %n)", (place, store))
    here = Lines()
    here.lines += ("%eight = shl i64 %i, 3", "%p = getelementptr double, ptr %totals, i64 %eight")
    y = _fold(here, "sum", "%p")
    here.lines += ("%q = getelementptr double, ptr %sums, i64 %i", f"store double {y}, ptr %q")
    yield write_counting("complete(ptr %totals, ptr %sums, i64 %n)", here.lines)


# Columns of an array, for blocks from one on, up to one that is so many further or a few behind.
GATHER = """\
define internal void @gather(ptr %x, i64 %width, ptr %tile, i64 %pitch,
                             i64 %from, i64 %to, i64 %n, i64 %step) nounwind {
entry:
%all_count = sub i64 %to, %from
%more_count = add i64 %all_count, %step
%above = sub i64 %more_count, 1
%steps = udiv i64 %above, %step
%blocks = mul i64 %steps, %step
%one_width = insertelement <8 x i64> poison, i64 %width, i64 0
%widths = shufflevector <8 x i64> %one_width, <8 x i64> poison, <8 x i32> zeroinitializer
%n1 = sub i64 %n, 1
%one_end = insertelement <8 x i64> poison, i64 %n1, i64 0
%end = shufflevector <8 x i64> %one_end, <8 x i64> poison, <8 x i32> zeroinitializer
br label %block
block:
%i = phi i64 [ 0, %entry ], [ %i.next, %last ]
%at = add i64 %from, %i
%first = shl i64 %at, 3
%one = insertelement <8 x i64> poison, i64 %first, i64 0
%all = shufflevector <8 x i64> %one, <8 x i64> poison, <8 x i32> zeroinitializer
%lane = add <8 x i64> %all, <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7>
%is_sample = icmp ult <8 x i64> %lane, %end
%sample = select <8 x i1> %is_sample, <8 x i64> %lane, <8 x i64> %end
%by = mul <8 x i64> %sample, %widths
%in_tile = shl i64 %i, 3
%slot = getelementptr double, ptr %tile, i64 %in_tile
br label %column
column:
%j = phi i64 [ 0, %block ], [ %j.next, %column ]
%p = getelementptr double, ptr %x, i64 %j
%q = getelementptr double, ptr %p, <8 x i64> %by
%v = call <8 x double> @llvm.masked.gather.v8f64.v8p0(
    <8 x ptr> %q, i32 8, <8 x i1> splat (i1 true), <8 x double> poison)
%k = mul i64 %j, %pitch
%to_slot = getelementptr double, ptr %slot, i64 %k
store <8 x double> %v, ptr %to_slot, align 64
%j.next = add i64 %j, 1
%j.more = icmp ult i64 %j.next, %width
br i1 %j.more, label %column, label %last
last:
%i.next = add i64 %i, 1
%i.more = icmp ult i64 %i.next, %blocks
br i1 %i.more, label %block, label %done
done:
ret void
}"""
