"""What is within the boxes of a folded graph: groups of nodes, in groups, that open on a page.

Parts of a model are groups, and so are the runs of one operation within them.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from functools import cache
from itertools import starmap
from operator import is_

from micrograd_gd.core import sweep
from micrograd_gd.engine import Value
from micrograd_gd.viz.graphs.folding import Bundle, Folding
from micrograd_gd.viz.graphs.numbering import Numbering
from micrograd_gd.viz.graphs.scopes import places

NEAR = 120  # boxes at first, of more those nearest to the result
FEWEST = 5  # nodes of a kind that make a group
MOST = 120  # boxes that come out of one
ALL = 1500  # boxes of a page, with those within others
ARROWS = 15_000  # between them


@dataclass(eq=False)
class Group:
    """Nodes that one box stands for, until it is opened."""

    part: int | None  # of the model; None for a run of one operation, and for leaves
    parent: "Group | None"
    is_open: bool = False
    children: list["Group"] = field(default_factory=list)
    nodes: int = 0  # that are in none of the children
    operations: int = 0
    leaves: int = 0
    last: Value | None = None  # the last of the operations
    end: int = 0  # the position of the last of the nodes
    square: float = 0.0  # of the gradient of the leaves as one vector; in a run, of the results

    @property
    def size(self) -> int:
        """How many boxes come out of it."""
        return len(self.children) + self.nodes


Box = Value | Group


class Groups:
    """A graph as boxes: nodes that stand for themselves, and groups.

    `opening` are the groups that open; `uses` says of each other box how often it uses which;
    `ends` has the position of the last node of each box.
    """

    def __init__(self, root: Value) -> None:
        self.numbering = Numbering(root)
        self.scopes, self.places = places(self.numbering, {})
        self.gradients = sweep.adjoints(root)
        self.groups: list[Group] = []  # each behind the one that it is in
        picture = Folding(self.numbering, self.scopes, self.places)
        picture.fold(None, (), innermost=False)
        near = picture.nearest(NEAR)
        self.left_out = len({*picture.items}) - len(near)
        innermost = self._find_groups(picture)
        self.shown = {i: innermost[i] for i, item in enumerate(picture.items) if item in near}
        self._count()
        room = ALL
        while not self._open(room):
            room //= 2

    def _find_groups(self, picture: Folding) -> list[Group | None]:
        """The innermost group of each node; the result is in none."""
        parts = self._find_parts({bundle.part for bundle in picture.bundles})
        runs = [x if isinstance(x, Bundle) and not x.part else None for x in picture.items]
        is_single = map(is_, picture.items, self.numbering.nodes)
        kinds = [
            -1 if single else kind
            for single, kind in zip(is_single, self._find_kinds(), strict=True)
        ]
        cells = [*zip(self.places, runs, kinds, strict=True)]
        sizes = Counter(cells)
        runs_of: dict[Bundle, Group] = {}

        @cache
        def find(place: int, run: Bundle | None, kind: int) -> Group | None:
            group, most = parts[place], len(cells)
            if run is not None:
                if run not in runs_of:
                    runs_of[run] = self._new(None, group)
                group, most = runs_of[run], run.operations + run.leaves
            is_finer = kind >= 0 and FEWEST <= sizes[place, run, kind] < most
            return self._new(None, group) if is_finer else group

        return [*starmap(find, cells[:-1]), None]

    def _find_kinds(self) -> list[int]:
        """A number for each node: the same for what one operation computed alike, or in a row."""
        numbering, places = self.numbering, self.places
        numbers: dict[tuple[object, ...], int] = {}
        kinds: list[int] = []
        for i, (node, used) in enumerate(zip(numbering.nodes, numbering.used, strict=True)):
            kind = (places[i], node.op, *[kinds[j] for j in used])
            kinds.append(numbers.setdefault(kind, len(numbers)))
        return kinds

    def _find_parts(self, closed: set[int | None]) -> list[Group | None]:
        """The group of each place; those around what the picture shows are open."""
        parts: list[Group | None] = [None]
        for part, above in enumerate(self.scopes.parents[1:], 1):
            parent = parts[above]
            is_open = part not in closed and (parent is None or parent.is_open)
            parts.append(self._new(part, parent, is_open=is_open))
        return parts

    def _new(self, part: int | None, parent: Group | None, *, is_open: bool = False) -> Group:
        self.groups.append(Group(part, parent, is_open))
        return self.groups[-1]

    def _count(self) -> None:
        for i, group in self.shown.items():
            if group is None:
                continue
            node = self.numbering.nodes[i]
            group.nodes += 1
            group.end = i
            if node.op is None:
                group.leaves += 1
            else:
                group.operations += 1
                group.last = node
            if node.op is None or group.part is None:
                group.square += self.gradients.get(node, 0.0) ** 2
        for group in reversed(self.groups):
            parent = group.parent
            if parent is None or not group.size:
                continue
            parent.children.append(group)
            parent.operations += group.operations
            parent.leaves += group.leaves
            parent.end = max(parent.end, group.end)
            parent.square += group.square if group.leaves else 0.0

    def _open(self, room: int) -> bool:
        """Let groups open while there is room for boxes; whether there is room for the arrows."""
        self.opening: set[Group] = set()
        has_room, waiting = bool(room), deque(g for g in self.groups if g.size and not g.parent)
        while waiting:
            group = waiting.popleft()
            if group.is_open or group.size <= min(room, MOST):
                self.opening.add(group)
                room -= group.size
                waiting.extend(group.children)
        outermost: dict[Group | None, Group | None] = {None: None}  # that do not open
        for group in self.groups:
            above = outermost[group.parent]
            outermost[group] = above or (None if group in self.opening else group)
        boxes: list[Box | None] = [None] * len(self.numbering.nodes)
        for i, innermost in self.shown.items():
            boxes[i] = outermost[innermost] or self.numbering.nodes[i]
        self.ends = {box: i for i, box in enumerate(boxes) if box is not None}
        self.ends.update((group, group.end) for group in self.opening)
        self.uses: dict[Box, dict[Box, int]] = {}
        for (user, operand), times in Counter(self.numbering.arrows(boxes)).items():
            if user is not None and operand is not None and user is not operand:
                self.uses.setdefault(user, {})[operand] = times
        return not has_room or sum(map(len, self.uses.values())) <= ARROWS
