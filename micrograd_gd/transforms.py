"""Functions into functions: `grad`, `jacobian`, `hessian` and their relatives.

All take ordinary functions of numbers, nested lists, tuples, dicts and NumPy arrays. A transform
calls the function on fresh values and runs a sweep over what was recorded. The results are plain
floats, unless a transform is at work around it, or an argument is a `Value`: then they are values
of that graph, so that transforms nest to any depth. No two can take each other's derivative for
their own, because each asks for the derivative along its own fresh nodes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Literal, NamedTuple

from micrograd_gd import sweep, trees
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.operation import shortened

__all__ = [
    "derivative",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "scipy_objective",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]

Function = Callable[..., Any]
Argnums = int | Sequence[int]


def grad(f: Function, argnums: Argnums = 0, *, has_aux: bool = False) -> Function:
    """The gradient of a function that returns one number, in the structure of its argument.

    For several `argnums`, a tuple of gradients. With `has_aux`, f returns a pair, of which only the
    first part is differentiated, and so does the gradient.

    Raises ShapeError for a result that is not one number, ArgumentError for wrong `argnums`.

    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 3.0})
    {'a': 3.0, 'b': 2.0}
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    """
    with_value = value_and_grad(f, argnums, has_aux=has_aux)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, slopes = with_value(*args, **kwargs)
        return (slopes, value[1]) if has_aux else slopes

    return gradient


def value_and_grad(f: Function, argnums: Argnums = 0, *, has_aux: bool = False) -> Function:
    """The function's result together with its gradient, in one pass.

    Raises what `grad` raises.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        trace = _Trace(f, args, kwargs, argnums, has_aux=has_aux)
        if trace.out_structure != trees.LEAF:
            raise ShapeError(
                f"grad needs a function with one number as its result, but it is "
                f"{trace.out_structure!r}: use jacobian, or return one of them"
            )
        slopes = trace.pull_back([1.0])
        value = trace.finished(trace.outputs)[0]
        return ((value, trace.aux) if has_aux else value), trace.in_arguments(slopes)

    return value_and_gradient


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """The result, and the function from its cotangents to those of the arguments.

    Raises ShapeError for cotangents that are not like the result.

    >>> y, pull_back = vjp(lambda a, b: [a * b, a], 2.0, 3.0)
    >>> y, pull_back([1.0, 10.0])
    ([6.0, 2.0], (13.0, 2.0))
    """
    trace = _Trace(f, primals, {}, range(len(primals)))

    def pull_back(cotangents: Any) -> Any:
        given = trees.matched(cotangents, trace.out_structure, "the cotangents")
        return trace.in_arguments(trace.pull_back(given))

    return trace.result(), pull_back


def jvp(f: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The result, and its derivative along the direction `tangents`.

    Both are tuples, of one entry per argument; for one argument they may be given bare.

    Raises ShapeError for tangents that are not like the primals.

    >>> jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    if not isinstance(primals, tuple):
        primals, tangents = (primals,), (tangents,)
    result, push_forward = linearize(f, *primals)
    return result, push_forward(*tangents)


def linearize(f: Function, *primals: Any) -> tuple[Any, Function]:
    """The result, and the function from tangents of the arguments to the tangent of the result.

    Raises ShapeError for tangents that are not like the primals.

    >>> y, push_forward = linearize(lambda x: x**3, 2.0)
    >>> y, push_forward(1.0), push_forward(10.0)
    (8.0, 12.0, 120.0)
    """
    trace = _Trace(f, primals, {}, range(len(primals)))

    def push_forward(*tangents: Any) -> Any:
        if len(tangents) != len(primals):
            raise ShapeError(f"{len(primals)} tangents are due, and {len(tangents)} came")
        given = [
            leaf
            for i, (tangent, structure) in enumerate(zip(tangents, trace.structures, strict=True))
            for leaf in trees.matched(tangent, structure, f"tangent {i}")
        ]
        return trees.unflatten(trace.out_structure, trace.push_forward(given))

    return trace.result(), push_forward


def jacobian(
    f: Function, argnums: Argnums = 0, *, mode: Literal["forward", "reverse"] | None = None
) -> Function:
    """The derivative of every number of the result by every number of the argument.

    The result's structure with the argument's in place of each number; for arrays, an array of the
    shape (*result, *argument). One sweep per number of the result (reverse) or of the argument
    (forward), whichever are fewer unless `mode` says.

    Raises ArgumentError for wrong `argnums` or another mode.

    >>> jacobian(lambda x: [x[0] * x[1], x[0]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 0.0]]
    """
    if mode not in {None, "forward", "reverse"}:
        raise ArgumentError(f"mode is {mode!r}; expected 'forward', 'reverse' or None")

    @wraps(f)
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        trace = _Trace(f, args, kwargs, argnums)
        m, n = len(trace.outputs), len(trace.inputs)
        if mode == "forward" or (mode is None and n < m):
            columns = [trace.push_forward(_unit(n, j)) for j in range(n)]
            rows = [[column[i] for column in columns] for i in range(m)]
        else:
            rows = [trace.pull_back(_unit(m, i)) for i in range(m)]
        return trace.table(rows)

    return derivatives


def hessian(f: Function, argnums: int = 0) -> Function:
    """The second derivatives of a function that returns one number, forward over reverse.

    Raises what `grad` raises.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([2.0, 3.0])
    [[6.0, 4.0], [4.0, 0.0]]
    """
    return jacobian(grad(f, argnums), argnums, mode="forward")


def hvp(f: Function, primals: Any, tangents: Any) -> Any:
    """The Hessian times a vector: the gradient's derivative along `tangents`, in two sweeps.

    For functions of several arguments both are tuples, and so is the result.

    Raises what `grad` and `jvp` raise.

    >>> hvp(lambda x: x[0] ** 2 * x[1], [2.0, 3.0], [1.0, 0.0])
    [6.0, 4.0]
    """
    several = isinstance(primals, tuple)
    argnums = tuple(range(len(primals))) if several else 0
    return jvp(grad(f, argnums), primals, tangents)[1]


def derivative(f: Function, order: int = 1) -> Function:
    """The derivative of any order of a function of one number.

    Raises ArgumentError for an order below 0.

    >>> derivative(lambda x: x**5, order=3)(2.0)
    240.0
    """
    if order < 0:
        raise ArgumentError(f"order is {order}; expected 0, 1, 2, …")
    for _ in range(order):
        f = grad(f)
    return f


class ScipyObjective(NamedTuple):
    """A function with its derivatives, under the names of `scipy.optimize.minimize`."""

    fun: Function
    jac: Function
    hess: Function
    hessp: Function


def scipy_objective(f: Function) -> ScipyObjective:
    """What `scipy.optimize.minimize` asks for, of a function of one array that gives one number.

    For `least_squares`, whose function gives an array, `jacobian(f)` is the `jac`.

    >>> objective = scipy_objective(lambda x: x[0] ** 2 + x[1])
    >>> objective.jac([3.0, 1.0]), objective.hessp([3.0, 1.0], [1.0, 0.0])
    ([6.0, 1.0], [2.0, 0.0])
    """

    def hessian_times_vector(x: Any, p: Any) -> Any:
        return hvp(f, x, p)

    return ScipyObjective(f, grad(f), hessian(f), hessian_times_vector)


def stop_gradient(tree: Any) -> Any:
    """The same numbers, through which no derivative flows.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    leaves, structure = trees.flatten(tree)
    return trees.unflatten(structure, [getattr(leaf, "data", leaf) for leaf in leaves])


# How many transforms are calling a function right now, one inside the other.
_depth = ContextVar("_depth", default=0)


class _Trace:
    """One call of a function on fresh values, recorded."""

    def __init__(
        self,
        f: Function,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        argnums: Argnums,
        *,
        has_aux: bool = False,
    ) -> None:
        self.is_single = isinstance(argnums, int)
        places = _places(argnums, len(args))
        flat = [trees.flatten(args[place], f"argument {place}") for place in places]
        self.structures = [structure for _, structure in flat]
        # A value of another transform stays what it is; its copy here is a node of its own.
        given = [leaf for leaves, _ in flat for leaf in leaves]
        self.stays_differentiable = _depth.get() > 0 or any(isinstance(x, Value) for x in given)
        self.inputs = [x * 1.0 if isinstance(x, Value) else Value(x) for x in given]
        called = list(args)
        for place, part in zip(places, self.in_structures(self.inputs), strict=True):
            called[place] = part
        with _deeper():
            result = f(*called, **kwargs)
        self.aux = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise ShapeError(f"has_aux needs a pair as the result, not {shortened(result)}")
            result, aux = result
            leaves, structure = trees.flatten(aux, "the second result")
            self.aux = trees.unflatten(structure, self.finished(leaves))
        self.outputs, self.out_structure = trees.flatten(result, "the result")

    def pull_back(self, cotangents: Sequence[Any]) -> list[Any]:
        """The cotangents of the inputs for those of the outputs."""
        seeds: dict[Value, Any] = {}
        for y, cotangent in zip(self.outputs, cotangents, strict=True):
            if isinstance(y, Value) and not _is_zero(cotangent):
                seeds[y] = seeds[y] + cotangent if y in seeds else cotangent
        found = sweep.pull_back(seeds, {*self.inputs}, differentiable=self._records(cotangents))
        return self.finished([found.get(x, 0.0) for x in self.inputs])

    def push_forward(self, tangents: Sequence[Any]) -> list[Any]:
        """The tangents of the outputs for those of the inputs."""
        seeds = dict(zip(self.inputs, tangents, strict=True))
        roots = [y for y in self.outputs if isinstance(y, Value)]
        found = sweep.push_forward(roots, seeds, differentiable=self._records(tangents))
        return self.finished([found.get(y, 0.0) for y in self.outputs])

    def _records(self, seeds: Sequence[Any]) -> bool:
        return self.stays_differentiable or any(isinstance(seed, Value) for seed in seeds)

    def finished(self, leaves: Sequence[Any]) -> list[Any]:
        """The results: values where a transform is at work around this one, else floats."""
        if self.stays_differentiable:
            return list(leaves)
        return [leaf.data if isinstance(leaf, Value) else float(leaf) for leaf in leaves]

    def result(self) -> Any:
        """What the function returned."""
        return trees.unflatten(self.out_structure, self.finished(self.outputs))

    def in_structures(self, leaves: Sequence[Any]) -> list[Any]:
        """Leaves put into the structures of the arguments, one by one."""
        remaining = iter(leaves)
        return [
            trees.unflatten(structure, [next(remaining) for _ in range(structure.size)])
            for structure in self.structures
        ]

    def in_arguments(self, leaves: Sequence[Any]) -> Any:
        """The same, as one thing if one argument was asked for, or else as a tuple."""
        parts = self.in_structures(leaves)
        return parts[0] if self.is_single else tuple(parts)

    def table(self, rows: list[list[Any]]) -> Any:
        """A Jacobian's rows in the structure of the result, and of the arguments below."""
        if self.is_single and self.structures[0].shape and self._is_array_or_number():
            shape = (*self.out_structure.shape, *self.structures[0].shape)
            return trees.array([leaf for row in rows for leaf in row], shape)
        below = [self.in_arguments(row) for row in rows]
        if self.out_structure.shape and all(isinstance(part, float) for part in below):
            return trees.array(below, self.out_structure.shape)
        return _nested(self.out_structure, iter(below))

    def _is_array_or_number(self) -> bool:
        return self.out_structure == trees.LEAF or bool(self.out_structure.shape)


def _nested(structure: trees.Structure, parts: Iterator[Any]) -> Any:
    """Any parts, in the place of a structure's leaves; lists stand for arrays."""
    if structure.shape:
        return [next(parts) for _ in range(structure.size)]
    return trees.unflatten(structure, [next(parts) for _ in range(structure.size)])


@contextmanager
def _deeper() -> Iterator[None]:
    token = _depth.set(_depth.get() + 1)
    try:
        yield
    finally:
        _depth.reset(token)


def _places(argnums: Argnums, count: int) -> list[int]:
    wanted = [argnums] if isinstance(argnums, int) else list(argnums)
    for place in wanted:
        if not isinstance(place, int) or not -count <= place < count:
            raise ArgumentError(
                f"argnums is {argnums!r}, but the function was called with {count} arguments"
            )
    return [place % count for place in wanted]


def _unit(size: int, place: int) -> list[float]:
    return [1.0 if i == place else 0.0 for i in range(size)]


def _is_zero(seed: Any) -> bool:
    return type(seed) is float and seed == 0
