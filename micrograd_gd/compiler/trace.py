"""From a function to a program: the function is called on values, and what they do is written down.

The engines report every node and every comparison while a trace is under way (`blocks.Tracer`).
What a program could not repeat, such as taking a number out of the graph, is refused then and
there.
"""

import math
import traceback
from collections.abc import Callable, Sequence
from operator import add
from typing import Any, Literal, NamedTuple
from weakref import WeakSet

from micrograd_gd.compiler import branches, lanes
from micrograd_gd.compiler.batches import Adjoints, Batches, Tangents
from micrograd_gd.compiler.held import Held
from micrograd_gd.compiler.layout import Layout
from micrograd_gd.compiler.numbers import Numbers
from micrograd_gd.compiler.ways import Answers, Ways
from micrograd_gd.core import anomaly, blocks, whole
from micrograd_gd.core.arithmetic import Arithmetic, Recorded
from micrograd_gd.core.whole import WholeArray
from micrograd_gd.engine import Value
from micrograd_gd.errors import JitError, NotANumberError
from micrograd_gd.table.ops import Operation
from micrograd_gd.table.relations import compare_with_float
from micrograd_gd.transforms import trees

_TEXTS = ("repr()", "format()")  # are in order in the words of an exception
_CONSTANT = Operation("constant", ("x",), "x", ("None",), "x, taken as a constant.")


class Trace:
    """One call of a function on `inputs`, written down while it runs.

    Raises JitError for what a program could not repeat, and for a result that is no number.
    """

    constant_op = _CONSTANT

    def __init__(
        self,
        name: str,
        inputs: Sequence[Value],
        arguments: tuple[tuple[str, trees.Structure], ...],
        call: Callable[[], Any],
        *,
        is_careful: bool = False,
        held: Held,
        leaves: Sequence[Any] = (),
        ways: Sequence[Sequence[Answers]] = (),
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.held = held  # arrays that the function closes over
        self.lengths = self.held.lengths  # of arrays that are taken whole
        self._given = len(self.lengths)  # those of arguments
        _inputs.update([*inputs, *self.lengths])
        self.arguments = arguments
        self.events: list[Any] = []  # nodes and decisions, in the order in which they came
        self._decided: set[tuple[Any, ...]] = set()
        self._refuses_branches = False  # while a formula is tried without one
        self._asked: tuple[Any, tuple[Any, ...]] = (None, ())  # a node with its operands
        columns = Layout([x for _, x in arguments]).find_columns() if self.lengths else {}
        varying = {inputs[i]: -span.axis for i, span in columns.items()}
        self.batches = Batches(self.events, varying, held)
        self._numbers = Numbers(inputs, leaves, held, self.batches)
        self.ways = Ways(self._numbers, ways)
        self._is_attempt = False  # whether what is recorded may be dropped
        self._refused: JitError | None = None  # which the function may have caught
        self.is_careful = is_careful  # about operands that a choice leaves
        self._derivatives: dict[Value, Value] = {}  # and what is 0.0 in them, but may be -0.0
        self._takes_all = False  # whether the latest sweep met a choice and took no care
        # The derivatives that call for more care if they are nan, and how many events came before.
        self._checked: dict[Value, int] = {}
        try:
            with blocks.recording(), blocks.unwatched(), blocks.tracing(self), blocks.quiet_numpy():
                result = call()
                if self._refused:
                    raise self._refused
                self._check_derivatives()
                self.events += [_Decision(n, "==", 0.0, holds=True) for n in self.ways.missing]
        except NotANumberError as error:
            raise JitError(f"{name} cannot be compiled: {error}; at {_line(error)}") from error
        try:
            self.outputs, self.structure = trees.flatten(result, "the result")
        except NotANumberError as error:
            raise JitError(f"{name} cannot be compiled: {error}") from error
        self.derivatives = self._find_derivatives()

    def result(self) -> Any:
        """What the call returned, as plain numbers; of a batch, lane 0 alone was computed."""
        numbers = [y.data if isinstance(y, Value) else y for y in self.outputs]
        return trees.unflatten(self.structure, numbers)

    def is_doubtful(self) -> bool:
        """Whether a derivative is nan, which it may not be if more care is taken."""
        return any(math.isnan(x.data) for x in self._checked)

    @property
    def all_arguments(self) -> tuple[tuple[str, trees.Structure], ...]:
        """Those of the function, and the arrays that it closes over."""
        return (*self.arguments, *self.held.arguments)

    @property
    def all_inputs(self) -> list[Value]:
        """Their numbers, of arrays that are taken whole those of the first row."""
        return [*self.inputs, *self.held.inputs]

    def refuse_stale(self, captured: Sequence[Value]) -> None:
        """Refuse values that stand for an argument of another call, whose number is no more."""
        known = {*map(id, _inputs)} if captured else set()  # of nan a set of values finds none
        for x in captured:
            if any(id(node) in known for node in x.nodes()):
                label = f", {x.label!r}" if x.label else ""
                raise JitError(
                    f"{self.name} cannot be compiled: it uses a value{label} that was kept from "
                    f"the trace of another call, and a program would keep today's number; return "
                    f"it there, and hand it in as an argument here"
                )

    # What the engines report.

    def report_comparison(self, node: Any, relation: str, other: Any, answer: Any) -> Any:
        """Keep how the comparison ended, unless it ends so for all numbers.

        Among the samples of a batch it ends as on the way that is being traced.
        """
        if self._refuses_branches:
            raise _BranchError
        node, other = self._share(node), self._share(other)
        if isinstance(other, Value):
            key: tuple[Any, ...] = (id(node), relation, id(other))
        elif isinstance(answer, bool) and isinstance(other, str | whole.Whole | None):
            return answer
        else:
            found = compare_with_float(relation, other)
            if found is None:
                return answer
            relation, other = found
            key = (id(node), relation, "number", other)
        if self.is_varying(node) or self.is_varying(other):
            if self._is_attempt or not self.ways.may_branch():
                raise self.refuse_branch()
            return self.ways.decide(node, relation, other)
        if self.batches.is_from_batch(node) or self.batches.is_from_batch(other):
            answer = self._numbers.compare(node, relation, other)
        if key not in self._decided:
            self._decided.add(key)
            self.events.append(_Decision(node, relation, other, bool(answer)))
        return answer

    def report_use(self, node: Any, what: str) -> None:
        """Refuse what a program could not repeat."""
        label = getattr(node, "label", "")
        of = f" of {label!r}" if label else ""
        refused = JitError(
            f"{self.name} cannot be compiled: it uses {what}{of}, and a program would keep today's "
            f"number, at {anomaly.find_user_line()}; compute with values, and take gradients by "
            f"value_and_grad"
        )
        if self._is_attempt:
            raise refused
        self._refused = self._refused or refused
        if what not in _TEXTS:
            raise refused

    def constant(self, node: Any) -> Any:
        """The same number as a node that no derivative flows through."""
        return Value.record(_CONSTANT, node)

    def attempt(self, call: Callable[[], Any]) -> Any:
        """What the call gives; None where it fails, with all that it recorded dropped."""
        undo, before = self.mark(), self._is_attempt
        self._is_attempt = True
        try:
            return call()
        except Exception:  # noqa: BLE001 — whatever is in the way of one form, there is another
            undo()
            return None
        finally:
            self._is_attempt = before

    def mark(self) -> Callable[[], None]:
        """A function that drops what is recorded from now on."""
        before, decided = len(self.events), {*self._decided}

        def undo() -> None:
            self._decided = decided
            self._drop_events(before)

        return undo

    # What sweeps and functions leave to it.

    def arithmetic(self, direction: Literal["down", "up"], *, last: bool) -> Arithmetic:
        """What a sweep computes with: values, or batches as soon as there was one."""
        self._takes_all = False
        if not self.batches.any:
            return Recorded(self, last=last)
        return (Adjoints if direction == "down" else Tangents)(self, last=last)

    def partial(self, node: Any, i: int, *, last: bool) -> Any:
        """The partial for operand i, written out where that takes no branch.

        Where it does take one, the last sweep records the formula as one instruction with all its
        branches. What is to be differentiated again stays written out: each branch taken is a
        guard or, where numbers come from a batch, a choice among them.
        """
        is_fixed = last and (self.takes_all(node, i) or not node.op.may_leave(i))
        slope: Operation | None = node.op.slope(i) if is_fixed else None
        if self._asked[0] is not node:  # once for all operands, of which there may be many
            self._asked = node, node.operands
        operands = self._asked[1]
        if slope is not None and not isinstance(slope.value, str):
            return Value.record(slope, *operands, node)  # Python code, which wants floats
        is_choice = slope is None and branches.has_branch(node.op, i)
        if is_choice and self.batches.is_from_batch(node):
            return branches.partial(node, i)(*operands, node)
        before, self._refuses_branches = len(self.events), slope is not None
        try:
            return node.op.partial(i, operands, node)
        except _BranchError:
            assert slope is not None, "only then branches are refused"  # noqa: S101 — for the types
        finally:
            self._refuses_branches = False
        self._drop_events(before)
        return Value.record(slope, *operands, node)

    def _drop_events(self, start: int) -> None:
        del self.events[start:]
        self.batches.forget(start)

    def takes_all(self, node: Any, i: int) -> bool:
        """Whether in a last sweep the partial is 0 where a choice leaves operand i, and not None.

        That costs nothing, and is right unless 0 meets an infinite number, which gives nan. Then
        the function is traced once more, with care.
        """
        takes: bool = not self.is_careful and node.op.may_leave(i)
        self._takes_all |= takes
        return takes

    def fresh(self, x: Any) -> Any:
        """Within a batch, a varying number for x; else None."""
        return self.batches.fresh(x)

    def settle(self, x: Any) -> Any:
        """A derivative as a sweep found it, but with 0.0 for -0.0 and for what there is none of."""
        if not isinstance(x, Value):
            return self.constant(x + 0.0)
        found = self.batches.settle(x) if self.batches.any else x
        settled = found + 0.0
        self._derivatives[settled] = found
        if self._takes_all:
            self._checked[settled] = len(self.events)
        return settled

    def leave_zeros(self, outputs: Sequence[Any]) -> list[Any]:
        """The outputs with derivatives as they were found: a kernel adds 0.0 to what leaves it."""
        return [self._derivatives.get(y, y) for y in outputs]

    def _find_derivatives(self) -> dict[int, bool]:
        """The outputs that are derivatives, and whether they are checked."""
        xs = [y.operands[0] if lanes.is_kind(y, "pick") else y for y in self.outputs]
        return {i: x in self._checked for i, x in enumerate(xs) if x in self._derivatives}

    def _check_derivatives(self) -> None:
        """Guard those that the function computes with; a kernel checks those that leave it."""
        if not self._checked:
            return
        later = self.events[min(self._checked.values()) :]
        nodes = [event for event in later if isinstance(event, Value)]
        picks = {node for node in nodes if lanes.is_kind(node, "pick")}
        used = {x for node in nodes if node not in picks for x in node.operands}
        used |= {node.operands[0] for node in picks & used}
        used |= {x for each in later if isinstance(each, _Decision) for x in each[::2]}
        xs = [self._derivatives[x] for x in self._checked if x in used]
        xs = [lanes.record("sum", n, x) if (n := self.batches.lanes_of(x)) else x for x in xs]
        for _ in range(3):  # a sum is nan, too, and costs less than a guard
            xs = [*map(add, xs[::2], xs[1::2]), *xs[len(xs) // 2 * 2 :]]
        self.events += [_Decision(x, "==", x, holds=True) for x in xs]

    def reduce(self, xs: WholeArray, kind: str) -> Any:
        """What `reductions` calls so of a whole array; few rows have sums in another order."""
        found = self.batches.reduce(xs, kind)
        self.batches.is_computed_with = True
        self._guard_rows(xs.open_shape[0])
        return found

    def compute(self, operate: Callable[..., Any], xs: WholeArray, other: Any) -> Any:
        """What an operator gives for each row; the sum of few of those has another order, too."""
        computed = self.batches.compute(operate, xs, other)
        self._guard_rows(xs.open_shape[0])
        return computed

    def cut(self, xs: WholeArray, first: int, last: int) -> WholeArray:
        """The rows of a whole array without so many first and last ones."""
        if not first + last:
            return xs
        rows = self.batches.cut(xs, first, last)
        self._guard_rows(rows.open_shape[0])
        return rows

    def fix_length(self, xs: WholeArray) -> int:
        """How many rows a whole array has, which then is so in every run."""
        count = self.batches.count(xs.open_shape[0])
        self._guard_length(xs.open_shape[0], "==", count)
        return count

    def _guard_rows(self, axis: int) -> None:
        """Have few rows taken one by one: those of an argument, or of what others are cut from."""
        root, by = self.batches.find_cut(axis)
        if -axis <= self._given:
            self._guard_length(axis, ">=", whole.FEWEST_ROWS)
        else:
            self._guard_length(root, ">=", max(whole.FEWEST_ROWS, by + 1))

    def _guard_length(self, axis: int, relation: str, count: int) -> None:
        length = self.lengths[-1 - axis]
        key = (id(length), relation, "number", float(count))
        if key not in self._decided:
            self._decided.add(key)
            self.events.append(_Decision(length, relation, float(count), holds=True))

    def length(self, xs: WholeArray) -> Any:
        """How many rows a whole array has, whatever their number."""
        return self.batches.length(xs.open_shape[0])

    def spread(self, x: Any, size: int) -> Any:
        """The number for each row of an array with that open length."""
        return self.batches.spread(x, size)

    def total(self, xs: Any) -> Any:
        """The sum of a whole batch as one node, if that is what the numbers are, or None."""
        is_given = isinstance(xs, WholeArray) and not xs.is_batch  # of few rows as it is written
        return self.reduce(xs, "sum") if is_given else self.batches.total(xs)

    def is_varying(self, x: Any) -> bool:
        """Whether x stands for the numbers of all samples of a batch."""
        return self.batches.lanes_of(x) != 0

    def _share(self, x: Any) -> Any:
        """What all samples share, if that is what the number x of a batch is."""
        uniform = self.batches.uniform(x) if self.is_varying(x) else None
        return x if uniform is None else uniform

    def refuse_branch(self) -> JitError:
        """The error for a branch that cannot be traced."""
        return JitError(
            f"{self.name} cannot be compiled: a branch depends on a number that differs from "
            f"sample to sample of a batch, at {anomaly.find_user_line()}; functional.where with a "
            f"test, such as less(a, b), and maximum, clip and relu choose without a branch"
        )


# The arguments in all traces, for as long as anybody keeps them.
_inputs: WeakSet[Value] = WeakSet()


class _Decision(NamedTuple):
    """A comparison, and how it ended."""

    left: Any
    relation: str
    right: Any
    holds: bool


class _BranchError(Exception):
    """A formula that is to be written out asks how numbers compare."""


def _line(error: BaseException) -> str:
    """The user's line that led to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith((anomaly.PACKAGE, "<"))]
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}" if theirs else "a line of the package"
