"""The options that the commands for training share, and what they mean."""

import math
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from micrograd_gd.cli.experiment import LOSS_TASKS, Settings
from micrograd_gd.data.csv_files import read_csv_file
from micrograd_gd.data.datasets import iris_file
from micrograd_gd.data.decisions import CHOICES, Reading, Table, check_reading, prepare
from micrograd_gd.errors import ArgumentError, ModelFileError
from micrograd_gd.optim import OPTIMIZERS
from micrograd_gd.persist import load
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.training.predictor import Predictor

DEFAULT = Settings()
ACTIVATIONS = [row.name for row in OPERATIONS.values() if row.is_unary]
RATES = {name: DEFAULT.learning_rate if name == DEFAULT.optimizer else 0.01 for name in OPTIMIZERS}

DATA = "iris, or a file with a header row: CSV, TSV, .gz, Parquet, Arrow; - is standard input."


def offer(what: str, words: Iterable[str], **more: Any) -> Any:
    """An option that takes one of these words, which the shell completes."""
    return typer.Option(help=what, autocompletion=lambda: [*words], **more)


Data = Annotated[str, typer.Argument(help=DATA)]
Target = Annotated[str | None, typer.Option(help="Column to predict.", show_default="the last one")]
Hidden = Annotated[
    list[str] | None,
    typer.Option(help="Neurons of the hidden layers: 8, or 16,8, or none.", show_default="8"),
]
Activation = Annotated[
    str,
    offer("Non-linearity of the hidden layers: relu, tanh, ...", ACTIVATIONS),
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--learning-rate",
        "--lr",
        help="What a step takes of the gradient.",
        show_default=f"{DEFAULT.learning_rate}; momentum and adam {RATES['adam']}",
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        help="How often to go over the data; with --resume, in all.",
        show_default=str(DEFAULT.epochs),
    ),
]
Optimizer = Annotated[str, offer(f"{', '.join(OPTIMIZERS)}.", OPTIMIZERS)]
WeightDecay = Annotated[
    float, typer.Option(help="What a step takes of each parameter, times the learning rate.")
]
EarlyStopping = Annotated[
    int | None,
    typer.Option(
        help="End after so many epochs without a lower loss on a tenth of the training rows, held "
        "out for that, and go back to the best.",
        show_default="never",
    ),
]
BatchSize = Annotated[
    int, typer.Option(help="Rows for each step; as many as there are: full batch.")
]
TestFraction = Annotated[float, typer.Option(help="Share of the rows kept for the test; 0: none.")]
Task = Annotated[
    str,
    offer("classes, numbers, or auto: text and few whole numbers are classes.", CHOICES["task"]),
]
Loss = Annotated[
    str | None,
    offer(f"{', '.join(LOSS_TASKS)}.", LOSS_TASKS, show_default="cross_entropy or mse"),
]
Features = Annotated[
    list[str] | None,
    typer.Option(help="Columns to learn from: a,b, or again and again.", show_default="all others"),
]
Drop = Annotated[
    list[str] | None, typer.Option(help="Columns to leave out.", show_default="what says nothing")
]
Missing = Annotated[
    str,
    offer("fill by the median, or drop the rows in which a value is missing.", CHOICES["missing"]),
]
Sep = Annotated[
    str | None, typer.Option(help="What stands between two cells.", show_default="recognized")
]
Decimal = Annotated[str, offer("The decimal mark: . or , or auto.", CHOICES["decimal"])]
Encoding = Annotated[
    str | None, typer.Option(help="Such as latin-1.", show_default="UTF-8, or UTF-16 by its mark")
]
Seed = Annotated[int, typer.Option(help="Decides split, start and order.")]


def read_table(data: str, reading: Reading, loss: str | None) -> Table:
    """The rows to learn from; the task, or else the loss, says how to read the target."""
    check_reading(reading)
    if loss is not None and loss not in LOSS_TASKS:
        raise ArgumentError(f"--loss is {loss!r}; expected one of {', '.join(LOSS_TASKS)}")
    if reading.task == "auto" and loss is not None:
        reading = replace(reading, task=LOSS_TASKS[loss])
    with ExitStack() as stack:
        path = stack.enter_context(iris_file()) if data == "iris" else data
        return prepare(read_csv_file(path, reading.sep, reading.encoding), reading)


def columns(given: list[str] | None) -> tuple[str, ...]:
    """The names of columns, as they were given on the command line."""
    return tuple(name for names in given or () for name in names.split(","))


def widths(hidden: list[str] | None) -> tuple[int, ...]:
    """The widths of the hidden layers, as they were given on the command line."""
    if not hidden:
        return DEFAULT.hidden
    if hidden == ["none"]:
        return ()
    try:
        found = tuple(int(width) for given in hidden for width in given.split(","))
    except ValueError:
        found = (0,)
    if min(found) < 1:
        given = ",".join(hidden)
        raise ArgumentError(f"--hidden is {given!r}; expected whole numbers above 0, such as 16,8")
    return found


def list_given(context: typer.Context) -> list[str]:
    """The names of the parameters that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]


def load_predictor(path: Path) -> Predictor:
    """The model that `train` wrote into a file; ModelFileError if something else is there."""
    loaded = load(path)
    if not isinstance(loaded, Predictor):
        raise ModelFileError(f"{path}: no predictor; expected a model that train wrote")
    return loaded


def require_rate(option: str, rate: float) -> None:
    """Raise ArgumentError unless a learning rate is finite and above 0."""
    if not 0 < rate < math.inf:
        raise ArgumentError(f"{option} is {rate:g}; expected a finite number above 0, such as 0.1")


def check(settings: Settings) -> Settings:
    """The settings, once each is known to be in its range."""
    rate, share, decay = settings.learning_rate, settings.test_fraction, settings.weight_decay
    require_rate("--learning-rate", rate)
    if not 0 <= share < 1:
        raise ArgumentError(f"--test-fraction is {share:g}; expected a number from 0 to below 1")
    if not 0 <= decay < math.inf:
        raise ArgumentError(f"--weight-decay is {decay:g}; expected a number, at least 0")
    if settings.optimizer not in OPTIMIZERS:
        known = ", ".join(OPTIMIZERS)
        raise ArgumentError(f"--optimizer is {settings.optimizer!r}; expected one of {known}")
    for option, least in (("epochs", 1), ("batch_size", 1), ("early_stopping", 0)):
        value = getattr(settings, option)
        if value < least:
            name = option.replace("_", "-")
            raise ArgumentError(f"--{name} is {value}; expected a whole number, at least {least}")
    return settings
