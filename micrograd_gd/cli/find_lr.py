"""`find-lr`: a learning rate that suits a network and its data."""

import math
from random import Random
from typing import Annotated

import typer

from micrograd_gd.cli import printing
from micrograd_gd.cli.experiment import Experiment, Settings
from micrograd_gd.cli.messages import say
from micrograd_gd.cli.options import (
    DEFAULT,
    Activation,
    BatchSize,
    Data,
    Decimal,
    Drop,
    Encoding,
    Features,
    Hidden,
    Loss,
    Missing,
    Seed,
    Sep,
    Target,
    Task,
    TestFraction,
    check,
    columns,
    read_table,
    require_rate,
    widths,
)
from micrograd_gd.cli.picture import Picture, draw, require_picture
from micrograd_gd.cli.place import Force
from micrograd_gd.cli.run import say_changes
from micrograd_gd.data.decisions import Reading
from micrograd_gd.descent.learning_rate import critical_learning_rate, find_learning_rate
from micrograd_gd.descent.objective import Objective
from micrograd_gd.errors import NonFiniteError
from micrograd_gd.viz import plot_learning_rates

MOST = 128  # training rows that are looked at; more would be slow, and say the same


def find_lr(
    data: Data,
    target: Target = None,
    features: Features = None,
    drop: Drop = None,
    missing: Missing = "fill",
    sep: Sep = None,
    decimal: Decimal = "auto",
    encoding: Encoding = None,
    hidden: Hidden = None,
    activation: Activation = DEFAULT.activation,
    test_fraction: TestFraction = DEFAULT.test_fraction,
    task: Task = "auto",
    loss: Loss = None,
    batch_size: BatchSize = DEFAULT.batch_size,
    seed: Seed = DEFAULT.seed,
    smallest: Annotated[float, typer.Option(help="The rate to start from.")] = 1e-6,
    largest: Annotated[float, typer.Option(help="The rate to end at, if not before.")] = 100.0,
    out: Picture = None,
    force: Force = False,  # noqa: FBT002 — a flag
) -> None:
    """Find a learning rate: start small, and slowly increase it."""
    require_picture(out, force=force)
    require_rate("--smallest", smallest)
    require_rate("--largest", largest)
    settings = check(
        Settings(
            hidden=widths(hidden),
            activation=activation,
            batch_size=batch_size,
            test_fraction=test_fraction,
            loss=loss,
            seed=seed,
        )
    )
    reading = Reading(
        target, columns(features), columns(drop), missing, sep, decimal, encoding, task
    )
    table = read_table(data, reading, loss)
    experiment = Experiment(table.dataset, settings)
    objective = _objective(experiment)
    rows = len(objective.inputs)
    size = printing.describe_batches(batch_size, rows)
    say_changes(table)
    say(f"{experiment.predictor.network!r}, {experiment.loss} of {rows} rows of {data}, {size}")
    curve = find_learning_rate(
        objective, smallest=smallest, largest=largest, seed=seed,
        batch_size=batch_size if batch_size < rows else None,
    )  # fmt: skip
    shown = range(0, len(curve.rates), max(1, len(curve.rates) // 16))
    lines = [(f"{curve.rates[i]:.2g}", f"{curve.losses[i]:.4g}") for i in shown]
    say("", *printing.align([("learning rate", "loss after the step"), *lines]))
    say("", f"suggestion      {printing.round_down(curve.suggestion)}, {curve.reason}")
    if not curve.has_risen:
        say(f"no rise         of the loss up to {curve.rates[-1]:.3g}, the last rate tried")
    say(
        f"critical rate   {_critical(objective)}: "
        f"2 / the largest curvature, beyond which steps grow"
    )
    if out is not None:
        draw(out, plot_learning_rates, curve)


def _objective(experiment: Experiment) -> Objective:
    """The loss of the network on its training rows, or on some where there are many."""
    inputs, targets = experiment.samples(experiment.train)
    random = Random(experiment.settings.seed)  # noqa: S311 — rows, no secret
    rows = sorted(random.sample(range(len(inputs)), min(len(inputs), MOST)))
    network = experiment.predictor.network
    return Objective(
        network, [inputs[row] for row in rows], [targets[row] for row in rows], experiment.loss
    )


def _critical(objective: Objective) -> str:
    try:
        critical = critical_learning_rate(objective)
    except NonFiniteError:  # a second derivative
        return "not known at the start"
    return f"{critical:.3g} at the start" if critical < math.inf else "none at the start"
