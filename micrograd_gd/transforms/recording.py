"""One call of a function on fresh values, recorded: what every transform starts from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from itertools import accumulate
from typing import Any

from micrograd_gd.caches import cached_property
from micrograd_gd.core import blocks, eras, sweep
from micrograd_gd.core.whole import TakenApart, WholeArray, is_open
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, JitError, ShapeError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.sparsity import Mode, SparseMatrix, make_matrix, pattern, plan

Function = Callable[..., Any]
Argnums = int | Sequence[int]

# The call of a function by a transform here; one that is over says so.
calls: blocks.Variable = ContextVar("calls", default=None)
find_call = calls.get


def is_transforming() -> bool:
    """Whether a transform is calling a function here."""
    return blocks.find(calls) is not None


@contextmanager
def outside_transforms() -> Iterator[None]:
    """Transforms inside the block give floats, whatever transform or trace is around it."""
    with blocks.tracing(None), blocks.Switch(calls, value=None, is_observed=False):
        yield


class Recording:
    """One call of a function on fresh values, recorded."""

    def __init__(
        self,
        f: Function,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        argnums: Argnums,
        *,
        has_aux: bool = False,
        wrt: Sequence[Value] | None = None,
    ) -> None:
        self.is_single = isinstance(argnums, int) or wrt is not None
        places = find_places(argnums, len(args)) if wrt is None else []
        flat = [trees.flatten(args[place], f"argument {place}") for place in places]
        self.structures = [structure for _, structure in flat]
        given = [leaf for leaves, _ in flat for leaf in leaves]
        self._trace = blocks.trace()
        self._stays_differentiable = _records(given)
        self._era = eras.begin()
        # A value of another transform stays as it is; here it gets a node of its own.
        self.inputs = _make_fresh(given)
        if wrt is not None:  # the function closes over them, so they cannot be copied
            self.inputs, self._era = _leaves(wrt), 0
            self.structures = [trees.flatten(self.inputs)[1]]
        called = list(args)
        for place, part in zip(places, self.arrange(self.inputs), strict=wrt is None):
            called[place] = part
        with blocks.Switch(calls, value=True, is_observed=False), _recording():
            result = f(*called, **kwargs)
        self.aux = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise ShapeError(f"has_aux needs a pair as the result, not {shorten(result)}")
            result, aux = result
            self.aux = self._finish_aux(aux)
        self.outputs, self.out_structure = trees.flatten(result, "the result")

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_era": 0}  # nodes are copied in any one

    def pull_back(self, cotangents: Sequence[Any]) -> list[Any]:
        """The cotangents of the inputs for those of the outputs."""
        seeds: dict[Value, Any] = {}
        for y, cotangent in zip(self.outputs, cotangents, strict=True):
            if isinstance(y, Value) and not _is_zero(cotangent):
                seeds[y] = seeds[y] + cotangent if y in seeds else cotangent
        keep = self._stays_differentiable or _records(cotangents)
        is_fixed = keep and self._is_fixed()
        found = sweep.pull_back(
            seeds,
            {*self.inputs},
            differentiable=keep and not is_fixed,
            last=not is_transforming(),
            stored=is_fixed,
            era=self._era,
        )
        self.misses_inputs = not {*self.inputs} <= found.keys()
        return _settle([found.get(x, 0.0) for x in self.inputs], keep=keep)

    def push_forward(self, tangents: Sequence[Any]) -> list[Any]:
        """The tangents of the outputs for those of the inputs."""
        pairs = zip(self.inputs, tangents, strict=True)
        seeds = {x: tangent for x, tangent in pairs if not _is_zero(tangent)}
        keep = self._stays_differentiable or _records(tangents)
        is_fixed = keep and self._is_fixed()
        found = sweep.push_forward(
            self._order,
            seeds,
            differentiable=keep and not is_fixed,
            last=not is_transforming(),
            stored=is_fixed,
        )
        return _settle([found.get(y, 0.0) for y in self.outputs], keep=keep)

    def pull_back_tree(self, cotangents: Any) -> Any:
        """The cotangents of the arguments, for those of the result in its structure."""
        given = trees.match(cotangents, self.out_structure, "the cotangents")
        return self.arrange_as_arguments(self.pull_back(given))

    def push_forward_trees(self, *tangents: Any) -> Any:
        """The tangent of the result, for those of the arguments in their structures."""
        if len(tangents) != len(self.structures):
            raise ShapeError(f"{len(self.structures)} tangents are due, and {len(tangents)} came")
        given = [
            leaf
            for i, (tangent, structure) in enumerate(zip(tangents, self.structures, strict=True))
            for leaf in trees.match(tangent, structure, f"tangent {i}")
        ]
        return trees.unflatten(self.out_structure, self.push_forward(given))

    def _is_fixed(self) -> bool:
        """Whether the partials are the numbers they were, whatever is differentiated here.

        So are those of a function of plain numbers alone, and those of a graph that was there
        before the trace that is under way.

        Raises JitError where a program would not see what a derivative depends on: a value that the
        graph from before it was computed from, or a trace that is over.
        """
        trace = blocks.trace()
        is_closed = not self._stays_differentiable and self._is_closed
        if trace is self._trace:
            return is_closed
        if self._trace is not None:
            raise JitError(
                "a pull_back or push_forward made inside of a compiled function was called outside "
                "of that call: return what it gives"
            )
        if is_transforming() and not is_closed:
            raise JitError(
                "a pull_back or push_forward of a function that depends on values was made before "
                "the compiled function, which differentiates what it gives: call vjp or linearize "
                "inside of the compiled function"
            )
        return True

    @cached_property
    def _is_closed(self) -> bool:
        """Whether the function depends on no values but its inputs."""
        known = {*self.inputs}
        nodes = [x for x in self._order if x not in known]
        used = {y for x in nodes for y in x.operands if isinstance(y, Value)}
        return used | {*nodes} <= known | {x for x in nodes if x.op}

    @cached_property
    def _order(self) -> list[Value]:
        """The nodes that every tangent goes through."""
        roots = [y for y in self.outputs if isinstance(y, Value)]
        return sweep.in_order(roots, {*self.inputs}, self._era)

    def jacobian(self, mode: Mode | None) -> Any:
        """All derivatives of the outputs by the inputs, in their structures."""
        require_rows(*self.structures, self.out_structure)
        m, n = len(self.outputs), len(self.inputs)
        if mode == "forward" or (mode is None and n < m):
            columns = [self.push_forward(_ones([j], n)) for j in range(n)]
            rows = [[column[i] for column in columns] for i in range(m)]
        else:
            rows = [self.pull_back(_ones([i], m)) for i in range(m)]
        return self.table(rows)

    def sparse_jacobian(self, mode: Mode | None) -> SparseMatrix:
        """The derivatives, without those that are 0 whatever the numbers."""
        size = self.out_structure.shape[0] if is_open(self.out_structure.shape) else 0
        require_rows(*self.structures, *self.out_structure.below)
        if size and mode == "reverse":
            raise TakenApart
        mode = "forward" if size else mode
        m, n = len(self.outputs), len(self.inputs)
        found: dict[tuple[int, int], Any] = {}
        for sweep_mode, starts, entries in plan(pattern(self.outputs, self.inputs), n, mode):
            if sweep_mode == "forward":
                column = self.push_forward(_ones(starts, n))
                found |= {(i, j): column[i] for i, j in entries}
            else:
                row = self.pull_back(_ones(starts, m))
                found |= {(i, j): row[j] for i, j in entries}
        places = sorted(found)
        values: Any = [found[place] for place in places]
        if size:
            values = WholeArray(values, (size, len(values)), is_batch=True)
            values.columns = [values.find_trace().spread(x, size) for x in values.columns]
        return make_matrix(values, ([i for i, _ in places], [j for _, j in places]), (m, n))

    def finish(self, leaves: Sequence[Any]) -> list[Any]:
        """The results as floats, or as values where another transform is around this one."""
        return _finish(leaves, keep=self._stays_differentiable)

    def _finish_aux(self, aux: Any, depth: int = 0) -> Any:
        """The same for the values in any structure."""
        trees.check_depth(depth, "what stands beside the result")
        if isinstance(aux, Value):
            return self.finish([aux])[0]
        if isinstance(aux, dict):
            return {key: self._finish_aux(each, depth + 1) for key, each in aux.items()}
        if isinstance(aux, (list, tuple)):
            parts = [self._finish_aux(each, depth + 1) for each in aux]
            return type(aux)(*parts) if hasattr(aux, "_fields") else type(aux)(parts)
        return aux

    def result(self) -> Any:
        """What the function returned."""
        return trees.unflatten(self.out_structure, self.finish(self.outputs))

    def arrange(self, leaves: Sequence[Any]) -> list[Any]:
        """The leaves in the structures of the arguments, one after another."""
        remaining = iter(leaves)
        return [
            trees.unflatten(structure, [next(remaining) for _ in range(structure.size)])
            for structure in self.structures
        ]

    def arrange_as_arguments(self, leaves: Sequence[Any]) -> Any:
        """The same as a tuple, or as one thing where `argnums` is one number."""
        parts = self.arrange(leaves)
        return parts[0] if self.is_single else tuple(parts)

    def table(self, rows: list[list[Any]]) -> Any:
        """A Jacobian: each number or array of the result becomes the arguments' structure.

        In that stand blocks, one for each number or array of the arguments. The shape of a block is
        the shape of the result followed by that of the argument.
        """

        def row_of_blocks(place: slice, above: tuple[int, ...]) -> Any:
            def block(columns: slice, below: tuple[int, ...]) -> Any:
                entries = [entry for row in rows[place] for entry in row[columns]]
                shape = (*above, *below)
                return trees.array(entries, shape) if shape else entries[0]

            starts = accumulate((s.size for s in self.structures), initial=0)
            pairs = zip(self.structures, starts, strict=False)
            parts = [trees.map_blocks(structure, block, start) for structure, start in pairs]
            return parts[0] if self.is_single else tuple(parts)

        return trees.map_blocks(self.out_structure, row_of_blocks)


def require_rows(*structures: trees.Structure) -> None:
    """Have all arrays taken apart if one is whole, whose leaves are not all its numbers."""
    for structure in structures:
        if is_open(structure.shape):
            raise TakenApart
        require_rows(*structure.below)


def require_one_number(structure: trees.Structure) -> None:
    """Raise ShapeError for the structure of a result that is not one number."""
    if structure != trees.LEAF:
        raise ShapeError(
            f"grad needs a function with one number as its result, but it is "
            f"{structure!r}: use jacobian, or return one of them"
        )


def require_function(f: Any) -> None:
    """Raise ArgumentError unless f can be called."""
    if not callable(f):
        hint = ""
        if isinstance(f, Value):
            hint = "; for the gradient of a value call its backward(), and read x.grad"
        raise ArgumentError(f"expected a function, but was given {shorten(f)}{hint}")


def require_argnums(argnums: Any) -> None:
    """Raise ArgumentError unless it is the number of an argument, or several."""
    wanted = argnums if isinstance(argnums, Iterable) else [argnums]
    if not all(isinstance(place, int) for place in wanted):
        raise ArgumentError(
            f"argnums is {shorten(argnums)}; expected the number of an argument, or several of "
            f"them: {IN_A_SECOND_CALL}"
        )


IN_A_SECOND_CALL = "what to call the function with comes in a second call, as in grad(f)(2.0)"


def _make_fresh(xs: Sequence[Any]) -> list[Value]:
    trace = blocks.trace()
    varying = [*map(trace.fresh, xs)] if trace else [None] * len(xs)
    pairs = zip(xs, varying, strict=True)
    return [(x * 1.0 if isinstance(x, Value) else Value(x)) if y is None else y for x, y in pairs]


def _records(given: Sequence[Any]) -> bool:
    """Whether what is computed from these numbers here may be differentiated again."""
    return blocks.is_recording() and (
        is_transforming() or blocks.trace() is not None or any(isinstance(x, Value) for x in given)
    )


def _settle(derivatives: Sequence[Any], *, keep: bool) -> list[Any]:
    """The derivatives as they leave a transform: one that is 0 is 0.0.

    Its sign would tell on which ways nothing came, and those are others where numbers are.
    """
    if keep and (trace := blocks.trace()):
        return [*map(trace.settle, derivatives)]
    return _finish([x + 0.0 for x in derivatives], keep=keep)


def _finish(leaves: Sequence[Any], *, keep: bool) -> list[Any]:
    if keep:
        return [*map(_as_value, leaves)]
    return [leaf.data if isinstance(leaf, Value) else float(leaf) for leaf in leaves]


def _as_value(x: Any) -> Value:
    """The number; a value without a history where it is the same for all numbers."""
    if isinstance(x, Value):
        return x
    trace = blocks.trace()
    return trace.constant(x) if trace else Value(x)


def _leaves(values: Sequence[Value]) -> list[Value]:
    for i, x in enumerate(values):
        if not (isinstance(x, Value) and x.op is None):
            raise ArgumentError(f"wrt[{i}] is {shorten(x)}; expected a Value that is a leaf")
    return [*values]


def _recording() -> Any:
    """The block in which a transform calls a function: it records, whatever is around it."""
    return nullcontext() if blocks.is_recording() else blocks.recording()


def find_places(argnums: Argnums, count: int) -> list[int]:
    """Where these arguments stand among so many.

    Raises ArgumentError for one that is not among them, and for one that is named twice.
    """
    wanted = [*argnums] if isinstance(argnums, Iterable) else [argnums]
    for place in wanted:
        if not -count <= place < count:
            raise ArgumentError(
                f"argnums is {argnums!r}, but the function was called with {count} arguments"
            )
    places = [place % count for place in wanted]
    if len({*places}) < len(places):
        raise ArgumentError(f"argnums is {argnums!r}, which names an argument twice")
    return places


def _ones(places: Sequence[int], size: int) -> list[float]:
    seeds = [0.0] * size
    for place in places:
        seeds[place] = 1.0
    return seeds


def _is_zero(seed: Any) -> bool:
    return type(seed) is float and seed == 0
