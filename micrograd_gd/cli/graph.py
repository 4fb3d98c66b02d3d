"""`graph`: a formula, or a trained model, computed, backpropagated and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micrograd_gd.cli.point import At, columns, computed, point
from micrograd_gd.engine import Value
from micrograd_gd.persist import load_model
from micrograd_gd.viz import graph as draw

if TYPE_CHECKING:
    from collections.abc import Iterable


def graph(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FORMULA|MODEL",
            help="Such as 'tanh(a*b)', after -- if it begins with a minus; or model.json.",
        ),
    ],
    at: At = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Picture: .svg, .png or .pdf; or .dot.")
    ] = Path("graph.svg"),
    partials: Annotated[  # noqa: FBT002 — a flag
        bool, typer.Option("--partials", help="Write the local partial beside every arrow.")
    ] = False,
) -> None:
    """Draw the graph of a formula, or of a trained model."""
    is_model = what.endswith((".json", ".safetensors"))
    root, leaves = _answered(Path(what), at or ()) if is_model else computed(what, at or ())
    root.backward()
    draw(root, partials=partials).save(out)
    gradients = [(f"∂/∂{name}", f"{leaf.grad:.6g}") for name, leaf in leaves.items()]
    for line in columns([("value", f"{root.data:.6g}"), *gradients]):
        typer.echo(line)
    typer.echo(f"wrote {out}")


def _answered(path: Path, at: Iterable[str]) -> tuple[Value, dict[str, Value]]:
    """The largest output of a model, and its inputs: as given, else the mean of the training."""
    model = load_model(path)
    names = model.feature_names or tuple(f"x{i}" for i in range(1, model.inputs + 1))
    numbers = dict.fromkeys(names, 0.0)
    if model.scaling is not None:
        numbers = dict(zip(names, model.scaling.mean, strict=True))
    numbers |= point(at, names)
    row = [numbers[name] for name in names]
    (scaled,) = [row] if model.scaling is None else model.scaling([row])
    leaves = {name: Value(x, name) for name, x in zip(names, scaled, strict=True)}
    outputs = model.network([*leaves.values()])
    return (max(outputs) if isinstance(outputs, list) else outputs), leaves
