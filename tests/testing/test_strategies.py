"""The strategies draw what they promise, and shrink it to what a person would write."""

import math
from random import Random

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from micrograd_gd import MLP, Value, functional
from micrograd_gd.core import sweep
from micrograd_gd.engine import PythonValue
from micrograd_gd.errors import ArgumentError, OperationError
from micrograd_gd.table import ops
from micrograd_gd.table.ops import OPERATIONS, operation
from micrograd_gd.testing.expressions import Expression, numbers_of
from micrograd_gd.testing.smoothness import is_smooth, special_points
from micrograd_gd.testing.strategies import datasets, expressions, mlps, values

NAMES = OPERATIONS | {name: getattr(functional, name) for name in functional.__all__}


def smallest(strategy, condition=lambda _: True):
    phases = [Phase.generate, Phase.shrink]  # an explanation would call it hundreds of times
    ours = settings(database=None, max_examples=1000, phases=phases)
    return find(strategy, condition, settings=ours, random=Random(0))


def any_of(strategy, condition=lambda _: True):
    ours = settings(database=None, max_examples=20_000, phases=[Phase.generate])
    return find(strategy, condition, settings=ours, random=Random(0))


def record(f, inputs):
    return f(*[Value(x) for x in inputs])


def shape(root):
    """The graph below a value: operations, numbers to the bit, and where the operands stand."""
    nodes = root.nodes()
    place = {node: i for i, node in enumerate(nodes)}
    return [
        (node.op, node.data.hex(), [place[x] if x in place else x.hex() for x in node.operands])
        for node in nodes
    ]


# Expressions print as what they are.


@given(st.booleans().flatmap(lambda smooth: expressions(smooth=smooth)))
def test_the_printed_line_builds_the_same_graph(f):
    line = repr(f)
    again = eval(line, dict(NAMES))  # noqa: S307 — the line under test
    assert "\n" not in line
    assert shape(record(again, f.inputs)) == shape(record(f, f.inputs))
    defaults = again.__defaults__
    assert [x.hex() for x in defaults] == [x.hex() for x in f.inputs]


def test_operators_are_written_with_the_parentheses_they_need():
    add, mul, neg, power = map(operation, ("add", "mul", "neg", "pow"))
    f = Expression(("x",), (2.0,), ((add, (0, -1.0)), (mul, (1, -0.5)), (neg, (2,))))
    assert repr(f) == "lambda x=2.0: -((x + -1.0) * -0.5)"
    f = Expression(("x",), (2.0,), ((power, (-3.0, 0)), (power, (1, 2.0))))
    assert repr(f) == "lambda x=2.0: ((-3.0) ** x) ** 2.0"
    assert f() == 81.0


def test_sums_of_any_length_are_written_as_functional_takes_them():
    total, dot = operation("total"), operation("dot")
    f = Expression(("x", "y"), (2.0, 3.0), ((dot, (0, 1, 5.0, 1, 7.0)), (total, (2,))))
    assert repr(f) == "lambda x=2.0, y=3.0: total([], dot([y, 5.0], [y, 7.0], x))"
    assert eval(repr(f), dict(NAMES))() == f() == 46.0  # noqa: S307 — the line under test


def test_an_expression_wants_as_many_numbers_as_it_has_variables():
    f = Expression(("x",), (2.0,), ((operation("exp"), (0,)),))
    with pytest.raises(TypeError, match="1 numbers are due, and 2 came"):
        f(1.0, 2.0)


# Expressions are drawn over the whole table.


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_drawn(name, smooth):
    f = any_of(expressions(1, [name], smooth=smooth))
    assert f.operations == (name,)
    assert not smooth or math.isfinite(f())


def test_operations_of_users_are_drawn():
    row = ops.primitive("cubed_above", "x", "x ** 3", "3 * x * x", "Third power.", domain="x > 2")
    f = smallest(expressions(2, ["add", row]), lambda f: row.name in f.operations)
    assert len(f.operations) <= 2  # the shortest, mostly: shrinking has an end
    assert any_of(expressions(), lambda f: row.name in f.operations)
    ops.primitive("fourth", "x", lambda x: x**4, lambda x, y: 4 * x**3, "Fourth power.")
    assert smallest(expressions(operations=["fourth"])).operations == ("fourth",)


@given(expressions(max_operations=3, variables=2))
def test_the_sizes_asked_for_are_kept(f):
    assert f.variables == ("x", "y")
    assert len(f.inputs) == 2
    assert 1 <= len(f.operations) <= 3


@given(expressions(variables=5))
def test_many_variables_are_numbered(f):
    assert f.variables == ("x1", "x2", "x3", "x4", "x5")


@given(expressions())
def test_smooth_expressions_have_finite_values_and_slopes(f):
    root = record(f, f.inputs)
    assert all(math.isfinite(node.data) for node in root.nodes())
    assert all(map(math.isfinite, sweep.adjoints(root).values()))


@given(expressions())
def test_smooth_expressions_stay_smooth_at_every_step(f):
    known = [*f.inputs]
    for row, operands in f.nodes:
        numbers = numbers_of(operands, known)
        moving = [i for i, x in enumerate(operands) if isinstance(x, int)]
        assert is_smooth(row, numbers, moving)
        known.append(row(*numbers))


@pytest.mark.parametrize(
    "condition",
    [
        lambda f: math.copysign(1, f.inputs[0]) < 0 and f.inputs[0] == 0,
        lambda f: 0 < abs(f.inputs[0]) < 2.3e-308,
        lambda f: abs(f.inputs[0]) > 1e300,
        lambda f: math.isnan(f()),
        lambda f: math.isinf(f()),
        lambda f: "log1p" in f.operations and f() == -math.inf,
        lambda f: "maximum" in f.operations and f.inputs[0] == f() == 1.0,
    ],
)
def test_special_points_are_drawn(condition):
    any_of(expressions(2, ["maximum", "log1p", "mul"], smooth=False), condition)


@pytest.mark.parametrize(
    ("condition", "most"),
    [
        (lambda f: True, 1),
        (lambda f: "tanh" in f.operations, 1),
        (lambda f: len(f.variables) == 2, 1),
        (lambda f: f() < -1, 2),  # one or two, by what constants hypothesis finds in our sources
    ],
)
def test_failures_shrink_to_small_formulas(condition, most):
    drawn = expressions(max_operations=4, operations=["add", "mul", "tanh", "exp"])
    assert len(smallest(drawn, condition).operations) <= most


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: expressions(0), ArgumentError, "max_operations is 0"),
        (lambda: expressions(variables=0), ArgumentError, "variables is 0"),
        (lambda: expressions(operations=[]), ArgumentError, "operations is empty"),
        (lambda: expressions(operations=["tan_h"]), OperationError, "no operation is called"),
    ],
)
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Where an operation is smooth.


@pytest.mark.parametrize(
    ("name", "operands", "moving", "expected"),
    [
        ("log", (0.5,), None, True),
        ("log", (-0.5,), None, False),
        ("log", (0.001,), None, False),  # at the border of the domain
        ("div", (1.0, 0.001), None, False),
        ("div", (1.0, -0.5), None, True),
        ("relu", (0.001,), None, False),
        ("maximum", (1.0, 1.01), None, False),
        ("maximum", (1.0, 1.01), [], True),  # two constants stay where they are
        ("polygamma", (1.0, 0.5), [1], True),
        ("polygamma", (1.0, 0.5), None, False),  # the order is a whole number
        ("lgamma", (-1.001,), None, False),  # a pole that the domain names behind an `or`
        ("lgamma", (2.0,), None, True),
        ("tan", (1.57,), None, False),
        ("exp", (30.0,), None, False),  # too large to be compared with anything
        ("dot", (0.5, 1.0, 2.0, 3.0, 4.0), None, True),
        ("total", (0.5,), None, True),
    ],
)
def test_a_row_is_smooth_inside_of_its_domain_and_away_from_its_kinks(
    name, operands, moving, expected
):
    assert is_smooth(operation(name), operands, moving) is expected


def test_the_domain_of_a_sum_of_any_length_is_read_at_every_term():
    row = ops.primitive("logs", "s *x", "s + log(x)", ["1", "1 / x"], "Logs.", domain="x > 0")
    assert is_smooth(row, (0.0, 1.0, 2.0))
    assert not is_smooth(row, (0.0, 1.0, -2.0))


def test_special_points_are_what_the_domain_mentions():
    assert {-1.0, math.nextafter(-1, 0)} <= {*special_points(operation("log1p"))}
    assert special_points(operation("tanh")) == []


# Values, models, data.


@given(values())
def test_values_are_leaves_with_finite_numbers(v):
    assert type(v) is Value
    assert v.op is None
    assert math.isfinite(v.data)


def test_hypothesis_knows_the_types():
    assert type(any_of(st.from_type(Value))) is Value
    assert type(any_of(st.from_type(PythonValue))) is PythonValue
    assert isinstance(any_of(st.from_type(MLP)), MLP)
    assert isinstance(any_of(st.from_type(Expression)), Expression)


@given(mlps(), st.data())
def test_models_are_small_and_take_data_of_their_size(model, data):
    inputs = len(model.layers[0].neurons[0].w)
    xs, ys = data.draw(datasets(inputs))
    assert len(xs) == len(ys) >= 1
    assert set(ys) <= {-1.0, 1.0}
    assert len(list(model.parameters())) <= 40
    for x in xs:
        model(x)


@given(datasets(1, 3, st.floats(0, 1)))
def test_targets_are_what_is_asked_for(data):
    assert all(0 <= y <= 1 for y in data[1])
    assert len(data[0]) <= 3
