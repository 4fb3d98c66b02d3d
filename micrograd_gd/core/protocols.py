"""What `Value` in Python answers to Python itself: attributes, comparisons, conversions, copies.

All of it is the same for every value, and none of it is calculus; `engine.py` has that.
"""

from collections.abc import Callable
from inspect import Parameter, isfunction, signature
from typing import Any, Never

from micrograd_gd.core import blocks, eras
from micrograd_gd.errors import NotANumberError
from micrograd_gd.keywords import answer_keywords
from micrograd_gd.table.numbers import number, shorten
from micrograd_gd.table.relations import RELATIONS, Relation


def _get_data(self: Any) -> float:
    if blocks.open_blocks:
        blocks.report_use(self, "data")
    return self._number  # type: ignore[no-any-return]  # the slot's


def _set_data(self: Any, data: Any) -> None:
    if blocks.open_blocks:
        blocks.report_use(self, "data")
    self._number = number(data, "data")


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


def _set_label(self: Any, label: Any) -> None:
    self._label = label if isinstance(label, str) else refuse_label(label)


label = property(
    lambda self: self._label,
    _set_label,
    doc="What the value is called in messages and drawings.",
)

_INSTEAD = (
    "operations record what a value was computed from; make one of your own by primitive or "
    "custom_vjp, and run programs written for micrograd with micrograd_gd.micrograd"
)


def refuse_label(label: Any) -> Never:
    """Say what a label is, and what was meant with what is none."""
    instead = _INSTEAD if isinstance(label, (tuple, list, set)) else "write label='w'"
    kind = type(label).__name__
    raise TypeError(f"label must be a text, but came as {kind} {shorten(label)}: {instead}")


def refuse_call(_data: Any, label: Any = "", /, *more: Any, **wrong: Any) -> Never:
    """Say that a value takes its number and a label, and nothing more."""
    if wrong:
        refuse_keywords("Value", wrong, "data", "label")
    if not isinstance(label, str):
        refuse_label(label)
    if more:
        rest = ", ".join(map(shorten, more))
        raise TypeError(f"Value takes a number and a label, but got {rest} as well: {_INSTEAD}")
    raise TypeError("Value takes a number, but was called without one: write Value(0.0)")


def refuse_keywords(method: str, wrong: dict[str, Any], *known: str) -> Never:
    """Say which keyword is meant by a wrong one."""
    raise TypeError(answer_keywords(method, wrong, known))


def refuse_record(*_: Any) -> Never:
    """Say that `_prev` and `_op` are not to be set."""
    raise AttributeError(f"the record of a value is not to be changed: {_INSTEAD}")


def conjugate(self: Any) -> Any:
    """The value itself, which is real; `std`, `var` and `vdot` of NumPy ask for it."""
    return self


def define(kind: Any) -> None:
    """Give the type of values what Python, copies and micrograd ask of it."""
    for relation in RELATIONS:
        setattr(kind, f"__{relation.name}__", _make_comparison(kind, relation))
    kind.__bool__ = lambda self: bool(self != 0.0)
    kind.__float__ = kind.__int__ = kind.__index__ = refuse_conversion
    kind.__pos__ = lambda self: self
    kind.conjugate = conjugate
    kind.__divmod__ = lambda self, other: (self // other, self % other)
    kind.__rdivmod__ = lambda self, other: (other // self, other % self)
    kind.__format__ = _format
    prev = lambda self: {x for x in self.operands if isinstance(x, kind)}  # noqa: E731 — short
    kind._prev = property(prev, refuse_record)
    kind._take_apart = _take_apart
    kind._put_together = _put_together
    op = lambda self: self.op.infix or self.op.name if self.op else ""  # noqa: E731 — as well
    kind._op = property(op, refuse_record)
    kind.__init__.checks_keywords = True  # by itself, which is faster
    for method in vars(kind).values():
        if isfunction(method):
            _present(method)
        elif isinstance(method, classmethod):
            _present(method.__func__)


def _present(method: Any) -> None:
    """Let help show the method as it shows that of the twin in C, which knows no annotations."""
    own = signature(method)
    shown = [p for p in own.parameters.values() if p.name not in {"_more", "_wrong"}]
    parameters = [p.replace(annotation=Parameter.empty) for p in shown]
    parameters = [p.replace(default=Parameter.empty) if p.default is ... else p for p in parameters]
    parameters[0] = parameters[0].replace(kind=Parameter.POSITIONAL_ONLY)
    method.__signature__ = own.replace(parameters=parameters, return_annotation=Parameter.empty)


def _make_comparison(kind: Any, relation: Relation) -> Callable[..., Any]:
    holds, sign = relation.holds, relation.sign

    def method(self: Any, other: Any) -> Any:
        if isinstance(other, kind):
            answer = holds(self._number, other._number)
        else:
            if type(other) is not float and getattr(other, "ndim", None) == 0:
                other = other.item()  # NumPy would round this number to float32 to compare with one
            answer = holds(self._number, other)
        if blocks.open_blocks:
            return blocks.report_comparison(self, sign, other, answer)
        return answer

    return method


def _format(self: Any, spec: str) -> str:
    if not spec:
        return repr(self)
    if blocks.open_blocks:
        blocks.report_reading(self, "format()")
    return format(self._number, spec)


def refuse_conversion(_: Any) -> Never:
    """Say what to do instead of making a float, an index or a count of a value."""
    if blocks.trace():
        raise NotANumberError(
            "a Value has another number at each call of a compiled function, so it does not turn "
            "into a float or an index there: call v.exp() and the like instead of math.exp(v), and "
            "name arguments that are indices or counts in static_argnums"
        )
    raise NotANumberError(
        "a Value does not turn into a float or an index silently, since that would drop its "
        "gradient: take v.data for the number, int(v.data) for an index or a count, or call "
        "v.exp() and the like instead of math.exp(v)"
    )


def slots(of_operands: tuple[Any, ...]) -> tuple[Any, Any]:
    """How one thing per operand is kept in two slots of a node: as it is, or more as a tuple."""
    return (of_operands, None) if len(of_operands) > 2 else (*of_operands, None, None)[:2]


def _take_apart(node: Any) -> tuple[Any, ...]:
    gradient = getattr(node._grad, "data", node._grad)
    return node.op, node.operands, node.partials, node._number, gradient, node.label


def _put_together(
    self: Any, op: Any, operands: Any, partials: Any, data: Any, grad: Any, label: Any
) -> None:
    self.op, self._number, self._grad, self.label = op, data, grad, label
    self._a, self._b = slots(operands)
    self._da, self._db = slots(partials)
    self._era = eras.latest
