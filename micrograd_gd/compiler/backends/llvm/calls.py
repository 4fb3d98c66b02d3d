"""The function `run`, which calls all others, those of a loop for one tile of lanes at a time."""

import math
from collections.abc import Iterator, Sequence

from micrograd_gd.compiler.backends.llvm.kinds import LANES, write_term
from micrograd_gd.compiler.backends.llvm.lines import Lines
from micrograd_gd.compiler.backends.llvm.loops import SIGNATURE
from micrograd_gd.compiler.backends.llvm.memory import TOGETHER, Memory, Part
from micrograd_gd.compiler.program import Program

ALIGNING = 7  # numbers that are left out so that the memory begins at a line of the caches


def write_run(parts: Sequence[Part], program: Program, memory: Memory) -> Iterator[str]:
    """The lines of that function, and of those that it needs."""
    for i, part in enumerate(parts):
        if part.lanes:
            yield f"declare void @part{i}({SIGNATURE})"
        else:
            yield f"declare i32 @part{i}(ptr, ptr, ptr)"
    if not memory.widths:
        yield "define i32 @run(ptr %x, ptr %y, ptr %v) nounwind {"
        yield "entry:"
    else:
        yield from (*_SUMS, write_fold("largest"))
        yield "define i32 @run(ptr %x, ptr %y, ptr %memory) nounwind {"
        yield "entry:"
        yield "%begin = ptrtoint ptr %memory to i64"
        yield f"%after = add i64 %begin, {8 * ALIGNING}"
        yield "%line = and i64 %after, -64"
        yield "%v = inttoptr i64 %line to ptr"
        yield f"%rows = getelementptr double, ptr %v, i64 {memory.base}"
        yield from write_lengths(program, memory.size, memory.kept, TOGETHER - 1)
        yield f"%tile = getelementptr double, ptr %v, i64 {memory.tile}"
    stages: dict[int, list[int]] = {}
    for i, part in enumerate(parts):
        stages.setdefault(part.stage, []).append(i)
    block = "entry"
    for stage, members in stages.items():
        lanes = parts[members[0]].lanes
        if lanes:
            yield from _write_stage(stage, members, lanes, memory, block)
            block = f"done{stage}"
            continue
        for i in members:
            yield f"%r{i} = call i32 @part{i}(ptr %x, ptr %y, ptr %v)"
            yield f"%ok{i} = icmp slt i32 %r{i}, 0"
            yield f"br i1 %ok{i}, label %next{i}, label %failed{i}"
            yield f"failed{i}:"
            yield f"ret i32 %r{i}"
            yield f"next{i}:"
            block = f"next{i}"
    yield from ("ret i32 -1", "}", "!0 = !{}", "")


def write_lengths(
    program: Program, size: int, kept: Sequence[int], behind: int = 0
) -> Iterator[str]:
    """Lines for the open lengths, and where what is kept for each sample begins.

    There is room for so many blocks behind the last one.
    """
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


def _write_stage(
    stage: int, members: Sequence[int], lanes: int, memory: Memory, before: str
) -> Iterator[str]:
    """A loop over tiles, the sums begun before it and completed after."""
    blocks, count, rows = f"{-(-lanes // 8)}", f"{lanes}", "%rows"
    if lanes < 0:
        blocks, count, rows = f"%blocks{lanes}", f"%n{lanes}", f"%rows{lanes}"
    sums = memory.sums[stage]
    if sums:
        yield f"%totals{stage} = getelementptr double, ptr %v, i64 {memory.totals[sums[0]]}"
        yield f"%sums{stage} = getelementptr double, ptr %v, i64 {memory.uniform[sums[0]]}"
        yield f"call void @begin(ptr %totals{stage}, i64 {8 * len(sums)})"
    for x in memory.largest.intersection(sums):
        yield f"%largest{x} = getelementptr double, ptr %v, i64 {memory.totals[x]}"
        yield f"store <8 x double> {LANES.write_term(-math.inf)}, ptr %largest{x}, align 8"
    yield f"br label %loop{stage}"
    yield f"loop{stage}:"
    yield f"%from{stage} = phi i64 [ 0, %{before} ], [ %to{stage}, %loop{stage} ]"
    yield f"%end{stage} = add i64 %from{stage}, {memory.count_blocks(stage)}"
    yield f"%whole{stage} = icmp ult i64 %end{stage}, {blocks}"
    yield f"%to{stage} = select i1 %whole{stage}, i64 %end{stage}, i64 {blocks}"
    for i in members:
        given = f"ptr %x, ptr %y, ptr %v, ptr {rows}, ptr %tile, i64 %from{stage}, i64 %to{stage}"
        yield f"call void @part{i}({given}, i64 {count})"
    yield f"br i1 %whole{stage}, label %loop{stage}, label %done{stage}"
    yield f"done{stage}:"
    if sums:
        yield f"call void @complete(ptr %totals{stage}, ptr %sums{stage}, i64 {len(sums)})"
    for x in memory.largest.intersection(sums):
        yield f"%found{x} = call double @largest(ptr %largest{x})"
        yield f"%place{x} = getelementptr double, ptr %v, i64 {memory.uniform[x]}"
        yield f"store double %found{x}, ptr %place{x}"


def write_fold(kind: str) -> str:
    """A function that makes one number of eight, in the order of python.sum_lanes."""
    here = Lines()

    def join(a: str, b: str, number: str = "double") -> str:
        if kind == "sum":
            return here.emit("s", f"fadd {number} {a}, {b}")
        return here.emit_larger(a, b, number)

    p, four = here.emit("v", "load <8 x double>, ptr %p, align 64"), "<4 x double>"
    halves = [
        here.emit("h", f"shufflevector <8 x double> {p}, <8 x double> poison, <4 x i32> {each}")
        for each in ("<i32 0, i32 1, i32 2, i32 3>", "<i32 4, i32 5, i32 6, i32 7>")
    ]
    both = join(halves[0], halves[1], four)
    a, b, c, d = [here.emit("e", f"extractelement {four} {both}, i64 {i}") for i in range(4)]
    y = join(join(a, c), join(b, d))
    head = f"define internal double @{kind}(ptr %p) nounwind {{"
    return "\n".join([head, *here.lines, f"ret double {y}", "}"])


# Sums begin as -0, which is what adding nothing gives, and end as python.sum_lanes says.
_SUMS = f"""\
define internal void @begin(ptr %totals, i64 %n) nounwind {{
entry:
br label %loop
loop:
%i = phi i64 [ 0, %entry ], [ %next, %loop ]
%p = getelementptr double, ptr %totals, i64 %i
store double {write_term(-0.0)}, ptr %p
%next = add i64 %i, 1
%more = icmp ult i64 %next, %n
br i1 %more, label %loop, label %done
done:
ret void
}}
define internal void @complete(ptr %totals, ptr %sums, i64 %n) nounwind {{
entry:
br label %loop
loop:
%i = phi i64 [ 0, %entry ], [ %next, %loop ]
%eight = shl i64 %i, 3
%p0 = getelementptr double, ptr %totals, i64 %eight
%p4 = getelementptr double, ptr %p0, i64 4
%a = load <4 x double>, ptr %p0, align 8
%b = load <4 x double>, ptr %p4, align 8
%c = fadd <4 x double> %a, %b
%c0 = extractelement <4 x double> %c, i64 0
%c1 = extractelement <4 x double> %c, i64 1
%c2 = extractelement <4 x double> %c, i64 2
%c3 = extractelement <4 x double> %c, i64 3
%even = fadd double %c0, %c2
%odd = fadd double %c1, %c3
%sum = fadd double %even, %odd
%q = getelementptr double, ptr %sums, i64 %i
store double %sum, ptr %q
%next = add i64 %i, 1
%more = icmp ult i64 %next, %n
br i1 %more, label %loop, label %done
done:
ret void
}}""".splitlines()

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
