"""Why a gradient is what it is: the paths from a node to the root, each with its share.

By the chain rule a gradient is a sum over all the paths through the graph, and each path adds the
product of the partials along it. Their number can be exponential in the size of the graph; it is
counted, and the largest few are found, in one walk from the operands up.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

from micrograd_gd.core import sweep
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.text import plain

STEPS = 8  # how many nodes of a long path are printed


def explain(root: Value, *, wrt: Value, max_paths: int = 10) -> "Explanation":
    """The gradient ∂root/∂wrt, taken apart into the paths that it is the sum of.

    Of more than `max_paths` paths, those with the largest products are kept, by absolute value, and
    what all others add up to is the remainder. No gradient is touched.

    Raises ArgumentError for what is no Value, or `max_paths` below 1.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> explain(a * b + b**3, wrt=b)
    ∂root/∂b = 29, the sum over 2 paths
    product  path           partials
         27  b → ** → root  27 · 1
          2  b → * → root   2 · 1
    """
    for name, x in (("root", root), ("wrt", wrt)):
        if not hasattr(x, "record"):
            raise ArgumentError(f"{name} is {shorten(x)}; expected a Value of the graph")
    if not (isinstance(max_paths, int) and max_paths >= 1):
        raise ArgumentError(f"max_paths is {max_paths!r}; expected a whole number, at least 1")
    gradient = sweep.adjoints(root).get(wrt, 0.0)
    count, ends = _walk(root, wrt, max_paths)
    paths = tuple([_path(root, end, ends) for end in ends.get(root, ())])
    others = gradient - sum(path.product for path in paths) if count > len(paths) else 0.0
    return Explanation(root, wrt, gradient, paths, count, others)


@dataclass(frozen=True, eq=False)
class Path:
    """One way from a node up to the root: its nodes, the partials between them, their product."""

    nodes: tuple[Value, ...]
    partials: tuple[float, ...]
    product: float


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """A gradient, its largest `paths`, the `count` of all, and what the rest add up to."""

    root: Value
    wrt: Value
    gradient: float
    paths: tuple[Path, ...]
    count: int
    remainder: float

    def __repr__(self) -> str:
        name, result = plain(self.wrt.label) or "wrt", plain(self.root.label) or "root"
        sums = {0: "no path", 1: "the only path"}
        paths = sums.get(self.count, f"the sum over {_told(self.count)} paths")
        rows = [("product", "path", "partials")] if self.count else []
        for path in self.paths:
            inner = [_name(node) for node in path.nodes[1:-1]]
            names = [name, *inner, result][: len(path.nodes)]
            partials = [f"{partial:.6g}" for partial in path.partials]
            rows.append((f"{path.product:.6g}", _joined(names, " → "), _joined(partials, " · ")))
        if rest := self.count - len(self.paths):
            others = "the other path" if rest == 1 else f"the others together, {_told(rest)} paths"
            rows.append((f"{self.remainder:.6g}", others, ""))
        first, second = (max((len(row[i]) for row in rows), default=0) for i in (0, 1))
        table = [f"{row[0]:>{first}}  {row[1]:<{second}}  {row[2]}".rstrip() for row in rows]
        return "\n".join([f"∂{result}/∂{name} = {self.gradient:.6g}, {paths}", *table])


def _name(node: Value) -> str:
    """The label of a node, or else the operation that made it."""
    return plain(node.label or (node.op and (node.op.infix or node.op.name)))


def _joined(parts: list[str], link: str) -> str:
    """All parts, but those in the middle of a long list."""
    if len(parts) > STEPS:
        half = STEPS // 2
        parts = [*parts[:half], f"… {len(parts) - 2 * half:,} more …", *parts[-half:]]
    return link.join(parts)


def _told(count: int) -> str:
    return f"{count:,}" if count < 10**15 else f"about 10^{math.log10(count):.0f}"


class _End(NamedTuple):
    """One of the largest paths to a node: its last step, and which path it goes on from there."""

    product: float
    partial: float = 1.0
    operand: Value | None = None
    rank: int = 0


def _walk(root: Value, wrt: Value, limit: int) -> tuple[int, dict[Value, list[_End]]]:
    """How many paths lead from wrt to the root; and for each node the largest that end there.

    The largest paths to a node go on from the largest to its operands, so that few of each do.
    """
    ends = {wrt: [_End(1.0)]}
    counts = {wrt: 1}
    nodes = root.nodes(whole=False)
    uses = Counter(operand for node in nodes for operand, _ in _edges(node))
    for node in nodes:
        edges = [(x, partial) for x, partial in _edges(node) if x in ends]
        if not edges or node is wrt:
            continue
        candidates = [
            _End(partial * end.product, partial, operand, rank)
            for operand, partial in edges
            for rank, end in enumerate(ends[operand])
        ]
        ends[node] = sorted(candidates, key=_size, reverse=True)[:limit]
        counts[node] = sum(counts[operand] for operand, _ in edges)
        for operand, _ in edges:  # counts have as many digits as the graph is deep: keep few
            uses[operand] -= 1
            if not uses[operand]:
                del counts[operand]
    return counts.get(root, 0), ends


def _edges(node: Value) -> list[tuple[Any, float]]:
    """The operands that a derivative flows to, with their partials."""
    pairs = zip(node.operands, node.partials, strict=True)
    return [(operand, partial) for operand, partial in pairs if partial is not None]


def _size(end: _End) -> float:
    """What paths are sorted by; a nan is what one looks for first."""
    return math.inf if end.product != end.product else abs(end.product)


def _path(root: Value, end: _End, ends: dict[Value, list[_End]]) -> Path:
    nodes, partials, product = [root], [], end.product
    while end.operand is not None:
        nodes.append(end.operand)
        partials.append(end.partial)
        end = ends[end.operand][end.rank]
    return Path(tuple(nodes[::-1]), tuple(partials[::-1]), product)
