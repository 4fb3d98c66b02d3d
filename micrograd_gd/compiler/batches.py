"""Derivatives in a batch: what a sweep computes with where one number stands for all samples.

A derivative that enters a batch, or leaves it, crosses a border, and the operations there
(`compiler.lanes`) are linear: along them a tangent goes the way of the numbers, and an adjoint the
way back. A derivative that leaves a batch, from a varying result to a uniform operand, is the sum
of what it is in the lanes.

Samples take different branches. So a sweep goes through the whole graph, a partial computes all its
branches (`compiler.branches`), and where a derivative flows in some samples only, a mask says in
which: 1 there, 0 elsewhere.
"""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from micrograd_gd.compiler import branches, lanes
from micrograd_gd.compiler.held import Held, is_plain
from micrograd_gd.compiler.reductions import reduce
from micrograd_gd.core import blocks
from micrograd_gd.core.arithmetic import Recorded
from micrograd_gd.core.whole import WholeArray
from micrograd_gd.engine import Value
from micrograd_gd.table.ops import operation
from micrograd_gd.transforms import trees

if TYPE_CHECKING:
    from micrograd_gd.compiler.trace import Trace

_WHERE = operation("where")


def of_trace() -> "Batches | None":
    """The batches of the trace that is under way, if any."""
    return getattr(blocks.trace(), "batches", None)


class Batches:
    """The batches of one trace, and which of its numbers are varying."""

    def __init__(self, events: list[Any], columns: dict[Any, int], held: Held) -> None:
        self.any = bool(columns)  # whether there was a batch
        self.is_computed_with = False  # whether operators make others of what vmap gives whole
        self._columns = columns  # of arrays that are taken whole
        self._held = held  # those that are no arguments, and the lengths of all
        self.size = 0  # of the batch whose sample is being traced; 0 outside of one
        self.masks: dict[Any, Any] = {}  # of derivatives that only some samples have
        self.samples: dict[Any, frozenset[int]] = {}  # that have one, where that is known
        self._settled: dict[Any, Any] = {}  # those derivatives as others see them
        self._events = events
        self._lanes = {**columns}  # of the numbers from a batch among the events so far
        self._seen = 0  # so many events
        self._differing: dict[Any, bool] = {}
        self._uniform: dict[Any, Any] = {}  # what varying numbers are the same as in every lane

    @contextmanager
    def of_size(self, size: int) -> Iterator[None]:
        """While one sample is traced that stands for so many."""
        self.any, self.size = True, size
        try:
            yield
        finally:
            self.size = 0

    def lanes_of(self, x: Any) -> int:
        """How many lanes a varying number has; 0 for all others."""
        return self._look_up(x) or 0

    def is_from_batch(self, x: Any) -> bool:
        """Whether x depends on numbers of all samples, of which a trace computes the first alone.

        So it is with a sum over the batch, too: how it compares while tracing tells nothing.
        """
        return self._look_up(x) is not None

    def _look_up(self, x: Any) -> int | None:
        if not self.any:
            return None
        known = self._lanes
        if self._seen < len(self._events):
            for event in self._events[self._seen :]:
                if isinstance(event, Value):
                    op = event.op
                    if isinstance(op, lanes.Lanes):
                        known[event] = op.gives
                        continue
                    below = event.operands
                    counts = [known[y] for y in below if type(y) is not float and y in known]
                    if counts:
                        known[event] = next(filter(None, counts), 0)
            self._seen = len(self._events)
        return known.get(x) if isinstance(x, Value) else None

    def forget(self, start: int) -> None:
        """Take note that the events from `start` on were dropped."""
        self._seen = min(self._seen, start)

    def total(self, xs: Any) -> Any:
        """The sum of a whole batch as one node, if that is what the numbers are, or None."""
        if isinstance(xs, WholeArray):
            return self.reduce(xs, "sum")
        varying = lanes.find_whole(xs) if self.any else None
        return None if varying is None else lanes.record("sum", len(xs), varying)

    def reduce(self, xs: WholeArray, kind: str) -> Any:
        """One number of all rows."""
        size, *shape = xs.open_shape
        if self.size or (shape and kind not in {"first", "last"}):
            xs.take_apart()
        numbers = [reduce(self.spread(x, size), size, kind, self.length(size)) for x in xs.columns]
        return trees.array(numbers, tuple(shape)) if shape else numbers[0]

    def compute(self, operate: Callable[..., Any], xs: WholeArray, other: Any) -> Any:
        """What the operator gives for each row, with a number or with another array."""
        if is_plain(other) and other.shape == (self.count(xs.open_shape[0]), *xs.open_shape[1:]):
            whole = self.hold(other)
            other = other if whole is None else whole
        is_alike = isinstance(other, WholeArray) and other.open_shape == xs.open_shape
        is_uniform = isinstance(other, (int, float, Value)) and not self.lanes_of(other)
        if self.size or not (is_alike or is_uniform):
            xs.take_apart()
        self.is_computed_with = True
        others = other.columns if is_alike else [other] * len(xs.columns)
        columns = [operate(x, y) for x, y in zip(xs.columns, others, strict=True)]
        return WholeArray(columns, xs.open_shape, is_batch=True)

    def cut(self, xs: WholeArray, first: int, last: int) -> WholeArray:
        """The rows without so many first and last ones."""
        before, *rest = xs.open_shape
        axis = None if self.size else self._held.cut(before, first + last)
        if axis is None:
            xs.take_apart()
        self.is_computed_with = True
        columns = [
            lanes.record("shift", axis, self.spread(x, before), float(first)) for x in xs.columns
        ]
        return WholeArray(columns, (axis, *rest), is_batch=xs.is_batch)

    def find_cut(self, axis: int) -> tuple[int, int]:
        """The axis of which this is a part, and how much shorter this is."""
        return self._held.find_cut(axis)

    def hold(self, x: Any, axis: int = 0) -> WholeArray | None:
        """An array that is no argument as a whole, its samples first, where that is possible."""
        whole = self._held.take(x, axis) if not self.size else None
        if whole is not None:
            columns = dict.fromkeys(whole.columns, whole.open_shape[0])
            self.any = True
            self._columns |= columns
            self._lanes |= columns
        return whole

    def spread(self, x: Any, size: int) -> Any:
        """The number as a varying one."""
        return x if self.lanes_of(x) else lanes.record("spread", size, x)

    def count(self, size: int) -> int:
        """The number of samples of a batch here and now."""
        return self._held.counts[-1 - size] if size < 0 else size

    def length(self, size: int) -> Any:
        """The number of samples of a batch."""
        return self._held.lengths[-1 - size] if size < 0 else float(size)

    def fresh(self, x: Any) -> Any:
        """Within a batch, x as a varying number, along which each sample has a derivative."""
        if not self.size:
            return None
        return lanes.record("spread", self.size, x if isinstance(x, Value) else Value(x))

    def uniform(self, x: Any) -> Any:
        """The same number as a uniform one, or None where it is another one in each sample.

        What comes from spread numbers alone varies only for derivatives.
        """
        if self._differs(x):
            return None
        known, waiting = self._uniform, [x]
        while waiting:
            node = waiting[-1]
            if not self.lanes_of(node):
                known[node] = node
            elif missing := [y for y in node.operands if isinstance(y, Value) and y not in known]:
                waiting += missing
                continue
            elif lanes.is_kind(node, "spread"):  # also of what varies, for a derivative of its own
                known[node] = known.get(node.operands[0], node.operands[0])
            else:
                known[node] = Value.record(node.op, *[known.get(y, y) for y in node.operands])
            waiting.pop()
        return known[x]

    def _differs(self, x: Any) -> bool:
        """Whether it comes from what is another number in each sample."""
        known, waiting = self._differing, [x]
        while waiting:
            node = waiting[-1]
            below = [y for y in node.operands if isinstance(y, Value)]
            is_border = isinstance(node.op, lanes.Lanes) and not lanes.is_kind(node, "spread")
            if not self.lanes_of(node):
                known[node] = False
            elif node in self._columns or is_border:
                known[node] = True
            elif missing := [y for y in below if y not in known]:
                waiting += missing
                continue
            else:
                known[node] = any(known[y] for y in below)
            waiting.pop()
        return known[x]

    def mask(self, x: Any) -> Any:
        """Which samples have this derivative, 1 or 0 in each; None if all do."""
        if not isinstance(x, Value):
            return None
        if x in self.samples and x not in self.masks:
            count = self.lanes_of(x)
            has = [float(i in self.samples[x]) for i in range(count)]
            self.masks[x] = lanes.record("pack", count, *has)
        return self.masks.get(x)

    def settle(self, x: Any) -> Any:
        """The derivative with 0 in samples that have none, where sweeps leave -0.0."""
        if (mask := self.mask(x)) is None:
            return x
        if x not in self._settled:
            if lanes.is_kind(x, "pick"):
                varying, i = x.operands
                settled = lanes.record("pick", x.op.lanes, self.settle(varying), i)
            else:
                settled = _WHERE(mask, x, 0.0)
            self._settled[x] = settled
        return self._settled[x]

    def flows(self, node: Any, i: int) -> Any:
        """In which samples a derivative reaches operand i, 1 or 0; None where numbers do not say.

        A plain number stands for all samples alike, which then is so for all numbers to come.
        """
        is_choice = branches.has_branch(node.op, i) and self.is_from_batch(node)
        flows = branches.flows(node, i) if is_choice else None
        return None if flows is None else flows(*node.operands, node)


class _InBatches(Recorded):
    """What both sweeps do."""

    in_c = False

    def __init__(self, trace: "Trace", *, last: bool) -> None:
        super().__init__(trace, last=last)
        self.batches = trace.batches

    def partials(self, node: Any, among: Container[Any] | None = None) -> Iterator[Any]:
        """Those along which a derivative flows in some sample; the place of the sweep is kept."""
        self.operands = operands = node.operands
        self.count = self.batches.lanes_of(node)
        for i, (operand, stored) in enumerate(zip(operands, node.partials, strict=True)):
            self.node, self.i = node, i
            is_asked = among is None or operand in among
            flows = is_asked and (stored is not None or self._flows(node, i))
            yield self.trace.partial(node, i, last=self.last) if flows else None

    def _flows(self, node: Any, i: int) -> bool:
        """Whether a derivative reaches operand i for other samples, if for these numbers none.

        Where all numbers are the same for the batch, that is a branch, which may be a guard.
        """
        if not isinstance(self.operands[i], Value):
            return False
        if self.last and self.trace.takes_all(node, i):
            return True
        flows = self.batches.flows(node, i)
        if flows is None:
            self.trace.partial(node, i, last=False)
        return isinstance(flows, Value)

    def plus(self, a: Any, b: Any) -> Any:
        """The sum, there in the samples that one of the two is there in."""
        step, batches = a + b, self.batches
        if a in batches.samples and b in batches.samples:
            samples = batches.samples[a] | batches.samples[b]
            if len(samples) < batches.lanes_of(step):
                batches.samples[step] = samples
            return step
        mask = batches.mask(a)
        other = None if mask is None else batches.mask(b)
        if other is not None:
            batches.masks[step] = mask if mask is other else _WHERE(mask, 1.0, other)
        return step

    def _where_there(self, derivative: Any, step: Any) -> Any:
        """The step in those samples that have one, -0.0 in others, whose partial may be infinite.

        `where` has a derivative by one operand only, another one in each sample. On its further
        way, a mask tells which samples a derivative is there for: those where it is not 0.
        """
        mask = self.batches.mask(derivative)
        takes_all = self.last and self.trace.takes_all(self.node, self.i)
        here = None if takes_all else self.batches.flows(self.node, self.i)
        if isinstance(here, Value):
            mask = here if mask is None else _WHERE(here, mask, 0.0)
        elif mask is None or step is derivative:
            return step
        step = _WHERE(mask, step, -0.0)
        self.batches.masks[step] = mask
        return step

    def _sum(self, step: Any, count: int) -> Any:
        """The sum over the samples, there where the step is there for one of them."""
        if not self.batches.lanes_of(step):
            return self._cross(step, step * self.batches.length(count))
        if step in self.batches.samples:
            return lanes.record("sum", count, step)
        mask = self.batches.mask(step)
        is_there = None if mask is None else lanes.record("sum", count, _WHERE(mask, 1.0, 0.0))
        return self._cross(step, lanes.record("sum", count, step), is_there)

    def _pick(self, step: Any, i: float, count: int) -> Any:
        if not self.batches.lanes_of(step):
            return step
        mask, picked = self.batches.mask(step), lanes.record("pick", count, step, i)
        if self.batches.lanes_of(mask):
            mask = lanes.record("pick", count, mask, i)
        return self._cross(step, picked, mask)

    def _cross(self, step: Any, crossed: Any, mask: Any = None) -> Any:
        """What a step is beyond a border, there where `mask` says, or the mask that it had."""
        mask = self.batches.mask(step) if mask is None else mask
        if mask is not None:
            self.batches.masks[crossed] = mask
        return crossed

    def _shift(self, step: Any, count: int, by: float, lanes_after: int) -> Any:
        """The step in lanes that are so many further on, there where it comes from one."""
        batches, mask = self.batches, self.batches.mask(step)
        if mask is None and batches.find_cut(lanes_after)[1] < batches.find_cut(count)[1]:
            mask = 1.0
        shifted, mask = [
            None if x is None else lanes.record("shift", lanes_after, batches.spread(x, count), by)
            for x in (step, mask)
        ]
        return self._cross(step, shifted, mask)

    def _place(self, step: Any, i: float, count: int) -> Any:
        """The step in lane i, which no other sample has."""
        placed, mask = lanes.record("place", count, step, i), self.batches.mask(step)
        if mask is None:
            self.batches.samples[placed] = frozenset({int(i)})
        else:
            self.batches.masks[placed] = lanes.record("place", count, mask, i)
        return placed


class Adjoints(_InBatches):
    """Adjoints, which cross a border against the way of the numbers."""

    def times(self, g: Any, partial: Any) -> Any:
        """What of the step reaches the operand."""
        node, i = self.node, self.i
        step, count = super().times(g, partial), self.count
        match node.op:
            case lanes.Lanes(kind="pick", lanes=n):
                return self._place(step, self.operands[1], n)
            case lanes.Lanes(kind="place"):
                return self._pick(step, self.operands[1], count)
            case lanes.Lanes(kind="pack"):
                return self._pick(step, float(i), count)
            case lanes.Lanes(kind="shift"):
                x, by = self.operands
                return self._shift(step, count, -by, self.batches.lanes_of(x))
        step = self._where_there(g, step)
        if count and not self.batches.lanes_of(self.operands[i]):
            return self._sum(step, count)
        return step


class Tangents(_InBatches):
    """Tangents, which cross it as the numbers do."""

    def times(self, g: Any, partial: Any) -> Any:
        """What of the step reaches the node."""
        node, i = self.node, self.i
        step = super().times(g, partial)
        match node.op:
            case lanes.Lanes(kind="sum", lanes=n):
                return self._sum(step, n)
            case lanes.Lanes(kind="pick", lanes=n):
                return self._pick(step, self.operands[1], n)
            case lanes.Lanes(kind="place", lanes=n):
                return self._place(step, self.operands[1], n)
            case lanes.Lanes(kind="pack", lanes=n):
                return self._place(step, float(i), n)
            case lanes.Lanes(kind="shift", lanes=n):
                x, by = self.operands
                return self._shift(step, self.batches.lanes_of(x), by, n)
        return self._where_there(g, step)
