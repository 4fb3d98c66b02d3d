"""The functions of a program in loops that run in lanes, of some blocks of eight samples at once.

Runs of a loop that do not depend on each other, and blocks, are written side by side, so that what
they share is loaded once and sums stay in registers.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_gd.compiler.backends.llvm.kinds import LANES
from micrograd_gd.compiler.backends.llvm.lines import UNCHANGED
from micrograd_gd.compiler.backends.llvm.loops import PARAMETERS, write_samples
from micrograd_gd.compiler.backends.llvm.ordering import is_independent
from micrograd_gd.compiler.backends.llvm.rolled import SHORT, TOGETHER, Function
from micrograd_gd.compiler.backends.llvm.tiles import MOST_COPIES
from micrograd_gd.compiler.nests import (
    Affine,
    Array,
    Constant,
    Element,
    Given,
    Nest,
    Node,
    Part,
    Reference,
    find_nodes,
    find_stores,
    is_output,
)
from micrograd_gd.compiler.stages import Stage

if TYPE_CHECKING:
    from micrograd_gd.compiler.backends.llvm.staged import StagedWriter

LIGHT, MIDDLE = 12, 40  # lines of loops of which sixteen copies, and two, fit into the registers


class Copy(NamedTuple):
    """One block, and one run of each of the outer loops, counted from the first of all copies."""

    block: int
    shifts: tuple[int, ...]
    names: dict[Any, str]


class LaneFunction(Function):
    """The lines of a function for a range of blocks."""

    kind = LANES
    _writer: "StagedWriter"

    def __init__(self, writer: "StagedWriter", stage: Stage) -> None:
        super().__init__(writer)
        self._stage = stage
        self._tiles = writer.tiles
        self._copies = [Copy(0, (), {})]
        self._block = 0
        self._runs = 1  # of the outermost loop that are written side by side
        self._stored: set[Array] = set()
        self._at, self._row = "%slots", "%row"  # the block in the tile, and in the rows

    def _each_copy(self) -> Iterator[dict[Any, str]]:
        for copy in self._copies:
            self._block, self._shifts, self._names = copy
            yield copy.names

    def write(self, name: str, parts: Sequence[Part]) -> str:
        """The function that runs these parts."""
        blocks, self._runs = self._count_copies(parts)
        self._copies = [Copy(i, (), {}) for i in range(blocks)]
        self._stored = {store.array for store in find_stores(parts)}
        self._write_parts(parts)
        has_outputs = any(map(is_output, find_nodes(parts)))
        return "\n".join([
            f"define void @{name}({PARAMETERS}) nounwind {{",
            "entry:",
            *self.entry,
            "br label %blocks",
            "blocks:",
            "%block = phi i64 [ %from, %entry ], [ %next, %last ]",
            *self._write_places("%block", ""),
            *(write_samples(self._stage.lanes) if has_outputs else ()),
            *self.lines,
            "br label %last",
            "last:",
            f"%next = add i64 %block, {blocks}",
            "%more = icmp ult i64 %next, %to",
            "br i1 %more, label %blocks, label %done",
            "done:",
            "ret void",
            "}",
        ])  # fmt: skip

    def _write_places(self, block: str, n: object) -> Iterator[str]:
        """Lines for where a block is, in the tile and in the rows."""
        yield f"%position{n} = sub i64 {block}, %from"
        yield f"%in_tile{n} = shl i64 %position{n}, 3"
        yield f"%slots{n} = getelementptr inbounds double, ptr %tile, i64 %in_tile{n}"
        width = self._tiles.row_widths[-1 - self._stage.lanes]
        yield f"%in_rows{n} = mul i64 {block}, {8 * width}"
        yield f"%row{n} = getelementptr inbounds double, ptr %rows, i64 %in_rows{n}"

    def _count_copies(self, parts: Sequence[Part]) -> tuple[int, int]:
        """How many blocks, and runs of an outermost loop, are written side by side."""
        first, stored = parts[0], {store.array for store in find_stores(parts)}
        nodes = [*find_nodes(parts)]
        is_shared = any(map(is_output, nodes)) or not self._tiles.rows.keys().isdisjoint(stored)
        if is_shared or isinstance(first, Node):  # blocks behind the last one belong to others
            return 1, 1
        weight = sum(map(self._writer.weigh, nodes))
        most = self._tiles.count_blocks(self._stage)
        if weight > LIGHT:
            return min(most, 2 if weight <= MIDDLE else 1), 1
        if any(isinstance(each, Nest) for each in first.body) and is_independent(first):
            return min(most, 4), 4
        return min(most, MOST_COPIES), 1

    def _fork(self, runs: int) -> None:
        blocks = len({copy.block for copy in self._copies})
        pairs = product(range(blocks), range(runs))
        self._copies = [Copy(block, (run,) if runs > 1 else (), {}) for block, run in pairs]

    def _write_loop(self, nest: Nest) -> None:
        runs = min(self._runs, nest.repeats)
        if nest.outer or runs == 1:
            super()._write_loop(nest)
            return
        rounds, rest = divmod(nest.repeats, runs)
        self._fork(runs)
        if rounds > 1:
            self._write_rounds(nest, rounds, 1, runs)
        else:
            self._write_run(nest, "", 0)
        if rest:
            self._fork(rest)
            self._write_run(nest, "", rounds * runs)
        self._fork(1)

    def _count_together(self, nest: Nest) -> int:
        weight = len(self._copies) * sum(map(self._writer.weigh, nest.body))
        return nest.repeats if weight * nest.repeats <= SHORT else max(1, TOGETHER // weight)

    def _read(self, reference: Reference) -> str:
        match reference:
            case Constant(x):
                return LANES.write_term(x)
            case Given(number) if number.start in self._program.columns:
                span = self._program.columns[number.start]
                _, offset = self._program.input_layout.locate(number.start)
                start = self._tiles.columns[self._stage, span] + offset - span.offset
                return self._load_once(*self._find_in_tile(number._replace(start=start)))
            case Element(array, _) if array in self._tiles.places or array in self._tiles.rows:
                where = self._find_block(reference)
                if array in self._stored:
                    return self.load_lanes(self._point(*where))
                return self._load_once(*where)
        return super()._read(reference)

    def _find_in_tile(self, place: Affine) -> tuple[str, Affine]:
        by = 8 * self._tiles.find_pitch(self._stage)
        start = by * place.start + 8 * self._block
        return self._at, Affine(start, tuple([by * x for x in place.factors]))

    def _find_block(self, element: Element) -> tuple[str, Affine]:
        tiles, place = self._tiles, element.array.locate(element.places)
        if element.array in tiles.places:
            start = place.start + tiles.places[element.array]
            return self._find_in_tile(place._replace(start=start))
        start = place.start + tiles.rows[element.array]
        start += self._block * tiles.row_widths[-1 - self._stage.lanes]
        return self._row, Affine(8 * start, tuple([8 * x for x in place.factors]))

    def _load_once(self, array: str, place: Affine) -> str:
        """What is there, loaded once for all copies."""
        key: Any = (array, *self._add_up(place))
        if key not in self._sums[-1]:
            self._sums[-1][key] = self.load_lanes(self._point(array, place), UNCHANGED)
        return self._sums[-1][key]

    def _load_at(self, array: str, place: Affine, how: str = "") -> str:
        """A single number in all lanes."""
        key: Any = ("all", array, *self._add_up(place))
        if key not in self._sums[-1]:
            self._sums[-1][key] = self.spread(super()._load_at(array, place, how or UNCHANGED))
        return self._sums[-1][key]

    def _store(self, y: str, element: Element) -> None:
        pointer = self._point(*self._find_block(element))
        self.store_lanes(y, pointer)

    def _write_output(self, node: Node, y: str) -> None:
        span = self._program.output_layout.find_columns()[~node.number]
        buffer, place = self._find_output(node)
        base = self._point(self.load_buffer("%y", buffer), place)
        by = self.emit("o", f"mul <8 x i64> %sample, splat (i64 {span.size})")
        pointers = self.emit("q", f"getelementptr double, ptr {base}, <8 x i64> {by}")
        where = f"<8 x double> {y}, <8 x ptr> {pointers}, i32 8, <8 x i1> %is_sample"
        self.lines.append(f"call void @llvm.masked.scatter.v8f64.v8p0({where})")
