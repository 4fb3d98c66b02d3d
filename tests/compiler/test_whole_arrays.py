"""Arrays that a program takes whole: it serves any number of rows, with equal numbers."""

import operator
import pickle
from functools import cache, partial, reduce
from itertools import accumulate, islice

import numpy as np
import pytest
from compiled import AVAILABLE

from micrograd_gd import grad, hessian, jacobian, jit, jvp, trace, value_and_grad, vmap
from micrograd_gd.compiler import arguments, slices
from micrograd_gd.core import whole
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.functional import (
    dot,
    exp,
    less,
    logsumexp,
    maximum,
    mean,
    std,
    tanh,
    total,
    where,
)
from micrograd_gd.transforms.trees import flatten

LENGTHS = [100, 1, 7, 8, 9, 1_000]
WEIGHTS = [0.75, -0.5, 0.25]
DRAWN = np.random.default_rng(0).normal(size=(1_000, 3))


def draw(length):
    """Weights, points of two numbers, and labels."""
    return WEIGHTS, DRAWN[:length, :2].copy(), DRAWN[:length, 2].copy()


def sample_loss(w, x, y):
    return (tanh(w[0] * x[0] + w[1] * x[1] + w[2]) - y) ** 2


def loss(w, points, labels):
    return mean(vmap(sample_loss, (None, 0, 0))(w, points, labels))


def spread_loss(w, points, labels):
    """What is above 0 and its distance from the mean: three loops, and rows kept between them."""
    above = vmap(lambda x, y: where(less(x[0], y), maximum(w[0] * x[1], 0.0), exp(w[1] * y)))
    numbers = above(points, labels)
    center = mean(numbers)
    return total(vmap(lambda z: (z - center) ** 2)(numbers)), numbers


def sample_residuals(w, x, y):
    return np.array([tanh(w[0] * x[0]) - y, 3.0 * w[2] + y * w[1], y])


FUNCTIONS = {
    "batch": vmap(sample_loss, (None, 0, 0)),
    "loss": loss,
    "gradient": value_and_grad(loss),
    "gradient by the samples": grad(loss, (0, 1, 2)),
    "hessian": hessian(loss),
    "gradient a sample": vmap(grad(sample_loss, (0, 1)), (None, 0, 0)),
    "tangent": lambda w, x, y: jvp(loss, (w, x, y), ([1.0, 2.0, 3.0], x, y)),
    "several loops": grad(spread_loss, (0, 1), has_aux=True),
    "matrix": jacobian(vmap(sample_residuals, (None, 0, 0)), sparse=True),
    "what none computes": lambda w, x, y: [x, vmap(lambda x: [2.0, w[0], x[1], -0.0])(x), y],
    "what all share": lambda w, x, y: total(vmap(lambda _: w[0])(x)),
}


SLOW = {"tangent", "matrix"}  # row by row


@cache
def expected(name, length):
    """What the program gives that has a row for each sample."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "FEWEST_ROWS", 10_000)
        return jit(FUNCTIONS[name], backend="python")(*draw(length))


def is_same(a, b):
    """Whether both are the same numbers to the last bit, in the same structure."""
    (x, structure), (y, other) = flatten(a), flatten(b)
    return structure == other and np.array(x).tobytes() == np.array(y).tobytes()


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_program_serves_any_number_of_rows(name, backend):
    compiled = jit(FUNCTIONS[name], backend=backend)
    for length in LENGTHS[:-1] if name in SLOW else LENGTHS:
        for _ in range(2):
            assert is_same(compiled(*draw(length)), expected(name, length)), length
    (program,) = compiled.variants
    assert program.lengths == (100,)


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("name", ["batch", "gradient a sample", "what none computes", "gradient"])
def test_threads_give_the_same_bits_and_only_where_rows_need_not_each_other(
    name, backend, monkeypatch
):
    monkeypatch.setattr(slices, "ROWS", 16)
    compiled = [jit(FUNCTIONS[name], backend=backend, threads=n) for n in (2, 5)]
    for length in LENGTHS:
        for each in compiled:
            assert is_same(each(*draw(length)), expected(name, length)), length
    kernels = [each._programs.recent[0].kernel for each in compiled]
    assert [isinstance(each, slices.Slices) for each in kernels] == [name != "gradient"] * 2
    with pytest.raises(ArgumentError, match="threads is 0; expected a whole number"):
        jit(FUNCTIONS[name], threads=0)


USES = {
    "values": lambda m: total(m.entries[0]),
    "columns": lambda m: m.entries[0][0] * m.entries[1][1][-1],
    "shape": lambda m: m.entries[0][-1] * m.shape[0],
    "both": lambda m: [*m.entries, *m.shape][0],
    "matrix": lambda m: [m, m],
}


@pytest.mark.parametrize("name", USES)
def test_what_is_computed_with_a_sparse_matrix_takes_its_rows_apart(name, monkeypatch):
    monkeypatch.setattr(slices, "ROWS", 16)
    f = lambda *args: USES[name](FUNCTIONS["matrix"](*args))  # noqa: E731 — of three arguments
    compiled = jit(f, backend="python", threads=2)
    for _ in range(2):
        assert is_same(compiled(*draw(64)), f(*draw(64)))
    (program,) = compiled.variants
    assert (len(program.lengths) > 0) == (name == "matrix")


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("name", ["batch", "gradient", "gradient a sample", "what all share"])
def test_arrays_that_a_function_closes_over(name, backend):
    w, *arrays = draw(100)
    f, want = FUNCTIONS[name], expected(name, 100)
    closed = jit(lambda w: f(w, *arrays), backend=backend)
    bound = jit(partial(lambda x, w, y: f(w, x, y), arrays[0]), backend=backend)
    for _ in range(2):
        assert is_same(closed(w), want)
        assert is_same(bound(w, arrays[1]), want)
        if name != "what all share":
            with pytest.raises(
                ShapeError, match="argument 2 has 99 samples along axis 0, and argu"
            ):
                bound(w, arrays[1][:99])
    (program,), (other,) = closed.variants, bound.variants
    assert len(program.statements) == len(other.statements) < 60
    assert len(program.held) == 1 + (name != "what all share")
    assert len(other.held) == 1


def test_what_a_function_closes_over_is_a_constant_whatever_happens_to_it():
    w, points, labels = draw(200)
    read_only = DRAWN[:, :2].copy()
    read_only.flags.writeable = False
    cases = [points.copy(), points[::2], np.asfortranarray(points), points.astype(int), read_only]
    for x in (*cases, points.astype(np.float32)):
        f = lambda w, x=x: total(vmap(lambda x: w[0] * x[0] + x[1])(x))  # noqa: E731 — read below
        again, another = (jit(lambda w, f=f: f(w)) for _ in range(2))
        want = again(w)
        assert another(w) == want
        (held,), (other,) = again.variants[0].held, another.variants[0].held
        assert held is other, "what is equal is kept once"
        assert (held is x) == (x is read_only), "what nobody writes to needs no copy"
        if x is not read_only:
            x[:] += 1
            assert again(w) == want
            assert jit(lambda w, f=f: f(w))(w) == pytest.approx(want + len(x) * (w[0] + 1))
    compiled = jit(partial(loss, labels=labels, points=points))
    value = compiled(w)
    copied = pickle.loads(pickle.dumps(compiled))  # noqa: S301 — our own
    assert copied.variants == (), "what it holds is data of the function, and no program's"
    assert copied(w) == value


@pytest.mark.parametrize("backend", AVAILABLE)
def test_arrays_of_any_kind_of_numbers_and_order(backend):
    compiled = jit(value_and_grad(loss), backend=backend)
    w, points, labels = draw(100)
    points = np.round(8 * points)
    want = compiled(w, points, labels)
    read_only = points.copy()
    read_only.setflags(write=False)
    alike = [points.astype(np.float32), points.astype(int), np.asfortranarray(points), read_only]
    for x in (*alike, np.repeat(points, 2, axis=0)[::2]):
        assert is_same(compiled(w, x, labels), want)
    assert len(compiled.variants) == 1


@pytest.mark.parametrize("backend", AVAILABLE)
def test_lengths_that_do_not_fit_are_refused_by_name(backend):
    compiled = jit(value_and_grad(loss), backend=backend)
    w, points, labels = draw(100)
    for _ in range(2):
        with pytest.raises(
            ShapeError, match="argument 2 has 99 samples along axis 0, and argument 1 has 100"
        ):
            compiled(w, points, labels[:99])
        with pytest.raises(ShapeError, match="argument 2 has 0 samples along axis 0, and argument"):
            compiled(w, points, labels[:0])
        with pytest.raises(ShapeError, match="there are no samples"):
            compiled(w, points[:0], labels[:0])
        compiled(w, points, labels)
    assert [program.lengths for program in compiled.variants] == [(100,)]


@pytest.mark.parametrize("backend", AVAILABLE)
def test_batches_of_different_lengths_in_one_program(backend):
    def f(w, points, others):
        return mean(vmap(lambda x: w[0] * x[0])(points)) * total(vmap(lambda x: w[1] + x)(others))

    compiled = jit(value_and_grad(f, (0, 1, 2)), backend=backend)
    for n, m in ((100, 70), (3, 8), (9, 1)):
        w, points, _ = draw(n)
        *_, others = draw(m)
        apart = jit(value_and_grad(f, (0, 1, 2)), backend="python")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(whole, "FEWEST_ROWS", 10_000)
            want = apart(w, points, others)
        assert is_same(compiled(w, points, others), want)
    assert [program.lengths for program in compiled.variants] == [(100, 70)]


@pytest.mark.parametrize("backend", AVAILABLE)
def test_a_length_that_is_asked_for_is_fixed(backend):
    def f(w, points, labels):
        rows, columns = points.shape
        losses = vmap(sample_loss, (None, 0, 0))(w, points, labels)
        return total(losses) / len(losses) + rows * columns + points.ndim

    compiled = jit(f, backend=backend)
    for length in (100, 70, 9, 100):
        assert compiled(*draw(length)) == expected("loss", length) + 2 * length + 2
    assert [program.lengths for program in compiled.variants] == [(100,), (70,), (9,)]
    assert [len(program.guards) for program in compiled.variants] == [1, 1, 1]


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"])
def test_operators_on_what_a_batch_gives(name, backend):
    operate = getattr(operator, name)
    inner = lambda w, x: 1.0 + (w[0] * x[0]) ** 2  # noqa: E731 — read in one line

    def compute(numbers, labels, w):
        pairs = [(numbers, labels), (labels, numbers), (numbers, 2), (1.5, numbers)]
        pairs += [(numbers, w[2]), (w[2], numbers)]
        return [operate(a, b) for a, b in pairs]

    def f(w, points, labels):
        return compute(vmap(inner, (None, 0))(w, points), labels, w)

    def by_samples(w, points, labels):
        of_sample = lambda w, x, y: compute(inner(w, x), y, w)  # noqa: E731 — likewise
        return vmap(of_sample, (None, 0, 0))(w, points, labels)

    w, points, labels = draw(80)
    args = w, points, np.abs(labels) + 0.5
    compiled = jit(f, backend=backend)
    assert is_same(compiled(*args), by_samples(*args))
    assert [program.lengths for program in compiled.variants] == [(80,)]
    few = w, points[:20], args[2][:20]
    wanted = jit(g := lambda *x: mean(f(*x)[0]), backend=backend)(*few)
    compiled = jit(g, backend=backend)
    for given in (args, few, args, few):
        number = compiled(*given)
    assert number == wanted, "whatever was called before"
    assert [program.lengths for program in compiled.variants] == [(80,), ()]
    step, wanted = (value_and_grad(lambda *x, g=g: mean(g(*x)[0])) for g in (f, by_samples))
    (value, slopes), (number, others) = jit(step, backend=backend)(*args), wanted(*args)
    assert [value, *slopes] == pytest.approx([number, *others], rel=1e-12)


SUMS = {
    "total": total,
    "Python's own": sum,
    "reduce": lambda xs: reduce(operator.add, xs, 0),
    "np.sum": np.sum,
    "np.mean": np.mean,
    "sum": lambda xs: xs.sum(),
    "mean": lambda xs: mean(xs) - xs.mean() / 2,
    "logsumexp": lambda xs: logsumexp(1e4 * xs),
    "std": lambda xs: std(xs, ddof=1),
}


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("name", SUMS)
def test_sums_over_whole_arrays(name, backend):
    def of_arguments(w, x, y):
        of_batch, of_argument = (SUMS[name](z) for z in (FUNCTIONS["batch"](w, x, y), y))
        return of_batch + of_argument * SUMS[name]((y - w[0]) ** 2 / 3)

    f = value_and_grad(of_arguments, (0, 2))
    compiled = jit(f, backend=backend)
    for length in (80, 100):
        found, wanted = flatten(compiled(*draw(length)))[0], flatten(f(*draw(length)))[0]
        assert found == pytest.approx(wanted, rel=1e-10)
    assert [program.lengths for program in compiled.variants] == [(80,)]
    want = jit(f, backend=backend)(*draw(9))
    assert is_same(compiled(*draw(9)), want), "whatever was called before"


@pytest.mark.parametrize("special", [1e300, -np.inf, np.inf, np.nan])
def test_logsumexp_of_a_batch_whose_numbers_are_large_or_none(special):
    f = value_and_grad(lambda w, x: logsumexp(vmap(lambda x: w[0] * x)(x)))
    compiled = [jit(f, backend=backend) for backend in AVAILABLE]
    for length in (64, 65, 73, 200):
        _, _, numbers = draw(length)
        for place in (0, length - 1):
            numbers[place] = special
            value, (slope, *_) = f(WEIGHTS, numbers)
            for each in compiled:
                assert each(WEIGHTS, numbers)[0] == pytest.approx(value, rel=1e-13, nan_ok=True)
                assert each(WEIGHTS, numbers)[1][0] == pytest.approx(slope, rel=1e-13, nan_ok=True)
    assert {len(each.variants[0].statements) for each in compiled} == {
        len(compiled[0].variants[0].statements)
    }


def add_rows(xs):
    so_far, count = 0, 0
    for x in xs:
        so_far, count = so_far + x, count + 1
    return so_far / count


TAKEN_APART = {
    "a row": lambda w, x, y: x[5][0] * w[0],
    "rows one by one": lambda w, x, y: sum(w[0] * each[1] for each in x),
    "rows added by itself": lambda w, x, y: add_rows(vmap(lambda x: x[0] * w[0])(x)),
    "rows that are counted": lambda w, x, y: w[0] * len([*vmap(lambda x: x[0] * w[0])(x)]),
    "rows that others add": lambda w, x, y: reduce(
        lambda a, b: (a + b) * w[0], vmap(lambda x: x[0] * w[0])(x), 0
    ),
    "the sum of some rows": lambda w, x, y: sum(vmap(lambda x: x[0] * w[0])(x), w[1]),
    "the sum of what rows give": lambda w, x, y: sum(
        map(partial(operator.add, 0), vmap(lambda x: x[0] * w[0])(x))
    ),
    "rows that others add 0 to": lambda w, x, y: (
        w[0] * len([*map(partial(operator.add, 0), vmap(lambda x: x[0])(x))])
    ),
    "sums of the first rows": lambda w, x, y: [
        *accumulate(vmap(lambda x: x[0] * w[0])(x), initial=0)
    ][1:],
    "the sum of two rows": lambda w, x, y: sum(islice(vmap(lambda x: x[0] * w[0])(x), 2)),
    "the larger of two rows": lambda w, x, y: max(islice(vmap(lambda x: x[0] * w[0])(x), 2)),
    "rows in order": lambda w, x, y: sorted(vmap(lambda x: x[0] * w[0])(x))[:2],
    "the row nearest to 0": lambda w, x, y: min(vmap(lambda x: x[0] * w[0])(x), key=abs),
    "the sum of rows": lambda w, x, y: sum(vmap(lambda x: x)(x))[0] * w[0],
    "functions of NumPy": lambda w, x, y: np.sum(np.cumsum(y) * w[1]),
    "functions of NumPy that compare": lambda w, x, y: np.sum(np.maximum(y, w[1])),
    "functions of NumPy with options": lambda w, x, y: np.sum(np.add(y, w[1], dtype=object)),
    "functions of NumPy on two axes": lambda w, x, y: np.ones(len(y)) @ y * w[1],
    "reductions of NumPy's functions": lambda w, x, y: np.multiply.reduce(y + w[1]),
    "a sum along an axis": lambda w, x, y: w[0] * vmap(lambda x: x)(x).sum(axis=1),
    "a row of a result": lambda w, x, y: vmap(lambda x: x[0] * w[0])(x)[3],
    "another axis": lambda w, x, y: total(vmap(lambda column: column[2] * w[0], 1)(x)),
    "samples within samples": lambda w, x, y: total(
        vmap(lambda a: total(vmap(lambda b: w[0] * a * b)(y[:3])))(y)
    ),
    "samples from elsewhere": lambda w, x, y: total(
        vmap(lambda x, z: w[0] * x[0] * z)(x, DRAWN[:70, 1])
    ),
    "a derivative by rows": lambda w, x, y: jacobian(vmap(lambda y: y * y * w[0]))(y[:9]),
    "all derivatives by rows": lambda w, x, y: jacobian(lambda y: total(vmap(exp)(y)))(y),
}


@pytest.mark.parametrize("name", TAKEN_APART)
def test_what_needs_rows_takes_arrays_apart_and_remembers_that(name):
    calls = []

    def f(*args):
        calls.append(args)
        return TAKEN_APART[name](*args)

    compiled, args = jit(f), draw(70)
    want = TAKEN_APART[name](*args)
    for _ in range(2):
        got, structure = flatten(compiled(*args))
        assert structure == flatten(want)[1]
        assert got == pytest.approx(flatten(want)[0], rel=1e-13)
    calls.clear()
    compiled(*(args if name == "samples from elsewhere" else draw(75)))
    assert len(calls) < 3, "traced, and looked at again, since it counts; nothing is tried"


@pytest.mark.parametrize("backend", AVAILABLE)
def test_arrays_stay_whole_beside_one_whose_rows_are_used(backend):
    def of_layer(w, x):
        return total(tanh(dot(row, x)) for row in w)

    def f(layer, points, labels, others, more):
        losses = vmap(lambda x, y: (of_layer(layer, x) - y) ** 2)(points, labels)
        pairs = vmap(lambda x: total(vmap(lambda other: tanh(other * x[0]))(more)))(points)
        return mean(losses) + vmap(lambda x: x * x)(others)[5] + mean(pairs)

    layer, (_, points, labels) = DRAWN[:70, :2], draw(100)
    compiled, wanted = jit(value_and_grad(f), backend=backend), value_and_grad(f)
    for n in (100, 9):
        args = layer, points[:n], labels[:n], DRAWN[:80, 2], DRAWN[:90, 1]
        (value, slopes), (number, others) = compiled(*args), wanted(*args)
        assert value == pytest.approx(number, rel=1e-12)
        assert slopes == pytest.approx(others, rel=1e-12)
    assert [program.lengths for program in compiled.variants] == [(100,)]


def test_many_rows_are_not_taken_one_by_one_in_silence(monkeypatch):
    monkeypatch.setattr(arguments, "MANY_ROWS", 80)
    w, points, _ = draw(80)
    scale = lambda w, x: vmap(lambda x: w[0] * x[0])(x)  # noqa: E731 — read in one line
    for f, args in (
        (lambda w: scale(w, points)[7], [w]),
        (lambda w, x: scale(w, x)[7], [w, points]),
    ):
        compiled = jit(f)
        with pytest.warns(RuntimeWarning, match="<lambda> takes 80 rows one by one, at .*.py"):
            compiled(*args)
        compiled(*args)
    jit(lambda w, x: total(w[0] * each[0] for each in x))(w, points)  # such as parameters are


def test_a_program_grows_with_what_is_computed_and_not_with_the_rows():
    few, many = (trace(value_and_grad(loss), *draw(n)) for n in (64, 1_000))
    assert few.statements == many.statements
    assert str(few) == str(many)
    compiled = jit(value_and_grad(loss))
    compiled(*draw(1_000))
    assert len(pickle.dumps(compiled)) < 4_000
    copied = pickle.loads(pickle.dumps(compiled))  # noqa: S301 — our own
    assert is_same(copied(*draw(9)), expected("gradient", 9))
    assert len(copied.variants) == 1


def test_how_it_is_printed():
    f = lambda w, x: mean(vmap(lambda x: x[0] * w)(x))  # noqa: E731 — its name is of no account
    assert str(trace(value_and_grad(f, (0, 1)), 2.0, DRAWN[:, :2])).splitlines() == [
        "program(w, x[n, 2])",
        "    for i in range(n):",
        "        v7 = x[i, 0] * w",
        "    v8 = sum(v7)",
        "    v9 = v8 / n",
        "    v10 = 1.0 / n",
        "    v11 = v10 * w",
        "    for i in range(n):",
        "        v12 = v10 * x[i, 0]",
        "    v13 = sum(v12)",
        "    return v9, v13, v11[:], 0.0[:]",
    ]


CHOICES = [max, min, np.max, np.min, lambda xs: reduce(max, xs)]


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("choose", CHOICES, ids=["max", "min", "np.max", "np.min", "reduce"])
@pytest.mark.filterwarnings("ignore:invalid value encountered in reduce")  # NumPy on nan
def test_the_largest_and_the_smallest_are_those_of_eager_calls_to_the_last_bit(choose, backend):
    def f(w, x):
        return choose(vmap(lambda x: w[0] * x)(x)) + 2.0 * choose(x)

    wanted, compiled = (value_and_grad(f, (0, 1)) for _ in range(2))
    compiled = jit(compiled, backend=backend)
    rng = np.random.default_rng(0)
    for special in ([0.0, -0.0], [1.0, np.nan], [np.inf, -np.inf], [-np.inf, np.nan], [3.0, 2.0]):
        numbers = rng.choice([*special, special[0]], size=rng.integers(64, 90))
        for places in ([], [0], [-1], [0, -1]):
            x = numbers.copy()
            x[places] = np.nan
            assert is_same(compiled([1.0], x), wanted([1.0], x)), (special, places)
    (program,) = compiled.variants
    assert len(program.statements) < 60

    def branch(x):
        return 1.0 if choose(vmap(lambda x: 2.0 * x)(x)) > 5.0 else 2.0

    assert jit(branch, backend=backend)(np.arange(80.0)) == branch(np.arange(80.0))
    few = compiled([1.0], numbers[:9]), wanted([1.0], numbers[:9])
    assert is_same(*few)
