"""micrograd's `Value`: its constructor, its graph, its backward and its manners, over our `Value`.

Values are themselves: `==` and `in` go by identity, and each is true. They take any attribute.
Plain numbers are nodes too, and a quotient is a product with a power, as micrograd writes it.

>>> a, b = Value(-4.0), Value(2.0)
>>> y = (a + b).relu() - a / b
>>> y.backward()
>>> y.data, a.grad, y._op, len(y._prev)
(2.0, -0.5, '+', 2)
"""

import math
from collections.abc import Iterable
from functools import cache, cached_property
from typing import Any

from micrograd_gd import engine
from micrograd_gd.core import blocks, methods
from micrograd_gd.errors import GraphError
from micrograd_gd.table.ops import Operation, subscribe
from micrograd_gd.transforms.recording import is_transforming


class _Recorder(engine.Value):
    """What has all operations of the table; their results are of the class below."""


subscribe(lambda op: methods.define(_Recorder, op))


def _pass_on(node: Any) -> None:
    """The chain rule at a node, with the numbers of now: `data` may have changed since."""
    operands = node.operands
    numbers = [x.data if isinstance(x, engine.Value) else x for x in operands]
    for i, flows in enumerate(node.partials):
        if flows is not None and (partial := node.op.partial(i, numbers, node.data)) is not None:
            operands[i].grad += node.grad * partial


class Value(_Recorder):
    """A number in a graph; an operation of one's own says what it came from, and how to go back.

    >>> x = Value(0.5)
    >>> y = Value(x.data * 3, (x,), "triple")
    >>> def _backward():
    ...     x.grad += 3 * y.grad
    >>> y._backward = _backward
    >>> y.backward()
    >>> x.grad
    3.0
    """

    def __init__(
        self, data: Any, _children: Iterable[Any] = (), _op: str = "", label: str = ""
    ) -> None:
        super().__init__(data, label)
        if children := (*_children,):
            if is_transforming() or blocks.trace():
                raise GraphError(_UNKNOWN)
            partials = (math.nan,) * len(children)  # nothing that is wrong in silence
            self._put_together(_own(_op, len(children)), children, partials, self.data, 0.0, label)
        if _op:
            self._op = _op

    _prev = cached_property(lambda self: {x for x in self.operands if isinstance(x, engine.Value)})
    _op = cached_property(lambda self: self.op.infix or self.op.name if self.op else "")
    _backward = lambda self: None if isinstance(self.op, _Own) else _pass_on(self)

    def backward(self, seed: Any = 1.0, *, create_graph: bool = False) -> None:
        """Call the `_backward()` of every node, from here down; all gradients accumulate."""
        if create_graph:
            super().backward(seed, create_graph=True)
            return
        nodes, self.grad = self.nodes(), seed
        for node in reversed(nodes):
            node._backward() if isinstance(node, Value) else _pass_on(node)

    __add__ = __radd__ = lambda self, other: _Recorder.__add__(self, _as_node(other))
    __mul__ = __rmul__ = lambda self, other: _Recorder.__mul__(self, _as_node(other))
    __pow__ = lambda self, other: _called(_Recorder.__pow__(self, other), f"**{other}")
    relu = lambda self: _called(_Recorder.relu(self), "ReLU")
    __neg__ = lambda self: self * -1
    __sub__ = lambda self, other: self + (-other)
    __rsub__ = lambda self, other: other + (-self)
    __truediv__ = lambda self, other: self * other**-1
    __rtruediv__ = lambda self, other: other * self**-1
    __eq__ = lambda self, other: self is other
    __ne__ = lambda self, other: self is not other
    __bool__ = lambda _: True
    __hash__ = object.__hash__
    __round__ = engine.Value.__round__


_Recorder.record = super(_Recorder, Value).record  # whoever calls it, the result is a `Value`


def _as_node(x: Any) -> Any:
    return x if isinstance(x, engine.Value) or hasattr(x, "__len__") else Value(x)


def _called(node: Any, name: str) -> Any:
    if isinstance(node, Value):  # and not, next to an array, NotImplemented
        node._op = name
    return node


_UNKNOWN = (
    "the derivative of this operation is a `_backward`, which only backward() calls: for grad, jit "
    "and derivatives of higher order make it with primitive or custom_vjp of micrograd_gd"
)


class _Own(Operation):
    def partial(self, *_: Any) -> Any:
        raise GraphError(_UNKNOWN)

    def __reduce__(self) -> tuple[Any, ...]:
        return _own, (self.name, len(self.operands))


@cache
def _own(name: str, count: int) -> _Own:
    operands = tuple(f"x{i}" for i in range(count))
    return _Own(name or "own", operands, _Own.partial, (_Own.partial,) * count, "One's own.")
