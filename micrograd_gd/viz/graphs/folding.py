"""What is drawn as one box of a graph: a node, a part of a model, a run of one operation.

Folding takes a few passes over the nodes, and a few over the parts.
"""

from collections import Counter, deque
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import is_

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.viz.graphs.numbering import Numbering
from micrograd_gd.viz.graphs.scopes import OUTSIDE, Scopes

READABLE = 64  # a graph of more boxes, or of twice as many arrows, is folded
_RUN = 5  # nodes of a kind that make a box


@dataclass(eq=False)
class Bundle:
    """Several nodes in one box: a part of a model, a run of one operation, or leaves."""

    place: int  # the part of the model that the box stands in
    part: int | None = None  # the part that it stands for, if any
    leaves: int = 0
    operations: int = 0
    last: Value | None = None  # the last of the nodes: the result of a run
    uses: Counter["Item"] = field(default_factory=Counter)  # the results of other boxes


Item = Value | Bundle


class Folding:
    """A graph as the boxes that stand for its nodes; at first, each for itself."""

    def __init__(self, numbering: Numbering, scopes: Scopes, places: Sequence[int]) -> None:
        self.numbering, self.scopes, self.places = numbering, scopes, places
        self._open_all()

    def _open_all(self) -> None:
        self.items: list[Item] = [*self.numbering.nodes]  # the box of every node
        self.bundles: list[Bundle] = []
        # For each part of the model: the part in whose frame its nodes are drawn.
        self._frames = list(range(len(self.scopes.paths)))

    def fold(self, depth: int | None, expand: Collection[str], *, innermost: bool = True) -> None:
        """Fold every part below `depth` levels into one box, except those named in `expand`.

        Without a depth, take the deepest that gives a readable picture, and that leaves the
        `innermost` parts closed unless these may be opened, too. Unless that opens the whole graph,
        fold runs of one operation and leaves of one use as well.
        """
        opened = self._places_of(expand)
        deepest = max(self.scopes.depths)
        if depth is not None:
            self._fold_parts(depth, opened)
            if depth < deepest:
                self.fold_nodes()
            self._count_uses()
        elif len(self.items) > READABLE:
            self._fold_parts(0, opened)
            self.fold_nodes()
            for deeper in range(1, deepest + innermost):  # each has more boxes than the one before
                readable = self.items, self.bundles, self._frames
                if not self._open_to(deeper, opened):
                    self.items, self.bundles, self._frames = readable
                    break
            self._count_uses()

    def _open_to(self, depth: int, opened: Collection[int]) -> bool:
        """Open the parts of a depth, and say whether that can be read."""
        self._open_all()
        self._fold_parts(depth, opened)
        if not self._has_few_parts():
            return False
        self.fold_nodes()
        self._count_uses()
        return self._is_readable()

    def fold_nodes(self) -> None:
        """Fold runs of one operation, nodes that are alike, and leaves of one use."""
        self._fold_runs()
        self._fold_alike()
        self._fold_leaves()

    def _count_uses(self) -> None:
        for bundle in self.bundles:
            bundle.uses.clear()
        for (user, operand), times in Counter(self.numbering.arrows(self.items)).items():
            if isinstance(user, Bundle) and user is not operand:
                user.uses[operand] = times

    def _has_few_parts(self) -> bool:
        """Whether the boxes of parts alone are few enough, and the arrows between them."""
        if len(self.bundles) > READABLE:
            return False
        parts = [item if isinstance(item, Bundle) else None for item in self.items]
        arrows = {*self.numbering.arrows(parts)}
        between = [pair for pair in arrows if None not in pair and pair[0] is not pair[1]]
        return len(between) <= 2 * READABLE

    def _is_readable(self) -> bool:
        boxes = set(self.items)
        if len(boxes) > READABLE:
            return False
        return sum(len(self.operands(box)) for box in boxes) <= 2 * READABLE

    def operands(self, item: Item) -> Counter[Item]:
        """The boxes whose results a box uses, and how often."""
        if isinstance(item, Bundle):
            return item.uses
        used = self.numbering.used[self.numbering.positions[item]]
        return Counter(self.items[j] for j in used)

    def frame(self, item: Item) -> int:
        """The part of the model that a box is drawn in."""
        if isinstance(item, Bundle):
            return item.place
        return self._frames[self.places[self.numbering.positions[item]]]

    def nearest(self, count: int) -> set[Item]:
        """The result and the boxes before it, breadth first, up to `count` of them."""
        root = self.items[-1]
        shown = {root}
        waiting = deque([root])
        while waiting and len(shown) < count:
            for operand in self.operands(waiting.popleft()):
                if operand not in shown and len(shown) < count:
                    shown.add(operand)
                    waiting.append(operand)
        return shown

    def _places_of(self, expand: Collection[str]) -> set[int]:
        """The places of the named parts, and of all parts that they lie in."""
        by_name = {self.scopes.name(p): p for p in range(1, len(self.scopes.paths))}
        opened = set()
        for name in expand:
            if name not in by_name:
                known = ", ".join([*by_name][:12]) or "none: give a model, or record in a scope"
                raise ArgumentError(f"no part is called {name!r}; the parts are {known}")
            place = by_name[name]
            while place != OUTSIDE:
                opened.add(place)
                place = self.scopes.parents[place]
        return opened

    def _fold_parts(self, depth: int, opened: Collection[int]) -> None:
        parents, depths = self.scopes.parents, self.scopes.depths
        bundles: list[Bundle | None] = [None]
        for place in range(1, len(parents)):
            bundle = bundles[parents[place]]
            if bundle is None and depths[place] > depth and place not in opened:
                bundle = self._new(parents[place], part=place)
            bundles.append(bundle)
            if bundle is not None:
                self._frames[place] = bundle.place
        for i, place in enumerate(self.places):
            bundle = bundles[place]
            if bundle is not None:
                self._put(i, bundle)

    def _fold_runs(self) -> None:
        """Fold nodes of one operation in a row, each used only by the next."""
        nodes, items, places = self.numbering.nodes, self.items, self.places
        uses = self.numbering.uses
        first: dict[int, int] = {}  # the node that begins the run
        for i, used in enumerate(self.numbering.used):
            if used and items[i] is nodes[i]:
                op, place = nodes[i].op, places[i]
                first[i] = i
                for j in used:
                    alike = nodes[j].op is op and places[j] == place
                    if alike and uses[j] == 1 and items[j] is nodes[j]:
                        first[i] = first[j]
                        break
        self._fold_groups(first)

    def _fold_alike(self) -> None:
        """Fold nodes that are computed alike and used alike, as those of all samples are.

        Two nodes are computed alike if one operation computed them from operands that are alike.
        All plain numbers are alike, and all leaves of one use; a leaf of several uses is like no
        other.
        """
        numbering, uses = self.numbering, self.numbering.uses
        is_open = [*map(is_, self.items, numbering.nodes)]
        numbers: dict[Hashable, int] = {}
        kinds: list[Hashable] = [*self.items]  # a number for each that is open
        for i, used in enumerate(numbering.used):
            if is_open[i]:
                kind = kinds[i]
                if used or uses[i] <= 1:
                    kind = (self.places[i], numbering.nodes[i].op, *[kinds[j] for j in used])
                kinds[i] = numbers.setdefault(kind, len(numbers))
        if sum(is_open) - len(numbers) < _RUN - 1:
            return  # nothing is alike, as in a long chain
        users: dict[int, set[Hashable]] = {  # the kinds of what uses an operation
            i: set() for i, used in enumerate(numbering.used) if used and is_open[i]
        }
        groups: dict[int, Hashable] = {}
        for i in range(len(kinds) - 1, -1, -1):
            if i in users:
                kind = (kinds[i], frozenset(users[i]))
                groups[i] = kinds[i] = numbers.setdefault(kind, len(numbers))
            for j in numbering.used[i]:
                if j in users:
                    users[j].add(kinds[i])
        self._fold_groups(dict(reversed(groups.items())))

    def _fold_leaves(self) -> None:
        """Fold leaves that the same boxes use, equally often."""
        pairs = enumerate(zip(self.items, self.numbering.nodes, strict=True))
        users: dict[int, set[int]] = {
            i: set() for i, (item, node) in pairs if item is node and node.op is None
        }
        for item, used in zip(self.items, self.numbering.used, strict=True):
            for j in used:
                if j in users:
                    users[j].add(id(item))
        uses = self.numbering.uses
        self._fold_groups({i: (self.places[i], uses[i], frozenset(users[i])) for i in users})

    def _fold_groups(self, groups: Mapping[int, Hashable]) -> None:
        """Give one box to the nodes of each group that is large enough."""
        sizes = Counter(groups.values())
        bundles: dict[Hashable, Bundle] = {}
        for i, group in groups.items():
            if sizes[group] >= _RUN:
                if group not in bundles:
                    bundles[group] = self._new(self.places[i])
                self._put(i, bundles[group])

    def _new(self, place: int, part: int | None = None) -> Bundle:
        bundle = Bundle(place, part)
        self.bundles.append(bundle)
        return bundle

    def _put(self, i: int, bundle: Bundle) -> None:
        """Let a bundle stand for a node, unless it is the result, which is always drawn."""
        node = self.numbering.nodes[i]
        if node is self.numbering.root:
            return
        self.items[i] = bundle
        if node.op is None:
            bundle.leaves += 1
        else:
            bundle.operations += 1
            bundle.last = node
