"""`Value`: a number that remembers how it was computed, so that its gradient can be asked for.

Arithmetic on values records a graph: every result keeps its operation, its operands, and the local
partials ∂result/∂operand. `backward()` walks that graph from the result to the leaves and applies
the chain rule: an operand's gradient grows by the result's gradient times the partial.

The operators and methods of `Value` are made from the table of operations, at the end.
"""

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from micrograd_gd.core import blocks, copies
from micrograd_gd.core.choice import native_value
from micrograd_gd.errors import NotANumberError
from micrograd_gd.table.numbers import number
from micrograd_gd.table.ops import Operation, subscribe


class Value:
    """A number in a graph: its `data`, its `grad`, and how it was computed.

    Raises NotANumberError for anything that is not one real number.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> y = a * b + b
    >>> y.backward()
    >>> y.data, a.grad, b.grad
    (-9.0, -3.0, 3.0)
    """

    # One or two operands are kept in `a b` and their partials in `da db`, more of them as tuples in
    # `a da`. (A tuple in every node would be simpler, and building the graph twice as slow.)
    # A partial is None where no derivative flows: into a number, or a branch that was not taken.
    __slots__ = ("__weakref__", "_data", "_grad", "a", "b", "da", "db", "label", "op")

    def __init__(self, data: Any, label: str = "") -> None:
        self._data = number(data, "data")
        self._grad: Any = 0.0
        self.label = label
        self.forget()

    def forget(self) -> None:
        """Cut the value off from what it was computed from: it becomes a leaf."""
        self.op: Operation | None = None
        self.a: Any = None
        self.b: Any = None
        self.da: Any = None
        self.db: Any = None

    @property
    def data(self) -> float:
        """The number; setting it changes neither the graph nor gradients already recorded."""
        if blocks.open_blocks:
            blocks.touched(self, "data")
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        if blocks.open_blocks:
            blocks.touched(self, "data")
        self._data = number(data, "data")

    @property
    def grad(self) -> Any:
        """∂root/∂self after `root.backward()`; a `Value` after `backward(create_graph=True)`."""
        if blocks.open_blocks:
            blocks.touched(self, "grad")
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        if blocks.open_blocks:
            blocks.touched(self, "grad")
        self._grad = grad if isinstance(grad, PythonValue) else number(grad, "grad")

    @property
    def operands(self) -> tuple[Any, ...]:
        """What the operation was applied to, values and plain numbers, in order."""
        if self.op is None:
            return ()
        if type(self.a) is tuple:
            return self.a
        return (self.a,) if self.b is None else (self.a, self.b)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """∂self/∂operand for each operand, None where no derivative flows."""
        if self.op is None:
            return ()
        if type(self.a) is tuple:
            return self.da  # type: ignore[no-any-return]  # a tuple where a is one
        return (self.da,) if self.b is None else (self.da, self.db)

    def nodes(self, *, whole: bool = True) -> list["Value"]:
        """Every node below this one, operands first, itself last.

        `whole=False` keeps to those that a derivative of this one flows to.
        """
        ordered: list[Value] = []
        seen = set()
        stack: list[Any] = [self]
        while stack:
            node = stack.pop()
            if node is None:  # the operands of the node below are all in place
                ordered.append(stack.pop())
            elif node not in seen:
                seen.add(node)
                stack += (node, None)
                if type(node.a) is tuple:
                    below: Any = node.a
                    if None in node.da:
                        edges = zip(node.a, node.da, strict=True)
                        kinds = (PythonValue,) if whole else ()
                        below = [x for x, p in edges if p is not None or isinstance(x, kinds)]
                    stack += [operand for operand in below[::-1] if operand not in seen]
                    continue
                if node.db is not None or (whole and isinstance(node.b, PythonValue)):
                    stack.append(node.b)
                if node.da is not None or (whole and isinstance(node.a, PythonValue)):
                    stack.append(node.a)
        return ordered

    def backward(self, seed: Any = 1.0, *, create_graph: bool = False) -> None:
        """Backpropagate: add ∂self/∂leaf · seed to the `grad` of every leaf.

        Nodes between get a fresh gradient, so that a second call doubles leaves and nothing else.
        With `create_graph` the gradients are themselves values of a graph, ready to be
        differentiated again.

        Raises GraphError if `create_graph` finds numbers that were changed since they were used.

        >>> x = Value(3.0)
        >>> (x ** 3).backward(create_graph=True)
        >>> slope, x.grad = x.grad, 0.0
        >>> slope.backward()
        >>> slope.data, x.grad
        (27.0, 18.0)
        """
        from micrograd_gd.core import sweep  # noqa: PLC0415 — sweeps are built on this module

        if blocks.open_blocks:
            blocks.touched(self, "backward()")
        sweep.backward(self, seed, create_graph=create_graph)

    def detach(self) -> "Value":
        """A leaf with the same number and label."""
        stands_for_it: Value | None = blocks.detached(self) if blocks.open_blocks else None
        return PythonValue(self._data, self.label) if stands_for_it is None else stands_for_it

    @staticmethod
    def record(op: Operation, *operands: Any) -> "Value":
        """The node that applies `op` to all its operands, at least one of which is a value."""
        kinds = set(map(type, operands))
        if kinds == _ALL_VALUES:
            numbers = [x._data for x in operands]
            result = op.rule((True,) * len(operands))(*numbers)
            return _node(op, result[0], *_slots(operands), *_slots(result[1:]))
        if not kinds <= {PythonValue, float}:
            operands = tuple([_operand(x, i, op) for i, x in enumerate(operands, 1)])
        numbers = [x if type(x) is float else x._data for x in operands]
        active = tuple([type(x) is not float for x in operands])
        y, *slopes = op.rule(active)(*numbers)
        partials = tuple([p if flows else None for p, flows in zip(slopes, active, strict=True)])
        return _node(op, y, *_slots(operands), *_slots(partials))

    __hash__ = object.__hash__  # values are equal as numbers, and themselves as keys

    def __bool__(self) -> bool:
        return bool(self.__ne__(0.0))

    def __float__(self) -> float:
        raise NotANumberError(
            "a Value does not turn into a float silently, since that would drop its gradient: "
            "take v.data for the number, or call v.exp() and the like instead of math.exp(v)"
        )

    __int__ = __float__

    def __pos__(self) -> "Value":
        return self

    def __divmod__(self, other: Any) -> tuple["Value", "Value"]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple["Value", "Value"]:
        return other // self, other % self

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self._data}, grad={getattr(self._grad, 'data', self._grad)}{label})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    # Copies and pickles hold the whole graph; `copies` says how.

    __copy__ = copies.copy
    __deepcopy__ = copies.deepcopy
    __reduce__ = copies.reduce

    def _fields(self) -> tuple[Any, ...]:
        grad = getattr(self._grad, "data", self._grad)
        return self.op, self.operands, self.partials, self._data, grad, self.label

    @staticmethod
    def _restored(op: Any, operands: Any, partials: Any, data: Any, grad: Any, label: Any) -> Any:
        node = _new(PythonValue)
        node.op, node._data, node._grad, node.label = op, data, grad, label
        node.a, node.b = _slots(operands)
        node.da, node.db = _slots(partials)
        return node

    # What micrograd calls the same things.

    @property
    def _prev(self) -> set["Value"]:
        return {operand for operand in self.operands if isinstance(operand, PythonValue)}

    @property
    def _op(self) -> str:
        return "" if self.op is None else self.op.infix or self.op.name

    if TYPE_CHECKING:  # made below

        def __getattr__(self, name: str) -> Callable[..., "Value"]: ...
        def __add__(self, other: Any) -> "Value": ...
        def __neg__(self) -> "Value": ...

        __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__
        __lt__ = __le__ = __gt__ = __ge__ = __add__
        __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __add__
        __abs__ = __round__ = __floor__ = __ceil__ = __neg__


PythonValue = Value  # this class, also where `Value` is its twin in C in the end
_ALL_VALUES = {PythonValue}


def _operand(x: Any, place: int, op: Operation) -> Any:
    if type(x) is float or isinstance(x, PythonValue):
        return x
    return number(x, f"operand {place} of {op!r}")


def _slots(of_operands: tuple[Any, ...]) -> tuple[Any, Any]:
    """How one thing per operand is kept in the two slots of a node."""
    if len(of_operands) > 2:
        return of_operands, None
    return (*of_operands, None, None)[:2]


def _node(op: Operation, y: float, a: Any, b: Any, da: Any, db: Any) -> Value:
    node = _new(PythonValue)
    node.op = op
    node._data = y
    node._grad = 0.0
    node.a = a
    node.b = b
    node.da = da
    node.db = db
    node.label = ""
    if blocks.open_blocks:
        blocks.observe(node)
    return node


_new = object.__new__


def _comparison(relation: str, compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Value, other: Any) -> Any:
        answer = compare(self._data, other._data if isinstance(other, PythonValue) else other)
        if blocks.open_blocks:
            blocks.compared(self, relation, other, answer)
        return answer

    return method


for _relation, _name in blocks.RELATIONS.items():
    setattr(PythonValue, f"__{_name}__", _comparison(_relation, getattr(operator, _name)))


# Methods. Each is made on its first call, since compiling all of the table would slow the import.


def _unary(op: Operation) -> Callable[[Value], Value]:
    rule = op.rule((True,))

    def method(x: Value) -> Value:
        y, dx = rule(x._data)
        return _node(op, y, x, None, dx, None)

    return method


def _binary(op: Operation, *, is_operator: bool = False) -> Callable[[Value, Any], Value]:
    both, first_only = op.rule((True, True)), op.rule((True, False))
    name = f"operand 2 of {op!r}"

    def method(a: Value, b: Any) -> Value:
        if isinstance(b, PythonValue):
            y, da, db = both(a._data, b._data)
            return _node(op, y, a, b, da, db)
        if type(b) is not float:
            if is_operator and _is_array(b):
                return NotImplemented  # type: ignore[no-any-return]  # the array's turn, by element
            b = number(b, name)
        y, da, _ = first_only(a._data, b)
        return _node(op, y, a, b, da, None)

    return method


def _operator(op: Operation) -> Callable[[Value, Any], Value]:
    return _binary(op, is_operator=True)


def _reflected(op: Operation) -> Callable[[Value, Any], Value]:
    second_only = op.rule((False, True))
    name = f"operand 1 of {op!r}"

    def method(b: Value, a: Any) -> Value:
        if type(a) is not float:
            if _is_array(a):
                return NotImplemented  # type: ignore[no-any-return]  # the array's turn again
            a = number(a, name)
        y, _, db = second_only(a, b._data)
        return _node(op, y, a, b, None, db)

    return method


def _of_any_number(op: Operation) -> Callable[..., Value]:
    def method(*operands: Any, **named: Any) -> Value:
        return PythonValue.record(op, *op.complete(operands, named))

    return method


def _is_array(x: Any) -> bool:
    return type(x) is not int and hasattr(x, "__array__") and hasattr(x, "__len__")


def _define_methods(op: Operation) -> None:
    """Give `Value` the method, and the operator, that records `op`."""
    is_plain = len(op.operands) <= 2 and not op.defaults and not op.folds
    shapes: dict[int, Callable[[Operation], Any]] = {1: _unary, 2: _binary}
    make = shapes[len(op.operands)] if is_plain else _of_any_number
    _define(op, make, [op.name, *op.aliases])
    if op.method:
        _define(op, _operator if make is _binary else make, [f"__{op.method}__"])
        if make is _binary:
            _define(op, _reflected, [f"__r{op.method}__"])


def _define(op: Operation, make: Callable[[Operation], Any], names: list[str]) -> None:
    made: list[Any] = []

    def on_first_call(*operands: Any, **named: Any) -> Any:
        if not made:
            made.append(named_method(make(op)))
            for name in names:
                if getattr(PythonValue, name) is on_first_call:
                    setattr(PythonValue, name, made[0])
        return made[0](*operands, **named)

    def named_method(method: Any) -> Any:
        method.__name__, method.__qualname__, method.__doc__ = op.name, f"Value.{op.name}", op.doc
        return method

    for name in names:
        setattr(PythonValue, name, named_method(on_first_call))


subscribe(_define_methods, taken=lambda name: hasattr(PythonValue, name))


# The twin in C, where it was built, takes the place of `Value` for everybody else.


def engine_name() -> str:
    """Which engine `Value` is of: "python" or "native"; MICROGRAD_GD_ENGINE chooses at import.

    >>> engine_name() in ("python", "native")
    True
    """
    return "python" if Value is PythonValue else "native"


globals()["Value"] = native_value() or PythonValue
