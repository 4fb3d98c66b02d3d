"""Samples that need not fit into one memory: a training over chunks, on any executor."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any

from micrograd_gd.compiler.specialization import Settings
from micrograd_gd.compiler.surroundings import look_around
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.names import missing_package
from micrograd_gd.optim import Optimizer
from micrograd_gd.scale import over, run_all
from micrograd_gd.table.numbers import shorten
from micrograd_gd.training.history import Figures
from micrograd_gd.training.samples import (
    CompiledStep,
    Measured,
    Source,
    compile_slopes,
    count_right,
    describe,
    draw_batches,
    read_rows,
    refuse_own,
    take_step,
)

EXPECTED = (
    "expected a tuple of inputs and targets, and of weights if there are any, or a function that "
    "loads them"
)


class Chunks(Source):
    """Samples in chunks, which are there one after the other, or where an executor works on them.

    A chunk is a tuple (inputs, targets) or (inputs, targets, weights), or a function that loads it;
    `chunks` is a list of them, or a function that makes an iterator anew for each pass. The loss is
    the mean over all samples, and so is one of your own taken to be.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[[Any, Any], Any],
        chunks: Any,
        executor: Any,
        trained: Sequence[Value],
        *,
        progress: bool | None = None,
    ) -> None:
        super().__init__(model, loss)
        if hasattr(chunks, "inputs") and hasattr(chunks, "targets"):
            raise TypeError("a data set left whole")  # which is answered with how to pass it
        if hasattr(chunks, "__next__"):
            raise ArgumentError(
                "the chunks are an iterator, which is empty after one pass, while a training makes "
                "one for every epoch; expected the function that makes it, or a list"
            )
        if not hasattr(chunks, "__iter__") and not callable(chunks):
            raise ArgumentError(
                f"without targets, the inputs are chunks, but came as {shorten(chunks)}; expected "
                f"a list of them, or a function that makes an iterator"
            )
        if not callable(chunks):
            for i, chunk in enumerate(chunks):
                if not (callable(chunk) or type(chunk) is tuple):
                    raise ArgumentError(
                        f"without targets, the inputs are chunks, and chunk {i} is "
                        f"{shorten(chunk)}; {EXPECTED}"
                    )
        self.chunks = chunks if callable(chunks) else [*chunks]
        self._executor, self._progress = executor, progress
        self._parameters = [*dict.fromkeys([*model.parameters(), *trained])]
        self._mean_weight = 0.0
        self._seen: Any = None
        self.look_again()

    def look_again(self) -> None:
        """Begin with new programs where the model or the loss see other numbers than before."""
        seen = look_around(self.model, self.loss).constants
        if seen != self._seen:
            self._of_chunk = _ChunkLoss(self.model, self.loss, self._parameters, self.is_right)
            self._total = over(self._of_chunk, self.chunks, self._executor, progress=self._progress)
            self._step = CompiledStep(self.model, self.loss, Settings())
            self._seen = seen

    def measure(self, *, recorded: bool = False) -> Figures:  # noqa: ARG002 — it always is
        """The loss over all samples and, where targets are classes, the accuracy."""
        count, weight, loss, right, slopes = self._total([x.data for x in self._parameters])
        if not weight > 0:
            raise ArgumentError("the weights of all chunks are 0; expected one above")
        self._mean_weight = weight / count
        self.measured = Measured(loss / weight, self._parameters, (slopes / weight).tolist())
        return describe(self.measured.data, right if self.is_right else None, count)

    def batches(self, size: int, order: Random | None) -> Iterator[Any]:
        """The arrays of the batches, none of which reaches beyond its chunk."""
        if not self._mean_weight:
            self.measure()
        chunks: Iterable[Any] = self.chunks() if callable(self.chunks) else [*self.chunks]
        if order is not None and isinstance(chunks, list):
            order.shuffle(chunks)
        for arrays in run_all(self._of_chunk.read, (((), chunk) for chunk in chunks)):
            for batch in draw_batches(len(arrays[0]), size, order):
                inputs, targets, *weights = (array[batch] for array in arrays)
                yield [inputs, targets, *[each / self._mean_weight for each in weights]]

    def step(self, optimizer: Optimizer, batch: list[Any]) -> None:
        """One step on a batch."""
        if not self._step(optimizer, *batch):
            (loss, _), gradient = self._of_chunk.slopes(*batch)
            take_step(optimizer, Measured(loss, self._parameters, gradient))


class _ChunkLoss:
    """What is added up over the chunks; it travels to the workers."""

    def __init__(
        self, model: Any, loss: Callable[[Any, Any], Any], parameters: list[Value], is_right: Any
    ) -> None:
        self.loss, self.parameters, self.has_classes = loss, parameters, is_right is not None
        self.slopes = compile_slopes(model, loss, parameters, Settings())

    def __call__(self, numbers: Sequence[float], *chunk: Any) -> tuple[Any, ...]:
        """Of a chunk: its rows, their weight, the sums of losses, right classes and slopes."""
        import numpy as np  # noqa: PLC0415 — as below

        arrays = self.read(*chunk)
        for parameter, x in zip(self.parameters, numbers, strict=True):
            parameter.data = x
        (loss, predictions), gradient = self.slopes(*arrays)
        count = len(arrays[0])
        weight = float(arrays[2].sum()) if len(arrays) == 3 else count
        right = count_right(self.loss, predictions, arrays[1]) if self.has_classes else 0
        return count, weight, count * loss, right, count * np.array(gradient)

    def read(self, *chunk: Any) -> list[Any]:
        """The arrays of a chunk, checked."""
        try:
            import numpy as np  # noqa: PLC0415 — only chunks need arrays
        except ModuleNotFoundError as error:
            raise missing_package(error.name, "a training over chunks") from None

        if len(chunk) not in (2, 3):
            came = chunk[0] if len(chunk) == 1 else chunk
            raise ArgumentError(f"a chunk is {shorten(came)}; {EXPECTED}")
        rows = [*read_rows("chunk", chunk[0], chunk[1]), *chunk[2:]]
        try:
            arrays = [np.asarray(x, float) for x in rows]
        except (TypeError, ValueError):
            raise ArgumentError(
                "a chunk came with what are no rows of numbers, all of one length; expected arrays"
            ) from None
        for weights in arrays[2:]:
            refuse_own(self.loss)
            is_right = weights.shape == arrays[1].shape[:1]
            if not (is_right and (weights >= 0).all() and (weights < np.inf).all()):
                raise ArgumentError(
                    f"the weights of a chunk are {shorten(chunk[2])}; expected a number of at "
                    f"least 0 for each of its {len(arrays[1])} samples"
                )
        return arrays
