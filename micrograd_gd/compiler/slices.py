"""One batch in several threads: each runs the program on slices of the rows.

What a program computes for a row depends on no other row, unless it adds over the batch or counts
it. So the bits are the same however the rows are cut.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from micrograd_gd.compiler.backends.kernel import Kernel
from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.watch import Watch
from micrograd_gd.core.whole import is_open
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.sparsity import SparseMatrix
from micrograd_gd.transforms.trees import Structure

ROWS = 2**14  # of a slice, about: what it computes is in the caches while it is put in its place


def spread(kernel: Kernel, program: Program, threads: int) -> Kernel:
    """The kernel, or one that runs it in so many threads, where rows can be told apart."""
    return kernel if threads == 1 or not _can_slice(program) else Slices(kernel, program, threads)


def _can_slice(program: Program) -> bool:
    """Whether rows need neither each other nor their number, but that it be no small one."""
    if len(program.lengths) != 1 or _numbers_rows(program.structure):
        return False
    length, used = program.find_length(-1), {*program.outputs}
    for each in program.statements:
        if isinstance(each, Instruction) and isinstance(each.op, Lanes):
            return False
        if not (isinstance(each, Guard) and each.relation == ">="):
            used |= {*each.operands}
    return length not in used


def _numbers_rows(structure: Structure) -> bool:
    """Whether there is a matrix, which names the rows of its entries."""
    return structure.kind is SparseMatrix or any(map(_numbers_rows, structure.below))


class Slices(Kernel):
    """A kernel that runs another one on slices."""

    def __init__(self, kernel: Kernel, program: Program, threads: int) -> None:
        self.watch = Watch()
        self._kernel = kernel
        self._structure = program.structure
        self._threads = threads

    @property
    def patience(self) -> int:
        """That of the other kernel, which counts its runs."""
        return self._kernel.patience

    @patience.setter
    def patience(self, count: int) -> None:
        self._kernel.patience = count

    def __call__(self, *args: Any) -> Any:  # noqa: ARG002 — as it is with every kernel
        """NotImplemented: the arguments are taken apart first."""
        return NotImplemented

    def run(self, leaves: Sequence[Any]) -> Any:
        """The result, or the place of the guard that fails for one of the slices."""
        import numpy as np  # noqa: PLC0415 — only those who brought an array need it

        n = max(len(x) for x in leaves if hasattr(x, "ndim"))
        count = n // ROWS
        if count < 2:
            return self._kernel.run(leaves)

        def block(_: slice, shape: tuple[int, ...]) -> Any:
            return np.empty((n, *shape[1:])) if is_open(shape) else None

        whole = trees.map_blocks(self._structure, block)

        def compute(i: int) -> Any:
            rows = slice(n * i // count, n * (i + 1) // count)
            part = self._kernel.run([x[rows] if hasattr(x, "ndim") else x for x in leaves])
            return part if type(part) is int else _put(self._structure, whole, part, rows)

        results = [*_pool(self._threads).map(compute, range(count))]
        return next((x for x in results if type(x) is int), results[0])


def _put(structure: Structure, whole: Any, part: Any, rows: slice) -> Any:
    """What is one for all rows as it is, and the whole arrays, into which those of a slice go."""
    if is_open(structure.shape):
        whole[rows] = part
        return whole
    wholes, parts = trees.split(whole), trees.split(part)
    if wholes is None or parts is None:
        return part
    each = zip(structure.below, wholes[1], parts[1], strict=True)
    return structure.fill([_put(*those, rows) for those in each])


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


if hasattr(os, "register_at_fork"):  # a forked process has none of the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
