"""Arrays that a trace takes whole: one number stands for a column, whatever the number of rows.

Such an array may be mapped by `vmap`, differentiated by, and returned. What `vmap` gives may be
added up and computed with, too. A length that is asked for is fixed: the program is for that one
alone. Whatever else is done needs rows one by one: then the trace begins again, with arrays taken
apart.
"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from micrograd_gd.core import blocks

FEWEST_ROWS = 64  # of an array that is worth trying whole; of parameters, rows are used one by one
MOST_LENGTHS = 4  # of arrays in one call


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

    def __init__(
        self,
        columns: Sequence[Any],
        shape: tuple[int, ...],
        name: str = "",
        *,
        is_batch: bool = False,
    ) -> None:
        self.columns = columns
        self.open_shape = shape
        self.name = name
        self.is_batch = is_batch  # whether vmap gave it, so that its sum has an order of its own

    def take_apart(self, *_: Any, **__: Any) -> NoReturn:
        """Raise TakenApart."""
        raise TakenApart(self.name)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.open_shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its lengths, of which the first is fixed by that."""
        return len(self), *self.open_shape[1:]

    def __len__(self) -> int:
        return self.find_trace().fix_length(self)

    def sum(self, **how: Any) -> Any:
        """The sum of what vmap gave, as NumPy asks for it."""
        if any(x is not None for x in how.values()):
            self.take_apart()
        return self.find_trace().add_up(self)

    def mean(self, **how: Any) -> Any:
        """The mean, likewise."""
        return self.sum(**how) / self.find_trace().length(self)

    def find_trace(self) -> blocks.Tracer:
        """The trace that is under way; what was kept from one is of no use."""
        return blocks.trace() or self.take_apart()

    def __getattr__(self, name: str) -> NoReturn:
        raise TakenApart(vars(self).get("name", ""))


def _compute(name: str) -> Callable[[WholeArray, Any], Any]:
    """The operator, in a trace."""

    def compute(self: WholeArray, other: Any) -> Any:
        return self.find_trace().compute(lambda x, y: getattr(x, name)(y), self, other)

    return compute


_OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
# fmt: off
_NEEDED = {
    *(f"i{name}" for name in _OPERATORS), "matmul", "rmatmul", "divmod", "rdivmod",
    "abs", "array", "bool", "contains", "copy", "deepcopy", "eq", "float", "ge", "getitem", "gt",
    "index", "int", "iter", "le", "lt", "ne", "neg", "pos", "reduce_ex", "repr", "round",
    "setitem", "str",
}
# fmt: on
for _name in _NEEDED:
    setattr(WholeArray, f"__{_name}__", WholeArray.take_apart)


for _name in [side + name for side in ("", "r") for name in _OPERATORS]:
    setattr(WholeArray, f"__{_name}__", _compute(f"__{_name}__"))


def is_open(shape: tuple[int, ...]) -> bool:
    """Whether the first length of the shape is open."""
    return bool(shape) and shape[0] < 0
