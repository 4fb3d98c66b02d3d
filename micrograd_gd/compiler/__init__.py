"""The compiler: `jit(f)` traces `f` once and runs it as a program of plain floats from then on.

`trace` writes down what a function does, `passes` make the program shorter, a backend runs it.
"""
