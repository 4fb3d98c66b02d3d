"""Arrays that a trace takes whole: one number stands for a column, whatever the number of rows.

Such an array may be mapped by `vmap`, differentiated by, added up, computed with by operators, cut
at its ends, and returned; and so may what comes of it. A length that is asked for is fixed: the
program is for that one alone. Whatever else is done needs rows one by one: then the trace begins
again, with arrays taken apart.
"""

import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from micrograd_gd.core import blocks
from micrograd_gd.core.anomaly import find_user_line

FEWEST_ROWS = 64  # of an array that is worth trying whole; of parameters, rows are used one by one
MOST_LENGTHS = 4  # of arrays in one call


class TakenApart(BaseException):
    """A whole array is needed row by row: this one, or all of them."""

    def __init__(self, array: "WholeArray | None" = None) -> None:
        super().__init__()
        self.array = array
        self.line = find_user_line()


class RefusedError(BaseException):
    """An error that stays one where arrays are taken apart, for which they need not be."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class Whole:
    """What needs to be taken apart for whatever is done with it."""

    __array_ufunc__: Any = None  # NumPy leaves the operators to it

    def take_apart(self, *_: Any, **__: Any) -> NoReturn:
        """Raise TakenApart."""
        raise TakenApart(self.find_array())

    def find_array(self) -> "WholeArray | None":
        """The array that it is of."""
        return None

    def __getattr__(self, name: str) -> NoReturn:
        raise TakenApart(self.find_array() if vars(self) else None)  # nothing yet where it is made


_OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
# fmt: off
_NEEDED = {
    *(f"{side}{name}" for name in _OPERATORS for side in ("", "r", "i")),
    "matmul", "rmatmul", "divmod", "rdivmod",
    "abs", "array", "bool", "contains", "copy", "deepcopy", "eq", "float", "ge", "getitem", "gt",
    "index", "int", "iter", "le", "len", "lt", "ne", "neg", "pos", "reduce_ex", "repr", "reversed",
    "round", "setitem", "str",
}
# fmt: on
for _name in _NEEDED:
    setattr(Whole, f"__{_name}__", Whole.take_apart)


class WholeArray(Whole):
    """An array of `shape`, whose first length is open, by its columns.

    The length is -1 for the first axis of a program, -2 for the second, and so on.
    """

    def __init__(
        self,
        columns: Sequence[Any],
        shape: tuple[int, ...],
        *,
        is_batch: bool = False,
    ) -> None:
        self.columns = columns
        self.open_shape = shape
        self.is_batch = is_batch  # whether it comes of vmap or of operators, and is no argument

    def find_array(self) -> "WholeArray":
        """The array itself."""
        return self

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
        """The sum of the rows, as NumPy asks for it."""
        return self._reduce("sum", how)

    def mean(self, **how: Any) -> Any:
        """The mean, likewise."""
        return self.sum(**how) / self.find_trace().length(self)

    def max(self, **how: Any) -> Any:
        """The largest number, by the rules that NumPy has for arrays of objects."""
        return self._reduce("amax", how)

    def min(self, **how: Any) -> Any:
        """The smallest number, likewise."""
        return self._reduce("amin", how)

    def _reduce(self, kind: str, how: dict[str, Any]) -> Any:
        if any(x is not None for x in how.values()):
            self.take_apart()
        return self.find_trace().reduce(self, kind)

    def __array_ufunc__(self, ufunc: Any, method: str, *xs: Any, **how: Any) -> Any:
        """What a function of NumPy gives for each row, as it does of arrays of values."""
        is_of_each = method == "__call__" and not how and ufunc.signature is None
        if not is_of_each or ufunc.nin > 2 or ufunc.nout > 1:
            self.take_apart()
        if ufunc.nin == 1:
            return _compute_alone(ufunc)(self)
        return _compute(ufunc)(*xs) if xs[0] is self else _compute(_swap(ufunc))(*xs[::-1])

    def __getitem__(self, key: Any) -> Any:
        """The rows without so many first and last ones, or one at an end; and columns of these."""
        match key:
            case tuple() if len(key) > 1 and {*map(type, key)} <= {int, slice}:
                return self._choose_columns(key[1:])[key[0]]
            case 0 | -1 if type(key) is int:
                return self.find_trace().reduce(self, "last" if key else "first")
            case slice(start=int() | None as start, stop=int() | None as stop, step=None | 1):
                first, last = start or 0, -(stop or 0)
                if min(first, last) < 0 or stop == 0:  # which depends on the length
                    first, stop, _ = key.indices(n := len(self))
                    last = n - stop
                return self.find_trace().cut(self, first, last)
        return self.take_apart()

    def _choose_columns(self, key: tuple[Any, ...]) -> "WholeArray":
        import numpy as np  # noqa: PLC0415 — only those who brought an array need it

        axis, *shape = self.open_shape
        chosen = np.arange(len(self.columns)).reshape(shape)[key]
        columns = [self.columns[i] for i in chosen.flat]
        return WholeArray(columns, (axis, *chosen.shape), is_batch=self.is_batch)

    def __iter__(self) -> "_Rows":
        return _Rows(self, _find_instruction())

    def find_trace(self) -> blocks.Tracer:
        """The trace that is under way; what was kept from one is of no use."""
        return blocks.trace() or self.take_apart()


def _compute(operate: Callable[[Any, Any], Any]) -> Callable[[WholeArray, Any], Any]:
    """The operator, in a trace."""

    def compute(self: WholeArray, other: Any) -> Any:
        return self.find_trace().compute(operate, self, other)

    return compute


def _swap(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: operate(y, x)


def _compute_alone(operate: Callable[[Any], Any]) -> Callable[[WholeArray], Any]:
    return lambda self: self.find_trace().compute(lambda x, _: operate(x), self, 0.0)


for _name in ("neg", "pos", "abs"):
    setattr(WholeArray, f"__{_name}__", _compute_alone(getattr(operator, _name)))
for _name in _OPERATORS:
    _operate = getattr(operator, _name)
    setattr(WholeArray, f"__{_name}__", _compute(_operate))
    setattr(WholeArray, f"__r{_name}__", _compute(_swap(_operate)))


class _Rows:
    """The rows of an array for Python's own `sum`, `max` and `min`.

    `sum` adds the first row to 0, and the next to that; `max` asks whether the second is above the
    first. A function in C does so at one and the same instruction of its caller. What it has then
    stands for the sum of all rows, or the largest. Whatever else is done takes them apart.
    """

    def __init__(self, array: WholeArray, place: Any) -> None:
        self.array = array
        self._place = place  # the instruction
        self._given = self._added = 0  # so many rows
        self._kind = ""  # of what they are compared for

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> Any:
        is_sum, is_compared = 0 < self._added == self._given, self._kind != ""
        if self._place != _find_instruction() or not (is_sum or is_compared or self._given < 2):
            self.array.take_apart()
        if self._given == 2 + is_compared:
            raise StopIteration
        self._given += 1
        return self.array.find_trace().reduce(self.array, self._kind) if is_compared else _Row(self)

    def add(self, so_far: Any, place: Any) -> Any:
        """What the latest row is added to, and that; the sum of all with the second one."""
        is_sum = so_far is self if self._added else type(so_far) is int and so_far == 0
        if not is_sum or place != self._place or self._given != self._added + 1:
            self.array.take_apart()
        self._added = self._given
        return 0.0 + self.array.sum() if self._added > 1 else _SumSoFar(self)

    def compare(self, other: Any, kind: str, place: Any) -> bool:
        """Yes, the second row is beyond the first; and what is given for all is beyond that."""
        is_first = self._given == 2 and isinstance(other, _Row) and place == self._place
        if self._added or not (is_first if self._kind == "" else self._kind == kind):
            self.array.take_apart()
        self._kind = kind
        return True


class _Row(Whole):
    """One of them."""

    ndim = 1  # a value asks for that before it leaves a comparison to others

    def __init__(self, rows: _Rows) -> None:
        self.rows = rows

    def find_array(self) -> WholeArray:
        """The array whose row it is."""
        return self.rows.array

    def __radd__(self, other: Any) -> Any:
        return self.rows.add(other, _find_instruction())

    def __gt__(self, other: Any) -> bool:
        return self.rows.compare(
            other, "max" if isinstance(other, _Row) else "min", _find_instruction()
        )

    def __lt__(self, other: Any) -> bool:
        return self.rows.compare(
            other, "min" if isinstance(other, _Row) else "max", _find_instruction()
        )


class _SumSoFar(_Row):
    """The sum that a row is to be added to."""

    def __add__(self, other: Any) -> Any:
        return (
            other.rows.add(self.rows, _find_instruction())
            if type(other) is _Row
            else NotImplemented
        )


def _find_instruction() -> Any:
    """Python's own instruction that led to the caller's, by way of functions in C or not."""
    frame = sys._getframe(2)  # noqa: SLF001 — as documented
    return id(frame), frame.f_lasti


def is_open(shape: tuple[int, ...]) -> bool:
    """Whether the first length of the shape is open."""
    return bool(shape) and shape[0] < 0
