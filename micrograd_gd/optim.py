"""Optimizers: one step changes every parameter by a rule of its gradient, or changes nothing."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, DivergedError, NotANumberError, ShapeError
from micrograd_gd.names import close_module
from micrograd_gd.schedules import (
    Schedule,
    constant,
    cosine,
    exponential_decay,
    rate_at,
    step_decay,
    warmup,
)
from micrograd_gd.table.numbers import number, require_positive, shorten
from micrograd_gd.text import plain

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "GradientDescent",
    "Momentum",
    "Optimizer",
    "constant",
    "cosine",
    "exponential_decay",
    "step_decay",
    "warmup",
]


class Optimizer:
    """What every optimizer does. A subclass has its own `change`, and names what it remembers.

    `parameters` are leaf values, each listed once or more and changed once. `learning_rate` is a
    number above 0 or a schedule; `lr` is another word for it. With a `weight_decay`, a step first
    shrinks every parameter by rate · weight_decay of itself, aside from gradient and memory
    (Loshchilov and Hutter, 2019).

    Raises ArgumentError without parameters, and for a number out of its range.

    >>> class SignDescent(Optimizer):
    ...     def change(self, gradient, learning_rate):
    ...         return (math.copysign(learning_rate, gradient),)
    >>> w = Value(1.0)
    >>> w.grad = 8.0
    >>> SignDescent([w], 0.25).step()
    >>> w.data
    0.75
    """

    # change(gradient, learning_rate, *memory) gives what to subtract, then the new memory: for
    # every parameter a number under each of the names in `remembers`, 0 at first.
    change: Callable[..., tuple[float, ...]]
    remembers: tuple[str, ...] = ()

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float | Schedule,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = _collect(parameters)
        self.learning_rate = learning_rate
        decay = self.weight_decay = number(weight_decay, "weight_decay")
        if not 0 <= decay < math.inf:
            raise ArgumentError(f"weight_decay is {decay}; expected a finite number, at least 0")
        self.steps = 0
        self._memory: list[tuple[float, ...]] = [
            (0.0,) * len(self.parameters) for _ in self.remembers
        ]

    @property
    def learning_rate(self) -> float | Schedule:
        """The number or the schedule; setting it counts from the next step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float | Schedule) -> None:
        if not callable(learning_rate):
            learning_rate = require_positive("learning_rate", learning_rate)
        self._learning_rate = learning_rate

    def step(self) -> None:
        """Subtract from every parameter its change.

        Raises DivergedError, and changes nothing, where a gradient is nan or infinite or the step
        would make a parameter so; ArgumentError where the schedule gives a number that is no rate.
        """
        rate = rate_at(self._learning_rate, self.steps)
        gradients: list[Any] = [p.grad for p in self.parameters]
        if {*map(type, gradients)} != {float}:
            gradients = [getattr(g, "data", g) for g in gradients]
        if not math.isfinite(sum(gradients)):  # a sum costs less than a look at each number
            for i, gradient in enumerate(gradients):
                if not math.isfinite(gradient):
                    raise self._error(f"the gradient of {self._name(i)} is {gradient}")
        numbers, memory = self.move(
            [p.data for p in self.parameters], gradients, rate, self._memory
        )
        if not math.isfinite(sum(map(sum, (numbers, *memory)))):
            self._check_step(gradients, rate, [numbers, *memory])
        self._accept(numbers, memory)

    def follow(self, program: Callable[..., Any], *batch: Any) -> bool:
        """Take the step that a program computes; False, and nothing changed, if it is not finite.

        The program gets the rate, the number of steps before, the memory and the batch, and gives
        what `move` does.
        """
        rate = rate_at(self._learning_rate, self.steps)
        numbers, memory = program(rate, float(self.steps), self._memory, *batch)
        is_finite = math.isfinite(sum(map(sum, (numbers, *memory))))
        if is_finite:
            self._accept(numbers, memory)
        return is_finite

    def move(
        self,
        numbers: Sequence[Any],
        gradients: Sequence[Any],
        rate: Any,
        memory: list[tuple[Any, ...]],
    ) -> tuple[list[Any], list[tuple[Any, ...]]]:
        """The numbers of the parameters after a step, and the new memory; nothing is changed."""
        kept = 1.0 - rate * self.weight_decay
        changes, *memory = zip(*map(self.change, gradients, repeat(rate), *memory), strict=True)
        return [kept * x - c for x, c in zip(numbers, changes, strict=True)], memory

    def _accept(self, numbers: Sequence[float], memory: list[tuple[float, ...]]) -> None:
        for parameter, data in zip(self.parameters, numbers, strict=True):
            parameter.data = data
        self._memory = memory
        self.steps += 1

    def _check_step(self, gradients: Any, rate: float, after: list[Sequence[float]]) -> None:
        for i, state in enumerate(zip(*after, strict=True)):
            if not all(map(math.isfinite, state)):
                said = ", ".join(map("{} {}".format, ("data", *self.remembers), state))
                raise self._error(
                    f"gradient {gradients[i]} and learning rate {rate} would turn "
                    f"{self._name(i)} = {self.parameters[i].data} into {said}"
                )

    def __repr__(self) -> str:
        rate, count = self._learning_rate, len(self.parameters)
        now = f"{rate_at(rate, self.steps):g} by a schedule" if callable(rate) else rate
        hidden = () if self.weight_decay else ("weight_decay",)
        numbers = {name: x for name, x in vars(self).items() if isinstance(x, int | float)}
        own = {name: x for name, x in numbers.items() if name[0] != "_" and name not in hidden}
        settings = "".join(f", {name}={x}" for name, x in {"learning_rate": now, **own}.items())
        return f"{type(self).__name__}({count} parameter{'s' * (count != 1)}{settings})"

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The number of steps done, and a list of numbers for each name in `remembers`.

        >>> Momentum([Value(1.0)], 0.1).state_dict()
        {'steps': 0, 'velocity': [0.0]}
        """
        columns = map(list, self._memory)
        return {"steps": self.steps, **dict(zip(self.remembers, columns, strict=True))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave.

        Raises ArgumentError or ShapeError, and changes nothing, if it does not fit.
        """
        names = ("steps", *self.remembers)
        if not isinstance(state, Mapping) or {*state} != {*names}:
            found = ", ".join(map(str, state)) if isinstance(state, Mapping) else shorten(state)
            raise ArgumentError(
                f"the state of {type(self).__name__} has {', '.join(names)}; this one has {found}"
            )
        steps = number(state["steps"], "steps")
        if not (steps >= 0 and steps.is_integer()):
            raise ArgumentError(f"steps is {steps}; expected a whole number, at least 0")
        self._memory = [self._column(name, state[name]) for name in self.remembers]
        self.steps = int(steps)

    def _column(self, name: str, xs: Any) -> tuple[float, ...]:
        if isinstance(xs, str) or not hasattr(xs, "__iter__"):
            raise NotANumberError(f"{name} must be a list of numbers, but came as {shorten(xs)}")
        column = [number(x, f"{name}[{i}]") for i, x in enumerate(xs)]
        if len(column) != len(self.parameters):
            raise ShapeError(
                f"{name} has {len(column)} numbers for {len(self.parameters)} parameters"
            )
        if not all(map(math.isfinite, column)):
            raise ArgumentError(f"{name} holds a number that is not finite")
        return tuple(column)

    def _name(self, i: int) -> str:
        return plain(self.parameters[i].label) or f"parameter {i}"

    def _error(self, what: str) -> DivergedError:
        return DivergedError(
            f"{what} at step {self.steps}; no parameter was changed. "
            f"A smaller learning rate may help, and detect_anomaly finds where it began"
        )


class GradientDescent(Optimizer):
    """Plain gradient descent: p -= learning_rate · ∂loss/∂p, and nothing else.

    >>> w = Value(3.0)
    >>> optimizer = GradientDescent([w], learning_rate=0.25)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    1.5
    """

    def change(self, gradient: float, learning_rate: float) -> tuple[float]:
        """learning_rate · gradient."""
        return (learning_rate * gradient,)


SGD = GradientDescent


class Momentum(Optimizer):
    """Gradient descent with a heavy ball (Polyak, 1964): v = momentum · v + g; p -= rate · v.

    Raises ArgumentError for a momentum outside [0, 1).

    >>> w = Value(1.0)
    >>> w.grad = 1.0
    >>> optimizer = Momentum([w], learning_rate=0.25, momentum=0.5)
    >>> optimizer.step(); optimizer.step()
    >>> w.data
    0.375
    >>> optimizer
    Momentum(1 parameter, learning_rate=0.25, steps=2, momentum=0.5)
    """

    remembers = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float | Schedule,
        momentum: float = 0.9,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay=weight_decay)
        self.momentum = _require_share("momentum", momentum)

    def change(self, gradient: float, learning_rate: float, velocity: float) -> tuple[float, float]:
        """learning_rate · velocity, and the velocity."""
        velocity = self.momentum * velocity + gradient
        return learning_rate * velocity, velocity


class Adam(Optimizer):
    """Gradient descent scaled by running means of g and g² (Kingma and Ba, 2015, algorithm 1).

    Raises ArgumentError for a beta outside [0, 1) and for an epsilon that is not above 0.

    >>> w = Value(1.0)
    >>> w.grad = 1000.0
    >>> Adam([w], learning_rate=0.25).step()
    >>> round(w.data, 9)
    0.75
    """

    remembers = ("mean", "mean_square")

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float | Schedule = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay=weight_decay)
        self.beta1, self.beta2 = _require_share("beta1", beta1), _require_share("beta2", beta2)
        self.epsilon = require_positive("epsilon", epsilon)

    def change(
        self, gradient: float, learning_rate: float, m: float, v: float
    ) -> tuple[float, float, float]:
        """learning_rate · m̂ / (√v̂ + epsilon), and the running means m and v."""
        m = self.beta1 * m + (1 - self.beta1) * gradient
        v = self.beta2 * v + (1 - self.beta2) * gradient * gradient
        unbiased_m = m / (1 - self.beta1 ** (self.steps + 1))
        unbiased_v = v / (1 - self.beta2 ** (self.steps + 1))
        return learning_rate * unbiased_m / (unbiased_v**0.5 + self.epsilon), m, v


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "gradient_descent": GradientDescent,
    "momentum": Momentum,
    "adam": Adam,
}


def _collect(parameters: Iterable[Value]) -> list[Value]:
    """The parameters, each once."""
    if not hasattr(parameters, "__iter__"):
        raise NotANumberError(
            f"parameters must be a list of values, such as model.parameters(), "
            f"but came as {type(parameters).__name__} {shorten(parameters)}"
        )
    unique = {id(parameter): parameter for parameter in parameters}
    for i, parameter in enumerate(unique.values()):
        if not isinstance(parameter, Value):
            raise NotANumberError(
                f"parameter {i} must be a Value, but came as "
                f"{type(parameter).__name__} {shorten(parameter)}"
            )
        if parameter.op is not None:
            raise ArgumentError(
                f"parameter {i} was computed, by {parameter.op!r}; only leaves can be trained"
            )
    if not unique:
        raise ArgumentError("an optimizer needs at least one parameter, and got none")
    return [*unique.values()]


def _require_share(name: str, x: Any) -> float:
    given = number(x, name)
    if not 0 <= given < 1:
        raise ArgumentError(f"{name} is {given}; expected a number from 0 to below 1")
    return given


close_module(__name__)
