"""Chains of additions: sums that grow, each in a place of its own, as people write them.

Of a chain each result is used by the next addition alone. So all of them can be one number, an
*accumulator*, to which more and more is added. What is added to many of them in turn is a loop,
whatever they start at.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from micrograd_gd.compiler.instructions import Guard, Instruction, Operand, Statement
from micrograd_gd.compiler.lanes import is_reduction
from micrograd_gd.compiler.nests import ADD, FIRST_ACCUMULATOR, START
from micrograd_gd.compiler.program import find_numbers
from micrograd_gd.compiler.rolled import Item, walk
from micrograd_gd.table.ops import OPERATIONS, Operation

T = TypeVar("T")

_Placed = tuple[int, Statement]

FEWEST = 3  # additions of a chain


class Chain(NamedTuple):
    """What a sum starts at, and the places of additions to it among the statements.

    Where the start is a term like the others, it is added to -0.0, which changes no number. What is
    used far away is copied when it is complete.
    """

    start: Operand
    places: tuple[int, ...]
    starts_with_term: bool
    is_copied: bool = False


def find_chains(statements: Sequence[Statement], labels: Mapping[int, str]) -> list[Chain]:
    """The chains of results without labels."""
    last: dict[Operand, int] = {}
    for place, each in enumerate(statements):
        last |= dict.fromkeys(find_numbers(each.operands), place)
    ops: dict[Operand, Operation] = {}  # of results
    growing: dict[Operand, list[int]] = {}  # the places of chains, by their last results
    found: list[tuple[Operand, list[int], bool]] = []
    for place, each in enumerate(statements):
        if isinstance(each, Guard):
            continue
        ops[each.result] = each.op
        before, *terms = each.operands
        numbers = find_numbers(each.operands)
        if not _adds(each.op) or each.result in labels or before in find_numbers(terms):
            continue
        if before in numbers and before in growing and last[before] == place:
            places = growing.pop(before)
        else:
            kinds = [ops[x] for x in numbers if x in ops and x not in labels]
            places = []
            found.append((before, places, len(kinds) == 2 and kinds[0] is kinds[1]))
        places.append(place)
        growing[each.result] = places
    return [Chain(x, (*places,), is_term) for x, places, is_term in found if len(places) >= FEWEST]


def _adds(op: Operation) -> bool:
    """Whether it adds something to its first operand."""
    return op is ADD or (not op.folds and op.name in OPERATIONS and OPERATIONS[op.name].folds)


class Gathered:
    """Statements with an accumulator for each chain. Results are numbered anew, from `size` on."""

    def __init__(self, statements: Sequence[Statement], chains: Iterable[Chain], size: int) -> None:
        self._results = [*map(_find_result, statements)]
        order = sorted(chains, key=lambda chain: (len(chain.places), chain.places))
        self.chains = dict(enumerate(order, FIRST_ACCUMULATOR))
        self.numbers: dict[int, int] = {}  # by those before
        pairs = [*self._gather(statements, size)]
        self.statements = [statement for statement, _ in pairs]
        self._added = [place for _, place in pairs]

    def _gather(
        self, statements: Sequence[Statement], number: int
    ) -> Iterator[tuple[Statement, int]]:
        """Each statement, and which of those before it is, -1 for others."""
        accumulators = {place: a for a, chain in self.chains.items() for place in chain.places}
        copied = {chain.places[-1] for chain in self.chains.values() if chain.is_copied}
        starting = defaultdict[int, list[int]](list)
        for a, chain in self.chains.items():
            if type(chain.start) is int:
                starting[chain.start].append(a)
        until = {
            x: self.chains[a].places[0]
            for x, (a, *others) in starting.items()
            if not others and not self.chains[a].starts_with_term
        }
        find = self.numbers.get
        for place, each in enumerate(statements):
            given: tuple[Any, ...] = each.operands
            operands = tuple([
                x if type(x) is float
                else starting[x][0] if place <= until.get(x, -1)  # the sum is what it starts at
                else find(x, x)
                for x in given
            ])  # fmt: skip
            if isinstance(each, Guard):
                yield Guard(operands[0], each.relation, operands[1], each.holds), place
                continue
            result = each.result
            if place in accumulators:
                result = accumulators[place]
                operands = (result, *operands[1:])
            elif result >= 0:
                result, number = number, number + 1
            self.numbers[each.result] = result
            yield Instruction(result, each.op, operands), place
            if place in copied:
                self.numbers[each.result], number = number, number + 1
                yield Instruction(self.numbers[each.result], START, (result,)), -1
            for a in starting.get(each.result, ()):
                is_term = self.chains[a].starts_with_term
                yield Instruction(a, *((ADD, (a, result)) if is_term else (START, (result,)))), -1

    def rename(self, texts: Mapping[int, T]) -> dict[int, T]:
        """What belongs to results, by their numbers now."""
        return {self.numbers.get(x, x): text for x, text in texts.items()}

    def find_repeated(self, items: Iterable[Item]) -> set[Chain]:
        """The chains, shortened to what loops add again and again to the same number."""
        repeated = defaultdict[int, list[int]](list)
        for (step, _), each, place in zip(walk(items), self.statements, self._added, strict=True):
            if (
                isinstance(each, Instruction)
                and each.result in self.chains
                and 0 in step.strides[0]
            ):
                repeated[each.result].append(place)
        return {self._shorten(self.chains[a], places) for a, places in repeated.items()}

    def _shorten(self, chain: Chain, repeated: Sequence[int]) -> Chain:
        """The chain from the first of these places to the last."""
        first, *_, last = *repeated, repeated[-1]
        places = tuple([x for x in chain.places if first <= x <= last])
        before = chain.places[: chain.places.index(places[0])]
        start = self._results[before[-1]] if before else chain.start
        return Chain(start, places, first < 0)


def hoist(statements: Sequence[Statement]) -> list[Statement]:
    """The statements, where a sum stands right behind what is added last."""
    behind: dict[Operand, int] = {}  # which place, by results
    order = []
    for place, each in enumerate(statements):
        anchor = place
        if isinstance(each, Instruction):
            if _adds(each.op) or is_reduction(each.op):
                anchor = max(
                    [behind.get(x, -1) for x in find_numbers(each.operands)], default=place
                )
            behind[each.result] = anchor
        order.append((anchor, place))
    return [statements[place] for _, place in sorted(order)]


class Queue:
    """Statements in a new order: what uses a sum waits until all sums of its array are complete.

    `arrays` has those of additions, by their places.
    """

    def __init__(
        self,
        statements: Sequence[Statement],
        chains: Iterable[Chain],
        arrays: Mapping[int, Hashable],
    ) -> None:
        self._uses = Counter(x for each in statements for x in find_numbers(each.operands))
        self._array_at: dict[int, Hashable] = {}
        self._array_of: dict[Operand, Hashable] = {}  # which result is complete
        for each in chains:
            for array in {arrays[x] for x in each.places if x in arrays}:
                self._array_at |= dict.fromkeys(each.places, array)
                self._array_of[_find_result(statements[each.places[-1]])] = array
        self._left = Counter(self._array_at.values())  # additions
        self._begun: dict[Hashable, int] = {}  # at which place
        self._done: dict[Operand, _Placed] = {}  # by results
        self._waiting: dict[Operand, tuple[int, list[_Placed]]] = {}  # and what is for it alone
        self._outputs = [each for each in statements if _find_result(each) < 0]
        for pair in enumerate(statements[: len(statements) - len(self._outputs)]):
            begun = self._find_begun(pair[1])
            if begun < sys.maxsize:
                unit = [*self._take_back(begun, pair), pair]
                self._waiting[_find_result(pair[1])] = begun, unit
            else:
                self._do(pair)

    def list_all(self) -> list[Statement]:
        """The statements in this order."""
        waiting = (pair for _, unit in self._waiting.values() for pair in unit)
        return [*(each for _, each in (*self._done.values(), *waiting)), *self._outputs]

    def _find_begun(self, each: Statement) -> int:
        """Where what it waits for has begun; beyond all places if it waits for nothing."""
        found = [sys.maxsize]
        for x in find_numbers(each.operands):
            if x in self._waiting:
                found.append(self._waiting[x][0])
            elif self._left[array := self._array_of.get(x)]:
                found.append(self._begun[array])
        return min(found)

    def _do(self, pair: _Placed) -> None:
        place, each = pair
        self._done[_find_result(each)] = pair
        if place not in self._array_at:
            return
        array = self._array_at[place]
        self._begun.setdefault(array, place)
        self._left[array] -= 1
        if self._left[array]:
            return
        for result, (_, unit) in [*self._waiting.items()]:
            if result in self._waiting and self._find_begun(unit[-1][1]) == sys.maxsize:
                del self._waiting[result]
                for other in unit:
                    self._do(other)

    def _take_back(self, begun: int, pair: _Placed) -> Iterator[_Placed]:
        """What was computed since then for a statement alone."""
        for x in find_numbers(pair[1].operands):
            before, _ = self._done.get(x, (-1, None))
            if self._uses[x] == 1 and before > begun and before not in self._array_at:
                own = self._done.pop(x)
                yield from self._take_back(begun, own)
                yield own


def _find_result(statement: Statement) -> int:
    return getattr(statement, "result", -1)
