"""Sums over chunks: the same bits on every executor, and nothing lost or counted twice."""

import io
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import jit, sweep_learning_rates, value_and_grad, vmap
from micrograd_gd.errors import ArgumentError, ExecutorError, ShapeError
from micrograd_gd.scale import over

FORK = partial(ProcessPoolExecutor, 2, multiprocessing.get_context("fork"))


def distance(w, x, y):
    return (w[0] * x[0] + w[1] * x[1] - y) ** 2


def loss(w, xs, ys):
    return vmap(distance, in_axes=(None, 0, 0))(w, xs, ys).sum()


def load(i):
    """A chunk of the data: points around a plane."""
    random = np.random.default_rng(i)
    xs = random.normal(size=(100, 2))
    return xs, xs @ [1.0, 2.0] + random.normal(size=100)


def load_once_in_vain(folder, i):
    """A chunk whose worker dies at the first try."""
    if not (folder / str(i)).exists():
        (folder / str(i)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return load(i)


gradient = jit(value_and_grad(loss))
CHUNKS = [partial(load, i) for i in range(7)]
W = np.array([0.5, 0.5])


def bits(result):
    value, slopes = result
    return value.hex(), [float(x).hex() for x in slopes]


def test_the_sum_is_that_of_all_data():
    value, slopes = over(gradient, CHUNKS)(W)
    xs, ys = (np.concatenate(parts) for parts in zip(*[chunk() for chunk in CHUNKS], strict=True))
    residuals = xs @ W - ys
    assert value == pytest.approx(residuals @ residuals, rel=1e-13)
    np.testing.assert_allclose(slopes, 2 * residuals @ xs, rtol=1e-12)


@pytest.mark.parametrize(
    "make", [partial(ThreadPoolExecutor, 2), FORK, partial(ProcessPoolExecutor, 1)]
)
def test_every_executor_gives_the_same_bits(make):
    expected = bits(over(gradient, CHUNKS)(W))
    with make() as executor:
        total = over(gradient, CHUNKS, executor)
        assert bits(total(W)) == bits(total(W)) == expected
    assert bits(over(gradient, CHUNKS, make)(W)) == expected


def same(w, x):
    return w + x


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=130))
def test_everything_is_counted_once(numbers):
    parts = [{"sum": float(x), "rest": [np.array([x, 2.0]), (1,)]} for x in numbers]
    found = over(lambda w, part: part, parts)(0.0)
    assert found["sum"] == sum(numbers)  # exact in floats
    assert [*found["rest"][0]] == [sum(numbers), 2.0 * len(numbers)]
    assert found["rest"][1] == (len(numbers),)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_the_sum_in_pairs_is_close(numbers):
    exact = sum(map(Fraction, numbers))
    size = sum(abs(Fraction(x)) for x in numbers)
    assert abs(Fraction(over(same, numbers)(0.0)) - exact) <= Fraction(9, 2**53) * size


def test_where_workers_die_another_executor_takes_over(tmp_path):
    dying = [partial(load_once_in_vain, tmp_path, i) for i in (0, 3)]
    total = over(gradient, [*CHUNKS[:3], *dying, *CHUNKS[3:]], FORK)
    twice = over(gradient, [*CHUNKS[:3], CHUNKS[0], CHUNKS[3], *CHUNKS[3:]])
    assert bits(total(W)) == bits(twice(W))


def test_where_none_can_take_over_the_chunk_is_named(tmp_path):
    with FORK() as executor:
        total = over(gradient, [CHUNKS[0], partial(load_once_in_vain, tmp_path, 1)], executor)
        with pytest.raises(ExecutorError, match=r"chunk [01] was lost.*a function that makes the"):
            total(W)
    with pytest.raises(ExecutorError, match="chunk 0 was lost"):  # it dies again and again
        over(gradient, [partial(os._exit, 1)] * 2, FORK)(W)


def test_an_error_names_its_chunk():
    for executor in (None, ThreadPoolExecutor(2)):
        with pytest.raises(ZeroDivisionError) as raised:
            over(lambda w, x: w / x, [1.0, 2.0, 0.0, 3.0], executor)(1.0)
        assert raised.value.__notes__ == ["in chunk 2"]


class Counting:
    """An executor that counts the bytes of the functions that it sends."""

    def __init__(self, inner):
        self.inner, self.payloads = inner, []

    def submit(self, work, *args):
        self.payloads += [arg for arg in args if isinstance(arg, bytes) and len(arg) > 32]
        return self.inner.submit(work, *args)


def test_the_function_travels_once():
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as inner:
        executor = Counting(inner)
        total = over(partial(same, 0.25), [*range(100)], executor)
        assert total() == total() == sum(range(100)) + 25
    assert 1 <= len(executor.payloads) <= 64  # what was under way before it had arrived


def test_a_function_makes_the_chunks_anew_for_each_pass():
    def numbers():
        yield from (1.0, 2.0, 3.0)

    total = over(same, numbers)
    assert total(0.5) == total(0.5) == 7.5
    with pytest.raises(ArgumentError, match="no chunks"):
        over(same, lambda: iter([]))(1.0)


def test_a_bar_counts_the_chunks(monkeypatch):
    pytest.importorskip("tqdm", reason="the extra progress is not installed")
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", stream)
    over(same, [1.0, 2.0, 3.0])(0.0)
    assert stream.getvalue() == ""
    over(same, [1.0, 2.0, 3.0], progress=True)(0.0)
    assert "0/3" in stream.getvalue()


def test_what_is_no_data_is_refused():
    with pytest.raises(ArgumentError, match="an iterator, which is empty after one pass"):
        over(same, iter([1.0]))
    with pytest.raises(ArgumentError, match="no chunks"):
        over(same, [])
    with pytest.raises(ArgumentError, match="expected a function"):
        over(3.0, [1.0])
    with pytest.raises(ArgumentError, match="executor is 3; expected something with `submit`"):
        over(same, [1.0], 3)(1.0)
    with pytest.raises(ShapeError, match="results of two chunks are not alike"):
        over(lambda w, x: x, [1.0, [1.0]])(1.0)
    with pytest.raises(ShapeError, match="results of two chunks are not alike"):
        over(lambda w, x: np.ones(x), [2, 3])(1.0)


def parabola(w):
    return (w - 3) ** 2


def test_a_sweep_runs_on_workers():
    rates = [0.01, 0.1, 0.9, 1.1]
    alone = sweep_learning_rates(parabola, 0.0, rates, max_steps=40)
    for make in (FORK, partial(ThreadPoolExecutor, 2)):
        found = sweep_learning_rates(parabola, 0.0, rates, max_steps=40, executor=make)
        assert str(found) == str(alone)
        for here, there in zip(alone, found, strict=True):
            assert here.descent.parameters == there.descent.parameters
