"""The elementary functions: near the truth, in order, and the same on one number and in lanes."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest
from compiled import backends, bits
from mpmath import mp, mpf
from oracle import ORACLES

from micrograd_gd import Value, jit, vmap
from micrograd_gd.table import ieee, straight_line
from micrograd_gd.table.elementary import FUNCTIONS, POWERS, SHORT_POWERS
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.table.straight_line import Term, record
from micrograd_gd.table.trigonometry import NEAR

LN2 = math.log(2)
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 2.2250738585072014e-308]
SPECIAL += [1.0, -1.0, 1.7976931348623157e308, -1.7976931348623157e308, 709.782712893384, 709.79]
SPECIAL += [-745.13, -745.14, 710.4758600739439, 710.476, 1024.0, -1074.0, -1075.0, 0.5, 2.0, 1e-20]

TRUTHS = {
    "exp": mp.exp,
    "exp2": lambda x: mpf(2) ** x,
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x) / mp.ln2,
    "log10": lambda x: mp.log(x) / mp.ln10,
    "log1p": mp.log1p,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "sech": mp.sech,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "erf": mp.erf,
    "erfc": lambda x: mp.erfc(x) if x < 30 else mpf(0),
    "erfcx": lambda x: ORACLES["erfcx"](x)[0] if x > -30 else mpf(math.inf),
    "ndtri": lambda x: ORACLES["ndtri"](x)[0],
    "erfinv": lambda x: ORACLES["erfinv"](x)[0],
    "near_sin": mp.sin,
    "near_cos": mp.cos,
    "near_tan": mp.tan,
    **{name: lambda x, n=n: x**n for n, name in POWERS.items()},
}
NAMES = {
    "near_sin": "sin",
    "near_cos": "cos",
    "near_tan": "tan",
}
QUANTILES = {"ndtri": (0, 1), "erfinv": (-1, 1)}  # with their domains
EXPONENTS = {name: float(n) for n, name in POWERS.items()}
EXP_TURNS = [(k + 0.5) * LN2 for k in range(-1080, 1026)]
LOG_TURNS = [math.ldexp(0.5**0.5, k) for k in range(-1022, 1024)] + [1.0, 2.0**-1022]
# Where the function goes over from one piece to the next.
TURNS = {
    "exp": EXP_TURNS,
    "exp2": [k + 0.5 for k in range(-1080, 1025)],
    "expm1": [*EXP_TURNS[900:], 2.0**-54, -(2.0**-54), -60.0],
    "log": LOG_TURNS,
    "log2": LOG_TURNS,
    "log10": LOG_TURNS,
    "log1p": [x - 1 for x in LOG_TURNS[900:]] + [2.0**-54, -(2.0**-54), 2.0**53],
    "sinh": [*EXP_TURNS[1080:], 0.7],
    "cosh": [*EXP_TURNS[1080:], 0.5],
    "tanh": [x / 2 for x in EXP_TURNS[1000:1160]],
    "sigmoid": EXP_TURNS[:1160],
    "erf": [0.75, *[math.sqrt(-x) for x in EXP_TURNS[1030:1080]]],
    "erfc": [0.75, -0.75, 27.3, *[math.sqrt(-x) for x in EXP_TURNS[:1080]]],
    "erfcx": [0.75, -0.75, 1e9, *[-math.sqrt(x) for x in EXP_TURNS[1080:2104]]],
}


def test_each_function_has_its_truth_here():
    assert (
        FUNCTIONS.keys() == TRUTHS.keys() == TURNS.keys() | {"sech", *QUANTILES, *NAMES, *EXPONENTS}
    )


def on_floats(name):
    """The function of one float."""
    if name in EXPONENTS:
        return lambda x: ieee.pow(x, EXPONENTS[name])
    return getattr(ieee, NAMES.get(name, name))


def draw(name, count):
    rng = random.Random(name)
    kinds = [
        lambda: rng.uniform(-800, 800),
        lambda: rng.uniform(-2, 2),
        lambda: rng.choice((-1, 1)) * math.ldexp(rng.uniform(1, 2), rng.randint(-1074, 1023)),
        lambda: rng.choice((-1, 1)) * math.ldexp(rng.uniform(1, 2), rng.randint(-40, 5)),
        lambda: 1 + math.ldexp(rng.uniform(-1, 1), -rng.randint(1, 50)),
    ]
    return [kind() for _ in range(count // len(kinds)) for kind in kinds]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_near_the_truth(name):
    for x in [*draw(name, 500), *SPECIAL]:
        y = on_floats(name)(x)
        with mp.workdps(50):
            truth = find_truth(name, x)
            if mp.isnan(truth) or mp.isinf(truth) or truth == 0:
                assert y == truth or (y != y and mp.isnan(truth)), f"{name}({x!r})"
            elif abs(truth) >= mpf(2) ** 1024 - mpf(2) ** 970:
                assert y == mp.sign(truth) * math.inf, f"{name}({x!r})"
            else:
                ulp = mpf(2) ** max(mp.frexp(truth)[1] - 53, -1074)
                assert abs(y - truth) <= ulp * (6 if name in QUANTILES else 1), f"{name}({x!r})"


def find_truth(name, x):  # noqa: PLR0911 — one return a kind of edge
    """The true value, a limit at infinity, or nan."""
    if name in QUANTILES and not QUANTILES[name][0] < x < 1:
        return mpf(math.inf if x == 1 else -math.inf if x == QUANTILES[name][0] else math.nan)
    if name in NAMES and math.isinf(x):
        return mpf(math.nan)
    if name in EXPONENTS and (x == 0 or math.isinf(x)):
        sign = math.copysign(1, x) ** int(EXPONENTS[name])
        return mpf(0 if (x == 0) == (EXPONENTS[name] > 0) else sign * math.inf)
    if x == math.inf:
        return mpf(
            {"tanh": 1, "sigmoid": 1, "sech": 0, "erf": 1, "erfc": 0, "erfcx": 0}.get(name, x)
        )
    if x == -math.inf:
        bounds = {"expm1": -1, "tanh": -1, "sinh": x, "erf": -1, "erfc": 2}
        bounds |= dict.fromkeys(["cosh", "erfcx"], math.inf)
        return mpf(bounds.get(name, math.nan if "log" in name else 0))
    if "log" in name and x <= -(name == "log1p"):
        return mpf(-math.inf if x == -(name == "log1p") else math.nan)
    return TRUTHS[name](mpf(x)) if x == x else mpf(x)


@pytest.mark.parametrize("name", TURNS)
def test_functions_never_go_back_from_one_number_to_the_next(name):
    function = getattr(ieee, name)
    for x in [*TURNS[name], *draw(name, 2000)]:
        xs = [math.nextafter(x, -math.inf)]
        for _ in range(3):
            xs.append(math.nextafter(xs[-1], math.inf))
        if name == "cosh":  # which falls, below 0
            xs = sorted(map(abs, xs))
        ys = [*map(function, xs)]
        ys = reversed(ys) if name in {"erfc", "erfcx"} else ys
        assert not any(a > b for a, b in pairwise(ys)), f"{name} at {x!r}"


@pytest.mark.parametrize(("name", "low", "high"), [
    ("sin", -math.pi / 2, math.pi / 2), ("tan", -math.pi / 2, math.pi / 2), ("cos", -math.pi, 0.0),
])  # fmt: skip
def test_waves_never_go_back_while_they_rise(name, low, high):
    rng, function = random.Random(name), getattr(ieee, name)
    for _ in range(3000):
        x = rng.choice((rng.uniform(low, high), high - math.ldexp(1, -rng.randint(1, 30))))
        xs = [x, math.nextafter(x, high), math.nextafter(math.nextafter(x, high), high)]
        assert [*map(function, xs)] == sorted(map(function, xs)), x


@pytest.mark.parametrize("name", FUNCTIONS)
def test_zeros_keep_their_sign(name):
    y = on_floats(name)(-0.0)
    assert y != 0 or math.copysign(1, y) == (-1 if EXPONENTS.get(name, 1) % 2 else 1)


@backends
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_the_same_bits_on_one_number_and_in_lanes(name, backend):
    xs = np.array([*draw(name, 300), *SPECIAL])
    xs = np.concatenate([xs, xs[abs(xs) < NEAR]])  # of near angles, whole blocks go together
    alone = [on_floats(name)(x) for x in xs.tolist()]
    f = OPERATIONS.get(NAMES.get(name, name)) or (lambda x: x ** EXPONENTS[name])
    in_lanes = jit(vmap(f), backend=backend)(xs)
    assert bits(alone) == bits(in_lanes)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_steps_are_what_the_functions_compute(name):
    xs = np.array([*draw(name, 300), *SPECIAL])
    xs = xs[~(abs(xs) >= NEAR)] if name in NAMES else xs
    with np.errstate(all="ignore"):
        ys = run(record(FUNCTIONS[name], 1), xs)
    assert np.array_equal(ys, [on_floats(name)(x) for x in xs.tolist()], equal_nan=True)
    without_c = [*map(straight_line.run(FUNCTIONS[name]), xs[::10].tolist())]
    assert np.array_equal(ys[::10], without_c, equal_nan=True)


@backends
def test_a_power_is_the_same_whoever_gives_the_exponent(backend):
    xs = np.array([-2.5, -0.0, 0.0, 1.1, 3e200, -1e-200, math.inf, -math.inf, math.nan, 5e-324])
    for n in [*SHORT_POWERS, 0.0, -0.5, 1.5, 7.0, math.nan, -math.inf]:
        eager = [(Value(x) ** n).data for x in xs]
        constant = jit(vmap(lambda x, n=n: x**n), backend=backend)(xs)
        varying = jit(vmap(lambda x, y: x**y), backend=backend)(xs, np.full(len(xs), float(n)))
        assert bits(eager) == bits(constant) == bits(varying), n


@pytest.mark.parametrize("n", [-1, 0.5, *POWERS])
def test_powers_are_those_of_c_at_the_edges(n):
    for x in (0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, 4.0):
        try:
            expected = math.pow(x, n)
        except ValueError:  # zero to a negative power
            expected = math.copysign(math.inf, x) if n % 2 else math.inf
        y = ieee.pow(x, n)
        assert str(y) == str(expected), x


def run(steps, *given):
    """The steps on arrays, one after the other."""
    results = list(given)
    for step in steps[len(given) :]:
        operands = [results[x.place] if isinstance(x, Term) else as_word(x) for x in step.operands]
        results.append(DO[step.name](*operands))
    return results[-1]


def as_word(x):
    return np.uint64(x % 2**64) if isinstance(x, int) else x


DO = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "root": np.sqrt,
    "less": np.less,
    "equal": np.equal,
    "choose": np.where,
    "bits": lambda x: x.view(np.uint64),
    "number": lambda x: x.view(np.float64),
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "add bits": np.add,
    "sub bits": np.subtract,
    "shift left": np.left_shift,
    "shift right": np.right_shift,
}
