"""One function over many parts of the data, on whatever executor there is.

An executor is anything with `submit`, as those of `concurrent.futures`, loky, Dask and mpi4py have
it. None of it is needed for the sum: what is added to what follows from the positions of the parts
alone, so that the last bit depends neither on the executor nor on the number of workers.
"""

import hashlib
import pickle
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from typing import Any

from micrograd_gd.caches import cached_property
from micrograd_gd.errors import ArgumentError, ExecutorError, ShapeError
from micrograd_gd.progress import count, open_bar
from micrograd_gd.table.numbers import shorten

__all__ = ["over", "run_all"]

Function = Callable[..., Any]

MOST_AT_ONCE = 64  # parts that are under way, so that not all of the data waits in a queue
MOST_FUNCTIONS = 8  # that a worker keeps
MOST_NEW_EXECUTORS = 10  # in one pass, where workers die
NO_CHUNKS = "no chunks to add up; expected at least one"


class over:  # noqa: N801 — called as a function, and reads as one
    """Make the function whose result is the sum of f's results over all chunks.

    A chunk is an argument of f, or a tuple of several, or a function that loads one of these where
    it is called: in the worker, so that the data need not fit into one memory. They follow the
    arguments of a call. Results are numbers, arrays, or lists, tuples and dicts of them, such as
    `value_and_grad` gives.

    Where they are not known beforehand, `chunks` is a function that makes an iterator, or is a
    generator, anew for each pass.

    `executor` is None for this process, anything with `submit`, or a function that makes such a
    thing: then a new one takes over where a worker died. f travels to each worker once, by
    `cloudpickle` where that is installed, else by `pickle`. With `progress`, a bar counts the
    chunks; None shows it in a terminal and in a notebook, where tqdm is installed.

    Raises ArgumentError without chunks or for an iterator, which is empty after one pass;
    ExecutorError, which names the chunk, where a worker died; ShapeError for results that are not
    alike.

    >>> from micrograd_gd import value_and_grad
    >>> def squares(w, xs):
    ...     return sum((w * x - 1) ** 2 for x in xs)
    >>> total = over(value_and_grad(squares), [[1.0, 2.0], [3.0]])
    >>> total(0.5)
    (0.5, 2.0)
    """

    def __init__(
        self,
        f: Function,
        chunks: Sequence[Any] | Callable[[], Iterable[Any]],
        executor: Any = None,
        *,
        progress: bool | None = False,
    ) -> None:
        if not callable(f):
            raise ArgumentError(f"expected a function, but was given {shorten(f)}")
        if hasattr(chunks, "__next__"):
            raise ArgumentError(
                "the chunks are an iterator, which is empty after one pass; expected a list, of "
                "functions that load the data where it is too large for one memory, or the "
                "function that makes the iterator"
            )
        self.f, self.executor, self.progress = f, executor, progress
        self.chunks = chunks if callable(chunks) else [*chunks]
        if not self.chunks:
            raise ArgumentError(NO_CHUNKS)

    def __call__(self, *args: Any) -> Any:
        """The sum of f(*args, chunk) over the chunks."""
        chunks = self.chunks() if callable(self.chunks) else self.chunks
        packed = self._packed if self.executor is not None else None
        results = run_all(self.f, ((args, chunk) for chunk in chunks), self.executor, packed)
        total = len(chunks) if isinstance(chunks, list) else None
        with open_bar(self.progress, total=total, unit="chunk", leave=False) as bar:
            return _add_in_pairs(count(results, bar))

    @cached_property
    def _packed(self) -> bytes | None:
        return pack(self.f)

    def __repr__(self) -> str:
        where = "here" if self.executor is None else f"on {self.executor!r}"
        what = self.chunks if callable(self.chunks) else f"{len(self.chunks)} chunks"
        return f"over({self.f!r}, {what}, {where})"


def run_all(
    f: Function,
    jobs: Iterable[tuple[tuple[Any, ...], Any]],
    executor: Any = None,
    packed: bytes | None = None,
) -> Iterator[Any]:
    """The results of f(*args, chunk) for all jobs (args, chunk), in their order.

    `executor` is that of `over`; `packed` is f as `pack` gave it, where it is there already.
    """
    if executor is None:
        for i, (args, chunk) in enumerate(jobs):
            try:
                yield _call(f, args, chunk)
            except Exception as error:
                error.add_note(f"in chunk {i}")
                raise
        return
    yield from _Pass(f, executor, packed).run(jobs)


class _Pass:
    """One pass over the jobs: some of them are under way, and the oldest is waited for."""

    def __init__(self, f: Function, executor: Any, packed: bytes | None) -> None:
        self.f = f
        self.make = None if hasattr(executor, "submit") else executor
        if self.make is not None and not callable(self.make):
            raise ArgumentError(
                f"executor is {shorten(executor)}; expected something with `submit`, a function "
                f"that makes it, or None"
            )
        self.executor = self.make() if self.make else executor
        self.made = 1
        is_here = isinstance(self.executor, ThreadPoolExecutor)
        self.payload = None if is_here else packed or pack(f)
        self.key = hashlib.sha256(self.payload).digest() if self.payload else None

    def run(self, jobs: Iterable[tuple[tuple[Any, ...], Any]]) -> Iterator[Any]:
        under_way: deque[tuple[int, Any, Any]] = deque()
        try:
            for i, job in enumerate(jobs):
                under_way.append((i, job, self._submit(i, job)))
                if len(under_way) == MOST_AT_ONCE:
                    yield self._finish(under_way)
            while under_way:
                yield self._finish(under_way)
        finally:
            for _, _, future in under_way:
                future.cancel()
            if self.make:
                self.executor.shutdown(wait=False)

    def _submit(self, i: int, job: Any, *, whole: bool = False) -> Any:
        try:
            if self.key is None:
                return self.executor.submit(_call, self.f, *job)
            return self.executor.submit(_work, self.key, self.payload if whole else None, *job)
        except BrokenExecutor as error:
            if not self.make:
                raise _lost(i, error) from error
            lost: Future[Any] = Future()
            lost.set_exception(error)
            return lost

    def _finish(self, under_way: deque[tuple[int, Any, Any]]) -> Any:
        """The result of the oldest."""
        i, job, future = under_way.popleft()
        while True:
            try:
                result = future.result()
            except BrokenExecutor as error:
                if not self.make or self.made > MOST_NEW_EXECUTORS:
                    raise _lost(i, error) from error
                self._start_anew(under_way)
                future = self._submit(i, job, whole=True)
            except Exception as error:
                error.add_note(f"in chunk {i}")
                raise
            else:
                if not isinstance(result, _Unknown):
                    return result
                future = self._submit(i, job, whole=True)

    def _start_anew(self, under_way: deque[tuple[int, Any, Any]]) -> None:
        """Another executor computes what this one has not finished."""
        self.executor.shutdown(wait=False)
        self.executor = self.make()  # type: ignore[misc]  # it is asked only where there is one
        self.made += 1
        waiting = [*under_way]
        under_way.clear()
        for i, job, future in waiting:
            is_there = future.done() and not future.cancelled() and future.exception() is None
            under_way.append((i, job, future if is_there else self._submit(i, job)))


def _lost(i: int, error: BaseException) -> ExecutorError:
    return ExecutorError(
        f"chunk {i} was lost, as the executor broke while it was under way: {error}. Nothing of "
        f"this pass counts; give a function that makes the executor, and another one takes over"
    )


def pack(f: Function) -> bytes | None:
    """The function as bytes; None for one that only the executor may know how to send.

    Workers of some executors have no `__main__` of ours: cloudpickle, which these bring along,
    writes a function from there whole.
    """
    try:
        import cloudpickle  # noqa: PLC0415 — where it is installed
    except ModuleNotFoundError:
        dump = pickle.dumps
    else:
        dump = cloudpickle.dumps
    try:
        return dump(f)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None


# In the worker.


class _Unknown:
    """Says that this worker does not have the function."""


_functions: OrderedDict[bytes, Function] = OrderedDict()


def _work(key: bytes, payload: bytes | None, args: tuple[Any, ...], chunk: Any) -> Any:
    f = _functions.get(key)
    if f is None:
        if payload is None:
            return _Unknown()
        f = _functions[key] = pickle.loads(payload)  # noqa: S301 — from the one who called us
        while len(_functions) > MOST_FUNCTIONS:
            _functions.popitem(last=False)
    return _call(f, args, chunk)


def _call(f: Function, args: tuple[Any, ...], chunk: Any) -> Any:
    if callable(chunk):
        chunk = chunk()
    return f(*args, *chunk) if type(chunk) is tuple else f(*args, chunk)


# Sums.


def _add_in_pairs(results: Iterator[Any]) -> Any:
    """The sum, as of a knockout tournament: few are held at a time, and errors grow slowly."""
    held: list[tuple[int, Any]] = []  # sums of 2^k results each, with the k, ever fewer
    for result in results:
        k, total = 0, result
        while held and held[-1][0] == k:
            total = _add(held.pop()[1], total)
            k += 1
        held.append((k, total))
    if not held:
        raise ArgumentError(NO_CHUNKS)
    _, total = held.pop()
    while held:
        total = _add(held.pop()[1], total)
    return total


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return {key: _add(x, b[key]) for key, x in a.items()}
    if isinstance(a, (list, tuple)) and type(a) is type(b) and len(a) == len(b):
        parts = [_add(x, y) for x, y in zip(a, b, strict=True)]
        return type(a)(*parts) if hasattr(a, "_fields") else type(a)(parts)
    is_alike = getattr(a, "shape", ()) == getattr(b, "shape", ())
    if isinstance(a, (dict, list, tuple)) or isinstance(b, (dict, list, tuple)) or not is_alike:
        raise ShapeError(f"the results of two chunks are not alike: {shorten(a)} and {shorten(b)}")
    return a + b
