"""`graph`: a formula, or a trained model, computed, backpropagated and drawn."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from micrograd_gd.cli.messages import say
from micrograd_gd.cli.options import load_predictor
from micrograd_gd.cli.place import Force, default_file, option, require_new
from micrograd_gd.cli.point import At, Numbers, align_pairs, compute, point
from micrograd_gd.engine import Value
from micrograd_gd.pages import live
from micrograd_gd.text import escape
from micrograd_gd.viz import graph as draw


def graph(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FORMULA|MODEL",
            help="Such as 'tanh(a*b)'; or model.json.",
        ),
    ],
    numbers: Numbers = None,
    at: At = None,
    out: Annotated[
        Path | None,
        option(
            "Picture: .svg, .png or .pdf; or .dot; or .html, a page to step through.",
            "graph.svg",
            "--out",
            "-o",
        ),
    ] = None,
    force: Force = False,  # noqa: FBT002 — a flag
    partials: Annotated[  # noqa: FBT002 — a flag
        bool, typer.Option("--partials", help="Write the local partial beside every arrow.")
    ] = False,
) -> None:
    """Draw the graph of a formula, or of a trained model."""
    require_new(out, force=force)
    path = out or default_file("graph.svg", force=force)
    is_model = what.endswith((".json", ".safetensors"))
    at = [*(at or ()), *(numbers or ())]
    root, leaves = _answer(Path(what), at) if is_model else compute(what, at)
    root.backward()
    if path.suffix == ".html":
        live(root, path)
    else:
        draw(root, partials=partials).save(path)
    meaning = f" ({escape(root.label)})" if is_model else ""
    gradients = [(f"∂/∂{escape(name)}", f"{leaf.grad:.6g}") for name, leaf in leaves.items()]
    say(*align_pairs([("value", f"{root.data:.6g}{meaning}"), *gradients]), f"wrote {path}")


def _answer(path: Path, at: Iterable[str]) -> tuple[Value, dict[str, Value]]:
    """What a model answers, the largest score where it decides between classes; and its features.

    The features are as given, else the mean of the training. Scaling is a part of the graph.
    """
    model = load_predictor(path)
    names = model.feature_names or tuple(f"x{i}" for i in range(1, model.inputs + 1))
    numbers = dict.fromkeys(names, 0.0)
    if model.scaling is not None:
        numbers = dict(zip(names, model.scaling.mean, strict=True))
    numbers |= point(at, names)
    leaves = {name: Value(numbers[name], name) for name in names}
    row: Any = [*leaves.values()]
    (scaled,) = [row] if model.scaling is None else model.scaling([row])
    outputs: Any = model.network(scaled)
    scores = outputs if isinstance(outputs, list) else [outputs]
    if model.target_scaling is not None:
        (scores,) = model.target_scaling.invert([scores])
    place, root = max(enumerate(scores), key=lambda pair: pair[1].data)
    root.label = model.target_name
    if model.class_names is not None:  # a single score is of the second of two classes
        decided = place if len(scores) > 1 else 1
        root.label = f"score of {model.class_names[decided]}"
    return root, leaves
