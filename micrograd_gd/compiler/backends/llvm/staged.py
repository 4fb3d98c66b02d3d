"""A program with batches whose code has loops: over its statements, and over the lanes of samples.

Each stage has functions of its own. In lanes these treat a tile after another: some blocks of eight
samples, whose columns of the inputs are gathered first. What runs in lanes lies in the tile, or in
a row for each block where another stage reads it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby

from micrograd_gd.compiler.backends.llvm.calls import (
    ALIGNING,
    GATHER,
    declare,
    write_calls,
    write_entry,
    write_fold,
    write_tiles,
)
from micrograd_gd.compiler.backends.llvm.in_lanes import MIDDLE, LaneFunction
from micrograd_gd.compiler.backends.llvm.kinds import LANES
from micrograd_gd.compiler.backends.llvm.lines import DATA
from micrograd_gd.compiler.backends.llvm.loops import DECLARED
from micrograd_gd.compiler.backends.llvm.ordering import drop_unread, order
from micrograd_gd.compiler.backends.llvm.rolled import Function, RolledWriter
from micrograd_gd.compiler.backends.llvm.terms import TermsFunction, find_total
from micrograd_gd.compiler.backends.llvm.tiles import MOST_COPIES, Tiles, find_users
from micrograd_gd.compiler.instructions import Instruction
from micrograd_gd.compiler.nests import (
    Element,
    Nest,
    Node,
    Part,
    find_nodes,
    find_references,
)
from micrograd_gd.compiler.references import find_reduction
from micrograd_gd.compiler.stages import Stage, find_terms


class StagedWriter(RolledWriter):
    """The text of such a program, in functions of about `longest` lines at most."""

    def _plan(self, longest: int) -> None:
        self._terms: dict[Stage, list[Node]] = {}  # that a stage adds up
        for node in self.nests.nodes:
            if op := find_reduction(node):
                self._terms.setdefault(find_terms(op, node.stage), []).append(node)
        stages = {node.stage for node in self.nests.nodes} | {*self._terms}
        self._stages = {
            stage: [*_take(self.nests.parts, stage)]
            for stage in sorted(stages, key=lambda x: (x.level, x.lanes != 0, x.lanes))
        }
        self._order_loops()
        reads = self._find_reads()
        self.tiles = Tiles(self.program, self._stages, reads)
        self._give_places(self.tiles.single)
        self.weight = 0
        self._once: dict[Stage, list[list[Part]]] = {}
        for stage in self._stages:
            self.weight += (16 if stage.lanes else 1) * sum(map(self.weigh, reads[stage]))
            if not stage.lanes:
                self._once[stage] = [*self._cut(self._stages[stage], longest)]
                self._give_slots(self._once[stage])
        self._reserve_lanes()

    def _find_reads(self) -> dict[Stage, list[Part]]:
        """What reads something in each stage."""
        return {
            stage: [*parts, *self._terms.get(stage, ())] for stage, parts in self._stages.items()
        }

    def _order_loops(self) -> None:
        """Order the loops of the stages in lanes, and store nothing that nobody reads then."""
        users = Counter(array for _, array in {*find_users(self._stages, self._find_reads())})
        shared = {array for array, count in users.items() if count > 1}
        for stage, parts in self._stages.items():
            if stage.lanes:
                self._stages[stage] = order(parts, shared, self._may_merge)
        found = find_references(chain.from_iterable(self._find_reads().values()))
        read = {x.array for x in found if isinstance(x, Element)}
        for parts in self._stages.values():
            drop_unread(parts, read)

    def _may_merge(self, nest: Nest) -> bool:
        """Whether two copies of the loop fit into the registers."""
        return sum(map(self.weigh, find_nodes([nest]))) <= MIDDLE

    def _reserve_lanes(self) -> None:
        """Room for sums, in lines of memory of their own, and for tiles and rows."""
        self.scratch = -(-self.scratch // 8) * 8
        self.totals: dict[Node, int] = {}  # where terms are added up, eight lanes each
        for nodes in self._terms.values():
            for node in nodes:
                self.totals[node] = self.scratch
                self.scratch += 8 * math.prod([nest.repeats for nest in node.nests])
        self._tile = self.scratch
        self._rows = self._tile + self.tiles.size
        self.kept = self.tiles.row_widths
        behind = 8 * MOST_COPIES * max(self.kept)  # rows that are read, and nothing is made of them
        self.scratch = self._rows + behind + ALIGNING

    def write(self, most: int) -> Iterator[str]:
        """The modules, each with at most so many functions; the last one calls all functions."""
        names: dict[Stage, list[str]] = {}
        texts: list[str] = []
        for stage in self._stages:
            start = len(texts)
            texts += self._write_stage(stage, start)
            names[stage] = [f"part{i}" for i in range(start, len(texts))]
        for start in range(0, len(texts), most):
            yield self._write_module(texts[start : start + most])
        yield "\n".join(self._write_run(names))

    def _write_stage(self, stage: Stage, n: int) -> Iterator[str]:
        if not stage.lanes:
            for i, parts in enumerate(self._once[stage], n):
                yield OnceFunction(self).write(f"part{i}", parts)
            return
        regions = [*_find_regions(self._stages[stage])]
        for i, region in enumerate(regions, n):
            yield LaneFunction(self, stage).write(f"part{i}", region)
        for i, node in enumerate(self._terms.get(stage, ()), n + len(regions)):
            yield TermsFunction(self, stage).write_terms(f"part{i}", node)

    def _write_module(self, defined: Sequence[str]) -> str:
        functions = self.templates.write_functions()
        return "\n".join([*DECLARED, *self.write_table(), *_CONSTANTS, *functions, *defined, DATA])

    def _write_run(self, names: dict[Stage, list[str]]) -> Iterator[str]:
        """The lines of the function that calls the others."""
        for stage, each in names.items():
            yield from (declare(name, stage.lanes) for name in each)
        yield from (*DECLARED, GATHER)
        yield from write_entry(self.program, self._rows, self.kept, self._tile)
        for i, (stage, each) in enumerate(names.items()):
            if stage.lanes:
                blocks, columns = self.tiles.count_blocks(stage), self._write_columns(stage, i)
                yield from write_tiles(i, stage.lanes, blocks, each, columns)
            else:
                yield from write_calls(each)
        yield from ("ret i32 -1", "}", "!0 = !{}", "")

    def _write_columns(self, stage: Stage, i: int) -> Iterator[str]:
        """Lines that gather the columns of the inputs for a tile."""
        pitch, step = 8 * self.tiles.find_pitch(stage), self.tiles.count_blocks(stage)
        blocks = f"i64 %from{i}, i64 %to{i}, i64 %n{stage.lanes}, i64 {min(step, MOST_COPIES)}"
        for (reader, span), place in self.tiles.columns.items():
            if reader == stage:
                name = f"{i}.{span.buffer}.{span.offset}"
                yield f"%p{name} = getelementptr ptr, ptr %x, i64 {span.buffer}"
                yield f"%b{name} = load ptr, ptr %p{name}"
                yield f"%a{name} = getelementptr double, ptr %b{name}, i64 {span.offset}"
                yield f"%t{name} = getelementptr double, ptr %tile, i64 {place * pitch}"
                given = f"ptr %a{name}, i64 {span.size}, ptr %t{name}, i64 {pitch}"
                yield f"call void @gather({given}, {blocks})"


class OnceFunction(Function):
    """The lines of a function that runs once, and completes sums."""

    _writer: StagedWriter

    def _compute(self, node: Node, statement: Instruction, operands: Sequence[str]) -> str:
        if op := find_reduction(node):
            total = self._point("%v", find_total(self._writer.totals[node], node))
            return self.emit("s", f"call double @{op.kind}(ptr {total})")
        return super()._compute(node, statement, operands)

    def _read_operands(self, node: Node) -> list[str]:
        return [] if find_reduction(node) else super()._read_operands(node)


def _take(parts: Iterable[Part], stage: Stage) -> Iterator[Part]:
    """What of the parts runs in a stage."""
    for part in parts:
        if isinstance(part, Node):
            if part.stage == stage:
                yield part
        elif body := [*_take(part.body, stage)]:
            carried = {node: each for node, each in part.carried.items() if node.stage == stage}
            stores = [each for each in part.stores if each[0].stage == stage]
            yield replace(part, body=body, carried=carried, stores=stores)


def _find_regions(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Loops one by one, and other nodes by their regions."""
    of_one = groupby(parts, lambda part: part.region if isinstance(part, Node) else part)
    yield from ([*region] for _, region in of_one)


_CONSTANTS = (
    f"@begin.sum = private constant <8 x double> {LANES.write_term(-0.0)}, align 64",
    f"@begin.largest = private constant <8 x double> {LANES.write_term(-math.inf)}, align 64",
    write_fold("sum"),
    write_fold("largest"),
)
