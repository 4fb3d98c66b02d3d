"""One training on the command line: what it prints, what it writes, how it ends."""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from micrograd_gd._version import __version__
from micrograd_gd.cli import printing
from micrograd_gd.cli.experiment import Experiment, Settings
from micrograd_gd.cli.messages import PROGRAM, complain, describe_error, measure_width, say, warn
from micrograd_gd.cli.place import CHECKPOINT, TRAINING, keep_apart
from micrograd_gd.cli.plane import draw_plane
from micrograd_gd.data import Dataset
from micrograd_gd.data.decisions import Table
from micrograd_gd.errors import MicrogradError
from micrograd_gd.files import remove_leftovers
from micrograd_gd.pages.report import Background, write_report
from micrograd_gd.persist import save
from micrograd_gd.persist.checkpoints import Checkpoint
from micrograd_gd.training.history import History
from micrograd_gd.viz import graph, plot_decision_boundary, plot_history

Seconds = Annotated[float, typer.Option(help="Time between two checkpoints; 0: after every epoch.")]


def run(
    name: str,
    dataset: Dataset,
    settings: Settings,
    place: AbstractContextManager[Path],
    command: str,
    notes: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
    checkpoint_seconds: float = 5.0,
    table: Table | None = None,
) -> None:
    """Train, print, and write the results; exit with 1 or 130 where the training was cut short.

    `place` gives the folder, once all is known to be well. `command` trains the same again. With
    `notes`, the training leaves checkpoints there, which hold them. `state` is that of a checkpoint
    to go on from. `table` says what was done with the columns of the data.
    """
    experiment = Experiment(dataset, settings)
    checkpoint = Checkpoint(CHECKPOINT, seconds=checkpoint_seconds, notes=notes)
    with place as out:
        checkpoint.path = out / CHECKPOINT
        if table is not None:
            say_changes(table)
        say(*printing.describe_start(name, experiment))
        if state is not None:
            remove_leftovers(out)
            say(f"resumed   after epoch {len(state['rows']) - 1}")
        progress = _Progress(settings.epochs)
        keep = [] if notes is None else [checkpoint]
        history = experiment.run(*keep, progress, resume=state)
        progress.end()
        if history.status == "stopped":
            say("", history.message)
        story = _tell(name, settings, command, table)
        _write(experiment, history, out, story, is_resumed=state is not None)
        _conclude(history, settings, out if checkpoint.path.exists() else None)


def say_changes(table: Table) -> None:
    """Say what is left out of the data or changed, and what to know of it before training."""
    say(*printing.describe_changes(table.notes))
    for warning in table.warnings:
        warn(warning)


def _tell(name: str, settings: Settings, command: str, table: Table | None) -> Background:
    """What the report tells beside the training itself."""
    told = {
        "test fraction": f"{settings.test_fraction:g}",
        "seed": str(settings.seed),
        "version": f"{PROGRAM} {__version__}",
    }
    changes, warnings = (table.notes, table.warnings) if table is not None else ([], [])
    return Background(name, [*told.items()], changes, warnings, command)


def _write(
    experiment: Experiment, history: History, out: Path, story: Background, *, is_resumed: bool
) -> None:
    """Write what came out, and say so. A training that diverged has no model to show."""
    diverged = history.status == "diverged"
    place = keep_apart(out) if diverged and not is_resumed else out
    written = ["history.csv"]
    if not diverged:
        save(experiment.predictor, place / "model.json")
        written.insert(0, "model.json")
    history.to_csv(place / "history.csv")
    if history.rows:
        written += _draw(place / "loss.svg", lambda path: plot_history(history, path))
    if not diverged:
        written += _show(experiment, history, place, story)
    if history.status != "interrupted":  # only now that all the rest is there
        written[2:2] = _file_checkpoint(out, is_kept=not diverged)
    say("", f"wrote into {place}: {', '.join(written)}")


def _show(experiment: Experiment, history: History, place: Path, story: Background) -> list[str]:
    """Say how good the model is, and show it in files; their names."""
    evaluations, rows = experiment.evaluate(), experiment.dataset
    say(*printing.describe_result(experiment, evaluations))
    root, what = experiment.example()
    written = [f"{name} ({what})" for name in _draw(place / "graph.svg", graph(root).save)]
    if experiment.is_plane:
        say(*draw_plane(experiment))
        plot = partial(plot_decision_boundary, experiment.score, *rows)
        written += _draw(place / "boundary.svg", plot)
    if history.rows:
        report = partial(write_report, history, rows, evaluations, story)
        written += _draw(place / "report.html", lambda path: report().save(path))
    return written


def _file_checkpoint(out: Path, *, is_kept: bool) -> list[str]:
    """Keep the last checkpoint, to go on with for more epochs, or remove it; what was written."""
    if is_kept and (out / CHECKPOINT).exists():
        (out / CHECKPOINT).replace(out / TRAINING)
        return [TRAINING]
    (out / CHECKPOINT).unlink(missing_ok=True)
    return []


def _conclude(history: History, settings: Settings, resumable: Path | None) -> None:
    """Say what went wrong, if anything, and exit with the status for it."""
    if history.status == "diverged":
        rate = settings.learning_rate
        if not history.rows:
            remedy = "no step was taken yet: try another --activation, and look at the data"
            raise typer.Exit(complain(f"{history.message}; {remedy}", 1))
        remedy = f"try a smaller step, such as --learning-rate {rate / 10:g} instead of {rate:g}"
        raise typer.Exit(complain(f"{history.message}; {remedy}", 1))
    if history.status == "interrupted":
        kept = f"the model written is the best so far, of epoch {history.best_epoch}"
        way = f"; to go on: {PROGRAM} train --resume {resumable}" if resumable else ""
        sys.exit(complain(f"{history.message}; {kept}{way}", 130))
    losses = history.column("loss")
    if losses[-1] > losses[0]:
        warn("the loss ended above where it began; try a smaller --learning-rate")


class _Progress:
    """A line on the terminal with the last figures; nothing where there is no terminal."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.columns = measure_width(sys.stderr)
        self.next_time = 0.0
        self.begun: tuple[float, float] | None = None  # the first epoch that was seen, and when

    def __call__(self, history: History) -> None:
        row = history.rows[-1]
        now = time.monotonic()
        if self.columns and (now >= self.next_time or row["epoch"] == self.epochs):
            self.next_time = now + 0.05
            figures = [f"epoch {row['epoch']:>{len(str(self.epochs))}}/{self.epochs}"]
            figures.append(f"loss {row['loss']:.4g}")
            if "accuracy" in row:
                figures.append(f"accuracy {100 * row['accuracy']:.1f} %")
            figures += self._estimate(row["epoch"], now)
            line = "   ".join(figures)[: self.columns - 1]
            typer.echo(f"\r{line}\x1b[K", nl=False, err=True)

    def _estimate(self, epoch: float, now: float) -> list[str]:
        """The time that is left, where it is known and worth to be said."""
        first, begun = self.begun = self.begun or (epoch, now)
        if epoch == first:
            return []
        left = (now - begun) / (epoch - first) * (self.epochs - epoch)
        minutes, seconds = divmod(round(left), 60)
        return [f"{minutes}:{seconds:02} left"] if left >= 1 else []

    def end(self) -> None:
        if self.columns:
            typer.echo(err=True)


def _draw(path: Path, draw: Callable[[Path], None]) -> list[str]:
    """The name of the picture, or nothing and a warning: training is not lost for a picture."""
    try:
        draw(path)
    except (MicrogradError, OSError) as error:
        warn(f"{path.name} was not drawn: {describe_error(error)}")
        return []
    return [path.name]
