"""What a backend makes of a program: a kernel, which is called with arguments or with numbers."""

from collections.abc import Callable, Sequence
from typing import Any

from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.watch import Watch


class Kernel:
    """A kernel around a Python function; the native core has a class of its own for its code.

    Called with the arguments as the user gave them, it returns the result, the place of the guard
    that fails (an int), or NotImplemented: then `run` takes their numbers. `patience` counts calls
    down to 1. From then on the answer is NotImplemented, since the code is worth being replaced. A
    negative `patience` counts nothing. So is the answer where `watch` does not hold.
    """

    def __init__(self, function: Callable[..., Any], program: Program) -> None:
        self.patience = -1
        self.watch = Watch()
        self._function = function
        kinds = {structure.kind for _, structure in program.arguments}
        self._types = (float,) * len(program.arguments) if kinds <= {None} else None

    def __call__(self, *args: Any) -> Any:
        """The result for these arguments, if each of them is a float."""
        if tuple(map(type, args)) != self._types or (self.watch and not self.watch.holds()):
            return NotImplemented
        if self.patience >= 0:
            self.patience -= self.patience > 0
            if self.patience == 0:
                return NotImplemented
        return self._function(*args)

    def run(self, leaves: Sequence[float]) -> Any:
        """The result for the numbers of the arguments, from left to right."""
        self.patience -= self.patience > 0
        return self._function(*leaves)
