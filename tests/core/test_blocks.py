"""Recording can be switched off, and nan and inf can be traced to their origin."""

import inspect
import threading

import pytest

from micrograd_gd import Value, detect_anomaly, no_grad
from micrograd_gd.errors import NonFiniteError


def test_no_grad_records_nothing_inside_and_everything_outside():
    x = Value(2.0)
    with no_grad():
        inside = x * x + x.clip(0, 1)
    assert (inside.data, inside.operands) == (5.0, ())
    assert (x * x).operands == (x, x)


def test_no_grad_decorates_functions():
    @no_grad()
    def square(x):
        return x * x

    assert square(Value(2.0)).operands == ()
    assert square(Value(2.0)).operands == ()


def test_no_grad_ends_with_an_error_too():
    with pytest.raises(RuntimeError), no_grad():
        raise RuntimeError
    assert (Value(1.0) + 1).operands


def test_blocks_stay_in_their_thread():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append((Value(1.0) + 1).operands))
        thread.start()
        thread.join()
    assert seen[0] != ()


def test_the_first_bad_operation_is_named_with_operands_and_line():
    x = Value(-1.0, label="x")
    with pytest.raises(NonFiniteError) as caught, detect_anomaly():
        y = x * 2
        y.sqrt() + 1
    line = inspect.getsourcelines(test_the_first_bad_operation_is_named_with_operands_and_line)[1]
    assert str(caught.value).startswith("sqrt(-2.0) is nan, at ")
    assert f"{__file__}, line {line + 4}" in str(caught.value)


def test_an_operation_on_a_bad_number_is_not_blamed():
    with detect_anomaly():
        assert Value(float("inf")) + 1 == float("inf")


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_bad_gradient_is_traced_to_the_operation(create_graph):
    x = Value(0.0, label="x")
    with detect_anomaly():
        y = x.sqrt() * 3
        with pytest.raises(
            NonFiniteError,
            match=r"backward through sqrt\(x = 0\.0\) = 0\.0: its gradient 3\.0 times its partial "
            r"inf for x = 0\.0 is inf; it was computed at .*test_blocks",
        ):
            y.backward(create_graph=create_graph)


def test_backward_under_a_watch_gives_the_same_gradients():
    x = Value(3.0)
    y = x * x * x
    with detect_anomaly():
        y.backward()
        y.backward()
    assert x.grad == 54.0


def test_a_graph_from_outside_the_block_is_blamed_without_a_line():
    x = Value(0.0)
    y = x.sqrt()
    with detect_anomaly(), pytest.raises(NonFiniteError, match="a line outside of this block"):
        y.backward()


def test_an_overflow_in_a_sum_of_gradients_is_noticed():
    x = Value(1e-300, label="x")
    a = x * 1.0
    with detect_anomaly():
        s = a * 1.7e308 + a * 1.7e308
        with pytest.raises(NonFiniteError, match=r"being the sum of 1\.7e"):
            s.backward()


def test_an_infinite_operand_is_nobodys_fault():
    x = Value(float("inf"))
    with detect_anomaly():
        (x * Value(2.0)).backward()


def test_what_a_partial_is_computed_from_is_not_watched():
    x = Value(1e200)
    with detect_anomaly():
        x.erf().backward(create_graph=True)
    assert x.grad == 0.0
