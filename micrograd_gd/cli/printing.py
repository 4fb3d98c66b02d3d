"""What the command line prints: trainings and operations as aligned lines of text."""

import sys
from collections.abc import Mapping, Sequence

from micrograd_gd.cli.experiment import Experiment
from micrograd_gd.cli.messages import measure_width
from micrograd_gd.table.ops import OPERATIONS, Operation
from micrograd_gd.text import escape
from micrograd_gd.training.evaluation import Evaluation


def describe_start(name: str, experiment: Experiment) -> list[str]:
    """What a training starts from."""
    dataset, settings = experiment.dataset, experiment.settings
    batches = describe_batches(settings.batch_size, len(experiment.train))
    patience, decay = settings.early_stopping, settings.weight_decay
    training = [
        f"up to {settings.epochs} epochs" if patience else f"{settings.epochs} epochs",
        *[f"early stopping after {patience}"] * bool(patience),
        settings.optimizer.replace("_", " "),
        f"learning rate {settings.learning_rate:g}",
        *[f"weight decay {decay:g}"] * bool(decay),
        batches,
        f"seed {settings.seed}",
    ]
    rows = [
        ("data", f"{name}: {repr(dataset).removeprefix('Dataset(').removesuffix(')')}"),
        ("model", f"{experiment.predictor.network!r}, {experiment.loss}"),
        ("training", ", ".join(training)),
    ]
    return align(rows)


def describe_changes(notes: Sequence[tuple[str, str]]) -> list[str]:
    """What is left out of the data or changed, a line for each column."""
    return [*align([("column", "what is done"), *notes]), ""] if notes else []


def describe_batches(size: int, rows: int) -> str:
    """How many of the rows a step takes.

    >>> describe_batches(16, 150), describe_batches(16, 16)
    ('batches of 16', 'full batch')
    """
    return f"batches of {size}" if size < rows else "full batch"


def round_down(x: float) -> str:
    """A number above 0 in two digits, and not above itself.

    >>> round_down(0.5799), round_down(1.0)
    ('0.57', '1')
    """
    rounded = float(f"{x:.2g}")
    return f"{rounded if rounded <= x else float(f'{x * 0.99:.2g}'):.2g}"


def describe_result(experiment: Experiment, evaluations: Mapping[str, Evaluation]) -> list[str]:
    """The final figures, a column for each part of the data, and details of the last part."""
    figures = {
        name: {
            "rows": str(len(part)),
            "loss": f"{experiment.measure(part):.4g}",
            **evaluations[name].figures(),
        }
        for name, part in experiment.parts.items()
    }
    rows = [
        ("", *figures),
        *((name, *(f[name] for f in figures.values())) for name in figures["train"]),
    ]
    columns = [name.ljust(18) + "".join(x.rjust(12) for x in row) for name, *row in rows]
    name, evaluation = [*evaluations.items()][-1]
    room = measure_width(sys.stdout) or 100
    return ["", *columns, "", f"of the {name} rows", *evaluation.lines(room)]


def list_operations() -> list[str]:
    """Every operation with its derivatives and what it is."""
    rows = [
        (repr(row), shorten(" | ".join(map(_formula, row.partials)), 44), row.doc)
        for row in OPERATIONS.values()
    ]
    return align([("operation", "derivative for each operand", "what it is"), *rows])


def describe_operation(row: Operation) -> list[str]:
    """Every column of a row of the table that is not empty."""
    lines = [
        ("operation", repr(row)),
        ("what it is", row.doc),
        ("value", _formula(row.value)),
        *((f"d/d{x}", _formula(p)) for x, p in zip(row.operands, row.partials, strict=True)),
        ("written", row.infix),
        ("LaTeX", row.latex),
        ("smooth where", row.domain or "everywhere"),
        ("except where", " or ".join(f"{kink} = 0" for kink in row.kinks)),
        ("slope there", row.convention),
        ("properties", ", ".join(sorted(row.properties))),
        ("also called", ", ".join(row.aliases)),
    ]
    return align([(name, text) for name, text in lines if text])


def _formula(formula: object) -> str:
    return formula if isinstance(formula, str) else "Python code"


def align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines, each column but the last as wide as its widest cell."""
    rows = [tuple(map(escape, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return [
        "  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    ]


def shorten(text: str, width: int) -> str:
    """A text, cut where it is wider than that."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
