"""What `Value` in Python answers to Python itself: attributes, comparisons, conversions, copies.

All of it is the same for every value, and none of it is calculus; `engine.py` has that.
"""

from collections.abc import Callable
from inspect import Parameter, isfunction, signature
from typing import Any

from micrograd_gd.core import blocks
from micrograd_gd.errors import NotANumberError
from micrograd_gd.keywords import check_keywords
from micrograd_gd.table.numbers import number
from micrograd_gd.table.relations import RELATIONS, Relation


def _get_data(self: Any) -> float:
    if blocks.open_blocks:
        blocks.report_use(self, "data")
    return self._data  # type: ignore[no-any-return]  # the slot's


def _set_data(self: Any, data: Any) -> None:
    if blocks.open_blocks:
        blocks.report_use(self, "data")
    self._data = number(data, "data")


def _get_grad(self: Any) -> Any:
    if blocks.open_blocks:
        blocks.report_use(self, "grad")
    return self._grad


def _set_grad(self: Any, grad: Any) -> None:
    if blocks.open_blocks:
        blocks.report_use(self, "grad")
    self._grad = grad if blocks.is_value(grad) else number(grad, "grad")


data = property(
    _get_data,
    _set_data,
    doc="The number; setting it changes neither the graph nor gradients already recorded.",
)
grad = property(
    _get_grad,
    _set_grad,
    doc="∂root/∂self after `root.backward()`; a `Value` after `backward(create_graph=True)`.",
)


def conjugate(self: Any) -> Any:
    """The value itself, which is real; `std`, `var` and `vdot` of NumPy ask for it."""
    return self


def define(kind: Any) -> None:
    """Give the type of values what Python, copies and micrograd ask of it."""
    for relation in RELATIONS:
        setattr(kind, f"__{relation.name}__", _make_comparison(kind, relation))
    kind.__bool__ = lambda self: bool(self != 0.0)
    kind.__float__ = kind.__int__ = _refuse_conversion
    kind.__pos__ = lambda self: self
    kind.conjugate = conjugate
    kind.__divmod__ = lambda self, other: (self // other, self % other)
    kind.__rdivmod__ = lambda self, other: (other // self, other % self)
    kind.__format__ = _format
    kind._prev = property(lambda self: {x for x in self.operands if isinstance(x, kind)})
    kind._take_apart = _take_apart
    kind._put_together = _put_together
    kind._op = property(lambda self: self.op.infix or self.op.name if self.op else "")
    for name in ("__init__", "backward", "nodes"):
        setattr(kind, name, check_keywords(vars(kind)[name]))
    for method in vars(kind).values():
        if isfunction(method):
            _present(method)
        elif isinstance(method, classmethod):
            _present(method.__func__)


def _present(method: Any) -> None:
    """Let help show the method as it shows that of the twin in C, which knows no annotations."""
    own = signature(method)
    parameters = [p.replace(annotation=Parameter.empty) for p in own.parameters.values()]
    parameters[0] = parameters[0].replace(kind=Parameter.POSITIONAL_ONLY)
    method.__signature__ = own.replace(parameters=parameters, return_annotation=Parameter.empty)


def _make_comparison(kind: Any, relation: Relation) -> Callable[..., Any]:
    holds, sign = relation.holds, relation.sign

    def method(self: Any, other: Any) -> Any:
        if isinstance(other, kind):
            answer = holds(self._data, other._data)
        else:
            if type(other) is not float and getattr(other, "ndim", None) == 0:
                other = other.item()  # NumPy would round this number to float32 to compare with one
            answer = holds(self._data, other)
        if blocks.open_blocks:
            blocks.report_comparison(self, sign, other, answer)
        return answer

    return method


def _format(self: Any, spec: str) -> str:
    if not spec:
        return repr(self)
    if blocks.open_blocks:
        blocks.report_reading(self, "format()")
    return format(self._data, spec)


def _refuse_conversion(_: Any) -> Any:
    raise NotANumberError(
        "a Value does not turn into a float silently, since that would drop its gradient: "
        "take v.data for the number, or call v.exp() and the like instead of math.exp(v)"
    )


def slots(of_operands: tuple[Any, ...]) -> tuple[Any, Any]:
    """How one thing per operand is kept in two slots of a node: as it is, or more as a tuple."""
    return (of_operands, None) if len(of_operands) > 2 else (*of_operands, None, None)[:2]


def _take_apart(node: Any) -> tuple[Any, ...]:
    gradient = getattr(node._grad, "data", node._grad)
    return node.op, node.operands, node.partials, node._data, gradient, node.label


def _put_together(
    self: Any, op: Any, operands: Any, partials: Any, data: Any, grad: Any, label: Any
) -> None:
    self.op, self._data, self._grad, self.label = op, data, grad, label
    self._a, self._b = slots(operands)
    self._da, self._db = slots(partials)
