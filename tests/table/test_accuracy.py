"""Every value, first and second partial of every row is right to its last digits, everywhere."""

import math
import random
import re
import struct
import sys
from itertools import product

import pytest
from hypothesis import settings
from mpmath import mp, mpf
from oracle import INDICES, NEAR, ORACLES, truth

from micrograd_gd import Value, engine_name
from micrograd_gd.core import native
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.ops import OPERATIONS

if engine_name() == "python" and hasattr(native, "Value"):
    reason = "its bits are those of the native engine (test_native.py), which is measured"
    pytest.skip(reason, allow_module_level=True)

U = mpf(2) ** -53
TINY = mpf(2) ** -1022  # below, floats are spaced evenly and have ever fewer digits
LARGEST = mpf(sys.float_info.max)
FACTOR = 16  # the promise: 16·u·(1 + k) for values, 16·u for partials

# Where partials hold to 16·u·(1 + k) only, and a point where they miss 16·u.
CONDITIONED = {
    # They have zeros, to which a rounded operand is never near enough.
    "direction": (-8.621414675134531, -11.918250439026036),
    "inversion": (85.34863985807533, -85.34863985807534),
    "atan2": (1.0000000000000002, 1.0),
    "sinc": (2.459024000787342,),
    "sinc_derivative": (1.0, 0.662674299999953),
    "sech": (0.8813735870195423,),
    "gelu": (-1.4142135623730954,),
    "gelu_tanh": (-1.4,),
    "silu": (-1.278464542761074,),
    "mish": (-1.1924312000007817,),
    "kl_div": (1.0000000000000002, 1.0),
    "entr": (0.36787944117144233,),
    "logit": (0.49997019301375617,),
    "gamma": (1.4616321449683625,),
    "lgamma": (1.4616321449683623,),
    "digamma": (-1.4991872302287335,),
    "polygamma": (2.0, -0.5),
    # They are exponentials of what was rounded: x², a - b, b log a.
    "erf": (-16.52485054217867,),
    "erfc": (17.815869246275582,),
    "ndtr": (-17.452905610610667,),
    "log_ndtr": (9.093555115089785,),
    "logaddexp": (-411.70560638169303, -6.415722130870422e-10),
    "pow": (5.637479930941365e-263, 0.11637452645978254),
    # They are high powers of a rounded root.
    "cbrt": (0.19745423445918192,),
}

SEED = 20240229
SLOW = {
    "lgamma",
    "digamma",
    "polygamma",
    "sinc_derivative",
    "erfcx_derivative",
    "gamma",
}  # in mpmath
FAMILY = (0.0, 1.0, 2.0, 3.0, 5.0)  # orders of sinc_derivative and polygamma

FLOATS = {name: getattr(ieee, name) for name in ieee.__all__}


def test_every_oracle_has_a_row():
    assert set(ORACLES) <= set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_value_and_derivatives_are_right_to_the_last_digits(name):
    row = OPERATIONS[name]
    checked = 0
    misses = []
    for operands in points(row):
        for report in compare(row, operands):
            checked += 1
            if report:
                misses.append(report)
    assert checked >= 80, f"{name}: only {checked} numbers checked"
    assert not misses, f"{len(misses)} of {checked} numbers miss:\n" + "\n".join(misses[:20])


# Where libraries lose digits: derivatives from rounded results, switches to asymptotes, overflow
# on the way. (At infinity and at the poles, test_edge_cases.py has the same operations.)
DELICATE = {
    "tanh": [(19.0,), (20.0,), (-20.0,), (300.0,), (-354.0,)],
    "sigmoid": [(40.0,), (-40.0,), (700.0,), (-700.0,)],
    "softplus": [(20.0,), (21.0,), (-40.0,), (700.0,), (-700.0,)],
    "logsigmoid": [(-20.0,), (-21.0,), (40.0,), (700.0,), (-700.0,)],
    "gelu": [(-8.0,), (-20.0,), (-37.0,), (8.0,), (39.0,)],
    "gelu_tanh": [(7.0,), (-7.0,), (-20.0,), (-21.0,), (39.0,)],
    "silu": [(7.0,), (-7.0,), (40.0,), (-700.0,), (790.0,)],
    "mish": [(7.0,), (-7.0,), (40.0,), (-700.0,), (790.0,)],
    "elu": [(-40.0, 1.0), (-1e-20, 1.0), (-700.0, 1.0)],
    "selu": [(-40.0,), (-1e-20,), (-700.0,)],
    "expm1": [(-40.0,), (1e-20,), (-700.0,)],
    "hypot": [(1.0, 1e-8), (1e-8, 1.0), (1e200, 1e200), (1e-200, 1e-200), (3.0, 1e-20)],
    "atan2": [(1e160, 1e160), (1e-160, 1e-160), (1e160, 1e150), (1e-150, 1e-160)],
    "logaddexp": [(1000.0, 1001.0), (0.0, 40.0), (-700.0, 0.0), (1e8, 1e8 + 1)],
    "kl_div": [(1.0, 1.0000000001), (1e308, 0.9e308), (1e300, 1e-300), (1e-300, 1e300), (2.0, 1.0)],
    "logit": [(0.4999999999999999,), (1e-300,), (0.9999999999999999,)],
    "log1mexp": [(0.6999999999999999,), (1e-300,), (40.0,), (744.0,)],
    "ndtr": [(-8.0,), (-37.0,), (8.3,)],
    "log_ndtr": [(-1e160,), (-1e9,), (-38.0,), (-8.0,), (8.3,), (38.0,)],
    "ndtri": [(5e-324,), (1e-300,), (1e-17,), (0.9999999999999999,), (0.5000000000000001,)],
    "erfinv": [(5e-324,), (1e-17,), (0.9999999999999999,), (-0.9999999999999999,)],
    "erfcx": [(-26.6,), (1e-300,), (30.0,), (1e9,), (1e300,)],
    "gamma": [(5e-309,), (1e-20,), (-1e-20,), (22.0,), (170.5,), (-170.5,), (-176.5,)],
    "lgamma": [(0.1,), (1.0,), (2.0,), (1.000001,), (1e10,), (1e300,), (-0.5,)],
    "digamma": [(0.1,), (1.0,), (1.4616321449683623,), (1e10,), (-0.5,), (1e-8,)],
    "polygamma": [(1.0, 0.1), (1.0, 1.0), (1.0, 1e10), (2.0, 1e-8), (1.0, -0.5)],
    "sinc": [(1e-9,), (1e-300,), (0.49,), (0.51,), (1.0,), (3.0,)],
    "asinh": [(1e150,), (-1e150,), (1e-20,)],
    "acosh": [(1e150,), (1.0000000000000002,)],
    "asin": [(0.9999999999999999,), (-0.9999999999999999,), (0.9999,), (1e-20,)],
    "acos": [(0.9999999999999999,), (-0.9999999999999999,), (0.9999,), (1e-20,)],
    "atanh": [(0.9999999999999999,), (-0.9999999999999999,), (0.9999,), (1e-20,)],
}


@pytest.mark.parametrize("name", DELICATE)
def test_digits_that_libraries_lose(name):
    row = OPERATIONS[name]
    misses = [report for point in DELICATE[name] for report in compare(row, point) if report]
    assert not misses, "\n".join(misses)


@pytest.mark.parametrize("name", CONDITIONED)
def test_no_row_is_excused_that_needs_no_excuse(name):
    assert any(compare(OPERATIONS[name], CONDITIONED[name], conditioned=()))


@pytest.mark.parametrize("exponent", [-3, -2, -1, 0, 1, 2, 3, 4, 7])
def test_powers_with_a_whole_constant_exponent_hold_for_every_base(exponent):
    def oracle(x):
        def power(order, n):  # the derivative of that order
            return power(order - 1, n - 1) * n if order else x**n

        return [x**exponent, power(1, exponent), power(2, exponent)]

    for base in _numbers(random.Random(f"{SEED} {exponent}"), "pow"):
        if base == 0:
            continue  # EDGE_CASES.md says what holds there
        x = Value(base)
        y = x**exponent
        y.backward(create_graph=True)
        slope, x.grad = x.grad, 0.0
        if exponent:  # without one, it is the number 0
            slope.backward()
        with mp.workdps(50):
            expected = oracle(mpf(base))
        for got, q in zip([y.data, getattr(slope, "data", slope), x.grad], expected, strict=True):
            ratio = _error(got, q, abs(exponent * q))
            assert ratio <= 1, f"{base!r} ** {exponent}: {got!r}, not {mp.nstr(q, 20)}"


# Points.


def points(row):
    """Smooth points of the row's domain, from every corner of the floats.

    So many as the profile of hypothesis has examples, and half as many again: a few of each kind,
    or all of them.
    """
    random_numbers = random.Random(f"{SEED} {row.name}")
    smooth = _smooth(row)
    found = [*dict.fromkeys(x for x in _candidates(row, random_numbers) if smooth(*x))]
    return random_numbers.sample(found, min(len(found), settings().max_examples * 3 // 2))


def _smooth(row):
    def compile_rows(formula):
        tree = expression.on_floats(expression.parse(formula, row.operands))
        return expression.function(row.operands, tree, FLOATS)

    if row.folds:
        return lambda *_: True
    domain = compile_rows(row.domain or "1")
    kinks = [compile_rows(kink) for kink in row.kinks]
    # A kink of nan is inf - inf or inf · 0: nothing is known there, so it is not called smooth.
    return lambda *operands: (
        domain(*operands)
        and all(kink(*operands) != 0 and kink(*operands) == kink(*operands) for kink in kinks)
    )


def _candidates(row, random_numbers):
    numbers = [*_numbers(random_numbers, row.name)]
    if row.name in INDICES:
        numbers = numbers[::3]
        yield from product(FAMILY, numbers)
    elif len(row.operands) == 1:
        yield from ((x,) for x in numbers)
    elif len(row.operands) == 2 and not row.folds:
        yield from _pairs(row.name, numbers, random_numbers)
    else:
        arity = row.arity(3)
        if row.folds:  # a sum goes from left to right: where that overflows on the way, so be it
            numbers = [x for x in numbers if abs(x) < 1e150]
        for _ in range(300):
            yield tuple(random_numbers.choices(numbers, k=arity))


def _numbers(random_numbers, name):
    few = 8 if name in SLOW else 32
    for _ in range(few):
        (x,) = struct.unpack("d", random_numbers.randbytes(8))
        if math.isfinite(x):
            yield x
    for _ in range(few // 4):
        yield _sign(random_numbers, random_numbers.randrange(1, 2**52) * 5e-324)
    for exponent in (-308, -200, -160, -100, -20, -8, -4, 4, 8, 15, 17, 20, 100, 160, 200, 307):
        yield _sign(random_numbers, random_numbers.uniform(1, 9) * 10.0**exponent)
    for width in (0.5, 1, 3, 10, 40, 110, 750):
        for _ in range(few // 4):
            yield random_numbers.uniform(-width, width)
    for x in (0.0, *NEAR.get(name, ()), 1.0, -1.0):
        yield x
        yield math.nextafter(x, math.inf)
        yield math.nextafter(x, -math.inf)
        for exponent in range(-16, -1, 6 if name in SLOW else 3):
            yield x + _sign(random_numbers, random_numbers.uniform(1, 9) * 10.0**exponent)


def _sign(random_numbers, x):
    return x * random_numbers.choice((-1, 1))


def _pairs(name, numbers, random_numbers):
    for _ in range(150):
        yield random_numbers.choice(numbers), random_numbers.choice(numbers)
    for a in random_numbers.sample(numbers, 50):
        # Operands of equal size, nearly equal, or whose product is moderate.
        scale = random_numbers.uniform(-4, 4)
        if math.isfinite(a * scale):
            yield a, a * scale
        nearly = a * (1 + _sign(random_numbers, 10.0 ** random_numbers.uniform(-16, -1)))
        yield a, nearly
        yield a, -nearly
        yield a, a + random_numbers.uniform(-40, 40)
        if a and math.isfinite(scale / a):
            yield a, scale / a
    for _ in range(60):  # powers that are neither 0 nor inf
        a = abs(random_numbers.choice(numbers))
        if a not in (0, 1):
            yield a, random_numbers.uniform(-745, 709) / math.log(a)


# What floats do not reach: second partials that are sums of infinities of both signs, or go through
# a number that overflows. Outside, the promise holds for these rows as for all others.
OUT_OF_REACH = {
    # Both are there to be derivatives: their second partials are third ones, and beyond all floats.
    "direction": lambda a, b: mp.hypot(a, b) < 1e-100,
    "inversion": lambda a, b: mp.hypot(a, b) < 1e-100,
    "ndtri": lambda p: p < 1e-150,
    # a**b or its slope overflows, 1/a does, or b - 1 would lose the digits of b.
    "pow": lambda a, b: (
        (b - 1) * mp.log(a) + mp.log(abs(a) + abs(b)) > 709
        or a < 1e-307
        or (a < 1e-100 and abs(b) < 0.06)
    ),
}


# Comparison.


def compare(row, operands, conditioned=CONDITIONED):
    """For every quantity None, or a report of what misses."""
    names, got = derivatives(row, operands)
    expected = truth(row.name, operands)
    slack = _slack(row, operands, expected.quantities[0])
    out_of_reach = row.name in OUT_OF_REACH and OUT_OF_REACH[row.name](*map(mpf, operands))
    for quantity, number, q, sensitivity in zip(names, got, *expected, strict=True):
        if not isinstance(q, mpf) or q != q:  # complex or undefined
            continue
        if out_of_reach and quantity.startswith("d²"):
            continue
        is_value = quantity == "value"
        allowance = sensitivity if is_value or row.name in conditioned else 0
        ratio = _error(number, q, allowance, 0 if is_value else slack)
        yield (
            None
            if ratio <= 1
            else f"{row.name}{operands!r}: {quantity} is {number!r}, not {mp.nstr(q, 20)}: "
            f"{mp.nstr(ratio, 3)} times the bound"
        )


def _error(got, expected, sensitivity, slack=0):
    """The error in units of the bound.

    Below the smallest normal number floats have ever fewer digits, so truth counts as at least
    that. Beyond the largest, or as near to it as the bound, an infinity of the right sign is due.
    """
    size = abs(expected)
    condition = sensitivity / size if size else 0
    relative = FACTOR * U * (1 + condition) + slack
    if math.isinf(got) and (got > 0) == (expected > 0) and size >= LARGEST * (1 - relative):
        return mpf(0)
    if not math.isfinite(got):
        return mp.inf
    allowed = relative * max(size, TINY) if size else FACTOR * U * (TINY + sensitivity)
    return abs(got - expected) / allowed


def _slack(row, operands, value):
    """What partials cannot know: subnormal operands, or a subnormal y, are good to 2**-1074."""
    result = re.escape(f"{row.name}({', '.join(row.operands)})")
    through_result = any(re.search(rf"\by\b|{result}", partial) for partial in row.partials)
    numbers = [*operands, value] if through_result else operands
    return sum(mpf(2) ** -1074 / abs(x) for x in numbers if 0 < abs(x) < TINY)


def derivatives(row, operands):
    """The value, all first partials and all second partials, with a name for each."""
    letters = [f"x{i}" for i in range(len(operands))] if row.folds else row.operands
    index = INDICES.get(row.name, 0)
    leaves = [x if i < index else Value(x) for i, x in enumerate(operands)]
    y = row(*leaves)
    y.backward(create_graph=True)
    first = [leaf.grad if isinstance(leaf, Value) else 0.0 for leaf in leaves]
    names = ["value", *(f"d/d{a}" for a in letters)]
    numbers = [y.data, *map(_number, first)]
    for a, slope in zip(letters, first, strict=True):
        for leaf in leaves[index:]:
            leaf.grad = 0.0
        if isinstance(slope, Value):
            slope.backward()
        for b, leaf in zip(letters, leaves, strict=True):
            names.append(f"d²/d{a}d{b}")
            numbers.append(_number(leaf.grad) if isinstance(leaf, Value) else 0.0)
    return names, numbers


def _number(x):
    return x.data if isinstance(x, Value) else x
