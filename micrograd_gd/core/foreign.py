"""Names that people bring from PyTorch, JAX and micrograd, and what a `Value` has in their place.

Each is a descriptor of the class that raises, so that names which are there are found as fast as
ever. (`__getattr__` would slow every access.) `dir` of a value leaves them out.
"""

from typing import Any, Never

IN_PLACE_OF = {
    **dict.fromkeys(("item", "numpy", "tolist"), ".data"),
    **dict.fromkeys(("requires_grad", "requires_grad_"), "no_grad() or .detach(); all is recorded"),
    "retain_grad": ".grad, which every value keeps",
    "zero_grad": ".grad = 0",
    "is_leaf": ".op is None",
    "grad_fn": ".op",
    "clamp": ".clip",
}


class Foreign:
    """An attribute that is not there, and whose error says what is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = f"Not there: use {IN_PLACE_OF[name]}"

    def __get__(self, value: Any, kind: Any = None) -> Never:
        use = IN_PLACE_OF[self.name]
        raise AttributeError(f"a Value has no {self.name!r}: use {use}", name=self.name)


def define(kind: Any) -> None:
    """Let the type of values answer these names."""
    for name in IN_PLACE_OF:
        setattr(kind, name, Foreign(name))
    kind.__dir__ = lambda self: [x for x in object.__dir__(self) if x not in IN_PLACE_OF]
