"""Where numbers wait in lanes: those that one stage uses in a tile, all others in rows.

A tile is some blocks of eight samples, with a vector for each of its numbers in each block. A row
has the numbers of one block.
"""

from collections.abc import Iterator, Mapping, Sequence

from micrograd_gd.compiler.layout import Span
from micrograd_gd.compiler.nests import Array, Element, Given, Part, find_references, find_stores
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.stages import Stage

# Bytes of a tile, and its blocks. Sums are read and written once for each tile; what waits in it
# stays in the caches if there are few: 0.63 ms for the gradient of a network of 64-32-10 over 1,797
# samples with 8 and 16 blocks, 0.71 with 32, 0.80 with 64. Others gain nothing from more.
TILE, MOST_BLOCKS = 2**21, 16
MOST_COPIES = 8  # blocks that are treated side by side


class Tiles:
    """The place of each array, and of each column of the inputs, counted in vectors.

    `runs` are the parts that run in each stage, and `reads` those that read something there.
    """

    def __init__(
        self,
        program: Program,
        runs: Mapping[Stage, Sequence[Part]],
        reads: Mapping[Stage, Sequence[Part]],
    ) -> None:
        self.places: dict[Array, int] = {}
        self.rows: dict[Array, int] = {}
        self.columns: dict[tuple[Stage, Span], int] = {}
        self.row_widths = [0] * len(program.lengths)
        self._widths: dict[Stage, int] = {}
        lanes = {
            store.array: stage.lanes
            for stage, parts in runs.items()
            for store in find_stores(parts)
        }  # fmt: skip
        self.single = [array for array, count in lanes.items() if not count]
        users: dict[Array, set[Stage]] = {array: set() for array, count in lanes.items() if count}
        for stage, array in find_users(runs, reads):
            if array in users:
                users[array].add(stage)
        for array, stages in users.items():
            if len(stages) == 1:
                self.places[array] = self._reserve(stages.pop(), array.size)
            else:
                axis = -1 - lanes[array]
                self.rows[array] = self.row_widths[axis]
                self.row_widths[axis] += array.size
        for stage, parts in reads.items():
            given = [x.number.start for x in find_references(parts) if isinstance(x, Given)]
            for span in {program.columns[x]: None for x in given if x in program.columns}:
                self._reserve_columns(stage, span)

    def _reserve_columns(self, stage: Stage, span: Span) -> None:
        self.columns[stage, span] = self._reserve(stage, span.size)

    def _reserve(self, stage: Stage, size: int) -> int:
        place = self._widths.get(stage, 0)
        self._widths[stage] = place + size
        return place

    @property
    def size(self) -> int:
        """Numbers that a tile of any stage has at most."""
        sizes = [8 * width * self.find_pitch(stage) for stage, width in self._widths.items()]
        return max(sizes, default=0)

    def count_blocks(self, stage: Stage) -> int:
        """How many blocks a tile has: a power of 2."""
        most = TILE // (64 * max(self._widths.get(stage, 0), 1))
        return 1 << max(1, min(most, MOST_BLOCKS)).bit_length() - 1

    def find_pitch(self, stage: Stage) -> int:
        """How many vectors further the next number of a block is.

        An odd number, which spreads in the caches.
        """
        return self.count_blocks(stage) | 1


def find_users(
    runs: Mapping[Stage, Sequence[Part]], reads: Mapping[Stage, Sequence[Part]]
) -> Iterator[tuple[Stage, Array]]:
    """Each stage with the arrays that it writes or reads."""
    for stage, parts in runs.items():
        yield from ((stage, store.array) for store in find_stores(parts))
    for stage, parts in reads.items():
        found = find_references(parts) if stage.lanes else ()
        yield from ((stage, each.array) for each in found if isinstance(each, Element))
