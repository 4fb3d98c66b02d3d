"""How sharply a function bends at a place: the largest eigenvalue of its Hessian.

The Hessian is never written down. It is multiplied with one vector after the other, exactly, by
a tangent sweep through the recorded gradient.
"""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from micrograd_gd.errors import ArgumentError, NonFiniteError
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.derivatives import grad, linearize, value_and_grad

Vector = list[float]


def largest_curvature(f: Callable[[Any], Any], at: Any, *, products: int = 300) -> float:
    """The largest eigenvalue of the Hessian of `f` at a place, the most positive one.

    By the method of Lanczos (1950): the Hessian is multiplied with at most `products` vectors.

    Raises ArgumentError for a place without numbers, NonFiniteError where a derivative is not
    finite.

    >>> round(largest_curvature(lambda x: 3 * x[0] ** 2 - 50 * x[1] ** 2, [1.0, 1.0]), 9)
    6.0
    """
    leaves, structure = trees.flatten_numbers(at, "the place")
    if not leaves:
        raise ArgumentError("a place without numbers has no curvature; expected at least one")
    _, push_forward = linearize(grad(f), trees.unflatten(structure, leaves))

    def product(vector: Vector) -> Vector:
        result, _ = trees.flatten(push_forward(trees.unflatten(structure, vector)))
        if not all(map(math.isfinite, result)):
            message = "expected a place where the function and its derivatives are finite"
            raise NonFiniteError(f"the Hessian is not finite at {at!r:.80}; {message}")
        return result

    return _lanczos(product, len(leaves), products)


def is_minimum(f: Callable[[Any], Any], at: Any) -> bool:
    """Whether a level place is a local minimum, as far as slope and curvature tell.

    No direction bends downward, and a little further along the slope the function rises.

    >>> is_minimum(lambda x: x**2, 1e-9), is_minimum(lambda x: x**3, 1e-4)
    (True, False)
    >>> is_minimum(lambda x: x[0] ** 2 - x[1] ** 2, [1e-9, 0.0])
    False
    """
    try:
        largest, smallest = largest_curvature(f, at), -largest_curvature(lambda x: -f(x), at)
    except NonFiniteError:
        return False
    value, gradient = value_and_grad(f)(at)
    slopes, structure = trees.flatten(gradient)
    leaves, _ = trees.flatten_numbers(at)
    norm = math.hypot(*slopes)
    if not (largest > 0 and smallest >= -1e-9 * largest and norm < math.inf):
        return False
    reach = 1e-3 * max(1.0, math.hypot(*leaves)) / norm if norm else 0.0
    beyond = [x - reach * slope for x, slope in zip(leaves, slopes, strict=True)]
    further, _ = value_and_grad(f)(trees.unflatten(structure, beyond))
    return bool(further >= value)


def _lanczos(product: Callable[[Vector], Vector], size: int, products: int) -> float:
    """The largest eigenvalue of a symmetric matrix that is known by its products with vectors.

    In the basis of v, Av, A²v, … the matrix is tridiagonal, and its extreme eigenvalues show after
    few products. Rounding would bring back earlier directions, so every vector is made orthogonal
    to all before it.
    """
    random = Random(0)  # noqa: S311 — a direction with a part in all others, no secret
    basis: list[Vector] = []
    diagonal: Vector = []
    beside: Vector = []
    v = _unit([random.gauss(0, 1) for _ in range(size)])
    largest, settled = math.nan, 0
    for _ in range(min(size, products)):
        basis.append(v)
        w = product(v)
        diagonal.append(_dot(v, w))
        for _ in range(2):  # once more, because the first pass rounds
            for u in basis:
                part = _dot(u, w)
                w = [wi - part * ui for wi, ui in zip(w, u, strict=True)]
        before, largest = largest, _largest_eigenvalue(diagonal, beside)
        settled = settled + 1 if abs(largest - before) <= 1e-10 * abs(largest) else 0
        length = math.hypot(*w)
        scale = max(map(abs, [*diagonal, *beside]))
        if settled == 2 or length <= 1e-14 * scale:
            break
        beside.append(length)
        v = _unit(w)
    return largest


def _largest_eigenvalue(diagonal: Sequence[float], beside: Sequence[float]) -> float:
    """The largest eigenvalue of a symmetric tridiagonal matrix, by bisection.

    With λ subtracted from the diagonal, elimination leaves only negative pivots exactly if λ is
    above all eigenvalues (Sylvester).
    """
    radii = [abs(a) + abs(b) for a, b in zip([0.0, *beside], [*beside, 0.0], strict=True)]
    low = max(diagonal)  # a Rayleigh quotient is not above the largest eigenvalue
    high = max(d + r for d, r in zip(diagonal, radii, strict=True))  # Gershgorin

    def is_above_all(x: float) -> bool:
        pivot = diagonal[0] - x
        for d, b in zip(diagonal[1:], beside, strict=True):
            if not pivot < 0:
                return False
            pivot = d - x - b * (b / pivot)
        return pivot < 0

    while True:
        middle = low + (high - low) / 2
        if not low < middle < high:
            return low
        low, high = (low, middle) if is_above_all(middle) else (middle, high)


def _dot(a: Vector, b: Vector) -> float:
    return math.fsum(map(float.__mul__, a, b))


def _unit(v: Vector) -> Vector:
    length = math.hypot(*v)
    return [x / length for x in v]
