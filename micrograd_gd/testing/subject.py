"""What a check examines: a function with its arguments; numbers in, numbers and derivatives out."""

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations_with_replacement, islice
from typing import Any, Literal

from micrograd_gd.caches import cached_property
from micrograd_gd.core import sweep
from micrograd_gd.core.arithmetic import Floats
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.ops import Operation
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.derivatives import jacobian
from micrograd_gd.transforms.recording import Recording

Mode = Literal["forward", "reverse"]


class Subject:
    """A function with its arguments; `numbers` is a flat list of all numbers among them."""

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], names: Sequence[str] = ()
    ) -> None:
        self.f, self.args = f, tuple(map(_detach, args))
        self.numbers, self.structure = trees.flatten(self.args, "the arguments")
        self.numbers = [getattr(x, "data", x) for x in self.numbers]
        arguments = names or _argument_names(f, len(args))
        self.names = [
            name
            for structure, argument in zip(self.structure.below, arguments, strict=True)
            for name in trees.names(structure, argument)
        ]
        self.notes: list[str] = []
        self.refusal: Exception | None = None  # why f takes no values
        pieces = trees.pieces(self.structure, "")
        self.is_foreign = any(_package(piece) in FROM_NUMPY for _, piece in pieces)
        self.recording = self._record()

    def _record(self) -> Recording | None:
        """The call on values, or None where f cannot take them."""
        try:
            recording = self.record_at(self.numbers)
        except (TypeError, AttributeError) as error:
            self.refusal = error
            return None
        for x, name in zip(recording.inputs, self.names, strict=True):
            x.label = name
        return recording

    def record_at(self, numbers: Sequence[float]) -> Recording:
        """The call with other numbers."""
        args = trees.unflatten(self.structure, numbers)
        return Recording(self.f, args, {}, range(len(args)))

    def at(self, numbers: Sequence[float]) -> Any:
        """The arguments with other numbers; arrays are of the package that they came from."""
        if self.is_foreign:
            return _build(self.structure, iter(numbers))
        return trees.unflatten(self.structure, numbers)

    @cached_property
    def out_structure(self) -> trees.Structure:
        """The structure of the result."""
        if self.recording is not None:
            return self.recording.out_structure
        result = self.f(*self.at(self.numbers))
        self.note_precision("f", result)
        return trees.flatten(result, "the result")[1]

    def note_precision(self, what: str, returned: Any) -> None:
        """Keep a note where that is, or holds, an array of few digits."""
        parts = returned if isinstance(returned, (list, tuple)) else [returned]
        for kind in [str(part.dtype) for part in parts if hasattr(part, "dtype")]:
            note = f"{what} returns {kind}, which has few digits: compute with float64"
            if "64" not in kind and note not in self.notes:
                self.notes.append(note)

    def outputs(self, *numbers: Any) -> list[Any]:
        """The numbers of the result, for other numbers in the arguments."""
        is_plain = self.recording is None
        args = self.at(numbers) if is_plain else trees.unflatten(self.structure, numbers)
        return trees.flatten(self.f(*args), "the result")[0]

    def values(self, numbers: Sequence[float]) -> list[float]:
        """The same as floats; f gets values where it takes them."""
        given = numbers if self.recording is None else [*map(Value, numbers)]
        return [float(getattr(y, "data", y)) for y in self.outputs(*given)]

    def derivative_names(self, order: int) -> list[list[str]]:
        """The names of the derivatives, in the order of a replay."""
        by = [", ".join(names) for names in combinations_with_replacement(self.names, order)]
        if self.out_structure == trees.LEAF:
            return [by]
        return [[f"{y} by {x}" for x in by] for y in trees.names(self.out_structure, "result")]

    def derivatives(
        self, order: int, mode: Mode = "reverse", numbers: Sequence[float] | None = None
    ) -> list[list[float]]:
        """The engine's derivatives in the order of a replay; the last sweep is in this mode.

        Other `numbers` give them at another point. Of order 0 are the values.
        """
        numbers = self.numbers if numbers is None else numbers
        if order == 0:
            return [[y] for y in self.values(numbers)]
        n = len(numbers)
        flat = _all_derivatives(self._function(order - 1), n, mode)(*numbers)
        places = [_place(combination, n) for combination in _combinations(n, order)]
        return [[row[place] for place in places] for row in cut(flat, n**order)]

    def terms(self, order: int) -> list[list[float]]:
        """For each derivative, the sum of the sizes of its terms."""
        n = len(self.numbers)
        inputs = [*map(Value, self.numbers)]
        below = self._function(order - 1)(*inputs)
        sizes = [_sizes(y, inputs) for y in below]
        return [
            [row[_place(before, n)][last] for *before, last in _combinations(n, order)]
            for row in cut(sizes, n ** (order - 1))
        ]

    def _function(self, order: int) -> Callable[..., Any]:
        """All derivatives of that order, in reverse mode, as a function of the numbers."""
        function = self.outputs
        for _ in range(order):
            function = _all_derivatives(function, len(self.numbers), "reverse")
        return function


def _all_derivatives(function: Callable[..., Any], n: int, mode: Mode) -> Callable[..., Any]:
    """The function that gives a flat list of the derivatives of all outputs by all n numbers."""
    table = jacobian(function, range(n), mode=mode)
    return lambda *numbers: [entry for row in table(*numbers) for entry in row]


def _combinations(n: int, order: int) -> list[tuple[int, ...]]:
    return [*combinations_with_replacement(range(n), order)]


def _place(combination: Sequence[int], n: int) -> int:
    """The place of a derivative among all n**order."""
    return sum(p * n**k for k, p in enumerate(reversed(combination)))


class _Sizes(Floats):
    """The arithmetic of sums that nothing cancels in."""

    @staticmethod
    def times(g: float, partial: float) -> float:
        """The product of sizes."""
        return g * abs(partial)


def _sizes(y: Any, inputs: list[Value]) -> list[float]:
    """For each input, the sum over all paths from y to it of |the product of the partials|."""
    seeds = {y: 1.0} if isinstance(y, Value) else {}
    leaves = {*inputs}
    found = sweep.carry_down(sweep.in_order(seeds, leaves), seeds, leaves, _Sizes())
    return [found.get(x, 0.0) for x in inputs]


# How packages make arrays of their own from NumPy's.
FROM_NUMPY: dict[str, Callable[[Any, Any], Any]] = {
    "torch": lambda torch, array: torch.as_tensor(array),
    "jaxlib": lambda _, array: sys.modules["jax"].numpy.asarray(array),
}


def _package(structure: trees.Structure) -> str:
    return str(getattr(structure.kind, "__module__", "")).partition(".")[0]


def _detach(tree: Any, depth: int = 0) -> Any:
    """The same where tensors have no graph of their own: the checker only reads their numbers."""
    trees.check_depth(depth, "the arguments")
    if isinstance(tree, dict):
        return {key: _detach(each, depth + 1) for key, each in tree.items()}
    if type(tree) in {list, tuple}:
        return type(tree)([_detach(each, depth + 1) for each in tree])
    is_foreign = type(tree).__module__.partition(".")[0] in FROM_NUMPY
    return tree.detach() if is_foreign and hasattr(tree, "detach") else tree


def _build(structure: trees.Structure, numbers: Iterator[float]) -> Any:
    """A tree of those numbers whose arrays are of the packages that the structure names."""
    if structure.is_container:
        return structure.fill([_build(below, numbers) for below in structure.below])
    tree = trees.unflatten(structure, [*islice(numbers, structure.size)])
    package = _package(structure)
    if package not in FROM_NUMPY:
        return tree
    array = FROM_NUMPY[package](sys.modules[package], tree)
    if "64" not in str(array.dtype):
        raise ArgumentError(
            f"the point is an array of JAX, which computes with {array.dtype}: too few digits for "
            f'differences; call jax.config.update("jax_enable_x64", True) first'
        )
    return array


def cut(numbers: list[Any], width: int) -> list[list[Any]]:
    """The numbers in rows of `width`."""
    return [numbers[i : i + width] for i in range(0, len(numbers), width)]


def _argument_names(f: Callable[..., Any], count: int) -> list[str]:
    if isinstance(f, Operation) and not f.folds:
        return [*f.operands[:count]]
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # some functions in C have no signature
        parameters = {}.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds][:count]
    return names + [f"argument_{i}" for i in range(len(names), count)]
