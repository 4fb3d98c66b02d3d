"""The table is complete, says what it does, and can be extended in one call."""

import builtins
import inspect
import math
import pydoc

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_gd import Value, functional, primitive
from micrograd_gd.errors import NotANumberError, OperationError, TranslationError
from micrograd_gd.table import ops
from micrograd_gd.table.ops import OPERATIONS, Operation, operation

ROWS = [pytest.param(row, id=row.name) for row in OPERATIONS.values()]
points = st.floats(-50, 50) | st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0])

PROMISED = [
    "add", "sub", "mul", "div", "neg", "pow", "square", "reciprocal", "floordiv", "mod", "fmod",
    "floor", "ceil", "round", "sign", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p",
    "sqrt", "cbrt", "hypot", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinc", "sinh",
    "cosh", "tanh", "asinh", "acosh", "atanh", "sigmoid", "logsigmoid", "softplus", "softsign",
    "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardtanh", "abs", "minimum",
    "maximum", "clip", "where", "erf", "erfc", "lgamma", "digamma", "logaddexp", "xlogy", "total",
    "dot", "less", "less_equal", "equal",
]  # fmt: skip


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_operation_is_a_function(name):
    assert callable(getattr(functional, name))
    assert (name in functional.__all__) != hasattr(builtins, name)


@pytest.mark.parametrize("row", ROWS)
def test_every_operation_is_a_method_too(row):
    if row.is_internal:
        assert row.name not in {*functional.__all__, *dir(Value)}
        return
    assert callable(getattr(Value, row.name))
    for alias in row.aliases:
        assert callable(getattr(Value, alias))
    assert row.doc.endswith(".")


@pytest.mark.parametrize(
    ("name", "function", "method"),
    [
        ("tanh", "(x)", "(self, /)"),
        ("atan2", "(a, b)", "(self, b, /)"),
        ("clip", "(x, low, high)", "(self, /, low, high)"),
        ("leaky_relu", "(x, slope=0.01)", "(self, /, slope=0.01)"),
        ("total", "(s, /, *x)", "(self, /, *x)"),
        ("dot", "(s, /, *operands)", "(self, /, *operands)"),
    ],
)
def test_a_row_says_how_it_is_called(name, function, method):
    row = operation(name)
    assert str(row.signature()) == str(inspect.signature(row)) == function
    assert str(row.signature(method=True)) == method


def test_help_on_a_function_shows_its_row():
    text = pydoc.plain(pydoc.render_doc(functional.leaky_relu))
    assert "leaky_relu(x, slope=0.01)\n    x above 0, slope · x below." in text
    assert functional.leaky_relu.__name__ == "leaky_relu"


def with_property(word):
    return [pytest.param(row, id=row.name) for row in OPERATIONS.values() if word in row.properties]


@pytest.mark.parametrize("row", with_property("commutative"))
@given(a=points, b=points)
def test_commutative(row, a, b):
    assert row(a, b) == row(b, a)


@pytest.mark.parametrize("row", with_property("odd"))
@given(x=points)
def test_odd(row, x):
    assert row(-x) == pytest.approx(-row(x), rel=1e-15, nan_ok=True)


@pytest.mark.parametrize("row", with_property("even"))
@given(x=points)
def test_even(row, x):
    assert row(-x) == pytest.approx(row(x), rel=1e-15, nan_ok=True)


@pytest.mark.parametrize("row", with_property("increasing"))
@given(a=points, b=points)
def test_increasing(row, a, b):
    low, high = row(min(a, b)), row(max(a, b))
    is_outside = low != low or high != high
    assert is_outside or low <= high or low - high <= 4 * math.ulp(high)


@pytest.mark.parametrize("row", with_property("flat"))
@given(data=st.data())
def test_flat_operations_have_slope_zero(row, data):
    operands = [Value(data.draw(points)) for _ in row.operands]
    y = row(*operands)
    assume(y.data == y.data)
    y.backward()
    assert all(x.grad == 0 for x in operands)


@pytest.mark.parametrize("row", [p for p in ROWS if not p.values[0].folds])
@given(data=st.data())
def test_numbers_and_values_give_the_same_bits(row, data):
    operands = [data.draw(points) for _ in row.operands]
    number, node = row(*operands), row(*map(Value, operands)).data
    assert number == node or (number != number and node != node)


@pytest.mark.parametrize("row", [p for p in ROWS if not p.values[0].folds])
@given(data=st.data())
def test_a_constant_operand_changes_no_number(row, data):
    operands = [data.draw(points) for _ in row.operands]
    if row.name == "pow":  # a constant exponent may be treated as what it is
        assume(operands[0] != 0)
    full = row(*map(Value, operands))
    for i, partial in enumerate(full.partials):
        mixed = [Value(x) if i == j else x for j, x in enumerate(operands)]
        alone = row(*mixed)
        assert alone.data == full.data or alone.data != alone.data
        if row.is_constant(mixed):  # a power of 0: there is nothing to differentiate
            assert alone.partials[i] is None
        else:
            assert alone.partials[i] == partial or partial is None or partial != partial
        assert [p for j, p in enumerate(alone.partials) if j != i] == [None] * (len(operands) - 1)


def test_sums_equal_the_chain_written_out_bit_for_bit():
    generator = np.random.default_rng(0)
    for n in (0, 1, 2, 7, 40):
        ws, xs = generator.normal(size=(2, n)) * 10.0 ** generator.integers(-8, 8, size=(2, n))
        bias = Value(0.1)
        w, x = [*map(Value, ws)], [*map(Value, xs)]
        fused = functional.dot(w, x, bias)
        chain = bias
        for wi, xi in zip(w, x, strict=True):
            chain = chain + wi * xi
        assert fused.data == chain.data
        fused.backward()
        gradients = [v.grad for v in (*w, *x)]
        for v in (*w, *x):
            v.grad = 0.0
        chain.backward()
        assert gradients == [v.grad for v in (*w, *x)]
        total = functional.total(x, start=bias)
        assert total.data == sum(xs.tolist(), start=0.1)


def test_sums_can_be_differentiated_again():
    w, x = Value(2.0), Value(3.0)
    functional.dot([w, w], [x, 4.0], bias=1.0).backward(create_graph=True)
    slope, x.grad, w.grad = x.grad, 0.0, 0.0
    slope.backward()
    assert (slope.data, w.grad) == (2.0, 1.0)


# Adding an operation.


@pytest.fixture
def name():
    """A name for an operation."""
    return "cubed"


def test_an_operation_is_added_by_expressions(name):
    cubed = primitive(name, "x", "x ** 3", "3 * x ** 2", "Cube.", kinks="x", aliases="cube_of")
    x = Value(2.0)
    y = x.cubed() + functional.cubed(x) + cubed(x)
    assert (y.data, cubed(2), x.cube_of().data) == (24.0, 8.0, 8.0)
    y.backward(create_graph=True)
    slope, x.grad = x.grad, 0.0
    slope.backward()
    assert (slope.data, x.grad) == (36.0, 36.0)


def test_an_operation_is_added_by_python_functions(name):
    def value(x):
        return x * x * x

    def partial(x, y):
        return 3 * x * x

    cubed = primitive(name, "x", value, [partial], "Cube.")
    x = Value(2.0)
    x.cubed().backward(create_graph=True)
    slope, x.grad = x.grad, 0.0
    slope.backward()
    assert (slope.data, x.grad) == (12.0, 12.0)
    with pytest.raises(TranslationError, match="cubed was added as Python code"):
        cubed.tree(cubed.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "a b", "a + b", ["1", "1"], "Sum."), "'add' cannot be the name of a new"),
        (("two words", "x", "x", "1", "No."), "'two words' cannot be the name"),
        (("cubed", "a b", "a * b", "b", "Product."), r"cubed\(a, b\) has 1 partials"),
        (("cubed", "x", "x", "1", "no full stop"), "needs one sentence"),
        (("cubed", "x", "z * x", "1", "Cube."), "'z \\* x': z is none of x"),
        (("cubed", "x", "y", "1", "Cube."), "'y': y is none of x"),
        (("cubed", "x", "x @ x", "1", "Cube."), "MatMult is not part of the table's language"),
        (("cubed", "x", "x +", "1", "Cube."), "invalid syntax"),
        (("cubed", "x", "cube(x)", "1", "Cube."), "'cube' in 'cube\\(x\\)' is no operation"),
        (("cubed", "x", "x", "beta(x)", "Cube."), "'beta' in 'beta\\(x\\)' is no operation"),
        (("cubed", "y", "y", "1", "Cube."), "'y' are no operands"),
        (("cubed", "", "1", "1", "Cube."), "'' are no operands"),
        (("cubed", "x=a", "x", "1", "Cube."), "'x=a' are no operands"),
        (("cubed", "x if", "x", ["1", "1"], "Cube."), "'x if' are no operands"),
        (("cubed", "x self", "x", ["1", "1"], "Cube."), "'x self' are no operands"),
        (("cubed", "x x", "x", ["1", "1"], "Cube."), "'x x' are no operands"),
        (("cubed", "exp", "exp", "1", "Cube."), "'exp' are no operands"),
        (("lambda", "x", "x", "1", "No."), "'lambda' cannot be the name"),
        (("cubed", "x", "1j * x", "1", "Cube."), "1j is no number"),
        (("cubed", "x", "None", "1", "Cube."), "None is no number"),
        (("cubed", "x", "True", "1", "Cube."), "True is no number"),
        (("cubed", "x", "exp(x, x)", "1", "Cube."), "calls exp with 2 operands"),
        (("cubed", "s *x", "s * x", ["x", "s"], "Product."), "folds, so it must add"),
        (("cubed", "s *x", "s + s * x", ["1", "s"], "Product."), "s is none of x"),
        (("data", "x", "x", "1", "No."), "'data' is taken"),
        (("mean", "x", "x", "1", "No."), "'mean' is taken"),
        (("cubed", "x", "x", lambda x, y: 1.0, "Cube."), "all text or all Python functions"),
    ],
)
def test_a_faulty_row_is_refused_whole(name, arguments, message):
    with pytest.raises(OperationError, match=message):
        primitive(*arguments)
    assert name not in OPERATIONS


def test_columns_are_checked(name):
    for columns, message in [
        ({"color": "red"}, "no column is called color"),
        ({"properties": "wiggly"}, "no property is called wiggly"),
        ({"domain": "foo(x) > 0"}, "'foo' in 'foo"),
        ({"method": "add"}, "'__add__' is taken"),
        ({"identities": "x is 1"}, "'x is 1' is no identity; write 'b=1: a'"),
        ({"identities": "x=1: z"}, "'z': z is none of x"),
        ({"aliases": "tanh"}, "'tanh' is taken"),
    ]:
        with pytest.raises(OperationError, match=message):
            primitive(name, "x", "x", "1", "No.", **columns)


def test_an_operation_of_the_users_may_be_added_again(name):
    primitive(name, "x", "x * x", "2 * x", "Square, by mistake.")
    assert Value(2.0).cubed() == 4.0
    primitive(name, "x", "x * x * x", "3 * x * x", "Cube.")
    assert (Value(2.0).cubed(), functional.cubed(2.0)) == (8.0, 8.0)


def test_python_functions_must_give_numbers(name):
    wrong = primitive(name, "x", lambda x: None, lambda x, y: 1.0, "Wrong.")
    with pytest.raises(NotANumberError, match="the value must be one real number"):
        wrong(Value(1.0))
    exact = primitive(name, "x", lambda x: np.float64(2), lambda x, y: 3, "Right.")
    assert type(exact(Value(1.0)).data) is float


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(
    "name", ["relu", "leaky_relu", "gelu", "silu", "mish", "elu", "selu", "abs", "clip", "maximum"]
)
def test_a_nan_has_nan_derivatives_of_every_order(name, order):
    x = Value(math.nan)
    y = getattr(x, name)(*{"clip": (0.0, 1.0), "maximum": (1.0,)}.get(name, ()))
    for _ in range(order):
        x.grad = 0.0
        y.backward(create_graph=True)
        y = x.grad if isinstance(x.grad, Value) else Value(x.grad)
    assert math.isnan(y.data)


def test_an_unknown_operation_is_named():
    with pytest.raises(OperationError, match="no operation is called 'gama'"):
        operation("gama")


def test_a_wrong_number_of_operands_is_a_type_error():
    with pytest.raises(
        TypeError, match=r"hypot\(a, b\) cannot be called with the operands \(1\.0\)"
    ):
        functional.hypot(1.0)
    with pytest.raises(TypeError, match=r"dot\(s, \*w, \*x\) cannot be called"):
        operation("dot")(1.0, 2.0)
    with pytest.raises(TypeError, match=r"clip\(x, low, high\) cannot be called"):
        Value(1.0).clip(0.0)
    with pytest.raises(TypeError, match=r"leaky_relu\(\) has no argument .steep.; it has x, slope"):
        functional.leaky_relu(1.0, steep=2)
    with pytest.raises(TypeError, match=r"Value\.relu\(\) takes"):
        Value(1.0).relu(1)


def test_operands_may_be_given_by_name():
    assert Value(-2.0).leaky_relu(slope=0.1).data == -0.2
    assert Value(5.0).clip(high=1, low=0).data == 1.0
    assert functional.clip(x=5.0, low=0, high=1) == 1.0


def test_functions_turn_text_away():
    with pytest.raises(NotANumberError, match=r"operand 1 of exp\(x\) must be one real number"):
        functional.exp("3")


def test_defaults_stand_in_the_row():
    assert functional.leaky_relu(-2.0) == -0.02
    assert Value(-2.0).leaky_relu(0.1).data == -0.2
    assert Value(-1.0).elu().data == math.expm1(-1)


def test_the_table_prints_signatures():
    assert repr(operation("dot")) == "dot(s, *w, *x)"
    assert isinstance(ops.operation("div"), Operation)


def test_an_overflow_that_is_past_leaves_no_trace():
    """Python asks C for its last error, and C keeps that of an earlier call."""
    assert functional.exp(1000.0) == math.inf
    assert math.isnan(functional.hypot(math.nan, 1.0))
