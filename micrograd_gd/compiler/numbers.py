"""What the numbers of a trace are for the arguments that came, in all samples.

A trace computes the first sample of a batch alone. Where that is not enough, what a number depends
on is run as a small program.
"""

from collections.abc import Callable, Container, Sequence
from typing import Any

from micrograd_gd.compiler import lanes
from micrograd_gd.compiler.batches import Batches
from micrograd_gd.compiler.held import Held
from micrograd_gd.compiler.instructions import Instruction
from micrograd_gd.compiler.passes import optimize
from micrograd_gd.compiler.program import BatchOutput, Program
from micrograd_gd.compiler.tiers import compile_program
from micrograd_gd.core import blocks
from micrograd_gd.engine import Value
from micrograd_gd.table.relations import BY_SIGN
from micrograd_gd.transforms import trees


class Numbers:
    """The numbers of one trace: a float each, or where they are varying, an array of all lanes."""

    def __init__(
        self, inputs: Sequence[Value], leaves: Sequence[Any], held: Held, batches: Batches
    ) -> None:
        self._inputs, self._leaves = inputs, leaves
        self._held = held
        self._batches = batches
        self._known: dict[Any, Any] = {}  # columns of whole arrays, their lengths, what is found
        self._axes: dict[int, Any] = {}  # a column for each open length, which is read from it
        self._arrays = -1  # so many are held of those that are known

    def _look_around(self) -> None:
        """Take note of the arguments, and of the arrays that are held."""
        held = self._held
        if self._arrays == len(held.arrays):
            return
        self._arrays = len(held.arrays)
        leaves = [*self._leaves, *held.arrays]
        columns = [column for leaf in leaves for column in _find_columns(leaf)]
        inputs = [*self._inputs, *held.inputs]
        pairs = [*zip(inputs, columns, strict=True), *zip(held.lengths, held.counts, strict=True)]
        self._known.update({x: y for x, y in pairs if not isinstance(y, Value)})
        self._axes = {n: x for x in inputs if (n := self._batches.lanes_of(x)) < 0}

    def compare(self, left: Any, relation: str, right: Any) -> bool:
        """How a comparison ends that is one for all samples."""
        return bool(BY_SIGN[relation].holds(*self.find([left, right])))

    def find(self, nodes: Sequence[Any], *, keep: bool = True) -> list[Any]:
        """What they are, which is kept for what depends on them."""
        self._look_around()
        steps = walk([x for x in nodes if isinstance(x, Value)], self._has)
        asked = {*nodes}
        hard = dict.fromkeys(x for step in steps for x in self._find_hard(step, asked))
        found = self._compute([*hard]) if hard else {}
        for x in steps:
            if x not in found and not self._batches.lanes_of(x):
                operands = [found[y] if y in found else self._read(y) for y in x.operands]
                is_pick = lanes.is_kind(x, "pick")
                found[x] = float(operands[0][int(operands[1])]) if is_pick else x.op(*operands)  # type: ignore[misc]  # what was computed has one
        if keep:
            self._known.update(found)
        return [found[x] if x in found else self._read(x) for x in nodes]

    def _find_hard(self, step: Value, asked: Container[Any]) -> list[Any]:
        """What of a step is not computed from single numbers."""
        if lanes.is_reduction(step.op) or (self._batches.lanes_of(step) and step in asked):
            return [step]
        is_pick = lanes.is_kind(step, "pick")
        return [x for x in step.operands[:1] if is_pick and not self._has(x)]

    def find_lane(self, nodes: Sequence[Any], lane: int) -> list[float]:
        """What they are in one of the samples."""
        found = zip(nodes, self.find(nodes), strict=True)
        return [float(x[lane]) if self._batches.lanes_of(node) else x for node, x in found]

    def _read(self, x: Any) -> Any:
        if x in self._known:
            return self._known[x]
        with blocks.tracing(None):  # which may not look at numbers
            return x.data if isinstance(x, Value) else x

    def _has(self, x: Value) -> bool:
        return x in self._known or x.op is None

    def _compute(self, needed: Sequence[Value]) -> dict[Any, Any]:
        """What they are, by a program for them, and what uniform numbers are on the way."""
        lanes_of = self._batches.lanes_of
        # What is varying in a batch of a fixed size is computed anew from numbers of their own.
        steps = walk(needed, lambda x: self._has(x) and lanes_of(x) <= 0)
        made = {*steps, *self._held.lengths}
        nodes = [*dict.fromkeys([*needed, *(x for x in steps if not lanes_of(x))])]
        operands = [x for step in steps for x in step.operands if isinstance(x, Value)]
        given = [x for x in dict.fromkeys([*self._axes.values(), *operands]) if x not in made]
        number = {x: i for i, x in enumerate([*given, *self._held.lengths, *steps])}
        statements = [
            Instruction(
                number[step],
                step.op,  # type: ignore[arg-type]  # what was computed has one
                tuple([number[x] if isinstance(x, Value) else x for x in step.operands]),
            )
            for step in steps
        ]
        outputs: list[Any] = []
        batches: list[BatchOutput] = []
        for x in nodes:
            if (count := lanes_of(x)) > 0:
                batches.append(BatchOutput(number[x], len(outputs), 1, count))
                outputs += [None] * count
            else:
                outputs.append(number[x])
        below = tuple([_structure(lanes_of(x)) for x in nodes])
        program = Program(
            arguments=tuple([(f"x{i}", _structure(lanes_of(x))) for i, x in enumerate(given)]),
            captured=(),
            statements=tuple(statements),
            outputs=tuple(outputs),
            structure=trees.Structure(list, below=below, size=len(outputs)),
            labels={},
            batch_outputs=tuple(batches),
            lengths=tuple(self._held.counts),
            cuts=self._held.find_cuts(),
        )
        leaves = [*map(self._read, given)]
        return dict(zip(nodes, compile_program(optimize(program)).run(leaves), strict=True))


def walk(nodes: Sequence[Value], is_end: Callable[[Value], bool]) -> list[Value]:
    """What the nodes depend on, operands first and without the ends, to the nodes themselves."""
    ordered: list[Value] = []
    seen: set[Value] = set()
    stack: list[Any] = [*nodes][::-1]
    while stack:
        node = stack.pop()
        if node is None:  # the operands of the node below are all in place
            ordered.append(stack.pop())
        elif node not in seen and not is_end(node):
            seen.add(node)
            stack += (node, None)
            stack += [x for x in reversed(node.operands) if isinstance(x, Value)]
    return ordered


def _structure(count: int) -> trees.Structure:
    return trees.array_structure((count,)) if count else trees.LEAF


def _find_columns(leaf: Any) -> list[Any]:
    """The number, or the columns of an array."""
    if not hasattr(leaf, "ndim"):
        return [leaf]
    import numpy as np  # noqa: PLC0415 — only those who brought an array need it

    return [*np.ascontiguousarray(leaf.reshape(len(leaf), -1).T)]
