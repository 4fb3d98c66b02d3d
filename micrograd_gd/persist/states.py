"""Parameters of any module, optimizers and whole trainings as documents."""

from typing import Any

from micrograd_gd.nn import Module
from micrograd_gd.optim import Optimizer
from micrograd_gd.persist.document import (
    Array,
    Document,
    MisfitError,
    read_count,
    read_list,
    read_number,
    read_object,
    read_text,
    read_texts,
)
from micrograd_gd.training.fit import Training


def describe_module(module: Module) -> Document:
    """The parameters of a module by name; how it computes stays in its code."""
    state = module.state_dict()
    return Document("parameters", {"names": [*state]}, {"parameters": Array.of([*state.values()])})


def fill_module(document: Document, module: Module) -> None:
    """Give a module the parameters of a document."""
    document.check(("names",), ("parameters",))
    names = read_texts("names", document.head["names"])
    own = dict(module.named_parameters())
    if names != [*own]:
        raise MisfitError(f"parameters of another module; expected those of {module!r}")
    numbers = document.array("parameters", (len(names),))
    for parameter, x in zip(own.values(), numbers, strict=True):
        parameter.data = x


def describe_optimizer(optimizer: Optimizer) -> Document:
    """The state of an optimizer: its steps, and what it remembers of each parameter."""
    state = optimizer.state_dict()
    head = {"class": type(optimizer).__name__, "steps": state.pop("steps")}
    return Document("optimizer", head, {name: Array.of(column) for name, column in state.items()})


def fill_optimizer(document: Document, optimizer: Optimizer) -> None:
    """Let an optimizer go on from the state of a document."""
    name, own = read_text("class", document.head.get("class")), type(optimizer).__name__
    if name != own:
        raise MisfitError(f"the state of {name}; expected that of {own}")
    document.check(("class", "steps"), optimizer.remembers)
    shape = (len(optimizer.parameters),)
    columns = {each: document.array(each, shape) for each in optimizer.remembers}
    optimizer.load_state_dict({"steps": read_count("steps", document.head["steps"]), **columns})


def describe_training(training: Training) -> Document:
    """A training as a document, as of the last row of its history."""
    state = training.state_dict()
    rows, optimizer = state["rows"], state["optimizer"]
    figures = [name for name in rows[0] if name != "epoch"]
    head = {
        "about": state["about"],
        "figures": figures,
        "kept": {name: epoch for name, (epoch, _) in state["kept"].items()},
        "learning_rate": state["learning_rate"],
        "steps": optimizer.pop("steps"),
        "order": state["order"],
    }
    arrays = {
        "parameters": Array.of(state["parameters"]),
        "best": Array.of(state["best"]),
        **{f"kept.{name}": Array.of(numbers) for name, (_, numbers) in state["kept"].items()},
        **{f"history.{name}": Array.of([row[name] for row in rows]) for name in figures},
        **{f"optimizer.{name}": Array.of(column) for name, column in optimizer.items()},
    }
    return Document("training", head, arrays)


def make_state(document: Document) -> dict[str, Any]:
    """The state of a training, as `fit` takes it to resume."""
    head, arrays = document.head, document.arrays
    document.check(("about", "figures", "kept", "learning_rate", "steps", "order"), [*arrays])
    figures = read_texts("figures", head["figures"])
    if "loss" not in figures:
        raise MisfitError("a history without a loss; expected one")
    count = len(arrays["history.loss"].numbers) if "history.loss" in arrays else 0
    columns = [document.array(f"history.{name}", (count,)) for name in figures]
    size = len(arrays["parameters"].numbers) if "parameters" in arrays else 0
    remembered = [name for name in arrays if name.startswith("optimizer.")]
    kept = read_object("kept", head["kept"])
    known = {"parameters", "best", *remembered, *(f"history.{name}" for name in figures)}
    known |= {f"kept.{name}" for name in kept}
    if not known >= {*arrays}:
        raise MisfitError(f"unknown arrays {sorted({*arrays} - known)}; expected a training")
    rate = head["learning_rate"]
    return {
        "about": read_object("about", head["about"]),
        "rows": [
            {"epoch": i, **dict(zip(figures, row, strict=True))}
            for i, row in enumerate(zip(*columns, strict=True))
        ],
        "parameters": document.array("parameters", (size,)),
        "best": document.array("best", (size,)),
        "kept": {
            name: [read_count("kept", epoch), document.array(f"kept.{name}", (size,))]
            for name, epoch in kept.items()
        },
        "learning_rate": None if rate is None else read_number("learning_rate", rate),
        "optimizer": {
            "steps": read_count("steps", head["steps"]),
            **{n.removeprefix("optimizer."): document.array(n, (size,)) for n in remembered},
        },
        "order": _order(head["order"]),
    }


def _order(entry: Any) -> list[Any]:
    """The state of Python's random generator: a version, 625 words, and half a pair or none."""
    entry = read_list("order", entry)
    if len(entry) != 3:
        raise MisfitError(f"order has {len(entry)} parts; expected three")
    version, words, spare = entry
    words = [read_count("order", word) for word in read_list("order", words)]
    if len(words) != 625 or max(words) >= 2**32:
        raise MisfitError("order is no state of a random generator; expected 625 words of 32 bits")
    return [
        read_count("order", version),
        words,
        None if spare is None else read_number("order", spare),
    ]
