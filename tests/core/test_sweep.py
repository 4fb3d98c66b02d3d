"""Both sweeps agree with each other, with themselves on values, and with finite differences."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_gd import Value, vjp
from micrograd_gd.core import sweep
from micrograd_gd.core.anomaly import Watch, Watched
from micrograd_gd.core.arithmetic import FLOATS, VALUES, Floats
from micrograd_gd.testing.strategies import expressions

UNIT = 2.0**-53


def record(f):
    """The input values and the result."""
    inputs = [Value(x) for x in f.inputs]
    return inputs, f(*inputs)


@given(expressions(smooth=False))
def test_the_fast_path_gives_the_bits_of_the_reference(f):
    _, root = record(f)
    reference = sweep.adjoints(root)
    root.backward()
    for node, adjoint in reference.items():
        assert same(node.grad, adjoint + 0.0 if node.op is None else adjoint)


@pytest.mark.parametrize("create_graph", [False, True])
@given(f=expressions(smooth=False))
def test_a_seed_of_0_adds_nothing_however_steep_the_graph_is(create_graph, f):
    inputs, root = record(f)
    assume(root not in inputs)
    for seed in (0, 0.0, -0.0):
        for node in root.nodes():
            node.grad = 7.0
        root.backward(seed, create_graph=create_graph)
        assert all(node.grad == (7.0 if node.op is None else 0.0) for node in root.nodes())
        assert [*map(repr, vjp(f, *[x.data for x in inputs])[1](0.0))] == ["0.0"] * len(inputs)


def test_a_seed_of_0_adds_nothing_at_an_infinite_slope():
    for root_of in (Value.acos, Value.log, lambda x: (x - 1.0) ** 0.5, lambda x: 1.0 / (x - 1.0)):
        x = Value(1.0)
        root_of(x).sqrt().backward(0.0)
        assert x.grad == 0


@given(expressions(smooth=False))
def test_a_sweep_on_values_gives_the_same_numbers(f):
    _, root = record(f)
    plain = sweep.adjoints(root)
    differentiable = sweep.adjoints(root, differentiable=True)
    assert plain.keys() == differentiable.keys()
    for node, adjoint in differentiable.items():
        assert same(getattr(adjoint, "data", adjoint), plain[node])


@given(expressions(smooth=False))
def test_every_arithmetic_finds_the_bits_that_floats_find(f):
    """In Python, whichever engine is in use, and on it; on values; under a watch."""
    inputs, root = record(f)
    seeds = dict.fromkeys(inputs, 0.5)
    nodes = sweep.in_order([root], ())
    down, up = sweep.adjoints(root, 2.0), sweep.tangents(root, seeds)
    arithmetics = [FLOATS, VALUES]
    if all(math.isfinite(x) for x in [*down.values(), *(node.data for node in nodes)]):
        arithmetics += [Watched(FLOATS, Watch()), Watched(VALUES, Watch())]
    for arithmetic in arithmetics:
        found = sweep.carry_down(nodes, {root: 2.0}, (), arithmetic)
        assert numbers_of(found) == numbers_of(down)
    for arithmetic in (FLOATS, VALUES):
        assert numbers_of(sweep.carry_up(nodes, seeds, arithmetic)) == numbers_of(up)


@given(expressions(smooth=False), st.data())
def test_sweeps_between_any_nodes_find_what_those_in_python_find(f, data):
    """Several roots, ends anywhere; and the gradients of the nodes are what they were."""
    inputs, root = record(f)
    nodes = root.nodes()
    for node in nodes:
        node.grad = 7.0
    some = st.lists(st.sampled_from(nodes), min_size=1, unique_by=id)
    seeds, ends = dict.fromkeys(data.draw(some), -2.0), {*data.draw(some)}
    order = sweep.in_order(seeds, ends)
    assert [*map(id, order)] == [*map(id, walk(seeds, ends))]
    assert [*map(id, nodes)] == [*map(id, walk([root], ()))]
    for end in (ends, set()):
        found = sweep.carry_down(walk(seeds, end), seeds, end, FLOATS)
        assert numbers_of(sweep.pull_back(seeds, end)) == numbers_of(found)
    found = sweep.carry_up(order, seeds, FLOATS)
    assert numbers_of(sweep.push_forward(order, seeds)) == numbers_of(found)
    down = sweep.carry_down(nodes, {root: 1.0}, (), FLOATS)
    slopes = [down.get(x, 0.0) + 0.0 for x in inputs]
    assert repr(sweep.slopes(root, (inputs, inputs[0]))) == repr((slopes, slopes[0]))
    assert all(node.grad == 7.0 for node in nodes)


def walk(roots, stop):
    ordered = dict.fromkeys(stop)

    def visit(node):
        if node not in ordered:
            for operand in node.operands:
                if isinstance(operand, Value):
                    visit(operand)
            ordered[node] = None

    for root in roots:
        visit(root)
    return [*ordered]


def numbers_of(found):
    return {key: repr(getattr(x, "data", x)) for key, x in found.items()}


class Paths(Floats):
    """Counts the ways from the root to a node."""

    @staticmethod
    def times(g, partial):
        return g


def test_an_arithmetic_of_ones_own():
    x = Value(3.0)
    y = x * x + x
    nodes = sweep.in_order([y], ())
    assert sweep.carry_down(nodes, {y: 1}, (), Paths())[x] == 3
    assert sweep.carry_up(nodes, {x: 1}, Paths())[y] == 3


@given(expressions(smooth=False))
def test_forward_equals_reverse(f):
    inputs, root = record(f)
    adjoints = sweep.adjoints(root)
    assume(all(map(math.isfinite, adjoints.values())))
    noise = 1e-10 * max(map(abs, adjoints.values()))
    for x in inputs:
        tangents = sweep.tangents(root, {x: 1.0})
        assume(not any(map(math.isinf, tangents.values())))  # inf - inf, where reverse met no inf
        forward = tangents.get(root, 0.0)
        assert forward == pytest.approx(adjoints.get(x, 0.0), rel=1e-10, abs=noise)


@given(expressions())
def test_second_derivatives_are_symmetric_and_agree_forward_over_reverse(f):
    inputs, root = record(f)
    gradient = sweep.adjoints(root, differentiable=True)
    for x in inputs:
        for z in inputs:
            slope = gradient.get(x, 0.0)
            if not isinstance(slope, Value):
                continue
            reverse = sweep.adjoints(slope).get(z, 0.0)
            forward = sweep.tangents(slope, {z: 1.0}).get(slope, 0.0)
            scale = sum(abs(v) for v in sweep.adjoints(slope).values() if math.isfinite(v))
            assert forward == pytest.approx(reverse, rel=1e-9, abs=1e-11 * (1 + scale))


@given(expressions())
def test_gradients_agree_with_central_differences(f):
    """Within the error that extrapolation estimates, plus what rounding of the value allows."""
    inputs, root = record(f)
    adjoints = sweep.adjoints(root)
    noise = 4 * UNIT * sum(abs(g * node.data) for node, g in adjoints.items())
    assume(math.isfinite(noise))
    for i, x in enumerate(inputs):
        step = 1e-2 * max(abs(x.data), 0.1)

        def value_at(point, i=i):
            return f(*(p.data if j != i else point for j, p in enumerate(inputs)))

        derivative, error = extrapolate(value_at, x.data, step)
        assume(math.isfinite(error) and error < 1e-3 * (1 + abs(derivative)))
        again, more = extrapolate(value_at, x.data, step / 3.7)
        assume(abs(again - derivative) <= error + more)  # else steps have crossed jumps, as of %
        bound = 10 * error + noise / (step / 2**7) + 1e-12 * abs(derivative)
        assert adjoints.get(x, 0.0) == pytest.approx(derivative, rel=0, abs=bound), f


def extrapolate(f, x, step):
    """Central differences extrapolated to step 0 (Ridders), and an estimate of the error."""
    table, best, error = [], math.nan, math.inf
    for k in range(8):
        h = step / 2**k
        row = [(f(x + h) - f(x - h)) / ((x + h) - (x - h))]
        for j, before in enumerate(table[-1] if table else ()):
            row.append(row[j] + (row[j] - before) / (4.0 ** (j + 1) - 1))
            change = max(abs(row[-1] - row[j]), abs(row[-1] - before))
            if change < error:
                best, error = row[-1], change
        table.append(row)
    return best, error


def same(a, b):
    return a == b or (a != a and b != b)


def test_tangents_of_what_no_seed_reaches_are_absent():
    x, y = Value(1.0), Value(2.0)
    root = x * 2
    assert root not in sweep.tangents(root, {y: 1.0})


def test_adjoints_touch_no_gradient():
    x = Value(3.0)
    y = x * x
    assert sweep.adjoints(y)[x] == 6.0
    assert (x.grad, y.grad) == (0.0, 0.0)


def test_forward_over_reverse_and_reverse_over_forward():
    x = Value(2.0)
    y = x**3
    slope = sweep.adjoints(y, differentiable=True)[x]
    assert sweep.tangents(slope, {x: 1.0})[slope] == 12.0
    tangent = sweep.tangents(y, {x: 1.0}, differentiable=True)[y]
    assert sweep.adjoints(tangent)[x] == 12.0


def test_a_recursion_of_polynomials_is_differentiated_exactly():
    """Chebyshev: T_n'(1) = n², by T_{k+1} = 2x T_k - T_{k-1}."""
    for n in (5, 10, 20):
        x = Value(1.0)
        before, now = Value(1.0), x
        for _ in range(n - 1):
            before, now = now, 2 * x * now - before
        now.backward()
        assert x.grad == n * n
