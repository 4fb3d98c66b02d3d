"""One training, from a data set to a model with figures: what `train` and `demo` do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from micrograd_gd.core.blocks import no_grad
from micrograd_gd.data import Dataset, Scaling, standardize, train_test_split
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.losses import LOSSES
from micrograd_gd.nn import MLP
from micrograd_gd.optim import OPTIMIZERS
from micrograd_gd.training.callbacks import EarlyStopping
from micrograd_gd.training.evaluation import Evaluation
from micrograd_gd.training.fit import fit
from micrograd_gd.training.history import History
from micrograd_gd.training.predictor import Predictor
from micrograd_gd.training.samples import COMPILED_FROM

Task = Literal["classes", "numbers"]

LARGEST = 1_000_000  # parameters; beyond, a scalar graph takes gigabytes
LARGEST_COMPILED = 100_000  # parameters, for which a program takes 12 s of a core and 700 MB
HELD_OUT = 0.1  # of the rows to train on, for early stopping
SMALL = 60  # a prediction of up to so many nodes is drawn whole

# The task that a loss is for; the first of each task is its default.
LOSS_TASKS: dict[str, Task] = {
    "cross_entropy": "classes",
    "binary_cross_entropy": "classes",
    "hinge": "classes",
    "mse": "numbers",
    "mae": "numbers",
    "huber": "numbers",
}


@dataclass(frozen=True)
class Settings:
    """How to train; each field is the option of the command line with the same name."""

    hidden: tuple[int, ...] = (8,)
    activation: str = "relu"
    learning_rate: float = 0.1
    epochs: int = 200
    batch_size: int = 16
    optimizer: str = "gradient_descent"
    weight_decay: float = 0.0
    early_stopping: int = 0
    test_fraction: float = 0.25
    loss: str | None = None
    seed: int = 0


class Experiment:
    """A data set, split and scaled, and a fresh network to train on it.

    A target of classes is learned by one output for each class, or by a single output where the
    loss is for two. A target of numbers is standardised like the inputs. With early stopping, a
    tenth of the rows to train on is held out for validation.

    Raises ArgumentError where the target leaves nothing to learn or the loss is for other targets.

    >>> from micrograd_gd.data import moons
    >>> experiment = Experiment(moons(40, seed=0), Settings(epochs=5))
    >>> experiment.run().status
    'completed'
    """

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        self.dataset, self.settings = dataset, settings
        task: Task = "numbers" if dataset.class_names is None else "classes"
        self.loss = settings.loss or next(loss for loss, its in LOSS_TASKS.items() if its == task)
        _check_target(dataset, self.loss, task)
        self.train = dataset
        self.test = self.validation = None  # where all rows are for the training
        if settings.test_fraction:
            fraction = settings.test_fraction
            cause = f"--test-fraction {fraction:g}"
            self.train, self.test = _split(dataset, fraction, settings.seed, cause)
        if settings.early_stopping:
            cause = "--early-stopping, which holds a tenth out,"
            self.train, self.validation = _split(self.train, HELD_OUT, settings.seed, cause)
        classes = len(dataset.class_names or ())
        outputs = classes if self.loss == "cross_entropy" else 1
        widths = [*settings.hidden, outputs]
        width = len(dataset.feature_names)
        size = sum((before + 1) * after for before, after in pairwise([width, *widths]))
        if size > LARGEST:
            raise ArgumentError(
                f"the network would have {size:,} parameters, and {LARGEST:,} are as many as one "
                f"machine trains in a reasonable time: choose fewer or smaller hidden layers"
            )
        network = MLP(width, widths, settings.activation, seed=settings.seed)
        targets = [[float(target)] for target in self.train.targets]
        self.predictor = Predictor(
            network,
            standardize(self.train.inputs),
            None if classes else standardize(targets),
            dataset.feature_names,
            dataset.target_name,
            dataset.class_names,
            dataset.recipe,
        )

    def run(
        self, *callbacks: Callable[[History], Any], resume: Mapping[str, Any] | None = None
    ) -> History:
        """Train the network, from a state on if there is one; each callback sees every row."""
        settings, network = self.settings, self.predictor.network
        held_out = self.validation or self.test
        stopping = [EarlyStopping(settings.early_stopping)] if settings.early_stopping else []
        return fit(
            network,
            *self.samples(self.train),
            loss=self.loss,
            optimizer=OPTIMIZERS[settings.optimizer](
                network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
            ),
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            validation=self.samples(held_out) if held_out else None,
            seed=settings.seed,
            callbacks=[*stopping, *callbacks],
            resume=resume,
            progress=False,
            compiled=self._pays_to_compile(),
        )

    def _pays_to_compile(self) -> bool:
        """Whether programs are there, and save more time than it takes to make them."""
        is_long = len(self.train) * self.settings.epochs >= COMPILED_FROM
        if not is_long or len(self.predictor.network.parameters()) > LARGEST_COMPILED:
            return False
        try:
            import llvmlite  # noqa: F401, PLC0415 — the extra jit, without which steps are recorded
            import numpy as np  # noqa: F401, PLC0415 — as above
        except ImportError:
            return False
        return True

    @property
    def parts(self) -> dict[str, Dataset]:
        """The rows to learn from, to decide when to stop, and to test on, where there are any."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}

    def evaluate(self) -> dict[str, Evaluation]:
        """How good the answers to each part are, beside what is usual in the training."""
        evaluate = self.predictor.evaluate
        return {name: evaluate(part, self.train) for name, part in self.parts.items()}

    def measure(self, part: Dataset) -> float:
        """The loss over a part of the data."""
        inputs, targets = self.samples(part)
        with no_grad():
            return float(LOSSES[self.loss]([*map(self.predictor.network, inputs)], targets).data)

    @property
    def is_plane(self) -> bool:
        """Whether the classes lie in a plane, which can be drawn."""
        return len(self.dataset.feature_names) == 2 and self.dataset.class_names is not None

    def score(self, row: Sequence[float]) -> Any:
        """What the network gives for a row as it stands in the data."""
        (scaled,) = (self.predictor.scaling or _leave_unscaled(self.train))([row])
        return self.predictor.network(scaled)

    def example(self) -> tuple[Value, str]:
        """The graph of one prediction, backpropagated, or of one neuron if that is large.

        The root, and what it is in a few words. Parameters get names short enough for a picture.
        """
        predictor = self.predictor
        network = predictor.network
        names = predictor.feature_names or ()
        for depth, layer in enumerate(network.layers, 1):
            for place, neuron in enumerate(layer.neurons, 1):
                position = f"{depth}.{place}"
                sources = names if depth == 1 else [str(i + 1) for i in range(len(neuron.w))]
                neuron.b.label = f"b {position}"
                for weight, source in zip(neuron.w, sources, strict=True):
                    weight.label = f"w {position} {source}"
        (row,) = self.samples(self.test or self.train)[0][:1]
        inputs = [Value(x, name) for x, name in zip(row, names, strict=True)]
        outputs = network(inputs)
        if isinstance(outputs, list):
            scores = [output.data for output in outputs]
            decided = scores.index(max(scores))
            root, root_name = outputs[decided], f"score of {(predictor.class_names or ())[decided]}"
        else:
            root, root_name = outputs, predictor.target_name
        what = "one prediction"
        if len(root.nodes()) > SMALL:
            values = [neuron(inputs) for neuron in network.layers[0].neurons]
            place, root = max(enumerate(values, 1), key=lambda pair: abs(pair[1].data))
            root_name, what = f"neuron 1.{place}", "one neuron"
        root.label = root_name
        network.zero_grad()
        root.backward()
        return root, what

    def samples(self, part: Dataset) -> tuple[list[list[float]], list[float]]:
        """The rows as the network sees them, the targets as the loss does."""
        inputs = (self.predictor.scaling or _leave_unscaled(part))(part.inputs)
        targets = [float(target) for target in part.targets]
        if self.predictor.target_scaling is not None:
            targets = [x for (x,) in self.predictor.target_scaling([[t] for t in targets])]
        elif self.loss == "hinge":
            targets = [2 * t - 1 for t in targets]
        return inputs, targets


def _split(rows: Dataset, fraction: float, seed: int, cause: str) -> tuple[Dataset, Dataset]:
    """Two parts of the rows; ArgumentError, which names the cause, where one would be empty."""
    try:
        return train_test_split(rows, fraction, seed)
    except ArgumentError:
        message = f"{cause} leaves one of the two parts of {len(rows)} rows empty"
        raise ArgumentError(
            f"{message}; expected rows for both: add some, or change that"
        ) from None


def _leave_unscaled(part: Dataset) -> Scaling:
    width = len(part.feature_names)
    return Scaling((0.0,) * width, (1.0,) * width)


def _check_target(dataset: Dataset, loss: str, task: Task) -> None:
    name = repr(dataset.target_name)
    present: Sequence[Any] = sorted(set(dataset.targets))
    if len(present) == 1:
        names = dataset.class_names
        only = f"the number {present[0]}" if names is None else f"the class {names[present[0]]!r}"
        raise ArgumentError(
            f"the target {name} holds {only} only, in all {len(dataset)} rows; "
            f"expected two different ones or more: choose another target"
        )
    if loss not in LOSS_TASKS:
        raise ArgumentError(f"loss is {loss!r}; expected one of {', '.join(LOSS_TASKS)}")
    if LOSS_TASKS[loss] != task:
        fitting = ", ".join(known for known, its in LOSS_TASKS.items() if its == task)
        raise ArgumentError(f"the loss {loss}, while {name} holds {task}; expected {fitting}")
    if task == "classes" and loss != "cross_entropy" and len(present) != 2:
        count = f"{len(present)} classes in {name}"
        raise ArgumentError(f"the loss {loss} and {count}; expected two, or the loss cross_entropy")
