"""The logarithms as straight lines: elementary.py has the others, and says how."""

from math import inf, nan

from micrograd_gd.table.exponential import BIAS, LN2_HIGH, LN2_LOW
from micrograd_gd.table.straight_line import Bits, Number, bits_of, choose, choose_bits, number
from micrograd_gd.table.sums import add_smaller, low_bits_off, polynomial

# Constants in two parts. The first has so few bits that its product by an exponent is exact ...
LOG10_2_HIGH, LOG10_2_LOW = 0.30102999566383914, 1.42050232272661e-13
# ... or by what `low_bits_off` gives.
LOG2_E_HEAD, LOG2_E_REST = 1.4426950216293335, 1.9259629911266175e-08
LOG10_E_HEAD, LOG10_E_REST = 0.4342944771051407, 4.798111141615973e-09

FRACTION = (1 << 52) - 1

# (log((1 + s) / (1 - s)) - 2 s) / s³ in powers of s², for |s| <= 3 - √8; off by 2**-59.
LOG = (
    0.6666666666666736, 0.39999999999405483, 0.2857142874406196, 0.22222198426135864,
    0.18183571058687753, 0.15313895685114728, 0.14797364051497042,
)  # fmt: skip


def reduce_log(bits: Bits) -> tuple[Number, Bits, Number]:
    """The exponent k as a number and in bits with its bias, and m between √½ and √2: x is 2ᵏ m."""
    turned = bits + (bits_of(1.0) - bits_of(0.5**0.5))
    exponent = turned >> 52
    k = number(exponent | bits_of(2.0**52)) - (2.0**52 + BIAS)
    return k, exponent, number((turned & FRACTION) + bits_of(0.5**0.5))


def reduce_log_of(x: Number) -> tuple[Number, Number]:
    """k, and f between √½ - 1 and √2 - 1: x is 2ᵏ (1 + f)."""
    is_tiny = x < 2.0**-1022
    k, _, m = reduce_log(choose(is_tiny, x * 2.0**54, x).bits)
    return k - choose(is_tiny, 54.0, 0.0), m - 1.0


def log_of_sum(f: Number) -> tuple[Number, Number, Number]:
    """log(1 + f) as f - half + rest, and s."""
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    return half, s * (half + z * polynomial(z, LOG)), s


def log(x: Number) -> Number:
    """Natural logarithm."""
    k, f = reduce_log_of(x)
    half, rest, _ = log_of_sum(f)
    y, e = add_smaller(k * LN2_HIGH, f)
    return where_defined(x, y + ((e + (rest + k * LN2_LOW)) - half))


def log2(x: Number) -> Number:
    """Logarithm to base 2."""
    k, high, low = split_log(x)
    y, e = add_smaller(k, high * LOG2_E_HEAD)
    return where_defined(x, y + (e + ((low + high) * LOG2_E_REST + low * LOG2_E_HEAD)))


def log10(x: Number) -> Number:
    """Logarithm to base 10."""
    k, high, low = split_log(x)
    y, e = add_smaller(k * LOG10_2_HIGH, high * LOG10_E_HEAD)
    rest = k * LOG10_2_LOW + ((low + high) * LOG10_E_REST + low * LOG10_E_HEAD)
    return where_defined(x, y + (e + rest))


def split_log(x: Number) -> tuple[Number, Number, Number]:
    """k, and log m in two parts, the first of few bits: x is 2ᵏ m."""
    k, f = reduce_log_of(x)
    half, rest, _ = log_of_sum(f)
    high = low_bits_off(f - half)
    return k, high, ((f - high) - half) + rest


def log1p(x: Number) -> Number:
    """log(1 + x) without cancellation near 0."""
    u = x + 1.0
    back = u - 1.0
    error = (1.0 - (u - back)) + (x - back)
    k, exponent, m = reduce_log(u.bits)
    scale = number((2 * BIAS - choose_bits(u > 2.0**1000, 2 * BIAS, exponent)) << 52)
    f, e = add_smaller(m - 1.0, error * scale)
    half, rest, s = log_of_sum(f)
    y, e2 = add_smaller(k * LN2_HIGH, f)
    y = y + ((e2 + (rest + (k * LN2_LOW + (e - e * (s + s))))) - half)
    return choose(abs(x) < 2.0**-54, x, where_defined(u, y))


def where_defined(x: Number, y: Number) -> Number:
    """y, a logarithm of x, where x is a positive number."""
    return choose(x > 0.0, choose(x < inf, y, x), choose(x < 0.0, nan, x - inf))
