"""The options that the commands for training share, and what they mean."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from micrograd_gd.cli.experiment import LOSS_TASKS, Settings
from micrograd_gd.cli.messages import warn
from micrograd_gd.data import Dataset, iris, read_csv
from micrograd_gd.errors import ArgumentError, ModelFileError
from micrograd_gd.persist import load
from micrograd_gd.training.predictor import Predictor

DEFAULT = Settings()

Data = Annotated[str, typer.Argument(help="iris, or the path of a CSV file with a header row.")]
Target = Annotated[str | None, typer.Option(help="Column to predict.", show_default="the last one")]
Hidden = Annotated[
    list[str] | None,
    typer.Option(help="Neurons of the hidden layers: 8, or 16,8.", show_default="8"),
]
Activation = Annotated[
    str, typer.Option(help="Non-linearity of the hidden layers: relu, tanh, ...")
]
BatchSize = Annotated[
    int, typer.Option(help="Rows for each step; as many as there are: full batch.")
]
TestFraction = Annotated[float, typer.Option(help="Share of the rows kept for the test.")]
Task = Annotated[
    str, typer.Option(help="classes, numbers, or auto: text is classes, numbers are numbers.")
]
Loss = Annotated[
    str | None,
    typer.Option(help=f"{', '.join(LOSS_TASKS)}.", show_default="cross_entropy or mse"),
]
Seed = Annotated[int, typer.Option(help="Decides split, start and order.")]


def dataset(data: str, target: str | None, task: str, loss: str | None) -> Dataset:
    """The rows to learn from; the task, or else the loss, says how to read the target."""
    if task not in ("auto", "classes", "numbers"):
        raise ArgumentError(f"--task is {task!r}; expected classes, numbers or auto")
    if loss is not None and loss not in LOSS_TASKS:
        raise ArgumentError(f"--loss is {loss!r}; expected one of {', '.join(LOSS_TASKS)}")
    wanted = LOSS_TASKS[loss] if task == "auto" and loss is not None else task
    classes = None if wanted == "auto" else wanted == "classes"
    if data != "iris":
        found = read_csv(data, target, classes=classes)
    elif target in (None, "species") and classes is not False:
        found = iris()
    else:
        raise ArgumentError("iris has the target 'species', of classes; expected a CSV file of "
                            "your own for another target or task")  # fmt: skip
    if classes is None and found.class_names is None and _look_like_classes(found.targets):
        name = repr(found.target_name)
        warn(f"{name} holds a few whole numbers, taken as numbers; if they are names of classes, "
              f"add --task classes")  # fmt: skip
    return found


def _look_like_classes(targets: Sequence[float]) -> bool:
    return 1 < len(set(targets)) <= 5 and all(target == int(target) for target in targets)


def widths(hidden: list[str] | None) -> tuple[int, ...]:
    """The widths of the hidden layers, as they were given on the command line."""
    if not hidden:
        return DEFAULT.hidden
    try:
        found = tuple(int(width) for given in hidden for width in given.split(","))
    except ValueError:
        found = (0,)
    if min(found) < 1:
        given = ",".join(hidden)
        raise ArgumentError(f"--hidden is {given!r}; expected whole numbers above 0, such as 16,8")
    return found


def load_predictor(path: Path) -> Predictor:
    """The model that `train` wrote into a file; ModelFileError if something else is there."""
    loaded = load(path)
    if not isinstance(loaded, Predictor):
        raise ModelFileError(f"{path}: no predictor; expected a model that train wrote")
    return loaded


def check(settings: Settings) -> Settings:
    """The settings, once each is known to be in its range."""
    rate, share = settings.learning_rate, settings.test_fraction
    if not 0 < rate < math.inf:
        raise ArgumentError(f"--learning-rate is {rate:g}; expected a number above 0, such as 0.1")
    if not 0 < share < 1:
        raise ArgumentError(f"--test-fraction is {share:g}; expected a number between 0 and 1")
    for option in ("epochs", "batch_size"):
        value = getattr(settings, option)
        if value < 1:
            name = option.replace("_", "-")
            raise ArgumentError(f"--{name} is {value}; expected a whole number, at least 1")
    return settings
