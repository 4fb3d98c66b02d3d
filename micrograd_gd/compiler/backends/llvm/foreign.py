"""Machine code called through `ctypes`, where the native core is not there to call it."""

import ctypes
import threading
from collections.abc import Callable
from typing import Any

from micrograd_gd.compiler.backends.results import define_run
from micrograd_gd.compiler.program import Program


def build_function(program: Program, code: Any) -> Callable[..., Any]:
    """A function of the numbers of the arguments that calls machine code."""
    names = {
        "code": code,  # it lives as long as what calls it
        "call": ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(code.address),
        "captured": program.captured,
        "scratch": _Scratch(code.scratch),
        "addressof": ctypes.addressof,
        "double": ctypes.c_double,
    }
    lines = [*_write_inputs(program, names), *_write_outputs(program, names)]
    memory = "scratch.numbers"
    if room := [f"{kept} * -(-n{i} // 8) * 8" for i, kept in enumerate(code.kept, 1) if kept]:
        lines.append(f"v = (double * ({' + '.join([f'{code.scratch}', *room])}))()")
        memory = "v"
    lines += [f"failed = call(x, y, {memory})", "if failed >= 0: return failed"]
    columns, texts = program.output_layout.find_columns(), []
    for i in range(len(program.outputs)):
        buffer, offset = program.output_layout.locate(i)
        column = f"memoryview(y{buffer}).cast('B').cast('d')[{offset}::"
        texts.append(f"{column}{columns[i].size}]" if i in columns else f"y{buffer}[{offset}]")
    return define_run(program, "*z", lines, texts, names)


def _write_inputs(program: Program, names: dict[str, Any]) -> list[str]:
    """Lines that make the table `x` of buffers; arrays that are taken whole are their own."""
    layout, lines, place = program.input_layout, [], 0
    pointers = [f"addressof(x{i})" for i in range(len(layout.sizes))]
    parts: dict[int, list[str]] = {i: [] for i in range(len(layout.sizes))}
    for span in layout.spans[:-1]:
        if span.axis:
            lines.append(f"n{span.axis} = len(z[{place}])")
            pointers[span.buffer] = f"z[{place}].ctypes.data"
            del parts[span.buffer]
            place += 1
        else:
            parts[span.buffer].append(f"*z[{place}:{place + span.size}]")
            place += span.size
    parts[0] += ["*[x.data for x in captured]"] if program.captured else []
    parts[0] += [f"n{axis}" for axis in range(1, len(program.lengths) + 1)]
    names |= {f"X{i}": ctypes.c_double * size for i, size in enumerate(layout.sizes)}
    names["Inputs"] = ctypes.c_void_p * len(layout.sizes)
    lines += [f"x{i} = X{i}({', '.join(each)})" for i, each in parts.items()]
    return [*lines, f"x = Inputs({', '.join(pointers)})"]


def _write_outputs(program: Program, names: dict[str, Any]) -> list[str]:
    """Lines that make the table `y` of buffers."""
    layout = program.output_layout
    names |= {f"Y{i}": ctypes.c_double * size for i, size in enumerate(layout.sizes)}
    names["Outputs"] = ctypes.c_void_p * len(layout.sizes)
    lengths = {span.buffer: f" * n{span.axis}" for span in layout.spans if span.axis}
    lines = [f"y{i} = (Y{i}{lengths.get(i, '')})()" for i in range(len(layout.sizes))]
    pointers = ", ".join([f"addressof(y{i})" for i in range(len(layout.sizes))])
    return [*lines, f"y = Outputs({pointers})"]


class _Scratch(threading.local):
    """Where the functions that a program is cut into leave numbers for each other."""

    def __init__(self, size: int) -> None:
        self.numbers = (ctypes.c_double * size)()
