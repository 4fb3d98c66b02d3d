"""The report of a training: how it went and how good it is, with the network to play on with."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from micrograd_gd.data import Dataset
from micrograd_gd.errors import MicrogradError
from micrograd_gd.nn import Module
from micrograd_gd.pages.frame import Page, Part, write_page
from micrograd_gd.pages.network import require_training, show_training
from micrograd_gd.text import plain
from micrograd_gd.training.diagnosis import diagnose
from micrograd_gd.training.evaluation import (
    SHOWN,
    Classification,
    Evaluation,
    Regression,
    evaluate_training,
    percent,
)
from micrograd_gd.training.history import History
from micrograd_gd.viz import architecture

LABEL, TEXT = 40, 300  # characters of a name, and of a sentence
ROWS = 400  # points of a curve, and of a picture of answers
LARGEST = 15  # classes whose answers stand in a table, each beside each
EFFORT = 20_000  # rows times parameters that the diagnosis looks at, in a tenth of a second
FEWEST = 10  # rows that say something of all

Facts = Sequence[tuple[str, str]]

_PLAY = """
<h2>The network, to play on with</h2>
<p>It is as it was trained, with the data that it saw.{} Press play, and it goes on learning, by
plain gradient descent. Change anything while it runs.</p>
"""
_NO_PLAY = """
<h2>The network</h2>
<p>It cannot be played on with here: {}.</p>
"""


@dataclass(frozen=True)
class Background:
    """What a history does not know: where the data are from, and how to train again.

    `settings` are pairs of a name and a text, `changes` says what was done with which column,
    `warnings` what to know of the data, and `command` is what repeats it all.
    """

    name: str = ""
    settings: Facts = ()
    changes: Facts = ()
    warnings: Sequence[str] = ()
    command: str = ""


def write_report(
    history: History,
    names: Dataset | None = None,
    evaluations: Mapping[str, Evaluation] | None = None,
    background: Background | None = None,
) -> Page:
    """The report of a training, as a page.

    `names` has the names of features and classes. Where no `evaluations` are given, they are made
    of the training's own samples, in the units of these.

    Raises ArgumentError for a history without its training.

    >>> from micrograd_gd import MLP, fit
    >>> history = fit(MLP(1, 1, seed=0), [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], epochs=5)
    >>> write_report(history)  # doctest: +ELLIPSIS
    Page(... characters of HTML; save(path) writes it)
    """
    training = require_training(history)
    background = background or Background()
    if evaluations is None:
        evaluations = evaluate_training(training, getattr(names, "class_names", None))
    held_out = "validation" if "validation" in evaluations else "test"
    parts = [_describe(name, each) for name, each in evaluations.items()]
    findings, unchecked = _diagnose(history)
    report = Part(
        "report",
        {
            "lead": _summarize(evaluations) or f"The training has {history.message}.",
            "parts": parts,
            "curve": _describe_curve(history),
            "held_out": held_out,
            "findings": findings,
            "unchecked": unchecked,
            "facts": _describe_data(history, names, background.name, held_out),
            "changes": _shorten(background.changes),
            "warnings": [plain(warning, TEXT) for warning in background.warnings],
            "settings": _shorten([*_describe_training(history), *background.settings]),
            "command": plain(background.command, 10 * TEXT),
        },
    )  # fmt: skip
    title = ": ".join(filter(None, ["Report of a training", plain(background.name, LABEL)]))
    pieces = [
        f"<h1>{html.escape(title)}</h1>",
        report,
        *_offer_play(history, names, background, held_out),
    ]
    return write_page(title, pieces, lambda: architecture(training.model).svg())


def _offer_play(
    history: History, names: Dataset | None, background: Background, held_out: str
) -> list[str | Part]:
    """The network to play on with, or the reason why it is not there."""
    try:
        name = plain(background.name, LABEL) or "your data"
        part = show_training(history, names, name=name, held_out=held_out)
    except MicrogradError as error:
        return [_NO_PLAY.format(html.escape(plain(error, TEXT)))]
    train = part.data["sets"][0]["train"]["targets"]
    total = len(history.training.samples.targets)
    few = (
        f" Here it learns from {len(train):,} of the {total:,} rows." if len(train) < total else ""
    )
    return [_PLAY.format(few), part]


def _summarize(evaluations: Mapping[str, Evaluation]) -> str:
    """The most that can be said in a few sentences."""
    if not evaluations:
        return ""
    evaluation = evaluations.get("test", evaluations["train"])
    rows = f"{len(evaluation):,} {'test' if 'test' in evaluations else 'training'} rows"
    if isinstance(evaluation, Classification):
        usual = plain(evaluation.class_names[evaluation.usual], LABEL)
        said = (
            f"Of the answers to the {rows}, {percent(evaluation.accuracy)} are right. The answer "
            f"{usual!r} to all of them would be right in {percent(evaluation.baseline)}."
        )
        is_better = evaluation.accuracy > evaluation.baseline
    else:
        said = (
            f"The answers to the {rows} are off by {evaluation.rmse:.4g}, as root mean square. The "
            f"answer {evaluation.usual:.4g} to all of them would be off by "
            f"{evaluation.baseline:.4g}."
        )
        is_better = evaluation.rmse < evaluation.baseline
    if not is_better:
        said += " So the network does no better than that."
    if "test" not in evaluations:
        said += " No rows were kept to test it, so how it does on new ones is not known."
    return said


def _describe(name: str, evaluation: Evaluation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": name,
        "figures": [("rows", f"{len(evaluation):,}"), *evaluation.figures().items()],
    }
    if isinstance(evaluation, Regression):
        return {**told, "numbers": _describe_numbers(evaluation)}
    names = [plain(each, LABEL) for each in evaluation.class_names]
    return {
        **told,
        "classes": names,
        "counts": evaluation.counts if len(names) <= LARGEST else None,
        "rows": [
            [name, f"{count:,}", *map(percent, shares)]
            for name, count, *shares in zip(
                names, evaluation.supports, evaluation.precisions, evaluation.recalls,
                evaluation.f1_scores, strict=True,
            )
        ],
        "mistakes": [
            f"{names[i]} for {names[j]} ({n:,})" for i, j, n in evaluation.mistakes[:SHOWN]
        ],
    }  # fmt: skip


def _describe_numbers(evaluation: Regression) -> dict[str, Any]:
    residuals = evaluation.residuals
    rows = [*zip(evaluation.truth, evaluation.answers, residuals, strict=True)]
    some = range(0, len(evaluation), -(-len(evaluation) // ROWS))
    drawn = [i for i in some if isfinite(residuals[i])]
    return {
        "truth": [evaluation.truth[i] for i in drawn],
        "answers": [evaluation.answers[i] for i in drawn],
        "total": len(evaluation),
        "largest": [[*map(_write_number, rows[i])] for i in evaluation.largest[:SHOWN]],
        "quartiles": [*map(_write_number, evaluation.quartiles)],
    }


def _write_number(x: float) -> str:
    return f"{x:.5g}".replace("-", "−")  # as the page writes it


def _describe_curve(history: History) -> dict[str, list[float]]:
    """The columns of the history, of so many rows as a picture can show."""
    rows = history.rows[:: -(-len(history) // ROWS)]
    if rows[-1] is not history.rows[-1]:
        rows.append(history.rows[-1])
    return {name: [row[name] for row in rows] for name in rows[0]}


def _shorten(facts: Facts) -> Facts:
    return [(plain(name, LABEL), plain(text, TEXT)) for name, text in facts]


def _describe_data(history: History, names: Dataset | None, name: str, held_out: str) -> Facts:
    training = history.training
    counts = f"{len(training.samples.targets):,} to learn from"
    if training.held_out is not None:
        counts += f", {len(training.held_out.targets):,} for {held_out}"
    told = [("data", name)] if name else []
    told.append(("rows", counts))
    if names is not None:
        told += [("inputs", ", ".join(names.feature_names)), ("target", names.target_name)]
    return _shorten(told)


def _describe_training(history: History) -> list[tuple[str, str]]:
    training = history.training
    epochs, size = history.rows[-1]["epoch"], training.batch_size
    return [
        ("model", repr(training.model)),
        ("loss", getattr(training.loss, "__name__", repr(training.loss))),
        ("optimizer", repr(training.optimizer)),
        ("batches", "all rows" if size is None else f"{size} rows"),
        ("epochs", f"{epochs}: {history.message}"),
    ]


def _diagnose(history: History) -> tuple[list[dict[str, str]], Sequence[str]]:
    """What kept the loss up, as far as it is seen on some rows."""
    training = history.training
    if not isinstance(training.model, Module):
        return [], ["the model, which is no Module"]
    most = EFFORT // len(training.model.parameters())
    some = [x[:most] for x in (training.samples.inputs, training.samples.targets)]
    found = diagnose(training.model, history, *(some if most >= FEWEST else ()))
    findings = [
        {"name": each.name, "evidence": plain(each.evidence, TEXT), "remedy": each.remedy}
        for each in found.findings
    ]
    return findings, found.unchecked
