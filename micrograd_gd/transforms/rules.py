"""A rule by hand at work: what its two functions give, as numbers, as values or as instructions."""

import math
import struct
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from micrograd_gd.core import blocks
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.table.ops import Operation
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.recording import outside_transforms, require_rows


class Evaluation:
    """One evaluation of the rule: its forward function was called once."""

    def __init__(self, of: Any, structure: trees.Structure, leaves: Sequence[Any]) -> None:
        if of.rule is None:
            raise ArgumentError(
                f"{of!r} has no rule for its derivative: give it one with defvjp(fwd, bwd)"
            )
        self.of, self.structure = of, structure
        fwd, self.bwd = of.rule
        self.is_plain = not any(isinstance(leaf, Value) for leaf in leaves)
        with self._at_numbers():
            pair = fwd(*trees.unflatten(structure, leaves))
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise ShapeError(
                f"the fwd of {of.name} must return the pair (result, what the rule remembers), but "
                f"returned {shorten(pair)}"
            )
        result, self.remembered = pair
        self.outputs, self.out_structure = trees.flatten(result, f"the result of {of.name}")
        require_rows(self.out_structure)
        if self.is_plain and any(isinstance(y, Value) for y in self.outputs):
            raise ArgumentError(
                f"a Value came out of {of.name}, which was called with plain numbers: whatever it "
                f"depends on has to be an argument"
            )
        self.rows: dict[int, list[Any]] = {}

    def _at_numbers(self) -> Any:
        """Where numbers are all that the rule has: transforms inside of it give floats."""
        return outside_transforms() if self.is_plain else nullcontext()

    def row(self, i: int) -> list[Any]:
        """The derivatives of number `i` of the result by all arguments."""
        if i not in self.rows:
            self.rows[i] = self._cotangents(i, 1.0)
            if self.is_plain:
                pairs = zip(self.rows[i], self._cotangents(i, 2.0), strict=True)
                if any(abs(twice - 2 * once) > 1e-9 * abs(twice) + 1e-300 for once, twice in pairs):
                    raise ArgumentError(
                        f"the bwd of {self.of.name} is not linear in g: for a cotangent twice as "
                        f"large it does not return twice as much. What is no derivative, such as "
                        f"clipping, is for the gradient when it is there"
                    )
        return self.rows[i]

    def _cotangents(self, i: int, g: float) -> list[Any]:
        seeds = [g if place == i else 0.0 for place in range(len(self.outputs))]
        with self._at_numbers():
            found = self.bwd(self.remembered, trees.unflatten(self.out_structure, seeds))
        if isinstance(found, (tuple, list)) and len(found) == len(self.structure.below):
            pairs = zip(found, self.structure.below, strict=True)
            found = tuple(_zeros(below) if each is None else each for each, below in pairs)
        name = f"what the bwd of {self.of.name} returned"
        return trees.match(found, self.structure, name)


def _zeros(structure: trees.Structure) -> Any:
    return trees.unflatten(structure, [0.0] * structure.size)


# In a trace.

_written: blocks.Variable = ContextVar("_written", default=None)  # the functions whose rules are


def record_in_trace(trace: blocks.Tracer, of: Any, args: tuple[Any, ...]) -> Any:
    """The result as values: of the rule's arithmetic if that is what it is, else of Python code.

    Raises what the rule raises for plain numbers.
    """
    leaves, structure = trees.flatten(args, "the arguments")
    require_rows(structure)
    if of.f in blocks.find(_written, ()):  # by its own rule
        outputs, out_structure = trees.flatten(of.f(*args), f"the result of {of.name}")

        @cache
        def find_row(place: int) -> list[Any]:
            return _evaluate(of, structure, leaves).row(place)

        return trees.unflatten(out_structure, _copy(of, outputs, leaves, find_row))
    plain = Evaluation(of, structure, _read_numbers(leaves))
    plain_rows = [plain.row(i) for i in range(len(plain.outputs))]

    def write() -> list[Any]:
        call = _evaluate(of, structure, leaves)
        rows = [call.row(i) for i in range(len(plain.outputs))]
        for found, expected in zip(
            [call.outputs, *rows], [plain.outputs, *plain_rows], strict=True
        ):
            if _pack(_read_numbers(found)) != _pack(expected):
                raise ArgumentError(f"{of!r} computes something else on values")
        return _copy(of, call.outputs, leaves, call.row)

    nodes = trace.attempt(write)
    if nodes is None:
        nodes = [Value.record(each, *leaves) for each in _write_python(of, structure, plain)]
    return trees.unflatten(plain.out_structure, nodes)


def _evaluate(of: Any, structure: trees.Structure, leaves: Sequence[Any]) -> Evaluation:
    """An evaluation on values, in which the function that has the rule is written out."""
    with blocks.Switch(_written, (*blocks.find(_written, ()), of.f), is_observed=False):
        call = Evaluation(of, structure, leaves)
        for i in range(len(call.outputs)):
            call.row(i)
        return call


def _copy(
    of: Any, outputs: Sequence[Any], leaves: Sequence[Any], find_row: Callable[[int], list[Any]]
) -> list[Any]:
    """The outputs, with the derivatives by the leaves that a rule says."""
    operands = tuple([f"x{i}" for i in range(len(leaves) + 1)])
    partials = ("None", *["1"] * len(leaves))
    copies = [
        _Copy(of.name, operands, "x0", partials, of.name, find_row=find_row, place=i)
        for i in range(len(outputs))
    ]
    return [Value.record(op, y, *leaves) for op, y in zip(copies, outputs, strict=True)]


class _SeenError(Exception):
    """Carries the numbers that an operation was given."""


@dataclass(frozen=True, eq=False, repr=False)
class _Reading(Operation):
    """An operation that only looks at its operands."""

    def rule(self, active: tuple[bool, ...]) -> Callable[..., Any]:  # noqa: ARG002 — for all
        def read(*operands: float) -> NoReturn:
            raise _SeenError(*operands)

        return read


_READING = _Reading("reading", ("x",), "x", ("None",), "No result, but the numbers of x.")


def _read_numbers(leaves: Sequence[Any]) -> list[float]:
    """Today's numbers, which a trace tells nobody else."""
    numbers: list[float] = []
    for x in leaves:
        try:
            numbers.append(Value.record(_READING, x).data if isinstance(x, Value) else x)
        except _SeenError as seen:
            numbers += seen.args
    return numbers


def _pack(numbers: Sequence[float]) -> list[bytes]:
    return [struct.pack("d", math.nan if x != x else x) for x in numbers]


@dataclass(frozen=True, eq=False, repr=False)
class _Copy(Operation):
    """A copy of the first operand, whose derivative by the others is what a rule says."""

    find_row: Any = None
    place: int = 0

    def rule(self, active: tuple[bool, ...]) -> Callable[..., Any]:
        """The number; its derivatives are in no trace."""
        return lambda y, *_: (y, None, *(0.0 if wanted else None for wanted in active[1:]))

    def partial(self, i: int, operands: Sequence[Any], y: Any) -> Any:  # noqa: ARG002 — it has them
        """As the rule says for these operands."""
        return self.find_row(self.place)[i - 1] if i else None

    def slope(self, i: int) -> None:
        """None: the partial takes no branch."""


def _write_python(of: Any, structure: trees.Structure, plain: Evaluation) -> list[Operation]:
    """Operations that call the rule's functions, once for all of them in turn."""
    latest: tuple[Any, Evaluation | None] = None, None

    def evaluate(leaves: Sequence[Any]) -> Evaluation:
        nonlocal latest
        if any(isinstance(x, Value) for x in leaves):  # to be differentiated once more
            return Evaluation(of, structure, leaves)
        key, (known, call) = _pack(leaves), latest
        if call is None or key != known:
            call = Evaluation(of, structure, leaves)
            latest = key, call
        return call

    def compute(place: int) -> Callable[..., Any]:
        return lambda *leaves: evaluate(leaves).outputs[place]

    def differentiate(place: int, i: int) -> Callable[..., Any]:
        return lambda *leaves_and_y: evaluate(leaves_and_y[:-1]).row(place)[i]

    operands = tuple([f"x{i}" for i in range(structure.size)])
    return [
        Operation(
            f"{of.name}[{place}]" if place else of.name,
            operands,
            compute(place),
            tuple([differentiate(place, i) for i in range(structure.size)]),
            "A function with a derivative of its own.",
        )
        for place in range(len(plain.outputs))
    ]
