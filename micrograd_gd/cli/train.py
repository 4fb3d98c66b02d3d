"""`train`: a network for a table, by gradient descent."""

from pathlib import Path
from typing import Annotated

import typer

from micrograd_gd.cli.experiment import Settings
from micrograd_gd.cli.options import (
    DATA,
    DEFAULT,
    RATES,
    Activation,
    BatchSize,
    Decimal,
    Drop,
    EarlyStopping,
    Encoding,
    Epochs,
    Features,
    Hidden,
    LearningRate,
    Loss,
    Missing,
    Optimizer,
    Seed,
    Sep,
    Target,
    Task,
    TestFraction,
    WeightDecay,
    check,
    columns,
    list_given,
    widths,
)
from micrograd_gd.cli.place import Force, folder, option
from micrograd_gd.cli.resume import Command, read_checkpoint
from micrograd_gd.cli.run import Seconds, run
from micrograd_gd.data.decisions import Reading
from micrograd_gd.errors import ArgumentError


def train(
    context: typer.Context,
    data: Annotated[str | None, typer.Argument(help=DATA)] = None,
    target: Target = None,
    features: Features = None,
    drop: Drop = None,
    missing: Missing = "fill",
    sep: Sep = None,
    decimal: Decimal = "auto",
    encoding: Encoding = None,
    hidden: Hidden = None,
    activation: Activation = DEFAULT.activation,
    optimizer: Optimizer = DEFAULT.optimizer,
    learning_rate: LearningRate = None,
    weight_decay: WeightDecay = DEFAULT.weight_decay,
    epochs: Epochs = None,
    early_stopping: EarlyStopping = None,
    batch_size: BatchSize = DEFAULT.batch_size,
    test_fraction: TestFraction = DEFAULT.test_fraction,
    task: Task = "auto",
    loss: Loss = None,
    seed: Seed = DEFAULT.seed,
    out: Annotated[Path | None, option("Folder for what is written.", "run")] = None,
    force: Force = False,  # noqa: FBT002 — a flag
    checkpoint_seconds: Seconds = 5.0,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a training that was interrupted, or of one that has ended and is to "
            "have more --epochs, or more patience by --early-stopping: go on with that."
        ),
    ] = None,
) -> None:
    """Train a neural network on a table by gradient descent."""
    if resume is not None:
        _check_alone(context)
        command, table, state = read_checkpoint(resume, epochs, early_stopping)
        place = folder(resume, "", force=True)
        run(command.data, table.dataset, command.settings, place, str(command),
            command.notes(table.dataset), state, checkpoint_seconds, table)  # fmt: skip
        return
    if data is None:
        raise ArgumentError("Missing argument 'DATA': expected iris, or the path of a CSV file")
    settings = Settings(
        hidden=widths(hidden),
        activation=activation,
        learning_rate=RATES.get(optimizer, 1.0) if learning_rate is None else learning_rate,
        epochs=DEFAULT.epochs if epochs is None else epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        weight_decay=weight_decay,
        early_stopping=DEFAULT.early_stopping if early_stopping is None else early_stopping,
        test_fraction=test_fraction,
        loss=loss,
        seed=seed,
    )
    reading = Reading(
        target, columns(features), columns(drop), missing, sep, decimal, encoding, task
    )
    command = Command(data, reading, check(settings))
    table = command.read()
    place = folder(out, "run", force=force)
    run(data, table.dataset, settings, place, str(command), command.notes(table.dataset), None,
        checkpoint_seconds, table)  # fmt: skip


def _check_alone(context: typer.Context) -> None:
    """Refuse data and settings beside `--resume`: the checkpoint knows them."""
    for name in list_given(context):
        if name not in {"resume", "epochs", "early_stopping", "checkpoint_seconds"}:
            given = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise ArgumentError(
                f"{given} beside --resume, which goes on with the data and the settings that the "
                f"training began with; expected one of the two"
            )
