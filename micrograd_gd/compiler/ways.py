"""The ways through the branches of a function that the samples of a batch take.

The function is traced once for each way, and a sample that takes it answers its comparisons. The
results are given together by `where`, so that each sample gets the one of its way.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_gd.compiler import lanes
from micrograd_gd.compiler.lanes import Lanes
from micrograd_gd.compiler.numbers import Numbers, walk
from micrograd_gd.core import blocks
from micrograd_gd.engine import Value
from micrograd_gd.errors import JitError, ShapeError
from micrograd_gd.table import expression
from micrograd_gd.table.operation import ON_VALUES
from micrograd_gd.table.ops import operation
from micrograd_gd.table.relations import BY_SIGN
from micrograd_gd.transforms import trees

if TYPE_CHECKING:
    from micrograd_gd.compiler.trace import Trace

MOST_WAYS = 64  # of one batch; samples that take others are not compiled
MOST_ANSWERS = 10_000  # on all of them; then there are no more

Answers = tuple[bool, ...]  # of all comparisons on one way, in the order in which they came

_WHERE = operation("where")


def of_trace() -> "Ways":
    """The ways of the trace that is under way."""
    return blocks.trace().ways  # type: ignore[union-attr,no-any-return]  # of the compiler


class _Decision(NamedTuple):
    left: Any
    relation: str
    right: Any
    answer: bool


class _Way(NamedTuple):
    """One way through the branches, or all that begin with these answers, and what comes of it."""

    answers: Answers
    tests: list[Any]  # the comparisons as numbers, 1 in samples where one holds
    result: Any
    leaves: list[Any]
    structure: trees.Structure
    samples: Any  # which of them take it
    missing: Any = 0.0  # 1 in samples that begin so, and go on as no way does

    def begin(self, count: int) -> "_Way":
        """The ways that begin with so many of the answers, of which only these go on."""
        missing = self.missing
        for i in reversed(range(count, len(self.answers))):
            choice = (missing, 1.0) if self.answers[i] else (1.0, missing)
            missing = _WHERE(self.tests[i], *choice)
        return self._replace(answers=self.answers[:count], missing=missing)

    def join(self, other: "_Way") -> "_Way":
        """Both, where they part at the last answer, to which the other says yes."""
        place = len(self.answers) - 1
        test = self.tests[place]
        pairs = zip(other.leaves, self.leaves, strict=True)
        leaves = [x if x is y else _WHERE(test, x, y) for x, y in pairs]
        missing = 0.0
        if isinstance(self.missing, Value) or isinstance(other.missing, Value):
            missing = _WHERE(test, other.missing, self.missing)
        return self._replace(answers=self.answers[:place], leaves=leaves, missing=missing)


class _LostError(BaseException):
    """A way that was traced before is no longer one of the function."""


class Ways:
    """The ways of all batches of a trace."""

    def __init__(self, numbers: Numbers, known: Sequence[Sequence[Answers]]) -> None:
        self._numbers = numbers
        self._known = known  # those of an earlier trace, batch by batch
        self.found: list[tuple[Answers, ...]] = []  # likewise
        self.is_full = False  # whether there are more than can be traced
        self.missing: list[Any] = []  # how many samples take a way that is not there, if any may
        self._decisions: dict[Any, _Decision] | None = None  # of the way that is being traced
        self._answer: Any = None  # a function that decides what comes next there

    @property
    def _trace(self) -> "Trace":
        """The one that is under way: kept here, it would outlive its use."""
        return blocks.trace()  # type: ignore[return-value]  # of the compiler

    def may_branch(self) -> bool:
        """Whether a comparison may be one of many samples here."""
        return self._decisions is not None

    def decide(self, left: Any, relation: str, right: Any) -> bool:
        """How a comparison ends for the samples on this way."""
        assert self._decisions is not None, "who asks has asked"  # noqa: S101 — for the types
        key = id(left), relation, id(right) if isinstance(right, Value) else repr(right)
        if key not in self._decisions:
            decision = _Decision(left, relation, right, answer=False)
            self._decisions[key] = decision._replace(answer=self._answer(decision))
        return self._decisions[key].answer

    def trace_each(self, call: Callable[[], Any], size: int) -> Any:
        """What the function gives: that of the only way, or a choice among those of all ways."""
        place = len(self.found)
        self.found.append(())
        known = self._known[place] if place < len(self._known) else ()
        ways = [way for answers in known if (way := self._follow_again(call, answers))]
        ways = ways or [self._follow(call, 0)]
        if not ways[0].answers:
            return ways[0].result
        left = sum(way.samples for way in ways) == 0
        while left.any():
            if _are_many(ways):
                ways = [way for way in ways if way.samples.any()]
            if _are_many(ways):
                break
            sample = int(left.argmax())
            way = self._follow(call, sample)
            self._refuse_chance(way, ways)
            if not way.samples[sample]:
                break  # where what is compiled rounds in another way
            ways.append(way)
            left &= way.samples == 0
        self.is_full |= bool(left.any())
        self.found[place] = tuple([way.answers for way in ways])
        return self._choose(ways, size)

    def _choose(self, ways: Sequence[_Way], size: int) -> Any:
        """The result of each sample's way: those that go together longest are joined first."""
        for way in ways:
            if way.structure != ways[0].structure:
                raise ShapeError(
                    f"f gave {ways[0].structure!r} for some samples, and {way.structure!r} for "
                    f"others"
                )
        left = sorted(ways, key=lambda way: way.answers)
        while len(left) > 1:
            shared = [_count_shared(a.answers, b.answers) for a, b in pairwise(left)]
            count = max(shared)
            i = shared.index(count)
            left[i : i + 2] = [left[i].begin(count + 1).join(left[i + 1].begin(count + 1))]
        whole = left[0].begin(0)
        if isinstance(whole.missing, Value):
            total = lanes.record("sum", size, whole.missing)
            self.missing = [sum(self.missing, total)]  # of all batches
        return trees.unflatten(whole.structure, whole.leaves)

    def _refuse_chance(self, way: _Way, ways: Sequence[_Way]) -> None:
        """Refuse a way that ends where another one goes on, though the answers are the same."""
        for each in ways:
            pairs = zip(way.answers, each.answers, strict=False)
            if way.answers != each.answers and all(x == y for x, y in pairs):
                raise JitError(
                    f"{self._trace.name} cannot be compiled: it branches differently when it is "
                    f"called again"
                )

    def _follow_again(self, call: Callable[[], Any], answers: Answers) -> _Way | None:
        """The way with these answers, if it is still there."""
        remaining = iter(answers)

        def answer(_: _Decision) -> bool:
            for each in remaining:
                return each
            raise _LostError

        undo = self._trace.mark()
        try:
            way = self._run(call, answer)
        except (_LostError, Exception):  # noqa: BLE001 — whatever is in the way, nobody may take it
            undo()
            return None
        if way.answers != answers:
            undo()
            return None
        return way

    def _follow(self, call: Callable[[], Any], sample: int) -> _Way:
        """The way that a sample takes."""
        seen = len(self._trace.events)
        known: dict[Any, float] = {}
        events: dict[Any, None] = {}

        def find(*nodes: Any) -> list[float]:
            nonlocal seen
            events.update(dict.fromkeys(self._trace.events[seen:]))
            seen = len(self._trace.events)
            inner = [x for x in nodes if isinstance(x, Value)]
            steps = walk(inner, lambda x: x in known or x not in events)
            made = {*steps}
            operands = [x for each in steps for x in each.operands] + inner
            outer = [
                x
                for x in dict.fromkeys(operands)
                if isinstance(x, Value) and x not in made and x not in known
            ]
            known.update(zip(outer, self._numbers.find_lane(outer, sample), strict=True))
            for each in steps:
                op: Any = each.op
                if isinstance(op, Lanes) and op.kind != "spread":
                    raise self._trace.refuse_branch()
                known[each] = op(*[known.get(x, x) for x in each.operands])
            return [known.get(x, x) for x in nodes]

        def answer(decision: _Decision) -> bool:
            left, right = find(decision.left, decision.right)
            return bool(BY_SIGN[decision.relation].holds(left, right))

        return self._run(call, answer)

    def _run(self, call: Callable[[], Any], answer: Callable[[_Decision], bool]) -> _Way:
        self._decisions, self._answer = {}, answer
        start = len(self._trace.events)
        try:
            result = call()
            decisions = [*self._decisions.values()]
        finally:
            self._decisions = self._answer = None
        answers = tuple([each.answer for each in decisions])
        tests = [self._trace.constant(_test(each)) for each in decisions]
        samples = self._find_samples(answers, tests, start) if tests else None
        return _Way(answers, tests, result, *trees.flatten(result, "the result"), samples)

    def _find_samples(self, answers: Answers, tests: Sequence[Any], start: int) -> Any:
        """Which of the samples answer so."""
        undo = self._trace.mark()
        is_taken: Any = 1.0
        for test, holds in zip(tests, answers, strict=True):
            is_taken = _WHERE(test, is_taken, 0.0) if holds else _WHERE(test, 0.0, is_taken)
        events = {*self._trace.events[start:]}
        steps = walk([is_taken], lambda x: x not in events)
        self._numbers.find([x for each in steps for x in each.operands if x not in events])
        (samples,) = self._numbers.find([is_taken], keep=False)
        undo()
        return samples != 0


def _test(decision: _Decision) -> Any:
    return _tests(decision.relation)(decision.left, decision.right)


@cache
def _tests(relation: str) -> Callable[[Any, Any], Any]:
    tree = expression.parse(BY_SIGN[relation].test, "ab")
    return expression.function("ab", expression.on_values(tree), ON_VALUES)


def _are_many(ways: Sequence[_Way]) -> bool:
    """Whether there may be no more of them."""
    return len(ways) >= MOST_WAYS or sum(len(way.answers) for way in ways) > MOST_ANSWERS


def _count_shared(a: Answers, b: Answers) -> int:
    """How many answers they begin with are the same."""
    return next(i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
