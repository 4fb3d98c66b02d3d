"""Functions into functions: `grad`, `jacobian`, `hessian` and their relatives.

All take ordinary functions of numbers, NumPy arrays, and containers of them. A transform calls the
function on fresh values and runs a sweep over what was recorded. The results are plain floats,
unless a transform is at work around it, or an argument is a `Value`: then they are values of that
graph, so that transforms nest to any depth. No two can take each other's derivative for their own,
because each asks for the derivative along its own fresh nodes.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from micrograd_gd.core import blocks
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.transforms import plain, trees
from micrograd_gd.transforms.compared import warn_if_compared
from micrograd_gd.transforms.recording import (
    IN_A_SECOND_CALL,
    Argnums,
    Function,
    Recording,
    require_argnums,
    require_function,
    require_one_number,
)
from micrograd_gd.transforms.sparsity import Mode, SparseMatrix
from micrograd_gd.transforms.wrapper import TransformedFunction

__all__ = [
    "SparseMatrix",
    "derivative",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "scipy_objective",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]


def grad(
    f: Function,
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    wrt: Sequence[Value] | None = None,
) -> Function:
    """The gradient of a function that returns one number, in the structure of its argument.

    For several `argnums`, a tuple of gradients. With `has_aux`, f returns a pair, of which only the
    first part is differentiated, and so does the gradient. With `wrt`, the gradient is a list of
    the derivatives by these values, which f closes over, such as the parameters of a model.

    Raises ShapeError for a result that is not one number, ArgumentError for wrong `argnums` and
    for values in `wrt` that are no leaves.

    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 3.0})
    {'a': 3.0, 'b': 2.0}
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    """
    require_function(f)
    require_argnums(argnums)
    return TransformedFunction(f, _grad, argnums, has_aux, wrt)


def _grad(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], options: Any) -> Any:
    value, slopes = _value_and_grad(f, args, kwargs, options)
    _, has_aux, _ = options
    return (slopes, value[1]) if has_aux else slopes


def value_and_grad(
    f: Function,
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    wrt: Sequence[Value] | None = None,
) -> Function:
    """The function's result together with its gradient, in one pass.

    Raises what `grad` raises.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    >>> w = Value(2.0)
    >>> value_and_grad(lambda x: w * x, wrt=[w])(3.0)
    (6.0, [3.0])
    """
    require_function(f)
    require_argnums(argnums)
    return TransformedFunction(f, _value_and_grad, argnums, has_aux, wrt)


def _value_and_grad(
    f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], options: Any
) -> Any:
    argnums, has_aux, wrt = options
    if not has_aux and wrt is None:
        found = plain.value_and_grad(f, args, kwargs, argnums)
        if found is not None:
            return found
    call = Recording(f, args, kwargs, argnums, has_aux=has_aux, wrt=wrt)
    require_one_number(call.out_structure)
    slopes = call.pull_back([1.0])
    if call.misses_inputs and wrt is None and not has_aux:
        warn_if_compared(f, args, kwargs, argnums)
    value = call.finish(call.outputs)[0]
    return ((value, call.aux) if has_aux else value), call.arrange_as_arguments(slopes)


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """The result, and the function from its cotangents to those of the arguments.

    Raises ShapeError for cotangents that are not like the result.

    >>> y, pull_back = vjp(lambda a, b: [a * b, a], 2.0, 3.0)
    >>> y, pull_back([1.0, 10.0])
    ([6.0, 2.0], (13.0, 2.0))
    """
    call = Recording(f, primals, {}, range(len(primals)))
    return call.result(), call.pull_back_tree


def jvp(f: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The result, and its derivative along the direction `tangents`.

    Both are tuples, of one entry per argument; for one argument they may be given bare.

    Raises ShapeError for tangents that are not like the primals.

    >>> jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    if not isinstance(primals, tuple):
        primals, tangents = (primals,), (tangents,)
    elif not isinstance(tangents, (tuple, list)):
        raise ShapeError(f"the primals are a tuple, and so must be the tangents, not {tangents!r}")
    result, push_forward = linearize(f, *primals)
    return result, push_forward(*tangents)


def linearize(f: Function, *primals: Any) -> tuple[Any, Function]:
    """The result, and the function from tangents of the arguments to the tangent of the result.

    Raises ShapeError for tangents that are not like the primals.

    >>> y, push_forward = linearize(lambda x: x**3, 2.0)
    >>> y, push_forward(1.0), push_forward(10.0)
    (8.0, 12.0, 120.0)
    """
    call = Recording(f, primals, {}, range(len(primals)))
    return call.result(), call.push_forward_trees


def jacobian(
    f: Function,
    argnums: Argnums = 0,
    *,
    mode: Mode | None = None,
    sparse: bool = False,
) -> Function:
    """The derivative of every number of the result by every number of the argument.

    The result's structure with the argument's in place of each number or array, and in that, for
    each pair of numbers or arrays, a number or an array of the shape (*result, *argument). One
    sweep per number of the result (reverse) or of the argument (forward), whichever are fewer
    unless `mode` says.

    With `sparse`, a `SparseMatrix`: only the entries that can differ from 0, with rows and columns
    numbered as the numbers stand from left to right, found in as few sweeps as their pattern
    allows.

    Raises ArgumentError for wrong `argnums` or another mode.

    >>> jacobian(lambda x: [x[0] * x[1], x[0]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 0.0]]
    >>> jacobian(lambda x: [x[0] * x[1], x[0]], sparse=True)([2.0, 3.0])
    SparseMatrix(entries=([3.0, 2.0, 1.0], ([0, 0, 1], [0, 1, 0])), shape=(2, 2))
    """
    require_function(f)
    require_argnums(argnums)
    if mode not in {None, "forward", "reverse"}:
        raise ArgumentError(f"mode is {mode!r}; expected 'forward', 'reverse' or None")
    return TransformedFunction(f, _jacobian, argnums, mode, sparse)


def _jacobian(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], options: Any) -> Any:
    argnums, mode, sparse = options
    call = Recording(f, args, kwargs, argnums)
    return call.sparse_jacobian(mode) if sparse else call.jacobian(mode)


def jacfwd(f: Function, argnums: Argnums = 0) -> Function:
    """The Jacobian with a forward sweep for each number of the argument, as JAX calls it.

    >>> jacfwd(lambda x: [x * x, 3 * x])(2.0)
    [4.0, 3.0]
    """
    return jacobian(f, argnums, mode="forward")


def jacrev(f: Function, argnums: Argnums = 0) -> Function:
    """The Jacobian with a reverse sweep for each number of the result, as JAX calls it.

    >>> jacrev(lambda x: x[0] * x[1])([2.0, 3.0])
    [3.0, 2.0]
    """
    return jacobian(f, argnums, mode="reverse")


def hessian(f: Function, argnums: int = 0, *, sparse: bool = False) -> Function:
    """The second derivatives of a function that returns one number, forward over reverse.

    `sparse` is that of `jacobian`: few sweeps where few pairs of numbers interact.

    Raises what `grad` raises.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([2.0, 3.0])
    [[6.0, 4.0], [4.0, 0.0]]
    """
    gradient = grad(f, argnums)
    if sparse:
        return jacobian(gradient, argnums, sparse=True)
    return TransformedFunction(gradient, _hessian, argnums)


def _hessian(
    gradient: TransformedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], options: Any
) -> Any:
    (argnum,) = options
    found = plain.hessian(gradient.f, args, kwargs, argnum)
    if found is None:
        return _jacobian(gradient, args, kwargs, (argnum, "forward", False))
    return found


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
    require_function(f)
    if not (isinstance(order, int) and order >= 0):
        expected = f"expected a whole number, at least 0: {IN_A_SECOND_CALL}"
        raise ArgumentError(f"order is {shorten(order)}; {expected}")
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

    Further arguments of the function are what `minimize` is given as `args`.
    For `least_squares`, whose function gives an array, `jacobian(f)` is the `jac`.

    >>> objective = scipy_objective(lambda x: x[0] ** 2 + x[1])
    >>> objective.jac([3.0, 1.0]), objective.hessp([3.0, 1.0], [1.0, 0.0])
    ([6.0, 1.0], [2.0, 0.0])
    """
    return ScipyObjective(f, grad(f), hessian(f), partial(_hessp, f))


def _hessp(f: Function, x: Any, p: Any, *args: Any) -> Any:
    return hvp(lambda x: f(x, *args), x, p)


def stop_gradient(x: Any) -> Any:
    """The same numbers, through which no derivative flows.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    leaves, structure = trees.flatten(x)
    return trees.unflatten(structure, [*map(blocks.constant, leaves)])
