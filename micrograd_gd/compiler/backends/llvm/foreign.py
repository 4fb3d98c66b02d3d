"""Machine code called through `ctypes`, where the native core is not there to call it."""

import ctypes
import math
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from micrograd_gd.compiler.backends.results import build_result
from micrograd_gd.compiler.layout import Layout
from micrograd_gd.compiler.program import Program
from micrograd_gd.transforms.trees import LEAF, Structure


def build_function(program: Program, code: Any) -> Callable[..., Any]:
    """A function of the numbers of the arguments that calls machine code."""
    if program.lengths:
        return _build_open_function(program, code)
    inputs = _Buffers(program.input_layout, program.size)
    outputs = _Buffers(program.output_layout, len(program.outputs))
    texts = [f"y[{place}]" for place in outputs.places]
    for i in program.derivatives:
        texts[i] = f"{texts[i]} + 0.0"
    result = build_result(program.structure, texts, {})
    checked = [outputs.places[i] for i, is_checked in program.derivatives.items() if is_checked]
    doubt = program.guard_of_derivatives
    machine_run = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(code.address)
    captured = program.captured
    scratch = _Scratch(code.scratch)

    def run(*leaves: float) -> Any:
        x = inputs.fill([*leaves, *[leaf.data for leaf in captured]] if captured else leaves)
        y = outputs.allocate()
        failed = machine_run(inputs.find_pointers(x), outputs.find_pointers(y), scratch.numbers)
        if failed < 0 <= doubt and math.isnan(sum([y[place] for place in checked])):
            return doubt
        return result(y) if failed < 0 else failed

    run.code = code  # type: ignore[attr-defined]  # it lives as long as what calls it
    return run


def _build_open_function(program: Program, code: Any) -> Callable[..., Any]:
    """The same where arrays have open lengths: each call makes buffers, as arrays of NumPy."""
    import numpy as np  # noqa: PLC0415 — only those who brought an array need it

    machine_run = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(code.address)
    given, made = program.input_layout, program.output_layout
    places = [
        (program.columns[i].axis if i in program.columns else 0, *given.locate(i))
        for i in range(program.size)
    ]
    places = [
        each for each in places if not (each[0] and each[2])
    ]  # the first column of each array
    texts = []
    columns = made.find_columns()
    for i in range(len(program.outputs)):
        buffer, offset = made.locate(i)
        row = f"{offset}::{columns[i].size}" if i in columns else f"{offset}"
        zero = " + 0.0" if i in program.derivatives else ""
        texts.append(f"(y[{buffer}][{row}]{zero}).tolist()")
    axes = {span.buffer: span.axis for span in made.spans}
    checked = [texts[i] for i, is_checked in program.derivatives.items() if is_checked]
    find_checked = build_result(Structure(list, below=(LEAF,) * len(checked)), checked, {})
    result = build_result(program.structure, texts, {})
    doubt = program.guard_of_derivatives

    def run(*leaves: Any) -> Any:
        x = [np.zeros(size) for size in given.sizes]
        lengths = [0] * len(program.lengths)
        numbers = [*leaves, *[leaf.data for leaf in program.captured]]
        for number, (axis, buffer, offset) in zip(numbers, places, strict=False):
            if axis:
                x[buffer], lengths[axis - 1] = number, len(number)
            else:
                x[buffer][offset] = number
        for cut in program.cuts:
            lengths[-1 - cut.lanes] = lengths[-1 - cut.of] - cut.by
        x[0][len(x[0]) - len(lengths) :] = lengths
        rows = [lengths[axes[i] - 1] if axes.get(i) else 1 for i in range(len(made.sizes))]
        y = [np.empty(size * n) for size, n in zip(made.sizes, rows, strict=True)]
        room = sum(kept * -(-n // 8) * 8 for kept, n in zip(code.kept, lengths, strict=True))
        pointers = [(ctypes.c_void_p * len(z))(*[each.ctypes.data for each in z]) for z in (x, y)]
        scratch = np.empty(code.scratch + room)  # named, so that it outlives the call
        failed = machine_run(*pointers, scratch.ctypes.data)
        if failed < 0 <= doubt and any(np.isnan(each).any() for each in find_checked(y)):
            return doubt
        return result(y) if failed < 0 else failed

    run.code = code  # type: ignore[attr-defined]  # it lives as long as what calls it
    return run


class _Buffers:
    """The buffers of a layout, one after another in one array."""

    def __init__(self, layout: Layout, count: int) -> None:
        starts = [*accumulate(layout.sizes, initial=0)]
        self.places = [starts[buffer] + i for buffer, i in map(layout.locate, range(count))]
        self._order = sorted(range(count), key=self.places.__getitem__)
        self._is_in_order = self.places == self._order
        self._array = ctypes.c_double * count
        self._table = ctypes.c_void_p * len(layout.sizes)
        self._offsets = [8 * start for start in starts[:-1]]

    def fill(self, numbers: Sequence[float]) -> Any:
        """The array with these numbers at their places."""
        if not self._is_in_order:
            numbers = [numbers[i] for i in self._order]
        return self._array(*numbers)

    def allocate(self) -> Any:
        """The array, to be written."""
        return self._array()

    def find_pointers(self, array: Any) -> Any:
        """Where each buffer begins."""
        start = ctypes.addressof(array)
        return self._table(*[start + offset for offset in self._offsets])


class _Scratch(threading.local):
    """Where the functions that a program is cut into leave numbers for each other."""

    def __init__(self, size: int) -> None:
        self.numbers = (ctypes.c_double * size)()
