"""`train`: a network for a CSV file, by gradient descent."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micrograd_gd.cli.messages import warn
from micrograd_gd.cli.run import Out, run
from micrograd_gd.data import Dataset, iris, read_csv
from micrograd_gd.errors import ArgumentError
from micrograd_gd.experiment import LOSS_TASKS, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT = Settings()


def train(
    data: Annotated[str, typer.Argument(help="iris, or the path of a CSV file with a header row.")],
    target: Annotated[
        str | None, typer.Option(help="Column to predict.", show_default="the last one")
    ] = None,
    hidden: Annotated[
        list[str] | None,
        typer.Option(help="Neurons of the hidden layers: 8, or 16,8.", show_default="8"),
    ] = None,
    activation: Annotated[
        str, typer.Option(help="Non-linearity of the hidden layers: relu, tanh, ...")
    ] = DEFAULT.activation,
    learning_rate: Annotated[
        float, typer.Option(help="What a step takes of the gradient.")
    ] = DEFAULT.learning_rate,
    epochs: Annotated[int, typer.Option(help="How often to go over the data.")] = DEFAULT.epochs,
    batch_size: Annotated[
        int, typer.Option(help="Rows for each step; as many as there are: full batch.")
    ] = DEFAULT.batch_size,
    test_fraction: Annotated[
        float, typer.Option(help="Share of the rows kept for the test.")
    ] = DEFAULT.test_fraction,
    task: Annotated[
        str, typer.Option(help="classes, numbers, or auto: text is classes, numbers are numbers.")
    ] = "auto",
    loss: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(LOSS_TASKS)}.", show_default="cross_entropy or mse"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides split, start and order.")] = DEFAULT.seed,
    out: Out = Path("run"),
) -> None:
    """Train a neural network on a CSV file by gradient descent."""
    settings = Settings(
        hidden=_widths(hidden) if hidden else DEFAULT.hidden,
        activation=activation,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        test_fraction=test_fraction,
        loss=loss,
        seed=seed,
    )
    _check(settings)
    dataset = _dataset(data, target, task, loss)
    run(data, dataset, settings, out)


def _dataset(data: str, target: str | None, task: str, loss: str | None) -> Dataset:
    """The rows to learn from, the target read as the task says, or else the loss."""
    if task not in ("auto", "classes", "numbers"):
        raise ArgumentError(f"--task is {task!r}; expected classes, numbers or auto")
    if loss is not None and loss not in LOSS_TASKS:
        raise ArgumentError(f"--loss is {loss!r}; expected one of {', '.join(LOSS_TASKS)}")
    wanted = LOSS_TASKS[loss] if task == "auto" and loss is not None else task
    classes = None if wanted == "auto" else wanted == "classes"
    if data != "iris":
        dataset = read_csv(data, target, classes=classes)
    elif target in (None, "species") and classes is not False:
        dataset = iris()
    else:
        raise ArgumentError("iris has the target 'species', of classes; expected a CSV file of "
                            "your own for another target or task")  # fmt: skip
    if classes is None and dataset.class_names is None and _look_like_classes(dataset.targets):
        name = repr(dataset.target_name)
        warn(f"{name} holds a few whole numbers, taken as numbers; if they are names of classes, "
              f"add --task classes")  # fmt: skip
    return dataset


def _look_like_classes(targets: Sequence[float]) -> bool:
    return 1 < len(set(targets)) <= 5 and all(target == int(target) for target in targets)


def _widths(hidden: list[str]) -> tuple[int, ...]:
    try:
        widths = tuple(int(width) for given in hidden for width in given.split(","))
    except ValueError:
        widths = (0,)
    if min(widths) < 1:
        given = ",".join(hidden)
        raise ArgumentError(f"--hidden is {given!r}; expected whole numbers above 0, such as 16,8")
    return widths


def _check(settings: Settings) -> None:
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
