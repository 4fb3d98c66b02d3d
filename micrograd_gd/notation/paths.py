"""Why a gradient is what it is: the paths from a node to the root, each with its share.

By the chain rule a gradient is a sum over all paths through the graph, and each path adds the
product of the partials along it. The number of paths can be exponential in the size of the graph.
One walk from the operands up counts them and finds the largest few.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

from micrograd_gd.core import blocks, sweep
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.numbers import require_count, shorten
from micrograd_gd.text import plain

STEPS = 8  # nodes of a path that are printed


def explain(root: Value, *, wrt: Value, max_paths: int = 10) -> "Explanation":
    """Take the gradient ∂root/∂wrt apart into the paths that it is the sum of.

    Of more than `max_paths` paths, those with the largest products are kept, by absolute value. The
    sum of all others is the remainder. No gradient is changed.

    Raises ArgumentError for anything but values, and for `max_paths` below 1.

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
    require_count("max_paths", max_paths)
    blocks.report_use(root, "explain()")
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
    """A gradient, its largest `paths`, the `count` of all, and the sum of the others."""

    root: Value
    wrt: Value
    gradient: float
    paths: tuple[Path, ...]
    count: int
    remainder: float

    def __repr__(self) -> str:
        name, result = plain(self.wrt.label) or "wrt", plain(self.root.label) or "root"
        sums = {0: "no path", 1: "the only path"}
        paths = sums.get(self.count, f"the sum over {_count(self.count)} paths")
        rows = [("product", "path", "partials")] if self.count else []
        for path in self.paths:
            inner = [_name(node) for node in path.nodes[1:-1]]
            names = [name, *inner, result][: len(path.nodes)]
            partials = [f"{partial:.6g}" for partial in path.partials]
            rows.append((f"{path.product:.6g}", _join(names, " → "), _join(partials, " · ")))
        if rest := self.count - len(self.paths):
            others = "the other path" if rest == 1 else f"the others together, {_count(rest)} paths"
            rows.append((f"{self.remainder:.6g}", others, ""))
        first, second = (max((len(row[i]) for row in rows), default=0) for i in (0, 1))
        table = [f"{row[0]:>{first}}  {row[1]:<{second}}  {row[2]}".rstrip() for row in rows]
        return "\n".join([f"∂{result}/∂{name} = {self.gradient:.6g}, {paths}", *table])


def _name(node: Value) -> str:
    """The label of a node, or else the operation that computed it."""
    return plain(node.label or (node.op and (node.op.infix or node.op.name)))


def _join(parts: list[str], link: str) -> str:
    """All parts, except those in the middle of a long list."""
    if len(parts) > STEPS:
        half = STEPS // 2
        parts = [*parts[:half], f"… {len(parts) - 2 * half:,} more …", *parts[-half:]]
    return link.join(parts)


def _count(count: int) -> str:
    return f"{count:,}" if count < 10**15 else f"about 10^{math.log10(count):.0f}"


class _End(NamedTuple):
    """One of the largest paths to a node: its last step, and the rank of the path before it."""

    product: float
    partial: float = 1.0
    operand: Value | None = None
    rank: int = 0


def _walk(root: Value, wrt: Value, limit: int) -> tuple[int, dict[Value, list[_End]]]:
    """The number of paths from `wrt` to the root; and for each node the largest that end there.

    The largest paths to a node continue the largest paths to its operands, so a few of each are
    enough.
    """
    ends = {wrt: [_End(1.0)]}
    counts = {wrt: 1}
    nodes = root.nodes()
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
        for operand, _ in edges:  # counts can have as many digits as the graph is deep: keep few
            uses[operand] -= 1
            if not uses[operand]:
                del counts[operand]
    return counts.get(root, 0), ends


def _edges(node: Value) -> list[tuple[Any, float]]:
    """The operands that a derivative flows to, with their partials."""
    pairs = zip(node.operands, node.partials, strict=True)
    return [(operand, partial) for operand, partial in pairs if partial is not None]


def _size(end: _End) -> float:
    """What paths are sorted by; nan comes first, since people look for it."""
    return math.inf if end.product != end.product else abs(end.product)


def _path(root: Value, end: _End, ends: dict[Value, list[_End]]) -> Path:
    nodes, partials, product = [root], [], end.product
    while end.operand is not None:
        nodes.append(end.operand)
        partials.append(end.partial)
        end = ends[end.operand][end.rank]
    return Path(tuple(nodes[::-1]), tuple(partials[::-1]), product)
