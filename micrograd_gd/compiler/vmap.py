"""`vmap`: a function of one sample into a function of a batch.

On numbers it calls the function for one sample after another. While a trace is under way it calls
the function once, on values that stand for the numbers of all samples, each in a lane of its own
(`compiler.lanes`), or where samples branch, once for each way that they take (`compiler.ways`).
"""

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from operator import itemgetter
from typing import Any

from micrograd_gd.compiler import batches, lanes, ways
from micrograd_gd.compiler.arguments import refuse_change
from micrograd_gd.core import blocks
from micrograd_gd.core.whole import RefusedError, WholeArray
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.table.numbers import plain_array, shorten
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.recording import IN_A_SECOND_CALL, require_function
from micrograd_gd.transforms.wrapper import TransformedFunction

Function = Callable[..., Any]
Axes = int | None | Sequence[int | None]


def vmap(f: Function, in_axes: Axes = 0) -> Function:
    """The function over a batch: it takes arrays of samples and gives arrays of results.

    `in_axes` says for each argument which axis of its arrays counts the samples, or None for an
    argument that all samples share. A single number stands for all arguments. Arguments and results
    may be nested; each number of a result becomes an array with one number for each sample.

    Inside `jit`, f is traced once for all samples, and they run side by side; where its branches
    depend on a sample's numbers, once for each way that samples take. The sum and the mean of a
    batch, by `sum`, `total` and `mean`, add in an order of their own.

    Lists are no arrays: of a list, each entry is an argument that has samples of its own.

    Raises ShapeError where arguments do not have the same number of samples, and ArgumentError
    where `in_axes` does not have one entry for each argument.

    >>> import numpy as np
    >>> vmap(lambda w, x: w * x[0] + x[1], in_axes=(None, 0))(10.0, np.array([[1.0, 2], [3, 4]]))
    array([12., 34.])
    """
    require_function(f)
    axes = in_axes if isinstance(in_axes, Iterable) else [in_axes]
    if not all(isinstance(axis, int | None) for axis in axes):
        raise ArgumentError(
            f"in_axes is {shorten(in_axes)}; expected an axis or None for each argument, or one "
            f"axis for all: {IN_A_SECOND_CALL}"
        )
    if hasattr(f, "map_batch"):  # what was compiled for one sample is compiled for all
        return f.map_batch(in_axes)  # type: ignore[no-any-return]  # of what is compiled
    return TransformedFunction(f, _vmap, in_axes)


def _vmap(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], options: tuple[Axes]) -> Any:
    if kwargs:
        raise ArgumentError(f"vmap takes arguments by place, and {', '.join(kwargs)} came by name")
    batch = _Batch(args, *options)
    traced = batches.of_trace()
    if traced is None or traced.size:
        for array in batch.whole:
            array.take_apart()
        return batch.call_one_by_one(f)
    with traced.of_size(batch.size):
        packed = batch.pack()
        mapped_ones = [i for i, is_mapped in enumerate(batch.is_mapped) if is_mapped]
        before = [trees.flatten(packed[i]) for i in mapped_ones]
        result = ways.of_trace().trace_each(lambda: f(*packed), batch.size)
        for i, parts in zip(mapped_ones, before, strict=True):
            name = getattr(f, "__qualname__", repr(f))
            refuse_change(name, f"its argument {i}", packed[i], *parts)
    if batch.size < 0:
        return _keep_whole(result, batch.size, traced)
    return _stack([result], lambda leaves: _pick_each(leaves[0], batch.size), batch.size)


_chosen: blocks.Variable = ContextVar("_chosen", default=None)


def call_some(call: Callable[[], Any], places: Sequence[int]) -> Any:
    """What `call` gives where the batch in it is computed for the samples at these places alone."""
    with blocks.Switch(_chosen, places, is_observed=False):
        return call()


def choose(is_first: Any, first: Any, second: Any) -> Any:
    """The results of a batch: of some samples those of the first, of others those of the second."""
    import numpy as np  # noqa: PLC0415 — only those who brought an array need it

    if found := trees.split(first):
        pairs = zip(found[1], trees.split(second)[1], strict=True)  # type: ignore[index]  # alike
        return found[0].fill([choose(is_first, a, b) for a, b in pairs])
    return np.where(is_first.reshape(-1, *[1] * (first.ndim - 1)), first, second)


def is_mapped(f: Function) -> bool:
    """Whether vmap made the function."""
    return getattr(f, "_run", None) is _vmap


class _Batch:
    """The arguments of one call, their samples first."""

    def __init__(self, args: tuple[Any, ...], in_axes: Axes) -> None:
        axes = [in_axes] * len(args) if isinstance(in_axes, int | None) else [*in_axes]
        if len(axes) != len(args):
            raise ArgumentError(
                f"in_axes is {in_axes!r}, and {len(args)} arguments came; expected an axis or None "
                f"for each of them, or one axis for all"
            )
        self.size: int = 0  # negative where it is open
        self._count = 0  # what it is here and now
        self._first = ""  # the argument that it is of
        self.whole: list[WholeArray] = []
        self.args = [
            x if axis is None else self._samples_first(x, axis, f"argument {i}")
            for i, (x, axis) in enumerate(zip(args, axes, strict=True))
        ]
        self.is_mapped = [axis is not None for axis in axes]
        if self.size == 0:
            what = "there are no samples" if self._first else "no argument is mapped"
            raise ShapeError(f"vmap needs at least one sample, and {what}")

    def _samples_first(self, x: Any, axis: int, name: str, depth: int = 0) -> Any:
        """The argument with each array's samples along its first axis."""
        trees.check_depth(depth, name)
        if found := trees.split(x):
            top, parts = found
            named = zip(parts, top.name_parts(name), strict=True)
            return top.fill([self._samples_first(y, axis, each, depth + 1) for y, each in named])
        if isinstance(x, WholeArray):
            if axis not in {0, -len(x.open_shape)}:
                x.take_apart()
            return self._take_whole(x, axis, name)
        if hasattr(x, "ndim"):
            x = plain_array(x, name)
        shape = getattr(x, "shape", None)
        if shape is None:
            raise ShapeError(
                f"{name} is {shorten(x)}; vmap expected an array whose axis {axis} counts the "
                f"samples: make one of a list, as by numpy.array, or put None in in_axes for an "
                f"argument that all samples share"
            )
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"{name} has the shape {shape}; vmap expected an axis {axis} that counts the "
                f"samples: put another one in in_axes, or None for an argument that all samples "
                f"share"
            )
        traced = batches.of_trace()
        if traced and (whole := traced.hold(x, axis)) is not None:
            return self._take_whole(whole, axis, name)
        self._take_size(shape[axis], shape[axis], name, axis)
        axes = [*range(len(shape))]
        axes.insert(0, axes.pop(axis))
        return x.transpose(axes)

    def _take_whole(self, x: WholeArray, axis: int, name: str) -> WholeArray:
        size, traced = x.open_shape[0], batches.of_trace()
        assert traced is not None, "only there arrays are whole"  # noqa: S101 — for the types
        self.whole.append(x)
        self._take_size(size, traced.count(size), name, axis)
        return x

    def _take_size(self, size: int, count: int, name: str, axis: int) -> None:
        """Note that an argument has so many samples, of which the size is a sign."""
        if not self._first:
            self.size, self._count, self._first = size, count, name
        elif self._count != count:
            error = ShapeError(
                f"{name} has {count} samples along axis {axis}, and {self._first} has "
                f"{self._count}; expected as many of all"
            )
            raise RefusedError(error) if self.whole else error
        elif self.size != size:
            for array in self.whole:
                array.take_apart()

    def call_one_by_one(self, f: Function) -> Any:
        """The results of f for one sample after another, stacked.

        Where some are chosen, what comes of the first of these stands in place of others.
        """
        places = blocks.find(_chosen)  # of this batch, and no other
        chosen = range(self.size) if places is None else places
        with blocks.Switch(_chosen, None, is_observed=False):
            found = {i: f(*self._map(itemgetter(i))) for i in chosen}
        results = [found.get(i, found[chosen[0]]) for i in range(self.size)]
        return _stack(results, lambda leaves: leaves, self.size)

    def pack(self) -> list[Any]:
        """The arguments of one sample that stands for all."""
        return self._map(self._pack_array)

    def _map(self, convert: Callable[[Any], Any]) -> list[Any]:
        """The arguments, with the arrays of those that are mapped converted."""
        pairs = zip(self.args, self.is_mapped, strict=True)
        return [_of_arrays(x, convert) if is_mapped else x for x, is_mapped in pairs]

    def _pack_array(self, array: Any) -> Any:
        if isinstance(array, WholeArray):
            traced = batches.of_trace()
            assert traced is not None  # noqa: S101 — for the types
            columns = [traced.spread(x, self.size) for x in array.columns]
            shape = array.open_shape[1:]
            return trees.array(columns, shape) if shape else columns[0]
        columns = array.reshape(self.size, -1).T.tolist()
        packs = [_pack(column) for column in columns]
        return trees.array(packs, array.shape[1:]) if array.ndim > 1 else packs[0]


def _of_arrays(x: Any, convert: Callable[[Any], Any]) -> Any:
    if found := trees.split(x):
        top, parts = found
        return top.fill([_of_arrays(y, convert) for y in parts])
    return convert(x)


def _pack(column: list[Any]) -> Any:
    varying = lanes.find_whole(column)
    return lanes.record("pack", len(column), *column) if varying is None else varying


def _keep_whole(result: Any, size: int, traced: Any) -> Any:
    """The result of a sample with a whole array in place of each number or array."""
    leaves, structure = trees.flatten(result, "the result of a sample")
    columns = [traced.spread(x, size) for x in leaves]

    def block(place: slice, shape: tuple[int, ...]) -> Any:
        return WholeArray(columns[place], (size, *shape), is_batch=True)

    return trees.map_blocks(structure, block)


def _pick_each(leaf: Any, size: int) -> list[Any]:
    """The lanes; what all samples share has lanes, too, so that it leaves as a whole."""
    traced = batches.of_trace()
    if traced is not None and not traced.lanes_of(leaf):
        leaf = lanes.record("spread", size, leaf)
    return [lanes.record("pick", size, leaf, float(i)) for i in range(size)]


def _stack(results: list[Any], of_samples: Callable[[list[Any]], list[Any]], size: int) -> Any:
    """The results in one, with an array of all samples in place of each number or array."""
    flat = [trees.flatten(result, "the result of a sample") for result in results]
    structure = flat[0][1]
    for i, (_, other) in enumerate(flat):
        if other != structure:
            raise ShapeError(f"f gave {structure!r} for sample 0, and {other!r} for sample {i}")

    def block(place: slice, shape: tuple[int, ...]) -> Any:
        columns = [
            of_samples([leaves[j] for leaves, _ in flat]) for j in range(place.start, place.stop)
        ]
        leaves = [column[i] for i in range(size) for column in columns]
        return trees.array(leaves, (size, *shape))

    return trees.map_blocks(structure, block)
