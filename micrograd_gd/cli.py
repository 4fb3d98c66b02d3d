"""The command line: train on a CSV file, predict with what came out, look up operations.

Exit status: 0 done, 1 the training diverged, 2 the input is wrong, 130 interrupted. Answers go to
standard output; progress, warnings and errors, one line each, to standard error.
"""

from __future__ import annotations

import csv
import math
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from micrograd_gd import reports
from micrograd_gd._version import __version__
from micrograd_gd.data import Dataset, iris, moons, read_csv, read_features
from micrograd_gd.errors import ArgumentError, MicrogradError
from micrograd_gd.experiment import LOSS_TASKS, Experiment, Settings
from micrograd_gd.files import write_file
from micrograd_gd.ops import OPERATIONS, operation
from micrograd_gd.persist import load_model, save_model
from micrograd_gd.viz import draw_dot, plot_loss, render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_gd.training import History

PROGRAM = "micrograd-gd"

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Scalar autodiff and gradient descent: train on a CSV file, predict, look things up.",
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit; every expected mistake becomes one line on standard error."""
    try:
        status = app(arguments, prog_name=PROGRAM, standalone_mode=False) or 0
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of standard output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except (KeyboardInterrupt, typer.Abort):
        status = _complain("interrupted; nothing more was written", 130)
    except (MicrogradError, OSError) as error:
        status = _complain(_told(error), 2)
    except Exception as error:
        # Usage errors of click, which some versions of typer bring along under another name.
        if not hasattr(error, "format_message"):
            raise
        status = _complain(f"{error.format_message().rstrip('.')}. See {PROGRAM} --help.", 2)
    sys.exit(status)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 — typer calls it
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # noqa: FBT002 — a flag, and its callback acts on it
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say which version."),
    ] = False,
) -> None:
    """Take what is common to all commands."""


DEFAULT = Settings()
Out = Annotated[Path, typer.Option(help="Folder for what is written; made if it is not there.")]


@app.command()
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
    _train(data, dataset, settings, out)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="model.json, as train wrote it.")],
    data: Annotated[Path, typer.Argument(help="CSV file with the columns of the training.")],
) -> None:
    """Print a prediction for each row of a CSV file, as CSV."""
    predictor = load_model(model)
    if predictor.feature_names is None:
        raise ArgumentError(f"{model}: a model without feature names; expected one made by train")
    rows = read_features(data, predictor.feature_names)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([predictor.target_name])
    writer.writerows([answer] for answer in predictor.predict(rows))


@app.command()
def ops(
    name: Annotated[str | None, typer.Argument(help="One operation, to see all about it.")] = None,
) -> None:
    """List the operations: their derivatives and what they are."""
    if name is not None:
        for line in reports.row_in_full(operation(name)):
            typer.echo(line)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in reports.operation_table():
        typer.echo(reports.shortened(line, width) if width else line)
    typer.echo(f"\n{len(OPERATIONS)} operations; {PROGRAM} ops NAME shows one in full.")


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Decides data, start and order.")] = 0,
    out: Out = Path("run/demo"),
) -> None:
    """Train on two half moons, in seconds."""
    settings = Settings(hidden=(16,), learning_rate=0.5, epochs=60, batch_size=8, seed=seed)
    _train("moons", moons(100, noise=0.1, seed=seed), settings, out)


def _train(name: str, dataset: Dataset, settings: Settings, out: Path) -> None:
    """Train, print, and write what came out; exit 1 or 130 where it did not come to its end."""
    experiment = Experiment(dataset, settings)
    _prepare(out)
    for line in reports.outline(name, experiment):
        typer.echo(line)
    progress = _Progress(settings.epochs)
    history = experiment.run(progress)
    progress.end()
    diverged = history.status == "diverged"
    written = _written(experiment, history, out)
    if not diverged:
        for line in reports.report(experiment):
            typer.echo(line)
    if history.rows:
        written += _drawn(out / "loss.svg", lambda path: plot_loss(history, path))
    if not diverged:
        root, what = experiment.example()
        names = _drawn(out / "graph.svg", lambda path: render(draw_dot(root), path))
        written += [f"{name} ({what})" for name in names]
    typer.echo(f"\nwrote into {out}: {', '.join(written)}")
    _conclude(history, settings)


def _written(experiment: Experiment, history: History, out: Path) -> list[str]:
    """Write what may not be lost, and tell the names; a diverged run leaves no model."""
    history.to_csv(out / "history.csv")
    if history.status == "diverged":
        return ["history.csv"]
    save_model(out / "model.json", experiment.predictor)
    return ["model.json", "history.csv"]


def _conclude(history: History, settings: Settings) -> None:
    """Say what went wrong, if anything, and exit as that demands."""
    if history.status == "diverged":
        rate = settings.learning_rate
        if not history.rows:
            remedy = "no step was taken yet: try another --activation, and look at the data"
            raise typer.Exit(_complain(f"{history.message}; {remedy}", 1))
        remedy = f"try a smaller step, such as --learning-rate {rate / 10:g} instead of {rate:g}"
        raise typer.Exit(_complain(f"{history.message}; {remedy}", 1))
    if history.status == "interrupted":
        kept = f"the model written is the best so far, of epoch {history.best_epoch}"
        raise typer.Exit(_complain(f"{history.message}; {kept}", 130))
    losses = history.column("loss")
    if losses[-1] > losses[0]:
        _warn("the loss ended above where it began; try a smaller --learning-rate")


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
        _warn(f"{name} holds a few whole numbers, taken as numbers; if they are names of classes, "
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


def _prepare(out: Path) -> None:
    """Make the folder, and prove before training that it can be written to."""
    probe = out / f".{os.getpid()}.probe"
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_file(probe, b"")
        probe.unlink()
    except OSError as error:
        reason = error.strerror or error
        expected = "expected a folder that can be written to: choose another --out"
        raise ArgumentError(f"{out}: {reason}; {expected}") from None


class _Progress:
    """A line on the terminal that tells the last figures; nothing where there is no terminal."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.shown = sys.stderr.isatty()
        self.next_time = 0.0

    def __call__(self, history: History) -> None:
        row = history.rows[-1]
        now = time.monotonic()
        if self.shown and (now >= self.next_time or row["epoch"] == self.epochs):
            self.next_time = now + 0.05
            figures = [f"epoch {row['epoch']:>{len(str(self.epochs))}}/{self.epochs}"]
            figures.append(f"loss {row['loss']:.4g}")
            if "accuracy" in row:
                figures.append(f"accuracy {100 * row['accuracy']:.1f} %")
            typer.echo(f"\r{'   '.join(figures)}\x1b[K", nl=False, err=True)

    def end(self) -> None:
        if self.shown:
            typer.echo(err=True)


def _drawn(path: Path, draw: Callable[[Path], None]) -> list[str]:
    """The name of the picture, or nothing and a warning: training is not lost for a picture."""
    try:
        draw(path)
    except (MicrogradError, OSError) as error:
        _warn(f"{path.name} was not drawn: {_told(error)}")
        return []
    return [path.name]


def _told(error: Exception) -> str:
    """An error in one line; one from the system with its file first, as all others have it."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _warn(message: str) -> None:
    typer.echo(f"{PROGRAM}: warning: {message}", err=True)


def _complain(message: str, status: int) -> int:
    typer.echo(f"{PROGRAM}: {message}", err=True)
    return status
