"""The C source of a program compiles without a warning and gives the same bits."""

import ctypes
import math
from itertools import pairwise
from operator import mul

import pytest
from c_code import compile_c, needs_gcc
from compiled import bits

from micrograd_gd import MLP, Value, functional, to_c, value_and_grad
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.transforms.trees import flatten


def run_c(folder, source, inputs, size):
    """Compile C source and call it: what it returned, and the outputs."""
    function = compile_c(folder, source).compute
    y = (ctypes.c_double * size)()
    return function((ctypes.c_double * len(inputs))(*inputs), y), y[:]


@needs_gcc
def test_c_source_of_every_row_gives_the_same_bits(tmp_path):
    """All rows in one program, each with its partials."""
    rows = [row for row in OPERATIONS.values() if row.operands[0] != "n"]
    counts = [row.arity(2) for row in rows]
    transformed = [
        value_and_grad(row, tuple(range(n))) for row, n in zip(rows, counts, strict=True)
    ]
    point = [0.3, 0.75, 2.5, -0.4, math.inf]

    def f(x):
        return [g(*x[:n]) for g, n in zip(transformed, counts, strict=True)]

    expected = bits(f(point))
    done, y = run_c(tmp_path, to_c(f, point), point, len(expected))
    assert done == -1
    assert bits(y) == expected


@needs_gcc
def test_source_closes_over_the_parameters_of_today(tmp_path):
    model = MLP(2, [3, 1], seed=1)
    source = to_c(lambda x: [model(x), functional.total(x)], [0.5, -1.0])
    now = [model([0.1, 0.2]).data, 0.1 + 0.2]
    for parameter in model.parameters():
        parameter.data = 0.0
    assert run_c(tmp_path, source, [0.1, 0.2], 2) == (-1, now)


@needs_gcc
def test_an_argument_may_be_called_like_a_function(tmp_path):
    source = to_c(lambda exp, v0: exp.exp() / v0, 1.0, 2.0)
    assert run_c(tmp_path, source, [0.0, 0.0], 1) == (-1, [math.inf])


@needs_gcc
def test_c_source_tells_which_branch_was_not_taken(tmp_path):
    def f(x):
        return -x if x > 3 or x < 0 else x

    for x, done in [(2.0, -1), (4.0, 0), (-2.0, 1), (math.nan, -1)]:
        folder = tmp_path / f"{x}"
        folder.mkdir()
        assert run_c(folder, to_c(f, 1.0), [x], 1)[0] == done


@needs_gcc
@pytest.mark.parametrize("length", [5, 60])
def test_loops_are_written_as_loops(tmp_path, length):
    """As short for many runs as for a few, sums and derivatives among them."""

    def f(x, scale):
        y = scale
        for a, b in pairwise(x):
            y = y + functional.tanh(a * y - b)
        return y + functional.total(x) + functional.logsumexp(x)

    x = [math.sin(i) for i in range(length)]
    g = value_and_grad(f, (0, 1))
    source = to_c(g, x, 0.75)
    assert len(source.partition("int compute")[2].splitlines()) < 110
    assert run_c(tmp_path, source, [*x, 0.75], length + 2)[1] == flatten(g(x, 0.75))[0]


@needs_gcc
@pytest.mark.parametrize(("cells", "steps"), [(12, 3), (8, 10)])
def test_loops_may_use_what_lies_beside_each_other(tmp_path, cells, steps):
    """A stencil: each run reads three numbers, at the ends those of no loop."""

    def f(u):
        for _ in range(steps):
            inner = [b + 0.1 * (a - 2 * b + c) for a, b, c in zip(u, u[1:], u[2:], strict=False)]
            u = [u[0], *inner, u[-1]]
        return functional.total(x * x for x in u)

    u, g = [0.1 * i for i in range(cells)], value_and_grad(f)
    assert run_c(tmp_path, to_c(g, u), u, cells + 1)[1] == flatten(g(u))[0]


@needs_gcc
def test_a_gradient_of_a_network_is_as_long_for_many_points_as_for_few(tmp_path):
    """Sums over points and neurons start where they are, and each is added to in one place."""

    def score(layers, x):
        for weights, biases in layers:
            rows = zip(weights, biases, strict=True)
            x = [functional.relu(functional.total(map(mul, row, x)) + bias) for row, bias in rows]
        return x[0]

    def loss(layers, points):
        return functional.total(score(layers, x) ** 2 for x in points) / len(points)

    layers = [([[0.1, -0.3]] * 6, [0.2] * 6), ([[0.3, -0.5] * 3] * 6, [0.7] * 6)]
    lengths = set()
    for count in (9, 12):
        points = [[math.sin(i), math.cos(i)] for i in range(count)]
        g = value_and_grad(loss)
        source = to_c(g, layers, points)
        lengths.add(len(source.partition("int compute")[2].splitlines()))
        numbers = flatten([layers, points])[0]
        (tmp_path / f"{count}").mkdir()
        done, y = run_c(tmp_path / f"{count}", source, numbers, 61)
        assert done == -1
        assert bits(y) == bits(flatten(g(layers, points))[0])
    assert max(lengths) == min(lengths) < 70


TAKEN = """
2x double exp expf tgammal printf restrict main memcpy strlen isnan NAN NULL _x __x PI
ieee_exp value_mul int8_t
""".split()  # noqa: SIM905 — names, not a list to be edited


@pytest.mark.parametrize("name", ["", "a b", "a-b", "é", None, *TAKEN])
def test_names_that_c_does_not_leave_free_are_refused(name):
    with pytest.raises(ArgumentError, match=r"expected the name of a C function"):
        to_c(lambda x: x, 1.0, name=name)


@needs_gcc
def test_several_functions_stand_in_one_file(tmp_path):
    f, g = (lambda x: functional.gelu(x) * x), (lambda x: functional.gelu(x).exp() / x)
    names = ["compute", "gradient", "memory", "total", "string", "issue", "token", "x", "y", "v0"]
    sources = [to_c(value_and_grad(f), 0.5), *(to_c(g, 0.5, name=name) for name in names[1:])]
    assert run_c(tmp_path, "".join(sources), [1.5], 2) == (-1, [*value_and_grad(f)(1.5)])
    function, y = ctypes.CDLL(str(tmp_path / "f.so")).gradient, (ctypes.c_double * 1)()
    assert function((ctypes.c_double * 1)(1.5), y) == -1
    assert bits(y[:]) == bits(g(Value(1.5)))
