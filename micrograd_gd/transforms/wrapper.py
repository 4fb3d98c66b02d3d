"""A function around another one: pickled where that one can be, and a method where that one is."""

import io
import pickle
import sys
from collections.abc import Callable, Iterable
from functools import update_wrapper
from operator import attrgetter
from types import MethodType
from typing import Any, Self

from micrograd_gd.engine import Value
from micrograd_gd.text import escape

Function = Callable[..., Any]


class Wrapper:
    """What a transform makes of the function `f`.

    Around a method it is a method: `self` is not among its arguments. It is pickled by name where
    it stands in a module or a class in place of `f`, else as `_take_apart` says.
    """

    in_class: "Wrapper | None" = None  # where this is around a method of an object

    def __init__(self, f: Function) -> None:
        around: Any = self
        update_wrapper(around, f, updated=())
        self.f = f

    def _take_apart(self) -> tuple[Any, ...]:
        """What the constructor takes: the function first."""
        return (self.f,)

    def _bind(self, instance: Any) -> None:
        """Become a method of the instance; `f` is one already."""

    def __get__(self, instance: Any, owner: type | None = None) -> Self:
        """What a class or an instance has of it, as of the function itself."""
        f = bind(self.f, instance, owner)
        if f is self.f:
            return self
        method = object.__new__(type(self))
        vars(method).update(vars(self), f=f, __wrapped__=f, in_class=self)
        method._bind(instance)
        return method

    def __reduce__(self) -> Any:
        """How pickle writes it.

        Raises PicklingError for a method that its object does not have under its name.
        """
        name = getattr(self, "__qualname__", "")
        if _find(sys.modules.get(getattr(self, "__module__", "")), name) is self:
            return name
        f: Any = self.f
        while self.in_class is not None and isinstance(f, Wrapper):
            f = f.f
        if isinstance(f, MethodType):
            found = getattr(f.__self__, f.__name__, None)
            if isinstance(found, Wrapper) and found.in_class is self.in_class:
                return getattr, (f.__self__, f.__name__)
            if found != f:
                raise pickle.PicklingError(f"{self!r} is not what its object has under that name")
        return type(self), self._take_apart()


class TransformedFunction(Wrapper):
    """A function that is called by another one, `run(f, args, kwargs, options)`."""

    def __init__(self, f: Function, run: Function, *options: Any) -> None:
        super().__init__(f)
        self._run = run
        self._options = options

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """What the transform gives for these arguments."""
        return self._run(self.f, args, kwargs, self._options)

    def _take_apart(self) -> tuple[Any, ...]:
        return self.f, self._run, *self._options

    def __reduce__(self) -> Any:
        """As every wrapper; PicklingError where f does not hold the values of its `wrt`."""
        lists = [each for each in self._options if isinstance(each, (list, tuple))]
        values = [x for each in lists for x in each if isinstance(x, Value)]
        reduced = super().__reduce__()
        if values and isinstance(reduced, tuple) and not carries(self.f, values):
            raise pickle.PicklingError(
                f"the values that {self!r} is a derivative by would be copied, since the pickle of "
                f"its function does not hold them: make them arguments"
            )
        return reduced

    def __repr__(self) -> str:
        return f"{self._run.__name__.strip('_')}({escape(repr(self.f))})"


def bind(f: Function, instance: Any, owner: type | None = None) -> Function:
    """What an instance has of a function in its class."""
    get = getattr(type(f), "__get__", None)
    found: Function = get(f, instance, owner or type(instance)) if get else f
    return found


def carries(f: Function, values: Iterable[Value]) -> bool:
    """Whether a pickle of the function has these very values in it, and does not name their home.

    >>> from functools import partial
    >>> w = Value(1.0)
    >>> carries(partial(print, w), [w]), carries(print, [w])
    (True, False)
    """
    visitor = _Visitor(io.BytesIO())
    visitor.dump(f)
    return all(id(x) in visitor.seen for x in values)


class _Visitor(pickle.Pickler):
    """Notes the values that a pickle consists of."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.seen: set[int] = set()

    def persistent_id(self, x: Any) -> None:
        if isinstance(x, Value):
            self.seen.add(id(x))


def _find(module: Any, name: str) -> Any:
    """What stands there under a name with dots, or None."""
    try:
        return attrgetter(name)(module)
    except AttributeError:
        return None
