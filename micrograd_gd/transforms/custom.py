"""A derivative written by hand, for a Python function that counts as one operation."""

import inspect
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from micrograd_gd.core import blocks
from micrograd_gd.core.notes import Notes
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.ops import Operation
from micrograd_gd.transforms import rules, trees
from micrograd_gd.transforms.rules import Evaluation
from micrograd_gd.transforms.wrapper import Wrapper, bind

__all__ = ["custom_vjp"]

Function = Callable[..., Any]


class custom_vjp(Wrapper):  # noqa: N801 — a decorator, and the name that users know
    """Make a function one operation of the graph, with a rule of its own for the derivative.

    The function is called with plain numbers, in any structure, so it may use `math`, a solver, or
    another library. `defvjp(fwd, bwd)` sets the rule. `fwd(*args)` returns the result and whatever
    the rule wants to remember. `bwd(remembered, g)` returns a tuple: the cotangents of all
    arguments for the cotangent `g` of the result, with None for 0. It must be linear in `g`, as
    derivatives are: it is asked once for each number of the result, and the answers serve both
    modes. For second derivatives both functions are called with values, so they must be written in
    arithmetic on values. `jit` makes such functions part of a program, and calls others back. On a
    method the rule's functions are methods too.

    Raises ArgumentError without a rule and for one that is not linear, ShapeError for cotangents
    unlike the arguments.

    >>> import math
    >>> @custom_vjp
    ... def log_of_sum(a, b):
    ...     return math.log(a + b)
    >>> def fwd(a, b):
    ...     return log_of_sum(a, b), a + b
    >>> def bwd(total, g):
    ...     return g / total, g / total
    >>> log_of_sum.defvjp(fwd, bwd)
    >>> a = Value(1.0)
    >>> log_of_sum(a, 3.0).backward()
    >>> a.grad
    0.25
    """

    def __init__(self, f: Function) -> None:
        super().__init__(f)
        # No row's name has a dot.
        self.name = f"{getattr(f, '__module__', '')}.{getattr(f, '__qualname__', repr(f))}"
        self.rule: tuple[Function, Function] | None = None
        self._outputs: list[_Output] = []

    def defvjp(self, fwd: Function, bwd: Function) -> None:
        """Set the rule; `fwd` and `bwd` are called as the class says."""
        self.rule = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result: numbers for plain numbers, else values."""
        args = self._positional(args, kwargs)
        leaves, structure = trees.flatten(args, "the arguments")
        if not any(isinstance(leaf, Value) for leaf in leaves):
            return self.f(*args)
        if trace := blocks.trace():
            return rules.record_in_trace(trace, self, args)
        numbers = [leaf.data if isinstance(leaf, Value) else leaf for leaf in leaves]
        call = Evaluation(self, structure, numbers)
        with blocks.Switch(_current, call, is_observed=False):
            nodes = [Value.record(each, *leaves) for each in self.outputs(len(call.outputs))]
        for node in nodes:
            _structures[node] = structure
        return trees.unflatten(call.out_structure, nodes)

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        try:
            bound = inspect.signature(self.f).bind(*args, **kwargs)
        except ValueError:  # some functions in C have no signature
            return args
        bound.apply_defaults()
        if bound.kwargs:
            raise ArgumentError(
                f"{self!r} was called with {', '.join(bound.kwargs)} by name only; the rule takes "
                f"all arguments by position"
            )
        return bound.args

    def _bind(self, instance: Any) -> None:
        self._outputs = []
        if self.rule is not None:
            self.defvjp(*[bind(each, instance) for each in self.rule])

    def __reduce__(self) -> Any:
        """As every wrapper, with its rule."""
        reduced = super().__reduce__()
        by_parts = isinstance(reduced, tuple) and reduced[0] is custom_vjp
        return (*reduced, {"rule": self.rule}) if by_parts else reduced

    def outputs(self, count: int) -> list["_Output"]:
        """The operations that give the numbers of the result."""
        for i in range(len(self._outputs), count):
            name = self.name if i == 0 else f"{self.name}[{i}]"
            doc = "A function with a derivative of its own."
            self._outputs.append(_Output(name, ("x",), _no_formula, (), doc, of=self, place=i))
        return self._outputs[:count]

    def __repr__(self) -> str:
        return f"custom_vjp({self.name})"


# The call that operations are recorded from right now, and what nodes were computed from.
_current: blocks.Variable = ContextVar("_current", default=None)
_structures: Notes[trees.Structure] = Notes()
_calls: Notes[Evaluation] = Notes()


def _no_formula(*_: Any) -> float:
    raise TypeError("this operation is Python code of its own: it is recorded by its function")


@dataclass(frozen=True, eq=False, repr=False)
class _Output(Operation):
    """The operation that gives one number of the result."""

    of: Any = None
    place: int = 0

    def rule(self, active: tuple[bool, ...]) -> Function:
        """The number and its derivatives, from the evaluation under way."""

        def of_call(*_: float) -> tuple[Any, ...]:
            call = blocks.find(_current)
            if call is None or call.of is not self.of:
                raise ArgumentError(f"{self.of!r} is an operation of the call that recorded it")
            row = zip(call.row(self.place), active, strict=True)
            return call.outputs[self.place], *(x if wanted else None for x, wanted in row)

        return of_call

    def partial(self, i: int, operands: Sequence[Any], y: Any) -> Any:
        """The derivative as a value, from an evaluation on the operands themselves."""
        if y not in _calls:
            _calls[y] = Evaluation(self.of, _structures[y], operands)
        return _calls[y].row(self.place)[i]
