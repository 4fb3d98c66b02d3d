"""A training over chunks is that on all samples, wherever the chunks are and whoever adds up."""

import io
import multiprocessing
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import MLP, data, fit, live
from micrograd_gd.errors import ArgumentError, DataError, NotANumberError, ShapeError
from micrograd_gd.functional import mean
from micrograd_gd.losses import LOSSES, mse
from micrograd_gd.optim import GradientDescent
from micrograd_gd.training.samples import _IS_RIGHT, count_right

FORK = partial(ProcessPoolExecutor, 2, multiprocessing.get_context("fork"))
GENERATOR = np.random.default_rng(0)
INPUTS = GENERATOR.normal(size=(300, 2))
CLASSES = (INPUTS[:, 0] > INPUTS[:, 1]).astype(float)
CHUNKS = [(INPUTS[i : i + 90], CLASSES[i : i + 90]) for i in range(0, 300, 90)]


def train(*args, **settings):
    model = MLP(2, [3, 1], "tanh", seed=0)
    settings = {"loss": "binary_cross_entropy", "epochs": 3, "progress": False, **settings}
    history = fit(model, *args, **settings)
    return history.rows, [parameter.data for parameter in model.parameters()]


@given(
    st.sampled_from(sorted(LOSSES)),
    st.lists(st.integers(1, 299), max_size=3, unique=True).map(sorted),
    st.sampled_from([None, 0.0, 2.0]),
    st.booleans(),
)
def test_a_training_over_chunks_is_that_on_all_samples(loss, cuts, first_weight, is_made):
    outputs = 2 if loss == "cross_entropy" else 1
    targets = 2 * CLASSES - 1 if loss == "hinge" else CLASSES
    columns = [INPUTS, targets]
    if first_weight is not None:
        columns.append(np.r_[first_weight, np.arange(1.0, 300.0)])
    chunks = [*zip(*(np.split(column, cuts) for column in columns), strict=True)]

    def train(*args, **more):
        model = MLP(2, outputs, seed=0)
        history = fit(model, *args, loss=loss, epochs=2, learning_rate=0.01, **more)
        assert history.status == "completed"
        return history, [parameter.data for parameter in model.parameters()]

    whole, expected = train(*columns[:2], compiled=True, sample_weight=[*columns[2:], None][0])
    parts, found = train((lambda: iter(chunks)) if is_made else chunks)
    assert found == pytest.approx(expected, rel=1e-11)
    for name in whole.rows[0]:
        assert parts.column(name) == pytest.approx(whole.column(name), rel=1e-11)


@pytest.mark.parametrize("make", [partial(ThreadPoolExecutor, 2), FORK])
def test_every_executor_gives_the_same_bits(make):
    expected = train(CHUNKS)
    assert train(CHUNKS, executor=make) == expected
    with make() as executor:
        assert train(lambda: iter(CHUNKS), executor=executor) == expected


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_one_chunk_are_those_of_its_samples(shuffle):
    settings = {"batch_size": 70, "seed": 1, "shuffle": shuffle, "epochs": 2}
    found, expected = train([(INPUTS, CLASSES)], **settings), train(
        INPUTS, CLASSES, compiled=True, **settings
    )  # fmt: skip
    assert found[1] == expected[1]


def test_batches_are_drawn_chunk_by_chunk():
    """The same by hand: chunks in a random order, and the rows of each; weights with the mean 1."""
    weights = np.arange(300.0) / 149.5
    chunks = [(*chunk, weights[i * 90 : (i + 1) * 90]) for i, chunk in enumerate(CHUNKS)]
    found = train(chunks, batch_size=70, seed=0, epochs=1)[1]
    model, order = MLP(2, [3, 1], "tanh", seed=0), Random(0)
    loss, optimizer = LOSSES["binary_cross_entropy"], GradientDescent(model.parameters(), 0.1)
    order.shuffle(chunks)
    for xs, ts, ws in chunks:
        rows = [*range(len(xs))]
        order.shuffle(rows)
        for batch in (rows[:70], rows[70:]):
            terms = [ws[i] * loss([model(xs[i])], [ts[i]]) for i in batch]
            if terms:
                optimizer.zero_grad()
                mean(terms).backward()
                optimizer.step()
    assert found == pytest.approx([parameter.data for parameter in model.parameters()], rel=1e-10)


@pytest.mark.parametrize("batch_size", [None, 50])
def test_few_chunks_are_there_at_a_time(batch_size):
    alive, most = [], []

    class Rows(np.ndarray):
        """An array that is counted."""

    def load(i):
        rows = CHUNKS[i % 4][0].view(Rows)
        alive.append(weakref.ref(rows))
        most.append(sum(each() is not None for each in alive))
        return rows, CHUNKS[i % 4][1]

    train([partial(load, i) for i in range(20)], batch_size=batch_size, epochs=1)
    assert max(most) <= 2


def test_a_training_over_chunks_is_resumed():
    expected = train(CHUNKS, batch_size=40, seed=3, epochs=4)
    model = MLP(2, [3, 1], "tanh", seed=0)
    settings = {"loss": "binary_cross_entropy", "batch_size": 40, "seed": 3}
    history = fit(model, CHUNKS, epochs=2, **settings)
    history = fit(model, CHUNKS, epochs=4, resume=history.training.state_dict(), **settings)
    assert (history.rows, [parameter.data for parameter in model.parameters()]) == expected


def own(predictions, targets):
    return mse(predictions, targets)


def test_a_loss_of_ones_own_is_the_mean_over_its_samples():
    assert train(CHUNKS, loss=own)[1] == pytest.approx(train(CHUNKS, loss="mse")[1], rel=1e-11)


@given(st.data())
def test_right_classes_are_counted_as_they_are_told(drawn):
    loss = drawn.draw(st.sampled_from(sorted(_IS_RIGHT)))
    outputs, count = drawn.draw(st.integers(1, 3)), drawn.draw(st.integers(1, 5))
    scores = st.lists(st.sampled_from([-1.0, 0.0, 2.0]), min_size=outputs, max_size=outputs)
    rows = drawn.draw(st.lists(scores, min_size=count, max_size=count))
    is_row = loss != "cross_entropy" and drawn.draw(st.booleans())
    target = st.sampled_from([0.0, 1.0])
    if is_row:
        target = st.lists(target, min_size=outputs, max_size=outputs)
    elif loss != "cross_entropy":
        rows = [row[0] for row in rows]
    targets = drawn.draw(st.lists(target, min_size=count, max_size=count))
    expected = sum(map(_IS_RIGHT[loss], rows, targets))
    columns = np.array(rows).T
    assert count_right(LOSSES[loss], [*columns], np.array(targets)) == expected


def test_progress_counts_the_chunks_of_each_pass(monkeypatch):
    pytest.importorskip("tqdm", reason="the extra progress is not installed")
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", stream)
    train(CHUNKS, progress=True)
    assert "chunk" in stream.getvalue()
    assert "3/3" in stream.getvalue()  # epochs


def test_parquet_files_are_read_in_parts(tmp_path):
    polars = pytest.importorskip("polars", reason="the extra tables is not installed")
    path = tmp_path / "points.parquet"
    columns = {"y": CLASSES > 0, "a": INPUTS[:, 0], "b": INPUTS[:, 1], "name": ["x"] * 300}
    polars.DataFrame(columns).write_parquet(path)
    chunks = data.read_chunks(path, "y", ["a", "b"], rows=90)
    for (inputs, targets), (xs, ts) in zip([chunk() for chunk in chunks], CHUNKS, strict=True):
        assert (inputs == xs).all()
        assert (targets == ts).all()
    assert train(chunks, executor=partial(ThreadPoolExecutor, 2)) == train(CHUNKS)
    with pytest.raises(DataError, match="column 'name': values of the type String; expected num"):
        data.read_chunks(path, "y")
    with pytest.raises(DataError, match="no column 'c'; expected one of 'y', 'a', 'b', 'name'"):
        data.read_chunks(path, "y", ["c"])
    with pytest.raises(DataError, match=r"none.parquet: cannot be read .*expected a Parquet file"):
        data.read_chunks(tmp_path / "none.parquet", "y")
    polars.DataFrame({"a": [1.0, None], "y": [0, 1]}).write_parquet(path)
    with pytest.raises(DataError, match="column 'a': nan in row 1; expected a finite number"):
        data.read_chunks(path, "y")[0]()
    polars.DataFrame({"a": [], "y": []}, {"a": float, "y": float}).write_parquet(path)
    with pytest.raises(DataError, match="no rows; expected at least one"):
        data.read_chunks(path, "y")


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        (iter(CHUNKS), ArgumentError, "an iterator, which is empty after one pass.*expected the f"),
        ([[1.0], [2.0]], ArgumentError, r"without targets, the inputs are chunks, and chunk 0 is"),
        (3, ArgumentError, "without targets, the inputs are chunks, but came as 3"),
        ([], ArgumentError, "no chunks"),
        (list, ArgumentError, "no chunks"),
        ([(INPUTS,)], ArgumentError, "a chunk is .*; expected a tuple of inputs and targets"),
        ([lambda: 3], ArgumentError, "a chunk is 3; expected a tuple of inputs and targets"),
        ([(INPUTS, CLASSES[:3])], ShapeError, "300 chunk inputs and 3 targets"),
        ([(INPUTS, 3)], NotANumberError, "the chunk targets came as int 3"),
        ([([{}], [1.0])], ArgumentError, "no rows of numbers, all of one length"),
        ([(INPUTS, CLASSES, -CLASSES)], ArgumentError, "the weights of a chunk are"),
        ([(INPUTS, CLASSES, 0 * CLASSES)], ArgumentError, "the weights of all chunks are 0"),
    ],
)
def test_what_is_no_chunk_is_refused(chunks, error, message):
    for batch_size in (None, 50):
        with pytest.raises(error, match=message):
            train(chunks, batch_size=batch_size)


def test_settings_that_do_not_fit_chunks_are_refused():
    weighted = [(*chunk, chunk[1]) for chunk in CHUNKS]
    with pytest.raises(ArgumentError, match="sample_weight beside chunks; expected it in them"):
        train(CHUNKS, sample_weight=[1.0])
    with pytest.raises(ArgumentError, match="an executor for samples in one memory"):
        train(INPUTS, CLASSES, executor=FORK)
    with pytest.raises(ArgumentError, match="sample_weight beside a loss of your own"):
        train(weighted, loss=own)
    history = fit(MLP(2, 1, seed=0), CHUNKS, epochs=1)
    with pytest.raises(ArgumentError, match="a training over chunks has no samples in memory"):
        live(history)
