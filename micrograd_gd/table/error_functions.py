"""The error functions as straight lines: elementary.py has the others, and says how."""

from micrograd_gd.table.exponential import (
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    SHIFT,
    Exponential,
    finish_exp,
)
from micrograd_gd.table.straight_line import Number, choose
from micrograd_gd.table.sums import (
    Sum,
    add_smaller,
    low_bits_off,
    multiply,
    polynomial,
    scale,
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
# (x + 1) exp(x²) erfc x in powers of 1 - 4 / (x + 1), from NEAR_0 on; off by 2**-58. So substituted
# it is smooth up to infinity (M. M. Shepherd and J. G. Laframboise, 1981).
ERFC_FIRST, ERFC_FIRST_LOW = 0.7160046047255598, -2.170887036808011e-17
ERFC_SECOND = (
    -0.15395155176520348
)  # but for what stands first below, since its product is to be exact
ERFC = (
    -3.6240026781131202e-09, -0.007307961272206879, 0.009201046373180805, 0.0012331164774411988,
    -0.0007803426543588157, -0.00030136992450678727, 3.2822792195763556e-05, 5.552895211409452e-05,
    1.3220780835051015e-05, -4.945823994619571e-06, -4.535840075525554e-06, -1.0142492817410813e-06,
    4.7583222042743485e-07, 4.6072584627012605e-07, 1.3380600795902635e-07, -3.475997612514001e-08,
    -5.2969892473301235e-08, -2.3938921113349282e-08, -8.156124470842722e-10, 7.085308419373566e-09,
    4.842544842457493e-09, 3.982996126859458e-10, -1.2015794369281352e-09, -5.520706612344677e-10,
    4.5126928052838495e-11, 8.607367717915281e-11, 1.6684215252086372e-11,
)  # fmt: skip


def erf(x: Number) -> Number:
    """Error function."""
    t = abs(x)
    return choose(t < NEAR_0, x + x * polynomial(x * x, ERF), with_sign_of(x, 1.0 - erfc_of(t)))


def erfc(x: Number) -> Number:
    """1 - erf x, without cancellation."""
    y, e = erfc_near_0(x)
    near, tail = y + e, erfc_of(abs(x))
    return choose(x < -NEAR_0, 2.0 - tail, choose(x < NEAR_0, near, tail))


def erfcx(x: Number) -> Number:
    """exp(x²) erfc x, without overflow."""
    parts = exp_of_square(choose(x < -26.7, -26.7, choose(x < NEAR_0, x, NEAR_0)), 1.0)
    a, b = scale(parts.add_up(), parts.power(5))  # which does not overflow, where twice 2ᵏ does
    product = multiply(Sum(*erfc_near_0(x)), Sum(a, b))
    tail = scaled_erfc(choose(abs(x) < 1e9, abs(x), 1e9))
    y = tail.high + tail.low
    below = 2.0 * a + (2.0 * b - y * 2.0**-5)  # as erfc x is 2 - erfc(-x)
    near = choose(x < -NEAR_0, below, product.high + product.low) * 2.0**5
    return choose(x < NEAR_0, near, choose(x < 1e9, y, 0.5641895835477563 / x))


def erfc_near_0(x: Number) -> tuple[Number, Number]:
    """1 - erf x up to NEAR_0, and what it lacks."""
    y, e = add_smaller(1.0, -x)
    return y, e - x * polynomial(x * x, ERF)


def erfc_of(x: Number) -> Number:
    """1 - erf x from NEAR_0 on."""
    x = choose(x > 27.3, 27.3, x)
    power = exp_of_square(x, -1.0)
    product = multiply(scaled_erfc(x), power.add_up())
    return power.times_power(product.high + product.low)


def exp_of_square(x: Number, sign: float) -> Exponential:
    """The parts of exp x², or exp -x²."""
    head = low_bits_off(x)
    square = head * head * sign
    shifted = square * LOG2_E + SHIFT
    k = shifted - SHIFT
    rest = (x - head) * (x + head) * sign
    return finish_exp(shifted, k, square - k * LN2_HIGH, k * LN2_LOW - rest)


def scaled_erfc(x: Number) -> Sum:
    """exp(x²) erfc x from NEAR_0 on: polynomial / (x + 1), each with what it lacks."""
    above = x + 1.0
    inverse = divide_one(Sum(above, x - (above - 1.0)))
    s, e = add_smaller(1.0, inverse.high * -4.0)
    s_head = low_bits_off(s)
    y, e2 = add_smaller(ERFC_FIRST, s_head * ERFC_SECOND)
    e = ((s - s_head) + (e - inverse.low * 4.0)) * ERFC_SECOND + ERFC_FIRST_LOW
    y, e2 = add_smaller(y, e2 + (s * polynomial(s, ERFC) + e))
    return multiply(Sum(y, e2), inverse)


def divide_one(x: Sum) -> Sum:
    """The inverse of x, and what it lacks."""
    y = 1.0 / x.high
    head, x_head = low_bits_off(y), low_bits_off(x.high)
    rest = ((1.0 - head * x_head) - head * (x.high - x_head)) - (y - head) * x.high
    return Sum(y, (rest - y * x.low) * y)
