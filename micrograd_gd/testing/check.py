"""Tell whether the derivatives of a function are right, and if not, whose fault it is."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations_with_replacement, islice
from operator import methodcaller
from random import Random
from typing import Any, Literal

from mpmath import mp

from micrograd_gd import sweep, trees
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, GradientError, ShapeError
from micrograd_gd.formula import formula
from micrograd_gd.operation import Operation, shortened
from micrograd_gd.recording import Recording
from micrograd_gd.testing import differences
from micrograd_gd.testing.judge import (
    Expected,
    Rows,
    called,
    compared,
    conditions,
    digits_notes,
    judged_by_estimate,
)
from micrograd_gd.testing.precise import NotReplayable
from micrograd_gd.testing.replay import DIGITS, Replay
from micrograd_gd.testing.report import HEADINGS, Comparison, GradientReport, table
from micrograd_gd.transforms import jacobian

Function = Callable[..., Any]
Mode = Literal["forward", "reverse"]


def check_gradients(
    f: Function,
    *args: Any,
    order: int = 1,
    modes: Sequence[Mode] = ("reverse", "forward"),
    gradient: Function | None = None,
    oracle: Literal["mpmath"] | None = None,
) -> GradientReport:
    """Compare the derivatives of f at the arguments with what they should be.

    Where f records a graph of values, the graph is replayed in high precision, and derivatives up
    to `order` are checked in each of the `modes`. Where it does not, or holds operations that are
    Python code, first derivatives are checked by differences of its values. `gradient` is a
    function that claims to give the gradient (for a result of several numbers, the Jacobian), for
    one argument in its structure, for several as a tuple; then that is checked instead. With
    `oracle="mpmath"` the report says of every operation how many digits it loses.

    The tolerance is no constant: it is how far rounding can move this derivative here. At a kink,
    every number between the derivatives of both sides is right.

    Raises GradientError, which tells what was expected and which operation is at fault;
    ArgumentError for arguments of its own that are none.

    >>> print(check_gradients(lambda x: x**3, 2.0))
    checked by replay: 2 right
    derivative by  mode     expected  got   error bound  ratio  verdict
    x              reverse  12.0      12.0  1.1e-14             right
    x              forward  12.0      12.0  1.1e-14             right
    """
    __tracebackhide__ = methodcaller("errisinstance", GradientError)  # pytest shows the test alone
    _check_arguments(order, modes, gradient, oracle)
    call = _Call(f, args)
    try:
        report = _by_replay(call, order, modes, gradient)
    except NotReplayable:
        report = _by_differences(call, modes, gradient)
    if report.wrong:
        raise GradientError(_message(report, call, order, gradient))
    return report if oracle else replace(report, conditions=[])


def _check_arguments(order: int, modes: Sequence[Mode], gradient: Any, oracle: Any) -> None:
    if not (isinstance(order, int) and order >= 1):
        raise ArgumentError(f"order is {order!r}; expected 1, 2, 3, …")
    if not modes or not {*modes} <= {"forward", "reverse"}:
        raise ArgumentError(f"modes is {modes!r}; expected 'forward', 'reverse', or both")
    if gradient is not None and order > 1:
        raise ArgumentError(f"order is {order}, but a gradient that is given is of order 1")
    if oracle not in {None, "mpmath"}:
        raise ArgumentError(f"oracle is {oracle!r}; expected 'mpmath' or None")


class _Call:
    """A function with its arguments, all numbers among them in one line."""

    def __init__(self, f: Function, args: Sequence[Any], names: Sequence[str] = ()) -> None:
        self.f, self.args = f, tuple(args)
        self.numbers, self.structure = trees.flatten(self.args, "the arguments")
        self.numbers = [getattr(x, "data", x) for x in self.numbers]
        arguments = names or _argument_names(f, len(args))
        self.names = [
            name
            for structure, argument in zip(self.structure.below, arguments, strict=True)
            for name in trees.names(structure, argument)
        ]
        self.recording = self._recorded()

    def _recorded(self) -> Recording | None:
        """The call on values, or None if f cannot take them: floats will tell what is wrong."""
        try:
            recording = Recording(self.f, self.args, {}, range(len(self.args)))
        except (TypeError, AttributeError):
            return None
        if not any(isinstance(y, Value) for y in recording.outputs):
            return None  # a constant, or f dropped the graph: its values will tell
        for x, name in zip(recording.inputs, self.names, strict=True):
            x.label = name
        return recording

    def outputs(self, *numbers: Any) -> list[Any]:
        """The numbers of the result, for other numbers in the arguments."""
        result = self.f(*trees.unflatten(self.structure, numbers))
        return trees.flatten(result, "the result")[0]

    def derivative_names(self, order: int) -> list[list[str]]:
        """What to call the derivatives, in the order of a replay."""
        by = [", ".join(names) for names in combinations_with_replacement(self.names, order)]
        if self.recording is not None:
            structure = self.recording.out_structure
        else:
            _, structure = trees.flatten(self.f(*self.args), "the result")
        if structure == trees.LEAF:
            return [by]
        return [[f"{y} by {x}" for x in by] for y in trees.names(structure, "result")]

    def derivatives(self, order: int, mode: Mode) -> list[list[float]]:
        """As the engine computes them, the last of them in this mode, in the order of a replay."""
        n = len(self.numbers)
        flat = _all_derivatives(self._function(order - 1), n, mode)(*self.numbers)
        places = [_place(combination, n) for combination in _combinations(n, order)]
        return [[row[place] for place in places] for row in _cut(flat, n**order)]

    def terms(self, order: int) -> list[list[float]]:
        """For each of those derivatives, the sizes of the terms that it is the sum of, added."""
        n = len(self.numbers)
        inputs = [*map(Value, self.numbers)]
        below = self._function(order - 1)(*inputs)
        sizes = [_sizes(y, inputs) for y in below]
        return [
            [row[_place(before, n)][last] for *before, last in _combinations(n, order)]
            for row in _cut(sizes, n ** (order - 1))
        ]

    def _function(self, order: int) -> Function:
        """All derivatives of that order, in reverse mode, as a function of the numbers."""
        function = self.outputs
        for _ in range(order):
            function = _all_derivatives(function, len(self.numbers), "reverse")
        return function


def _all_derivatives(function: Function, n: int, mode: Mode) -> Function:
    """The derivatives of all outputs by all of n numbers, in one line."""
    table = jacobian(function, range(n), mode=mode)
    return lambda *numbers: [entry for row in table(*numbers) for entry in row]


def _combinations(n: int, order: int) -> list[tuple[int, ...]]:
    return [*combinations_with_replacement(range(n), order)]


def _place(combination: Sequence[int], n: int) -> int:
    """Where a derivative stands among all n**order."""
    return sum(p * n**k for k, p in enumerate(reversed(combination)))


def _sizes(y: Any, inputs: list[Value]) -> list[float]:
    """The sums of |products of partials| along all paths from y to each input."""
    found = {y: 1.0} if isinstance(y, Value) else {}
    leaves = {*inputs}
    for node in reversed(sweep.in_order(found, leaves)):
        for _, operand, slope in () if node in leaves else sweep.edges(node):
            found[operand] = found.get(operand, 0.0) + found[node] * abs(slope)
    return [found.get(x, 0.0) for x in inputs]


def _cut(numbers: list[Any], width: int) -> list[list[Any]]:
    return [numbers[i : i + width] for i in range(0, len(numbers), width)]


def _argument_names(f: Function, count: int) -> list[str]:
    if isinstance(f, Operation) and not f.folds:
        return [*f.operands[:count]]
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # some functions in C have no signature
        parameters = {}.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds][:count]
    return names + [f"argument_{i}" for i in range(len(names), count)]


def _by_replay(
    call: _Call, order: int, modes: Sequence[Mode], gradient: Function | None
) -> GradientReport:
    """Against the derivatives of the graph, replayed in high precision."""
    if call.recording is None:
        raise NotReplayable
    replay = Replay(call.recording.outputs, call.recording.inputs)
    expected = Expected(replay, 1)
    run = expected.run
    if gradient is not None:
        rows, scatter = _claimed(call, gradient)
        found = [*compared(expected, call.derivative_names(1), "given", rows, scatter)]
    else:
        found = _in_modes(call, expected, modes)
    kinks = [*run.kinks()]
    notes = [f"kink at {called(node)}: any slope between its two sides is right" for node in kinks]
    if order > 1:
        with mp.workdps(DIGITS):
            breaks = [*kinks, *run.steps()]
        if breaks:
            notes.append(f"higher derivatives were not checked: {called(breaks[0])} has none")
        for higher in range(2, 1 if breaks else order + 1):
            expected = Expected(replay, higher, partial(call.terms, higher))
            found += _in_modes(call, expected, modes)
    state = [*conditions(run)]
    notes += digits_notes(found, state)
    return GradientReport(found, "replay", notes, state)


def _in_modes(call: _Call, expected: Expected, modes: Sequence[Mode]) -> list[Comparison]:
    names = call.derivative_names(expected.order)
    return [
        comparison
        for mode in modes
        for comparison in compared(expected, names, mode, call.derivatives(expected.order, mode))
    ]


def _by_differences(
    call: _Call, modes: Sequence[Mode], gradient: Function | None
) -> GradientReport:
    """Against differences of the values, where nothing else is known of the function."""
    size = len(call.outputs(*call.numbers))
    if gradient is not None:
        rows, scatter = _claimed(call, gradient)
        candidates = {"given": rows}
    elif call.recording is not None:
        scatter = [[0.0] * len(call.numbers)] * size
        candidates = {mode: call.derivatives(1, mode) for mode in modes}
    else:
        raise ArgumentError(
            "f records no graph of values, so there is no gradient to check: write it with values, "
            "or give what claims to be its gradient as gradient="
        )
    found = []
    for i, names in enumerate(call.derivative_names(1)):
        for j, name in enumerate(names):
            estimate = differences.slope(_along(call, i, j), call.numbers[j])
            for how, rows in candidates.items():
                comparison = Comparison(name, how, rows[i][j])
                found.append(judged_by_estimate(comparison, estimate, scatter[i][j]))
    return GradientReport(found, "differences")


def _along(call: _Call, i: int, j: int) -> Callable[[float], float]:
    """Output i as a function of number j alone."""

    def value(x: float) -> float:
        return float(call.outputs(*call.numbers[:j], x, *call.numbers[j + 1 :])[i])

    return value


NEIGHBOURS = 6  # points at which a claim is asked again
APART = 2.0**-50  # how far they are, relatively


def _claimed(call: _Call, gradient: Function) -> tuple[Rows, Rows]:
    """What a function claims the derivatives to be, and how they scatter from point to point.

    The scatter among neighbouring points is the claim's own rounding error.
    """
    rows = _rows(call, gradient, call.numbers)
    if repr(rows) != repr(again := _rows(call, gradient, call.numbers)):  # a nan is no change
        raise GradientError(
            f"gradient returned {shortened(rows)}, and {shortened(again)} when it was asked again "
            f"at the same point; a gradient must not remember"
        )
    random = Random(0)  # noqa: S311 — neighbours, no secrets
    samples = []
    for _ in range(NEIGHBOURS):
        numbers = [x * (1 + random.choice((-APART, APART))) for x in call.numbers]
        try:
            samples.append(_rows(call, gradient, numbers))
        except (ArithmeticError, ValueError):  # a border of where it is defined
            return rows, [[0.0] * len(row) for row in rows]
    scatter = [
        [max(entries) - min(entries) for entries in zip(*each, strict=True)]
        for each in zip(*samples, strict=True)
    ]
    return rows, [[x if x < math.inf else 0.0 for x in row] for row in scatter]


def _rows(call: _Call, gradient: Function, numbers: Sequence[float]) -> list[list[float]]:
    args = trees.unflatten(call.structure, numbers)
    leaves, structure = trees.flatten(gradient(*args), "what gradient returned")
    width = len(numbers)
    size = len(call.recording.outputs if call.recording else call.outputs(*numbers))
    if len(leaves) != size * width:
        raise ShapeError(
            f"gradient returned {structure!r}, {len(leaves)} numbers; expected {size * width}: the "
            f"derivatives of {size} results by {width} arguments"
        )
    numbers = [float(getattr(leaf, "data", leaf)) for leaf in leaves]
    return _cut(numbers, width)


def _message(report: GradientReport, call: _Call, order: int, gradient: Function | None) -> str:
    """The table of what is wrong, the operation at fault, and the formula."""
    count = len(report.wrong)
    what = "a derivative is" if count == 1 else f"{count} derivatives are"
    lines = [f"{what} wrong", *table(HEADINGS, [each.cells() for each in report.wrong])]
    lines += report.notes
    recording = call.recording
    if recording is not None:
        if report.source == "replay":
            lines.append(_fault(recording, order, gradient))
        y = next(y for y in recording.outputs if isinstance(y, Value))
        pairs = zip(call.names, call.numbers, strict=True)
        point = ", ".join(f"{name} = {x!r}" for name, x in islice(pairs, 10))
        more = f", and {len(call.names) - 10} more" if len(call.names) > 10 else ""
        lines += [f"f = {formula(y, max_length=500)}", f"at {point}{more}"]
    return "\n".join(lines)


def _fault(recording: Recording, order: int, gradient: Function | None) -> str:
    """The first operation whose own derivatives are wrong."""
    for node in Replay(recording.outputs, recording.inputs).nodes:
        try:
            report = None if node.op is None else _of_operation(node.op, node.operands, order)
        except NotReplayable:
            continue
        if report is not None and report.wrong:
            worst = report.wrong[0]
            return (
                f"the first operation with a wrong rule is {called(node)}: its derivative by "
                f"{worst.name} is {worst.cells()[2]}, and the rule gives {worst.got!r}"
            )
    if gradient is not None:
        return "every operation of f is differentiated right: what is wrong is the gradient given"
    return "the rule of every operation is right: they are combined wrongly"


def _of_operation(op: Operation, operands: Sequence[Any], order: int) -> GradientReport:
    """The check of an operation as a function of those of its operands that are values."""
    places = [i for i, x in enumerate(operands) if isinstance(x, Value)]

    def alone(*values: Any) -> Any:
        filled = dict(zip(places, values, strict=True))
        return op(*(filled.get(i, x) for i, x in enumerate(operands)))

    names = [f"operand {i + 1}" if op.folds else op.operands[i] for i in places]
    call = _Call(alone, [operands[i].data for i in places], names)
    return _by_replay(call, order, ["reverse"], None)
