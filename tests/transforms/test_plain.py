"""Derivatives at plain floats take a short way; they are what the long one gives, bit for bit."""

from contextlib import nullcontext
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import Value, detect_anomaly, grad, hessian, jvp, no_grad, value_and_grad
from micrograd_gd.functional import relu
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.transforms import plain

FORMS = {
    "a list": lambda x: ([x], 0),
    "a tuple": lambda x: ((tuple(x),), 0),
    "floats": lambda x: (x, tuple(range(len(x)))),
    "the last float": lambda x: (x, len(x) - 1),
    "from behind": lambda x: (x, (-1,)),
    "twice": lambda x: (x, (0, 0)),
    "a list and a float": lambda x: ([[*x[:-1], 0.5], x[-1]], (1, 0)),
    "a list of lists": lambda x: ([[x]], 0),
    "an integer": lambda x: ([[2, *x[1:]]], 0),
    "an empty list": lambda x: ([[], *x], 0),
    "values": lambda x: ([[*map(Value, x)]], 0),
}
W = Value(0.75)
W.grad = 7.0
W_SQUARED = W * W


RESULTS = {
    "as it is": lambda y, *_: y,
    "with a weight": lambda y, *_: y * W_SQUARED + W,
    "a weight": lambda *_: W_SQUARED,
    "an integer": lambda *_: 3,
    "a float": lambda *_: -0.0,
    "an argument": lambda _, x: x[0],
    "no number": lambda *_: "text",
    "a list": lambda y, _: [y],
    "nothing": lambda *_: None,
    "an inner derivative": lambda y, x: y * grad(lambda w: w * w * x[0])(3.0),
    "an inner tangent": lambda y, x: y * jvp(lambda w: w * x[0] * w, x[0], 1.0)[1],
    "an inner derivative apart": lambda y, _: y * value_and_grad(lambda w: w * w)(3.0)[1],
    "within no_grad": lambda y, x: no_grad()(lambda: y * x[0])() + x[0],
    "a mistake": lambda _, x: x[0].no_such_name,
    "infinite": lambda y, x: y + (x[0] - x[0]).log(),
    "a square times -0": lambda _, x: x[0] * x[0] * -0.0,
    "a kink": lambda y, x: relu(y - y) + x[0],
}
AROUND = {"nothing": nullcontext, "no_grad": no_grad, "detect_anomaly": detect_anomaly}
TRANSFORMS = {
    "grad": grad,
    "value_and_grad": value_and_grad,
    "hessian": hessian,
    "grad of grad": lambda f, argnums: grad(lambda *x: sum_of(grad(f, argnums)(*x)), argnums),
}


def sum_of(tree):
    return sum(map(sum_of, tree)) if isinstance(tree, (list, tuple)) else tree


def flatten(tree):
    return [x for each in tree for x in (each if isinstance(each, (list, tuple)) else [each])]


def outcome(call, around):
    """What the call gives, or the error that it raises, to the last bit."""
    try:
        with around():
            return repr(call())
    except Exception as error:  # noqa: BLE001 — whatever it is, both ways raise it
        return type(error), str(error)


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@given(
    f=expressions(smooth=False, max_operations=4),
    form=st.sampled_from([*FORMS]),
    around=st.sampled_from([*AROUND]),
)
def test_the_short_way_gives_what_the_long_one_does(transform, f, form, around):
    args, argnums = FORMS[form]([*f.inputs])
    leaked = []

    def of_argument(result, *x):
        numbers = flatten(flatten(x))
        leaked[:] = numbers
        for each in x:
            if isinstance(each, list):
                each.clear()  # which is the function's own
        return result(f(*numbers[: len(f.inputs)]), numbers)

    for result in RESULTS.values():
        call = partial(transform(partial(of_argument, result), argnums), *args)
        short = outcome(call, AROUND[around])
        gradients = [x.grad for x in [*leaked, W, W_SQUARED] if isinstance(x, Value)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plain, "call_on_leaves", lambda *_: None)
            assert outcome(call, AROUND[around]) == short
        assert [*map(repr, gradients)] == [*["0.0"] * (len(gradients) - 2), "7.0", "0.0"]


def test_plain_arguments_take_the_short_way(monkeypatch):
    monkeypatch.setattr("micrograd_gd.transforms.derivatives.Recording", None)
    assert value_and_grad(lambda x, k: k * x * x)(3.0, k=2) == (18.0, 12.0)
    assert grad(lambda x: x[0] * x[1])([2.0, 3.0]) == [3.0, 2.0]
    assert grad(lambda x, y: x[0] * y, (0, 1))((2.0,), 3.0) == ((3.0,), 2.0)
    assert hessian(lambda x: x[0] * x[1])((2.0, 3.0)) == ((0.0, 1.0), (1.0, 0.0))
