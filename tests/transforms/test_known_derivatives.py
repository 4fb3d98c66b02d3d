"""Programs of others whose derivatives are known: floating-point benchmarks, and classics."""

import json
from fractions import Fraction

import pytest
from fpbench import program
from mpmath import mp, mpf
from rounding import error_bound, number

from micrograd_gd import Value, derivative, engine_name, grad, hessian, hvp, jvp, value_and_grad
from micrograd_gd.functional import sin

# The 123 programs of FPBench, written in its language FPCore: expressions, branches and loops.


def test_the_programs_of_fpbench_to_rounding(cases):
    """Value, gradient and Hessian at three points each, within what rounding explains.

    The largest graph, which is as large as all others together, has one point.
    """
    document = json.loads((cases / "fpbench" / "fpbench.json").read_text())
    assert len(document["cases"]) == 123
    for case in document["cases"]:
        for point in case["points"][: 1 if case["name"] == "N Body Simulation" else 3]:
            check_value_and_gradient(case, point)
            if case["has_while"]:  # its graph is large, and every entry's bound takes a sweep
                check_sums_of_hessian(case, point)
            else:
                check_hessian(case, point)


def check_value_and_gradient(case, point):
    recorded = program(case, value_unless_whole)  # so that every step that rounds counts
    value, gradient = value_and_grad(recorded)([*map(Value, point["x"])])
    near(value, point["value"], case)
    for got, known in zip(gradient, point["grad"], strict=True):
        near(got, known, case)
    on_floats = value_and_grad(program(case, float))(point["x"])
    assert on_floats == (number(value), [*map(number, gradient)]), case["name"]


def check_hessian(case, point):
    table = hessian(program(case, value_unless_whole))([*map(Value, point["x"])])
    for row, known_row in zip(table, point["hess"], strict=True):
        for got, known in zip(row, known_row, strict=True):
            near(got, known, case)
    on_floats = hessian(program(case, float))(point["x"])
    assert on_floats == [[*map(number, row)] for row in table], case["name"]


def check_sums_of_hessian(case, point):
    f = program(case, value_unless_whole)
    sums = hvp(f, [*map(Value, point["x"])], [1.0] * len(point["x"]))
    for got, known_row in zip(sums, point["hess"], strict=True):
        with mp.workdps(40):
            near(got, mp.fsum(map(mpf, known_row)), case)


def value_unless_whole(x):
    return x if x.is_integer() else Value(x)


def near(got, known, case):
    with mp.workdps(40):
        missed = abs(number(got) - mpf(known))
        assert missed <= error_bound(got) + 1e-30 * (1 + abs(mpf(known))), case["name"]


# Classics, each computed as `transforms.json` describes it in words. Whole numbers and fractions
# are exact there; what cannot be a float's is rounded once.


def repeat(step, times, x):
    for _ in range(times):
        x = step(x)
    return x


def product(x):
    p = 1
    for v in x:
        p = p * v
    return p


def babylonian(times):
    return grad(lambda x: repeat(lambda y: (y + x / y) / 2, times, (x + 1) / 2))(2.0)


def recurrence(step, n):
    """The n-th of a sequence of polynomials that begins with 1 and x."""

    def polynomial(x):
        before, now = 1.0, x
        for k in range(1, n):
            before, now = now, step(k, x, now, before)
        return now

    return polynomial


def one_at_most(x):
    if x <= 1:
        return x
    return 1


def chebyshev(n):
    return grad(recurrence(lambda _, x, now, before: 2 * x * now - before, n))(1.0)


def determinant(m):
    (a, b, c), (d, e, f), (g, h, i) = m
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def micrograd_readme(x):
    a, b = x
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f


def micrograd_test(x):
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    return h + q + q * x


def burtorch(x):
    a, b = x
    return (a + b - (a * b + b**3)) ** 2 / 2


def value_and_slopes(f, x):
    value, slopes = value_and_grad(f)(x)
    return [value, *slopes]


MATRIX = [[2.0, -1.0, 3.0], [4.0, 1.0, -2.0], [0.0, 5.0, 6.0]]
ONE_TO_TEN = [float(i) for i in range(1, 11)]
TWO_ZEROS = [1.0, 0.0, 3.0, 0.0, 5.0]


def nested_sine(order):
    return derivative(lambda x: sin(sin(x) + sin(x)), order)(0.3)


CLASSICS = {
    "perturbation_confusion_1": lambda: grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0),
    "perturbation_confusion_2": lambda: grad(lambda x: x * grad(lambda y: x * y)(2.0))(1.0),
    "perturbation_confusion_3": lambda: grad(
        lambda x: x * grad(lambda y: y * grad(lambda z: x * y * z)(3.0))(2.0)
    )(1.5),
    "perturbation_confusion_forward": lambda: jvp(
        lambda x: x * jvp(lambda y: x + y, 1.0, 1.0)[1], 1.0, 1.0
    )[1],
    "mixed_fwd_over_rev": lambda: jvp(grad(lambda y: y * y * y), 2.0, 1.0)[1],
    "rev_over_fwd": lambda: grad(lambda x: jvp(lambda y: y * y * y, x, 1.0)[1])(2.0),
    "grad_of_constant": lambda: grad(lambda x: 1.0)(2.0),
    "grad_identity_twice": lambda: grad(grad(lambda x: x))(2.0),
    "grad_ignores_argument": lambda: grad(lambda x, y: y * y, argnums=0)(1.0, 3.0),
    **{f"nested_sin_d{n}": lambda n=n: nested_sine(n) for n in range(1, 6)},
    "doubling_60": lambda: grad(lambda x: repeat(lambda y: y + y, 60, x))(1.0),
    "doubling_1000": lambda: grad(lambda x: repeat(lambda y: (y + y) * 0.5, 1000, x))(1.0),
    "chain_150000": lambda: grad(lambda x: repeat(lambda y: y + y * 1e-6, 150_000, x))(1.0),
    "chain_1000000": lambda: value_and_grad(lambda x: repeat(lambda y: y + 1.0, 10**6, x))(0.0)[
        ::-1
    ],
    "wide_1000000": lambda: grad(lambda x: repeat(lambda s: s + x * 1.0, 10**6, 0.0))(1.0),
    "speelpenning_10": lambda: grad(product)(ONE_TO_TEN),
    "speelpenning_10_hessian": lambda: hessian(product)(ONE_TO_TEN),
    "speelpenning_with_zero": lambda: grad(product)([1.0, 2.0, 0.0, 4.0, 5.0]),
    "speelpenning_two_zeros": lambda: [
        *grad(product)(TWO_ZEROS),
        hessian(product)(TWO_ZEROS)[1][3],
    ],
    **{f"babylonian_{n}": lambda n=n: babylonian(n - 1) for n in range(1, 6)},
    "branch_kink_left": lambda: grad(one_at_most)(0.5),
    "branch_kink_right": lambda: grad(one_at_most)(2.0),
    "abs_by_branch": lambda: grad(lambda x: -x if x < 0 else x)(-3.0),
    "loop_power": lambda: [
        derivative(lambda x: repeat(lambda r: r * x, 10, 1.0), order)(2.0) for order in (1, 2)
    ],
    "recursion_fib_poly": lambda: grad(recurrence(lambda _, x, now, before: x * now + before, 10))(
        1.0
    ),
    **{f"chebyshev_T{n}": lambda n=n: chebyshev(n) for n in (5, 10, 20)},
    "legendre_P10_at_1": lambda: grad(
        recurrence(lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1), 10)
    )(1.0),
    "det3_cofactors": lambda: value_and_grad(determinant)(MATRIX),
    "reuse_same_leaf": lambda: [derivative(lambda x: x * x * x, n)(3.0) for n in range(4)],
    "x_plus_x": lambda: grad(lambda x: x + x)(1.0),
    "micrograd_readme": lambda: value_and_slopes(micrograd_readme, [-4.0, 2.0]),
    "micrograd_test_sanity": lambda: [*value_and_grad(micrograd_test)(-4.0)],
    "burtorch_tiny": lambda: value_and_slopes(burtorch, [-41.0, 2.0]),
}

ROUNDED = {  # relative errors of what is not exact in floats, from the number of its steps
    **{f"nested_sin_d{n}": 1e-14 for n in range(1, 6)},
    "chain_150000": 1e-9,
    **{f"babylonian_{n}": 1e-15 for n in range(2, 6)},
    "legendre_P10_at_1": 1e-14,
    "micrograd_readme": 1e-15,
}


MISPRINTS = {"loop_power": ["5120", "23040"]}  # the case says 11520, and that it is 90 * 2**8


def known(case):
    """The numbers of a case in one list: whole, fractions, decimals."""
    texts = flat(MISPRINTS.get(case["name"], case["expect"]))
    if "value" in case:
        texts.insert(0, case["value"])
    return [float(Fraction(part)) for text in texts for part in text.split("; ")]


def flat(tree):
    if isinstance(tree, (list, tuple)):
        return [leaf for each in tree for leaf in flat(each)]
    return [tree]


@pytest.fixture
def classics(cases):
    document = json.loads((cases / "transforms" / "transforms.json").read_text())
    return {case["name"]: case for case in document["cases"]}


@pytest.mark.parametrize("name", CLASSICS)
def test_a_classic_has_its_known_derivative(classics, name):
    if name.endswith("_1000000") and engine_name() == "python":
        pytest.skip("it takes seconds there; chain_150000 is as deep as matters")
    got = flat(CLASSICS[name]())
    assert all(type(x) is float for x in got)
    assert got == pytest.approx(known(classics[name]), rel=ROUNDED.get(name, 0), abs=0)


def test_every_classic_is_here(classics):
    assert classics.keys() == CLASSICS.keys()


def test_micrograds_program_has_its_exact_second_derivatives(classics):
    """The README's program at (-4, 2), where all derivatives are fractions."""
    exact = classics["micrograd_readme"]["exact"]
    aa, ab, bb = (float(Fraction(exact[name])) for name in ("d2g/da2", "d2g/dadb", "d2g/db2"))
    assert flat(hessian(micrograd_readme)([-4.0, 2.0])) == pytest.approx(
        [aa, ab, ab, bb], rel=1e-14
    )
