"""What runs in C when a function is traced gives the program of the reference in Python."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_gd import Value, engine_name, functional, sweep
from micrograd_gd.jit.call import Call
from micrograd_gd.operation import Operation
from micrograd_gd.ops import OPERATIONS
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad

if engine_name() != "native":
    pytest.skip("there is nothing in C on the Python engine", allow_module_level=True)

TRANSFORMS = {
    "value_and_grad": value_and_grad,
    "hessian": hessian,
    "third": lambda f: jacobian(hessian(f)),
    "jvp": lambda f: lambda x: jvp(f, x, [0.5] * len(x)),
    "hvp": lambda f: lambda x: hvp(f, x, [0.5] * len(x)),
}


def traced(f, *args):
    call = Call(f, (), args, {})
    return call.trace(call.leaves)


def in_python(job):
    """What the job gives where nothing of it runs in C."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "_pull_back_in_c", None)
        patch.setattr(sweep, "_push_forward_in_c", None)
        return job()


@pytest.mark.parametrize("name", TRANSFORMS)
@given(expressions(smooth=False))
@settings(max_examples=60)
def test_a_trace_of_a_derivative(name, program):
    f = TRANSFORMS[name](lambda x: program(*x))

    def text():
        return str(traced(f, list(program.inputs)).program())

    assert text() == in_python(text)


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
@settings(max_examples=20)
def test_every_partial_of_every_row(name, data):
    """All places, with values and with plain numbers beside the ones that are differentiated."""
    row = OPERATIONS[name]
    count = len(row.operands) + (2 * (len(row.operands) - 1) if row.folds else 0)
    numbers = st.sampled_from([0.0, -0.0, 1.0, 0.5, 2.0, -3.0, 1e300, float("nan")])
    point = data.draw(st.lists(numbers, min_size=count, max_size=count))
    plain = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    if row.operands[0] == "n":
        point[0] = 2.0

    def f(x):
        return row(*[a if p else b for a, b, p in zip(point, x, plain, strict=True)]) * x[0]

    for transformed in (value_and_grad(f), hessian(f)):

        def text(g=transformed):
            return str(traced(g, point).program())

        assert text() == in_python(text)


@given(expressions(smooth=False))
def test_sweeps_without_a_trace(program):
    def found(job):
        return [(key, getattr(x, "data", x)) for key, x in job().items()]

    inputs = [Value(x) for x in program.inputs]
    root = program(*inputs)
    seeds = dict.fromkeys(inputs, 0.5)
    for differentiable in (False, True):
        for job in (
            lambda d=differentiable: sweep.adjoints(root, 2.0, differentiable=d),
            lambda d=differentiable: sweep.tangents(root, seeds, differentiable=d),
        ):
            assert repr(found(job)) == repr(in_python(lambda j=job: found(j)))


SINE = Operation("a sine", ("x",), lambda x: x, (lambda x, _: x * 2.0,), "As Python code.")


class Labelled(Value):
    """A subclass, whose operators are its own."""

    def __rmul__(self, other):
        return super().__rmul__(other) + 1.0


def test_python_code_and_subclasses_go_the_way_of_python():
    weight = Labelled(3.0)
    f = value_and_grad(lambda x: SINE(x * x) * weight + functional.relu(x) * weight)

    def text():
        return str(traced(f, 2.0).program())

    assert text() == in_python(text)


def test_a_gradient_of_a_gradient_closes_over_the_outer_one():
    def f(x):
        return grad(lambda y: (y * x).sin() * x)(x * 2)

    def text():
        return str(traced(value_and_grad(f), 0.7).program())

    assert text() == in_python(text)
