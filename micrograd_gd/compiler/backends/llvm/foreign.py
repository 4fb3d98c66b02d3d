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


def build_function(program: Program, code: Any) -> Callable[..., Any]:
    """A function of the numbers of the arguments that calls machine code."""
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
