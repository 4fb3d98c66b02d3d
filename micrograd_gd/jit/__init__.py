"""The compiler: `jit(f)` traces `f` once and runs it as a program of plain floats from then on.

`trace` writes down what a function does, `passes` make the program shorter, a backend runs it.
"""

from micrograd_gd.jit.batch import vmap
from micrograd_gd.jit.compiled import Compiled, jit, trace
from micrograd_gd.jit.program import Program
from micrograd_gd.jit.source import to_c, to_python

__all__ = ["Compiled", "Program", "jit", "to_c", "to_python", "trace", "vmap"]
