"""Arrays that a trace takes whole: one number stands for a column, whatever the number of rows.

Such an array may be mapped by `vmap`, summed, differentiated by, and returned. Whatever else is
done with it needs its rows one by one: then the trace begins again, with the array taken apart.
"""

from collections.abc import Sequence
from typing import Any, NoReturn


class TakenApart(BaseException):
    """A whole array is needed row by row; `name` is that of an argument, or "" for a result."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class RefusedError(BaseException):
    """An error that stays one where arrays are taken apart, for which they need not be."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class WholeArray:
    """An array of `shape`, whose first length is open, by its columns.

    The length is -1 for the first axis of a program, -2 for the second, and so on.
    """

    __array_ufunc__ = None  # NumPy leaves the operators to it

    is_batch = False  # whether it is what vmap gave, whose sum has an order of its own

    def __init__(self, columns: Sequence[Any], shape: tuple[int, ...], name: str = "") -> None:
        self.columns = columns
        self.open_shape = shape
        self.name = name

    def take_apart(self, *_: Any, **__: Any) -> NoReturn:
        """Raise TakenApart."""
        raise TakenApart(self.name)

    def __getattr__(self, name: str) -> NoReturn:
        raise TakenApart(vars(self).get("name", ""))


_SIDES = "{}", "r{}", "i{}"
_OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "divmod"]
# fmt: off
_NEEDED = {
    *(side.format(name) for side in _SIDES for name in _OPERATORS),
    "abs", "array", "bool", "contains", "copy", "deepcopy", "eq", "float", "ge", "getitem", "gt",
    "index", "int", "iter", "le", "len", "lt", "ne", "neg", "pos", "reduce_ex", "repr", "round",
    "setitem", "str",
}
# fmt: on
for _name in _NEEDED:
    setattr(WholeArray, f"__{_name}__", WholeArray.take_apart)


def is_open(shape: tuple[int, ...]) -> bool:
    """Whether the first length of the shape is open."""
    return bool(shape) and shape[0] < 0
