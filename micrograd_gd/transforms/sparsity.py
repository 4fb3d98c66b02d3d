"""Which derivatives can differ from 0, and how few sweeps find them all.

A tangent sweep may start at several arguments at once. At a result that depends on only one of them
it finds the derivative by that one. So columns of a Jacobian that have no row in common share a
sweep (Curtis, Powell and Reid, 1974). In the same way, rows that have no column in common share a
reverse sweep. A few rows with many entries would leave nothing to share, so each of them gets a
sweep of the other kind (Coleman and Verma, 1998).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

from micrograd_gd.core import blocks, sweep
from micrograd_gd.core.whole import Whole, WholeArray
from micrograd_gd.engine import Value

Mode = Literal["forward", "reverse"]


class Sweep(NamedTuple):
    """One sweep: where it starts, with a 1 each, and the entries (row, column) that it finds.

    A forward sweep starts at columns and ends at rows; a reverse sweep starts at rows.
    """

    mode: Mode
    starts: list[int]
    entries: list[tuple[int, int]]


class SparseMatrix(NamedTuple):
    """A matrix by its entries, as SciPy takes it: `scipy.sparse.coo_array(*matrix)`.

    `entries` holds the values, and the row and the column of each, row by row.
    """

    entries: tuple[list[Any], tuple[list[int], list[int]]]
    shape: tuple[int, int]


Places = tuple[Sequence[int], Sequence[int]]


class Rows(Whole):
    """In a trace, what a `SparseMatrix` has for an array of open length: its first row's part."""

    def __init__(self, values: WholeArray, places: Places, shape: tuple[int, int]) -> None:
        self.values = values
        self.places = places  # of the first row's entries, with the shape that they have
        self.block = shape


def make_matrix(values: Any, places: Places, shape: tuple[int, int]) -> SparseMatrix:
    """The matrix with these entries.

    Of an array, each row has entries in such places, as many rows of the matrix further down.

    >>> import numpy as np
    >>> make_matrix(np.array([[2.0, 3.0], [4.0, 5.0]]), ([0, 0], [0, 2]), (1, 3))
    SparseMatrix(entries=([2.0, 3.0, 4.0, 5.0], ([0, 0, 1, 1], [0, 2, 0, 2])), shape=(2, 3))
    """
    (rows, columns), (height, width) = places, shape
    if isinstance(values, WholeArray):
        whole: Any = Rows(values, places, shape)
        return SparseMatrix(whole, whole)
    if hasattr(values, "ndim"):
        import numpy as np  # noqa: PLC0415 — who brought an array has it

        count = len(values)
        rows = (np.arange(count)[:, None] * height + np.array([*rows], int)).ravel().tolist()
        columns, height = [*columns] * count, height * count
        values = values.ravel().tolist()
    return SparseMatrix((values, ([*rows], [*columns])), (height, width))


def split_matrix(matrix: SparseMatrix) -> tuple[Any, Places, tuple[int, int]]:
    """What `make_matrix` takes to make it."""
    entries: Any = matrix.entries
    if isinstance(entries, Rows):
        return entries.values, entries.places, entries.block
    values, (rows, columns) = entries
    return values, (tuple(rows), tuple(columns)), matrix.shape


def pattern(outputs: Sequence[Any], inputs: Sequence[Value]) -> list[list[int]]:
    """For each output, the places of the inputs by which its derivative can differ from 0.

    >>> a, b = Value(1.0), Value(2.0)
    >>> pattern([a * 2, a * b, 5.0], [a, b])
    [[0], [0, 1], []]
    """
    # A set of places is kept as the bits of an int, and dropped after its last use.
    place_of = {x: place for place, x in enumerate(inputs)}
    roots = {y for y in outputs if isinstance(y, Value)}
    order = sweep.in_order(roots, place_of)
    below = [*map(_choose_edges(), order)]
    uses = Counter(chain.from_iterable(below))
    reached: dict[Value, int] = {}
    rows = {x: [place] for x, place in place_of.items()}
    for node, operands in zip(order, below, strict=True):
        if node in place_of:
            continue
        places = 0
        for operand in operands:
            uses[operand] -= 1
            if operand in place_of:
                places |= 1 << place_of[operand]
            else:
                places |= reached[operand] if uses[operand] else reached.pop(operand)
        if uses[node]:
            reached[node] = places
        if node in roots:
            rows[node] = [*_bits(places)]
    return [rows[y] if isinstance(y, Value) else [] for y in outputs]


def _choose_edges() -> Callable[[Any], list[Any]]:
    """A function that gives the operands of a node that a derivative flows to.

    In a trace, these are also those for other numbers.
    """
    return _flows_for_any_numbers if blocks.trace() else _flows


def _flows(node: Any) -> list[Any]:
    edges = zip(node.operands, node.partials, strict=True)
    return [operand for operand, partial in edges if partial is not None]


def _flows_for_any_numbers(node: Any) -> list[Any]:
    op, operands = node.op, node.operands
    if op is not None and "None" in op.partials and not op.folds:
        operands = [
            x for x, partial in zip(operands, op.partials, strict=True) if partial != "None"
        ]
    return [x for x in operands if isinstance(x, Value)]


def _bits(places: int) -> Iterator[int]:
    while places:
        lowest = places & -places
        yield lowest.bit_length() - 1
        places ^= lowest


def plan(rows: list[list[int]], width: int, mode: Mode | None = None) -> list[Sweep]:
    """Sweeps that together find every entry, each once; `rows` holds the columns of the entries.

    >>> for each in plan([[0], [1], [2], [0, 1, 2]], 3):
    ...     print(each.mode, each.starts, each.entries)
    reverse [3] [(3, 0), (3, 1), (3, 2)]
    forward [0, 1, 2] [(0, 0), (1, 1), (2, 2)]
    """
    columns: list[list[int]] = [[] for _ in range(width)]
    for i, row in enumerate(rows):
        for j in row:
            columns[j].append(i)
    if mode is None:
        few_rows, few_columns = _set_apart(rows), _set_apart(columns)
        mode = "forward" if few_rows.sweeps <= few_columns.sweeps else "reverse"
        apart = few_rows.lines if mode == "forward" else few_columns.lines
    else:
        apart = []
    if mode == "forward":
        return [
            *(Sweep("reverse", [i], [(i, j) for j in rows[i]]) for i in apart),
            *(Sweep("forward", group, entries) for group, entries in _share(columns, rows, apart)),
        ]
    return [
        *(Sweep("forward", [j], [(i, j) for i in columns[j]]) for j in apart),
        *(
            Sweep("reverse", group, [(i, j) for j, i in entries])
            for group, entries in _share(rows, columns, apart)
        ),
    ]


class _Apart(NamedTuple):
    lines: list[int]  # those that get a sweep each
    sweeps: int  # the least number of sweeps in all


def _set_apart(lines: list[list[int]]) -> _Apart:
    """The longest lines, where a sweep for each of them leaves fewer sweeps in all."""
    by_length = sorted(range(len(lines)), key=lambda i: -len(lines[i]))
    lengths = [*(len(lines[i]) for i in by_length), 0]
    count = min(range(len(lengths)), key=lambda k: k + lengths[k])
    return _Apart(by_length[:count], count + lengths[count])


def _share(
    starts: list[list[int]], lines: list[list[int]], apart: list[int]
) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Groups of starts that cross no line twice, except those apart, with the entries they find.

    Each start joins the first group that crosses none of its lines yet (greedy coloring).
    """
    ignored = {*apart}
    groups: list[tuple[list[int], list[tuple[int, int]]]] = []
    groups_on = [0] * len(lines)  # as the bits of a number
    for start, crossed in enumerate(starts):
        own = [line for line in crossed if line not in ignored]
        taken = 0
        for line in own:
            taken |= groups_on[line]
        free = ~taken & (taken + 1)
        for line in own:
            groups_on[line] |= free
        if own:
            group = free.bit_length() - 1
            if group == len(groups):
                groups.append(([], []))
            members, entries = groups[group]
            members.append(start)
            entries += [(line, start) for line in own]
    return groups
