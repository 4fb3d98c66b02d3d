"""micrograd's `Value`: its constructor, its graph, its backward and its manners, over our `Value`.

Values are themselves: `==` and `in` go by identity, and each is true. They take any attribute.
Plain numbers are nodes too, and a quotient is a product with a power, as micrograd writes it.
"""

from functools import cache
from typing import Any

from micrograd_gd import caches, engine
from micrograd_gd.core import blocks, methods
from micrograd_gd.errors import GraphError
from micrograd_gd.table.ops import Operation, subscribe
from micrograd_gd.transforms.recording import is_transforming


class _Recorder(engine.Value):
    """What has all operations of the table; their results are of the class below."""


class Value(_Recorder):
    """A number in a graph; an operation of one's own says what it came from, and how to go back.

    >>> x = Value(4.0)
    >>> (1 / x).data, (1 / x)._op, x == 4.0
    (0.25, '*', False)
    """

    def __init__(self, data: Any, _children: Any = (), _op: str = "", label: str = "") -> None:
        super().__init__(data, label)
        if children := (*_children,):
            if is_transforming() or blocks.trace():
                _Own.partial()
            partials = (float("nan"),) * len(children)  # nothing that is wrong in silence
            self._put_together(_own(_op, len(children)), children, partials, self.data, 0.0, label)
        if _op:
            self._op = _op

    def _backward(self: Any) -> None:  # with the numbers of now: `data` may have changed since
        op, operands = self.op, self.operands
        numbers = [x.data if isinstance(x, engine.Value) else x for x in operands]
        for i, flows in enumerate(() if isinstance(op, _Own) else self.partials):
            if flows is not None and (slope := op.partial(i, numbers, self.data)) is not None:
                operands[i].grad += self.grad * slope

    def backward(self, seed: Any = 1.0, *, create_graph: bool = False) -> None:
        """Call the `_backward()` of every node, from here down; all gradients accumulate."""
        if create_graph:
            super().backward(seed, create_graph=True)
            return
        nodes, self.grad = self.nodes(), seed
        for node in reversed(nodes):
            node._backward() if isinstance(node, Value) else Value._backward(node)

    def __pow__(self, other: Any) -> Any:
        node = super().__pow__(other)
        if isinstance(node, Value):  # and not, next to an array, NotImplemented
            node._op = f"**{other}"
        return node

    _prev = caches.cached_property(lambda self: {x for x in self.operands if type(x) is not float})
    _op = caches.cached_property(lambda self: _name(self.op) if self.op else "")
    __add__ = __radd__ = lambda self, other: _Recorder.__add__(self, _as_node(other))
    __mul__ = __rmul__ = lambda self, other: _Recorder.__mul__(self, _as_node(other))
    __neg__ = lambda self: self * -1
    __sub__ = lambda self, other: self + (-other)
    __rsub__ = lambda self, other: other + (-self)
    __truediv__ = lambda self, other: self * other**-1
    __rtruediv__ = lambda self, other: other * self**-1
    __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__
    __bool__ = lambda _: True
    __round__ = engine.Value.__round__


_Recorder.record = super(_Recorder, Value).record  # whoever calls it, the result is a `Value`
subscribe(lambda op: methods.define(_Recorder, op))
_as_node: Any = lambda x: x if isinstance(x, engine.Value) or hasattr(x, "__len__") else Value(x)
_name: Any = lambda op: {"relu": "ReLU"}.get(op.name, op.infix or op.name)


class _Own(Operation):
    def partial(*_: Any) -> Any:
        raise GraphError("backward() alone calls `_backward`: else use primitive or custom_vjp")

    __reduce__ = lambda self: (_own, (self.name, len(self.operands)))


@cache
def _own(name: str, count: int) -> Any:
    operands = tuple(f"x{i}" for i in range(count))
    return _Own(name or "own", operands, _Own.partial, (_Own.partial,) * count, "One's own.")
