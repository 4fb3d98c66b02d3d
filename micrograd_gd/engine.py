"""`Value`: a number that remembers how it was computed, so that its gradient can be asked for.

Arithmetic on values records a graph, here that of `y = (a * b + a) ** 2`. By each number stand its
data, computed forward, from left to right, and its grad, computed backward:

        a ────┬──────────────────┐
      2 | 16  │                  │
              ├─ * ─── p ─────── + ─── s ─── ** 2 ─── y
        b ────┘     -6 | -8         -4 | -8        16 | 1
     -3 | -16

    data      the number
    grad      ∂y/∂node: how the root of the graph, here y, changes with the number
    operand   what a node was computed from; a node without any is a leaf, as a and b are
    partial   ∂node/∂operand, computed forward and kept for the way back

Backward is the chain rule: an operand's grad grows by the node's grad times the partial. So y has
1, s has 1 * 2s = -8, p has -8 * 1, b has -8 * a = -16, and a, used twice, -8 * 1 + -8 * b = 16.

>>> a, b = Value(2.0), Value(-3.0)
>>> y = (a * b + a) ** 2
>>> y.backward()
>>> y.data, a.grad, b.grad
(16.0, 16.0, -16.0)
"""

from typing import Any

from micrograd_gd.core import blocks, copies, eras, foreign, methods, protocols, sweep
from micrograd_gd.core.protocols import slots
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

    # One or two operands stand in `_a` and `_b`, with their partials in `_da` and `_db`; more of
    # them as tuples in `_a` and `_da`. (Tuples in every node would be simpler, and twice as slow to
    # build.) A partial is None where no derivative flows: into a number, or a branch not taken.
    # `data` is in `_number`, since a masked array of NumPy takes what has `_data` for an array.
    __slots__ = {
        **dict.fromkeys(("__weakref__", "_a", "_b", "_da", "_db", "_grad", "_label", "_number")),
        "_era": "It tells for which transforms the node is too old to matter (core/eras.py).",
        "op": "The row of the table that computed it; None for a leaf.",
    }

    def __init__(self, data: Any = ..., label: str = "", *_more: Any, **_wrong: Any) -> None:
        if data is ... or _more or _wrong:
            protocols.refuse_call(data, label, *_more, **_wrong)
        self._number = number(data, "data")
        self._grad: Any = 0.0
        self._label = label if isinstance(label, str) else protocols.refuse_label(label)
        self.forget()

    def forget(self) -> None:
        """Cut the value off from what it was computed from: it becomes a leaf."""
        self.op: Operation | None = None
        self._a: Any = None
        self._b: Any = None
        self._da: Any = None
        self._db: Any = None
        self._era = eras.latest

    data, grad, label = protocols.data, protocols.grad, protocols.label

    @property
    def operands(self) -> tuple[Any, ...]:
        """What the operation was applied to, values and plain numbers, in order."""
        if self.op is None:
            return ()
        if type(self._a) is tuple:
            return self._a
        return (self._a,) if self._b is None else (self._a, self._b)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """∂self/∂operand for each operand, None where no derivative flows."""
        if blocks.open_blocks:
            blocks.report_reading(self, "partials")
        if self.op is None:
            return ()
        if type(self._a) is tuple:
            return self._da  # type: ignore[no-any-return]  # a tuple where _a is one
        return (self._da,) if self._b is None else (self._da, self._db)

    def nodes(self) -> list["Value"]:
        """Every node below this one, operands first, itself last."""
        ordered: list[Value] = []
        seen = set()
        stack: list[Any] = [self]
        while stack:
            node = stack.pop()
            if node is None:  # the operands of the node below are all in place
                ordered.append(stack.pop())
            elif node not in seen:
                seen.add(node)
                stack.append(node)
                stack.append(None)
                a, b = node._a, node._b
                if type(a) is tuple:
                    stack += [x for x in a[::-1] if type(x) is not float and x not in seen]
                    continue
                if b is not None and type(b) is not float:
                    stack.append(b)
                if a is not None and type(a) is not float:
                    stack.append(a)
        return ordered

    def backward(self, seed: Any = 1.0, *, create_graph: bool = False, **_wrong: Any) -> None:
        """Backpropagate: add ∂self/∂leaf · seed to the `grad` of every leaf.

        Nodes between get a fresh gradient, so that a second call doubles leaves and nothing else.
        A seed of 0 adds nothing. With `create_graph` the gradients are themselves values of a
        graph, ready to be differentiated again.

        Raises GraphError if `create_graph` finds numbers that were changed since they were used.

        >>> x = Value(3.0)
        >>> (x ** 3).backward(create_graph=True)
        >>> slope, x.grad = x.grad, 0.0
        >>> slope.backward()
        >>> slope.data, x.grad
        (27.0, 18.0)
        """
        if _wrong:
            protocols.refuse_keywords("backward", _wrong, "seed", "create_graph")
        if blocks.open_blocks:
            blocks.report_use(self, "backward()")
        if create_graph or blocks.watch() or isinstance(seed, PythonValue):
            sweep.backward(self, seed, create_graph=create_graph)  # the same on any kind of number
        else:
            self._backpropagate(number(seed, "seed"))

    def _backpropagate(self, seed: float) -> None:
        order = self.nodes()
        leaves = [(node, node._grad) for node in order if node.op is None]
        for node in order:
            node._grad = _NOTHING
        self._grad = seed or _NOTHING
        for node in reversed(order):
            if node._grad is _NOTHING:  # then nothing flows on, however steep it is
                node._grad = _NOTHING if node.op is None else 0.0
            elif type(node._a) is tuple:
                for operand, partial in zip(node._a, node._da, strict=True):
                    if partial is not None:
                        operand._grad += node._grad * partial
            else:
                if node._da is not None:
                    node._a._grad += node._grad * node._da
                if node._db is not None:
                    node._b._grad += node._grad * node._db
        for leaf, before in leaves:
            leaf._grad = before + leaf._grad

    def detach(self) -> "Value":
        """A leaf with the same number and label."""
        stands_for_it = blocks.record_constant(self) if blocks.open_blocks else None
        return PythonValue(self._number, self.label) if stands_for_it is None else stands_for_it

    @classmethod
    def record(cls, op: Operation, /, *operands: Any) -> "Value":
        """The node that applies `op` to all its operands, at least one of which is a value."""
        kinds = set(map(type, operands))
        if kinds == _ALL_VALUES:  # as in every neuron
            result = op.rule((True,) * len(operands))(*[x._number for x in operands])
            return cls._node(op, result[0], *slots(operands), *slots(result[1:]))
        if not kinds <= {PythonValue, float}:
            operands = tuple([_operand(x, i, op) for i, x in enumerate(operands, 1)])
        active = tuple([type(x) is not float for x in operands])
        y, *slopes = op.rule(active)(*[x if type(x) is float else x._number for x in operands])
        partials = tuple([p if flows else None for p, flows in zip(slopes, active, strict=True)])
        return cls._node(op, y, *slots(operands), *slots(partials))

    @classmethod
    def _node(cls, op: Operation, y: float, a: Any, b: Any, da: Any, db: Any) -> "Value":
        node = _new(cls)
        node.op = op
        node._number = y
        node._grad = 0.0
        node._a, node._b = a, b
        node._da, node._db = da, db
        node._label = ""
        node._era = eras.latest
        if blocks.open_blocks:
            blocks.observe(node)
        return node

    __hash__ = object.__hash__  # values are equal as numbers, and themselves as keys

    def __repr__(self) -> str:
        if blocks.open_blocks:
            blocks.report_reading(self, "repr()")
        label = f", label={self._label!r}" if self._label else ""
        return f"Value(data={self._number}, grad={getattr(self._grad, 'data', self._grad)}{label})"


_NOTHING = -0.0  # of its own: adding to it makes another float, and leaves every number as it was
PythonValue = Value  # this class, also where its twin in C takes the name
_ALL_VALUES = {PythonValue}
_new = object.__new__


def _operand(x: Any, place: int, op: Operation) -> Any:
    is_operand = type(x) is float or isinstance(x, PythonValue)
    return x if is_operand else number(x, f"operand {place} of {op!r}")


protocols.define(PythonValue)
subscribe(
    lambda op: methods.define(PythonValue, op, in_python=True),
    taken=lambda name: hasattr(PythonValue, name),
)


def engine_name() -> str:
    """Which engine `Value` is of: "python" or "native"; MICROGRAD_GD_ENGINE chooses at import.

    >>> engine_name() in ("python", "native")
    True
    """
    return "python" if Value is PythonValue else "native"


def _unpickle(_below: Any, subclass: Any, *parts: Any) -> Any:
    return copies.put_together(subclass or Value, parts)  # of the engine in use


def _complete(kind: Any) -> None:
    copies.define(kind, _unpickle)
    foreign.define(kind)


_complete(PythonValue)

try:  # as heapq ends: the twin in C takes the place of the class above
    from micrograd_gd.core.choice import Value
except ImportError:
    pass
else:
    _complete(Value)
