"""A curve through measurements, with errors: least squares by exact derivatives."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from scipy.optimize import least_squares

# isort: split
import numpy as np  # after SciPy, whose extra brings both

from micrograd_gd.compiler.jit import jit
from micrograd_gd.compiler.vmap import vmap
from micrograd_gd.errors import ArgumentError, DivergedError, JitError, NotANumberError, ShapeError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.derivatives import value_and_grad
from micrograd_gd.transforms.recording import require_function

__all__ = ["Fit", "curve_fit"]

Function = Callable[..., Any]
Array = Any  # of NumPy
Limits = tuple[Array, Array]

TOLERANCE = 2.3e-16  # the least that MINPACK takes: steps go on while they lead anywhere
MOST_CALLS = 2_000  # for each parameter
RAN_OFF = 1e9  # errors this many times their parameters say that the search ended where f is flat
MOST_LAST_STEPS = 100  # of Gauss and Newton, at the end
PATIENCE = 3  # of these, as long as none is shorter than the shortest, which rounding may delay


class Fit(NamedTuple):
    """The parameters of a curve, and how far they can be trusted.

    `errors` are standard deviations, in the structure of the parameters. One that ends at a bound
    has the error nan, and the others' are those with it held there.
    """

    parameters: Any
    errors: Any
    correlations: list[list[float]]
    covariance: list[list[float]]
    residual_sum: float  # of squares, each residual divided by its sigma where that was given
    degrees_of_freedom: int

    def error_of(self, g: Function) -> tuple[float, float]:
        """The number that g gives for the parameters, and its standard deviation.

        g takes the parameters as the curve does, after x. Source: propagation of errors to the
        first order, σ² = ∇gᵀ C ∇g, with the covariance C.

        >>> fit = curve_fit(lambda x, a, b: a + b * x, [0.0, 1.0, 2.0], [1.0, 3.1, 4.9], [0.0, 0.0])
        >>> value, error = fit.error_of(lambda a, b: a + b * 3.0)  # the curve at 3
        >>> f"{value:.2f} ± {error:.2f}"
        '6.90 ± 0.19'
        """
        value, slopes = value_and_grad(lambda p: _call(g, (), p))(self.parameters)
        slope = np.array(trees.flatten(slopes)[0])
        held = np.isnan(np.diag(self.covariance))
        covariance = np.where(held[:, None] | held, 0.0, self.covariance)
        return value, float(math.sqrt(slope @ covariance @ slope))

    def __str__(self) -> str:
        names = self.parameters if isinstance(self.parameters, dict) else None
        numbers = [trees.flatten(each)[0] for each in (self.parameters, self.errors)]
        keys = [*names] if names and len(names) == len(numbers[0]) else [*range(len(numbers[0]))]
        lines = [
            f"{key!s:>10}  {value:.10g} ± {error:.2g}"
            for key, value, error in zip(keys, *numbers, strict=True)
        ]
        rest = f"{self.residual_sum:.6g}, {self.degrees_of_freedom} degrees of freedom"
        return "\n".join([*lines, f"sum of squared residuals {rest}"])


def curve_fit(
    f: Function,
    x: Any,
    y: Sequence[float],
    start: Any,
    sigma: Sequence[float] | float | None = None,
    bounds: tuple[Any, Any] | None = None,
) -> Fit:
    """The parameters for which the curve f(x, *parameters) is nearest to the measurements y.

    `x` has one number or one row of numbers for each of `y`; f is called with one of them.
    `start`, where the search begins, is a list or an array of parameters, or a dict, which f takes
    by name.
    `sigma` are the standard deviations of the measurements; without them they are taken as equal,
    and as what the residuals say. `bounds` are the least and the greatest parameters, both in the
    structure of `start`; infinite ones are none.

    Raises ShapeError for lengths that differ and for fewer measurements than parameters,
    ArgumentError for what is no finite number, DivergedError where the search does not end. Warns
    where the measurements do not determine the parameters, whose errors are infinite then.

    Source: Levenberg-Marquardt of MINPACK, or the trust-region reflective method with bounds, both
    in SciPy, with exact derivatives; errors are from the inverse of JᵀJ.

    >>> fit = curve_fit(lambda x, a, b: a + b * x, [0.0, 1.0, 2.0], [1.0, 3.1, 4.9], [0.0, 0.0])
    >>> [round(p, 3) for p in fit.parameters], [round(e, 3) for e in fit.errors]
    ([1.05, 1.95], [0.112, 0.087])
    """
    require_function(f)
    leaves, structure = trees.flatten(start, "the start")
    begin = _numbers(leaves, "the start")
    rows, right = _numbers(x, "x"), _numbers(y, "y")
    if rows.shape[:1] != right.shape:
        raise ShapeError(f"x has {len(rows)} entries and y {len(right)}; expected one for each")
    if len(right) < len(begin):
        raise ShapeError(f"{len(right)} measurements do not determine {len(begin)} parameters")
    weights = 1.0 / _read_sigma(1.0 if sigma is None else sigma, len(right))
    limits = _read_bounds(bounds, structure, begin)
    measure = _compile(f, structure, rows)

    def residuals(p: Array) -> Array:
        return (measure(p)[0] - right) * weights

    def slopes(p: Array) -> Array:
        return measure(p)[1] * weights[:, None]

    is_finite = np.isfinite(residuals(begin))
    if not is_finite.all():
        i = int(np.argmin(is_finite))
        raise ArgumentError(
            f"at the start the curve is no finite number for x[{i}] = {shorten(rows[i].tolist())}; "
            f"start elsewhere"
        )
    best = _search(residuals, slopes, begin, limits)
    free = (best > limits[0]) & (best < limits[1])
    best = _polish(residuals, slopes, best, free, limits)
    covariance, total, freedom = _describe(
        residuals(best), slopes(best), best, free, is_known=sigma is not None
    )
    errors = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore"):
        correlations = covariance / np.outer(errors, errors)
    return Fit(
        trees.unflatten(structure, best.tolist()),
        trees.unflatten(structure, errors.tolist()),
        correlations.tolist(),
        covariance.tolist(),
        total,
        freedom,
    )


def _call(f: Function, before: tuple[Any, ...], parameters: Any) -> Any:
    if isinstance(parameters, dict):
        return f(*before, **parameters)
    return f(*before, *(parameters if hasattr(parameters, "__iter__") else [parameters]))


def _numbers(xs: Any, name: str) -> Array:
    try:
        numbers = np.asarray(xs, dtype=float)
    except (TypeError, ValueError) as error:
        raise NotANumberError(f"{name} is no array of numbers: {error}") from None
    if not np.isfinite(numbers).all():
        raise ArgumentError(f"{name} has an entry that is no finite number: {shorten(xs)}")
    return numbers


def _read_sigma(sigma: Any, count: int) -> Array:
    numbers = _numbers(sigma, "sigma")
    if numbers.shape not in {(), (count,)}:
        raise ShapeError(f"sigma has the shape {numbers.shape}; expected one number, or {count}")
    if not (numbers > 0).all():
        raise ArgumentError(f"sigma is {shorten(sigma)}; expected standard deviations above 0")
    return np.broadcast_to(numbers, (count,))


def _read_bounds(bounds: Any, structure: trees.Structure, begin: Array) -> Limits:
    if bounds is None:
        return np.full(len(begin), -math.inf), np.full(len(begin), math.inf)
    low, high = (np.array(trees.match(each, structure, "a bound"), dtype=float) for each in bounds)
    if not ((low < high).all() and (low <= begin).all() and (begin <= high).all()):
        raise ArgumentError(
            f"bounds are {shorten(bounds)} for the start {shorten(begin.tolist())}; expected "
            f"(least, greatest) with the start between them"
        )
    return low, high


def _compile(f: Function, structure: trees.Structure, rows: Array) -> Function:
    """The curve at all points and its slopes by the parameters, as arrays, for parameters in one.

    A curve that a program cannot compute, such as one with branches on x, is called point by point.
    """

    def at(p: Any, x: Any) -> Any:
        return _call(f, (x,), trees.unflatten(structure, [*p]))

    each = value_and_grad(at)
    compiled = jit(vmap(each, in_axes=(None, 0)))
    compiles = True

    def measure(p: Array) -> tuple[Array, Array]:
        nonlocal compiles
        if compiles:
            try:
                values, slopes = compiled(p, rows)
            except JitError:
                compiles = False
            else:
                return np.asarray(values), np.asarray(slopes)
        pairs = [each(p.tolist(), x) for x in rows.tolist()]
        return np.array([value for value, _ in pairs]), np.array([slope for _, slope in pairs])

    return measure


def _search(residuals: Function, slopes: Function, begin: Array, limits: Limits) -> Array:
    """Where the sum of squares is least, as far as the search can tell."""
    methods = ["trf"] if np.isfinite(limits).any() else ["lm", "trf"]  # bounds are for trf alone
    best: Any = None
    for method in methods:
        found = least_squares(
            residuals,
            begin,
            slopes,
            bounds=limits,
            method=method,
            x_scale="jac",
            ftol=TOLERANCE,
            xtol=TOLERANCE,
            gtol=TOLERANCE,
            max_nfev=MOST_CALLS * len(begin),
        )
        if best is None or found.cost < best.cost:
            best = found
        root = _decompose(slopes(found.x))
        if root is not None and (np.linalg.norm(root, axis=1) < RAN_OFF * np.abs(found.x)).all():
            break
    if best.status == 0:
        raise DivergedError(
            f"no fit after {best.nfev} calls: the sum of squares is {2 * best.cost:g} and still "
            f"falls, at {shorten(best.x.tolist())}; start nearer, or give bounds"
        )
    low, high = limits  # the search itself stays just inside of them
    return np.where(best.active_mask < 0, low, np.where(best.active_mask > 0, high, best.x))


def _polish(
    residuals: Function, slopes: Function, best: Array, free: Array, limits: Limits
) -> Array:
    """The last digits, by steps of Gauss and Newton as long as they become shorter."""
    step, length = _step_from(best, residuals, slopes, free)
    there, in_vain = best + step, 0
    for _ in range(MOST_LAST_STEPS):
        if not ((limits[0] <= there) & (there <= limits[1])).all():
            break
        step, now = _step_from(there, residuals, slopes, free)
        if now < length:
            best, length, in_vain = there, now, 0
        else:
            in_vain += 1
        if in_vain == PATIENCE:
            break
        there = there + step
    return best


def _step_from(p: Array, residuals: Function, slopes: Function, free: Array) -> tuple[Array, float]:
    """The step to the least squares of the tangents, and how far it moves the residuals."""
    step = np.zeros(len(p))
    jacobian, scale = _scale(slopes(p)[:, free])
    missing = residuals(p)
    if not (np.isfinite(jacobian).all() and np.isfinite(missing).all()):
        return step, math.inf
    scaled = np.linalg.lstsq(jacobian, -missing, rcond=None)[0]
    step[free] = scaled / scale
    return step, float(np.linalg.norm(scaled))


def _scale(jacobian: Array) -> tuple[Array, Array]:
    """The columns with the length 1, and the lengths that they had."""
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = 1.0
    return jacobian / scale, scale


def _decompose(jacobian: Array) -> Array | None:
    """A square root of (JᵀJ)⁻¹; None where J does not have full rank."""
    scaled, scale = _scale(jacobian)
    if not np.isfinite(scaled).all():
        return None
    _, singular, turned = np.linalg.svd(scaled, full_matrices=False)
    if singular[-1] <= max(scaled.shape) * np.finfo(float).eps * singular[0]:
        return None
    return np.asarray(turned.T / singular / scale[:, None])


def _describe(
    residuals: Array, jacobian: Array, best: Array, free: Array, *, is_known: bool
) -> tuple[Array, float, int]:
    """The covariance, the sum of squares and the degrees of freedom."""
    total, freedom = float(residuals @ residuals), len(residuals) - int(free.sum())
    covariance = np.full((len(best), len(best)), math.nan)
    if not free.any():
        return covariance, total, freedom
    root = _decompose(jacobian[:, free])
    if root is None:
        warnings.warn(
            "the measurements do not determine the parameters: others fit as well, and the errors "
            "are infinite; leave parameters out, or start elsewhere",
            stacklevel=3,
        )
    if root is None or not (is_known or freedom):
        covariance[free[:, None] & free] = math.inf
    else:
        variance = 1.0 if is_known else total / freedom
        covariance[free[:, None] & free] = (root @ root.T * variance).ravel()
    return covariance, total, freedom
