"""A function over a batch: sample by sample eagerly, in lanes inside of jit, the same numbers."""

import gc
import math
import sys

import numpy as np
import pytest
from compiled import AVAILABLE, bits
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import (
    MLP,
    Value,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jit,
    jvp,
    linearize,
    trace,
    value_and_grad,
    vmap,
)
from micrograd_gd.compiler.backends.python import sum_lanes
from micrograd_gd.compiler.schedule import schedule
from micrograd_gd.errors import ArgumentError, JitError, ShapeError
from micrograd_gd.functional import (
    asin,
    exp,
    less,
    log,
    maximum,
    mean,
    relu,
    sin,
    sqrt,
    tanh,
    total,
    where,
)
from micrograd_gd.losses import LOSSES, binary_cross_entropy, cross_entropy, hinge
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.transforms.trees import flatten, leaves, unflatten

RNG = np.random.default_rng(0)
POINTS, LABELS = RNG.normal(size=(11, 2)), RNG.normal(size=11)
WEIGHTS = {"a": 1.5, "b": [-0.5, 0.25]}


def sample_loss(w, x, y):
    hidden = relu(w["a"] * x[0] + w["b"][0]) + sin(x[1]) * w["b"][1]
    return (hidden - y) ** 2


def loss(w, points, labels):
    losses = vmap(sample_loss, in_axes=(None, 0, 0))(w, points, labels)
    return mean(losses) + 0.1 * total(p * p for p in leaves(w))


def close(got, expected, size=1.0):
    """Alike but for the order of sums: some n·u of what was added up."""
    a, structure = flatten(got)
    b, other = flatten(plain(expected))
    assert structure == other
    return a == pytest.approx(b, rel=1e-12, abs=1e-12 * size, nan_ok=True)


@pytest.fixture(params=AVAILABLE)
def backend(request):
    return request.param


# What vmap is.


def test_each_number_of_the_result_becomes_an_array():
    mapped = vmap(lambda x, y: {"sum": x + y, "pair": [x, np.array([x, y])]})
    result = mapped(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert result["sum"].tolist() == [4.0, 6.0]
    assert result["pair"][0].tolist() == [1.0, 2.0]
    assert result["pair"][1].tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_arguments_may_be_nested_mapped_along_any_axis_or_shared():
    def f(w, tree, x):
        return w * tree["p"][0] + tree["q"] * x

    tree = {"p": np.ones((3, 2)), "q": np.array([1.0, 2, 3])}
    result = vmap(f, in_axes=(None, 0, 0))(10.0, tree, np.array([1.0, 10, 100]))
    assert result.tolist() == [11.0, 30.0, 310.0]
    columns = np.arange(6.0).reshape(2, 3)
    assert vmap(lambda x: x[0] + x[1], in_axes=1)(columns).tolist() == [3.0, 5.0, 7.0]
    assert vmap(lambda x: x[0] + x[1], in_axes=-1)(columns).tolist() == [3.0, 5.0, 7.0]


def test_values_go_through_a_batch_eagerly():
    w = Value(2.0)
    mean(vmap(lambda x: w * x)(np.array([1.0, 5.0]))).backward()
    assert w.grad == 3.0


@pytest.mark.parametrize(
    ("args", "axes", "message"),
    [
        ((1.0,), 0, "argument 0 is 1.0; vmap expected an array whose axis 0 counts the samples"),
        (([1.0, 2.0],), 0, r"argument 0\[0\] is 1.0; .* make one of a list, as by numpy.array"),
        (([[1.0, 2.0]],), 1, r"argument 0\[0\]\[0\] is 1.0; .* whose axis 1 counts"),
        (("abc",), 0, "argument 0 is 'abc'; vmap expected an array"),
        ((np.float64(1.0),), 0, r"argument 0 has the shape \(\); vmap expected an axis 0"),
        ((np.ones(3), np.ones(4)), 0, "argument 1 has 4 samples along axis 0, and argument 0 has"),
        (({"a": np.ones(3), "b": np.ones(4)},), 0, r"'b'\] has 4 .* argument 0\['a'\] has 3"),
        ((np.ones((0, 2)),), 0, "there are no samples"),
        ((np.ones(2),), None, "no argument is mapped"),
        ((np.ones(2),), 1, r"argument 0 has the shape \(2,\); vmap expected an axis 1"),
    ],
)
def test_what_counts_no_samples_is_refused(args, axes, message):
    with pytest.raises(ShapeError, match=message):
        vmap(lambda *xs: xs[0], in_axes=axes)(*args)


def test_as_many_axes_as_arguments_are_due():
    for axes in ((0,), (0, 0, 0)):
        with pytest.raises(ArgumentError, match=r"in_axes is .*, and 2 arguments came; expected"):
            vmap(lambda x, y: x + y, in_axes=axes)(np.ones(2), np.ones(2))
    with pytest.raises(ArgumentError, match="expected a function, but was given 3"):
        vmap(3)


def test_samples_must_give_results_of_one_structure():
    with pytest.raises(ShapeError, match="for sample 1"):
        vmap(lambda x: [x] if x > 0 else [x, x])(np.array([1.0, -1.0]))


# The same numbers in lanes.

TRANSFORMS = {
    "value": lambda f: f,
    "gradient": value_and_grad,
    "gradient of all arguments": lambda f: value_and_grad(f, (0, 1, 2)),
    "hessian": hessian,
    "mixed": lambda f: jacobian(grad(f, 1), 0),
    "tangent": lambda f: lambda *x: jvp(f, x, ({"a": 1.0, "b": [2.0, 0.5]}, x[1] * 2, x[2] + 1)),
    "hvp": lambda f: lambda w, x, y: hvp(lambda w: f(w, x, y), w, w),
}


def smooth_loss(w, points, labels):
    return mean(
        vmap(lambda x, y: exp(-w["a"] * x[0]) * sin(w["b"][0] - y) + w["b"][1] * x[1] ** 3)(
            points, labels
        )
    )


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_compiled_equals_eager(transform, backend):
    f = TRANSFORMS[transform](smooth_loss)
    compiled = jit(f, backend=backend)
    for points, labels in ((POINTS, LABELS), (POINTS[::-1] * 2, LABELS - 1)):
        assert close(compiled(WEIGHTS, points, labels), f(WEIGHTS, points, labels))
    assert len(compiled.variants) == 1


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 16, 17, 100])
def test_a_step_of_training_for_any_number_of_samples(size, backend):
    points, labels = RNG.normal(size=(size, 2)), RNG.normal(size=size)
    step = value_and_grad(loss)
    assert close(jit(step, backend=backend)(WEIGHTS, points, labels), step(WEIGHTS, points, labels))


def test_each_sample_has_a_gradient_of_its_own(backend):
    each = vmap(grad(sample_loss), in_axes=(None, 0, 0))
    assert close(jit(each, backend=backend)(WEIGHTS, POINTS, LABELS), each(WEIGHTS, POINTS, LABELS))

    def close_over(w, points):
        return vmap(lambda x: grad(lambda v: v * v * x[0])(w["a"]))(points)

    compiled = jit(close_over, backend=backend)
    assert close(compiled(WEIGHTS, POINTS), close_over(WEIGHTS, POINTS))


def abs_by_hand(p):
    return -p if p < 0 else p


BRANCHES = {
    "the number itself": abs_by_hand,
    "what is computed from it": lambda p: p if sin(p) * p > 0.5 else p * p,
    "two such numbers": lambda p: p * p if p.exp() > p + 2 else p,
    "its truth": lambda p: p + 1 if p else p * 0.0,
    "a loop": lambda p: next(q for q in [p, p * p, p * p * p, 3 * p] if q > 2 or q is not p),
    "a choice": lambda p: max(p, p * p, 0.25),
    "a derivative": lambda p: grad(abs_by_hand)(p) * p,
}


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_branches_may_ask_for_what_all_samples_share(branch, backend):
    """Though in each sample the derivative by it is another one."""

    def f(w, x):
        return branch(w) * x[0] + x[1]

    def along_sample(w, x):
        return hvp(lambda w: f(w, x), w, x[0])

    for each in (grad(f), hessian(f), along_sample):
        mapped = vmap(each, (None, 0))
        compiled = jit(mapped, backend=backend)
        for w in (0.5, -3.0, 2.0, 0.0):
            assert close(compiled(w, POINTS), mapped(Value(w), POINTS))


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_branches_may_ask_for_what_differs_from_sample_to_sample(branch, backend):
    """Whatever derivative the branch is inside of, which gives each sample a number of its own."""
    slope = grad(branch)
    along_sample = [lambda x: jvp(branch, x, x), lambda x: linearize(branch, x)[1](x)]
    deeper = [
        grad(slope),
        hessian(slope),
        lambda x: slope(x * x),
        lambda x: grad(lambda y: branch(x) * y)(x),
    ]
    for each in (branch, slope, jacfwd(branch), *along_sample, *deeper):
        xs = np.array([*POINTS[:, 0], 0.0, -0.0, 0.25])
        assert close(jit(vmap(each), backend=backend)(xs), vmap(each)(np.array([*map(Value, xs)])))


@pytest.mark.parametrize("reduce", [total, mean, lambda ys: ys[-1], lambda ys: ys])
@pytest.mark.parametrize(
    "f",
    [
        lambda w: w * w,
        grad(lambda w: w * w * w),
        lambda w: jvp(lambda t: w / t, w, w)[1],
        lambda w: w.exp() / (w - w),
    ],
)
def test_what_depends_on_no_sample_is_right_from_the_first_call_on(f, reduce, backend):
    """Its program has no batch, but the trace had one."""

    def g(w, points):
        return reduce(vmap(lambda x: f(w))(points))

    compiled = jit(g, backend=backend)
    for w in (-0.25, 3.0):
        assert close(compiled(w, POINTS), g(Value(w), POINTS))
        assert close(compiled(w, POINTS), g(Value(w), POINTS))


def test_what_goes_on_after_a_sum_over_the_batch_comes_in_a_later_stage(backend):
    def f(w, points):
        center = mean(vmap(lambda x: w * x[0])(points))
        return mean(vmap(lambda x: (w * x[0] - center) ** 2)(points)).log()

    step = value_and_grad(f)
    assert close(jit(step, backend=backend)(2.0, POINTS), step(2.0, POINTS))
    stages = schedule(trace(step, 2.0, POINTS)).stages
    assert sum(stage.lanes > 0 for stage in stages) >= 3


def test_batches_of_different_sizes_in_one_function(backend):
    def f(w, points, others):
        return mean(vmap(lambda x: w * x[0])(points)) * total(vmap(lambda x: w + x)(others))

    step = value_and_grad(f)
    assert close(jit(step, backend=backend)(2.0, POINTS, LABELS[:3]), step(2.0, POINTS, LABELS[:3]))


def test_numbers_of_samples_can_be_picked(backend):
    def f(w, points):
        ys = vmap(lambda x: w * x[0] * x[1])(points)
        return ys[0] * ys[-1] + sum(ys[2:4]), ys[::-1], ys * 2

    step = jacobian(f)
    assert close(jit(f, backend=backend)(2.0, POINTS), f(2.0, POINTS))
    assert close(jit(step, backend=backend)(2.0, POINTS), step(2.0, POINTS))


def test_results_are_arrays_of_all_samples(backend):
    def f(w, points):
        return vmap(lambda x: [w * x[0], np.array([x[1], w])])(points)

    assert close(jit(f, backend=backend)(2.0, POINTS), f(2.0, POINTS))


def test_a_batch_may_be_computed_or_closed_over(backend):
    def f(w, points):
        centred = (points - points.mean(axis=0)) * w
        return total(vmap(lambda x, y: maximum(x[0], y) * w)(centred, LABELS))

    step = value_and_grad(f, (0, 1))
    assert close(jit(step, backend=backend)(2.0, POINTS), step(2.0, POINTS))


def test_results_may_be_shared_constant_and_there_several_times(backend):
    """By all samples, in any order of rows and columns, one sample or many."""

    def f(w, x):
        y = x[0] * w
        row = np.array([y, 2.0, w, y])
        return [y, y, w, w * 3, 0.5, x[1], x[1], row, {"same": row}, hessian(sin)(w)]

    for size in (1, 2, 9):
        for g, args in (
            (f, (2.0, POINTS[:size])),
            (lambda _, x: [1.0, x[0]], (2.0, POINTS[:size])),
            (lambda *_: 3.0, (2.0, POINTS[:size])),
            (lambda w, _: w, (2.0, POINTS[:size])),
            (hessian(lambda w, x: w * x[0] * x[1] + x[0] ** 2, 1), (2.0, POINTS[:size])),
        ):
            mapped = vmap(g, (None, 0))
            got, expected = jit(mapped, backend=backend)(*args), mapped(Value(args[0]), args[1])
            assert flatten(got)[1] == flatten(expected)[1]
            assert bits(got) == bits(expected)


def test_one_batch_inside_another_is_written_out(backend):
    def f(w, grid):
        return mean(vmap(lambda row: total(vmap(lambda x: sin(w * x))(row)))(grid))

    step = value_and_grad(f)
    assert close(jit(step, backend=backend)(2.0, POINTS), step(2.0, POINTS))


@pytest.mark.parametrize("loss", LOSSES.values())
def test_models_and_losses_compile_as_they_are(loss, backend):
    classes = 3 if loss is cross_entropy else 1
    model = MLP(2, [4, classes], activation="tanh", seed=0)
    targets = np.arange(11.0) % 3 if loss is cross_entropy else (np.arange(11.0) % 2) * 2 - 1
    if loss is binary_cross_entropy:
        targets = abs(LABELS) % 1

    def f(points, targets):
        return mean(vmap(lambda x, t: loss([model(x)], [t]))(points, targets))

    step = value_and_grad(f, wrt=model.parameters())
    compiled = jit(step, backend=backend)
    assert close(compiled(POINTS, targets), step(POINTS, targets))
    for parameter in model.parameters():
        parameter.data *= 0.5
    assert close(compiled(POINTS, targets), step(POINTS, targets))
    assert close(jit(vmap(model), backend=backend)(POINTS), plain(vmap(model)(POINTS)))


def plain(tree):
    return unflatten(flatten(tree)[1], [getattr(y, "data", y) for y in leaves(tree)])


def test_the_gradient_of_what_a_function_closes_over_follows_training(backend):
    model = MLP(2, [4, 1], seed=0)

    def f(points, labels):
        return mean(vmap(lambda x, y: hinge([model(x)], [y]))(points, labels))

    step = value_and_grad(f, wrt=model.parameters())
    compiled = jit(step, backend=backend)
    for _ in range(3):
        model.zero_grad()
        value = f(POINTS, np.sign(LABELS))
        value.backward()
        expected = value.data, [p.grad for p in model.parameters()]
        assert close(step(POINTS, np.sign(LABELS)), expected)
        assert close(compiled(POINTS, np.sign(LABELS)), expected)
        for p in model.parameters():
            p.data -= 0.1 * p.grad
    with pytest.raises(ArgumentError, match=r"wrt\[0\] is 1.0; expected a Value that is a leaf"):
        grad(f, wrt=[1.0])(POINTS, LABELS)


def test_a_choice_sends_its_derivative_to_one_side_in_each_sample(backend):
    """An infinite slope on the side that is not taken adds nothing: 0 · inf would be nan."""

    def f(w, points):
        def of_sample(x):
            inner = where(x, sqrt(x * w) * log(x * w), 1.0 / (w + x))
            again = where(x - 1.0, inner * inner, sqrt(x - 1.0) + inner)
            return again + where(x, 2.0 * inner, inner)

        return total(vmap(of_sample)(points))

    points = np.array([0.0, 1.0, 4.0, 0.5, 9.0])
    for step in (value_and_grad(f, (0, 1)), hessian(f), jacobian(grad(f, 1), 0)):
        assert close(jit(step, backend=backend)(2.0, points), step(2.0, points))
    tangent = lambda w, x: jvp(f, (w, x), (1.0, x + 1))  # noqa: E731 — a transform of one line
    assert close(jit(tangent, backend=backend)(2.0, points), tangent(2.0, points))


STEEP_AT_0 = {
    "sqrt": sqrt,
    "log": log,
    "power": lambda p: p**0.5,
    "quotient": lambda p: 1.0 / p,
    "arcsine": lambda p: asin(p + 1.0),
    "chain": lambda p: exp(2.0 * sqrt(p)) * log(p),
    "choice": lambda p: relu(sqrt(p)) + maximum(log(p), -3.0),
}


@pytest.mark.parametrize("steep", STEEP_AT_0.values(), ids=STEEP_AT_0)
@pytest.mark.parametrize("batch", [[1.0], [3.0] * 9, [2.0, -1.0, 0.0, 3.0, 0.5, -2.0, 1.0, 4.0]])
def test_a_branch_that_no_sample_takes_sends_nothing_to_what_all_share(steep, batch, backend):
    """The same is summed up by a loop whose branches are Python's own, and no others computed."""

    def derivatives(f):
        both = lambda p, xs: [grad(f)(p, xs), hessian(f)(p, xs), jvp(f, (p, xs), (1.0, xs))]  # noqa: E731 — read in one line
        return lambda p, xs: [*both(p, xs), jacobian(grad(f), 1)(p, xs)]

    def in_lanes(p, xs):
        return total(vmap(lambda x: where(less(x, 0.0), steep(p) * x, p * x * x))(xs))

    def in_a_loop(p, xs):
        return total([steep(p) * x if x < 0 else p * x * x for x in xs])

    compiled = jit(derivatives(in_lanes), backend=backend)
    for p in (0.0, 0.25):
        xs = np.array(batch)
        assert close(compiled(p, xs), derivatives(in_a_loop)(p, xs))


@pytest.mark.parametrize("batch", [[-1.0, 3.0], [1.0, -3.0], [1.0, 3.0], [-1.0, -3.0]])
def test_a_sum_over_a_batch_may_decide_a_branch(batch, backend):
    """Whatever its first sample alone would have decided."""

    def f(xs):
        s = total(vmap(lambda x: 1.0 * x)(xs))
        return s.tanh() if s > 0 else s.exp()

    compiled = jit(f, backend=backend)
    for xs in (np.array(batch), -np.array(batch), np.array(batch)):
        s = xs[0] + xs[1]
        assert compiled(xs) == (tanh(s) if s > 0 else exp(s))


@pytest.mark.parametrize("choose", [relu, abs, lambda s: where(less(s, 0.0), s * s, s)])
def test_a_sum_over_a_batch_may_decide_a_derivative(choose, backend):
    f = lambda xs: choose(total(vmap(lambda x: x * x * x)(xs)))  # noqa: E731 — read in one line
    for xs in (np.array([-1.0, 3.0]), np.array([1.0, -3.0])):
        for derivative in (grad(f), hessian(f), lambda xs: jvp(f, (xs,), (xs,))[1]):
            assert close(jit(derivative, backend=backend)(xs), derivative(xs))


STEEP = {
    "exp": exp,
    "sqrt": lambda x: sqrt(abs(x)),
    "log": lambda x: log(x) * x,
    "pow": lambda x: x**-0.5,
    "nan": lambda x: x - x + sin(x),
}
PICKS = [lambda ys: ys[-1], lambda ys: ys[0] * ys[2] + ys[2], lambda ys: where(ys[1], ys[0], ys[2])]


@pytest.mark.parametrize("pick", PICKS)
@pytest.mark.parametrize("f", STEEP.values(), ids=STEEP)
def test_samples_that_are_not_picked_add_nothing(f, pick, backend):
    """Whatever their slopes are: 0 · inf would be nan, and where no derivative flows it is 0.0."""

    def g(w, x):
        return pick(vmap(lambda x: f(w * x) * x)(x))

    def along_first(w, x):
        return jvp(vmap(lambda x: f(w * x) * x), x, np.array([1.0, 0, 0, 0]))[1]

    points = np.array([[1.0, 2.0, 0.5, 3.0], [0.0, 1e308, 1.0, math.inf], [-0.0, 0.0, 2.0, 1.0]])
    steps = [value_and_grad(g, (0, 1)), hessian(g), jacobian(grad(g, 1), 1), along_first]
    for step in steps:
        compiled = jit(step, backend=backend)
        for x in [*points, points[1][::-1]]:
            values = np.array([*map(Value, x.tolist())])
            assert bits(compiled(2.0, x)) == bits(step(Value(2.0), values))


def test_a_choice_by_a_constant_is_no_choice(backend):
    f = vmap(grad(lambda x: where(1.0, x, x / x) + where(0.0, x / x, x)))
    assert jit(f, backend=backend)(np.array([0.0, 2.0])).tolist() == [2.0, 2.0]


@given(expressions(smooth=False), st.integers(1, 5), st.randoms(use_true_random=False))
def test_derivatives_in_lanes_are_those_of_each_sample(program, size, random):
    """First and second ones, at kinks and other special points too."""
    count = len(program.inputs)
    choices = [*program.inputs, 0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0]
    batch = np.array([[random.choice(choices) for _ in range(count)] for _ in range(size)])
    for derivative in (grad, hessian):
        mapped = vmap(derivative(lambda x: program(*x)))
        expected = bits(mapped(batch))
        assert bits(jit(mapped, backend="python")(batch)) == expected


def test_what_was_compiled_for_a_sample_is_compiled_for_a_batch():
    compiled = vmap(jit(lambda w, x: w * x[0] + x[1]), in_axes=(None, 0))
    assert close(compiled(2.0, POINTS), 2.0 * POINTS[:, 0] + POINTS[:, 1])
    assert len(compiled.variants) == 1


@given(expressions(smooth=False), st.integers(1, 20), st.randoms(use_true_random=False))
def test_every_lane_has_the_bits_of_its_sample(program, size, random):
    count = len(program.inputs)
    special = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, math.inf, -math.inf, math.nan, 1e200, 5e-324]
    batch = np.array(
        [[random.choice([*program.inputs, *special]) for _ in range(count)] for _ in range(size)]
    )
    mapped = vmap(lambda x: program(*x))
    expected = [each.hex() for each in mapped(batch).tolist()]
    for backend in AVAILABLE:
        assert [each.hex() for each in jit(mapped, backend=backend)(batch).tolist()] == expected, (
            backend
        )


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=50)
)
def test_sums_have_one_order_and_lie_within_their_bound(numbers):
    exact = math.fsum(numbers)
    bound = len(numbers) * 2.0**-53 * math.fsum(map(abs, numbers))
    assert abs(sum_lanes(numbers) - exact) <= bound
    bits = {jit(total, backend=b)(vmap(lambda x: x)(np.array(numbers))).hex() for b in AVAILABLE}
    assert len(bits) == 1 or len(numbers) > 1  # the function is total: written out, left to right
    in_lanes = {
        jit(lambda xs: total(vmap(lambda x: 1.0 * x)(xs)), backend=b)(np.array(numbers)).hex()
        for b in AVAILABLE
    }
    assert in_lanes == {(0.0 + sum_lanes(numbers)).hex()}


# What is refused.


def test_a_branch_on_a_sample_behind_its_batch_is_refused_with_the_line_and_the_remedy():
    def f(xs):
        kept = []
        vmap(lambda x: kept.append(x * 2.0) or x)(xs)
        return 1.0 if kept[0] > 0 else 2.0

    with pytest.raises(
        JitError, match=r"test_vmap\.py, line \d+; functional\.where with a test, such as less"
    ):
        jit(f)(np.array([1.0, -1.0]))
    chosen = jit(vmap(lambda x: where(x, x, 1.0)))
    assert chosen(np.array([0.0, 2.0])).tolist() == [1.0, 2.0]


def test_a_number_that_leaves_its_batch_is_refused():
    def f(xs):
        kept = []
        return vmap(lambda x: kept.append(x * 2.0) or x)(xs)[0] + kept[0]

    with pytest.raises(JitError, match="sample"):
        jit(f)(np.ones(3))


def count_steps(f, *args):
    """The instructions of Python that a call takes, which do not depend on the machine's load."""
    steps = 0

    def step(frame, event, _):
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return step

    gc.collect()
    gc.disable()  # what it finds takes steps, too, whenever that is
    before = sys.gettrace()
    sys.settrace(step)
    try:
        f(*args)
    finally:
        sys.settrace(before)
        gc.enable()
    return steps


@pytest.mark.parametrize("backend", [None, "python"])
def test_a_gradient_by_the_inputs_of_a_batch_takes_steps_in_proportion_to_their_number(backend):
    def loss(xs):
        return mean(vmap(lambda x: x * x.tanh())(xs)) + xs[1]  # the rows one by one, compiled too

    def derive(xs):
        (grad(loss) if backend is None else jit(grad(loss), backend=backend))(xs)

    derive(np.ones(3))  # what is loaded when it is first used; no other test has lengths as below
    few, some, many = (count_steps(derive, np.linspace(-1.0, 1.0, n)) for n in (53, 106, 212))
    assert many - some < 2.2 * (some - few)  # twice as much for twice as many
