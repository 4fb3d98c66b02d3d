"""The function `run`, which calls all others, those of a loop for one tile of lanes at a time."""

import math
from collections.abc import Iterator, Sequence

from micrograd_gd.compiler.backends.llvm.kinds import LANES, write_term
from micrograd_gd.compiler.backends.llvm.lines import Lines
from micrograd_gd.compiler.backends.llvm.loops import SIGNATURE
from micrograd_gd.compiler.backends.llvm.memory import Memory, Part
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
        yield from _SUMS
        yield "define i32 @run(ptr %x, ptr %y, ptr %memory) nounwind {"
        yield "entry:"
        yield "%begin = ptrtoint ptr %memory to i64"
        yield f"%after = add i64 %begin, {8 * ALIGNING}"
        yield "%line = and i64 %after, -64"
        yield "%v = inttoptr i64 %line to ptr"
        yield f"%rows = getelementptr double, ptr %v, i64 {memory.base}"
        yield from _write_lengths(program, memory)
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


def _write_lengths(program: Program, memory: Memory) -> Iterator[str]:
    """Lines for the open lengths, and where what is kept for each sample begins."""
    if program.lengths:
        yield "%numbers = load ptr, ptr %x"
    start = f"{memory.size}"
    for axis, kept in enumerate(memory.kept):
        i = -1 - axis
        _, offset = program.input_layout.locate(program.find_length(i))
        yield f"%length{i} = getelementptr double, ptr %numbers, i64 {offset}"
        yield f"%float{i} = load double, ptr %length{i}"
        yield f"%n{i} = fptoui double %float{i} to i64"
        yield f"%above{i} = add i64 %n{i}, 7"
        yield f"%blocks{i} = lshr i64 %above{i}, 3"
        yield f"%rows{i} = getelementptr double, ptr %v, i64 {start}"
        yield f"%size{i} = mul i64 %blocks{i}, {8 * kept}"
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
        yield from _find_largest(x, memory.uniform[x])


def _find_largest(x: int, place: int) -> Iterator[str]:
    """Lines that compare in the order in which sums are added."""
    here = Lines(f"l{x}.")
    four, eight = "<4 x double>", f"load <8 x double>, ptr %largest{x}, align 8"
    found = here.emit("v", eight)
    halves = [
        here.emit("h", f"shufflevector <8 x double> {found}, <8 x double> poison, <4 x i32> {each}")
        for each in ("<i32 0, i32 1, i32 2, i32 3>", "<i32 4, i32 5, i32 6, i32 7>")
    ]
    found = here.emit_larger(halves[0], halves[1], four)
    a, b, c, d = (here.emit("e", f"extractelement {four} {found}, i64 {i}") for i in range(4))
    even, odd = here.emit_larger(a, c, "double"), here.emit_larger(b, d, "double")
    found = here.emit_larger(even, odd, "double")
    target = here.offset("%v", place)
    yield from (*here.lines, f"store double {found}, ptr {target}")


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
