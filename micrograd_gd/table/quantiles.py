"""The inverses of the normal distribution and of erf as straight lines: elementary.py says how.

Three quotients of polynomials, for the middle, for the tails, and for what is far out: M. J.
Wichura, *Algorithm AS 241: the percentage points of the normal distribution*, Applied Statistics
37, 1988. His coefficients are off by 2**-53 at most.
"""

from collections.abc import Sequence
from math import inf, nan

from micrograd_gd.table.logarithms import log
from micrograd_gd.table.straight_line import Number, choose, sqrt
from micrograd_gd.table.sums import polynomial, with_sign_of

Ratio = tuple[Sequence[float], Sequence[float]]

# Above and below, in powers of MIDDLE² - q², where q is the distance from one half ...
MIDDLE = 0.425
NEAR: Ratio = (
    (3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.693765509461,
     45921.95393154987, 67265.7709270087, 33430.57558358813, 2509.0809287301227),
    (1.0, 42.31333070160091, 687.1870074920579, 5394.196021424751,
     21213.794301586597, 39307.89580009271, 28729.085735721943, 5226.495278852854),
)  # fmt: skip
# ... in powers of r - 1.6, where r is the root of the tail's negative logarithm ...
TAIL: Ratio = (
    (1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045,
     1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 0.0007745450142783414),
    (1.0, 2.053191626637759, 1.6763848301838038, 0.6897673349851,
     0.14810397642748008, 0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-09),
)  # fmt: skip
# ... and in powers of r - 5.
FAR: Ratio = (
    (6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
     0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-05,
     2.0103343992922881e-07),
    (1.0, 0.599832206555888, 0.1369298809227358, 0.014875361290850615,
     0.0007868691311456133, 1.8463183175100548e-05, 1.421511758316446e-07,
     2.0442631033899397e-15),
)  # fmt: skip


def ndtri(p: Number) -> Number:
    """The number that a normal variable stays below with probability p."""
    return quantile(p - 0.5, choose(p < 0.5, p, 1.0 - p))


def erfinv(x: Number) -> Number:
    """The number whose erf is x."""
    return quantile(x * 0.5, (1.0 - abs(x)) * 0.5) * 0.7071067811865476


def quantile(q: Number, tail: Number) -> Number:
    """That of one half and q; the tail is what is left of 1 on the side of q."""
    near = q * divide(MIDDLE * MIDDLE - q * q, NEAR)
    r = sqrt(-log(tail))
    y = choose(r < 5.0, divide(r - 1.6, TAIL), divide(r - 5.0, FAR))
    y = choose(tail > 0.0, y, choose(tail == 0.0, inf, nan))
    return choose(abs(q) < MIDDLE, near, with_sign_of(q, y))


def divide(x: Number, ratio: Ratio) -> Number:
    """The quotient of two polynomials."""
    above, below = ratio
    return polynomial(x, above) / polynomial(x, below)
