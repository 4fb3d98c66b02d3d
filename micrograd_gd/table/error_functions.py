"""The error functions as straight lines: elementary.py has the others, and says how."""

from micrograd_gd.table.exponential import LN2_HIGH, LN2_LOW, LOG2_E, SHIFT, finish_exp
from micrograd_gd.table.straight_line import Number, choose
from micrograd_gd.table.sums import (
    Sum,
    add_smaller,
    low_bits_off,
    multiply,
    polynomial,
    with_sign_of,
)  # fmt: skip

# (erf x - x) / x in powers of x², for |x| <= NEAR_0; off by 2**-56.
ERF = (
    0.1283791670955126, -0.3761263890318395, 0.11283791670964181, -0.026866170647061944,
    0.005223977648279577, -0.0008548328671611145, 0.00012055409244614407, -1.4927957895610789e-05,
    1.6507449496923544e-06, -1.692043791438455e-07, 1.8589545395413383e-08,
    -2.2412451323117096e-09,
)  # fmt: skip
NEAR_0 = 0.75
# (x + 1) exp(x²) erfc x in powers of 1 - 4 / (x + 1), for x from NEAR_0 to 27.3; off by 2**-58. So
# substituted it is smooth up to infinity (M. M. Shepherd and J. G. Laframboise, 1981).
ERFC_FIRST, ERFC_FIRST_LOW = 0.7160046047255598, -2.170887036808011e-17
ERFC_SECOND = (
    -0.15395155176520348
)  # but for what stands first below, since its product is to be exact
ERFC = (
    -3.6240026812794923e-09, -0.00730796127220636, 0.009201046373181332, 0.0012331164774085238,
    -0.0007803426543826658, -0.00030136992378826285, 3.282279271132181e-05, 5.5528944213470094e-05,
    1.3220774618321505e-05, -4.945773581198446e-06, -4.535794814471899e-06, -1.0144498794653493e-06,
    4.756228464533357e-07, 4.6123704905748893e-07, 1.3444016094930453e-07, -3.5579940646125096e-08,
    -5.423979732177719e-08, -2.3193493274679523e-08, 8.422241912184038e-10, 6.88076015167178e-09,
    3.501930896516926e-09, 1.182168027100699e-10, -6.154249612116802e-10, -2.607509795910582e-10,
    -3.6094277617793614e-11,
)  # fmt: skip


def erf(x: Number) -> Number:
    """Error function."""
    t = abs(x)
    return choose(t < NEAR_0, x + x * polynomial(x * x, ERF), with_sign_of(x, 1.0 - erfc_of(t)))


def erfc(x: Number) -> Number:
    """1 - erf x, without cancellation."""
    tail = erfc_of(abs(x))
    y, e = add_smaller(1.0, -x)
    near = y + (e - x * polynomial(x * x, ERF))
    return choose(x < -NEAR_0, 2.0 - tail, choose(x < NEAR_0, near, tail))


def erfc_of(x: Number) -> Number:
    """1 - erf x from NEAR_0 on: exp(-x²) · polynomial / (x + 1), each with what it lacks."""
    x = choose(x > 27.3, 27.3, x)
    head = low_bits_off(x)
    shifted = head * head * -LOG2_E + SHIFT
    k = shifted - SHIFT
    low = (x - head) * (x + head) + k * LN2_LOW
    power = finish_exp(shifted, k, -(head * head) - k * LN2_HIGH, low)
    above = x + 1.0
    inverse = divide_one(Sum(above, x - (above - 1.0)))
    s, e = add_smaller(1.0, inverse.high * -4.0)
    s_head = low_bits_off(s)
    y, e2 = add_smaller(ERFC_FIRST, s_head * ERFC_SECOND)
    e = ((s - s_head) + (e - inverse.low * 4.0)) * ERFC_SECOND + ERFC_FIRST_LOW
    y, e2 = add_smaller(y, e2 + (s * polynomial(s, ERFC) + e))
    product = multiply(multiply(Sum(y, e2), inverse), power.add_up())
    return power.times_power(product.high + product.low)


def divide_one(x: Sum) -> Sum:
    """The inverse of x, and what it lacks."""
    y = 1.0 / x.high
    head, x_head = low_bits_off(y), low_bits_off(x.high)
    rest = ((1.0 - head * x_head) - head * (x.high - x_head)) - (y - head) * x.high
    return Sum(y, (rest - y * x.low) * y)
