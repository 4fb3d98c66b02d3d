"""A derivative written by hand, for a Python function that is to be taken as one operation."""

from array import array
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any
from weakref import WeakKeyDictionary

from micrograd_gd import trees
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.operation import Operation, shortened

__all__ = ["custom_vjp"]

Function = Callable[..., Any]


class custom_vjp:  # noqa: N801 — a decorator, and the name that users know
    """Make a function one operation of the graph, with a rule of its own for the derivative.

    The function is called with plain numbers, in any structure, so that it may do what it likes:
    `math`, a solver, another library. `defvjp(forward, backward)` gives the rule: `forward(*args)`
    returns the result and whatever the rule wants to remember; `backward(remembered, g)` returns,
    as a tuple, the cotangents of all arguments for the cotangent `g` of the result. The rule serves
    forward mode too. For second derivatives it is called with values, so it has to be written in
    arithmetic on them.

    Raises ArgumentError where no rule was given, ShapeError for cotangents unlike the arguments.

    >>> import math
    >>> @custom_vjp
    ... def log_of_sum(a, b):
    ...     return math.log(a + b)
    >>> def forward(a, b):
    ...     return log_of_sum(a, b), a + b
    >>> def backward(total, g):
    ...     return g / total, g / total
    >>> log_of_sum.defvjp(forward, backward)
    >>> a = Value(1.0)
    >>> log_of_sum(a, 3.0).backward()
    >>> a.grad
    0.25
    """

    def __init__(self, f: Function) -> None:
        update_wrapper(self, f)
        self.f = f
        self.name = f"{f.__module__}.{f.__qualname__}"  # no row's name has a dot
        self.forward: Function | None = None
        self.backward: Function | None = None
        self._rules: dict[trees.Structure, _Rule] = {}

    def defvjp(self, forward: Function, backward: Function) -> None:
        """Set the rule; `forward` and `backward` are called as the class says."""
        self.forward, self.backward = forward, backward
        self._rules.clear()

    def __call__(self, *args: Any) -> Any:
        """The result: numbers for plain numbers, else values."""
        leaves, structure = trees.flatten(args, "the arguments")
        if not any(isinstance(leaf, Value) for leaf in leaves):
            return self.f(*args)
        if structure not in self._rules:
            self._rules[structure] = _Rule(self, structure)
        return self._rules[structure].record(leaves)

    def __repr__(self) -> str:
        return f"custom_vjp({self.name})"


class _Rule:
    """The rule for arguments of one structure, as operations, one for each number of the result."""

    def __init__(self, owner: custom_vjp, structure: trees.Structure) -> None:
        if owner.forward is None or owner.backward is None:
            raise ArgumentError(
                f"{owner!r} has no rule for its derivative: give it one with defvjp(forward, "
                f"backward)"
            )
        self.name, self.forward, self.backward = owner.name, owner.forward, owner.backward
        self.structure = structure
        self.operations: dict[tuple[int, int], Operation] = {}
        self.latest: tuple[bytes, _Call] | None = None
        self.calls_of: WeakKeyDictionary[Any, _Call] = WeakKeyDictionary()

    def record(self, leaves: Sequence[Any]) -> Any:
        numbers = [leaf.data if isinstance(leaf, Value) else leaf for leaf in leaves]
        call = self.at(numbers)
        size = len(call.outputs)
        nodes = [Value.record(self.operation(i, size), *leaves) for i in range(size)]
        return trees.unflatten(call.out_structure, nodes)

    def operation(self, i: int, size: int) -> Operation:
        """The operation that gives number `i` of a result of `size` numbers."""
        if (i, size) not in self.operations:
            letters = tuple(f"x{j}" for j in range(self.structure.size))
            self.operations[i, size] = Operation(
                name=self.name if size == 1 else f"{self.name}[{i}]",
                operands=letters,
                value=lambda *numbers: self.at(numbers).outputs[i],
                partials=tuple(self.partial(i, j) for j in range(len(letters))),
                doc="A function with a derivative of its own.",
            )
        return self.operations[i, size]

    def partial(self, i: int, j: int) -> Function:
        def of_operands(*operands_and_y: Any) -> Any:
            *operands, y = operands_and_y
            call = self.of(y, operands) if isinstance(y, Value) else self.at(operands)
            return call.row(i)[j]

        return of_operands

    def at(self, numbers: Sequence[float]) -> "_Call":
        """The call with these numbers; the latest is kept, since all partials ask for it."""
        bits = array("d", numbers).tobytes()
        if self.latest is None or self.latest[0] != bits:
            self.latest = bits, _Call(self, numbers)
        return self.latest[1]

    def of(self, node: Value, operands: Sequence[Any]) -> "_Call":
        """The call whose result is that node, made again on its operands, to be differentiated."""
        if node not in self.calls_of:
            self.calls_of[node] = _Call(self, operands)
        return self.calls_of[node]


class _Call:
    """One call of the rule's forward function."""

    def __init__(self, rule: _Rule, leaves: Sequence[Any]) -> None:
        self.rule = rule
        pair = rule.forward(*trees.unflatten(rule.structure, leaves))
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise ShapeError(
                f"the forward function of {rule.name} must return the pair (result, what the rule "
                f"remembers), but returned {shortened(pair)}"
            )
        result, self.remembered = pair
        self.outputs, self.out_structure = trees.flatten(result, f"the result of {rule.name}")
        self.rows: dict[int, list[Any]] = {}

    def row(self, i: int) -> list[Any]:
        """The derivatives of number `i` of the result by all arguments."""
        if i not in self.rows:
            ones = [float(i == place) for place in range(len(self.outputs))]
            cotangents = self.rule.backward(
                self.remembered, trees.unflatten(self.out_structure, ones)
            )
            name = f"what the backward function of {self.rule.name} returned"
            self.rows[i] = trees.matched(cotangents, self.rule.structure, name)
        return self.rows[i]
