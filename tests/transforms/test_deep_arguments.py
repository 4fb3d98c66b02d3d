"""Arguments that are nested without end, or nearly so, meet one clear error at every entry."""

import pytest

from micrograd_gd import (
    Value,
    custom_vjp,
    derivative,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    linearize,
    minimize,
    save,
    to_c,
    to_js,
    trace,
    value_and_grad,
    vjp,
    vmap,
)
from micrograd_gd.errors import MicrogradError, ShapeError
from micrograd_gd.functional import mean, softmax
from micrograd_gd.losses import mse
from micrograd_gd.testing import check_gradients


def nest(wrap, depth):
    tree = 1.0
    for _ in range(depth):
        tree = wrap(tree)
    return tree


def twice():
    tree = []
    tree += [tree, tree]  # twice as many with each level
    return tree


def itself():
    tree = {"a": 1.0}
    tree["b"] = (2.0, tree)
    return tree


TREES = {
    "900 lists": lambda: nest(lambda x: [x], 900),
    "900 dicts": lambda: nest(lambda x: {"a": x}, 900),
    "20,000 lists": lambda: nest(lambda x: [x], 20_000),
    "twice itself": twice,
    "itself": itself,
}


def first(_):
    return Value(1.0) * 2.0


ENTRIES = {
    "grad": grad(first),
    "value_and_grad": value_and_grad(first),
    "jacobian": jacobian(first),
    "hessian": hessian(first),
    "derivative": derivative(first),
    "jvp": lambda tree: jvp(first, (tree,), (tree,)),
    "vjp": lambda tree: vjp(first, tree),
    "linearize": lambda tree: linearize(first, tree),
    "custom_vjp": custom_vjp(first),
    "aux": lambda tree: grad(lambda x: (x * x, tree), has_aux=True)(1.0),
    "jit": jit(first),
    "result": lambda tree: jit(lambda _: tree)(1.0),
    "trace": lambda tree: trace(first, tree),
    "to_c": lambda tree: to_c(first, tree),
    "to_js": lambda tree: to_js(first, tree),
    "check_gradients": lambda tree: check_gradients(first, tree),
    "minimize": lambda tree: minimize(first, tree, learning_rate=0.1),
}
# What takes no trees says so, whatever is in them.
OTHERS = {
    "vmap": vmap(first),
    "Value": Value,
    "operator": lambda tree: Value(1.0) + tree,
    "mean": mean,
    "softmax": softmax,
    "mse": lambda tree: mse(tree, tree),
    "save": lambda tree: save(tree, "never.json"),
}


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("entry", [*ENTRIES, *OTHERS])
def test_what_is_nested_too_deep_is_refused_at_every_entry(entry, tree):
    expected = ShapeError if entry in ENTRIES else MicrogradError
    match = r"^[\w ]+ is nested deeper than 100 lists, " if entry in ENTRIES else "."
    with pytest.raises((expected, TypeError), match=match) as caught:
        (ENTRIES | OTHERS)[entry](TREES[tree]())
    assert len(str(caught.value)) < 300


def test_a_hundred_levels_are_fine():
    deep = nest(lambda x: {"a": [x]}, 50)
    assert jit(lambda tree: tree)(deep) == deep
    assert grad(first)(deep) == nest(lambda x: {"a": [0.0 if x == 1.0 else x]}, 50)
