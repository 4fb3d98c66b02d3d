"""A network that learns while one watches: what Python gathers for it."""

import math
from collections.abc import Sequence
from typing import Any

from micrograd_gd.data import Dataset, train_test_split
from micrograd_gd.errors import ArgumentError
from micrograd_gd.losses import LOSSES
from micrograd_gd.nn import MLP, Module, activation_name
from micrograd_gd.pages.frame import Part
from micrograd_gd.table.numbers import number, shorten
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.text import plain
from micrograd_gd.training.findings import WORDS
from micrograd_gd.training.history import History

LARGEST = 20_000  # parameters, and numbers of the data, that a page goes through in time
MOST = 5_000  # numbers of the data of a training, of which there are two parts beside each other
FEWEST = 200  # rows of a wide table, as far as that is not more than the largest
LABEL, TEXT = 40, 300  # characters of a name, and of a sentence


def show_network(
    model: Module,
    data: Dataset | tuple[Sequence[Any], Sequence[Any]],
    validation: Any = None,
    *,
    loss: str | None = None,
    learning_rate: float = 0.1,
    batch_size: int | None = None,
    curve: Sequence[tuple[float, float, float | None]] = (),
    names: Dataset | None = None,
    name: str = "your data",
    held_out: str = "test",
    remarks: Sequence[tuple[str, str]] = (),
) -> Part:
    """A network with the data that it learns, as a part of a page.

    `curve` has epoch, loss and validation loss of what it has learned already. `names` has the
    names of features and classes, where the data are no `Dataset`. `held_out` says what the rows of
    `validation` are for, `remarks` are pairs of a name and
    what to know of it.

    Raises ArgumentError for a model that is no MLP with activations of the table, for data that do
    not fit it, and for more of either than a page can go through.
    """
    if not isinstance(model, MLP):
        raise ArgumentError(f"{shorten(model)} cannot be shown as it learns; expected an MLP")
    activations = _read_activations(model)
    widths = [len(model.layers[0].neurons[0].w), *[len(layer.neurons) for layer in model.layers]]
    names = data if isinstance(data, Dataset) else names
    loss = _choose_loss(loss, names, widths[-1])
    shown = {
        "name": plain(name, LABEL),
        "remarks": [(plain(name, LABEL), plain(text, TEXT)) for name, text in remarks],
        "features": [
            plain(each, LABEL)
            for each in (names.feature_names if names else [f"x{i + 1}" for i in range(widths[0])])
        ],
        "classes": [plain(each, LABEL) for each in names.class_names]
        if names and names.class_names
        else None,
        "target": plain(names.target_name, LABEL) if names else "target",
        "loss": loss,
        "outputs": widths[-1],
        "held_out": held_out,
        "train": _read_samples("data", data, widths, loss),
        "test": None
        if validation is None
        else _read_samples("validation", validation, widths, loss),
    }
    return Part(
        "network",
        {
            "widths": widths,
            "activations": activations,
            "parameters": [parameter.data for parameter in model.parameters()],
            "sets": [shown],
            "rate": number(learning_rate, "learning_rate"),
            "batch": batch_size or "all",
            "curve": [{"epoch": e, "train": x, "test": y} for e, x, y in curve],
            "words": WORDS,
        },
        uses=("graph",),
    )


def show_training(
    history: History,
    names: Dataset | None = None,
    *,
    name: str = "your data",
    held_out: str = "test",
) -> Part:
    """The network of a training, with what it has learned, as a part of a page.

    Of many rows it has some.

    Raises ArgumentError for a history without its training, and what `show_network` raises.
    """
    training = require_training(history)
    rate = training.optimizer.learning_rate
    validation = training.held_out
    return show_network(
        training.model,
        _thin(training.samples),
        None if validation is None else _thin(validation),
        loss=next((name for name, each in LOSSES.items() if each is training.loss), ""),
        learning_rate=0.1 if callable(rate) else rate,
        batch_size=training.batch_size,
        curve=[(row["epoch"], row["loss"], row.get("validation_loss")) for row in history],
        names=names,
        name=name,
        held_out=held_out,
    )


def thin(dataset: Dataset, seed: int) -> Dataset:
    """As many rows as a page can go through in time, drawn at random.

    Each class keeps its share, and one row at least.

    >>> from micrograd_gd.data import moons
    >>> thin(moons(9000, seed=0), seed=0)
    Dataset(2500 rows, features: x1, x2; target class: 1250 upper, 1250 lower)
    """
    width = len(dataset.feature_names)
    share = max(MOST // width, min(FEWEST, LARGEST // width), 1) / len(dataset)
    return dataset if share >= 1 else train_test_split(dataset, 1 - share, seed)[0]


def require_training(history: History) -> Any:
    """The training of a history; ArgumentError where it has none, no row, or no samples at hand."""
    if history.training is None or not history.rows:
        raise ArgumentError(
            "the history has no training beside it, as after a copy; expected what fit returned, "
            "or a model with its data: live(model, data=(inputs, targets))"
        )
    if not hasattr(history.training.samples, "inputs"):
        raise ArgumentError(
            "a training over chunks has no samples in memory to show; expected a model with some "
            "of them: live(model, data=(inputs, targets))"
        )
    return history.training


def _thin(samples: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    """As many samples as a page can go through in time, from all places alike."""
    width = len(samples.inputs[0]) if hasattr(samples.inputs[0], "__len__") else 1
    step = -(-len(samples.inputs) * width // MOST)
    return samples.inputs[::step], samples.targets[::step]


def _read_activations(model: MLP) -> list[str]:
    """The activation of each layer, by its name in the table."""
    activations = [layer.neurons[0].activation for layer in model.layers]
    for activation in activations:
        row = OPERATIONS.get(activation) if isinstance(activation, str) else None
        is_text = row is not None and all(isinstance(x, str) for x in (row.value, *row.partials))
        if activation != "linear" and not is_text:
            raise ArgumentError(
                f"a page has no {activation_name(activation)}; expected an activation of the table"
            )
    size = len(model.parameters())
    if size > LARGEST:
        raise ArgumentError(
            f"{model!r} has {size:,} parameters; a page goes through {LARGEST:,}: take "
            f"fewer inputs, or fewer or smaller layers"
        )
    return [activation_name(activation) for activation in activations]


def _choose_loss(loss: str | None, data: Dataset | None, outputs: int) -> str:
    if loss is None:
        has_classes = data is not None and data.class_names is not None
        loss = (
            "mse" if not has_classes else "cross_entropy" if outputs > 1 else "binary_cross_entropy"
        )
    if loss not in LOSSES:
        raise ArgumentError(f"a page has no such loss; expected one of {', '.join(LOSSES)}")
    return loss


def _read_samples(part: str, data: Any, widths: list[int], loss: str) -> dict[str, Any]:
    inputs, targets = data
    rows = [[number(x, f"an input of the {part}") for x in row] for row in inputs]
    if {*map(len, rows)} != {widths[0]} or len(rows) != len(targets):
        raise ArgumentError(
            f"the {part} has {len(rows)} rows of width {shorten({*map(len, rows)})} and "
            f"{len(targets)} targets; expected a target for each row, and rows of width {widths[0]}"
        )
    if len(rows) * widths[0] > LARGEST:
        raise ArgumentError(f"{len(rows)} rows are too many for a page; take some of them")
    width = 1 if loss not in {"mse", "mae", "huber"} else widths[-1]
    aims = [
        [number(x, f"a target of the {part}") for x in (t if hasattr(t, "__len__") else [t])]
        for t in targets
    ]
    if {*map(len, aims)} != {width} or not all(_suits(loss, t, widths[-1]) for (t, *_) in aims):
        raise ArgumentError(f"the targets of the {part} do not suit the loss {loss}")
    if not all(map(math.isfinite, [x for row in [*rows, *aims] for x in row])):
        raise ArgumentError(f"a number of the {part} is not finite; expected finite numbers")
    return {"inputs": rows, "targets": aims}


def _suits(loss: str, target: float, outputs: int) -> bool:
    match loss:
        case "cross_entropy":
            return outputs > 1 and target in range(outputs)
        case "binary_cross_entropy":
            return outputs == 1 and 0 <= target <= 1
        case "hinge":
            return outputs == 1 and target * target == 1
        case _:
            return True
